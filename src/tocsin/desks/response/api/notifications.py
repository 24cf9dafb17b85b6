"""Notifications of incidents (NIS2 art. 23 and 30, unverified): what an entity submits."""

from datetime import datetime
from typing import Any, Literal

from ninja import Field, Query, Router, Schema

from tocsin.desks.response import actions
from tocsin.desks.response.models import Notification
from tocsin.desks.response.queries.notifications import (
    READ,
    READ_OWN,
    RECEIVE,
    SUBMIT,
    NotificationFile,
    notification_for,
    visible_notifications,
)
from tocsin.office import register
from tocsin.office.api import Called, Page, Paging, Scope, page_of
from tocsin.words.moments import as_utc

router = Router(tags=["notifications"])

_SEE = Scope(READ, READ_OWN)


class NotificationOut(Schema):
    """One notification in a list."""

    id: str
    reference: str
    lifecycle: str = Field(description="incident or voluntary")
    party: str
    subject: str
    state: str
    aware_at: datetime
    made_at: datetime
    changed_at: datetime


class SubmissionOut(Schema):
    """One step that was taken, with what was submitted or asked."""

    step: str
    state: str
    at: datetime
    party: str | None = None
    text: str = ""


class OwedOut(Schema):
    """One clock of a notification: the safe date, and the latest legal one."""

    rule: str
    due_at: datetime
    latest_at: datetime
    met_at: datetime | None = None
    state: str


class NotificationWhole(NotificationOut):
    """One notification with its submissions, clocks and the steps that you may take now."""

    steps: list[str]
    submissions: list[SubmissionOut]
    deadlines: list[OwedOut]


class WhichNotifications(Paging):
    """Which notifications a list shows."""

    state: str = Field("", max_length=20, description="a state of the lifecycle")


class BeginNotification(Schema):
    """An incident of a party of yours; its clocks run from `aware_at`."""

    party: str = Field(max_length=60, description="a short name")
    lifecycle: Literal["incident", "voluntary"]
    subject: str = Field(min_length=1, max_length=200)
    aware_at: datetime
    case: str | None = Field(None, max_length=40, description="the case it is notified from")


class StepNotification(Schema):
    """A step, with what is submitted or asked."""

    step: str = Field(max_length=20)
    text: str = Field("", max_length=10_000)


@router.get("/notifications", auth=_SEE, response=Page[NotificationOut], summary="List them")
def list_notifications(request: Called, words: Query[WhichNotifications]) -> Any:
    """Your party's own; for who receives them all that were submitted. The last changed first."""
    rows = visible_notifications(request.viewer).select_related("party")
    rows = rows.filter(state=words.state) if words.state else rows
    page = page_of(
        rows, words, name="notifications", by="changed_at", show=_brief, where=words.state
    )
    if page["items"]:
        _consult(request, shown=len(page["items"]), what="list")
    return page


@router.post(
    "/notifications",
    auth=Scope(SUBMIT),
    response={201: NotificationWhole},
    summary="Begin a notification",
)
def begin_notification(request: Called, words: BeginNotification) -> Any:
    """Nothing goes to anybody before the first step is submitted."""
    facts = words.dict() | {"aware_at": as_utc(words.aware_at)}
    row = actions.begin_notification(request.viewer, **facts, at=request.at)
    return _whole(notification_for(request.viewer, row.uid))


@router.get(
    "/notifications/{uid}", auth=_SEE, response=NotificationWhole, summary="One notification"
)
def get_notification(request: Called, uid: str) -> Any:
    """With what was submitted, its clocks, and the steps that you may take now."""
    return _whole(actions.consult_notification(request.viewer, uid, at=request.at))


@router.post(
    "/notifications/{uid}/steps",
    auth=Scope(SUBMIT, RECEIVE),
    response={201: NotificationWhole},
    summary="Take a step of a notification",
)
def step_notification(request: Called, uid: str, words: StepNotification) -> Any:
    """What is possible stands in `steps`."""
    actions.step_notification(request.viewer, uid, step=words.step, text=words.text, at=request.at)
    return _whole(notification_for(request.viewer, uid))


def _consult(request: Called, *, shown: int, what: str) -> None:
    why = "receives notifications" if request.viewer.may(READ) else "notifies for its party"
    register.consult(
        noun="response:notification",
        actor=request.viewer.name,
        at=request.at,
        why=why,
        what=what,
        shown=shown,
    )


def _brief(row: Notification) -> dict[str, Any]:
    same = "reference lifecycle subject state aware_at made_at changed_at"
    return {
        "id": row.uid.hex,
        "party": row.party.slug,
        **{name: getattr(row, name) for name in same.split()},
    }


def _whole(found: NotificationFile) -> dict[str, Any]:
    said = ("step", "state", "at", "text")
    owed = ("rule", "due_at", "latest_at", "met_at", "state")
    return {
        **_brief(found.notification),
        "steps": [step.name for step in found.steps],
        "submissions": [
            {
                **{name: getattr(row, name) for name in said},
                "party": row.party.slug if row.party else None,
            }
            for row in found.submissions
        ],
        "deadlines": [{name: getattr(row, name) for name in owed} for row in found.deadlines],
    }
