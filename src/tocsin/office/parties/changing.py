"""Changing one party by hand: what a page says and what the party file says are one thing.

A change is made of the party's entry, written as its party file and read again: so it meets the
same checks, and an export says it. What an import keeps (a registry's contacts) is not changed
here: `take_over` writes a party of our own beside it, whose word counts more.
"""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path

from django.db import transaction

from tocsin.office import register
from tocsin.office.models import Party
from tocsin.office.parties.entry import Entry
from tocsin.office.parties.exchange import create_entry, entry_of, write_entry
from tocsin.office.parties.reading import read_parties
from tocsin.office.parties.webhooks import make_webhook_secret, retire_webhook_secret
from tocsin.office.parties.writing import write_parties
from tocsin.office.people import notices
from tocsin.office.people.viewer import Viewer, running
from tocsin.words.competences import Competence
from tocsin.words.errors import Refused, Unusable

MANUAL = "manual"
ANY, OWN = "office:party:change", "office:party:change_own"
# What a party says of itself; the rest is said of it by whoever runs the node.
ITS_OWN = frozenset({"address", "channel", "contacts", "format", "interval", "key", "language"})
_INNER = ("name", "role", "country", "format", "channel")


def change(
    party: Party, make: Callable[[Entry], Entry], *, viewer: Viewer, at: datetime
) -> list[str]:
    """Make another entry of a party's and write it; which fields changed, none if none did.

    Raises `Refused` for what is not the viewer's to change and for a party that an import keeps,
    `Unusable` with the reason for what no party file could say.
    """
    _require(viewer, party)
    with transaction.atomic():
        row = Party.objects.select_for_update().get(pk=party.pk)
        if row.source != MANUAL:
            raise Refused(
                f"{row.slug} is kept by imports from {row.source}. Possible: take it over, then "
                "change it"
            )
        before = entry_of(row)
        after = checked(make(before))
        changed = differences(before, after)
        _require_its_own(viewer, row, before, after, changed)
        if changed:
            write_entry(row, after, at=at)
            _record("change", row, {"changed": [*changed]}, viewer=viewer, at=at)
            _tell_administrators(row, changed, at=at)
    return changed


def add(entry: Entry, *, viewer: Viewer, at: datetime) -> Party:
    """Put a party on file; raises `Refused`, `Unusable`."""
    viewer.require(ANY)
    with transaction.atomic():
        made = checked(replace(entry, recipient=replace(entry.recipient, source=MANUAL)))
        if Party.objects.filter(slug=made.recipient.party).exists():
            raise Refused(
                f"there is a party {made.recipient.party!r}. Possible: another short name"
            )
        party = create_entry(made, at=at)
        _record("add", party, {}, viewer=viewer, at=at)
    return party


def take_over(party: Party, slug: str, *, viewer: Viewer, at: datetime) -> Party:
    """A party of our own with what an import says of this one; ours is told from now on."""
    entry = entry_of(party)
    recipient = replace(entry.recipient, party=slug, as_of=None)
    return add(replace(entry, recipient=recipient), viewer=viewer, at=at)


def retire(party: Party, *, viewer: Viewer, at: datetime) -> None:
    """Tell a party nothing more; its rows stay. The one that runs the node cannot be retired."""
    viewer.require(ANY)
    if party.runs_node:
        raise Refused(f"{party.slug} runs this node. Possible: tocsin people run-node ANOTHER")
    _set_active(party, "retire", is_active=False, viewer=viewer, at=at)


def restore(party: Party, *, viewer: Viewer, at: datetime) -> None:
    """Tell a party again."""
    viewer.require(ANY)
    _set_active(party, "restore", is_active=True, viewer=viewer, at=at)


def change_secret(
    party: Party, act: str, *, keys_folder: Path, viewer: Viewer, at: datetime
) -> str:
    """The secret of a party's webhook: `make`, `renew` (both sign) or `retire` (the newest alone).

    What was made, shown this once; "" after `retire`.
    """
    _require(viewer, party)
    words = {"keys_folder": keys_folder, "by": viewer.name, "at": at}
    if act == "retire":
        retire_webhook_secret(party.slug, keys_folder=keys_folder, by=viewer.name, at=at)
        return ""
    if act not in ("make", "renew"):
        raise Unusable(f"{act!r} is nothing a secret takes. Possible: make, renew, retire")
    made = make_webhook_secret(party.slug, renew=act == "renew", **words)  # type: ignore[arg-type]
    with transaction.atomic():
        _tell_administrators(party, ["webhook secret"], at=at)
    return made


def checked(entry: Entry) -> Entry:
    """The entry as a party file would give it back; raises `Unusable` with every problem."""
    (read,) = read_parties(write_parties([entry]))
    return read


def differences(before: Entry, after: Entry) -> list[str]:
    """Names of what is not the same, in alphabetical order."""
    outer = [one.name for one in fields(Entry) if one.name != "recipient"]
    changed = {name for name in outer if getattr(before, name) != getattr(after, name)}
    changed |= {
        name for name in _INNER if getattr(before.recipient, name) != getattr(after.recipient, name)
    }
    return sorted(changed)


def _require(viewer: Viewer, party: Party) -> None:
    if not viewer.may(OWN, party):
        viewer.require(ANY, party)


def _require_its_own(
    viewer: Viewer, party: Party, before: Entry, after: Entry, changed: list[str]
) -> None:
    if viewer.may(ANY, party):
        return
    beyond = sorted(set(changed) - ITS_OWN)
    if beyond:
        raise Refused(f"{', '.join(beyond)}: whoever runs this node says that of a party")
    if after.recipient.channel == "folder" and after.address not in ("", before.address):
        raise Refused("whoever runs this node says which folder is whose. Possible: leave it out")


def _set_active(party: Party, verb: str, *, is_active: bool, viewer: Viewer, at: datetime) -> None:
    with transaction.atomic():
        rows = Party.objects.filter(pk=party.pk, active=not is_active)
        if rows.update(active=is_active, updated_at=at):
            _record(verb, party, {}, viewer=viewer, at=at)


def _record(
    verb: str, party: Party, more: dict[str, register.Fact], *, viewer: Viewer, at: datetime
) -> None:
    facts: dict[str, register.Fact] = {"party": party.slug, **more}
    register.record(
        action=f"office:party:{verb}", actor=viewer.name, at=at, subject=party.uid, facts=facts
    )


def _tell_administrators(party: Party, changed: list[str], *, at: datetime) -> None:
    """Where their deliveries go is their business, whoever changed it."""
    administer = str(Competence.PARTY_ADMINISTER)
    told = {
        mandate.person
        for mandate in running(at).filter(party=party)
        if administer in mandate.competences
    }
    for person in sorted(told, key=lambda one: one.pk):
        notices.tell(
            person, notices.PARTY_CHANGED, at=at, party=party.name, changed=", ".join(changed)
        )
