"""The provider's desk: what a subscriber is told of which problem, when, and when it is over.

One row per kind of problem: which classes (and families, where a row names some) it is for, its
steps, and for how long nothing may be seen before a line counts as clean. A changed row has a
higher version; a finding names the version it was warned by.

Evidence, so that nobody expects more of a row than is known. In a controlled trial with 220
customers a warning by mail alone had no effect against no warning at all; a walled garden had 92 %
clean within 14 days, 58 to 74 % became clean by themselves (Çetin et al., NDSS 2019). A mail
is a duty of care and a beginning, and it is counted as no more than that. So a second warning goes
another way where one is known, by a text message: that more people read it is likely, that more
become clean by it nobody has shown (unverified); `tocsin subscribers effects` is there to see it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

_DAY = timedelta(days=1)
_AT_ONCE = timedelta()
_SINCE = date(2026, 1, 1)
_CETIN = "Çetin et al., NDSS 2019: e-mail alone had no effect; 14 days are the trial's own span"
_CHOICE = "this project's choice"
_GARDEN = (
    "Çetin et al., NDSS 2019, 220 customers: e-mail alone had no effect; walled garden 92 % clean "
    "in 14 days, 58 to 74 % by themselves"
)
_UNMEASURED = "this project's choice; effect not measured"
# Regulation (EU) 2015/2120 is about measures against traffic; a warning is none.
_LIMITING = (
    "Regulation (EU) 2015/2120 art. 3(3)(b), integrity and security of the network; contract with "
    "the subscriber (unverified)"
)
_BASIS = "contract with the subscriber; GDPR 6(1)(f) with recital 49 (unverified)"


class Way(StrEnum):
    """How a subscriber is reached."""

    MAIL = "mail"
    SMS = "sms"
    LETTER = "letter"
    PORTAL = "portal"


class Remedy(StrEnum):
    """How a line is limited until it is put right; never without a warning that says how out."""

    GARDEN = "walled garden"
    PORTS = "port block"
    NAMES = "dns filter"


@dataclass(frozen=True)
class Step:
    """One warning: so long after the one before (the first: after it was seen), by a way.

    All but the first are for what was seen again since the warning before. Where the way is none
    for a subscriber, `instead` names the others in turn: nobody stays unwarned for want of one.
    With a `measure` the line is limited as well, where the operator lets that happen.
    """

    wait: timedelta
    way: Way
    instead: tuple[Way, ...] = (Way.MAIL, Way.SMS, Way.PORTAL, Way.LETTER)
    measure: Remedy | None = None

    @property
    def ways(self) -> tuple[Way, ...]:
        """Each way once, in turn."""
        return tuple(dict.fromkeys((self.way, *self.instead)))


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


def _steps(*waits: timedelta) -> tuple[Step, ...]:
    """A mail, then a text message where a telephone is known, then mails."""
    return tuple(
        Step(wait, Way.SMS if number == 1 else Way.MAIL) for number, wait in enumerate(waits)
    )


PLAYBOOKS: tuple[Playbook, ...] = (
    # A device that keeps nothing over a restart is clean after one, and comes back with the same
    # password: what helps is another than that for a computer.
    Playbook(
        "infected-thing",
        2,
        ("infected-system",),
        ("mirai", "gafgyt", "hajime", "mozi"),
        "thing",
        _steps(_AT_ONCE, 7 * _DAY, 14 * _DAY),
        14 * _DAY,
        _BASIS,
        _CETIN,
    ),
    Playbook(
        "infected",
        2,
        ("infected-system", "c2-server", "malware-distribution"),
        (),
        "infected",
        _steps(_AT_ONCE, 7 * _DAY, 14 * _DAY),
        14 * _DAY,
        _BASIS,
        _CETIN,
    ),
    Playbook(
        "attacking",
        2,
        ("brute-force", "scanner", "ids-alert", "exploit", "dos", "ddos", "spam"),
        (),
        "attacking",
        _steps(_AT_ONCE, 7 * _DAY, 14 * _DAY),
        14 * _DAY,
        _BASIS,
        _CHOICE,
    ),
    Playbook(
        "open",
        2,
        (
            "ddos-amplifier",
            "potentially-unwanted-accessible",
            "vulnerable-system",
            "information-disclosure",
            "weak-crypto",
        ),
        (),
        "open",
        _steps(_AT_ONCE, 30 * _DAY),
        14 * _DAY,
        _BASIS,
        _CHOICE,
    ),
)


def _limited(measure: Remedy, *waits: timedelta) -> tuple[Step, ...]:
    """Mails, each with the measure: a text message is too short to say how it is lifted."""
    return tuple(Step(wait, Way.MAIL, measure=measure) for wait in waits)


# Rows that hold at a node only where two people there adopted them (`actions.adopting`); of those
# for the same class the first. Without that the rows above hold, and no line is ever limited.
ADOPTABLE: tuple[Playbook, ...] = (
    Playbook(
        "garden-thing",
        1,
        ("infected-system",),
        ("mirai", "gafgyt", "hajime", "mozi"),
        "thing",
        _limited(Remedy.GARDEN, _AT_ONCE, 7 * _DAY, 14 * _DAY),
        14 * _DAY,
        _LIMITING,
        _GARDEN,
    ),
    Playbook(
        "garden",
        1,
        ("infected-system",),
        (),
        "infected",
        _limited(Remedy.GARDEN, _AT_ONCE, 7 * _DAY, 14 * _DAY),
        14 * _DAY,
        _LIMITING,
        _GARDEN,
    ),
    Playbook(
        "names",
        1,
        ("infected-system", "c2-server", "malware-distribution"),
        (),
        "infected",
        _limited(Remedy.NAMES, _AT_ONCE, 7 * _DAY, 14 * _DAY),
        14 * _DAY,
        _LIMITING,
        _UNMEASURED,
    ),
    Playbook(
        "ports",
        1,
        ("ddos-amplifier",),
        (),
        "open",
        (Step(_AT_ONCE, Way.MAIL), *_limited(Remedy.PORTS, 14 * _DAY, 30 * _DAY)),
        14 * _DAY,
        _LIMITING,
        _UNMEASURED,
    ),
)
WORDINGS = tuple(dict.fromkeys(row.wording for row in PLAYBOOKS))


def playbook_for(
    kind: str, family: str, *, on: date, adopted: Collection[tuple[str, int]] = ()
) -> Playbook | None:
    """The row for a class and a family; one that names the family wins. None: nobody is warned.

    A row that was `adopted` (name, version) wins over one that ships.
    """
    known = [*(row for row in ADOPTABLE if (row.name, row.version) in adopted), *PLAYBOOKS]
    rows = [row for row in known if kind in row.kinds and _runs(row, on)]
    named = [row for row in rows if family.lower() in row.families]
    return next(iter(named or [row for row in rows if not row.families]), None)


def _runs(row: Playbook, on: date) -> bool:
    return row.since <= on and (row.until is None or on <= row.until)


def due_step(row: Playbook, taken: int) -> Step | None:
    """The step after so many that were taken; the last one is taken again as often as need be."""
    return row.steps[min(taken, len(row.steps) - 1)] if row.steps else None
