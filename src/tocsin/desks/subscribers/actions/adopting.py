"""Playbooks that limit lines: adopted at this node by two people, or they do not hold."""

from datetime import datetime

from django.db import transaction

from tocsin.desks.subscribers.models import Adoption
from tocsin.office import register
from tocsin.rules.playbooks import ADOPTABLE, Playbook
from tocsin.words.errors import NotFound, Refused
from tocsin.words.moments import as_utc


def adopted() -> frozenset[tuple[str, int]]:
    """Name and version of every playbook that two people let in."""
    rows = Adoption.objects.filter(withdrawn_at=None).exclude(approved_at=None)
    return frozenset(rows.values_list("playbook", "version"))


def propose(name: str, *, by: str, at: datetime) -> Adoption:
    """The first of two; raises `NotFound`, and `Refused` where it was proposed before."""
    playbook = _adoptable(name)
    with transaction.atomic():
        made, is_new = Adoption.objects.get_or_create(
            playbook=playbook.name,
            version=playbook.version,
            withdrawn_at=None,
            defaults={"proposed_by": by, "proposed_at": as_utc(at)},
        )
        if not is_new:
            raise Refused(f"{made}: {made.proposed_by} proposed it already")
        _record("propose", made, by=by, at=at)
    return made


def approve(name: str, *, by: str, at: datetime) -> Adoption:
    """The second of two, who is another person; raises `NotFound` and `Refused`."""
    with transaction.atomic():
        row = _open(name)
        if row.approved_at is not None:
            raise Refused(f"{row}: {row.approved_by} approved it already")
        if row.proposed_by.casefold() == by.casefold():
            raise Refused(
                f"{row}: {by} proposed it, and a second person approves it. "
                "Possible: have somebody else approve it"
            )
        row.approved_by, row.approved_at = by, as_utc(at)
        row.save(update_fields=["approved_by", "approved_at"])
        _record("approve", row, by=by, at=at)
    return row


def withdraw(name: str, *, by: str, at: datetime) -> Adoption:
    """One is enough to end it: no line is limited by it any more; raises `NotFound`."""
    with transaction.atomic():
        row = _open(name)
        row.withdrawn_at = as_utc(at)
        row.save(update_fields=["withdrawn_at"])
        _record("withdraw", row, by=by, at=at)
    return row


def _adoptable(name: str) -> Playbook:
    found = [row for row in ADOPTABLE if row.name == name]
    if not found:
        names = ", ".join(row.name for row in ADOPTABLE)
        raise NotFound(f"no playbook {name[:60]!r} has measures. Possible: {names}")
    return found[-1]


def _open(name: str) -> Adoption:
    playbook = _adoptable(name)
    rows = Adoption.objects.select_for_update().filter(
        playbook=name, version=playbook.version, withdrawn_at=None
    )
    row = rows.first()
    if row is None:
        raise NotFound(
            f"nobody proposed {name}, version {playbook.version}. "
            f"Possible: tocsin subscribers adopt propose {name}"
        )
    return row


def _record(verb: str, row: Adoption, *, by: str, at: datetime) -> None:
    facts: dict[str, register.Fact] = {"playbook": row.playbook, "version": row.version}
    register.record(action=f"subscribers:playbook:{verb}", actor=by, at=at, facts=facts)
