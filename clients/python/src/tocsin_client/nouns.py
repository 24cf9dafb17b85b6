"""What the API speaks of, as frozen values; a field that this client does not know is left out."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, TypeVar

Noun = TypeVar("Noun")


@dataclass(frozen=True)
class Told:
    """As what parties were told, how many of them, and how many rows."""

    relation: str
    parties: int
    rows: int


@dataclass(frozen=True)
class Report:
    """A report that was brought in. Counts are None until it was worked."""

    id: str
    name: str
    state: str
    tlp: str
    received_at: datetime
    party: str | None = None
    purpose: str = "route"
    finished_at: datetime | None = None
    read: int | None = None
    quarantined: int | None = None
    duplicates: int | None = None
    events: int | None = None
    unrouted: int | None = None
    held: int | None = None
    stage: str = ""
    rows: int = 0
    sha256: str = ""
    size: int = 0
    format: str = ""
    error: str = ""
    notes: tuple[str, ...] = ()
    told: tuple[Told, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether the worker is through with it, well or not."""
        return self.state != "waiting"


@dataclass(frozen=True)
class Receipt:
    """What came back for a delivery."""

    kind: str
    at: datetime
    by: str
    note: str = ""


@dataclass(frozen=True)
class Delivery:
    """What one party was told in one file."""

    id: str
    party: str
    relation: str
    format: str
    channel: str
    tlp: str
    rows: int
    size: int
    sha256: str
    file: str
    state: str
    created_at: datetime
    delivered_at: datetime | None = None
    first_at: datetime | None = None
    last_at: datetime | None = None
    receipts: tuple[Receipt, ...] = ()


@dataclass(frozen=True)
class Entry:
    """One line of a case's thread."""

    kind: str
    at: datetime
    audience: str
    party: str | None = None
    step: str = ""
    state: str = ""
    text: str = ""


@dataclass(frozen=True)
class Case:
    """A problem that is followed to its remedy; `steps` are what you may answer now."""

    id: str
    reference: str
    party: str
    relation: str
    kind: str
    family: str
    about: str
    state: str
    severity: str
    tlp: str
    events: int
    opened_at: datetime
    changed_at: datetime
    first_at: datetime | None = None
    last_at: datetime | None = None
    because: str = ""
    steps: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()
    deliveries: tuple[str, ...] = ()


@dataclass(frozen=True)
class Party:
    """The party that a token acts for."""

    party: str
    name: str
    role: str
    country: str
    scopes: tuple[str, ...] = ()


_INSIDE: dict[str, type[Any]] = {"told": Told, "receipts": Receipt, "entries": Entry}


def read(noun: type[Noun], words: dict[str, Any]) -> Noun:
    """A noun out of JSON: moments become datetimes, lists tuples."""
    known = {field.name for field in fields(noun)}  # type: ignore[arg-type]
    return noun(**{name: _value(name, value) for name, value in words.items() if name in known})


def _value(name: str, value: Any) -> Any:
    if name.endswith("_at") or name == "at":
        return None if value is None else datetime.fromisoformat(value)
    if isinstance(value, list):
        inside = _INSIDE.get(name)
        return tuple(read(inside, one) if inside else one for one in value)
    return value
