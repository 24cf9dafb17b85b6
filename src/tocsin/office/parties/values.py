"""One value of parties.toml each: checked, and brought to its one spelling.

Every function takes what TOML gave and returns the value, or raises `Unusable` with the
rule and what is possible; `reading` says which party and which key it stood at.
"""

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, TypeVar

from tocsin.words.classes import SPELLINGS, TYPES
from tocsin.words.countries import CODES
from tocsin.words.errors import Unusable

Word = TypeVar("Word", bound=StrEnum)

CONTACT_KINDS = ("email", "openpgp", "phone", "web")
LAST_ASN = 4294967294  # 0 and 4294967295 are never an AS (RFC 7607, RFC 7300)

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,59}")
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_PURPOSE = re.compile(r"[a-z][a-z-]{0,39}")
_SOURCE = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_CONTACT = {
    "email": (re.compile(r"[^@\s]{1,64}@[^@\s]{1,253}"), "somebody@host.example"),
    "openpgp": (re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}"), "a fingerprint, in capitals"),
    "phone": (re.compile(r"\+[0-9][0-9 ()./-]{2,30}"), "a number that begins with + and country"),
    "web": (re.compile(r"https://\S{1,300}"), "an address that begins with https://"),
}


def text(value: Any, *, longest: int = 200) -> str:
    """One line of text."""
    if not isinstance(value, str) or not value.strip():
        raise Unusable(f"{value!r} is no text")
    if len(value) > longest or not value.isprintable():
        raise Unusable(f"{value[:40]!r} must be one line of at most {longest} characters")
    return value.strip()


def truth(value: Any) -> bool:
    """`true` or `false`."""
    if not isinstance(value, bool):
        raise Unusable(f"{value!r} is neither true nor false")
    return value


def day(value: Any) -> date:
    """A date, bare: `2026-01-01`."""
    if not isinstance(value, date) or isinstance(value, datetime):
        raise Unusable(f"{value!r} is no date. Possible: 2026-01-01, without quotes")
    return value


def name_id(value: Any) -> str:
    """The short name of a party; also the name of its folder."""
    return _match(_ID, value, "1 to 60 of a-z, 0-9 and -, not beginning with -")


def language(value: Any) -> str:
    """A language tag such as `en` or `pt-BR` (BCP 47)."""
    return _match(_LANGUAGE, value, "a tag such as en or nl-BE")


def purpose(value: Any) -> str:
    """What a contact is for, one word."""
    return _match(_PURPOSE, value, "one word in lower case, such as abuse or security")


def source(value: Any) -> str:
    """Where a party is known from, one word."""
    return _match(_SOURCE, value, "one word, such as manual, ripe or rdap")


def country(value: Any) -> str:
    """A country in capitals (ISO 3166-1 alpha-2)."""
    if not isinstance(value, str) or value not in CODES:
        raise Unusable(f"{value!r} is no country. Possible: ISO 3166-1 alpha-2, such as BE")
    return value


def word(kind: type[Word]) -> Callable[[Any], Word]:
    """One of our own words: a role, a relation."""

    def check(value: Any) -> Word:
        try:
            return kind(value)
        except ValueError:
            raise Unusable(_unknown(value, [member.value for member in kind])) from None

    return check


def one_of(names: Iterable[str]) -> Callable[[Any], str]:
    """One of the names of a catalogue."""
    known = sorted(names)

    def check(value: Any) -> str:
        if value not in known:
            raise Unusable(_unknown(value, known))
        return str(value)

    return check


def asn(value: Any) -> str:
    """An AS number, as TOML number."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= LAST_ASN:
        raise Unusable(f"{value!r} is no AS number. Possible: 1 to {LAST_ASN}, without AS")
    return str(value)


def prefix(value: Any) -> str:
    """A CIDR without host bits, one address, or a range `first-last`, which stays a range."""
    plain = text(value, longest=100).replace(" ", "")
    if "%" in plain:
        raise Unusable(f"{value!r} has a zone; addresses of a party have none")
    return _range(plain) if "-" in plain else _network(plain)


def bounds(prefix: str) -> tuple[int, int, int]:
    """Version, first and last address of what `prefix` returned."""
    if "-" in prefix:
        first, last = (ip_address(end) for end in prefix.split("-"))
        return first.version, int(first), int(last)
    network = ip_network(prefix)
    return network.version, int(network[0]), int(network[-1])


def domain(value: Any) -> str:
    """A domain name of two labels or more, as it stands in the DNS (A-labels)."""
    name = _hostname(value)
    if "." not in name:
        raise Unusable(f"{value!r} is one label. Possible: name.example, or tld = [...]")
    return name


def tld(value: Any) -> str:
    """A top-level domain without dot."""
    name = _hostname(value)
    if "." in name:
        raise Unusable(f"{value!r} has a dot. Possible: one label such as eu, or domain = [...]")
    return name


def event_class(value: Any) -> str:
    """A type of the taxonomy, or `*` for all."""
    kind = SPELLINGS.get(value, value) if isinstance(value, str) else ""
    if kind != "*" and kind not in TYPES:
        raise Unusable(_unknown(value, ["*", *sorted(TYPES)]))
    return kind


def contact(kind: str, value: Any) -> str:
    """A mailbox, a telephone number or a web address."""
    pattern, possible = _CONTACT[kind]
    return _match(pattern, value, possible)


def _match(pattern: re.Pattern[str], value: Any, possible: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise Unusable(f"{value!r} does not fit. Possible: {possible}")
    return value


def _unknown(value: Any, known: list[str]) -> str:
    return f"{value!r} is unknown. Possible: {', '.join(known)}"


def _hostname(value: Any) -> str:
    name = text(value, longest=253).lower().removesuffix(".")
    if not name.isascii():
        raise Unusable(f"{value!r} is not ASCII. Possible: its A-label (xn--…)")
    if not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise Unusable(f"{value!r} is no domain name. Possible: labels of a-z, 0-9, - and dots")
    return name


def _network(plain: str) -> str:
    try:
        return str(ip_network(plain))
    except ValueError:
        pass
    try:
        meant: IPv4Network | IPv6Network = ip_network(plain, strict=False)
    except ValueError:
        raise Unusable(
            f"{plain!r} is no network. Possible: 192.0.2.0/24, 2001:db8::/32, 192.0.2.10-192.0.2.77"
        ) from None
    raise Unusable(f"{plain!r} has host bits set. Possible: {meant}")


def _range(plain: str) -> str:
    ends = plain.split("-")
    try:
        first, last = (ip_address(end) for end in ends)
    except ValueError:
        raise Unusable(
            f"{plain!r} is no range. Possible: first-last, such as 192.0.2.10-192.0.2.77"
        ) from None
    _check_ends(first, last, plain)
    return f"{first}-{last}"


def _check_ends(
    first: IPv4Address | IPv6Address, last: IPv4Address | IPv6Address, plain: str
) -> None:
    if first.version != last.version:
        raise Unusable(f"{plain!r} mixes IPv4 and IPv6")
    if int(first) > int(last):
        raise Unusable(f"{plain!r} ends before it begins. Possible: {last}-{first}")
