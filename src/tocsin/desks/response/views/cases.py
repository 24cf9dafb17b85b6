"""Cases: lists with filters and mass actions, one case with its thread and buttons."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from tocsin.desks.response import actions, queries
from tocsin.desks.response.actions.consulting import consult_case
from tocsin.desks.response.actions.moving import Post, merge, split
from tocsin.desks.response.actions.moving import redirect as redirect_case
from tocsin.desks.response.actions.saved_filters import drop_filter, save_filter
from tocsin.desks.response.queries.filters import OPEN
from tocsin.desks.response.queries.notifications import may_notify, notifications_of
from tocsin.desks.response.queries.saved_filters import saved_filters
from tocsin.desks.response.views.doors import (
    MOST_EXPORTED,
    crumbs,
    exported,
    page_number,
    query_without,
    store_folder,
)
from tocsin.desks.response.views.rows import case_rows
from tocsin.office import sentences
from tocsin.office.documents.pdf import is_installed
from tocsin.office.models import Party
from tocsin.office.people.asking import Asked, needs
from tocsin.office.people.viewer import running
from tocsin.office.prepared import A_MOMENT, Prepared
from tocsin.words.errors import NotFound, TocsinError, Unusable

READ = ("response:case:read", "response:case:read_own")
HANDLE, ANSWER = "response:case:handle", "response:case:answer"
HEADS = (
    "case",
    "party",
    "about",
    "kind",
    "family",
    "relation",
    "events",
    "first_at",
    "last_at",
    "seen_at",
    "state",
    "tlp",
    "opened_at",
    "told_at",
    "answered_at",
)
STEPS = {
    "acknowledge": gettext_lazy("We received it"),
    "act": gettext_lazy("We are acting on it"),
    "cure": gettext_lazy("It is cured"),
    "disown": gettext_lazy("It is not ours"),
    "dispute": gettext_lazy("It is wrong"),
    "uphold": gettext_lazy("Stand by it"),
    "close": gettext_lazy("Close"),
}
ANSWERS = ("acknowledge", "act", "cure", "disown", "dispute")


@needs(*READ)
@require_safe
def list_cases(request: Asked) -> HttpResponseBase:
    """One page of what somebody may see, with filters and their counts; or all of it as a file."""
    viewer = request.viewer
    problem, filters = _filters(request)
    if (form := request.GET.get("as", "")) in ("csv", "json"):
        return _exported(request, filters, form)
    order = request.GET.get("order", "changed")
    desk = viewer.may("response:case:read")
    page = queries.cases_for(viewer, filters, page=page_number(request), order=order)
    steps = [(name, STEPS[name]) for name in ANSWERS] if viewer.may(ANSWER) else []
    may_handle = viewer.may(HANDLE)
    tick = bool(steps) or may_handle
    said = {
        "page": page,
        "rows": case_rows(page.rows, page.tags if desk else None, tick=tick, party=desk),
        "facets": queries.facets_for(viewer, filters),
        "filters": filters,
        "chosen": {name: set(words) for name, words in filters.words().items()},
        "query": query_without(request, "page"),
        "order": order,
        "orders": ORDERS,
        "is_desk": desk,
        "problem": problem,
        "saved": saved_filters(viewer),
        "steps": steps,
        "may_handle": may_handle,
        "tick": tick,
        "crumbs": crumbs(),
    }
    return render(request, "response/cases.html", said, status=400 if problem else 200)


ORDERS = (
    ("changed", gettext_lazy("last changed")),
    ("seen", gettext_lazy("last seen")),
    ("oldest", gettext_lazy("oldest first")),
    ("events", gettext_lazy("most events")),
)


def _filters(request: Asked) -> tuple[str, queries.Filters]:
    words = {name: [str(word) for word in found] for name, found in request.GET.lists()}
    try:
        return "", queries.Filters.read(words)
    except Unusable as fault:
        return sentences.said(str(fault)), queries.Filters()


def _exported(request: Asked, filters: queries.Filters, form: str) -> HttpResponseBase:
    desk = request.viewer.may("response:case:read")
    conditions = filters.conditions(request.viewer, is_desk=desk)
    rows = queries.visible_cases(request.viewer).filter(conditions).select_related("party")
    rows = rows.defer("sample").order_by("-changed_at", "-pk")[:MOST_EXPORTED]
    cells = (
        [row.reference, row.party.slug, *(getattr(row, name) for name in HEADS[2:])]
        for row in rows.iterator(chunk_size=1000)
    )
    return exported(form, "cases", HEADS, cells, at=datetime.now(UTC))


@needs(*READ)
@require_POST
def save(request: Asked) -> HttpResponseBase:
    """Keep the filters of the list under a name, or drop what was kept."""
    back = f"{reverse('response:cases')}?{query_without(request, 'page')}".rstrip("?")
    if uid := request.POST.get("drop", ""):
        drop_filter(request.viewer, _uid(uid))
        return redirect(back)
    problem, filters = _filters(request)
    try:
        name = request.POST.get("name", "")
        kept = save_filter(request.viewer, name=name, filters=filters, at=datetime.now(UTC))
    except TocsinError as fault:
        messages.error(request, problem or sentences.said(str(fault)))
    else:
        messages.success(request, _("Kept as %(name)s.") % {"name": kept.name})
    return redirect(back)


def _uid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("there is no such filter") from None


@needs(*READ)
@require_safe
def show_case(request: Asked, uid: UUID) -> HttpResponseBase:
    """One case, with what one may do in it now."""
    viewer = request.viewer
    file = queries.case_for(viewer, uid)
    said = {
        "file": file,
        "case": file.case,
        "steps": [
            (row.name, STEPS[row.name], row.name in ANSWERS)
            for row in file.steps
            if row.name in STEPS
        ],
        "may_write": viewer.may(HANDLE, file.case.party) or viewer.may(ANSWER, file.case.party),
        "may_split": viewer.may(HANDLE) and file.case.state not in ("merged", "closed"),
        "may_give_over": any(row.name == "redirect" for row in file.steps),
        "handlers": _handlers() if file.is_desk and viewer.may(HANDLE) else [],
        "has_pdf": is_installed(),
        "is_open": file.case.state in OPEN,
        "now": datetime.now(UTC),
        "may_notify": may_notify(viewer, file.case.party),
        "notified": notifications_of(file.case, viewer),
        "crumbs": crumbs((_("Cases"), reverse("response:cases"))),
    }
    return render(request, "response/case.html", said)


def _handlers() -> list[tuple[str, str]]:
    """Who of the desk a case can be given to."""
    found = _of_node(datetime.now(UTC))
    return sorted({(name, uid.hex) for name, uid, words in found if "response.handle" in words})


_of_node = Prepared(
    lambda at: (
        running(at)
        .filter(party__runs_node=True)
        .select_related(None)
        .values_list("person__name", "person__uid", "competences")
    ),
    A_MOMENT,
)


@needs(*READ)
@require_POST
def events(request: Asked, uid: UUID) -> HttpResponseBase:
    """The events of a case out of the store; who looked and why is in the register."""
    why, text = request.POST.get("why", ""), request.POST.get("page", "1")
    found = consult_case(
        request.viewer,
        uid,
        why=why,
        page=int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1,
        at=datetime.now(UTC),
        store_folder=store_folder(),
    )
    case = (found.case.reference, reverse("response:case", args=[found.case.uid]))
    way = crumbs((_("Cases"), reverse("response:cases")), case)
    said = {"found": found, "case": found.case, "why": why, "crumbs": way}
    return render(request, "response/events.html", said)


# ── doing ────────────────────────────────────────────────────────────────────────────────


@needs(ANSWER, HANDLE)
@require_POST
def step(request: Asked, uid: UUID) -> HttpResponseBase:
    """Take the step of a button; what is refused is said in the words of the rules."""
    name, note = request.POST.get("step", ""), request.POST.get("note", "")
    viewer, at = request.viewer, datetime.now(UTC)
    if name in ANSWERS:
        return _done(request, uid, lambda: actions.answer(viewer, uid, step=name, note=note, at=at))
    if name == "uphold":
        return _done(request, uid, lambda: actions.uphold(viewer, uid, note=note, at=at))
    if name == "close":
        return _done(request, uid, lambda: actions.close(viewer, uid, note=note, at=at))
    raise Unusable(f"{name!r} is no step. Possible: {', '.join(STEPS)}")


@needs(ANSWER, HANDLE)
@require_POST
def comment(request: Asked, uid: UUID) -> HttpResponseBase:
    """Write into the thread."""
    text, for_desk = request.POST.get("text", ""), request.POST.get("audience") == "desk"
    viewer, at = request.viewer, datetime.now(UTC)
    return _done(
        request,
        uid,
        lambda: actions.comment(
            viewer, uid, text=text, for_desk=for_desk, at=at, post=None if for_desk else _post()
        ),
    )


@needs(HANDLE)
@require_POST
def assign(request: Asked, uid: UUID) -> HttpResponseBase:
    """Give it to somebody, or to nobody."""
    person, at = request.POST.get("person") or None, datetime.now(UTC)
    return _done(request, uid, lambda: actions.assign(request.viewer, uid, person=person, at=at))


@needs(HANDLE)
@require_POST
def tag(request: Asked, uid: UUID) -> HttpResponseBase:
    """Put a word on, or take one off."""
    viewer, at = request.viewer, datetime.now(UTC)
    if name := request.POST.get("untag", ""):
        return _done(request, uid, lambda: actions.untag(viewer, uid, name=name, at=at))
    name = request.POST.get("name", "")
    return _done(request, uid, lambda: actions.tag(viewer, uid, name=name, at=at))


@needs(HANDLE)
@require_POST
def split_off(request: Asked, uid: UUID) -> HttpResponseBase:
    """Make a case of its own of what lies in a network or under a domain."""
    within, note = request.POST.get("within", ""), request.POST.get("note", "")
    return _done(
        request,
        uid,
        lambda: split(
            request.viewer,
            uid,
            within=within,
            note=note,
            at=datetime.now(UTC),
            store_folder=store_folder(),
        ),
    )


@needs(HANDLE)
@require_POST
def give_over(request: Asked, uid: UUID) -> HttpResponseBase:
    """Give a case that a party disowned to another one."""
    to, note = request.POST.get("to", "").strip(), request.POST.get("note", "")
    if not Party.objects.filter(slug=to, active=True).exists():
        messages.error(request, _("There is no party of this short name."))
        return redirect("response:case", uid=uid)
    return _done(
        request,
        uid,
        lambda: redirect_case(
            request.viewer, uid, to=to, note=note, at=datetime.now(UTC), post=_post()
        ),
    )


def _post() -> Post:
    return Post(store_folder(), settings.NODE_NAME)


def _done(request: Asked, uid: UUID, act: Callable[[], Any]) -> HttpResponseBase:
    """Back to the case, with what came of it; one that is not there stays not there."""
    try:
        act()
    except NotFound:
        raise
    except TocsinError as fault:
        messages.error(request, sentences.said(str(fault)))
    else:
        messages.success(request, _("It is written down."))
    return redirect("response:case", uid=uid)


@needs(ANSWER, HANDLE)
@require_POST
def many(request: Asked) -> HttpResponseBase:
    """The same to every case that was ticked; one that cannot hinders no other."""
    back = f"{reverse('response:cases')}?{query_without(request)}".rstrip("?")
    uids, name = request.POST.getlist("case"), request.POST.get("do", "")
    try:
        done = _many(request, uids, name)
    except TocsinError as fault:
        messages.error(request, sentences.said(str(fault)) if uids else _("No case was ticked."))
        return redirect(back)
    good = sum(one.case is not None for one in done)
    if good:
        said = ngettext("%(n)s case is changed.", "%(n)s cases are changed.", good)
        messages.success(request, said % {"n": good})
    for error in list(dict.fromkeys(one.error for one in done if one.error))[:5]:
        messages.error(request, error)
    return redirect(back)


def _many(request: Asked, uids: list[str], name: str) -> list[actions.Done]:
    viewer, at, note = request.viewer, datetime.now(UTC), request.POST.get("note", "")
    if name in ANSWERS:
        return actions.answer_all(viewer, uids, step=name, note=note, at=at)
    if name == "close":
        return actions.close_all(viewer, uids, note=note, at=at)
    if name == "take":
        mine = viewer.person.uid.hex if viewer.person else None
        return actions.assign_all(viewer, uids, person=mine, at=at)
    if name == "merge" and len(uids) > 1:
        return [actions.Done(uids[0], merge(viewer, uids[0], uids[1:], note=note, at=at))]
    if name == "merge":
        raise Unusable(_("One case alone cannot be merged. Possible: tick two or more."))
    if name == "tag":
        return actions.tag_all(viewer, uids, name=request.POST.get("tag", ""), at=at)
    raise Unusable(f"{name!r} is nothing that can be done to many cases")
