"""Cases that were cut wrong: merged, split, or another party's.

What was told stays where it was told: a merged case goes on counting in the case it went into, a
split takes its part of the events along, and a case that is redirected begins anew for the other
party, which reads nothing of what the first one wrote.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from tocsin.desks.response.actions import clocks
from tocsin.desks.response.actions.opening import reference
from tocsin.desks.response.actions.steps import acting_party, locked, require_text, take_step
from tocsin.desks.response.models import Case, Entry, Sighting
from tocsin.desks.response.queries.cases import HANDLE, actor_of
from tocsin.desks.response.queries.events import counts_by_report
from tocsin.flow.recall import read_where
from tocsin.office import notices, register, sentences
from tocsin.office.models import Delivery, Party
from tocsin.office.people.viewer import Viewer
from tocsin.office.templatetags.words import number
from tocsin.words.errors import NotFound, Refused, Unusable
from tocsin.words.moments import as_utc

MOST_MERGED = 100


@dataclass(frozen=True)
class Post:
    """Where notices are written, and as whom."""

    store_folder: Path
    node: str


def merge(
    viewer: Viewer, into: UUID | str, uids: Iterable[UUID | str], *, note: str = "", at: datetime
) -> Case:
    """Merge cases of one party into one of them; what is seen of them later counts there.

    All or none. Raises `NotFound`, `Refused` for a case of another party or relation.
    """
    text = require_text(note)
    wanted = [uid for uid in dict.fromkeys(map(str, uids)) if uid != str(into)]
    if not 0 < len(wanted) <= MOST_MERGED:
        raise Unusable(f"{len(wanted)} cases to merge. Possible: 1 to {MOST_MERGED} others")
    with transaction.atomic():
        target = locked(viewer, into)
        viewer.require(HANDLE, target.party)
        if target.state == "merged":
            raise Refused(f"case {target.reference} was merged itself. Possible: one that is open")
        for uid in sorted(wanted):
            _merge_one(viewer, locked(viewer, uid), target, text, at)
        target.changed_at = as_utc(at)
        target.save(
            update_fields=["events", "first_at", "last_at", "seen_at", "severity", "changed_at"]
        )
    return target


def _merge_one(viewer: Viewer, case: Case, target: Case, text: str, at: datetime) -> None:
    alike = ("party_id", "relation", "side")
    if any(getattr(case, name) != getattr(target, name) for name in alike):
        raise Refused(
            f"case {case.reference} is not told to {target.party.name} as {target.relation} like "
            f"{target.reference}. Possible: cases of one party and relation"
        )
    said = "\n".join(filter(None, (f"merged into {target.reference}", text)))
    take_step(
        case,
        "merge",
        actor_of(viewer, HANDLE, case.party),
        by=viewer.name,
        at=at,
        person=viewer.person,
        party=acting_party(viewer, HANDLE, case),
        text=said,
    )
    Case.objects.filter(merged_into=case).update(merged_into=target)
    Case.objects.filter(pk=case.pk).update(merged_into=target)
    target.events += case.events
    target.first_at = min(filter(None, (case.first_at, target.first_at)), default=None)
    target.last_at = max(filter(None, (case.last_at, target.last_at)), default=None)
    target.seen_at = max(case.seen_at, target.seen_at)
    clocks.answered(case, by=viewer.name, at=at)


def split(
    viewer: Viewer,
    uid: UUID | str,
    *,
    within: str,
    note: str = "",
    at: datetime,
    store_folder: Path,
) -> Case:
    """Make a case of its own of the events in a network or under a domain; the new case.

    It begins in the state of the one it is taken from. What is seen later counts for that one.
    Raises `NotFound`, `Refused` where no event or every event lies there.
    """
    text, where = require_text(note), read_where(within)
    with transaction.atomic():
        case = locked(viewer, uid)
        viewer.require(HANDLE, case.party)
        if case.state in ("merged", "closed"):
            raise Refused(f"case {case.reference} is {case.state}. Possible: one that is open")
        found = counts_by_report(
            case, viewer, within=where, on=as_utc(at).date(), store_folder=store_folder
        )
        count = sum(found.values())
        if not 0 < count < case.events:
            raise Refused(
                f"{count:,} of the {case.events:,} events of case {case.reference} lie in {where}. "
                "Possible: a network or domain with some of them and not all"
            )
        part = _part(case, where, count, at)
        _move_sightings(case, part, found)
        _note_split(viewer, case, part, text, at)
    return part


def _part(case: Case, where: str, count: int, at: datetime) -> Case:
    values = {
        field.attname: getattr(case, field.attname)
        for field in Case._meta.concrete_fields  # noqa: SLF001 Django's way to name columns
        if field.name not in ("id", "uid", "reference", "key", "sample", "within", "merged_into")
    }
    part = Case.objects.create(
        **{
            **values,
            "reference": reference(),
            "key": "",  # nothing that is seen later joins it
            "events": count,
            "within": where,
            "split_from_id": case.pk,
            "opened_at": as_utc(at),
            "changed_at": as_utc(at),
        }
    )
    case.without = [*case.without, where]
    case.events -= count
    case.changed_at = as_utc(at)
    case.save(update_fields=["without", "events", "changed_at"])
    return part


def _move_sightings(case: Case, part: Case, found: dict[str, int]) -> None:
    """Each report's share goes along, so that its reporter sees where it went."""
    left = {UUID(report): count for report, count in found.items()}
    rows = Sighting.objects.filter(case=case, report__uid__in=left).select_related("report")
    for row in rows.order_by("pk"):
        moved = min(left[row.report.uid], row.events)
        if not moved:
            continue
        left[row.report.uid] -= moved
        Sighting.objects.create(
            case=part,
            report=row.report,
            delivery_id=row.delivery_id,
            events=moved,
            first_at=row.first_at,
            last_at=row.last_at,
            at=row.at,
        )
        row.events -= moved
        if row.events:
            row.save(update_fields=["events"])
        else:
            row.delete()


