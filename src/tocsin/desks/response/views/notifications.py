"""Notifications of incidents (NIS2, unverified): one's own with their clocks, step by step."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tocsin.desks.response import actions
from tocsin.desks.response.forms import BeginNotification, NotificationStep
from tocsin.desks.response.models import Case
from tocsin.desks.response.queries import find_case
from tocsin.desks.response.queries.notifications import (
    LIFECYCLES,
    READ,
    READ_OWN,
    RECEIVE,
    STATES,
    SUBMIT,
    NotificationFile,
)
from tocsin.desks.response.views.doors import (
    crumbs,
    page_number,
    query_without,
)
from tocsin.office import sentences
from tocsin.office.people.asking import Asked, needs
from tocsin.office.templatetags.words import spoken, who
from tocsin.rules.lifecycle import Step, steps_from
from tocsin.words.errors import NotFound, TocsinError

MAY = (READ, READ_OWN)
CASES = ("response:case:read", "response:case:read_own")
STEPS = {
    "acknowledge": gettext_lazy("Acknowledge it"),
    "ask": gettext_lazy("Ask for an intermediate report"),
    "close": gettext_lazy("Close it"),
    "drop": gettext_lazy("Drop it"),
    "handle": gettext_lazy("Say that it is handled"),
    "notify": gettext_lazy("Send the incident notification"),
    "progress": gettext_lazy("Send a progress report"),
    "report": gettext_lazy("Send the final report"),
    "send": gettext_lazy("Send it"),
    "update": gettext_lazy("Send the intermediate report"),
    "warn": gettext_lazy("Send the early warning"),
}
NAMES = {
    "open": gettext_lazy("under way"),
    "ended": gettext_lazy("ended"),
    "all": gettext_lazy("all"),
}


@needs(*MAY)
@require_safe
def list_notifications(request: Asked) -> HttpResponseBase:
    """Those under way with the clock that rings next; that they were looked at is written down."""
    at, state = datetime.now(UTC), request.GET.get("state", "open")
    said = {
        "page": actions.consult_notifications(
            request.viewer, state=state, page=page_number(request), at=at
        ),
        "state": state,
        "states": [(word, NAMES[word]) for word in STATES],
        "query": query_without(request, "page"),
        "may_begin": request.viewer.may(SUBMIT),
        "now": at,
        "crumbs": _way(request) if request.viewer.may(SUBMIT) else [],
    }
    return render(request, "response/notifications.html", said)


@needs(*MAY)
@require_safe
def show_notification(request: Asked, uid: UUID) -> HttpResponseBase:
    """One, with what was submitted and a form for each step that is possible now."""
    file = actions.consult_notification(request.viewer, uid, at=datetime.now(UTC))
    return _shown(request, file)


@needs(SUBMIT)
@require_http_methods(["GET", "HEAD", "POST"])
def begin(request: Asked) -> HttpResponseBase:
    """Begin one for a party of one's own, from a case where there is one."""
    viewer, at = request.viewer, datetime.now(UTC)
    mine = viewer.parties_where(SUBMIT)
    parties = [(one.slug, one.name) for one in viewer.parties if one.pk in mine]
    case = _case(request)
    form = BeginNotification(
        request.POST or None, parties=parties, initial=_initial(case, parties, at)
    )
    if request.method == "POST" and form.is_valid():
        try:
            row = actions.begin_notification(viewer, **form.cleaned_data, at=at)
        except NotFound:
            raise
        except TocsinError as fault:
            form.add_error(None, sentences.said(str(fault)))
        else:
            messages.success(request, _("It is written down; nothing was sent to anybody yet."))
            return redirect("response:notification", uid=row.uid)
    way = _way(request, (_("Notifications"), reverse("response:notifications")))
    said = {"form": form, "case": case, "crumbs": way}
    status = 422 if form.errors else 200
    return render(request, "response/begin_notification.html", said, status=status)


@needs(SUBMIT, RECEIVE)
@require_POST
def step(request: Asked, uid: UUID) -> HttpResponseBase:
    """Take the step of a button; what is refused is said in the words of the rules."""
    name, viewer, at = request.POST.get("step", "")[:20], request.viewer, datetime.now(UTC)
    form = NotificationStep(request.POST, step=name)
    if form.is_valid():
        try:
            actions.step_notification(viewer, uid, step=name, text=form.said(), at=at)
        except NotFound:
            raise
        except TocsinError as fault:
            form.add_error(None, sentences.said(str(fault)))
        else:
            messages.success(request, _("It is written down."))
            return redirect("response:notification", uid=uid)
    file = actions.consult_notification(viewer, uid, at=at)
    return _shown(request, file, tried=(name, form))


# ── what they share ──────────────────────────────────────────────────────────────────────


def _shown(
    request: Asked, file: NotificationFile, tried: tuple[str, NotificationStep] | None = None
) -> HttpResponseBase:
    row = file.notification
    name, form = tried or ("", None)
    names = [one.name for one in file.steps]
    steps = [
        (one, STEPS[one.name], form if one.name == name and form else _empty(one))
        for one in file.steps
    ]
    case = row.case if row.case and _sees(request, row.case) else None
    said = {
        "file": file,
        "row": row,
        "steps": steps,
        "open": name if name in names else "".join(names[:1]),
        "others": _of_others(file),
        "refused": form.non_field_errors() if form and name not in names else [],
        "case": case,
        "now": datetime.now(UTC),
        "crumbs": _way(request, (_("Notifications"), reverse("response:notifications"))),
    }
    return render(request, "response/notification.html", said, status=422 if tried else 200)


def _empty(one: Step) -> NotificationStep:
    return NotificationStep(step=one.name)


def _of_others(file: NotificationFile) -> list[tuple[str, str]]:
    """Steps that somebody else could take now: what, and whose people."""
    mine = {one.name for one in file.steps}
    rows = steps_from(LIFECYCLES[file.notification.lifecycle], file.notification.state)
    return [(spoken(one.name), who(one.competence)) for one in rows if one.name not in mine]


def _initial(case: Case | None, parties: list[tuple[str, str]], at: datetime) -> dict[str, Any]:
    if case is None:
        return {"party": "".join(parties[0][:1]) if parties else "", "aware_at": at}
    about = f"{case.kind}: {case.about}"
    return {"party": case.party.slug, "subject": about, "aware_at": at, "case": case.uid}


def _case(request: Asked) -> Case | None:
    """The case it is notified from, out of the address or the form; raises `NotFound`."""
    named = request.POST.get("case") or request.GET.get("case", "")
    return find_case(request.viewer, named[:40]) if named else None


def _sees(request: Asked, case: Case) -> bool:
    try:
        return bool(find_case(request.viewer, case.uid))
    except NotFound:
        return False


def _way(request: Asked, *way: tuple[str, str]) -> list[tuple[str, str]]:
    """Whoever may see no case is not led to a page that they may not open."""
    return crumbs(*way) if any(request.viewer.may(one) for one in CASES) else [*way]
