"""One walk through every table of deadlines and lifecycles."""

import pkgutil
from collections import defaultdict
from datetime import date, datetime, timedelta
from importlib import import_module
from itertools import combinations, pairwise

import pytest

from tocsin import rules
from tocsin.rules.acts import DEADLINES, LIFECYCLES
from tocsin.rules.calendar import COUNTRIES, PublicHolidays
from tocsin.rules.deadline import Counted, Deadline, Ends, alarms, due
from tocsin.rules.lifecycle import Lifecycle, diagram
from tocsin.words.competences import HELD_BY, Competence
from tocsin.words.moments import read_zone

NAMES = [row.name for row in DEADLINES]
NOUNS = [cycle.noun for cycle in LIFECYCLES]


def everywhere(kind: type) -> list[object]:
    """All rows of a kind that stand in some module of `rules`, whatever collects them."""
    found: list[object] = []
    for info in pkgutil.iter_modules(rules.__path__):
        for value in vars(import_module(f"tocsin.rules.{info.name}")).values():
            rows = value if isinstance(value, tuple) else (value,)
            found += [row for row in rows if isinstance(row, kind) and row not in found]
    return found


def test_no_table_is_left_out_of_the_collection() -> None:
    assert set(everywhere(Deadline)) == set(DEADLINES)
    assert {id(cycle) for cycle in everywhere(Lifecycle)} == {id(cycle) for cycle in LIFECYCLES}


@pytest.mark.parametrize("row", DEADLINES, ids=NAMES)
def test_a_deadline_says_who_owes_what_from_when_and_by_which_rule(row: Deadline) -> None:
    scope, _, verb = row.name.partition(":")

    assert scope in {"ee", "nis2", "response", "shield", "tco"}
    assert verb.replace("-", "").isalnum()
    assert row.owed_by
    assert len(row.owed_by) == len(set(row.owed_by))
    assert row.starts.strip()
    assert row.does.strip()
    assert row.until is None or row.since <= row.until
    if scope == "response":
        assert row.basis.startswith("agreement: ")
    elif scope == "shield":
        assert row.basis.startswith("agreement: ") or row.basis.endswith("(unverified)")
    else:
        assert row.basis.startswith({"ee": "e-Evidence ", "nis2": "NIS2 ", "tco": "TCO "}[scope])
    if scope == "nis2":
        assert row.basis.endswith("(unverified)")
    assert row.ends is Ends.BY or not (row.reminders or row.escalations)


def test_no_two_deadlines_of_a_name_are_in_force_on_the_same_day() -> None:
    rows: dict[str, list[Deadline]] = defaultdict(list)
    for row in DEADLINES:
        rows[row.name].append(row)
    overlapping = [
        (one.name, one.since, other.since)
        for same in rows.values()
        for one, other in combinations(same, 2)
        if one.since <= (other.until or date.max) and other.since <= (one.until or date.max)
    ]

    assert overlapping == []


@pytest.mark.parametrize("row", DEADLINES, ids=NAMES)
def test_a_deadline_can_be_counted_in_every_state_around_every_change_of_the_clocks(
    row: Deadline,
) -> None:
    for country in COUNTRIES:
        zone = read_zone(country.zone)
        for day in (date(2026, 10, 24), date(2026, 12, 31), date(2027, 3, 27)):
            start = datetime(day.year, day.month, day.day, 17, 20, tzinfo=zone)
            found = due(row, started_at=start, zone=zone, holidays=PublicHolidays(country.code))

            assert found.safe_at <= found.latest_at
            assert (found.latest_at < start) is row.backwards
            assert row.basis in found.because
            assert row.counted is Counted.REGULATION_1182_71 or found.safe_at == found.latest_at


@pytest.mark.parametrize("row", DEADLINES, ids=NAMES)
def test_reminders_come_after_the_start_and_before_the_safe_date_the_earliest_first(
    row: Deadline,
) -> None:
    zone = read_zone("Europe/Brussels")
    start = datetime(2026, 9, 16, 10, tzinfo=zone)
    found = due(row, started_at=start, zone=zone, holidays=PublicHolidays("BE"))
    called = alarms(row, found)

    assert all(one.at <= other.at for one, other in pairwise(called))
    assert all(span > timedelta() for span in row.reminders)
    assert all(one > other for one, other in pairwise(row.reminders))
    if not row.backwards:
        assert all(alarm.at > start for alarm in called)
    assert not {step.to for step in row.escalations} & set(row.owed_by)


@pytest.mark.parametrize("cycle", LIFECYCLES, ids=NOUNS)
def test_a_lifecycle_reaches_every_state_and_ends_only_where_it_may(cycle: Lifecycle) -> None:
    ways: dict[str, set[str]] = defaultdict(set)
    for row in cycle.steps:
        ways[row.of].add(row.to)
    reached, waiting = {cycle.start}, [cycle.start]
    while waiting:
        new = ways[waiting.pop()] - reached
        reached |= new
        waiting += new

    assert len(cycle.states) == len(set(cycle.states))
    assert reached == set(cycle.states)
    assert {state for state in cycle.states if not ways[state]} <= set(cycle.ends)
    assert set(cycle.ends) <= set(cycle.states)
    assert all(row.of in cycle.states and row.to in cycle.states for row in cycle.steps)


@pytest.mark.parametrize("cycle", LIFECYCLES, ids=NOUNS)
def test_from_every_state_an_end_can_be_reached(cycle: Lifecycle) -> None:
    ending = set(cycle.ends)
    for _ in cycle.states:
        ending |= {row.of for row in cycle.steps if row.to in ending}

    assert ending == set(cycle.states)


@pytest.mark.parametrize("cycle", LIFECYCLES, ids=NOUNS)
def test_a_step_has_one_outcome_a_known_competence_and_an_article(cycle: Lifecycle) -> None:
    keys = [(row.of, row.name) for row in cycle.steps]

    assert len(keys) == len(set(keys))
    for row in cycle.steps:
        assert row.competence in HELD_BY, row
        assert row.article.strip(), row
        assert row.name.replace("_", "").isalpha(), row
        assert row.name.islower(), row
        assert f"    {row.of} --> {row.to}: {row.name.replace('_', ' ')}" in diagram(cycle)


def test_nouns_and_names_stand_once_and_every_scope_that_steps_use_is_a_competence() -> None:
    assert len(NOUNS) == len(set(NOUNS))
    used = {row.competence for cycle in LIFECYCLES for row in cycle.steps}

    assert {str(one) for one in set(Competence) - used} == {
        "ee.addressee",
        "ee.enforce",
        "ee.issue",
        "ee.validate",
        "oversee",
        "party.administer",
    }
