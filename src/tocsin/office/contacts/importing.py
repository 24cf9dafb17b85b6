"""Gathered contacts into the tables of parties, remits and contacts: one source as a whole.

Rows of the source that the files no longer name go, a party that is left with nothing is
retired; rows of other sources and what a person wrote are not touched. The same files again
change nothing. A contact that was found dead stays dead.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any, TypeVar

from django.db import transaction

from tocsin.flow.progress import Progress, unseen
from tocsin.office import register
from tocsin.office.contacts.sources import Gathered, Mailbox, commonest
from tocsin.office.models import Contact, Party, Remit
from tocsin.words.errors import Unusable
from tocsin.words.moments import as_utc

CHANNEL, FORMAT, INTERVAL = "mail", "idf-csv", "daily"
BATCH = 1000

_Key = tuple[str, str, str, str]  # slug, kind, value; relation of a remit, purpose of a contact
_T = TypeVar("_T")


@dataclass(frozen=True)
class Change:
    """What an import does, or would do."""

    source: str
    as_of: str
    parties: dict[str, int]  # created, changed, unchanged, retired
    remits: dict[str, int]  # added, kept, removed
    contacts: dict[str, int]
    dead: int  # contacts that bounced before and are not used
    nested: int
    placeholders: list[tuple[str, str, int]]  # address, why, how many entries
    flawed: int
    flaws: list[tuple[str, int, str]]  # file, line, reason; the first thousand
    files: dict[str, str] = field(default_factory=dict)  # name to SHA-256

    def facts(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        return asdict(self)


def import_contacts(
    gathered: Gathered, *, by: str, at: datetime, progress: Progress = unseen
) -> Change:
    """Make the database say of this source what the files say, with a register row.

    Raises `Unusable` for files without any contact, which would retire everyone, and where a
    party of another source has the short name that one of these would get.
    """
    at = as_utc(at)
    with transaction.atomic():
        progress("comparing with what is on file", 0)
        plan = _Plan(gathered)
        change = plan.change()
        plan.write(at=at, progress=progress)
        register.record(
            action="office:contacts:import", actor=by, at=at, facts=_register_facts(change)
        )
    return change


def preview_import(gathered: Gathered) -> Change:
    """What `import_contacts` would do; nothing is written."""
    return _Plan(gathered).change()


def _register_facts(change: Change) -> dict[str, register.Fact]:
    """Counts, digests and the day; no address, so that nothing is left to erase."""
    counts = ("source", "as_of", "parties", "remits", "contacts", "dead", "nested", "flawed")
    facts = change.facts()
    digests: list[register.Fact] = [*sorted(change.files.values())]
    return {
        **{name: facts[name] for name in counts},
        "placeholders": len(change.placeholders),
        "digests": digests,
    }


class _Plan:
    """The difference between what is there and what shall be there."""

    def __init__(self, gathered: Gathered) -> None:
        if not gathered.mailboxes:
            raise Unusable(
                f"{', '.join(gathered.digests)}: no contact in it that can be used "
                f"({gathered.flawed:,} entries unreadable, {len(gathered.placeholders):,} "
                f"placeholders); an import would retire every party of {gathered.kind}. "
                "Possible: all files of the source in one import, roles and organisations too"
            )
        self._gathered = gathered
        self._dead = _dead()
        boxes = {_slug(gathered.kind, mail): box for mail, box in gathered.mailboxes.items()}
        self._wanted = {slug: self._words(box) for slug, box in boxes.items()}
        self._parties = {row.slug: row for row in Party.objects.filter(source=gathered.kind)}
        self._refuse_foreign()
        changed = {slug for slug, words in self._wanted.items() if self._differs(slug, words)}
        self._created = sorted(set(self._wanted) - set(self._parties))
        self._changed = sorted(changed - set(self._created))
        active = {slug for slug, party in self._parties.items() if party.active}
        self._retired = sorted(active - set(self._wanted))
        self._remits = _Difference(_remit_rows(gathered.kind), _wanted_remits(boxes))
        self._contacts = _Difference(_contact_rows(gathered.kind), _wanted_contacts(boxes))

    def change(self) -> Change:
        gathered = self._gathered
        mails = {key[2].lower() for key in self._contacts.wanted if key[1] == "email"}
        return Change(
            source=gathered.kind,
            as_of=gathered.on.isoformat(),
            parties={
                "created": len(self._created),
                "changed": len(self._changed),
                "unchanged": len(self._wanted) - len(self._created) - len(self._changed),
                "retired": len(self._retired),
            },
            remits=self._remits.counts(),
            contacts=self._contacts.counts(),
            dead=len(mails & set(self._dead)),
            nested=gathered.nested,
            placeholders=[
                (email, why, count) for (email, why), count in sorted(gathered.placeholders.items())
            ],
            flawed=gathered.flawed,
            flaws=[(flaw.file, flaw.line, flaw.reason) for flaw in gathered.flaws],
            files=gathered.digests,
        )

    def write(self, *, at: datetime, progress: Progress) -> None:
        kind, on = self._gathered.kind, self._gathered.on
        self._write_parties(at, progress)
        for slugs in _batches(self._retired):
            Party.objects.filter(slug__in=slugs).update(active=False, updated_at=at)
        ids = dict(Party.objects.filter(source=kind).values_list("slug", "pk"))
        _delete(Remit, self._remits.gone)
        _delete(Contact, self._contacts.gone)
        Remit.objects.filter(source=kind).update(as_of=on)
        Contact.objects.filter(source=kind).update(as_of=on)
        for keys in _batches(self._remits.new):
            Remit.objects.bulk_create([_remit(key, ids, kind, on) for key in keys])
            progress("writing remits", len(keys))
        for keys in _batches(self._contacts.new):
            Contact.objects.bulk_create([self._contact(key, ids) for key in keys])
            progress("writing contacts", len(keys))

    def _write_parties(self, at: datetime, progress: Progress) -> None:
        kind, on = self._gathered.kind, self._gathered.on
        moments = {"created_at": at, "updated_at": at}
        for slugs in _batches([*self._created, *self._changed]):
            Party.objects.bulk_create(
                [Party(slug=slug, source=kind, **moments, **self._wanted[slug]) for slug in slugs],
                update_conflicts=True,
                unique_fields=["slug"],
                update_fields=[*self._wanted[slugs[0]], "updated_at"],
            )
            progress("writing parties", len(slugs))
        Party.objects.filter(source=kind, active=True).update(as_of=on)

    def _contact(self, key: _Key, ids: dict[str, int]) -> Contact:
        slug, kind, value, purpose = key
        dead = self._dead.get(value.lower()) if kind == "email" else None
        return Contact(
            party_id=ids[slug],
            kind=kind,
            value=value,
            purpose=purpose,
            languages=[self._wanted[slug]["language"]],
            source=self._gathered.kind,
            as_of=self._gathered.on,
            dead_at=dead[0] if dead else None,
            dead_reason=dead[1] if dead else "",
        )

    def _words(self, box: Mailbox) -> dict[str, Any]:
        emails = list(box.emails)
        alive = [email for email in emails if email.lower() not in self._dead]
        return {
            "name": commonest(box.names) or emails[0],
            "role": box.role.value,
            "country": commonest(box.countries),
            "language": commonest(box.languages) or "en",
            "member": False,
            "channel": CHANNEL,
            "channel_address": (alive or emails)[0],
            "format": FORMAT,
            "interval": INTERVAL,
            "active": True,
        }

    def _differs(self, slug: str, words: dict[str, Any]) -> bool:
        party = self._parties.get(slug)
        return party is None or any(getattr(party, name) != words[name] for name in words)

    def _refuse_foreign(self) -> None:
        foreign = Party.objects.exclude(source=self._gathered.kind).filter(
            slug__startswith=_stem(self._gathered.kind)
        )
        taken = sorted(set(foreign.values_list("slug", flat=True)) & set(self._wanted))
        if taken:
            raise Unusable(
                f"party {taken[0]!r} is of another source than {self._gathered.kind}. "
                "Possible: give it another id in its party file"
            )


class _Difference:
    """Rows that are there against rows that shall be."""

    def __init__(self, there: dict[_Key, int], wanted: set[_Key]) -> None:
        self.wanted = wanted
        self.new = sorted(wanted - there.keys())
        self.gone = [pk for key, pk in there.items() if key not in wanted]
        self._kept = len(there) - len(self.gone)

    def counts(self) -> dict[str, int]:
        return {"added": len(self.new), "kept": self._kept, "removed": len(self.gone)}


def _stem(kind: str) -> str:
    return kind.replace(".", "-") + "-"


def _slug(kind: str, mailbox: str) -> str:
    """`ripe-meadow-net-example-1f0c2b9a`: the same for the same mailbox, whatever else changes."""
    domain = re.sub(r"[^a-z0-9]+", "-", mailbox.rpartition("@")[2]).strip("-")
    digest = hashlib.sha256(mailbox.encode()).hexdigest()[:10]
    stem = _stem(kind)
    return f"{stem}{domain[: 60 - len(stem) - 11].strip('-')}-{digest}"


def _dead() -> dict[str, tuple[datetime | None, str]]:
    """Mailboxes that bounced, in lower case, with when and why."""
    rows = Contact.objects.filter(kind="email", dead_at__isnull=False)
    return {
        value.lower(): (dead_at, reason)
        for value, dead_at, reason in rows.values_list("value", "dead_at", "dead_reason")
    }


def _remit_rows(kind: str) -> dict[_Key, int]:
    rows = Remit.objects.filter(source=kind).order_by()
    listed = rows.values_list("party__slug", "kind", "value", "relation", "pk")
    return {(slug, what, value, rel): pk for slug, what, value, rel, pk in listed.iterator()}


def _contact_rows(kind: str) -> dict[_Key, int]:
    rows = Contact.objects.filter(source=kind).order_by()
    listed = rows.values_list("party__slug", "kind", "value", "purpose", "pk")
    return {(slug, what, value, why): pk for slug, what, value, why, pk in listed.iterator()}


def _wanted_remits(boxes: dict[str, Mailbox]) -> set[_Key]:
    return {(slug, *remit) for slug, box in boxes.items() for remit in box.remits}


def _wanted_contacts(boxes: dict[str, Mailbox]) -> set[_Key]:
    emails = {(slug, "email", mail, "abuse") for slug, box in boxes.items() for mail in box.emails}
    keys = {(slug, "openpgp", key, "mail") for slug, box in boxes.items() for key in box.keys}
    return emails | keys


def _remit(key: _Key, ids: dict[str, int], source: str, on: date) -> Remit:
    slug, kind, value, relation = key
    return Remit(
        party_id=ids[slug], kind=kind, value=value, relation=relation, source=source, as_of=on
    )


def _delete(model: type[Remit | Contact], keys: list[int]) -> None:
    for start in range(0, len(keys), BATCH):
        model.objects.filter(pk__in=keys[start : start + BATCH]).delete()


def _batches(listed: Sequence[_T]) -> Iterator[Sequence[_T]]:
    for start in range(0, len(listed), BATCH):
        yield listed[start : start + BATCH]
