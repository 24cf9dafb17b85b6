"""Lifecycles: which states a matter has, which step leads from one to the next, who may take it.

The same table gives the buttons, the refusals and the diagrams. A step asks for a competence; it
is never enough to be of a role.
"""

from dataclasses import dataclass

from tocsin.words.competences import HELD_BY, Competence
from tocsin.words.errors import Refused
from tocsin.words.roles import SPOKEN, Role, one


@dataclass(frozen=True)
class Step:
    """One row: `name` leads from the state `of` to the state `to`; `article` is its source."""

    name: str
    of: str
    to: str
    competence: Competence
    article: str


@dataclass(frozen=True)
class Lifecycle:
    """A noun, its states, the one it starts in, those it may end in, and the steps between."""

    noun: str
    states: tuple[str, ...]
    start: str
    ends: tuple[str, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Actor:
    """Who takes a step: the role of the party, and what the person's mandate allows there."""

    role: Role | None
    competences: frozenset[Competence]


NODE = Actor(None, frozenset({Competence.NODE_RECORD}))


def may(actor: Actor, competence: Competence) -> bool:
    """Whether a mandate grants it, and a role that it can be granted in has it."""
    fits = actor is NODE or actor.role in HELD_BY[competence]
    return fits and competence in actor.competences


def take(lifecycle: Lifecycle, state: str, step: str, by: Actor) -> str:
    """The state after a step; raises `Refused` with what is possible instead."""
    for row in steps_from(lifecycle, state):
        if row.name == step:
            if may(by, row.competence):
                return row.to
            raise _refused(lifecycle, state, step, by, row.competence)
    raise _refused(lifecycle, state, step, by, None)


def possible(lifecycle: Lifecycle, state: str, by: Actor) -> tuple[Step, ...]:
    """The steps somebody may take now, in the order of the table: the buttons."""
    return tuple(row for row in steps_from(lifecycle, state) if may(by, row.competence))


def steps_from(lifecycle: Lifecycle, state: str) -> tuple[Step, ...]:
    """All steps out of a state, whoever may take them; raises `Refused` for no state of it."""
    if state not in lifecycle.states:
        known = ", ".join(spoken(name) for name in lifecycle.states)
        raise Refused(f"{lifecycle.noun}: {state!r} is no state. Possible: {known}")
    return tuple(row for row in lifecycle.steps if row.of == state)


def who(competence: Competence) -> str:
    """`platform`, `isp, platform or csirt`: whose people can be given it."""
    names = [SPOKEN[role] for role in HELD_BY[competence]]
    if not names:
        return "the node itself"
    return " or ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def spoken(word: str) -> str:
    """`not_ours` as people read it: `not ours`."""
    return word.replace("_", " ")


def diagram(lifecycle: Lifecycle) -> str:
    """The lifecycle as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", f"    [*] --> {lifecycle.start}"]
    lines += [f"    {row.of} --> {row.to}: {spoken(row.name)}" for row in lifecycle.steps]
    return "\n".join([*lines, *(f"    {state} --> [*]" for state in lifecycle.ends)])


def _refused(
    lifecycle: Lifecycle, state: str, step: str, by: Actor, needs: Competence | None
) -> Refused:
    """What happened, and every step that somebody could take now."""
    subject = "the node" if by.role is None else one(by.role)
    if needs and by.role in HELD_BY[needs]:
        subject += f" without {needs}"
    ways = [
        f"{spoken(row.name)} (by {who(row.competence)})" for row in steps_from(lifecycle, state)
    ]
    return Refused(
        f"{lifecycle.noun}: {subject} cannot {spoken(step)} while {spoken(state)}. "
        f"Possible: {', '.join(ways) or f'nothing, {spoken(state)} is the end'}"
    )
