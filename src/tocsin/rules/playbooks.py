"""The provider's desk: what a subscriber is told of which problem, when, and when it is over.

One row per kind of problem: which classes (and families, where a row names some) it is for, its
steps, and for how long nothing may be seen before a line counts as clean. A changed row has a
higher version; a finding names the version it was warned by.

Evidence, so that nobody expects more of a row than is known. In a controlled trial with 220
customers a warning by mail alone had no effect against no warning at all; a walled garden had 92 %
clean within 14 days, 58 to 74 % became clean by themselves (Çetin et al., NDSS 2019). A mail
is a duty of care and a beginning, and it is counted as no more than that.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

_DAY = timedelta(days=1)
_AT_ONCE = timedelta()
_SINCE = date(2026, 1, 1)
_CETIN = "Çetin et al., NDSS 2019: e-mail alone had no effect; 14 days are the trial's own span"
_CHOICE = "this project's choice"
# Regulation (EU) 2015/2120 is about measures against traffic; a warning is none.
_BASIS = "contract with the subscriber; GDPR 6(1)(f) with recital 49 (unverified)"


class Way(StrEnum):
    """How a subscriber is reached."""

    MAIL = "mail"


@dataclass(frozen=True)
class Step:
    """One warning: so long after the one before (the first: after it was seen), by a way.

    All but the first are for what was seen again since the warning before.
    """

    wait: timedelta
    way: Way


@dataclass(frozen=True)
class Playbook:
    """One row. `families` empty: all. `wording` names the texts, `clean_after` when it is over."""

    name: str
    version: int
    kinds: tuple[str, ...]
    families: tuple[str, ...]
    wording: str
    steps: tuple[Step, ...]
    clean_after: timedelta
    basis: str
    source: str
    since: date = _SINCE
    until: date | None = None


def _mails(*waits: timedelta) -> tuple[Step, ...]:
    return tuple(Step(wait, Way.MAIL) for wait in waits)


PLAYBOOKS: tuple[Playbook, ...] = (
    # A device that keeps nothing over a restart is clean after one, and comes back with the same
    # password: what helps is another than that for a computer.
    Playbook(
        "infected-thing",
        1,
        ("infected-system",),
        ("mirai", "gafgyt", "hajime", "mozi"),
        "thing",
        _mails(_AT_ONCE, 7 * _DAY, 14 * _DAY),
        14 * _DAY,
        _BASIS,
        _CETIN,
    ),
    Playbook(
        "infected",
        1,
        ("infected-system", "c2-server", "malware-distribution"),
        (),
        "infected",
        _mails(_AT_ONCE, 7 * _DAY, 14 * _DAY),
        14 * _DAY,
        _BASIS,
        _CETIN,
    ),
    Playbook(
        "attacking",
        1,
        ("brute-force", "scanner", "ids-alert", "exploit", "dos", "ddos", "spam"),
        (),
        "attacking",
        _mails(_AT_ONCE, 7 * _DAY, 14 * _DAY),
        14 * _DAY,
        _BASIS,
        _CHOICE,
    ),
    Playbook(
        "open",
        1,
        (
            "ddos-amplifier",
            "potentially-unwanted-accessible",
            "vulnerable-system",
            "information-disclosure",
            "weak-crypto",
        ),
        (),
        "open",
        _mails(_AT_ONCE, 30 * _DAY),
        14 * _DAY,
        _BASIS,
        _CHOICE,
    ),
)
WORDINGS = tuple(dict.fromkeys(row.wording for row in PLAYBOOKS))


def playbook_for(kind: str, family: str, *, on: date) -> Playbook | None:
    """The row for a class and a family; one that names the family wins. None: nobody is warned."""
    rows = [row for row in PLAYBOOKS if kind in row.kinds and _runs(row, on)]
    named = [row for row in rows if family.lower() in row.families]
    return next(iter(named or [row for row in rows if not row.families]), None)


def _runs(row: Playbook, on: date) -> bool:
    return row.since <= on and (row.until is None or on <= row.until)


def due_step(row: Playbook, taken: int) -> Step | None:
    """The step after so many that were taken; the last one is taken again as often as need be."""
    return row.steps[min(taken, len(row.steps) - 1)] if row.steps else None
