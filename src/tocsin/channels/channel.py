"""What every way out offers; `catalogue.py` lists them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path


@dataclass(frozen=True)
class Piece:
    """One file of a delivery: the name the recipient sees, where it lies, its SHA-256 (hex)."""

    name: str
    path: Path
    digest: str


@dataclass(frozen=True)
class Parcel:
    """What is handed over in one go.

    `delivery` is the delivery's uid: the same one again must not double anything. The last
    piece is the manifest; it becomes visible last. `settings` are this node's own for the
    channel (where the root folder is), `address` is the party's, `at` the moment of the attempt.
    """

    delivery: str
    party: str
    pieces: tuple[Piece, ...]
    address: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    at: datetime | None = None


@dataclass(frozen=True)
class Handed:
    """What the channel says: where it put the parcel, and whether the party confirmed it."""

    where: str
    confirmed: bool = False
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Channel:
    """One way out.

    `check_address` raises `Unusable` for what can never be an address here; "" means that
    the party has none of its own. `send` raises `Undelivered` and nothing else. `repeatable`
    says that the same parcel again changes nothing at the receiver.
    """

    name: str
    check_address: Callable[[str], None]
    send: Callable[[Parcel], Handed]
    repeatable: bool = False
