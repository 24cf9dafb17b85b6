"""What a warning does: one clock for all, and nobody's days before a warning are the warning's."""

import json
from collections.abc import Callable
from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.desks.subscribers.conftest import NOON, Report
from tests.desks.subscribers.test_warning import DAY, NINE
from tocsin.desks.subscribers.models import Finding, Measure, Warned
from tocsin.desks.subscribers.queries.effects import NOT_YET, _periods, effects, periods
from tocsin.flow.cleaning import survival
from tocsin.rules.playbooks import Remedy

SPELL = st.tuples(st.integers(0, 20), st.integers(1, 20), st.booleans()).map(
    lambda one: (one[0], one[0] + one[1], one[2])
)
LATER = NOON + 60 * DAY


@given(st.lists(SPELL, min_size=1, max_size=40))
def test_who_entered_late_is_at_risk_only_after_that(rows: list[tuple[int, int, bool]]) -> None:
    frame = pl.DataFrame(rows, schema=["entered", "lasted", "is_over"], orient="row")
    share, expected = 1.0, []
    for day in sorted({last for _, last, over in rows if over}):
        at_risk = sum(first < day <= last for first, last, _ in rows)
        over = sum(last == day and ended for _, last, ended in rows)
        share *= 1 - over / at_risk
        expected.append((day, at_risk, over, pytest.approx(share)))

    assert survival(frame).select("day", "at_risk", "over", "share").rows() == expected


@given(
    st.lists(st.integers(1, 30), max_size=3, unique=True).map(sorted),
    st.integers(1, 40),
)
def test_every_day_of_a_spell_is_under_one_treatment_and_it_ends_at_most_once(
    begins: list[int], lasted: int
) -> None:
    named = [(0, NOT_YET), *((day, f"way {day}") for day in begins)]
    found = list(_periods(named, lasted=lasted, is_over=True))
    never = list(_periods(named, lasted=lasted, is_over=False))

    days = [day for _, first, last, _ in found for day in range(first + 1, last + 1)]
    assert days == list(range(1, lasted + 1))
    assert [ended for *_, ended in found] == [False] * (len(found) - 1) + [True]
    assert [(*period[:3], False) for period in found] == never


Lasting = Callable[..., Finding]


@pytest.fixture
def lasting(reported: Report) -> Lasting:
    """`lasting(line, days, *(day, way))`: a problem that was seen so long, and its warnings."""
    reported(("192.0.2.30", 4000, NINE))
    reported(("192.0.2.31", 4000, LATER - timedelta(hours=2)), at=LATER)  # somebody still looks
    Finding.objects.all().delete()

    def made(line: int, days: int, *warnings: tuple[int, str], failed: bool = False) -> Finding:
        row = Finding.objects.create(
            line=line, kind="infected-system", family="quillworm", events=1, changed_at=NOON,
            first_at=NOON, last_at=NOON + (days - 1) * DAY,
        )  # fmt: skip
        for number, (day, way) in enumerate(warnings):
            Warned.objects.create(
                finding=row, code=f"{line}-{number}", step=number + 1, playbook="infected",
                version=2, way=way, language="en", at=NOON + day * DAY,
                failed_at=NOON if failed else None,
            )  # fmt: skip
        return row

    return made


@pytest.mark.django_db
def test_days_before_a_warning_are_not_the_warnings(lasting: Lasting) -> None:
    lasting(1, 2, (5, "mail"))  # gone before it was warned
    lasting(2, 9, (2, "mail"), (6, "sms"))
    lasting(3, 58, (0, "mail"))  # seen until just now
    lasting(4, 4, (1, "sms"), failed=True)  # nobody was warned by that

    rows = periods(at=LATER).sort("treatment", "entered", "lasted")
    assert rows.drop("kind", "family").rows() == [
        ("mail", 1, 58, False),
        ("mail", 3, 7, False),
        ("mail+sms", 7, 9, True),
        (NOT_YET, 0, 1, False),
        (NOT_YET, 0, 2, True),
        (NOT_YET, 0, 3, False),
        (NOT_YET, 0, 4, True),
    ]


@pytest.mark.django_db
def test_the_table_says_how_many_were_at_risk(lasting: Lasting) -> None:
    for line in range(4):
        lasting(10 + line, 5 + 5 * line, (0, "mail"))  # 5, 10, 15, 20 days
    found = {one.treatment: one for one in effects(at=LATER)}

    assert list(found) == [NOT_YET, "mail"]
    mail = found["mail"]
    assert (mail.findings, mail.over) == (4, 4)
    assert [(one.day, one.at_risk, one.share) for one in mail.points] == [
        (7, 3, pytest.approx(0.75)),
        (14, 2, pytest.approx(0.5)),
        (30, 0, pytest.approx(0.0)),
    ]
    assert [(one.at_risk, one.share) for one in found[NOT_YET].points] == [(0, None)] * 3


@pytest.mark.django_db
def test_a_measure_is_a_treatment_of_its_own_once_the_network_set_it(lasting: Lasting) -> None:
    for line, set_on in ((1, 2), (2, None)):
        Measure.objects.create(
            finding=lasting(line, 8, (0, "mail")), line=line, kind=Remedy.GARDEN.value,
            asked_at=NOON, next_attempt_at=NOON,
            set_at=None if set_on is None else NOON + set_on * DAY,
        )  # fmt: skip

    assert {(one.treatment, one.findings, one.over) for one in effects(at=LATER)} == {
        (NOT_YET, 2, 0),
        ("mail", 2, 1),
        ("mail+walled garden", 1, 1),
    }


@pytest.mark.django_db
def test_a_word_alone_ends_nothing_here(lasting: Lasting) -> None:
    row = lasting(1, 58, (0, "mail"))
    row.state, row.cure, row.cured_at = "cured", Finding.Cure.SAID, NOON + 2 * DAY
    row.save()

    assert {one.treatment: one.over for one in effects(at=LATER)} == {NOT_YET: 0, "mail": 0}


@pytest.mark.django_db
def test_where_nothing_was_looked_up_there_is_no_effect() -> None:
    assert effects(at=NOON) == []
    assert json.dumps(periods(at=NOON).rows()) == "[]"
