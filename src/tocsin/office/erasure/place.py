"""What an erasure is asked to do, and what it says of every place."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tocsin.flow.progress import Progress, unseen
from tocsin.flow.subject import Subject
from tocsin.words.moments import iso


@dataclass(frozen=True)
class Order:
    """Whose data, why, by whom, when; `dry_run` looks everywhere and changes nothing."""

    subject: Subject
    why: str
    by: str
    at: datetime
    store_folder: Path
    dry_run: bool = False
    progress: Progress = unseen

    @property
    def done(self) -> str:
        """What happened to what was found, in one word."""
        return "would be erased" if self.dry_run else "erased"


@dataclass(frozen=True)
class Place:
    """One place that was looked at.

    `found` is what was there (of what, says `unit`), `files` how many files were opened again
    afterwards, `left` how many of these still hold the value. `held` says why something was
    left on purpose; `unsearched` names what could not be looked into.
    """

    name: str
    found: int = 0
    unit: str = "rows"
    done: str = ""
    files: int = 0
    left: int = 0
    held: tuple[str, ...] = ()
    unsearched: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Recipient:
    """A party that was handed the data before: to be told of the erasure (GDPR art. 19)."""

    party: str
    delivery: str
    rows: int
    delivered_at: datetime | None
    where: str

    @property
    def sentence(self) -> str:
        """Who got what, and when."""
        when = iso(self.delivered_at) if self.delivered_at else "at an unknown moment"
        return f"{self.party} got {self.rows} rows in delivery {self.delivery} on {when}"


@dataclass(frozen=True)
class Erasure:
    """What became of an erasure, place by place."""

    kind: str
    values: int
    places: tuple[Place, ...]
    recipients: tuple[Recipient, ...] = ()
    instructions: tuple[str, ...] = ()
    dry_run: bool = False

    @property
    def found(self) -> int:
        """Everything that was found, wherever."""
        return sum(place.found for place in self.places)

    @property
    def held(self) -> tuple[str, ...]:
        """What a legal hold kept."""
        return tuple(text for place in self.places for text in place.held)

    @property
    def unsearched(self) -> tuple[str, ...]:
        """What could not be looked into."""
        return tuple(text for place in self.places for text in place.unsearched)

    @property
    def left(self) -> int:
        """Files in which the value still stands although nothing holds it: a failure."""
        return sum(place.left for place in self.places)

    @property
    def is_complete(self) -> bool:
        """Whether nothing of it is left anywhere that this node can reach."""
        return not (self.held or self.unsearched or self.left)
