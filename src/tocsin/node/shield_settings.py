"""The shield's settings: where its list goes out, and how often strangers may write.

TOCSIN_SHIELD_ZONE         name of the response policy zone, rpz.shield.example; without it the
                           list goes out over HTTPS alone, and its zone is called rpz.invalid
TOCSIN_SHIELD_ZONE_MEMBERS, TOCSIN_SHIELD_ZONE_PROVIDERS
                           the same for what only these audiences may know (rules/audiences.py)
TOCSIN_SHIELD_NAME_SERVER  name of the primary name server in the zone (default ns.<zone>)
TOCSIN_SHIELD_GARDEN       where people are led: a name, or addresses joined by commas; without it
                           the answer is that there is no such name
TOCSIN_SHIELD_KNOT_SOCKET  control socket of the Knot DNS that serves the zone
TOCSIN_SHIELD_LISTS        words in the addresses of the list, joined by commas: `public`, or one
                           that nobody guesses for each who may fetch it, for another audience as
                           `providers:word`; without it, only who has a token fetches any
TOCSIN_SHIELD_IMAP_…       the mailbox to which people forward messages: HOST, PORT, TLS, USER,
                           PASSWORD_FILE, TOKEN_FILE, FOLDER, DONE_FOLDER, CA_FILE as TOCSIN_IMAP_…
TOCSIN_SHIELD_MAILDIR      the same as a Maildir on this machine
TOCSIN_SHIELD_LETTERS      languages in which tesseract reads letters in pictures, eng+fra; off: not
                           at all (default eng)
TOCSIN_SHIELD_FETCHER      on: reviewers may have an address looked at by `tocsin shield fetch`
TOCSIN_SHIELD_FETCHER_PROXY, TOCSIN_SHIELD_FETCHER_ALLOW, TOCSIN_SHIELD_FETCHER_PORTS
                           the proxy it goes through, networks of your own that it may reach, ports
TOCSIN_SHIELD_RESOLVER     address (and @port) of a resolver that is asked where listed names lead,
                           for the notices to their networks; without it nothing is looked up
TOCSIN_SHIELD_RATE         reports, appeals and checks of one address in an hour (default 60)
"""

import os
import re
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from tocsin.channels import imap, outbound
from tocsin.channels.landing import PORTS, Fetcher
from tocsin.channels.name_server import Resolver, read_resolver
from tocsin.channels.public_addresses import read_networks
from tocsin.rules import audiences
from tocsin.rules.audiences import AUDIENCES
from tocsin.words.errors import Unusable

PUBLIC = audiences.PUBLIC.name
_NAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})+")
_KEY = re.compile(r"[A-Za-z0-9_-]{24,100}")
_UNNAMED = "rpz.invalid"
_ZONES = {
    audiences.MEMBERS.name: "TOCSIN_SHIELD_ZONE_MEMBERS",
    audiences.PROVIDERS.name: "TOCSIN_SHIELD_ZONE_PROVIDERS",
}


def read_shield() -> dict[str, Any]:
    """The settings, checked; raises `ImproperlyConfigured`, naming the one."""
    origin = _name("TOCSIN_SHIELD_ZONE") or _UNNAMED
    return {
        "zone": origin,
        "zones": _zones(origin),
        "name_server": _name("TOCSIN_SHIELD_NAME_SERVER") or f"ns.{origin}",
        "garden": _garden(),
        "socket": _socket(origin),
        "lists": _lists(),
        "rate": _rate(),
        "resolver": _resolver(),
        "imap": _imap(),
        "letters": _letters(),
        "fetcher": _fetcher(),
        "maildir": _folder("TOCSIN_SHIELD_MAILDIR"),
    }


def _name(setting: str) -> str:
    name = _word(setting).removesuffix(".").lower()
    if name and (not _NAME.fullmatch(name) or len(name) > 200):
        raise ImproperlyConfigured(f"{setting}={name!r} is no name. Possible: rpz.shield.example")
    return name


def _word(name: str) -> str:
    return os.environ.get(name, "").strip()


def _garden() -> tuple[str, ...]:
    """One name, or addresses; nothing where the answer is that there is no such name."""
    parts = tuple(p.strip() for p in _word("TOCSIN_SHIELD_GARDEN").split(",") if p.strip())
    try:
        return tuple(str(ip_address(part)) for part in parts)
    except ValueError:
        name = parts[0].removesuffix(".").lower()
    if len(parts) == 1 and _NAME.fullmatch(name):
        return (name,)
    raise ImproperlyConfigured(
        "TOCSIN_SHIELD_GARDEN: possible is one name, or addresses joined by commas"
    )


