"""The log itself: leaves appended for good, published as tiles under a signed checkpoint.

In its folder: `public/` is exactly what a web server shows under `/log/` (`checkpoint`, `keys`,
`tile/…`); beside it, private, the journal of leaves. Tiles are on the disk before the checkpoint
that needs them, and a checkpoint only ever replaces one that it is consistent with: killed at any
moment, the folder shows a log that verifies.
"""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from tocsin.ledger.checkpoints import Checkpoint, read_body
from tocsin.ledger.files import (
    Drafts,
    alone,
    flush_folder,
    make_folders,
    read_file,
    write_whole,
)
from tocsin.ledger.journal import Journal
from tocsin.ledger.keys import Kind, Signer, Verifier
from tocsin.ledger.leaves import LEAF
from tocsin.ledger.merkle import (
    Tree,
    check_consistency,
    consistency_proof,
    leaf_hash,
    root,
    root_of,
)
from tocsin.ledger.notes import Note, Signature, read_note, sign
from tocsin.ledger.proofs import Proof
from tocsin.ledger.tiles import (
    ENTRIES,
    WIDTH,
    Tile,
    Tiles,
    bundle,
    bundles_of,
    split_hashes,
    tiles_of,
)
from tocsin.ledger.trust import Span, read_spans, write_keys
from tocsin.words.errors import NotFound, Refused, Unproven, Unusable

CHECKPOINT, KEYS = "checkpoint", "keys"


