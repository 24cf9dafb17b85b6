"""What the doctor says: an area, how it is, what is so, and how to mend it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tocsin.node.store import Store


class State(StrEnum):
    """How an area is; the worst of its findings counts."""

    OK = "ok"
    NOTE = "note"  # good to know; nothing fails
    WRONG = "wrong"  # something does not work, or soon will not


@dataclass(frozen=True)
class Finding:
    """One thing. `mend` is a command, a setting or an act; "" where nothing is to be done."""

    area: str
    state: State
    what: str
    mend: str = ""


@dataclass(frozen=True)
class Case:
    """What is examined: a store, at a moment; `quick` leaves out what takes long."""

    store: Store
    at: datetime
    quick: bool = False


@dataclass(frozen=True)
class Area:
    """One thing to look at. `look` writes nothing, whatever it finds."""

    name: str
    look: Callable[[Case], Iterable[Finding]]
