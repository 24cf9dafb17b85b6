"""The events of a case, out of the event store, as the case's party may see them.

Rows of events are personal data: pages and calls get them through `actions.consult_case`, which
writes down who looked and why.
"""

from datetime import date
from pathlib import Path

from tocsin.desks.response.models import Case, Sighting
from tocsin.desks.response.queries.cases import KEPT_BACK, is_desk
from tocsin.flow.recall import Beside, Recalled, Selection, recall, which
from tocsin.flow.tally import MOST_THINGS, REST
from tocsin.office import keys
from tocsin.office.people.viewer import Viewer
from tocsin.words.relations import Relation, Side

MOST_RUNS = 400  # of one case, the latest; what is older is in the store and not in the list
MOST_BESIDE = MOST_RUNS * MOST_THINGS


def events_of(
    case: Case, viewer: Viewer, *, page: int, size: int, on: date, store_folder: Path
) -> Recalled:
    """One page of a case's events, the latest first."""
    runs = runs_of(case, viewer)
    return recall(
        store_folder / "events",
        selections_of(case),
        runs=[run for run, _ in runs],
        days=[day for _, day in runs],
        start=(max(1, page) - 1) * size,
        size=size,
        on=on,
        secret=keys.secret(store_folder / "keys", "pseudonyms"),
    )


def counts_by_report(
    case: Case, viewer: Viewer, *, within: str, on: date, store_folder: Path
) -> dict[str, int]:
    """Report id to how many of a case's events lie in a network or under a domain."""
    runs = runs_of(case, viewer)
    found = which(
        store_folder / "events",
        selections_of(case, within=within),
        runs=[run for run, _ in runs],
        days=[day for _, day in runs],
        on=on,
    )
    return dict(found.group_by("report").len().rows())


def family_of(case: Case) -> list[Case]:
    """A case and those that were merged into it."""
    return [case, *Case.objects.filter(merged_into=case).defer("sample")]


def runs_of(case: Case, viewer: Viewer) -> list[tuple[str, date]]:
    """The runs that told of a case, with their days; for a party without what was kept back."""
    rows = Sighting.objects.filter(case__in=[one.pk for one in family_of(case)])
    if not is_desk(viewer):
        rows = rows.exclude(delivery__state__in=KEPT_BACK)
    found = rows.order_by("-at").values_list("report__run__uid", "report__run__at").distinct()
    return [(uid.hex, at.date()) for uid, at in found[:MOST_RUNS]]


def selections_of(case: Case, *, within: str = "") -> list[Selection]:
    """What a case and those merged into it count; `within` narrows them further."""
    members = family_of(case)
    return [_selection(one, narrowed=within) for one in members]


def _selection(case: Case, *, narrowed: str) -> Selection:
    return Selection(
        told_as=case.told_as,
        relation=Relation(case.relation),
        side=Side(case.side),
        kind=case.kind,
        family=case.family,
        about_kind=case.about_kind,
        about=case.about,
        beside=_beside(case),
        within=tuple(filter(None, (case.within, narrowed))),
        without=tuple(case.without),
    )


def _beside(case: Case) -> tuple[Beside, ...]:
    """What the runs that told of a case of the rest told apart: each thing with its run."""
    if case.about_kind != REST:
        return ()
    rows = (
        Case.objects.filter(
            told_as=case.told_as,
            kind=case.kind,
            sightings__report__in=case.sightings.values("report"),
        )
        .exclude(pk=case.pk)
        .exclude(family=case.family, about_kind=case.about_kind, about=case.about)
        .order_by()
        .values_list("sightings__report__run__uid", "family", "about_kind", "about")
        .distinct()
    )
    found = rows[:MOST_BESIDE]
    return tuple((run.hex, family, kind, about) for run, family, kind, about in found)
