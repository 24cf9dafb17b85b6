"""Who held an address: exactly one line, or the honest reason why not."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.flow.bindings.plain import SECOND, Asked, Held, questions, slowly, table
from tocsin.flow.bindings.look_up import Outcome, Why, look_up
from tocsin.flow.bindings.runs import Run, write_run
from tocsin.flow.bindings.search import INSIDE, Records

Ask = Callable[..., list[tuple[object, ...]]]


@pytest.fixture
def ask(tmp_path: Path) -> Ask:
    """`ask(held, asked)`: outcome, why, line and other of each question."""

    def asking(held: list[Held], *asked: Asked, slack: int = 30) -> list[tuple[object, ...]]:
        run = write_run(table(held), tmp_path / "a.bindings.parquet")
        answers = look_up(questions(list(asked)), records([run], [slack]))
        return [
            (Outcome(row[0]), Why(row[1]), *row[2:])
            for row in answers.select("outcome", "why", "line", "other").rows()
        ]

    return asking


def records(runs: list[Run], slack: list[int]) -> Records:
    return Records(runs, np.array(slack, np.int64) * SECOND)


A_LEASE = Held("192.0.2.7", 1000, 5000, line=7)


def test_the_one_line_that_held_it_is_the_answer(ask: Ask) -> None:
    assert ask([A_LEASE], Asked("192.0.2.7", 3000)) == [(Outcome.EXACT, Why.HELD, 7, 0)]


def test_two_lines_within_the_tolerance_are_both_named(ask: Ask) -> None:
    after = Held("192.0.2.7", 5000, 9000, line=8)

    assert ask([A_LEASE, after], Asked("192.0.2.7", 5010)) == [
        (Outcome.AMBIGUOUS, Why.SEVERAL, 8, 7)
    ]


def test_the_same_line_before_and_after_is_one_line(ask: Ask) -> None:
    after = Held("192.0.2.7", 5000, 9000, line=7)

    assert ask([A_LEASE, after], Asked("192.0.2.7", 5010)) == [(Outcome.EXACT, Why.HELD, 7, 0)]


def test_who_held_it_only_within_the_tolerance_is_not_blamed(ask: Ask) -> None:
    assert ask([A_LEASE], Asked("192.0.2.7", 5020)) == [(Outcome.AMBIGUOUS, Why.EDGE, 7, 0)]


def test_the_reporters_clock_widens_the_tolerance(ask: Ask) -> None:
    after = Held("192.0.2.7", 5000, 9000, line=8)

    assert ask([A_LEASE, after], Asked("192.0.2.7", 5100, slack=100)) == [
        (Outcome.AMBIGUOUS, Why.SEVERAL, 8, 7)
    ]


def test_a_moment_that_nobody_held_is_told_from_one_without_records(ask: Ask) -> None:
    later = Held("192.0.2.7", 8000, 9000, line=8)

    assert ask([A_LEASE, later], Asked("192.0.2.7", 6500), Asked("192.0.2.7", 99_000)) == [
        (Outcome.NONE, Why.NOBODY, 0, 0),
        (Outcome.NONE, Why.NOT_COVERED, 0, 0),
    ]


def test_a_shared_address_without_a_port_is_not_attributable(ask: Ask) -> None:
    block = Held("192.0.2.7", 1000, 5000, line=7, first=1024, last=2047)

    assert ask([block], Asked("192.0.2.7", 3000), Asked("192.0.2.7", 3000, port=1500)) == [
        (Outcome.NOT_ATTRIBUTABLE, Why.NO_PORT, 0, 0),
        (Outcome.EXACT, Why.HELD, 7, 0),
    ]


def test_neighbouring_blocks_of_ports_are_different_lines(ask: Ask) -> None:
    blocks = [
        Held("192.0.2.7", 1000, 5000, line=7, first=1024, last=2047),
        Held("192.0.2.7", 1000, 5000, line=8, first=2048, last=3071),
        Held("192.0.2.7", 1000, 5000, line=9, first=3072, last=3099),
    ]
    ports = (1024, 2047, 2048, 3071, 3099, 3100)

    answers = ask(blocks, *[Asked("192.0.2.7", 3000, port=port) for port in ports])

    assert [answer[2] for answer in answers] == [7, 7, 8, 8, 9, 0]


def test_flows_of_two_protocols_share_a_port(ask: Ask) -> None:
    flows = [
        Held("192.0.2.7", 1000, 5000, line=7, first=4000, last=4000, protocol=6),
        Held("192.0.2.7", 1000, 5000, line=8, first=4000, last=4000, protocol=17),
    ]

    assert ask(
        flows,
        Asked("192.0.2.7", 3000, port=4000, protocol=6),
        Asked("192.0.2.7", 3000, port=4000),
    ) == [(Outcome.EXACT, Why.HELD, 7, 0), (Outcome.AMBIGUOUS, Why.SEVERAL, 7, 8)]


def test_a_delegated_prefix_answers_for_every_address_in_it(ask: Ask) -> None:
    prefix = Held("2001:db8:0:100::/56", 1000, 5000, line=7)

    answers = ask([prefix], Asked("2001:db8:0:1ff::1", 3000), Asked("2001:db8:0:200::1", 3000))

    assert [answer[2] for answer in answers] == [7, 0]


def test_a_translated_address_leads_to_the_line_behind_it(ask: Ask) -> None:
    inside = int(INSIDE) | (1 << 32) | (100 << 24) | (64 << 16) | 9  # realm 1, 100.64.0.9
    held = [
        Held("192.0.2.7", 1000, 5000, line=inside, first=1024, last=2047),
        Held("100.64.0.9", 500, 9000, line=7, realm=1),
        Held("100.64.0.9", 500, 9000, line=99, realm=2),
    ]

    assert ask(held, Asked("192.0.2.7", 3000, port=1024)) == [(Outcome.EXACT, Why.HELD, 7, 0)]
    assert ask(held[:1], Asked("192.0.2.7", 3000, port=1024)) == [
        (Outcome.NONE, Why.INSIDE_UNKNOWN, 0, 0)
    ]


def test_two_names_of_one_line_are_one_line(tmp_path: Path) -> None:
    held = [A_LEASE, Held("192.0.2.7", 900, 5200, line=70)]
    run = write_run(table(held), tmp_path / "a.bindings.parquet")
    names = (np.array([70], np.uint64), np.array([7], np.uint64))
    known = Records([run], np.array([0]), aliases=names)

    answer = look_up(questions([Asked("192.0.2.7", 3000)]), known)

    assert answer.select("outcome", "line").row(0) == (Outcome.EXACT, 7)


ADDRESSES = ("192.0.2.7", "192.0.2.8", "2001:db8::/56", "2001:db8::/64", "2001:db8::5")
BLOCKS = ((0, 65535), (0, 1023), (1024, 2047), (1500, 1500), (1000, 1600))


@st.composite
def bindings(draw: st.DrawFn) -> Held:
    """A binding on few addresses and moments, so that many meet."""
    ip = draw(st.sampled_from(ADDRESSES))
    first, last = draw(st.sampled_from(BLOCKS)) if "." in ip else (0, 65535)
    since = draw(st.integers(0, 60))
    return Held(
        ip, since, since + draw(st.integers(1, 60)), draw(st.integers(1, 4)), first, last,
        draw(st.sampled_from([0, 6, 17])), draw(st.integers(0, 1)), draw(st.integers(0, 1)),
    )  # fmt: skip


asking = st.builds(
    Asked,
    ip=st.sampled_from(["192.0.2.7", "192.0.2.8", "2001:db8::5", "2001:db8:0:1::5", "::1"]),
    at=st.integers(-5, 130),
    port=st.sampled_from([None, 0, 1000, 1023, 1500, 2047, 65535]),
    protocol=st.sampled_from([0, 6, 17]),
    slack=st.integers(0, 3),
    realm=st.integers(0, 1),
)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None
)
@given(
    held=st.lists(bindings(), min_size=1, max_size=40),
    asked=st.lists(asking, min_size=1, max_size=30),
    split=st.integers(1, 3),
    group=st.sampled_from([2, 5, 1000]),
)
def test_it_says_what_reading_everything_says(
    tmp_path: Path, held: list[Held], asked: list[Asked], split: int, group: int
) -> None:
    slack = [2, 0]
    runs = [
        write_run(table(held[n::split]), tmp_path / f"{n}.bindings.parquet", group=group)
        for n in range(split)
        if held[n::split]
    ]

    answers = look_up(questions(asked), records(runs, slack), workers=2)

    for row, one in zip(answers.iter_rows(named=True), asked, strict=True):
        outcome, lines = slowly(held, one, slack)
        assert row["outcome"] == outcome
        if outcome in (Outcome.EXACT, Outcome.AMBIGUOUS):
            assert {row["line"], row["other"]} - {0} <= lines
            assert (row["other"] != 0) == (len(lines) > 1)
