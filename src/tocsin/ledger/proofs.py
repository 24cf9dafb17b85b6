"""Proofs that stand alone (C2SP tlog-proof): index, hashes, and the checkpoint they lead to."""

from base64 import b64encode
from dataclasses import dataclass

from tocsin.ledger.checkpoints import read_base64, read_hash, read_number
from tocsin.ledger.merkle import check_inclusion, leaf_hash
from tocsin.ledger.notes import read_note
from tocsin.ledger.trust import Seen, Trust, convince
from tocsin.words.errors import Unreadable

_FIRST = "c2sp.org/tlog-proof@v1"
_LONGEST = 1024 * 1024
_MOST_HASHES = 63


@dataclass(frozen=True)
class Proof:
    """That an entry stands at `index` in the log of `checkpoint` (a signed note).

    `extra` is whatever came with it: nobody vouches for it.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes = b""

    @property
    def data(self) -> bytes:
        """The `.tlog-proof` file."""
        lines = [_FIRST]
        if self.extra:
            lines.append(f"extra {b64encode(self.extra).decode()}")
        lines.append(f"index {self.index}")
        lines += [b64encode(hashed).decode() for hashed in self.hashes]
        return "".join(f"{line}\n" for line in lines).encode() + b"\n" + self.checkpoint


def read_proof(data: bytes) -> Proof:
    """A `.tlog-proof` file; raises `Unreadable`. Nothing is verified."""
    if len(data) > _LONGEST:
        raise Unreadable(f"a proof of {len(data):,} bytes. Possible: at most {_LONGEST:,}")
    head, found, checkpoint = data.partition(b"\n\n")
    try:
        first, *lines = head.decode().split("\n")
    except UnicodeDecodeError:
        raise Unreadable("no proof: it is not UTF-8") from None
    if first != _FIRST or not found:
        raise Unreadable(f"no proof: it begins with {_FIRST}")
    extra = b""
    if lines and lines[0].startswith("extra "):
        extra = read_base64(lines.pop(0).removeprefix("extra "))
    if not lines or not lines[0].startswith("index "):
        raise Unreadable("no proof: it has no line `index`")
    index = read_number(lines.pop(0).removeprefix("index "), name="the index")
    if len(lines) > _MOST_HASHES:
        raise Unreadable(f"a proof of {len(lines)} hashes. Possible: at most {_MOST_HASHES}")
    read_note(checkpoint)
    return Proof(index, tuple(read_hash(line) for line in lines), checkpoint, extra)


def check_proof(proof: Proof, entry: bytes, trust: Trust) -> Seen:
    """The checkpoint that shows the entry in the log; raises `Unproven` where it does not."""
    seen = convince(proof.checkpoint, trust)
    check_inclusion(
        index=proof.index,
        size=seen.checkpoint.size,
        leaf=leaf_hash(entry),
        proof=proof.hashes,
        root=seen.checkpoint.root,
    )
    return seen
