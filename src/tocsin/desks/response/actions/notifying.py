"""Notifications of incidents: owed (NIS2 art. 23) or voluntary (art. 30), step by step.

Everything about them is (unverified), as the rules they follow are: docs/reference/cases.md.
"""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction

from tocsin.desks.response.actions.clocks import place_of
from tocsin.desks.response.actions.opening import reference
from tocsin.desks.response.actions.steps import require_text
from tocsin.desks.response.models import Notification, Submission
from tocsin.desks.response.queries.cases import actor_of, find_case
from tocsin.desks.response.queries.notifications import (
    LIFECYCLES,
    RECEIVE,
    SUBMIT,
    visible_notifications,
)
from tocsin.office import deadlines, register
from tocsin.office.models import Party
from tocsin.office.people.viewer import Viewer
from tocsin.rules import nis2
from tocsin.rules.deadline import in_force
from tocsin.rules.lifecycle import Lifecycle, steps_from, take
from tocsin.words.competences import Competence
from tocsin.words.errors import NotFound, Refused, Unusable
from tocsin.words.moments import as_utc, read_zone

# Which clock a step starts, and which it stops; counted from the moment of the step.
STARTS: Mapping[str, str] = {"notify": "nis2:report", "handle": "nis2:report-handled"}
STOPS: Mapping[str, tuple[str, ...]] = {
    "warn": ("nis2:warn",),
    "notify": ("nis2:warn", "nis2:notify"),
    "progress": ("nis2:report",),
    "report": ("nis2:report", "nis2:report-handled"),
}
_WITH_TEXT = ("warn", "notify", "update", "progress", "report", "send", "ask")


def begin_notification(
    viewer: Viewer,
    *,
    party: str,
    lifecycle: str,
    subject: str,
    aware_at: datetime,
    case: UUID | str | None = None,
    at: datetime,
) -> Notification:
    """Begin one for a party of one's own; the clocks of one that is owed run from `aware_at`.

    `case` is the one it is notified from. Raises `NotFound` for another's party or case,
    `Unusable` for a moment that lies ahead.
    """
    mine = viewer.parties_where(SUBMIT)
    chosen = next((row for row in viewer.parties if row.slug == party and row.pk in mine), None)
    if chosen is None:
        raise NotFound(f"there is no party {party}")
    if lifecycle not in Notification.Lifecycle.values:
        possible = ", ".join(Notification.Lifecycle.values)
        raise Unusable(f"{lifecycle!r} is no kind of notification. Possible: {possible}")
    source = find_case(viewer, case) if case else None
    if source is not None and source.party_id != chosen.pk:
        raise Unusable(f"case {source.reference} is not of {party}. Possible: one of its own")
    title = " ".join(require_text(subject, may_be_empty=False).split())
    if len(title) > 200:
        raise Unusable("a subject has at most 200 letters")
    if as_utc(aware_at) > as_utc(at):
        raise Unusable("nobody is aware of an incident before it is. Possible: a moment gone by")
    with transaction.atomic():
        row = Notification.objects.create(
            reference=reference(),
            lifecycle=lifecycle,
            party=chosen,
            case=source,
            subject=title,
            state=LIFECYCLES[lifecycle].start,
            aware_at=as_utc(aware_at),
            made_at=as_utc(at),
            changed_at=as_utc(at),
        )
        _record(row, "begin", viewer, at)
        if lifecycle == Notification.Lifecycle.INCIDENT:
            for name in ("nis2:warn", "nis2:notify"):
                _start(name, row, row.aware_at, by=viewer.name, at=at)
    return row


def step_notification(
    viewer: Viewer, uid: UUID | str, *, step: str, text: str = "", at: datetime
) -> Notification:
    """Take a step of a notification, with what is submitted or asked.

    Raises `NotFound` for one that somebody may not see, `Refused` for a step that is not theirs or
    not possible now, `Unusable` for a submission without a text.
    """
    said = require_text(text, may_be_empty=step not in _WITH_TEXT)
    with transaction.atomic():
        row = _locked(viewer, uid)
        lifecycle = LIFECYCLES[row.lifecycle]
        permission = _permission(lifecycle, row, step)
        viewer.require(permission, row.party)
        row.state = take(lifecycle, row.state, step, actor_of(viewer, permission, row.party))
        row.changed_at = as_utc(at)
        row.save(update_fields=["state", "changed_at"])
        Submission.objects.create(
            notification=row,
            step=step,
            state=row.state,
            text=said,
            at=as_utc(at),
            by=viewer.name,
            person=viewer.person,
            party=_acting(viewer, permission, row),
        )
        _record(row, step, viewer, at)
        _clocks(row, step, by=viewer.name, at=at)
    return row


def _locked(viewer: Viewer, uid: UUID | str) -> Notification:
    try:
        wanted = uid if isinstance(uid, UUID) else UUID(uid)
    except ValueError:
        raise NotFound(f"there is no notification {uid}") from None
    rows = visible_notifications(viewer).select_for_update(of=("self",)).select_related("party")
    row = rows.filter(uid=wanted).first()
    if row is None:
        raise NotFound(f"there is no notification {uid}")
    return row


def _permission(lifecycle: Lifecycle, row: Notification, step: str) -> str:
    """Whose step it is; one that is not possible is refused by the table itself."""
    for one in (*steps_from(lifecycle, row.state), *lifecycle.steps):
        if one.name == step:
            return RECEIVE if one.competence is Competence.NIS2_RECEIVE else SUBMIT
    known = ", ".join(dict.fromkeys(one.name for one in lifecycle.steps))
    raise Refused(f"{lifecycle.noun}: there is no step {step!r}. Possible: {known}")


def _acting(viewer: Viewer, permission: str, row: Notification) -> Party | None:
    held = viewer.parties_where(permission)
    if row.party_id in held:
        return row.party
    return next((party for party in viewer.parties if party.pk in held), None)


def _clocks(row: Notification, step: str, *, by: str, at: datetime) -> None:
    if row.lifecycle != Notification.Lifecycle.INCIDENT:
        return
    for name in STOPS.get(step, ()):
        deadlines.meet(row.uid, name, by=by, at=at)
    if step in STARTS:
        _start(STARTS[step], row, at, by=by, at=at)
    if step == "drop":
        deadlines.withdraw(row.uid, why="not significant", by=by, at=at)


def _start(name: str, row: Notification, started_at: datetime, *, by: str, at: datetime) -> None:
    zone, holidays = place_of(row.party)
    deadlines.start(
        in_force(nis2.DEADLINES, name, on=as_utc(started_at).date()),
        matter=row.uid,
        party=row.party,
        started_at=started_at,
        zone=read_zone(zone),
        holidays=holidays,
        by=by,
        at=at,
    )


def _record(row: Notification, step: str, viewer: Viewer, at: datetime) -> None:
    facts: dict[str, register.Fact] = {
        "party": row.party.slug,
        "lifecycle": str(row.lifecycle),
        "step": step,
        "state": row.state,
    }
    action = "response:notification:" + ("begin" if step == "begin" else "step")
    register.record(action=action, actor=viewer.name, at=at, subject=row.uid, facts=facts)
