"""The phishing shield: the life of a listing and of an appeal, and who may not be the same person.

What a listing may cover and what warns of a mistake: `rules/listing.py`. The spans are this
project's defaults, no law; a node sets others by agreement. The duty to have a legal basis for
blocking at all is the operator's: docs/reference/shield.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from tocsin.rules.deadline import Counted, Deadline, Escalation
from tocsin.rules.lifecycle import Lifecycle, Step, spoken
from tocsin.rules.periods import working_days
from tocsin.words.competences import Competence
from tocsin.words.errors import Refused
from tocsin.words.roles import Role

_AGREED = "agreement: rules of the phishing shield (this project's default)"
_TWO = "agreement: two different people approve what is listed (this project's default)"
# Blocking by name is a restriction on access; what it must meet: Regulation (EU) 2015/2120.
_BASIS = "Regulation (EU) 2015/2120 3(3), national law that provides for it (unverified)"
_ACCURACY = "GDPR 5(1)(d), and national law on remedies (unverified)"
_SINCE = date(2026, 1, 1)
_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_CLOCK, _1182 = Counted.CLOCK, Counted.REGULATION_1182_71
_REVIEWERS = (Role.CSIRT, Role.AUTHORITY)
_LATE = (Escalation(timedelta(), Role.COORDINATOR),)
_PROPOSE, _REVIEW = Competence.SHIELD_PROPOSE, Competence.SHIELD_REVIEW
_RECORD = Competence.NODE_RECORD

# ── a listing ────────────────────────────────────────────────────────────────────────────

# `renewing` is in force like `listed`: somebody asked for another term, and nobody else has
# agreed yet. It ends on the day it would have ended without.
IN_FORCE = ("listed", "renewing")
_PENDING = ("proposed", "approved")

LISTING = Lifecycle(
    noun="listing",
    states=(*_PENDING, *IN_FORCE, "rejected", "withdrawn", "expired"),
    start="proposed",
    ends=("rejected", "withdrawn", "expired"),
    steps=(
        Step("approve", "proposed", "approved", _PROPOSE, _TWO),
        Step("override", "approved", "approved", _REVIEW, _TWO),
        Step("confirm", "approved", "listed", _REVIEW, _BASIS),
        *(Step("reject", state, "rejected", _REVIEW, _AGREED) for state in _PENDING),
        *(Step("lapse", state, "rejected", _RECORD, _AGREED) for state in _PENDING),
        Step("renew", "listed", "renewing", _PROPOSE, _TWO),
        Step("confirm", "renewing", "listed", _REVIEW, _BASIS),
        Step("decline", "renewing", "listed", _REVIEW, _AGREED),
        *(Step("withdraw", state, "withdrawn", _REVIEW, _ACCURACY) for state in IN_FORCE),
        *(Step("expire", state, "expired", _RECORD, _AGREED) for state in IN_FORCE),
    ),
)

# ── an appeal ────────────────────────────────────────────────────────────────────────────

# Anyone files one, without an account. Upheld means that the listing is withdrawn.
APPEAL = Lifecycle(
    noun="appeal",
    states=("filed", "taken", "upheld", "dismissed", "settled"),
    start="filed",
    ends=("upheld", "dismissed", "settled"),
    steps=(
        Step("take", "filed", "taken", _REVIEW, _ACCURACY),
        Step("release", "taken", "filed", _REVIEW, _AGREED),
        Step("uphold", "taken", "upheld", _REVIEW, _ACCURACY),
        Step("dismiss", "taken", "dismissed", _REVIEW, _ACCURACY),
        # the listing went by itself, or was withdrawn for another reason, before a decision
        *(Step("settle", state, "settled", _RECORD, _AGREED) for state in ("filed", "taken")),
    ),
)

# ── different people ─────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Separation:
    """Whoever took one of `after` on the listing may not take `step` of `noun`; `why`."""

    noun: str
    step: str
    after: tuple[str, ...]
    why: str


_LISTED_IT = ("approve", "override", "confirm", "renew")
_SECOND_PAIR = "a listing is approved by two different people"
_THIRD_PAIR = "an override of a warning is a third person's"
_NOT_ITS_JUDGE = "nobody decides an appeal against a listing that they approved"

SEPARATIONS = (
    Separation("listing", "confirm", ("approve", "renew"), _SECOND_PAIR),
    Separation("listing", "confirm", ("override",), _THIRD_PAIR),
    Separation("listing", "override", ("approve",), _THIRD_PAIR),
    Separation("appeal", "take", _LISTED_IT, _NOT_ITS_JUDGE),
    Separation("appeal", "uphold", _LISTED_IT, _NOT_ITS_JUDGE),
    Separation("appeal", "dismiss", _LISTED_IT, _NOT_ITS_JUDGE),
)


@dataclass(frozen=True)
class Taken:
    """A step of this term of the listing, and who took it: a person, never a role."""

    step: str
    person: str


def require_another_person(
    lifecycle: Lifecycle, step: str, *, person: str, before: tuple[Taken, ...]
) -> None:
    """Raises `Refused` where the same person took a step that rules this one out.

    `before`: for a listing, the steps since it was proposed or last listed; for an appeal, all
    steps of the listing it is against.
    """
    for row in SEPARATIONS:
        if (row.noun, row.step) != (lifecycle.noun, step):
            continue
        for taken in before:
            if taken.step in row.after and taken.person == person:
                raise Refused(
                    f"{lifecycle.noun}: {row.why}. You took {spoken(taken.step)!r}, so you "
                    f"cannot {spoken(step)}. Possible: somebody else with "
                    f"{_competence(lifecycle, step)}"
                )


def _competence(lifecycle: Lifecycle, step: str) -> Competence:
    return next(row.competence for row in lifecycle.steps if row.name == step)


def require_overrides(warned: Mapping[str, str], *, overridden: frozenset[str]) -> None:
    """Raises `Refused` while a warning (kind to sentence) has not been overridden by anybody."""
    open_ = [sentence for kind, sentence in warned.items() if kind not in overridden]
    if open_:
        raise Refused(
            f"listing: {'; '.join(open_)}. Possible: a third person overrides it with a reason, "
            "or reject"
        )


# ── clocks ───────────────────────────────────────────────────────────────────────────────

# A campaign reaches its last victim 21 hours after it began, and is detected 9 hours after the
# first one (Oest et al., USENIX Security 2020): what is left is 12 hours, of which these take two.
CAMPAIGN = timedelta(hours=21)


def _clock(
    name: str,
    starts: str,
    within: timedelta,
    basis: str,
    does: str,
    *,
    reminders: tuple[timedelta, ...] = (),
    escalations: tuple[Escalation, ...] = (),
) -> Deadline:
    """An elapsed span that the node's reviewers owe."""
    return Deadline(
        f"shield:{name}",
        _REVIEWERS,
        starts,
        within,
        _CLOCK,
        basis,
        does,
        _SINCE,
        reminders=reminders,
        escalations=escalations,
    )


