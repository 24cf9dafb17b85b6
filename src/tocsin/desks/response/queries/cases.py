"""Cases as somebody may see them: lists with counts, one case, what is open for me.

Closed unless opened: every question begins with `visible_cases`, and what is not in there is not
found, not counted and not suggested.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from tocsin.desks.response.models import Case, Entry, Report, Sighting, Tag
from tocsin.desks.response.queries.counting import Sight, count_of, facets_of
from tocsin.desks.response.queries.filters import OPEN, Filters
from tocsin.office.models import Deadline, Delivery, Party
from tocsin.office.people.viewer import Viewer
from tocsin.office.permissions import PERMISSIONS
from tocsin.office.prepared import A_KEY, A_UID, Prepared
from tocsin.rules import lifecycle
from tocsin.rules.response import CASE
from tocsin.words.errors import NotFound
from tocsin.words.moments import as_utc
from tocsin.words.roles import Role

READ, READ_OWN = "response:case:read", "response:case:read_own"
ANSWER, HANDLE = "response:case:answer", "response:case:handle"
PAGE, MOST_ON_PAGE = 50, 200
MOST_SHOWN = 200  # sightings, entries or parts of one case

# By which a list may be ordered; the key at the end makes an order of equals.
ORDERS = {
    "changed": ("-changed_at", "-pk"),
    "seen": ("-seen_at", "-pk"),
    "oldest": ("opened_at", "pk"),
    "events": ("-events", "-pk"),
}


def is_desk(viewer: Viewer) -> bool:
    """Whether somebody sees every case: the node's own people."""
    return viewer.may(READ)


def visible_cases(viewer: Viewer) -> QuerySet[Case]:
    """The cases there are for somebody: all for the desk, else those of their own parties.

    What may not leave for a party (no basis for a transfer, taken back) it does not see here
    either, unless it was told before.
    """
    if is_desk(viewer):
        return Case.objects.all()
    own = Case.objects.filter(party_id__in=viewer.parties_where(READ_OWN))
    return own.exclude(told_at=None, told_in__state__in=KEPT_BACK)


KEPT_BACK = (Delivery.State.PARKED, Delivery.State.WITHDRAWN)