def _socket(origin: str) -> str:
    path = _word("TOCSIN_SHIELD_KNOT_SOCKET")
    if path and (not Path(path).is_absolute() or not _zones(origin)):
        raise ImproperlyConfigured(
            "TOCSIN_SHIELD_KNOT_SOCKET is an absolute path, and goes with TOCSIN_SHIELD_ZONE"
        )
    return path


def _zones(origin: str) -> dict[str, str]:
    """By audience, the zones that a name server serves."""
    named = {PUBLIC: "" if origin == _UNNAMED else origin}
    named |= {audience: _name(setting) for audience, setting in _ZONES.items()}
    zones = {audience: name for audience, name in named.items() if name}
    if len(set(zones.values())) < len(zones):
        raise ImproperlyConfigured("TOCSIN_SHIELD_ZONE_…: each audience has a zone of its own")
    return zones


def _lists() -> dict[str, str]:
    """Word to audience."""
    found: dict[str, str] = {}
    for text in (w.strip() for w in _word("TOCSIN_SHIELD_LISTS").split(",") if w.strip()):
        audience, _, word = text.rpartition(":")
        audience = audience or PUBLIC
        is_open = text == PUBLIC
        if audience not in AUDIENCES or not (is_open or _KEY.fullmatch(word)) or word in found:
            raise ImproperlyConfigured(
                "TOCSIN_SHIELD_LISTS: a word of it cannot be used. Possible: public, or 24 to 100 "
                "letters, digits, - and _ that nobody guesses, each once; for another audience "
                f"with its name before it ({', '.join(AUDIENCES)}), providers:…"
            )
        found[word] = audience
    return found


IMAP = {
    "host": "TOCSIN_SHIELD_IMAP_HOST",
    "port": "TOCSIN_SHIELD_IMAP_PORT",
    "tls": "TOCSIN_SHIELD_IMAP_TLS",
    "user": "TOCSIN_SHIELD_IMAP_USER",
    "password_file": "TOCSIN_SHIELD_IMAP_PASSWORD_FILE",
    "token_file": "TOCSIN_SHIELD_IMAP_TOKEN_FILE",
    "folder": "TOCSIN_SHIELD_IMAP_FOLDER",
    "done": "TOCSIN_SHIELD_IMAP_DONE_FOLDER",
    "ca_file": "TOCSIN_SHIELD_IMAP_CA_FILE",
}


def _imap() -> imap.Place | None:
    try:
        return imap.place_of({key: _word(name) for key, name in IMAP.items()})
    except Unusable as fault:
        raise ImproperlyConfigured(f"TOCSIN_SHIELD_IMAP_…: {fault}") from fault


def _letters() -> str:
    text = _word("TOCSIN_SHIELD_LETTERS") or "eng"
    if text == "off":
        return ""
    if not re.fullmatch(r"[a-z]{3}(_[a-z]{2,8})?(\+[a-z]{3}(_[a-z]{2,8})?){0,9}", text):
        raise ImproperlyConfigured(
            f"TOCSIN_SHIELD_LETTERS={text!r}: possible is eng, or deu+fra, or off"
        )
    return text


def _fetcher() -> Fetcher:
    said = _word("TOCSIN_SHIELD_FETCHER").lower() or "off"
    if said not in ("on", "off"):
        raise ImproperlyConfigured(f"TOCSIN_SHIELD_FETCHER={said!r}: possible is on or off")
    proxy, allow = _word("TOCSIN_SHIELD_FETCHER_PROXY"), _word("TOCSIN_SHIELD_FETCHER_ALLOW")
    ports = _word("TOCSIN_SHIELD_FETCHER_PORTS").replace(",", " ").split()
    try:
        read_networks(allow)
        outbound.read_url(proxy or "http://proxy.example:3128")
        numbers = tuple(int(port) for port in ports) or PORTS
    except (Unusable, ValueError) as fault:
        raise ImproperlyConfigured(f"TOCSIN_SHIELD_FETCHER_…: {fault}") from fault
    return Fetcher(said == "on", proxy, allow, numbers)


def _folder(name: str) -> Path | None:
    path = _word(name)
    if path and not Path(path).is_absolute():
        raise ImproperlyConfigured(f"{name}: possible is an absolute path")
    return Path(path) if path else None


def _resolver() -> Resolver | None:
    text = _word("TOCSIN_SHIELD_RESOLVER")
    try:
        return read_resolver(text) if text else None
    except Unusable as fault:
        raise ImproperlyConfigured(f"TOCSIN_SHIELD_RESOLVER: {fault}") from fault


def _rate() -> int:
    text = _word("TOCSIN_SHIELD_RATE") or "60"
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 1_000_000:
        return int(text)
    raise ImproperlyConfigured(f"TOCSIN_SHIELD_RATE={text!r}: possible is 1 to 1000000")