def _note_split(viewer: Viewer, case: Case, part: Case, text: str, at: datetime) -> None:
    for one, said in (
        (case, f"{part.within} split off as {part.reference}"),
        (part, f"split off {case.reference}: {part.within}"),
    ):
        Entry.objects.create(
            case=one,
            kind=Entry.Kind.CHANGE,
            audience=Entry.Audience.PARTY,
            at=as_utc(at),
            by=viewer.name,
            person=viewer.person,
            party=acting_party(viewer, HANDLE, one),
            text="\n".join(filter(None, (said, text))),
        )
    register.record(
        action="response:case:split",
        actor=viewer.name,
        at=at,
        subject=case.uid,
        facts={"party": case.party.slug, "part": part.uid.hex, "events": part.events},
    )


def redirect(
    viewer: Viewer, uid: UUID | str, *, to: str, note: str = "", at: datetime, post: Post
) -> Case:
    """Give a case that a party disowned to another one, which gets a notice of it.

    The other party sees the case from here on, and nothing that was written before. Raises
    `NotFound` for no case and no such party, `Refused` where the case is not disowned.
    """
    text = require_text(note)
    with transaction.atomic():
        case = locked(viewer, uid)
        viewer.require(HANDLE, case.party)
        party = Party.objects.filter(slug=to, active=True).first()
        if party is None:
            raise NotFound(f"there is no party {to}")
        if party.pk == case.party_id:
            raise Refused(f"case {case.reference} is {party.name}'s. Possible: another party")
        before, actor = case.party, actor_of(viewer, HANDLE, case.party)
        acting, disowned_in = acting_party(viewer, HANDLE, case), case.told_in
        case.entries.update(audience=Entry.Audience.DESK)
        case.party, case.told_in, case.told_at, case.answered_at = party, None, None, None
        case.save(update_fields=["party", "told_in", "told_at", "answered_at"])
        said = f"redirected from {before.name} to {party.name}"
        entry = take_step(
            case,
            "redirect",
            actor,
            by=viewer.name,
            at=at,
            person=viewer.person,
            party=acting,
            text="\n".join(filter(None, (said, text))),
        )
        Entry.objects.filter(pk=entry.pk).update(audience=Entry.Audience.DESK)
        case.told_in = _give_notice(case, party, post, at)
        case.save(update_fields=["told_in"])
        if disowned_in is not None:
            clocks.settle(disowned_in, by=viewer.name, at=at)
    return case


def _give_notice(case: Case, party: Party, post: Post, at: datetime) -> Delivery:
    with sentences.speaking(party.language):
        subject, text = _worded(case)
    delivery = notices.queue_notice(
        party=party,
        about=f"case:{case.uid.hex}:{party.slug}",
        subject=subject,
        text=text,
        facts={"case": case.uid.hex},
        at=at,
        store_folder=post.store_folder,
        node=post.node,
    )
    Entry.objects.create(
        case=case,
        kind=Entry.Kind.MAIL,
        at=as_utc(at),
        by=post.node,
        direction=Entry.Direction.OUT,
        delivery=delivery,
    )
    return delivery


def _worded(case: Case) -> tuple[str, str]:
    """Subject and text in the language that is spoken."""
    facts = (
        (_("Class"), f"{case.kind}{f' ({case.family})' if case.family else ''}"),
        (_("About"), case.about),
        (_("Events"), number(case.events)),
    )
    text = "\n\n".join(
        (
            _("A case is yours to look at: %(case)s") % {"case": case.reference},
            "\n".join(sentences.line(*fact) for fact in facts),
            _(
                "Somebody else was told of it first and said that it is not theirs. Sign in to see "
                "its events and to answer."
            ),
        )
    )
    return subject_of(case), text


def subject_of(case: Case) -> str:
    """How a notice about a case is headed."""
    words = {"case": case.reference, "kind": case.kind, "about": case.about}
    return _("Case %(case)s: %(kind)s, %(about)s") % words
