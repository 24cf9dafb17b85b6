"""Signed notes (C2SP signed-note): text, an empty line, signatures.

A text counts only when a trusted key signed it: `open_note` gives it out, `read_note` does not
look at signatures at all.
"""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tocsin.ledger.checkpoints import read_base64
from tocsin.ledger.keys import Signer, Verifier, check_name
from tocsin.words.errors import Unproven, Unreadable, Unusable

LONGEST = 512 * 1024
MOST_SIGNATURES = 64  # the specification asks for 16 at least; the largest are nearly 5 kB
_DASH = "— "


@dataclass(frozen=True)
class Signature:
    """One signature line: key name, key id (4 bytes), what was signed with it."""

    name: str
    key_id: bytes
    data: bytes

    @property
    def line(self) -> str:
        """As it stands in a note, with its newline."""
        return f"{_DASH}{self.name} {b64encode(self.key_id + self.data).decode()}\n"


@dataclass(frozen=True)
class Note:
    """The text with its final newline, and whatever signatures stand under it."""

    text: str
    signatures: tuple[Signature, ...]

    @property
    def data(self) -> bytes:
        """The note as a file."""
        return (self.text + "\n" + "".join(row.line for row in self.signatures)).encode()


@dataclass(frozen=True)
class Signed:
    """A key that did sign, and the moment it signed with, where its kind has one."""

    verifier: Verifier
    at: datetime | None


def read_note(data: bytes) -> Note:
    """A note in its parts; raises `Unreadable`. Nothing is verified."""
    if len(data) > LONGEST:
        raise Unreadable(f"the note has {len(data):,} bytes. Possible: at most {LONGEST:,}")
    try:
        whole = data.decode()
    except UnicodeDecodeError:
        raise Unreadable("no signed note: it is not UTF-8") from None
    if any(c < " " and c != "\n" for c in whole):
        raise Unreadable("no signed note: it holds control characters")
    text, found, lines = whole.rpartition("\n\n")
    if not found or not lines.endswith("\n") or not text.strip("\n"):
        raise Unreadable("no signed note: a text, an empty line, signature lines")
    rows = read_signatures(lines)
    return Note(text + "\n", rows)


def read_signatures(lines: str) -> tuple[Signature, ...]:
    """Signature lines, each with its newline; raises `Unreadable`."""
    rows = lines.removesuffix("\n").split("\n")
    if len(rows) > MOST_SIGNATURES:
        raise Unreadable(f"{len(rows)} signatures. Possible: at most {MOST_SIGNATURES}")
    return tuple(_signature(row) for row in rows)


def _signature(line: str) -> Signature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH):
        raise Unreadable(f"no signature line: {line[:60]!r}")
    try:
        check_name(name)
    except Unusable as fault:
        raise Unreadable(str(fault)) from None
    data = read_base64(encoded)
    if len(data) < 5:
        raise Unreadable(f"the signature of {name} is too short to be one")
    return Signature(name, data[:4], data[4:])


def sign_note(text: str, signers: Iterable[Signer], *, at: datetime) -> Note:
    """A note with the signatures of these keys; raises `Unusable` for a text that can be none."""
    made = Note(text, tuple(sign(text, signer, at=at) for signer in signers))
    try:
        read_note(made.data)
    except Unreadable as fault:
        raise Unusable(str(fault)) from None
    return made


def sign(text: str, signer: Signer, *, at: datetime) -> Signature:
    """One key's signature of a text."""
    return Signature(signer.name, signer.verifier.key_id, signer.sign(text, at=at))


def check_note(note: Note, verifiers: Iterable[Verifier]) -> tuple[Signed, ...]:
    """Who of these signed; raises `Unproven` where nobody did or one of their signatures fails.

    Signatures of other keys are ignored, whatever they are.
    """
    known = {(row.name, row.key_id): row for row in verifiers}
    found = {}
    for row in note.signatures:
        verifier = known.get((row.name, row.key_id))
        if verifier is not None:
            found[verifier] = Signed(verifier, verifier.check(note.text, row.data))
    if not found:
        names = sorted({row.name for row in note.signatures})
        raise Unproven(
            f"no signature by a key that is trusted here; it is signed by {', '.join(names)}"
        )
    return tuple(found.values())


def open_note(data: bytes, verifiers: Iterable[Verifier]) -> tuple[str, tuple[Signed, ...]]:
    """The text of a note that at least one of these keys signed, and who did."""
    note = read_note(data)
    return note.text, check_note(note, verifiers)
