"""A run that was cut off: marked, swept, and taken up exactly once when its files come back."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.desks.test_route import DAY, DEMO, SCAN, SINKHOLE, cut_off_at, kept
from tocsin.desks.response.models import Report
from tocsin.office import register
from tocsin.office.cut_off import WHY
from tocsin.office.models import Delivery, Run
from tocsin.office.retention import retain
from tocsin.words.errors import Busy
from tocsin.words.moments import iso

pytestmark = pytest.mark.usefixtures("parties")

LAST = "office_registerrow"  # its events are in the store already
BEFORE_THE_STORE = "route"  # parts are written, and not committed


@pytest.fixture
def cut_off(route) -> Run:
    """A run over two reports that got as far as the event store and no further."""
    with cut_off_at(LAST):
        route(SINKHOLE, *DEMO[1:2])
    return Run.objects.get()


def left(store, run: Run) -> list[str]:
    """Files that bear the run's name and that the event store does not count."""
    named = {path.name for path in store.path.rglob(f"*{run.uid.hex}*")}
    counted = {f"{run.uid.hex}-{number:06}.parquet" for number in range(9)}
    return sorted(named - counted)


def test_what_a_kill_leaves_is_there_to_be_swept(cut_off, store) -> None:
    assert (cut_off.state, left(store, cut_off)) == (
        "running",
        sorted([cut_off.uid.hex, f"{cut_off.uid.hex}.npy", f"{cut_off.uid.hex}.parquet"]),
    )


def test_the_next_run_of_other_files_marks_it_as_failed_and_sweeps_what_it_left(
    cut_off, route, store, at
) -> None:
    before = len(kept(store))
    later = at + timedelta(hours=3)
    route(SCAN, at=later)
    cut_off.refresh_from_db()

    assert (cut_off.state, cut_off.error, cut_off.finished_at) == ("failed", WHY, later)
    assert left(store, cut_off) == []
    assert len(kept(store)) == before + 17
    assert [
        (row.actor, row.at, row.subject, row.facts)
        for row in register.rows(action="office:run:fail")
    ] == [("test", later, cut_off.uid, {"files": 2, "begun": iso(at)})]


def stopped(step: str, _rows: int) -> None:
    if step == BEFORE_THE_STORE:
        raise KeyboardInterrupt


@pytest.mark.parametrize("moment", [BEFORE_THE_STORE, LAST])
def test_failed_or_not_it_is_taken_up_exactly_once_and_from_now(route, store, at, moment) -> None:
    if moment == BEFORE_THE_STORE:
        with pytest.raises(KeyboardInterrupt):
            route(SINKHOLE, *DEMO[1:2], progress=stopped)
    else:
        with cut_off_at(moment):
            route(SINKHOLE, *DEMO[1:2])
    cut_off = Run.objects.get()
    route(SCAN, at=at + DAY)
    again = route(SINKHOLE, *DEMO[1:2], at=at + 2 * DAY)
    third = route(SINKHOLE, *DEMO[1:2], at=at + 2 * DAY + timedelta(hours=23))
    mine = kept(store).filter(run=cut_off.uid.hex)
    row = Run.objects.get(pk=cut_off.pk)

    assert again.run == cut_off.uid.hex
    assert (row.state, row.error, row.at, row.finished_at) == (
        "done",
        "",
        at + 2 * DAY,
        at + 2 * DAY,
    )
    assert len(mine) == again.totals.events == 36
    assert mine.select("report", "row").is_unique().all()
    assert (third.run == again.run, third.totals.events, third.deliveries) == (False, 0, [])
    assert Report.objects.filter(run=row).count() == 2
    assert {delivery.created_at for delivery in Delivery.objects.filter(run=row)} == {at + 2 * DAY}
    assert len(list(store.events.glob(f"day=*/{row.uid.hex}*"))) == 2
    assert left(store, row) == [row.uid.hex, f"{row.uid.hex}.npy", f"{row.uid.hex}.parquet"]


def test_retention_marks_and_sweeps_it_and_only_counts_it_in_a_dry_run(cut_off, store, at) -> None:
    words = {"at": at + timedelta(hours=1), "by": "test", "store_folder": store.path}
    looked = {row.place: row.due for row in retain(**words, dry_run=True)}
    untouched = (Run.objects.get().state, left(store, cut_off) != [])
    done = {row.place: row.due for row in retain(**words)}
    again = {row.place: row.due for row in retain(**words)}

    place = "runs that were cut off"
    assert untouched == ("running", True)
    assert (looked[place], done[place], again[place]) == (1, 1, 0)
    assert (Run.objects.get().state, left(store, cut_off)) == ("failed", [])


def test_the_spool_of_a_run_that_was_cut_off_when_it_counted_goes_with_the_next(
    route, store
) -> None:
    done = route(SINKHOLE)
    left_over = store.spool / done.run
    left_over.mkdir()
    (left_over / "events-000000.arrow").write_bytes(b"x")
    coming_in = store.spool / "uploads"  # what is under way while a run is
    coming_in.mkdir()
    route(SCAN)

    assert list(store.spool.iterdir()) == [coming_in]
    assert Run.objects.get(uid=done.run).state == "done"


def test_a_run_under_way_is_no_run_that_was_cut_off(route, store, at) -> None:
    seen: list[str] = []

    def meanwhile(step: str, _rows: int) -> None:
        if not seen:
            with pytest.raises(Busy):
                retain(at=at, by="test", store_folder=store.path)
            with pytest.raises(Busy):
                route(SCAN)
            seen.append(Run.objects.get().state)

    outcome = route(SINKHOLE, progress=meanwhile)

    assert seen == ["running"]
    assert list(Run.objects.values_list("state", "error")) == [("done", "")]
    assert outcome.totals.events == 29


def test_the_same_files_in_another_order_are_another_run(cut_off, route) -> None:
    swapped = route(*DEMO[1:2], SINKHOLE)

    assert swapped.run != cut_off.uid.hex
    assert list(Run.objects.order_by("pk").values_list("state", flat=True)) == ["failed", "done"]


def test_a_delivery_file_of_a_finished_run_is_never_swept(cut_off, route, store) -> None:
    first = route(SCAN)
    route(SINKHOLE)

    assert [
        path
        for row in first.deliveries
        for path in (row.path, row.manifest_path)
        if not Path(store.path / path).is_file()
    ] == []
