"""A witness: sees that a log only grows, and says so (C2SP tlog-witness).

Its folder holds the private keys (`keys`), the keys of the logs it watches (`logs`), one file per
log with the last checkpoint it cosigned (`seen/`), and what it has to shout about (`alarms/`):
checkpoints that a log's own key signed and that do not go together. What is checked and what is
kept is one step under a lock; nothing is answered before it is on the disk.
"""

import json
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from tocsin.ledger.checkpoints import Checkpoint, read_body, read_hash, read_number
from tocsin.ledger.files import alone, flush_folder, make_folders, write_whole
from tocsin.ledger.keys import Kind, Signer, Verifier, read_secret, read_vkey
from tocsin.ledger.merkle import check_consistency
from tocsin.ledger.notes import Note, check_note, read_note, sign
from tocsin.words.errors import NotFound, Refused, Unproven, Unreadable, Unusable

LONGEST = 256 * 1024
MOST_HASHES = 63
PLAIN, SIZE = "text/plain; charset=utf-8", "text/x.tlog.size"
_OLD = re.compile(r"old (.+)")


@dataclass(frozen=True)
class Request:
    """The body of `add-checkpoint`: the size that was witnessed last, a proof, a checkpoint."""

    old: int
    proof: tuple[bytes, ...]
    note: bytes

    @property
    def data(self) -> bytes:
        """As it is sent."""
        lines = [f"old {self.old}", *(b64encode(hashed).decode() for hashed in self.proof)]
        return "".join(f"{line}\n" for line in lines).encode() + b"\n" + self.note


def read_request(data: bytes) -> Request:
    """The body of `add-checkpoint`; raises `Unreadable`."""
    if len(data) > LONGEST:
        raise Unreadable(f"a request of {len(data):,} bytes. Possible: at most {LONGEST:,}")
    head, found, note = data.partition(b"\n\n")
    try:
        first, *lines = head.decode().split("\n")
    except UnicodeDecodeError:
        raise Unreadable("the request is not UTF-8") from None
    old = _OLD.fullmatch(first)
    if not found or old is None:
        raise Unreadable("a request is: old N, the hashes of a proof, an empty line, a checkpoint")
    if len(lines) > MOST_HASHES:
        raise Unreadable(f"{len(lines)} lines of proof. Possible: at most {MOST_HASHES}")
    proof = tuple(read_hash(line) for line in lines)
    return Request(read_number(old[1], name="the old size"), proof, note)


