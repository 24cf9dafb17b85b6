"""Clean-up figures, held against what anybody would count by hand."""

from datetime import UTC, date, datetime, timedelta
from math import log

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.flow import store
from tocsin.flow.cleaning import (
    LEAST_PEERS,
    SIGHTINGS,
    band,
    coming_back,
    decay,
    median,
    share_at,
    sightings,
    spells,
    survival,
)

FIRST = date(2026, 9, 1)
SEEN = st.sets(
    st.tuples(
        st.sampled_from(["meadow", "brook"]),
        st.sampled_from(["", "grove"]),
        st.integers(1, 4),
        st.integers(0, 40),
    ),
    max_size=60,
)


def frame(rows) -> pl.DataFrame:
    cells = [(p, f, f"192.0.2.{t}", FIRST + timedelta(days=d)) for p, f, t, d in rows]
    return pl.DataFrame(cells, schema=SIGHTINGS, orient="row")


def by_hand(rows, quiet: int, until: int):
    """Day by day, for each thing apart."""
    found = []
    for thing in sorted({row[:3] for row in rows}):
        days, number, first = sorted(row[3] for row in rows if row[:3] == thing), 0, None
        for day in range(until + 1):
            if day in days:
                first = day if first is None else first
                last = day
            elif first is not None and day - last == quiet and any(one > day for one in days):
                found.append((*thing, number, first, last, True))
                number, first = number + 1, None
        if first is not None:
            found.append((*thing, number, first, last, until - last >= quiet))
    return found


@given(SEEN, st.integers(1, 9), st.integers(40, 60))
def test_a_spell_ends_when_it_was_out_of_sight_long_enough(rows, quiet, until) -> None:
    found = spells(frame(rows), quiet=quiet, until=FIRST + timedelta(days=until))
    said = [
        (p, f, int(thing.split(".")[3]), n, (a - FIRST).days, (b - FIRST).days, over)
        for p, f, thing, n, a, b, _lasted, over in found.rows()
    ]
    assert sorted(said) == sorted(by_hand(rows, quiet, until))
    assert found["lasted"].to_list() == [(b - a).days + 1 for a, b in found["first", "last"].rows()]


@given(st.lists(st.tuples(st.integers(1, 12), st.booleans()), max_size=40))
def test_the_share_still_seen_is_the_product_of_the_days(rows) -> None:
    lasted = pl.DataFrame(rows, schema={"lasted": pl.Int32, "is_over": pl.Boolean}, orient="row")
    curve = survival(lasted)

    share, said = 1.0, []
    for day in range(1, 13):
        at_risk = sum(one >= day for one, _ in rows)
        ended = sum(one == day and over for one, over in rows)
        if ended:
            share *= 1 - ended / at_risk
            said.append((day, at_risk, ended, pytest.approx(share)))
        assert share_at(curve, day) == pytest.approx(share)
    assert curve.select("day", "at_risk", "over", "share").rows() == said
    assert all(low <= s <= high for s, low, high in curve.select("share", "low", "high").rows())
    assert all(low >= 0 and high <= 1 for low, high in curve.select("low", "high").rows())


def test_the_textbook_curve_of_remission_times() -> None:
    """Freireich et al., 1963, the group that was treated: the example of most textbooks, whose
    shares and 95 % interval at 10 weeks are published."""
    over = [6, 6, 6, 7, 10, 13, 16, 22, 23]
    still = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    rows = [(day, True) for day in over] + [(day, False) for day in still]
    curve = survival(pl.DataFrame(rows, schema=["lasted", "is_over"], orient="row"))

    shares = [round(share, 3) for share in curve["share"]]
    assert shares == [0.857, 0.807, 0.753, 0.69, 0.627, 0.538, 0.448]
    assert median(curve) == 23
    assert (round(curve["low"][2], 3), round(curve["high"][2], 3)) == (0.503, 0.889)


def test_where_all_are_gone_nothing_is_left() -> None:
    curve = survival(pl.DataFrame({"lasted": [1, 1, 3], "is_over": [True] * 3}))
    assert curve["share"].to_list() == [pytest.approx(1 / 3), 0.0]
    assert (curve["low"][1], curve["high"][1]) == (0.0, 0.0)
    assert survival(pl.DataFrame({"lasted": [], "is_over": []})).is_empty()
    assert median(survival(pl.DataFrame({"lasted": [4], "is_over": [False]}))) is None


