"""Party files into the database and out again, and the directory that `flow` reads.

A file speaks for the sources it names (`manual` unless a party says otherwise): a party of
such a source that the file leaves out is retired, parties of other sources are left alone.
Retired parties are told nothing more; their rows stay. A contact, remit or dead mark that
came from another source than the party's own is neither exported nor touched.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from tocsin.flow import remits as flow
from tocsin.office import register
from tocsin.office.models import Agreement, Contact, Party, Remit
from tocsin.office.parties.entry import ContactLine, Entry, in_order
from tocsin.office.parties.reading import read_parties
from tocsin.office.parties.writing import write_parties
from tocsin.words.moments import as_utc
from tocsin.words.relations import Relation, RemitKind
from tocsin.words.roles import Role


@dataclass(frozen=True)
class Imported:
    """What an import did: short names, sorted."""

    created: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()


def import_parties(text: str, *, by: str, at: datetime, folder: Path | None = None) -> Imported:
    """Make the database say what the file says, in one transaction with its register row.

    `folder` is where the key files lie that the file names: its own. Raises `Unusable` with
    every problem of the file; nothing is changed then.
    """
    entries = {entry.recipient.party: entry for entry in read_parties(text, folder=folder)}
    at = as_utc(at)
    with transaction.atomic():
        named = Q(slug__in=[*entries]) | Q(source__in=_sources(entries))
        known = {party.slug: party for party in _with_rows(Party.objects.filter(named))}
        imported = _compare(entries, known)
        _create([entries[slug] for slug in imported.created], at=at)
        for slug in imported.changed:
            _change(known[slug], entries[slug], at=at)
        Party.objects.filter(slug__in=imported.retired).update(active=False, updated_at=at)
        facts = _facts(imported, digest=hashlib.sha256(text.encode()).hexdigest())
        register.record(action="office:parties:import", actor=by, at=at, facts=facts)
    return imported


@contextmanager
def as_if_imported(text: str, *, at: datetime, folder: Path | None = None) -> Iterator[None]:
    """Within the block the database says what it would say after an import; nothing of it stays.

    Raises as `import_parties` does. Keep the block short: nobody else can write meanwhile.
    """
    with transaction.atomic():
        import_parties(text, by="preview", at=at, folder=folder)
        yield
        transaction.set_rollback(True)


def export_parties() -> str:
    """All active parties as a party file; importing it changes nothing."""
    return write_parties(_entry(party) for party in _with_rows(Party.objects.filter(active=True)))


def directory(*, at: datetime) -> flow.Directory:
    """Active parties with their remits, and the agreements that run on this day (UTC).

    Without parties that never joined and whose mailbox was found dead: nobody reads what they
    are told, so the next one who answers is told instead. A member is told, and its delivery
    is parked with the reason.
    """
    bounced = Contact.objects.filter(
        party=OuterRef("pk"), value__iexact=OuterRef("channel_address"), dead_at__isnull=False
    )
    reached = Party.objects.filter(active=True).exclude(Q(member=False) & Exists(bounced))
    parties = list(_with_rows(reached, "remits"))
    on = as_utc(at).date()
    running = Agreement.objects.filter(Q(until=None) | Q(until__gte=on), since__lte=on)
    agreements = running.filter(party__active=True).select_related("party")
    return flow.Directory(
        recipients=tuple(_recipient(party) for party in parties),
        remits=tuple(row for party in parties for row in _remits(party, party.remits.all())),
        agreements=tuple(_agreement(row) for row in agreements.order_by("party__slug", "pk")),
    )


def _with_rows(parties: QuerySet[Party], *rows: str, together: int = 500) -> Iterator[Party]:
    """In order of their names, with what belongs to them, so many parties at a time.

    A registry has more parties than a database takes values in one query (SQLite: 32,766).
    """
    wanted = rows or ("contacts", "remits", "agreements")
    return parties.order_by("slug").prefetch_related(*wanted).iterator(chunk_size=together)


def _compare(entries: Mapping[str, Entry], known: Mapping[str, Party]) -> Imported:
    old = {slug: party for slug, party in known.items() if slug in entries}
    same = {slug for slug, party in old.items() if party.active and _entry(party) == entries[slug]}
    sources = _sources(entries)
    left_out = {
        slug
        for slug, party in known.items()
        if party.active and party.source in sources and slug not in entries
    }
    return Imported(
        created=tuple(sorted(set(entries) - set(old))),
        changed=tuple(sorted(set(old) - same)),
        unchanged=tuple(sorted(same)),
        retired=tuple(sorted(left_out)),
    )


def _sources(entries: Mapping[str, Entry]) -> set[str]:
    return {entry.recipient.source for entry in entries.values()}


def _facts(imported: Imported, *, digest: str) -> dict[str, register.Fact]:
    return {
        "digest": digest,
        "created": list(imported.created),
        "changed": list(imported.changed),
        "unchanged": len(imported.unchanged),
        "retired": list(imported.retired),
    }


def entry_of(party: Party) -> Entry:
    """What a party file says of a party on file."""
    return _entry(party)


def write_entry(party: Party, entry: Entry, *, at: datetime) -> None:
    """Make the rows of a party say what an entry says that was checked; inside a transaction."""
    _change(party, entry, at=as_utc(at))


def create_entry(entry: Entry, *, at: datetime) -> Party:
    """A party for an entry that was checked; inside a transaction."""
    _create([entry], at=as_utc(at))
    return Party.objects.get(slug=entry.recipient.party)


# ── rows to entries ──────────────────────────────────────────────────────────────────────


def _entry(party: Party) -> Entry:
    own = party.source
    contacts = [_contact(row) for row in party.contacts.all() if row.source == own]
    agreements = [_agreement(row) for row in party.agreements.all()]
    return Entry(
        recipient=_recipient(party),
        language=party.language,
        member=party.member,
        address=party.channel_address,
        interval=party.interval,
        key=party.key,
        contacts=tuple(sorted(contacts)),
        remits=_remits(party, (row for row in party.remits.all() if row.source == own)),
        agreements=tuple(
            sorted(agreements, key=lambda row: (row.relation, row.reference, str(row.since)))
        ),
    )


def _recipient(party: Party) -> flow.Recipient:
    return flow.Recipient(
        party=party.slug,
        name=party.name,
        role=Role(party.role),
        country=party.country,
        format=party.format,
        channel=party.channel,
        source=party.source,
        as_of=party.as_of,
    )


def _contact(row: Contact) -> ContactLine:
    return ContactLine(row.kind, row.value, row.purpose, tuple(row.languages), row.hours)


def _remits(party: Party, rows: Iterable[Remit]) -> tuple[flow.Remit, ...]:
    return in_order(
        [
            flow.Remit(
                party.slug, RemitKind(row.kind), row.value, Relation(row.relation), row.shared
            )
            for row in rows
        ]
    )


def _agreement(row: Agreement) -> flow.Agreement:
    return flow.Agreement(
        party=row.party.slug,
        relation=Relation(row.relation),
        classes=tuple(row.classes),
        reference=row.reference,
        basis=row.basis,
        since=row.since,
        until=row.until,
    )


# ── entries to rows ──────────────────────────────────────────────────────────────────────


def _create(entries: list[Entry], *, at: datetime) -> None:
    parties = Party.objects.bulk_create(
        [Party(slug=e.recipient.party, created_at=at, updated_at=at, **_words(e)) for e in entries]
    )
    pairs = list(zip(parties, entries, strict=True))
    Contact.objects.bulk_create(
        [Contact(party=p, **words) for p, e in pairs for words in _contact_words(e)]
    )
    Remit.objects.bulk_create(
        [Remit(party=p, **words) for p, e in pairs for words in _remit_words(e)]
    )
    Agreement.objects.bulk_create(
        [Agreement(party=p, **words) for p, e in pairs for words in _agreement_words(e)]
    )


def _change(party: Party, entry: Entry, *, at: datetime) -> None:
    sources = {party.source, entry.recipient.source}
    Party.objects.filter(pk=party.pk).update(active=True, updated_at=at, **_words(entry))
    contacts, remits = (
        party.contacts.filter(source__in=sources),
        party.remits.filter(source__in=sources),
    )
    _sync(party, contacts, _contact_words(entry), key=("kind", "value", "purpose"))
    _sync(party, remits, _remit_words(entry), key=("kind", "value", "relation"))
    _sync(
        party,
        party.agreements.all(),
        _agreement_words(entry),
        key=("relation", "reference", "since"),
    )


def _sync(
    party: Party, rows: QuerySet[Any], wanted: list[dict[str, Any]], *, key: tuple[str, ...]
) -> None:
    """Rows of a party as wanted; one that stays keeps what else it knows (`dead_at`)."""
    there = {tuple(getattr(row, name) for name in key): row for row in rows}
    for words in wanted:
        row = there.pop(tuple(words[name] for name in key), None)
        if row is None:
            rows.model.objects.create(party=party, **words)
        else:
            rows.model.objects.filter(pk=row.pk).update(**words)
    rows.model.objects.filter(pk__in=[row.pk for row in there.values()]).delete()


def _words(entry: Entry) -> dict[str, Any]:
    recipient = entry.recipient
    return {
        "name": recipient.name,
        "role": recipient.role.value,
        "country": recipient.country,
        "language": entry.language,
        "member": entry.member,
        "channel": recipient.channel,
        "channel_address": entry.address,
        "interval": entry.interval,
        "key": entry.key,
        "format": recipient.format,
        "source": recipient.source,
        "as_of": recipient.as_of,
    }


def _origin(entry: Entry) -> dict[str, Any]:
    return {"source": entry.recipient.source, "as_of": entry.recipient.as_of}


def _contact_words(entry: Entry) -> list[dict[str, Any]]:
    return [
        {
            "kind": row.kind,
            "value": row.value,
            "purpose": row.purpose,
            "languages": list(row.languages),
            "hours": row.hours,
            **_origin(entry),
        }
        for row in entry.contacts
    ]


def _remit_words(entry: Entry) -> list[dict[str, Any]]:
    return [
        {
            "kind": row.kind.value,
            "value": row.value,
            "relation": row.relation.value,
            "shared": row.shared,
            **_origin(entry),
        }
        for row in entry.remits
    ]


def _agreement_words(entry: Entry) -> list[dict[str, Any]]:
    return [
        {
            "relation": row.relation.value,
            "classes": list(row.classes),
            "reference": row.reference,
            "basis": row.basis,
            "since": row.since,
            "until": row.until,
        }
        for row in entry.agreements
    ]
