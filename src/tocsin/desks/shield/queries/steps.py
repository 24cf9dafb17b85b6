"""Which steps of a listing or an appeal somebody may take now, and why others are not theirs.

A page offers what would not be refused; the actions ask again, in the same words.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from tocsin.desks.shield.models import Appeal, Listing
from tocsin.desks.shield.queries.choosing import choice_for
from tocsin.office.people.viewer import Viewer
from tocsin.rules.lifecycle import Actor, Step, possible
from tocsin.rules.shield import (
    APPEAL,
    LISTING,
    Taken,
    require_another_person,
    require_overrides,
)
from tocsin.words.errors import Refused, TocsinError

# Steps that begin a term: those before it are no longer asked who took them.
_TERM_ENDS = ("confirm", "decline")
_BY_THE_NODE = ("approve", "lapse", "expire", "settle")  # or on another page
# What mends a mistake stands before what prolongs one.
_ORDER = ("confirm", "decline", "override", "reject", "withdraw", "renew")


@dataclass(frozen=True)
class Steps:
    """What may be done, and by name of the step why the rest would be refused."""

    offered: tuple[Step, ...]
    withheld: tuple[tuple[str, str], ...] = ()


def listing_steps(viewer: Viewer, actor: Actor, row: Listing) -> Steps:
    """Of a listing, as its state, its history and its warnings are now."""
    steps = [one for one in possible(LISTING, row.state, actor) if one.name not in _BY_THE_NODE]
    steps.sort(key=lambda one: _ORDER.index(one.name))
    taken = taken_in_term(row)
    offered, withheld = [], []
    for step in steps:
        try:
            require_another_person(LISTING, step.name, person=_person(viewer), before=taken)
            require_warned(row, step.name)
        except TocsinError as fault:
            withheld.append((step.name, str(fault)))
        else:
            offered.append(step)
    is_warned = bool(row.warnings) or any(step.name == "override" for step in offered)
    kept = [one for one in withheld if one[0] != "override" or is_warned]
    return Steps(tuple(offered), tuple(kept))


def appeal_steps(viewer: Viewer, actor: Actor, row: Appeal, covering: Iterable[Listing]) -> Steps:
    """Of an appeal, as its state is now and whoever listed what it is against."""
    steps = [one for one in possible(APPEAL, row.state, actor) if one.name not in _BY_THE_NODE]
    offered, withheld, rows = [], [], list(covering)
    for step in steps:
        try:
            require_judge(viewer, step.name, row.listing, rows)
        except Refused as fault:
            withheld.append((step.name, str(fault)))
        else:
            offered.append(step)
    return Steps(tuple(offered), tuple(withheld))


def require_warned(row: Listing, step: str) -> dict[str, str]:
    """The warnings of this moment, kind to sentence: lists change after an approval.

    Raises `Refused` to confirm while one is not overridden or can be by nobody, and to override
    where there is none.
    """
    if step not in ("confirm", "override"):
        return dict(row.warnings)
    choice = choice_for(row.url, row.scope)
    if choice.is_final:
        raise Refused(
            f"listing: {'; '.join(choice.warnings.values())}. Nobody can override that. "
            "Possible: reject"
        )
    warned = {str(kind): text for kind, text in choice.warnings.items()}
    if step == "confirm":
        require_overrides(warned, overridden=frozenset(row.overridden))
    elif not warned.keys() - set(row.overridden):
        raise Refused("listing: there is no warning to override. Possible: confirm, or reject")
    return warned


def require_judge(viewer: Viewer, step: str, listing: Listing, covering: Iterable[Listing]) -> None:
    """Nobody decides on what they listed, whichever of the listings it was; raises `Refused`."""
    person = _person(viewer)
    require_another_person(APPEAL, step, person=person, before=taken_ever(listing))
    for other in covering:
        try:
            require_another_person(APPEAL, step, person=person, before=taken_ever(other))
        except Refused:
            raise Refused(
                f"appeal: what it is against is also listed as {other.reference}, and nobody "
                "decides an appeal against a listing that they approved. Possible: somebody else "
                f"with shield.review who listed none of it, or first withdraw {other.reference}"
            ) from None


def taken_in_term(row: Listing) -> tuple[Taken, ...]:
    """The steps since it was proposed or last listed, and who took them."""
    taken: list[Taken] = []
    for act in row.acts.filter(noun="listing").select_related("person"):
        if act.person is not None:
            taken.append(Taken(act.step, act.person.uid.hex))
        if act.step in _TERM_ENDS:
            taken = []
    return tuple(taken)


def taken_ever(row: Listing) -> tuple[Taken, ...]:
    """All steps of a listing that a person took."""
    acts = row.acts.filter(noun="listing").exclude(person=None).select_related("person")
    return tuple(Taken(act.step, act.person.uid.hex) for act in acts if act.person)


def _person(viewer: Viewer) -> str:
    return viewer.person.uid.hex if viewer.person else ""