def test_what_comes_back_is_counted_among_what_was_over_once() -> None:
    rows = {
        ("meadow", "", 1, 0),
        ("meadow", "", 1, 20),
        ("meadow", "", 2, 0),
        ("meadow", "", 3, 39),
    }
    found = spells(frame(rows), quiet=5, until=FIRST + timedelta(days=40))
    assert coming_back(found) == 0.5
    assert coming_back(found.filter(pl.col("thing") == "192.0.2.3")) is None


@given(st.floats(0.005, 0.2), st.integers(7, 60))
def test_what_halves_at_a_steady_rate_is_found_to(rate, days) -> None:
    counts = {FIRST + timedelta(days=d): round(1e9 * 2.718281828459045 ** (-rate * d))
              for d in range(days)}  # fmt: skip
    found = decay(counts)
    assert found is not None
    assert found.rate == pytest.approx(rate, rel=1e-3)
    assert found.low <= found.rate <= found.high
    assert found.half_life == pytest.approx(log(2) / rate, rel=1e-3)


def test_a_few_days_or_a_rise_are_no_half_life() -> None:
    assert decay({FIRST + timedelta(days=d): 5 for d in range(6)}) is None
    noisy = decay({FIRST + timedelta(days=d): 50 + (d * 7919) % 41 for d in range(20)})
    assert noisy is not None
    assert noisy.low < 0 < noisy.high
    assert noisy.half_life is None
    rising = decay({FIRST + timedelta(days=d): 10 + d for d in range(20)})
    assert rising is not None
    assert rising.half_life is None
    assert rising.high < 0


def test_the_band_of_the_peers_needs_enough_of_them() -> None:
    curves = {
        f"party-{n}": survival(pl.DataFrame({"lasted": [n, n + 1], "is_over": [True, True]}))
        for n in range(1, LEAST_PEERS + 1)
    }
    found = band(curves, days=6)
    assert [day for day, *_ in found] == [0, 1, 2, 3, 4, 5, 6]
    assert found[0] == (0, 1.0, 1.0, 1.0)
    assert all(low <= middle <= high for _, low, middle, high in found)
    curves.popitem()
    assert band(curves, days=6) == []


def test_sightings_come_out_of_the_store_once_a_day_for_each_network_told(tmp_path) -> None:
    told = [
        "csirt:source:csirt-be:country:BE\nnetwork:source:meadow-net:asn:AS64496",
        "network:source:meadow-net:asn:AS64496\nnetwork:source:brook:prefix:192.0.2.0/25",
        "csirt:source:csirt-be:country:BE",
        None,
    ]
    at = datetime(2026, 9, 2, 8, tzinfo=UTC)
    rows = [(text, at + timedelta(hours=hour), "grove") for text in told for hour in (0, 1)]
    rows += [(told[0], None, None), (told[0], at - timedelta(days=300), "grove")]
    events = pl.DataFrame(
        {
            "told": [row[0] for row in rows],
            "time.source": pl.Series([row[1] for row in rows], dtype=pl.Datetime("us", "UTC")),
            "malware.name": [row[2] for row in rows],
            "source.ip": ["192.0.2.7"] * len(rows),
            "classification.type": ["infected-system"] * len(rows),
            "run": ["a1"] * len(rows),
        }
    )
    parts = [store.write_part(events, tmp_path, name="a", day=date(2026, 9, 3))]
    store.commit(tmp_path, parts, run="a1", at=at)

    found = sightings(tmp_path, first=FIRST, last=date(2026, 9, 5), kind="infected-system")
    assert found.rows() == [
        ("brook", "grove", "192.0.2.7", date(2026, 9, 2)),
        ("meadow-net", "", "192.0.2.7", date(2026, 9, 3)),
        ("meadow-net", "grove", "192.0.2.7", date(2026, 9, 2)),
    ]
    assert sightings(
        tmp_path, first=FIRST, last=date(2026, 9, 2), kind="infected-system"
    ).is_empty()
    assert sightings(tmp_path, first=FIRST, last=date(2026, 9, 5), kind="scanner").is_empty()
