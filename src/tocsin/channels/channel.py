"""What every way out offers; `catalogue.py` lists them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tocsin.words.errors import Undelivered


@dataclass(frozen=True)
class Piece:
    """One file of a delivery: the name the recipient sees, where it lies, its SHA-256 (hex)."""

    name: str
    path: Path
    digest: str


@dataclass(frozen=True)
class Letter:
    """What stands before the files where a person reads them first; a mail is made of it.

    `message` names the message (letters and digits) and is the same for every repeat, as are
    `dated` and `text`; `after` names the first message of the same `reference`, where this is
    not it. `key` is the party's armoured OpenPGP key: with one, nothing goes out in clear.
    """

    message: str
    reference: str
    subject: str
    text: str
    name: str
    language: str
    dated: datetime
    after: str = ""
    key: str = ""


@dataclass(frozen=True)
class Parcel:
    """What is handed over in one go: one delivery, or all those of one message.

    `delivery` is the delivery's uid: the same one again must not double anything. The last
    piece is the manifest; it becomes visible last. `settings` are this node's own for the
    channel (where the root folder is), `address` is the party's, `at` the moment of the attempt.
    A channel that `gathers` gets a `letter` and the pieces of several deliveries, one after the
    other; `delivery` is then the uid of the first.
    """

    delivery: str
    party: str
    pieces: tuple[Piece, ...]
    address: str = ""
    settings: Mapping[str, str] = field(default_factory=dict)
    at: datetime | None = None
    letter: Letter | None = None


@dataclass(frozen=True)
class Handed:
    """What the channel says: where it put the parcel, and whether the party confirmed it.

    `gone` are mailboxes of the party that are no more, each with what the other side said of it.
    """

    where: str
    confirmed: bool = False
    detail: Mapping[str, str] = field(default_factory=dict)
    gone: Mapping[str, str] = field(default_factory=dict)


class NobodyThere(Undelivered):
    """Not handed over, and the other side said of mailboxes (`gone`) that they are no more."""

    def __init__(self, text: str, *, lasting: bool, gone: Mapping[str, str]) -> None:
        super().__init__(text, lasting=lasting)
        self.gone = gone


@dataclass(frozen=True)
class Channel:
    """One way out.

    `check_address` raises `Unusable` for what can never be an address here; "" means that
    the party has none of its own. `send` raises `Undelivered` and nothing else. `repeatable`
    says that the same parcel again changes nothing at the receiver. `in_turn` says that every
    party has a receiver of its own, which may be slow: parties take turns. `gathers`, where there
    is one, says of the node's settings how many bytes of files one parcel may hold: such a channel
    takes all that is due for a party and an interval at once.
    """

    name: str
    check_address: Callable[[str], None]
    send: Callable[[Parcel], Handed]
    repeatable: bool = False
    in_turn: bool = False
    gathers: Callable[[Mapping[str, str]], int] | None = None
