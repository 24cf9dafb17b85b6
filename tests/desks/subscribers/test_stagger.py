"""A staggered start: warnings spread over some days, and nobody left unwarned."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.desks.subscribers.conftest import NOON, Report
from tests.desks.subscribers.test_warning import DAY, NINE, TERMS
from tocsin.desks.subscribers.actions.staggering import NO_STAGGER, NO_WAIT, Stagger
from tocsin.desks.subscribers.actions.warning import FRESH, due_warnings, warn_due
from tocsin.desks.subscribers.models import Finding
from tocsin.node.store import Store
from tocsin.rules.playbooks import ADOPTABLE, PLAYBOOKS

LINES = st.integers(min_value=-(2**63), max_value=2**63 - 1)
OPEN = PLAYBOOKS[-1]


@given(line=LINES, days=st.integers(min_value=0, max_value=30))
def test_every_lines_wait_ends_before_the_span_and_is_the_same_each_time(
    line: int, days: int
) -> None:
    wait = Stagger(days).wait_of(line, OPEN.kinds[0], OPEN)

    assert wait == NO_WAIT if days == 0 else NO_WAIT <= wait < min(days, 7) * DAY
    assert wait == Stagger(days).wait_of(line, OPEN.kinds[0], OPEN)
    assert wait < FRESH  # or nobody would be warned of it any more


def test_the_waits_are_spread_evenly_over_the_span() -> None:
    waits = [Stagger(7).wait_of(line, OPEN.kinds[0], OPEN) // DAY for line in range(7000)]

    counts = [waits.count(day) for day in range(7)]
    assert sum(counts) == 7000
    assert all(880 <= count <= 1120 for count in counts)  # four standard deviations of 1000


@given(line=LINES)
def test_an_infected_line_that_a_measure_protects_from_never_waits(line: int) -> None:
    rows = [row for row in ADOPTABLE if "infected-system" in row.kinds]

    assert {Stagger(7).wait_of(line, "infected-system", row) for row in rows} == {NO_WAIT}


@pytest.mark.django_db
def test_a_first_warning_waits_its_share_and_then_goes_out(
    reported: Report, provider: Store
) -> None:
    reported(("192.0.2.31", 4000, NINE), ("192.0.2.30", 4000, NINE))
    terms = replace(TERMS, stagger=Stagger(7))
    waits = {
        row.line: terms.stagger.wait_of(row.line, row.kind, PLAYBOOKS[1])
        for row in Finding.objects.all()
    }

    for line, wait in waits.items():
        due = {one.finding.line for one in due_warnings(terms=terms, at=NINE + wait)}
        early = due_warnings(terms=terms, at=NINE + wait - timedelta(microseconds=1))
        assert line in due
        assert line not in {one.finding.line for one in early}
    assert len(due_warnings(terms=replace(terms, stagger=NO_STAGGER), at=NOON)) == 2
    warn_due(terms=terms, by="test", at=NINE + 7 * DAY, store_folder=provider.path)
    assert {row.state for row in Finding.objects.all()} == {"warned"}


@pytest.mark.django_db
def test_what_came_back_waits_no_second_time(reported: Report, provider: Store) -> None:
    reported(("192.0.2.31", 4000, NINE))
    Finding.objects.update(returned=1)

    assert len(due_warnings(terms=replace(TERMS, stagger=Stagger(7)), at=NOON)) == 1
