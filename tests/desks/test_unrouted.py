"""What reached nobody was told to nobody: somebody who joins within the day hears it after all."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from django.db import OperationalError, connection

from tests.desks.conftest import SAMPLES, Route
from tocsin.flow.store import read_events
from tocsin.node.store import Store
from tocsin.office.models import WindowSegment
from tocsin.office.parties import import_parties
from tocsin.words.markings import Tlp

HOUR = timedelta(hours=1)
LINE = "2026-11-23 08:00:00,192.0.2.7,4711,meadowbot"
OTHER = "2026-11-23 08:00:00,198.51.100.44,4711,meadowbot"
LISTENING = ("cybercrime-unit", "shadowserver-sample")  # figures and the sender: nobody who acts


@pytest.fixture
def join(db: None, at):
    """`join("meadow-net", …)`: these of the sample parties are on file, and those who listen."""
    parts = (SAMPLES / "parties.toml").read_text("utf-8").split("[[party]]\n")

    def on_file(*slugs: str) -> None:
        chosen = [p for p in parts if any(f'id = "{slug}"' in p for slug in (*LISTENING, *slugs))]
        import_parties("".join(f"[[party]]\n{part}" for part in chosen), by="test", at=at)

    return on_file


@pytest.fixture
def report(tmp_path: Path):
    """A sinkhole report of these lines."""

    def write(*lines: str) -> Path:
        path = tmp_path / "2026-11-23-event4_sinkhole-x.csv"
        path.write_text(
            "timestamp,src_ip,src_port,infection\n" + "".join(f"{line}\n" for line in lines)
        )
        return path

    return write


def told(outcome) -> list[tuple[str, int]]:
    return [(row.party.slug, row.rows) for row in outcome.deliveries]


def numbers(outcome) -> tuple[int, int, int, int]:
    """Rows, repeats, events, unrouted; rows must be the sum of the next two."""
    (one,) = outcome.reports
    assert one.rows == one.duplicates + one.events
    return one.rows, one.duplicates, outcome.totals.events, outcome.totals.unrouted


def kept(store: Store) -> list[tuple[str, bool]]:
    table = read_events(store.events).sort("time.observation", "row").collect()
    return table.select("source.ip", "routed").rows()


def rows_of(outcome, party: str, store: Store) -> pl.DataFrame:
    (one,) = [row for row in outcome.deliveries if row.party.slug == party]
    return pl.read_csv(store.path / one.path, infer_schema=False)


def test_a_party_that_joins_within_the_day_hears_what_reached_nobody(
    join, route: Route, report, store: Store, at
) -> None:
    join()
    first = route(report(LINE))
    join("meadow-net")
    second = route(report(LINE), at=at + HOUR)
    third = route(report(LINE), at=at + 2 * HOUR)

    assert told(first) == [("cybercrime-unit", 1), ("shadowserver-sample", 1)]
    assert (numbers(first), first.totals.nobody) == ((1, 0, 1, 1), {("BE", "AS64496"): 1})
    assert told(second) == [("meadow-net", 1), ("shadowserver-sample", 1)]
    assert (numbers(second), numbers(third)) == ((1, 0, 1, 0), (1, 1, 0, 0))
    assert kept(store) == [("192.0.2.7", False), ("192.0.2.7", True)]
    assert rows_of(second, "shadowserver-sample", store)["extra.told"].to_list() == ["network"]


def test_while_nobody_joins_a_repeat_stays_a_repeat_and_bothers_nobody(
    join, route: Route, report, store: Store, at
) -> None:
    join()
    route(report(LINE))
    again = route(report(LINE, LINE), at=at + HOUR)

    assert (told(again), numbers(again)) == ([], (2, 2, 0, 0))
    assert kept(store) == [("192.0.2.7", False)]


def test_after_a_day_what_reached_nobody_is_heard_anew(join, route: Route, report, at) -> None:
    join()
    first = route(report(LINE))
    route(report(LINE), at=at + 23 * HOUR)
    later = route(report(LINE), at=at + 24 * HOUR)

    assert told(later) == told(first)


def test_repeats_of_one_run_are_counted_on_the_row_that_is_told_at_last(
    join, route: Route, report, store: Store, at
) -> None:
    join()
    route(report(LINE))
    join("meadow-net")
    done = route(report(LINE, LINE, LINE), at=at + HOUR)

    assert numbers(done) == (3, 2, 1, 0)
    assert rows_of(done, "meadow-net", store)["extra.repeats"].to_list() == ["2"]


def test_only_what_reached_nobody_flows_again(join, route: Route, report, store: Store, at) -> None:
    join("harbour-online")
    route(report(LINE, OTHER))
    join("harbour-online", "meadow-net")
    again = route(report(LINE, OTHER), at=at + HOUR)

    assert told(again) == [("meadow-net", 1), ("shadowserver-sample", 1)]
    assert (numbers(again), len(kept(store))) == ((2, 1, 1, 0), 3)


def test_what_was_kept_under_red_flows_once_somebody_may_be_told(
    join, route: Route, report, at
) -> None:
    join("meadow-net")
    red = route(report(LINE), tlp=Tlp.RED)
    again = route(report(LINE), tlp=Tlp.RED, at=at + HOUR)
    amber = route(report(LINE), at=at + 2 * HOUR)

    assert (told(red), red.totals.held, told(again), numbers(again)) == ([], 1, [], (1, 1, 0, 0))
    assert told(amber) == [("meadow-net", 1), ("shadowserver-sample", 1)]


def test_the_window_keeps_apart_what_was_told_and_what_was_not(
    join, route: Route, report, store: Store
) -> None:
    join("harbour-online")
    done = route(report(LINE, OTHER))

    assert sorted(path.name for path in store.window.iterdir()) == [
        f"{done.run}.npy",
        f"{done.run}.untold.npy",
    ]
    assert Counter(WindowSegment.objects.values_list("path", "keys")) == {
        (f"window/{done.run}.npy", 1): 1,
        (f"window/{done.run}.untold.npy", 1): 1,
    }


def test_a_run_that_was_cut_off_leaves_nothing_heard(join, route: Route, report, at) -> None:
    def wrapper(execute, sql, params, many, context):
        if sql.startswith('INSERT INTO "office_registerrow"'):
            raise OperationalError("the power went")
        return execute(sql, params, many, context)

    join()
    with connection.execute_wrapper(wrapper), pytest.raises(OperationalError, match="the power"):
        route(report(LINE))
    again = route(report(LINE), at=at + HOUR)

    assert numbers(again) == (1, 0, 1, 1)
    assert told(again) == [("cybercrime-unit", 1), ("shadowserver-sample", 1)]


@pytest.mark.parametrize("executor", ["in-process", "pool"])
def test_figures_count_once_and_a_pool_says_the_same(
    join, route: Route, report, store: Store, executor
) -> None:
    lines = [f"2026-11-23 08:00:00,192.0.2.{n % 100 + 1},{1000 + n},meadowbot" for n in range(400)]
    join("brook-telecom")
    route(report(*lines[::2]), executor=executor)
    join("brook-telecom", "meadow-net")
    done = route(report(*lines), executor=executor)

    assert told(done) == [("cybercrime-unit", 1), ("meadow-net", 400), ("shadowserver-sample", 400)]
    police = rows_of(done, "cybercrime-unit", store)
    assert police["extra.events"].to_list() == ["200"]
    assert numbers(done) == (400, 0, 400, 0)
