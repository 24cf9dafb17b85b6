"""Entries to parties.toml: in a fixed order, so that two exports can be compared by eye."""

import json
from collections.abc import Iterable, Iterator
from datetime import date

from tocsin.flow.remits import Agreement, Remit
from tocsin.office.parties import values
from tocsin.office.parties.entry import ContactLine, Entry
from tocsin.words.relations import RemitKind

_Value = str | int | bool | date | None | list[str] | list[int]


def write_parties(entries: Iterable[Entry]) -> str:
    """One `[[party]]` per entry, by id; `read_parties` makes the same entries of it."""
    ordered = sorted(entries, key=lambda entry: entry.recipient.party)
    return "\n".join("\n".join(_party(entry)) + "\n" for entry in ordered)


def _party(entry: Entry) -> Iterator[str]:
    recipient = entry.recipient
    yield "[[party]]"
    yield from _lines(
        id=recipient.party,
        name=recipient.name,
        role=recipient.role.value,
        country=recipient.country,
        language=entry.language,
        member=None if entry.member else False,
        source=None if recipient.source == "manual" else recipient.source,
        as_of=recipient.as_of,
        key=entry.key,
    )
    yield "[party.delivery]"
    yield from _lines(
        channel=recipient.channel,
        format=recipient.format,
        address=entry.address,
        interval=None if entry.interval == "each" else entry.interval,
    )
    yield from _remits(entry.remits)
    for contact in entry.contacts:
        yield from _contact(contact)
    for agreement in entry.agreements:
        yield from _agreement(agreement)


def _remits(remits: tuple[Remit, ...]) -> Iterator[str]:
    for relation in sorted({remit.relation for remit in remits}):
        mine = [remit for remit in remits if remit.relation == relation]
        yield "[[party.remit]]"
        yield from _lines(relation=relation.value)
        for kind in RemitKind:
            listed = [row.value for row in mine if row.kind == kind and not row.shared]
            yield from _lines(**{kind.value: _in_order(kind, listed)})
        shared = [row.value for row in mine if row.shared]
        yield from _lines(shared=_in_order(RemitKind.PREFIX, shared))


def _in_order(kind: RemitKind, listed: list[str]) -> list[str] | list[int]:
    """Numbers and addresses as people sort them."""
    if kind == RemitKind.ASN:
        return sorted(int(value) for value in listed)
    if kind == RemitKind.PREFIX:
        return sorted(listed, key=values.bounds)
    return sorted(listed)


def _contact(contact: ContactLine) -> Iterator[str]:
    yield "[[party.contact]]"
    yield from _lines(
        kind=contact.kind,
        value=contact.value,
        purpose=contact.purpose,
        languages=list(contact.languages),
        hours=contact.hours,
    )


def _agreement(agreement: Agreement) -> Iterator[str]:
    yield "[[party.agreement]]"
    yield from _lines(
        relation=agreement.relation.value,
        classes=list(agreement.classes),
        reference=agreement.reference,
        basis=agreement.basis,
        since=agreement.since,
        until=agreement.until,
    )


def _lines(**pairs: _Value) -> Iterator[str]:
    """`key = value` for everything that is said."""
    for key, value in pairs.items():
        if value is None or value in ("", []):
            continue
        # A JSON string of printable characters is a TOML string; so are numbers and lists.
        text = value.isoformat() if isinstance(value, date) else _json(value)
        yield f"{key} = {text}"


def _json(value: str | int | list[str] | list[int]) -> str:
    return json.dumps(value, ensure_ascii=False)