RECHECK_WITHIN = _DAY  # from the date that the scope sets (`rules/listing.py`)

DEADLINES = (
    _clock(
        "approve",
        "a message, or the first of a group, is received",
        _HOUR,
        _AGREED,
        "look at the group: approve a listing or reject it",
        reminders=(30 * _MINUTE,),
        escalations=_LATE,
    ),
    _clock(
        "confirm",
        "the first person approves a listing",
        _HOUR,
        _AGREED,
        "confirm the listing, as somebody else, or reject it",
        reminders=(30 * _MINUTE,),
        escalations=_LATE,
    ),
    _clock(
        "lapse",
        "a listing is proposed",
        7 * _DAY,
        _AGREED,
        "confirm or reject; after that the proposal lapses",
        reminders=(_DAY,),
    ),
    _clock(
        "withdraw",
        "an appeal is upheld, or a mistake is found",
        _MINUTE,
        _ACCURACY,
        "withdraw the listing from all outputs",
    ),
    # An innocent site loses its visitors for as long as this takes.
    _clock(
        "decide-appeal",
        "an appeal is filed",
        _DAY,
        _ACCURACY,
        "uphold or dismiss the appeal, as somebody who did not list it",
        reminders=(12 * _HOUR, 4 * _HOUR),
        escalations=_LATE,
    ),
    _clock(
        "answer-recheck",
        "the owner of a cleaned site asks for a re-check",
        4 * _HOUR,
        _ACCURACY,
        "look again: withdraw the listing, or say what is still there",
        reminders=(_HOUR,),
        escalations=_LATE,
    ),
    # What was fraud can be somebody else's by now.
    _clock(
        "recheck",
        "a re-check date of a listing comes",
        RECHECK_WITHIN,
        _ACCURACY,
        "look again: still fraud, cleaned, or gone",
        reminders=(12 * _HOUR,),
        escalations=_LATE,
    ),
    Deadline(
        "shield:answer-reporter",
        _REVIEWERS,
        "a message is received",
        working_days(5),
        _1182,
        _AGREED,
        "tell the reporter what became of it",
        _SINCE,
        reminders=(_DAY,),
    ),
)

# ── what is counted for everybody ────────────────────────────────────────────────────────

# Spans are written down by the first of these that they do not exceed: a count of each remains
# when the facts of single matters are erased, and median and p90 can be said from the counts.
SPANS: tuple[tuple[str, timedelta], ...] = (
    ("5 minutes", 5 * _MINUTE),
    ("15 minutes", 15 * _MINUTE),
    ("30 minutes", 30 * _MINUTE),
    ("1 hour", _HOUR),
    ("2 hours", 2 * _HOUR),
    ("4 hours", 4 * _HOUR),
    ("12 hours", 12 * _HOUR),
    ("1 day", _DAY),
    ("3 days", 3 * _DAY),
    ("7 days", 7 * _DAY),
)
LONGER = "longer"
# Why a listing was withdrawn. The first two are mistakes of the shield's: false positives.
CAUSES = ("appeal", "mistake", "cleaned")
MISTAKES = ("appeal", "mistake")


def span_of(took: timedelta) -> str:
    """The first span that is not exceeded."""
    return next((name for name, most in SPANS if took <= most), LONGER)
