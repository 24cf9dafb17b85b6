"""The parties' own sign-in servers (OpenID Connect), out of the file TOCSIN_OIDC_FILE names.

[[provider]]
id = "meadow-net"
name = "Meadow Net"
party = "meadow-net"
issuer = "https://login.meadow-net.example"
client_id = "tocsin"
secret_file = "meadow-net.secret"
vouches_for_second_factor = false
origins = ["https://accounts.meadow-net.example"]
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_TEXTS = ("id", "name", "party", "issuer", "client_id", "secret_file")
_OTHERS = ("vouches_for_second_factor", "origins")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Provider:
    """One party's sign-in server; it signs in people of this party alone.

    `vouches` means: whoever it signs in has shown a second factor there. `origins` are what a
    browser is led to on the way, besides the issuer.
    """

    id: str
    name: str
    party: str
    issuer: str
    client_id: str
    secret: str
    vouches: bool = False
    origins: tuple[str, ...] = ()

    def as_app(self) -> dict[str, Any]:
        """As allauth takes it; PKCE always (RFC 9700)."""
        return {
            "provider_id": self.id,
            "name": self.name,
            "client_id": self.client_id,
            "secret": self.secret,
            "settings": {"server_url": self.issuer, "oauth_pkce_enabled": True},
        }

    def form_origins(self) -> tuple[str, ...]:
        """Where the form that signs in may lead, for the content security policy."""
        return (_origin(self.issuer), *self.origins)


def read_providers(file: str) -> dict[str, Provider]:
    """By id, none without a file; raises `ImproperlyConfigured` for what cannot be used."""
    if not file:
        return {}
    path = Path(file)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8")).get("provider", [])
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        raise _unusable(f"{path} cannot be read: {fault}") from fault
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise _unusable("provider is no list of tables. Possible: [[provider]]")
    found = [_provider(table, path.parent) for table in tables]
    if len({one.id for one in found}) != len(found):
        raise _unusable("an id stands twice. Possible: an id of its own for each provider")
    return {one.id: one for one in found}


def _provider(table: Mapping[str, Any], folder: Path) -> Provider:
    unknown = sorted(set(table) - {*_TEXTS, *_OTHERS})
    missing = [name for name in _TEXTS if not isinstance(table.get(name), str) or not table[name]]
    vouches = table.get("vouches_for_second_factor", False)
    origins = table.get("origins", [])
    if unknown or missing:
        raise _unusable(
            f"unknown {', '.join(unknown) or 'none'}, missing {', '.join(missing) or 'none'}. "
            f"Possible: {', '.join((*_TEXTS, *_OTHERS))}"
        )
    if not _ID.fullmatch(table["id"]):
        raise _unusable(f"id {table['id']!r}: possible are 1 to 40 of a-z, 0-9 and -")
    if not isinstance(vouches, bool):
        raise _unusable(f"{table['id']}: vouches_for_second_factor is true or false")
    if not isinstance(origins, list) or not all(isinstance(one, str) for one in origins):
        raise _unusable(f"{table['id']}: origins is a list of addresses such as https://x.example")
    return Provider(
        id=table["id"],
        name=table["name"],
        party=table["party"],
        issuer=_address(table["issuer"], table["id"]).rstrip("/"),
        client_id=table["client_id"],
        secret=_secret(folder / table["secret_file"], table["id"]),
        vouches=vouches,
        origins=tuple(_origin(_address(one, table["id"])) for one in origins),
    )


def _address(text: str, name: str) -> str:
    """https, or http to this machine itself."""
    parts = urlsplit(text)
    is_plain = parts.scheme == "http" and parts.hostname in _LOOPBACK
    is_clean = parts.hostname and not parts.query and not parts.fragment and not parts.username
    if not (parts.scheme == "https" or is_plain) or not is_clean or re.search(r"[\s;,'\"]", text):
        raise _unusable(f"{name}: {text!r} is no address. Possible: https://login.example")
    return text


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _secret(path: Path, name: str) -> str:
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as fault:
        raise _unusable(f"{name}: {path} cannot be read ({type(fault).__name__})") from fault
    if not secret:
        raise _unusable(f"{name}: {path} is empty. Possible: the client secret, on one line")
    return secret


def _unusable(text: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"TOCSIN_OIDC_FILE: {text}")