@dataclass(frozen=True)
class Page:
    """One page of a list; `number` counts from 1, `tags` are by the key of a case."""

    rows: list[Case]
    number: int
    size: int
    total: int
    tags: Mapping[int, list[str]] = field(default_factory=dict)

    @property
    def pages(self) -> int:
        """How many pages there are; at least one, which may be empty."""
        return max(1, -(-self.total // self.size))

    @property
    def has_next(self) -> bool:
        """Whether another one follows."""
        return self.number < self.pages


def cases_for(
    viewer: Viewer,
    filters: Filters | None = None,
    *,
    page: int = 1,
    size: int = PAGE,
    order: str = "changed",
) -> Page:
    """One page of what somebody may see.

    A page behind the last is the last, an order that there is not is the first of `ORDERS`.
    """
    filters, desk = filters or Filters(), is_desk(viewer)
    total = count_of(_sight(viewer), filters)
    size = min(max(1, size), MOST_ON_PAGE)
    number = min(max(1, page), max(1, -(-total // size)))
    start = (number - 1) * size
    by = ORDERS.get(order, ORDERS["changed"])
    found = visible_cases(viewer).filter(filters.conditions(viewer, is_desk=desk))
    keys = _stretch(found, by, start=start, stop=min(start + size, total), total=total)
    rows = Case.objects.filter(pk__in=keys).select_related("party", "assigned").only(*_LISTED)
    shown = list(rows.order_by(*by))
    return Page(shown, number, size, total, _tags_of(shown) if desk else {})


def _tags_of(cases: Iterable[Case]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    rows = Tag.objects.filter(case__in=[case.pk for case in cases]).order_by("name")
    for case, name in rows.values_list("case_id", "name"):
        found.setdefault(case, []).append(name)
    return found


# What a list shows of a case: a row of all columns costs more to read than the page to write.
_LISTED = (
    *("uid", "reference", "about", "family", "kind", "events", "seen_at", "state", "tlp"),
    *("opened_at", "changed_at", "party__slug", "party__name", "assigned__uid", "assigned__name"),
)


def _stretch(
    found: QuerySet[Case], by: tuple[str, ...], *, start: int, stop: int, total: int
) -> QuerySet[Case, int]:
    """The keys of some rows out of an order, counted from the end that is nearer."""
    if start > total - stop:
        turned = [name.removeprefix("-") if name[0] == "-" else f"-{name}" for name in by]
        start, stop, by = total - stop, total - start, tuple(turned)
    return found.order_by(*by).values_list("pk", flat=True)[start:stop]


def facets_for(viewer: Viewer, filters: Filters | None = None) -> dict[str, dict[str, int]]:
    """How many cases each word of a filter would leave, the most frequent first.

    Counted over what somebody may see with all other filters on; tags are the desk's.
    """
    return facets_of(_sight(viewer), filters or Filters())


def _sight(viewer: Viewer) -> Sight:
    desk = is_desk(viewer)
    of = None if desk else viewer.parties_where(READ_OWN)
    return Sight(visible_cases(viewer), viewer, desk, of)


# ── one case ─────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class CaseFile:
    """What somebody may see of one case. No row of an event: those are asked for with a reason.

    `steps` are what they may do now, for the buttons. Reports, reporters, tags and whoever is
    assigned are the desk's; others get nothing of them.
    """

    case: Case
    is_desk: bool
    steps: tuple[lifecycle.Step, ...]
    entries: list[Entry]
    sightings: list[Sighting]
    deadlines: list[Deadline]
    tags: tuple[str, ...] = ()
    reporters: tuple[Party, ...] = ()
    reports: tuple[Report, ...] = ()
    parts: list[Case] = field(default_factory=list)

    @property
    def deliveries(self) -> list[Delivery]:
        """The deliveries the party was told in, the newest first."""
        return list({row.delivery_id: row.delivery for row in self.sightings}.values())

    @property
    def may_answer(self) -> bool:
        """Whether there is a step that an answer takes."""
        return any(step.name in ANSWERS for step in self.steps)


ANSWERS = ("acknowledge", "act", "cure", "disown", "dispute")


def find_case(viewer: Viewer, uid: UUID | str, rows: QuerySet[Case] | None = None) -> Case:
    """One case that somebody may see; one of others is not there (`NotFound`) like any other."""
    found = (visible_cases(viewer) if rows is None else rows).filter(uid=_uid(uid))
    return _there(found.select_related("party")[:1], uid)


def _uid(uid: UUID | str) -> UUID:
    try:
        return uid if isinstance(uid, UUID) else UUID(uid)
    except ValueError:
        raise NotFound(f"there is no case {uid}") from None


def _there(found: Iterable[Case], uid: UUID | str) -> Case:
    case = next(iter(found), None)
    if case is None:
        raise NotFound(f"there is no case {uid}")
    return case


def case_for(viewer: Viewer, uid: UUID | str) -> CaseFile:
    """One case with its thread, deliveries and clocks; raises `NotFound`. At most six queries."""
    desk = is_desk(viewer)
    case = _shown(viewer, uid)
    seen = _sightings(case.pk)
    return CaseFile(
        case=case,
        is_desk=desk,
        steps=steps_for(viewer, case),
        entries=thread_of(case, viewer),
        sightings=seen,
        deadlines=deadlines_of(case, viewer),
        tags=tuple(_tags(case.pk)) if desk else (),
        reporters=_reporters(seen) if desk else (),
        reports=tuple({row.report_id: row.report for row in seen}.values()) if desk else (),
        parts=_parts(case.pk),
    )


# What is shown of a case and of what belongs to it. Deliveries alone have thirty columns, and
# making a model of a row costs more than reading it.
_SHOWN = (
    *("uid", "reference", "party", "relation", "side", "kind", "family", "about", "about_kind"),
    *("because", "events", "first_at", "last_at", "seen_at", "severity", "tlp", "sample"),
    *("state", "reopened", "assigned", "told_in", "opened_at", "told_at", "answered_at"),
    *("closed_at", "changed_at"),
    *("party__slug", "party__name", "assigned__uid", "assigned__name", "told_in__uid"),
)


def _with_all(rows: QuerySet[Case]) -> QuerySet[Case]:
    return rows.select_related("party", "assigned", "told_in").only(*_SHOWN)


def _shown(viewer: Viewer, asked: UUID | str) -> Case:
    uid = _uid(asked)
    if is_desk(viewer):
        return _there(_of_desk(uid), asked)
    return _there(_with_all(visible_cases(viewer)).filter(uid=uid)[:1], asked)


_of_desk = Prepared(lambda uid: _with_all(Case.objects.filter(uid=uid)), A_UID)
_parts = Prepared(
    lambda case: (
        Case.objects.filter(Q(merged_into=case) | Q(split_from=case))
        .only("uid", "reference", "about")
        .order_by("pk")[:MOST_SHOWN]
    ),
    A_KEY,
)
_tags = Prepared(
    lambda case: Tag.objects.filter(case=case).order_by("name").values_list("name", flat=True),
    A_KEY,
)
_SEEN = (
    *("case", "at", "delivery__uid", "delivery__created_at", "delivery__rows"),
    *("delivery__state", "report__uid", "report__name"),
    *("report__reporter__slug", "report__reporter__name"),
)
_sightings = Prepared(
    lambda case: (
        Sighting.objects.filter(case=case)
        .select_related("delivery", "report__reporter")
        .only(*_SEEN)[:MOST_SHOWN]
    ),
    A_KEY,
)
_SAID = (
    *("case", "kind", "audience", "at", "step", "state", "text"),
    *("person__name", "party__slug", "party__name"),
)


def _reporters(sightings: list[Sighting]) -> tuple[Party, ...]:
    named = (row.report.reporter for row in sightings)
    return tuple({party.pk: party for party in named if party is not None}.values())


def thread_of(case: Case, viewer: Viewer) -> list[Entry]:
    """What was said and done, oldest first; without what is for the desk where a party looks.

    Of a party's own matter, a party sees that the desk spoke and not which of its people.
    """
    return (_thread if is_desk(viewer) else _thread_of_party)(case.pk)[::-1]


def _said(rows: QuerySet[Entry]) -> QuerySet[Entry]:
    found = rows.select_related("person", "party").only(*_SAID)
    return found.order_by("-at", "-pk")[:MOST_SHOWN]


_thread = Prepared(lambda case: _said(Entry.objects.filter(case=case)), A_KEY)
_thread_of_party = Prepared(
    lambda case: _said(Entry.objects.filter(case=case, audience=Entry.Audience.PARTY)), A_KEY
)


def steps_for(viewer: Viewer, case: Case) -> tuple[lifecycle.Step, ...]:
    """The steps that somebody may take in a case now, in the order of the table."""
    state = "told" if case.state in UNTOLD else case.state
    found: dict[str, lifecycle.Step] = {}
    if viewer.may(ANSWER, case.party):
        actor = actor_of(viewer, ANSWER, case.party)
        found |= {row.name: row for row in lifecycle.possible(CASE, state, actor)}
    if viewer.may(HANDLE, case.party):
        actor = actor_of(viewer, HANDLE, case.party)
        found |= {row.name: row for row in lifecycle.possible(CASE, case.state, actor)}
    return tuple(found.values())


UNTOLD = ("new", "reopened")  # whoever answers has seen it, so it was told


def actor_of(viewer: Viewer, permission: str, party: Party) -> lifecycle.Actor:
    """Somebody with a permission in a party's matters, as the lifecycle's tables ask for it."""
    held = viewer.parties_where(permission)
    acting = party.pk if party.pk in held else next(iter(sorted(held)), None)
    mandates = [row for row in viewer.mandates if row.party_id == acting]
    words = {word for row in mandates for word in row.competences}
    opened = {one for one in PERMISSIONS[permission].competences if one.value in words}
    role = Role(mandates[0].party.role) if mandates else None
    return lifecycle.Actor(role, frozenset(opened))


def deadlines_of(case: Case, viewer: Viewer) -> list[Deadline]:
    """The clocks that run or ran for a case, the soonest first: of what was told with it."""
    if case.told_in is None:
        return []
    if is_desk(viewer):
        return _clocks(case.told_in.uid)
    return _clocks_of_party(case.told_in.uid, case.party_id)


def _running(rows: QuerySet[Deadline]) -> QuerySet[Deadline]:
    return rows.select_related("party").only(*_CLOCK).order_by("due_at", "pk")


_CLOCK = ("rule", "matter", "due_at", "latest_at", "met_at", "state", "party__name")
_clocks = Prepared(lambda uid: _running(Deadline.objects.filter(matter=uid)), A_UID)
_clocks_of_party = Prepared(
    lambda uid, party: _running(Deadline.objects.filter(matter=uid, party=party)), A_UID, A_KEY
)


# ── my work ──────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Work:
    """What waits for somebody: a name for the pile, the filters that open it, how many, some."""

    name: str
    filters: Filters
    total: int
    rows: list[Case]


def my_open_work(viewer: Viewer, *, most: int = 10) -> list[Work]:
    """The piles that wait for somebody, those with nothing in them left out.

    The desk: what is mine, what a party denies and nobody reviewed, what nobody was told. A party:
    what it was told and has not answered, what it has acknowledged and not mended.
    """
    piles = _DESK_PILES if viewer.may(HANDLE) else _PARTY_PILES
    found = []
    for name, filters in piles.items():
        page = cases_for(viewer, filters, size=most, order="oldest")
        if page.total:
            found.append(Work(name, filters, page.total, page.rows))
    return found


_DESK_PILES = {
    "mine": Filters(states=("open",), assigned="me"),
    "to_review": Filters(states=("not_ours", "false_positive")),
    "reopened": Filters(states=("reopened",)),
    "not_told": Filters(states=("new",)),
    "to_close": Filters(states=("cured",)),
}
_PARTY_PILES = {
    "to_answer": Filters(states=("new", "told", "reopened")),
    "to_mend": Filters(states=("acknowledged", "acted")),
}


# ── figures ──────────────────────────────────────────────────────────────────────────────

SPANS = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}


def figures_for(viewer: Viewer, *, at: datetime) -> dict[str, dict[str, int]]:
    """Cases opened, told, answered and closed within 24 hours, 7 and 30 days, and `open` now.

    Counted over what somebody may see; one query.
    """
    wanted: dict[str, Any] = {"open": Count("pk", filter=Q(state__in=OPEN))}
    for name, span in SPANS.items():
        since = as_utc(at) - span
        for column in ("opened", "told", "answered", "closed"):
            wanted[f"{column}_{name}"] = Count("pk", filter=Q(**{f"{column}_at__gte": since}))
    counts: Mapping[str, int] = visible_cases(viewer).aggregate(**wanted)
    found = {
        column: {name: counts[f"{column}_{name}"] for name in SPANS}
        for column in ("opened", "told", "answered", "closed")
    }
    return {"open": {"now": counts["open"]}, **found}
