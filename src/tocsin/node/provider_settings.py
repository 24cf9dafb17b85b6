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
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_TEXTS = ("id", "name", "party", "issuer", "client_id", "secret_file")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class HasId(Protocol):
    """What a file of sign-in servers names."""

    @property
    def id(self) -> str:
        """Part of its addresses, never changed."""


Named = TypeVar("Named", bound=HasId)


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
        return (origin_of(self.issuer), *self.origins)


class Unusable(ValueError):
    """What a file of sign-in servers says and cannot mean."""


def read_providers(file: str) -> dict[str, Provider]:
    """By id, none without a file; raises `ImproperlyConfigured` for what cannot be used."""
    return read_file(file, setting="TOCSIN_OIDC_FILE", read=_provider)


def read_file(
    file: str, *, setting: str, read: Callable[[Mapping[str, Any], Path], Named]
) -> dict[str, Named]:
    """What the tables `[[provider]]` of a file name, by id; `read` makes one of each."""
    if not file:
        return {}
    try:
        return _read(Path(file), read)
    except Unusable as fault:
        raise ImproperlyConfigured(f"{setting}: {fault}") from fault


def _read(path: Path, read: Callable[[Mapping[str, Any], Path], Named]) -> dict[str, Named]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8")).get("provider", [])
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
        raise Unusable(f"{path} cannot be read: {fault}") from fault
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise Unusable("provider is no list of tables. Possible: [[provider]]")
    found = [read(table, path.parent) for table in tables]
    if len({one.id for one in found}) != len(found):
        raise Unusable("an id stands twice. Possible: an id of its own for each provider")
    return {one.id: one for one in found}


def _provider(table: Mapping[str, Any], folder: Path) -> Provider:
    check_words(table, texts=_TEXTS, flags=("vouches_for_second_factor",))
    return Provider(
        id=table["id"],
        name=table["name"],
        party=table["party"],
        issuer=address(table["issuer"], of=table["id"]).rstrip("/"),
        client_id=table["client_id"],
        secret=_secret(folder / table["secret_file"], table["id"]),
        vouches=table.get("vouches_for_second_factor", False),
        origins=origins_of(table),
    )


def check_words(
    table: Mapping[str, Any], *, texts: Collection[str], flags: Collection[str]
) -> None:
    """Raises `Unusable` unless there are all `texts`, and of the rest only what there can be."""
    possible = (*texts, *flags, "origins")
    unknown = sorted(set(table) - {*possible})
    missing = [name for name in texts if not isinstance(table.get(name), str) or not table[name]]
    if unknown or missing:
        raise Unusable(
            f"unknown {', '.join(unknown) or 'none'}, missing {', '.join(missing) or 'none'}. "
            f"Possible: {', '.join(possible)}"
        )
    if not _ID.fullmatch(table["id"]):
        raise Unusable(f"id {table['id']!r}: possible are 1 to 40 of a-z, 0-9 and -")
    for flag in flags:
        if not isinstance(table.get(flag, False), bool):
            raise Unusable(f"{table['id']}: {flag} is true or false")


def origins_of(table: Mapping[str, Any]) -> tuple[str, ...]:
    """Further addresses that a browser is led to."""
    origins = table.get("origins", [])
    if not isinstance(origins, list) or not all(isinstance(one, str) for one in origins):
        raise Unusable(f"{table['id']}: origins is a list of addresses such as https://x.example")
    return tuple(origin_of(address(one, of=table["id"])) for one in origins)


def address(text: str, *, of: str) -> str:
    """https, or http to this machine itself."""
    parts = urlsplit(text)
    is_plain = parts.scheme == "http" and parts.hostname in _LOOPBACK
    is_clean = parts.hostname and not parts.query and not parts.fragment and not parts.username
    if not (parts.scheme == "https" or is_plain) or not is_clean or re.search(r"[\s;,'\"]", text):
        raise Unusable(f"{of}: {text!r} is no address. Possible: https://login.example")
    return text


def origin_of(address: str) -> str:
    """Scheme, host and port of an address."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def read_beside(path: Path, *, of: str) -> str:
    """The text of a file that a table names."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as fault:
        raise Unusable(f"{of}: {path} cannot be read ({type(fault).__name__})") from fault


def _secret(path: Path, name: str) -> str:
    secret = read_beside(path, of=name)
    if not secret:
        raise Unusable(f"{name}: {path} is empty. Possible: the client secret, on one line")
    return secret
