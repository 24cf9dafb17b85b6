"""security.txt (RFC 9116): what the holder of a domain says about being told.

`Contact` (mailto: is used, in the order of the file), `Expires` (must be there once; a file past
it is not used), `Preferred-Languages`, `Encryption` (`openpgp4fpr:` fingerprints), `Canonical`
(its host is the domain). Signed files are read, their signature is not checked.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from tocsin.formats.contact import (
    Claim,
    Flaw,
    Found,
    NotUsable,
    Source,
    domain_of,
    fingerprint_or_none,
    language_or_none,
    one_line,
    read_whole,
    shown,
)
from tocsin.words.errors import Unreadable
from tocsin.words.relations import Relation, RemitKind

MOST_BYTES = 64 * 1024  # RFC 9116 section 5.4 leaves the limit open

_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9-]*)[ \t]*:[ \t]*(\S.*)")
Fields = dict[str, list[tuple[int, str]]]  # name in lower case to (line, value)


def read_security_txt(
    stream: BinaryIO, name: str, *, at: datetime, domain: str = ""
) -> Iterator[Found]:
    """One claim for each domain; `domain` where the file has no Canonical. Raises `Unreadable`."""
    fields = _fields(read_whole(stream, name, most=MOST_BYTES), name)
    reason = _why_stale(fields, at)
    if reason is not None:
        yield Flaw(name, *reason)
        return
    source = Source(
        tuple(_mailboxes(fields)),
        language=_language(fields),
        keys=tuple(_keys(fields)),
    )
    line = fields["contact"][0][0]
    if not source.emails:
        yield Flaw(name, line, "has no Contact with a mail address (mailto:)")
        return
    try:
        for host in _hosts(fields, domain):
            value = domain_of(host)
            known = Source(source.emails, value, "", source.language, source.keys)
            yield Claim(RemitKind.DOMAIN, value, known, name, line, Relation.PLATFORM)
    except NotUsable as fault:
        yield Flaw(name, line, str(fault))


def _fields(text: str, name: str) -> Fields:
    fields: Fields = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("-----BEGIN PGP SIGNATURE"):
            break
        found = _FIELD.fullmatch(line.removeprefix("- ").rstrip())
        if found and not line.startswith("#"):
            fields.setdefault(found[1].lower(), []).append((number, found[2]))
    if "contact" not in fields:
        raise Unreadable(f"{name}, line 1: has no Contact, which RFC 9116 2.5.3 asks for")
    return fields


def _why_stale(fields: Fields, at: datetime) -> tuple[int, str] | None:
    """Line and reason why the file must not be used (RFC 9116 2.5.5)."""
    said = fields.get("expires", [])
    if len(said) != 1:
        return (
            fields["contact"][0][0],
            "must have Expires once (RFC 9116 2.5.5), so it is not used",
        )
    line, text = said[0]
    try:
        expires = datetime.fromisoformat(text.strip().upper())
        expires = expires.replace(tzinfo=expires.tzinfo or UTC)
        is_past = expires <= at
    except (ValueError, OverflowError):
        return line, f"Expires {shown(text)} is no date and time, so it is not used"
    return (
        (line, f"expired on {expires.date().isoformat()}, so it is not used") if is_past else None
    )


def _mailboxes(fields: Fields) -> Iterator[str]:
    for _, value in fields["contact"]:
        scheme, colon, rest = value.partition(":")
        if colon and scheme.lower() == "mailto":
            yield one_line(unquote(rest.partition("?")[0]), longest=320)


def _hosts(fields: Fields, domain: str) -> list[str]:
    if domain:
        return [domain]
    hosts = [_host(value) for _, value in fields.get("canonical", ())]
    if not hosts:
        raise NotUsable(
            "does not say for which domain it is (no Canonical). Possible: --domain NAME"
        )
    return list(dict.fromkeys(hosts))


def _host(uri: str) -> str:
    try:
        return urlsplit(uri.strip()).hostname or ""
    except ValueError:
        raise NotUsable(f"Canonical {shown(uri)} is no address") from None


def _language(fields: Fields) -> str:
    said = fields.get("preferred-languages", [(0, "")])[0][1]
    return language_or_none(said.partition(",")[0])


def _keys(fields: Fields) -> Iterator[str]:
    for _, value in fields.get("encryption", ()):
        scheme, _, rest = value.partition(":")
        key = fingerprint_or_none(rest) if scheme.lower() == "openpgp4fpr" else ""
        if key:
            yield key
