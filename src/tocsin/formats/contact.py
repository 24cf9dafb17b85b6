"""What every reader of contacts gives: for this value, write to this mailbox.

A reader (`rpsl`, `rdap`, `trusted_introducer`, `contacts_csv`, `security_txt`) turns bytes into
a stream of `Claim`, `Flaw` and `Dated`. One bad entry is a flaw and the next one is read; bytes
that are not the format at all raise `Unreadable`, and nothing else comes out.

Addresses stand as the source has them: whether somebody can be reached there is for
`rules.contacts` to say.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any, BinaryIO

from tocsin.flow.addresses import as_range, range_text
from tocsin.words.countries import CODES
from tocsin.words.errors import Unreadable
from tocsin.words.relations import Relation, RemitKind
from tocsin.words.roles import Role

LAST_ASN = 4294967294  # 0 and 4294967295 are never an AS (RFC 7607, RFC 7300)
MOST_BYTES = 64 * 1024 * 1024  # of a JSON document, which is read whole

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_FINGERPRINT = re.compile(r"[0-9A-F]{40}|[0-9A-F]{64}")


@dataclass(frozen=True, slots=True)
class Source:
    """Who stands behind the values: the same for all claims of one entry."""

    emails: tuple[str, ...]  # in the order of the source's own preference
    name: str = ""
    country: str = ""  # ISO 3166-1 alpha-2 or ""
    language: str = ""  # BCP 47 or ""
    keys: tuple[str, ...] = ()  # fingerprints of OpenPGP keys
    role: Role | None = None  # where the source says more than the kind of value does


@dataclass(frozen=True, slots=True)
class Claim:
    """One value and whoever answers for it. `line`: where the entry begins, from 1."""

    kind: RemitKind
    value: str
    source: Source
    file: str
    line: int
    relation: Relation = field(default=Relation.NETWORK)


@dataclass(frozen=True, slots=True)
class Flaw:
    """An entry that could not be used."""

    file: str
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Dated:
    """The file says that it knows the world as of this day; the latest one counts."""

    on: date


Found = Claim | Flaw | Dated

RELATIONS: dict[RemitKind, Relation] = {
    RemitKind.ASN: Relation.NETWORK,
    RemitKind.PREFIX: Relation.NETWORK,
    RemitKind.COUNTRY: Relation.CSIRT,
    RemitKind.DOMAIN: Relation.PLATFORM,
    RemitKind.TLD: Relation.REGISTRY,
}


class NotUsable(ValueError):
    """A value that is not what it claims to be; its text is the reason."""


def asn_of(text: str) -> str:
    """`AS64496` or `64496` to `64496`."""
    digits = re.fullmatch(r"\s*(?:AS)?([0-9]{1,10})\s*", text, re.IGNORECASE | re.ASCII)
    if digits is None or not 0 < int(digits[1]) <= LAST_ASN:
        raise NotUsable(f"{shown(text)} is no AS number")
    return str(int(digits[1]))


def prefix_of(text: str) -> str:
    """A CIDR, one address or `first - last`; a range that is a CIDR becomes one, others stay."""
    span = as_range(text)
    if span is None:
        raise NotUsable(f"{shown(text)} is no network and no range of addresses")
    if span[2] - span[1] + 1 == 1 << (32 if span[0] == 4 else 128):
        raise NotUsable(f"{shown(text)} is the whole address space; nobody answers for it")
    return range_text(*span).replace("–", "-")


def country_of(text: str) -> str:
    """An ISO 3166-1 alpha-2 code in capitals."""
    code = text.strip().upper()
    if code not in CODES:
        raise NotUsable(f"{shown(text)} is no country (ISO 3166-1 alpha-2)")
    return code


def domain_of(text: str) -> str:
    """A domain name of two labels or more, in lower case and A-labels."""
    name = _hostname(text)
    if "." not in name:
        raise NotUsable(f"{shown(text)} is one label and no domain")
    if name.rpartition(".")[2].isdigit():
        raise NotUsable(f"{shown(text)} is no domain name")
    return name


def tld_of(text: str) -> str:
    """A top-level domain without its dot."""
    name = _hostname(text.strip().removeprefix("."))
    if "." in name:
        raise NotUsable(f"{shown(text)} is no top-level domain")
    return name


def _hostname(text: str) -> str:
    name = text.strip().lower().removesuffix(".")
    if not name.isascii() and len(name) <= 253:
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:
            raise NotUsable(f"{shown(text)} is no domain name") from None
    if (
        len(name) > 253
        or not name.isascii()
        or not all(_LABEL.fullmatch(label) for label in name.split("."))
    ):
        raise NotUsable(f"{shown(text)} is no domain name")
    return name


def country_or_none(value: Any) -> str:
    """A country where there is one, "" for anything else."""
    code = value.strip().upper() if isinstance(value, str) else ""
    return code if code in CODES else ""


def language_or_none(value: Any) -> str:
    """A language tag (BCP 47) where there is one, "" for anything else."""
    tag = value.strip() if isinstance(value, str) else ""
    if len(tag) > 35 or not _LANGUAGE.fullmatch(tag):
        return ""
    language, mark, rest = tag.partition("-")
    return language.lower() + mark + rest


def fingerprint_or_none(value: Any) -> str:
    """The fingerprint of an OpenPGP key in capitals without blanks, "" for anything else."""
    digits = re.sub(r"[\s:]", "", value).upper() if isinstance(value, str) else ""
    return digits if _FINGERPRINT.fullmatch(digits) else ""


def word(value: Any) -> str:
    """A text or a number as text, "" for anything else."""
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def listed(holder: dict[str, Any], key: str) -> list[Any]:
    """The list that stands there, or an empty one."""
    value = holder.get(key)
    return value if isinstance(value, list) else []


def one_line(value: Any, *, longest: int = 200) -> str:
    """Text as one printable line, "" for anything that is no text."""
    if not isinstance(value, str):
        return ""
    plain = "".join(sign if sign.isprintable() else " " for sign in value)
    return " ".join(plain.split())[:longest].strip()


def shown(text: str) -> str:
    """A value of a source inside one of our sentences: quoted, and not endless."""
    return ascii(text) if len(text) <= 60 else f"{text[:60]!a}…"


def read_whole(stream: BinaryIO, name: str, *, most: int = MOST_BYTES) -> str:
    """A file of limited size as UTF-8 text; raises `Unreadable`."""
    data = stream.read(most + 1)
    if len(data) > most:
        raise Unreadable(f"{name}: over {most:,} bytes; split it")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        raise Unreadable(f"{name}, line {line}: is not UTF-8") from None


def read_json(text: str, name: str, *, line: int = 1) -> Any:
    """A JSON value; raises `Unreadable` with the line."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as fault:
        at = line + fault.lineno - 1
        raise Unreadable(f"{name}, line {at}: is no JSON ({fault.msg})") from None
    except (RecursionError, ValueError):  # nested without end; a number of thousands of digits
        raise Unreadable(f"{name}, line {line}: is no JSON that anybody would write") from None
