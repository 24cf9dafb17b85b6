"""Messages of sessions and leases become the spans in which an address was held."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.flow.bindings.fold import Folded, fold
from tocsin.flow.bindings.records import complete

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def moment(minute: int | None) -> datetime | None:
    return None if minute is None else NOON + timedelta(minutes=minute)


def messages(*rows: tuple[str, int, int | None], **same: str) -> pl.DataFrame:
    """Messages as (kind, minute, until); all of one line and address unless said otherwise."""
    about = {"ip": "192.0.2.7", "subscriber": "line-7"} | same
    return complete(
        pl.DataFrame(
            [
                about | {"kind": kind, "at": moment(at), "until": moment(until), "row": n}
                for n, (kind, at, until) in enumerate(rows, start=1)
            ],
            infer_schema_length=None,
        )
    )


def spans(rows: pl.DataFrame) -> list[tuple[int, int]]:
    """From which minute to which."""
    ends = rows.sort("at").select("at", "until").rows()
    return [tuple((one - NOON) // timedelta(minutes=1) for one in row) for row in ends]  # type: ignore[misc]


def over(folded: Folded) -> list[tuple[int, int]]:
    return spans(folded.over)


def test_a_session_lasts_from_start_to_stop() -> None:
    folded = fold(messages(("begin", 0, None), ("alive", 5, None), ("end", 9, None)), upto=NOON)

    assert (over(folded), len(folded.open_), len(folded.pending)) == ([(0, 9)], 0, 0)


def test_a_stop_without_a_start_says_itself_when_it_began() -> None:
    stop = messages(("end", 9, None), session="s1").with_columns(since=pl.lit(moment(2)))

    assert over(fold(complete(stop), upto=NOON)) == [(2, 9)]


def test_a_start_that_is_sent_twice_is_one_session() -> None:
    again = messages(("begin", 0, None), ("begin", 0, None), ("end", 9, None))

    assert over(fold(again, upto=NOON)) == [(0, 9)]


def test_what_goes_on_is_held_up_to_where_the_log_reaches_and_kept_for_the_next_piece() -> None:
    upto = NOON + timedelta(minutes=30)
    first = fold(messages(("begin", 0, None), ("alive", 20, None)), upto=upto)
    rest = fold(pl.concat([first.pending, messages(("end", 50, None))]), upto=upto)

    assert (over(first), spans(first.open_)) == ([], [(0, 30)])
    assert (over(rest), len(rest.open_)) == ([(0, 50)], 0)


def test_where_interim_messages_come_silence_ends_what_is_held() -> None:
    upto = NOON + timedelta(minutes=60)

    folded = fold(messages(("begin", 0, None), ("alive", 20, None)), upto=upto,
                  quiet=timedelta(minutes=10))  # fmt: skip

    assert spans(folded.open_) == [(0, 30)]


def test_a_session_nobody_heard_of_for_long_is_over_when_it_was_last_heard_of() -> None:
    lost = fold(messages(("begin", 0, None), ("alive", 20, None)), upto=NOON + timedelta(days=3))

    assert (over(lost), len(lost.pending)) == ([(0, 20)], 0)


def test_renewals_of_a_lease_are_one_span() -> None:
    leases = messages(("lease", 0, 10), ("lease", 5, 15), ("lease", 10, 20))

    assert over(fold(leases, upto=NOON + timedelta(hours=1))) == [(0, 20)]


def test_a_lease_that_lapsed_in_between_is_two_spans() -> None:
    leases = messages(("lease", 0, 10), ("lease", 30, 40))

    assert over(fold(leases, upto=NOON + timedelta(hours=1))) == [(0, 10), (30, 40)]


def test_a_lease_given_back_ends_there_and_its_term_is_forgotten() -> None:
    leases = messages(("lease", 0, 100), ("end", 5, None), ("lease", 10, 20), ("lease", 50, 60))

    assert over(fold(leases, upto=NOON + timedelta(hours=2))) == [(0, 5), (10, 20), (50, 60)]


def test_a_running_lease_is_held_until_it_expires_and_kept() -> None:
    folded = fold(messages(("lease", 0, 60)), upto=NOON + timedelta(minutes=30))

    assert (spans(folded.open_), len(folded.pending)) == ([(0, 60)], 1)


def test_two_lines_on_one_address_stay_two() -> None:
    both = pl.concat([messages(("lease", 0, 10)), messages(("lease", 5, 20), subscriber="line-8")])

    folded = fold(both, upto=NOON + timedelta(hours=1))

    assert sorted(zip(folded.over["subscriber"], spans(folded.over), strict=True)) == [
        ("line-7", (0, 10)), ("line-8", (5, 20)),
    ]  # fmt: skip


kinds = st.sampled_from(["begin", "alive", "end"])
said = st.lists(st.tuples(kinds, st.integers(0, 40), st.none()), min_size=1, max_size=14)
leased = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 15)).map(
        lambda pair: ("lease", pair[0], pair[0] + pair[1])
    ),
    min_size=1,
    max_size=14,
)


@pytest.mark.parametrize("what", ["sessions", "leases"])
@settings(deadline=None, derandomize=True)
@given(data=st.data(), cut=st.integers(1, 13))
def test_a_log_read_in_two_pieces_says_what_it_says_in_one(
    what: str, data: st.DataObject, cut: int
) -> None:
    rows = sorted(
        data.draw(said if what == "sessions" else leased), key=lambda row: (row[1], row[0] == "end")
    )
    late = NOON + timedelta(days=9)
    whole = fold(messages(*rows), upto=late)

    upto = moment(rows[min(cut, len(rows)) - 1][1])
    assert upto is not None
    first = fold(messages(*rows[:cut]), upto=upto)
    pieces = [first.pending, messages(*rows[cut:])] if rows[cut:] else [first.pending]
    rest = fold(pl.concat(pieces), upto=late)

    assert _minutes(pl.concat([first.over, rest.over])) == _minutes(whole.over)


def _minutes(rows: pl.DataFrame) -> set[int]:
    return {minute for since, until in spans(rows) for minute in range(since, until)}
