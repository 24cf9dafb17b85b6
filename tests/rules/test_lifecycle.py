"""Who may do what, when: buttons, refusals, diagrams out of one table."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.rules.acts import LIFECYCLES
from tocsin.rules.lifecycle import (
    NODE,
    Actor,
    Lifecycle,
    diagram,
    may,
    possible,
    take,
    who,
)
from tocsin.rules.response import CASE
from tocsin.rules.tco import COMPLAINT, ORDER
from tocsin.words.competences import HELD_BY, Competence
from tocsin.words.errors import Refused
from tocsin.words.roles import Role

ALL = frozenset(Competence)
PLATFORM = Actor(Role.PLATFORM, frozenset({Competence.TCO_COMPLY}))
AUTHORITY = Actor(Role.AUTHORITY, frozenset({Competence.TCO_ISSUE}))
ISP = Actor(Role.ISP, frozenset({Competence.RESPONSE_ANSWER}))
CSIRT = Actor(Role.CSIRT, frozenset({Competence.RESPONSE_HANDLE}))


def test_an_order_goes_its_way() -> None:
    state = ORDER.start
    for step, by in (
        ("assess", AUTHORITY),
        ("issue", AUTHORITY),
        ("receive", NODE),
        ("query", PLATFORM),
        ("clarify", AUTHORITY),
        ("comply", PLATFORM),
        ("finalise", AUTHORITY),
    ):
        state = take(ORDER, state, step, by)

    assert state == "final"


def test_a_case_comes_back_when_it_is_seen_again() -> None:
    state = CASE.start
    for step, by in (
        ("tell", NODE),
        ("acknowledge", ISP),
        ("cure", ISP),
        ("close", CSIRT),
        ("see_again", NODE),
        ("tell", NODE),
    ):
        state = take(CASE, state, step, by)

    assert state == "told"


WAYS = (
    "comply (by platform), excuse (by platform), query (by platform), "
    "find infringement (by authority, law enforcement or court)"
)


@pytest.mark.parametrize(
    ("state", "step", "by", "refusal"),
    [
        (
            "received",
            "comply",
            Actor(Role.CSIRT, ALL),
            f"a csirt cannot comply while received. Possible: {WAYS}",
        ),
        (
            "received",
            "comply",
            Actor(Role.PLATFORM, ALL - {Competence.TCO_COMPLY}),
            f"a platform without tco.comply cannot comply while received. Possible: {WAYS}",
        ),
        (
            "received",
            "find_infringement",
            PLATFORM,
            f"a platform cannot find infringement while received. Possible: {WAYS}",
        ),
        (
            "received",
            "explode",
            PLATFORM,
            f"a platform cannot explode while received. Possible: {WAYS}",
        ),
        ("received", "comply", NODE, f"the node cannot comply while received. Possible: {WAYS}"),
        (
            "final",
            "comply",
            PLATFORM,
            "a platform cannot comply while final. Possible: nothing, final is the end",
        ),
        (
            "ceased",
            "comply",
            PLATFORM,
            "a platform cannot comply while ceased. Possible: reinstate (by platform)",
        ),
    ],
)
def test_a_refusal_says_what_is_possible_instead(
    state: str, step: str, by: Actor, refusal: str
) -> None:
    with pytest.raises(Refused) as refused:
        take(ORDER, state, step, by)

    assert str(refused.value) == f"removal order: {refusal}"


def test_a_state_that_there_is_not_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        take(COMPLAINT, "lost", "reject", PLATFORM)

    assert str(refused.value) == (
        "complaint: 'lost' is no state. Possible: filed, upheld, reinstated, rejected"
    )


def test_nobody_can_pass_for_the_node() -> None:
    for role in (None, *Role):
        with pytest.raises(Refused):
            take(ORDER, "issued", "receive", Actor(role, ALL))
    assert take(ORDER, "issued", "receive", NODE) == "received"


def test_the_buttons_are_the_steps_a_person_may_take_now() -> None:
    answers = possible(CASE, "told", ISP)

    assert [row.name for row in answers] == ["acknowledge", "act", "cure", "disown", "dispute"]
    assert [row.name for row in possible(CASE, "told", CSIRT)] == ["close", "merge"]
    assert possible(CASE, "told", Actor(Role.ISP, frozenset())) == ()


@given(
    lifecycle=st.sampled_from(LIFECYCLES),
    role=st.sampled_from([None, *Role]),
    competences=st.frozensets(st.sampled_from(list(Competence))),
    data=st.data(),
)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_a_step_is_taken_exactly_where_its_button_shows(
    lifecycle: Lifecycle,
    role: Role | None,
    competences: frozenset[Competence],
    data: st.DataObject,
) -> None:
    by = Actor(role, competences)
    state = data.draw(st.sampled_from(lifecycle.states))
    name = data.draw(st.sampled_from(sorted({row.name for row in lifecycle.steps})))
    shown = {row.name: row for row in possible(lifecycle, state, by)}

    assert all(row.competence in competences for row in shown.values())
    assert all(role in HELD_BY[row.competence] for row in shown.values())
    if name in shown:
        assert take(lifecycle, state, name, by) == shown[name].to
    else:
        with pytest.raises(Refused, match="Possible: "):
            take(lifecycle, state, name, by)


def test_who_can_be_given_a_competence_is_said_in_words() -> None:
    assert who(Competence.TCO_COMPLY) == "platform"
    assert who(Competence.TCO_REQUEST) == "platform or member of the public"
    assert who(Competence.RESPONSE_ANSWER) == "isp, platform, registry, brand or csirt"
    assert who(Competence.NODE_RECORD) == "the node itself"
    assert may(NODE, Competence.NODE_RECORD) is True


def test_a_diagram_shows_every_step_the_start_and_the_ends() -> None:
    assert diagram(COMPLAINT).splitlines() == [
        "stateDiagram-v2",
        "    [*] --> filed",
        "    filed --> upheld: uphold",
        "    upheld --> reinstated: reinstate",
        "    filed --> rejected: reject",
        "    reinstated --> [*]",
        "    rejected --> [*]",
    ]
