"""Contacts as CSV: `kind,value,email` and, where known, `name,country,language`.

RFC 4180 with a header line, UTF-8. `kind` is asn, prefix, country, domain or tld. Several
mailboxes for one value stand on several lines.
"""

import csv
import io
from collections.abc import Callable, Iterator
from typing import BinaryIO

from tocsin.formats.contact import (
    RELATIONS,
    Claim,
    Flaw,
    Found,
    NotUsable,
    Source,
    asn_of,
    country_of,
    country_or_none,
    domain_of,
    language_or_none,
    one_line,
    prefix_of,
    shown,
    tld_of,
)
from tocsin.words.errors import Unreadable
from tocsin.words.relations import RemitKind

NEEDED = ("kind", "value", "email")
OPTIONAL = ("name", "country", "language")
LONGEST_LINE = 64 * 1024

VALUES: dict[RemitKind, Callable[[str], str]] = {
    RemitKind.ASN: asn_of,
    RemitKind.PREFIX: prefix_of,
    RemitKind.COUNTRY: country_of,
    RemitKind.DOMAIN: domain_of,
    RemitKind.TLD: tld_of,
}


def read_contacts_csv(stream: BinaryIO, name: str) -> Iterator[Found]:
    """One claim for each line; raises `Unreadable` for a header that is not ours, or no text."""
    rows = csv.reader(_lines(stream, name), strict=True)
    columns: list[str] | None = None
    while True:
        line = rows.line_num + 1
        try:
            cells = next(rows, None)
        except csv.Error as fault:
            raise Unreadable(f"{name}, line {line}: is no CSV ({fault})") from None
        if cells is None:
            break
        if not any(cell.strip() for cell in cells):
            continue
        if columns is None:
            columns = _header(cells, name, line)
        else:
            yield _row(cells, columns, name, line)
    if columns is None:
        raise Unreadable(f"{name}, line 1: empty. Possible: {','.join(NEEDED)}")


def _lines(stream: BinaryIO, name: str) -> Iterator[str]:
    for number, line in enumerate(iter(lambda: stream.readline(LONGEST_LINE + 1), b""), start=1):
        if len(line) > LONGEST_LINE:
            raise Unreadable(f"{name}, line {number}: is over {LONGEST_LINE:,} bytes long")
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise Unreadable(f"{name}, line {number}: is not UTF-8") from None


def _header(cells: list[str], name: str, line: int) -> list[str]:
    columns = [cell.strip().lower() for cell in cells]
    known = {*NEEDED, *OPTIONAL}
    if len(set(columns)) < len(columns) or not set(NEEDED) <= set(columns) <= known:
        raise Unreadable(
            f"{name}, line {line}: the header must be {','.join(NEEDED)} and may have "
            f"{','.join(OPTIONAL)}"
        )
    return columns


def _row(cells: list[str], columns: list[str], name: str, line: int) -> Found:
    if len(cells) != len(columns):
        return Flaw(name, line, f"has {len(cells)} values, the header has {len(columns)}")
    row = dict(zip(columns, (cell.strip() for cell in cells), strict=True))
    try:
        kind = RemitKind(row["kind"].lower())
        value = VALUES[kind](row["value"])
    except NotUsable as fault:
        return Flaw(name, line, str(fault))
    except (ValueError, KeyError):
        possible = ", ".join(VALUES)
        return Flaw(name, line, f"{shown(row['kind'])} is no kind. Possible: {possible}")
    source = Source(
        (one_line(row["email"], longest=320),),
        one_line(row.get("name", "")),
        country_or_none(row.get("country", "")),
        language_or_none(row.get("language", "")),
    )
    return Claim(kind, value, source, name, line, RELATIONS[kind])


def write_contacts_csv(claims: list[Claim]) -> bytes:
    """Claims as the file that reads back to them, one line for each mailbox."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([*NEEDED, *OPTIONAL])
    for claim in claims:
        known = claim.source
        for email in known.emails:
            rows.writerow(
                [claim.kind.value, claim.value, email, known.name, known.country, known.language]
            )
    return text.getvalue().encode()
