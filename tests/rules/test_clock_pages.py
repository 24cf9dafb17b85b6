"""The pages on deadlines, lifecycles and holidays say what the tables say."""

from datetime import timedelta
from pathlib import Path

import pytest

from tocsin.rules import evidence, nis2, response, shield, tco
from tocsin.rules.acts import DEADLINES, LIFECYCLES
from tocsin.rules.calendar import COUNTRIES, Country
from tocsin.rules.deadline import Deadline, Ends, Escalation, say
from tocsin.rules.feasts import FIRST_YEAR, LAST_YEAR, Easter, Fixed, Rule
from tocsin.rules.lifecycle import Lifecycle, diagram, spoken, who
from tocsin.words.roles import SPOKEN

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
ACTS = {
    "TCO": tco.DEADLINES,
    "NIS2": nis2.DEADLINES,
    "e-Evidence": evidence.DEADLINES,
    "Response desk": response.DEADLINES,
    "Phishing shield": shield.DEADLINES,
}
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()


def line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def deadline_lines(row: Deadline) -> str:
    """One row of the page on deadlines."""
    end = "not before " if row.ends is Ends.NOT_BEFORE else ""
    side = " before" if row.backwards else ""
    within = say(row.within)
    reminders = ", ".join(span_text(span) for span in row.reminders) or "none"
    escalations = ", ".join(escalation_text(step) for step in row.escalations) or "none"
    owed = ", ".join(SPOKEN[role] for role in row.owed_by)
    since = f"{row.since}" + (f" to {row.until}" if row.until else "")
    counted = f"{end}{within}{side}, {row.counted}"
    cells = (row.name, owed, row.starts, row.does, counted, row.basis, since)
    return line(f"`{cells[0]}`", *cells[1:], reminders, escalations)


def escalation_text(step: Escalation) -> str:
    if not step.after:
        return f"{SPOKEN[step.to]} then"
    side = "after" if step.after > timedelta() else "before"
    return f"{SPOKEN[step.to]} {span_text(abs(step.after))} {side}"


def span_text(span: timedelta) -> str:
    """`7 days`, `12 hours`, `15 minutes`."""
    days = span // timedelta(days=1)
    return say(span) if span % timedelta(days=1) else f"{days} day{'s' * (days != 1)}"


def rule_text(rule: Rule) -> str:
    """`05-01`, `Easter+1`, `first Monday from 05-01`."""
    if isinstance(rule, Easter):
        said = f"{'eastern ' if rule.eastern else ''}Easter{rule.offset:+d}"
    elif isinstance(rule, Fixed):
        said = f"{rule.month:02d}-{rule.day:02d}"
    else:
        said = f"first {WEEKDAYS[rule.weekday]} from {rule.month:02d}-{rule.day:02d}"
        if rule.unless is not None:
            said += f" or that day if a {WEEKDAYS[rule.unless]}"
    if isinstance(rule, Fixed) and rule.sunday:
        said += f" (a Sunday: {rule.sunday:+d})"
    if rule.follows:
        said += "*"
    if rule.since > FIRST_YEAR:
        said += f" from {rule.since}"
    return said + (f" until {rule.until}" if rule.until < LAST_YEAR else "")


def holiday_line(row: Country) -> str:
    """One row of the table of holidays."""
    days = ", ".join(f"{rule_text(rule)}" for rule in row.rules)
    return line(row.code, row.zone, days, row.note or "none", row.source)


def lifecycle_lines(cycle: Lifecycle) -> list[str]:
    """The part of the page on one lifecycle."""
    steps = [
        line(
            spoken(row.name),
            spoken(row.of),
            spoken(row.to),
            who(row.competence),
            f"`{row.competence}`",
            row.article,
        )
        for row in cycle.steps
    ]
    head = line("step", "from", "to", "by", "competence", "source")
    fence = ["```text", *diagram(cycle).splitlines(), "```"]
    return [
        f"## {cycle.noun.capitalize()}",
        "",
        *fence,
        "",
        head,
        "|---|---|---|---|---|---|",
        *steps,
    ]


def test_every_act_has_its_table_and_no_row_is_missing() -> None:
    page = (REFERENCE / "deadlines.md").read_text("utf-8")
    for act, rows in ACTS.items():
        table = page.partition(f"\n## {act}\n")[2].partition(
            "|---|---|---|---|---|---|---|---|---|\n"
        )[2]

        assert table.partition("\n\n")[0].splitlines() == [deadline_lines(row) for row in rows]
    assert sum(len(rows) for rows in ACTS.values()) == len(DEADLINES)


def test_the_page_has_the_holidays_of_every_state() -> None:
    page = (REFERENCE / "deadlines.md").read_text("utf-8")
    table = page.partition("\n## Public holidays\n")[2].partition("|---|---|---|---|---|\n")[2]

    assert table.partition("\n\n")[0].splitlines() == [holiday_line(row) for row in COUNTRIES]


@pytest.mark.parametrize("cycle", LIFECYCLES, ids=lambda cycle: cycle.noun)
def test_the_page_shows_a_lifecycle_as_it_is(cycle: Lifecycle) -> None:
    page = (REFERENCE / "lifecycles.md").read_text("utf-8").splitlines()
    wanted = lifecycle_lines(cycle)
    start = page.index(wanted[0])

    assert page[start : start + len(wanted)] == wanted


def test_the_page_shows_no_lifecycle_that_there_is_not() -> None:
    page = (REFERENCE / "lifecycles.md").read_text("utf-8").splitlines()

    assert {row for row in page if row.startswith("## ")} == {
        f"## {cycle.noun.capitalize()}" for cycle in LIFECYCLES
    }