class Log:
    """A log in a folder. `keep` tiles stay in memory for proofs, 16 KiB each."""

    def __init__(self, folder: Path, *, keep: int = 4096) -> None:
        self.folder, self.public = folder, folder / "public"
        self.journal = Journal(folder / "leaves.bin")
        self.tiles = Tiles(self._fetch, keep=keep)
        self._tree = Tree(self.tiles.nodes(0), 0)
        self._spool = folder / "spool"

    # ── reading ──────────────────────────────────────────────────────────────────────────

    @property
    def size(self) -> int:
        """How many leaves were appended, published or not."""
        return self.journal.size

    def note(self) -> Note | None:
        """The published checkpoint with its signatures; None before the first."""
        path = self.public / CHECKPOINT
        return read_note(path.read_bytes()) if path.exists() else None

    def published(self) -> Checkpoint:
        """The published checkpoint; raises `NotFound` before the first."""
        note = self.note()
        if note is None:
            raise NotFound(f"{self.folder} has published nothing yet")
        return read_body(note.text)

    def spans(self) -> tuple[Span, ...]:
        """The keys of the log with the sizes they speak for."""
        path = self.public / KEYS
        return read_spans(read_note(path.read_bytes()))[1] if path.exists() else ()

    def leaf(self, index: int) -> bytes:
        """One leaf; raises `NotFound`."""
        if not 0 <= index < self.size:
            raise NotFound(f"the log has {self.size} leaves, and no leaf {index}")
        return self.journal.read(index, index + 1)

    def positions(self, leaves: Iterable[bytes], *, since: int) -> dict[bytes, int]:
        """Where these leaves stand from `since` on; what is not in the log is left out.

        After a crash between appending a batch and noting where its leaves went, this says it.
        """
        wanted, end = set(leaves), self.size
        data = self.journal.read(since, end) if since < end else b""
        return {
            leaf: since + place // LEAF
            for place in range(0, len(data), LEAF)
            if (leaf := data[place : place + LEAF]) in wanted
        }

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The proof that leaf `index` is in the published log of this size."""
        if self._tree.size != size:
            self._tree = Tree(self.tiles.nodes(size), size)
        return self._tree.inclusion_proof(index)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof that the published log of size `new` begins with that of size `old`."""
        return consistency_proof(self.tiles.nodes(new), old, new)

    def proof_file(self, index: int, *, extra: bytes = b"") -> bytes:
        """A `.tlog-proof` of one leaf under the published checkpoint; raises `NotFound`."""
        note, size = self.note(), self.published().size
        if note is None or not 0 <= index < size:
            raise NotFound(f"leaf {index} is not published yet: the log shows {size} leaves")
        return Proof(index, tuple(self.inclusion(index, size)), note.data, extra).data

    def _fetch(self, path: str) -> bytes:
        try:
            return read_file(f"{self.public}/{path}")
        except (FileNotFoundError, NotADirectoryError):
            raise NotFound(f"{self.public}/{path} is not there") from None

    # ── writing ──────────────────────────────────────────────────────────────────────────

    def append(self, leaves: Sequence[bytes], *, start: int) -> None:
        """Add leaves (32 bytes each) from position `start` on, for good, with one flush.

        The same leaves at the same start again change nothing; raises `Refused` for others there
        and for a gap. A batch that a crash cut off was never there.
        """
        with self._alone():
            if start == 0 and self.size == 0:
                self._check_never_shown()
            self.journal.append(leaves, start=start)

    def _check_never_shown(self) -> None:
        """An empty journal beside a published log is one that was lost, not a new one."""
        note = self.note()
        if note is not None and (size := read_body(note.text).size):
            raise Unproven(
                f"{size} leaves are published, and the journal has none: it was lost. Restore a "
                "backup of the journal"
            )

    def publish(self, *, signers: Sequence[Signer], at: datetime) -> Checkpoint:
        """Show everything appended, under a checkpoint signed with every key in force.

        Raises `Unproven` instead of signing what is inconsistent with the checkpoint on the disk,
        and `Refused` where a key in force is missing or a retired one is given.
        """
        with self._alone():
            shown = self.note()
            head = read_body(shown.text) if shown else Checkpoint(_origin(signers), 0, root_of([]))
            size = self.size
            if head.size > size:
                raise Unproven(
                    f"{head.size} leaves are published, and the journal has {size}: it lost some. "
                    "Restore a backup of the journal"
                )
            spans = self._check_signers(signers, head, size)
            made = self._grow(head, size)
            self._put_keys(head.origin, spans, signers, at)
            self._put_checkpoint(shown, made, signers, at)
            self._prune(size)
            return made

    def retire(self, key: Verifier, *, signers: Sequence[Signer], at: datetime) -> Span:
        """End a key: it speaks for the log as published now, and for nothing larger.

        `signers` are all keys in force, the one that goes among them: it vouches for the others.
        """
        with self._alone():
            head = self.published()
            spans = self._check_signers(signers, head, head.size)
            rest = [row for row in signers if row.verifier != key]
            if key not in {row.verifier for row in signers}:
                raise NotFound(f"{key.said} is no key in force")
            if not any(row.kind == Kind.ED25519 for row in rest):
                raise Refused(
                    f"{key.said} is the last plain Ed25519 key. Possible: publish with another "
                    "beside it first"
                )
            ended = {row.verifier: row for row in spans}[key]
            ended = Span(key, ended.since, head.size)
            kept = tuple(ended if row.verifier == key else row for row in spans)
            self._put_keys(head.origin, kept, signers, at)
            return ended

    def cosign(self, text: str, signatures: Iterable[Signature]) -> bool:
        """Put witnesses' cosignatures under the published checkpoint, if it is still this one."""
        with self._alone():
            shown = self.note()
            if shown is None or shown.text != text:
                return False
            merged = {(row.name, row.key_id): row for row in (*shown.signatures, *signatures)}
            self._put(self.public / CHECKPOINT, Note(text, tuple(merged.values())).data)
            flush_folder(self.public)
            return True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        make_folders(self._spool)
        make_folders(self.public)
        with alone(self.folder / "lock"):
            yield

    def _check_signers(
        self, signers: Sequence[Signer], head: Checkpoint, size: int
    ) -> tuple[Span, ...]:
        """The spans with new keys added; every key in force signs, and no retired one."""
        if _origin(signers) != head.origin:
            raise Refused(f"this log is {head.origin}, and the key is one of {_origin(signers)}")
        spans, given = self.spans(), {row.verifier for row in signers}
        for span in spans:
            if span.until is not None and span.verifier in given:
                raise Refused(f"{span.verifier.said} was retired at size {span.until}")
            if span.until is None and span.verifier not in given:
                raise Refused(
                    f"{span.verifier.said} is in force and does not sign. Possible: give it, or "
                    "retire it"
                )
        if not any(row.kind == Kind.ED25519 for row in given):
            raise Refused("a public log is signed with a plain Ed25519 key, others beside it")
        known = {row.verifier for row in spans}
        added = [row.verifier for row in signers if row.verifier not in known]
        since = size if spans else 0
        return (*spans, *(Span(row, since) for row in dict.fromkeys(added)))

    def _grow(self, head: Checkpoint, size: int) -> Checkpoint:
        """Write what the larger tree adds, and make sure that it begins with the smaller one."""
        self._write_tiles(head.size, size)
        nodes = self.tiles.nodes(size)
        made = Checkpoint(head.origin, size, root(nodes, 0, size))
        if head.size:
            proof = consistency_proof(nodes, head.size, size)
            roots = {"old_root": head.root, "new_root": made.root}
            check_consistency(old=head.size, new=size, proof=proof, **roots)
        return made

    def _write_tiles(self, old: int, new: int) -> None:
        drafts = Drafts(self._spool)
        fresh = self._write_leaves(old, new, drafts)
        level = 1
        while new >> 8 * level:
            fresh = self._write_level(level, old >> 8 * level, new >> 8 * level, fresh, drafts)
            level += 1
        drafts.settle()

    def _write_leaves(self, old: int, new: int, drafts: Drafts) -> list[bytes]:
        """Bundles and hashes of new leaves, from the journal; the roots of tiles now full."""
        roots = []
        for tile in bundles_of(new, since=old):
            first = tile.index * WIDTH
            leaves = split_hashes(self.journal.read(first, first + tile.width))
            hashes = [leaf_hash(leaf) for leaf in leaves]
            self._put_tile(tile, bundle(leaves), drafts)
            self._put_tile(Tile(0, tile.index, tile.width), b"".join(hashes), drafts)
            if tile.width == WIDTH:
                roots.append(root_of(hashes))
        return roots

    def _write_level(
        self, level: int, before: int, count: int, fresh: list[bytes], drafts: Drafts
    ) -> list[bytes]:
        """A level above the leaves: what its last tile held, and the roots that came from below."""
        first, width = divmod(before, WIDTH)
        kept = split_hashes(self.tiles.hashes(Tile(level, first, width))) if width else []
        hashes, roots = kept + fresh, []
        for tile in tiles_of(count, since=before):
            if tile.level:
                break
            row = hashes[(tile.index - first) * WIDTH :][: tile.width]
            self._put_tile(Tile(level, tile.index, tile.width), b"".join(row), drafts)
            if tile.width == WIDTH:
                roots.append(root_of(row))
        return roots

    def _put_tile(self, tile: Tile, data: bytes, drafts: Drafts) -> None:
        path = self.public / tile.path
        if path.exists():  # a publication that was cut off got this far
            if path.read_bytes() != data:
                raise Unproven(f"{path} is not what the journal says")
            drafts.found(path)
            return
        drafts.add(path, data)

    def _put(self, path: Path, data: bytes) -> None:
        write_whole(path, data, spool=self._spool)

    def _put_keys(
        self, origin: str, spans: tuple[Span, ...], signers: Sequence[Signer], at: datetime
    ) -> None:
        """Before the checkpoint: a key is announced before it is needed."""
        if spans != self.spans():
            self._put(self.public / KEYS, write_keys(origin, spans, signers, at=at))
            flush_folder(self.public)

    def _put_checkpoint(
        self, shown: Note | None, made: Checkpoint, signers: Sequence[Signer], at: datetime
    ) -> None:
        """Last. Under an unchanged text, signatures that are there stay: witnesses gave some."""
        kept = shown.signatures if shown and shown.text == made.text else ()
        there = {(row.name, row.key_id) for row in kept}
        missing = [row for row in signers if (row.name, row.verifier.key_id) not in there]
        if not missing:
            return
        added = tuple(sign(made.text, row, at=at) for row in missing)
        self._put(self.public / CHECKPOINT, Note(made.text, (*added, *kept)).data)
        flush_folder(self.public)

    def _prune(self, size: int) -> None:
        """Drop partial tiles that have a full one now (C2SP tlog-tiles, Partial Tiles)."""
        marker = self.folder / "pruned"
        done = int(marker.read_text() or 0) if marker.exists() else 0
        level = 0
        while size >> 8 * (level + 1):
            for index in range(done >> 8 * (level + 1), size >> 8 * (level + 1)):
                for kind in (level, ENTRIES) if level == 0 else (level,):
                    partial = self.public / f"{Tile(kind, index).whole_path}.p"
                    if partial.exists():
                        shutil.rmtree(partial)
            level += 1
        if done != size:
            self._put(marker, str(size).encode())


def _origin(signers: Sequence[Signer]) -> str:
    names = {row.name for row in signers}
    if len(names) != 1:
        raise Unusable("a log is signed with keys of one name, which is its origin")
    return names.pop()
