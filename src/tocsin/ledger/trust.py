"""Whom a checkpoint must come from to count: keys with the sizes they hold for, and a policy.

Keys of a log change. The published file `keys` is a signed note that says, for each, from which
size to which it signs; whoever trusts one of the keys that signed the file learns the others, and
a retired key convinces nobody of a log that is larger than when it was retired.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from tocsin.ledger.checkpoints import Checkpoint, read_body, read_number
from tocsin.ledger.keys import Kind, Signer, Verifier, read_vkey
from tocsin.ledger.notes import Note, Signed, check_note, read_note, sign_note
from tocsin.ledger.policy import Policy
from tocsin.words.errors import Unproven, Unreadable, Unusable

FIRST_LINE = "tocsin/log-keys/v1"
_MOST = 1000


@dataclass(frozen=True)
class Span:
    """A key and the sizes of the log that it may speak for; `until` None while it is in force."""

    verifier: Verifier
    since: int = 0
    until: int | None = None

    def holds_for(self, size: int) -> bool:
        """Whether the key may sign a checkpoint of this size."""
        return self.since <= size and (self.until is None or size <= self.until)

    @property
    def line(self) -> str:
        """As it stands in the file."""
        until = "-" if self.until is None else str(self.until)
        return f"{self.verifier.vkey} {self.since} {until}\n"


@dataclass(frozen=True)
class Trust:
    """Keys of the log, and the witnesses that must have seen it (None: none must)."""

    spans: tuple[Span, ...] = ()
    policy: Policy | None = None

    @property
    def logs(self) -> tuple[Span, ...]:
        """All keys of logs, those of the policy too."""
        return (*self.spans, *(Span(row) for row in (self.policy.logs if self.policy else ())))


@dataclass(frozen=True)
class Seen:
    """A checkpoint that convinced: what it says, who signed it, which witnesses saw it when."""

    checkpoint: Checkpoint
    by: tuple[Signed, ...]
    witnesses: tuple[Signed, ...]


def trust_in(keys: Iterable[Verifier], policy: Policy | None = None) -> Trust:
    """Trust in these keys for every size."""
    return Trust(tuple(Span(row) for row in keys), policy)


def convince(data: bytes, trust: Trust) -> Seen:
    """Open a checkpoint; raises `Unreadable`, or `Unproven` with what is missing."""
    if not trust.logs:
        raise Unusable("no key of the log is known. Possible: --key VKEY, --policy FILE")
    note = read_note(data)
    checkpoint = read_body(note.text)
    witnesses = tuple(trust.policy.witnesses.values()) if trust.policy else ()
    ours = {row.verifier: row for row in trust.logs if row.verifier.name == checkpoint.origin}
    signed = check_note(note, [*ours, *witnesses])
    by = tuple(row for row in signed if row.verifier in ours)
    _check_keys(checkpoint, [ours[row.verifier] for row in by])
    cosigned = {row.verifier: row for row in signed if row.verifier in witnesses}
    if trust.policy and not trust.policy.is_met(cosigned):
        names = ", ".join(sorted({row.name for row in cosigned})) or "no witness"
        raise Unproven(
            f"the checkpoint of size {checkpoint.size} was seen by {names}, and the policy asks "
            f"for {ascii(trust.policy.quorum)[1:-1]}"
        )
    valid = tuple(row for row in by if ours[row.verifier].holds_for(checkpoint.size))
    return Seen(checkpoint, valid, tuple(cosigned.values()))


def _check_keys(checkpoint: Checkpoint, spans: list[Span]) -> None:
    if not spans:
        raise Unproven(
            f"the checkpoint of {checkpoint.origin} is signed by no key of that log that is "
            "trusted here"
        )
    if not any(span.holds_for(checkpoint.size) for span in spans):
        held = "; ".join(
            f"{span.verifier.said} speaks for sizes {span.since} to "
            f"{'now' if span.until is None else span.until}"
            for span in spans
        )
        raise Unproven(f"the checkpoint of size {checkpoint.size} has no key for it: {held}")


# ── the file of keys ─────────────────────────────────────────────────────────────────────


def keys_text(origin: str, spans: Iterable[Span]) -> str:
    """The file's text, before it is signed."""
    return f"{FIRST_LINE}\n{origin}\n" + "".join(span.line for span in spans)


def write_keys(
    origin: str, spans: Iterable[Span], signers: Iterable[Signer], *, at: datetime
) -> bytes:
    """The file, signed by those of these keys that sign more than checkpoints (plain Ed25519)."""
    able = [row for row in signers if row.kind == Kind.ED25519]
    return sign_note(keys_text(origin, spans), able, at=at).data


def read_spans(note: Note) -> tuple[str, tuple[Span, ...]]:
    """Origin and spans out of the file's text; nothing is verified."""
    lines = note.text.removesuffix("\n").split("\n")
    if lines[0] != FIRST_LINE or not 3 <= len(lines) <= _MOST:
        raise Unreadable(f"no file of keys: it begins with {FIRST_LINE}, the origin and one key")
    return lines[1], tuple(_span(line, lines[1]) for line in lines[2:])


def _span(line: str, origin: str) -> Span:
    words = line.split(" ")
    if len(words) != 3:
        raise Unreadable(f"no line of a key: key, first size, last size or -: {line[:60]!r}")
    verifier = read_vkey(words[0])
    if verifier.name != origin:
        raise Unreadable(f"a key of {verifier.name} stands among those of {origin}")
    until = None if words[2] == "-" else read_number(words[2], name="the last size")
    return Span(verifier, read_number(words[1], name="the first size"), until)


def learn(data: bytes, trust: Trust) -> Trust:
    """Trust with what a file of keys says, if a key that is trusted signed it.

    Raises `Unproven` where none did. Only plain Ed25519 keys sign this file; with none of them
    among the trusted keys it teaches nothing. No key gains sizes that it was not given.
    """
    note = read_note(data)
    origin, spans = read_spans(note)
    known = [row.verifier for row in trust.logs if row.verifier.name == origin]
    able = [row for row in known if row.kind == Kind.ED25519]
    if known and not able:
        return trust
    try:
        check_note(note, able)
    except Unproven as fault:
        raise Unproven(f"the file of keys of {origin}: {fault}") from None
    given = {row.verifier: row for row in trust.spans}
    learned = tuple(_narrowed(span, given) for span in spans)
    rest = tuple(row for row in trust.spans if row.verifier not in {s.verifier for s in spans})
    policy = replace(trust.policy, logs=_others(trust.policy, spans)) if trust.policy else None
    return Trust((*learned, *rest), policy)


def _narrowed(span: Span, given: Mapping[Verifier, Span]) -> Span:
    known = given.get(span.verifier)
    if known is None or known.until is None:
        return span
    until = known.until if span.until is None else min(span.until, known.until)
    return replace(span, since=max(span.since, known.since), until=until)


def _others(policy: Policy, spans: Iterable[Span]) -> list[Verifier]:
    """Keys of the policy that the file does not speak of."""
    named = {row.verifier for row in spans}
    return [row for row in policy.logs if row not in named]
