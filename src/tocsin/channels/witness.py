"""Asking a witness to cosign the log (C2SP tlog-witness, `add-checkpoint`)."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from tocsin.channels.outbound import Answer, Policy, Resolve, Target, read_url, request, resolve
from tocsin.ledger.checkpoints import Checkpoint, read_body, read_number
from tocsin.ledger.keys import Verifier
from tocsin.ledger.notes import Note, Signature, check_note, read_signatures
from tocsin.ledger.witness import SIZE, Request
from tocsin.words.errors import Undelivered, Unproven, Unreadable, Unusable

_ROUNDS = 4  # somebody else may ask for the same log at the same time
_PATIENT = {408, 425, 429}

Consistency = Callable[[int, int], list[bytes]]


def read_prefix(url: str) -> Target:
    """The address of `add-checkpoint` under a witness's submission prefix."""
    target = read_url(url)
    if "?" in target.path:
        raise Unusable("a witness's address has no query. Possible: https://witness.example/log")
    return replace(target, path=target.path.rstrip("/") + "/add-checkpoint")


def ask(
    target: Target,
    note: Note,
    *,
    consistency: Consistency,
    witnesses: Sequence[Verifier],
    policy: Policy,
    resolve: Resolve = resolve,
) -> tuple[Signature, ...]:
    """The witness's cosignatures of a checkpoint, verified.

    Raises `Unproven` where the witness knows another history of this log, with both sizes, and
    `Undelivered` where it could not be asked or does not answer as a witness does.
    """
    shown = read_body(note.text)
    old = 0
    for _ in range(_ROUNDS):
        proof = tuple(consistency(old, shown.size))
        answer = _post(target, Request(old, proof, note.data).data, policy, resolve)
        if answer.status == 200:
            return _cosignatures(target, answer, note, witnesses)
        old = _next(target, answer, shown, old)
    raise Undelivered(
        f"{target.origin}: the witness gave another size each time. It is asked again",
        lasting=False,
    )


def _post(target: Target, body: bytes, policy: Policy, resolve: Resolve) -> Answer:
    headers = {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(body))}
    return request(target, headers=headers, body=(body,), policy=policy, resolve=resolve)


def _next(target: Target, answer: Answer, shown: Checkpoint, old: int) -> int:
    """The size to begin with the next time; raises for every answer that leaves none."""
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if answer.status == 409 and kind == SIZE:
        size = _size(target, answer)
        if size > shown.size:
            raise Unproven(
                f"{shown.origin}: the witness {target.origin} cosigned it at size {size:,}, and "
                f"here it has {shown.size:,}: this log was rolled back, or somebody else signs "
                "with its key. Possible: restore what was published, and see tocsin log status"
            )
        return size
    if answer.status == 409:
        raise Unproven(
            f"{shown.origin}: the witness {target.origin} cosigned a log of size {shown.size:,} "
            f"with another root than this one of size {shown.size:,}: two histories"
        )
    if answer.status == 422:
        raise Unproven(
            f"{shown.origin}: the witness {target.origin} cosigned it at size {old:,}, and the log "
            f"of size {shown.size:,} here does not begin with that: two histories"
        )
    lasting = answer.status < 500 and answer.status not in _PATIENT
    meant = _MEANT.get(answer.status, "")
    raise Undelivered(
        f"{target.origin}: the witness answered {answer.status}{meant}", lasting=lasting
    )


_MEANT = {
    400: ": it could not read the request",
    403: ": it knows the log, and not the key that signed",
    404: ": it does not watch this log. Possible: give its operator the log's key",
}


def _size(target: Target, answer: Answer) -> int:
    try:
        return read_number(answer.body.decode().removesuffix("\n"), name="the size")
    except (Unreadable, UnicodeDecodeError):
        raise Undelivered(
            f"{target.origin}: the witness named no size that can be read", lasting=True
        ) from None


def _cosignatures(
    target: Target, answer: Answer, note: Note, witnesses: Sequence[Verifier]
) -> tuple[Signature, ...]:
    try:
        given = read_signatures(answer.body.decode())
        signed = check_note(Note(note.text, given), witnesses)
    except (Unreadable, UnicodeDecodeError):
        raise Undelivered(
            f"{target.origin}: what came back are no signatures", lasting=True
        ) from None
    except Unproven as fault:
        raise Unproven(f"{target.origin}: {fault}") from None
    known = {(row.verifier.name, row.verifier.key_id) for row in signed}
    return tuple(row for row in given if (row.name, row.key_id) in known)