@dataclass(frozen=True)
class Alarm:
    """Two checkpoints that a log signed and that do not go together, and why we think so.

    `kind` is `split` (one size, two roots: a proof against the log), `unproven` (larger, and the
    proof that came with it does not hold) or `rolled-back` (smaller, and never seen here).
    """

    kind: str
    origin: str
    at: str
    kept: str
    shown: str
    proof: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The same contradiction again is the same alarm."""
        known = f"{self.kind}\n{_body(self.kept)}\n{_body(self.shown)}"
        return sha256(known.encode()).hexdigest()

    @property
    def said(self) -> str:
        """One sentence for people."""
        kept, shown = read_body(_body(self.kept)), read_body(_body(self.shown))
        sizes = f"cosigned at {kept.size}, shown at {shown.size}"
        return f"{self.origin}: {_SAID[self.kind]} ({sizes})"


_SAID = {
    "split": "two histories, one size: the log signed both, which proves it",
    "unproven": "a larger log came without a proof that it begins with the one cosigned; "
    "it may be another history, or a stranger's bad proof",
    "rolled-back": "a smaller log came, of a state that was never cosigned here; "
    "it may have been rolled back, or a stranger sent an old checkpoint",
}


def _body(note: str) -> str:
    return note.rpartition("\n\n")[0] + "\n"


@dataclass(frozen=True)
class Answer:
    """What the witness says over HTTP; an alarm where there is something to shout."""

    status: int
    body: str
    media_type: str = PLAIN
    alarm: Alarm | None = None


@dataclass(frozen=True)
class Verdict:
    """The decision on one request; `None` says that the checkpoint is to be cosigned."""

    answer: Answer | None
    kind: str = ""


def decide(
    request: Request, shown: Checkpoint, *, kept: Checkpoint | None, is_past: Callable[[], bool]
) -> Verdict:
    """The rules of C2SP tlog-witness, from the point where origin and signature are fine.

    `kept` is what was cosigned last, `is_past` says whether exactly `shown` was once cosigned.
    """
    size = kept.size if kept else 0
    if request.old > shown.size:
        return Verdict(Answer(400, f"old {request.old} is above the size {shown.size}\n"))
    is_split = kept is not None and shown.size == size and shown.root != kept.root
    if request.old != size:
        kind = "split" if is_split else "rolled-back" if shown.size < size else ""
        known = kind == "rolled-back" and is_past()
        return Verdict(Answer(409, f"{size}\n", SIZE), "" if known else kind)
    if is_split:
        return Verdict(Answer(409, f"two roots for the size {size}\n"), "split")
    if kept is None or size in {0, shown.size}:
        return Verdict(Answer(422, "a proof where none belongs\n") if request.proof else None)
    try:
        roots = {"old_root": kept.root, "new_root": shown.root}
        check_consistency(old=size, new=shown.size, proof=request.proof, **roots)
    except Unproven as fault:
        return Verdict(Answer(422, f"{fault}\n"), "unproven")
    return Verdict(None)


class Witness:
    """A witness in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._seen, self._alarms = folder / "seen", folder / "alarms"

    # ── set-up ───────────────────────────────────────────────────────────────────────────

    def make(self, signers: list[Signer]) -> None:
        """A new witness with these cosigning keys; raises `Refused` where there is one."""
        make_folders(self.folder)
        if (self.folder / "keys").exists():
            raise Refused(f"{self.folder} is a witness already, and its keys stay")
        if not signers or any(row.kind == Kind.ED25519 for row in signers):
            raise Unusable("a witness has cosigning keys: Ed25519 (04), ML-DSA-44 (06)")
        secrets = "".join(f"{row.secret}\n" for row in signers)
        self._put(self.folder / "keys", secrets.encode(), mode=0o600)

    def signers(self) -> list[Signer]:
        """The private keys; raises `NotFound` where there is no witness."""
        path = self.folder / "keys"
        if not path.exists():
            raise NotFound(f"{self.folder} is no witness. Possible: tocsin log witness add")
        return [read_secret(line) for line in path.read_text("utf-8").split()]

    def logs(self) -> dict[str, tuple[Verifier, ...]]:
        """The logs that are watched: their keys by origin."""
        path = self.folder / "logs"
        found: dict[str, tuple[Verifier, ...]] = {}
        for line in path.read_text("utf-8").split() if path.exists() else ():
            key = read_vkey(line)
            found[key.name] = (*found.get(key.name, ()), key)
        return found

    def watch(self, key: Verifier) -> bool:
        """Watch the log of this key; False where it is watched with it already."""
        with alone(self.folder / "lock"):
            known = [row for keys in self.logs().values() for row in keys]
            if key in known:
                return False
            lines = "".join(f"{row.vkey}\n" for row in (*known, key))
            self._put(self.folder / "logs", lines.encode())
            return True

    def alarms(self) -> list[Alarm]:
        """What there is to shout about, oldest first."""
        files = sorted(self._alarms.glob("*.json")) if self._alarms.is_dir() else []
        found = [json.loads(path.read_bytes()) for path in files]
        rows = [Alarm(**{**row, "proof": tuple(row["proof"])}) for row in found]
        return sorted(rows, key=lambda row: row.at)

    def settle(self, beginning: str, *, why: str, by: str, at: datetime) -> Alarm:
        """Put an explained alarm aside, with who says so; raises `NotFound`, `Unusable`, `Refused`.

        It is kept in `alarms/settled`; the same contradiction again is a new alarm.
        """
        if not why.strip():
            raise Unusable("an alarm is settled by an explanation. Possible: --why and what it was")
        with alone(self.folder / "lock"):
            named = [row for row in self.alarms() if beginning and row.name.startswith(beginning)]
            if not named:
                raise NotFound(f"no alarm {beginning!r}. Possible: tocsin log witness alarms")
            if len(named) > 1:
                raise Unusable(f"{beginning!r} begins {len(named)} alarms. Possible: more of it")
            alarm = named[0]
            if alarm.kind == "split":
                raise Refused(
                    "two histories of one size, both signed by the log, are a proof against it "
                    "that nothing explains. Possible: watch the log no longer, and keep the file"
                )
            aside = self._alarms / "settled"
            make_folders(aside)
            said = {**vars(alarm), "settled": {"at": at.isoformat(), "by": by, "why": why}}
            data = json.dumps(said, ensure_ascii=False, indent=2).encode()
            self._put(aside / f"{alarm.name}-{at:%Y%m%dT%H%M%S}.json", data)
            (self._alarms / f"{alarm.name}.json").unlink()
            flush_folder(self._alarms)
        return alarm

    # ── add-checkpoint ───────────────────────────────────────────────────────────────────

    def add_checkpoint(self, body: bytes, *, at: datetime) -> Answer:
        """Answer a request; what it cosigns, and what it shouts, is on the disk by then."""
        try:
            request = read_request(body)
            note = read_note(request.note)
            shown = read_body(note.text)
        except Unreadable as fault:
            return Answer(400, f"{fault}\n")
        keys = self.logs().get(shown.origin, ())
        if not keys:
            return Answer(404, "this log is not watched here\n")
        try:
            check_note(note, keys)
        except Unproven as fault:
            return Answer(403, f"{fault}\n")
        make_folders(self._seen)
        with alone(self._file(shown.origin, ".lock")):
            return self._judge(request, note, shown, at)

    def _judge(self, request: Request, note: Note, shown: Checkpoint, at: datetime) -> Answer:
        kept = self._kept(shown.origin)
        head = read_body(kept.text) if kept else None
        verdict = decide(request, shown, kept=head, is_past=lambda: self._is_past(shown))
        if verdict.answer is None:
            return self._cosign(note, shown, head, at)
        if not verdict.kind or kept is None:
            return verdict.answer
        alarm = Alarm(
            kind=verdict.kind,
            origin=shown.origin,
            at=at.isoformat(),
            kept=kept.data.decode(),
            shown=note.data.decode(),
            proof=tuple(b64encode(hashed).decode() for hashed in request.proof),
        )
        new = self._shout(alarm)
        answer = verdict.answer
        return Answer(answer.status, answer.body, answer.media_type, alarm if new else None)

    def _cosign(
        self, note: Note, shown: Checkpoint, head: Checkpoint | None, at: datetime
    ) -> Answer:
        cosignatures = [sign(note.text, signer, at=at) for signer in self.signers()]
        if head is None or shown.size > head.size:
            self._remember(shown)
            self._put(self._file(shown.origin, ".checkpoint"), note.data)
            self._settle(note.text)
        return Answer(200, "".join(row.line for row in cosignatures))

    def _kept(self, origin: str) -> Note | None:
        path = self._file(origin, ".checkpoint")
        return read_note(path.read_bytes()) if path.exists() else None

    def _remember(self, shown: Checkpoint) -> None:
        """Every state that was cosigned: an honest log's old checkpoint is no alarm."""
        with self._file(shown.origin, ".past").open("a", encoding="ascii") as file:
            file.write(f"{shown.size} {shown.root.hex()}\n")

    def _is_past(self, shown: Checkpoint) -> bool:
        path = self._file(shown.origin, ".past")
        line = f"{shown.size} {shown.root.hex()}\n"
        if not path.exists():
            return False
        with path.open(encoding="ascii") as file:
            return any(row == line for row in file)

    def _shout(self, alarm: Alarm) -> bool:
        """Keep the evidence; whether it is new."""
        make_folders(self._alarms)
        path = self._alarms / f"{alarm.name}.json"
        if path.exists():
            return False
        self._put(path, json.dumps(vars(alarm), ensure_ascii=False, indent=2).encode())
        return True

    def _settle(self, text: str) -> None:
        """What came without a proof before came with one now: anybody could have sent it so."""
        for alarm in self.alarms():
            if alarm.kind == "unproven" and _body(alarm.shown) == text:
                (self._alarms / f"{alarm.name}.json").unlink()

    def _file(self, origin: str, suffix: str) -> Path:
        return self._seen / (sha256(origin.encode()).hexdigest() + suffix)

    def _put(self, path: Path, data: bytes, *, mode: int = 0o644) -> None:
        write_whole(path, data, spool=path.parent, mode=mode)
        flush_folder(path.parent)
