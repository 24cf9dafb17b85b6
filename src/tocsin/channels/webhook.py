"""HTTPS webhook: one signed POST per delivery, told apart by its id (docs/reference/webhook.md).

Follows Standard Webhooks 1.0.0, so that a receiver can check a delivery with the library it
already has. The body is multipart/form-data: the file, then the manifest, sent as they are read.

Settings: `secrets`, the folder of the parties' secrets; `allow`, networks that are no public ones
and may be reached all the same; `ports`, if others than 443; `ca_file`, in place of the system's
authorities; `timeout`, seconds for one delivery in all.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import IO

from tocsin.channels import outbound
from tocsin.channels.channel import Channel, Handed, Parcel, Piece
from tocsin.channels.outbound import Answer, Policy, Target
from tocsin.channels.public_addresses import read_networks
from tocsin.words.errors import Undelivered, Unusable

# Seconds. A worker begins nothing in the second half of its ten minutes (`office.outbox`).
LONGEST_TIMEOUT = 290
PREFIX = "whsec_"
_STEP = 256 * 1024
_SLUG = re.compile(r"[A-Za-z0-9_-]{1,64}")  # of deliveries and parties; a dot would end it early
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@+-]{0,199}")
_AGAIN = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_ADVICE = {
    401: "the receiver does not know this signature. Possible: give it the secret anew",
    403: "the receiver does not let us in. Possible: give it the secret anew",
    404: "nothing is there. Possible: correct the address",
    410: "the receiver wants no more deliveries. Possible: ask the party for another way",
    413: "it is too large there. Possible: ask the party to take more",
}


def check_address(address: str) -> None:
    """An https URL with a host, at most 2,000 characters; raises `Unusable`."""
    if address and outbound.read_url(address).scheme != "https":
        raise Unusable("webhook address: only https is spoken. Possible: https://hooks.example/")


def read_policy(settings: Mapping[str, str]) -> Policy:
    """What the node's operator allows; raises `Unusable`."""
    return Policy(
        allow=read_networks(settings.get("allow", "")),
        ports=frozenset(_ports(settings.get("ports") or "443")),
        ca_file=settings.get("ca_file", ""),
        total=_timeout(settings.get("timeout") or "240"),
    )


def _ports(text: str) -> Iterator[int]:
    for word in text.replace(",", " ").split():
        if not re.fullmatch(r"[1-9][0-9]{0,4}", word) or int(word) > 65535:
            raise Unusable(f"webhook ports: {word!r} is no port. Possible: 443, 8443")
        yield int(word)


def _timeout(text: str) -> timedelta:
    if not re.fullmatch(r"[1-9][0-9]{0,2}", text) or int(text) > LONGEST_TIMEOUT:
        raise Unusable(f"webhook timeout: {text!r}. Possible: 1 to {LONGEST_TIMEOUT} seconds")
    return timedelta(seconds=int(text))


def require_reachable(address: str, settings: Mapping[str, str]) -> None:
    """Whether the operator lets us there, with nothing sent; raises `Undelivered`, `Unusable`."""
    check_address(address)
    outbound.require_reachable(outbound.read_url(address), policy=read_policy(settings))


# ── send ─────────────────────────────────────────────────────────────────────────────────


def send(parcel: Parcel) -> Handed:
    """Post the pieces and hear what the receiver says."""
    target, policy = _target(parcel), _policy(parcel)
    secrets = _secrets(parcel)
    # Read twice, first to sign and then to send, so that no file is ever in memory as a whole.
    if parcel.at is None:
        raise Undelivered("webhook: a signature needs the moment of the attempt", lasting=True)
    timestamp = int(parcel.at.timestamp())
    signed = sign(_body(parcel), secrets, delivery=parcel.delivery, timestamp=timestamp)
    with closing(_body(parcel)) as body:
        answer = outbound.request(
            target, headers=_headers(parcel, signed), body=body, policy=policy
        )
    return _judge(answer, target, parcel)


def _target(parcel: Parcel) -> Target:
    for text, pattern in ((parcel.delivery, _SLUG), (parcel.party, _SLUG)):
        if not pattern.fullmatch(text):
            raise Undelivered(f"webhook: {text!r} cannot be named in a header", lasting=True)
    for piece in parcel.pieces:
        if not _NAME.fullmatch(piece.name):
            raise Undelivered(f"webhook: {piece.name!r} cannot be a file name", lasting=True)
    if not parcel.address:
        raise Undelivered(
            f"webhook: {parcel.party} has no address. Possible: add one to its party file",
            lasting=True,
        )
    try:
        check_address(parcel.address)
        return outbound.read_url(parcel.address)
    except Unusable as fault:
        raise Undelivered(f"webhook of {parcel.party}: {fault}", lasting=True) from fault


def _policy(parcel: Parcel) -> Policy:
    """Passing, as everything that this node's operator can mend."""
    try:
        return read_policy(parcel.settings)
    except Unusable as fault:
        raise Undelivered(str(fault), lasting=False) from fault


def _secrets(parcel: Parcel) -> list[bytes]:
    """The party's secrets, the newest first; each signs, while the receiver changes over."""
    path = Path(parcel.settings.get("secrets", "")) / f"{parcel.party}.secret"
    try:
        lines = path.read_text(encoding="ascii").split()
        secrets = [_secret(line) for line in lines]
    except (FileNotFoundError, NotADirectoryError):
        secrets = []
    except (OSError, ValueError) as fault:
        raise Undelivered(
            f"webhook: the secret of {parcel.party} cannot be read ({type(fault).__name__})",
            lasting=False,
        ) from None
    if not secrets:
        raise Undelivered(
            f"webhook: {parcel.party} has no secret. Possible: tocsin parties webhook-secret "
            f"{parcel.party}; it is tried again",
            lasting=False,
        )
    return secrets


def _secret(line: str) -> bytes:
    secret = base64.b64decode(line.removeprefix(PREFIX), validate=True)
    if len(secret) < 24:  # Standard Webhooks: 24 to 64 bytes; an empty key would sign for anybody
        raise ValueError
    return secret


# ── what is sent ─────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Signed:
    """A body that was read once: its length, its digest, a signature per secret, and when."""

    length: int
    digest: bytes
    signatures: tuple[bytes, ...]
    timestamp: int


def sign(
    blocks: Iterable[bytes], secrets: Iterable[bytes], *, delivery: str, timestamp: int
) -> Signed:
    """HMAC-SHA256 over id, timestamp and body with dots between them (Standard Webhooks 1.0.0)."""
    length, digest = 0, hashlib.sha256()
    begin = f"{delivery}.{timestamp}.".encode("ascii")
    codes = [hmac.new(secret, begin, hashlib.sha256) for secret in secrets]
    for block in blocks:
        length += len(block)
        digest.update(block)
        for code in codes:
            code.update(block)
    return Signed(length, digest.digest(), tuple(code.digest() for code in codes), timestamp)


def _headers(parcel: Parcel, signed: Signed) -> dict[str, str]:
    return {
        "User-Agent": "Tocsin",
        "Accept": "application/json",
        "Content-Type": f"multipart/form-data; boundary={_boundary(parcel)}",
        "Content-Length": str(signed.length),
        "Content-Digest": f"sha-256=:{_base64(signed.digest)}:",  # RFC 9530
        "Idempotency-Key": f'"{parcel.delivery}"',
        "webhook-id": parcel.delivery,
        "webhook-timestamp": str(signed.timestamp),
        "webhook-signature": " ".join(f"v1,{_base64(code)}" for code in signed.signatures),
    }


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _boundary(parcel: Parcel) -> str:
    """A digest of the files' own digests: no file can contain it, and a repeat has the same."""
    digests = ":".join(piece.digest for piece in parcel.pieces)
    return f"tocsin-{hashlib.sha256(digests.encode()).hexdigest()[:48]}"


def _body(parcel: Parcel) -> Generator[bytes, None, None]:
    """multipart/form-data (RFC 7578), block by block."""
    boundary = _boundary(parcel)
    for number, piece in enumerate(parcel.pieces):
        is_manifest = 0 < number == len(parcel.pieces) - 1
        yield (
            f"--{boundary}\r\n"
            f'Content-Disposition: form-data; name="{"manifest" if is_manifest else "file"}"; '
            f'filename="{piece.name}"\r\n'
            f"Content-Type: application/{'json' if is_manifest else 'octet-stream'}\r\n\r\n"
        ).encode("ascii")
        yield from _content(piece)
        yield b"\r\n"
    yield f"--{boundary}--\r\n".encode("ascii")


def _content(piece: Piece) -> Iterator[bytes]:
    """A file's bytes; the last block only when all are those of the register."""
    digest, held = hashlib.sha256(), b""
    with _readable(piece) as file:
        while block := file.read(_STEP):
            digest.update(block)
            if held:
                yield held
            held = block
    if digest.hexdigest() != piece.digest:
        raise Undelivered(
            f"{piece.name}: its bytes are not those of the register; it was changed after it was "
            "written. Possible: route the report again",
            lasting=True,
        )
    yield held


@contextmanager
def _readable(piece: Piece) -> Iterator[IO[bytes]]:
    try:
        file = piece.path.open("rb")
    except FileNotFoundError:
        raise Undelivered(
            f"{piece.name} is gone. Possible: route the report again", lasting=True
        ) from None
    except OSError as fault:
        raise Undelivered(f"{piece.name} cannot be read: {fault.strerror}", lasting=False) from None
    with file:
        yield file


# ── what came back ───────────────────────────────────────────────────────────────────────


def _judge(answer: Answer, target: Target, parcel: Parcel) -> Handed:
    """Handed over, or `Undelivered` by the status."""
    status, said = answer.status, _said(answer)
    if 200 <= status < 300:
        return Handed(target.origin, confirmed=said.get("received") is True, detail=_detail(said))
    if status == HTTPStatus.CONFLICT and _is_same(answer, said, parcel.delivery):
        return Handed(target.origin)  # an earlier attempt arrived, and its answer was lost
    head = f"{target.origin}: it answered {status} {_phrase(status)}".rstrip()
    if status in _AGAIN or status == HTTPStatus.CONFLICT or status >= 500 or status < 200:
        after = _retry_after(answer.headers.get("retry-after", ""), parcel.at)
        raise Undelivered(f"{head}. It is tried again", lasting=False, after=after)
    if status < 400:
        raise Undelivered(
            f"{head}, it points elsewhere, and redirects are not followed. "
            "Possible: enter the new address",
            lasting=True,
        )
    advice = _ADVICE.get(status, "it was refused. Possible: ask the party why")
    raise Undelivered(f"{head}: {advice}", lasting=True)


def _said(answer: Answer) -> dict[str, object]:
    """The answer as a JSON object; {} for anything else."""
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _detail(said: dict[str, object]) -> dict[str, str]:
    """What a receipt keeps: the receiver's own reference, if it is a short line of text."""
    reference = said.get("reference")
    if isinstance(reference, str) and reference.isprintable() and 0 < len(reference) <= 200:
        return {"reference": reference}
    return {}


def _is_same(answer: Answer, said: dict[str, object], delivery: str) -> bool:
    return delivery in (answer.headers.get("webhook-id"), said.get("delivery"))


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _retry_after(value: str, at: datetime | None) -> timedelta | None:
    """Seconds or a date (RFC 9110 10.2.3); None for anything else."""
    if re.fullmatch(r"[0-9]{1,8}", value):
        return timedelta(seconds=int(value))
    try:
        until = parsedate_to_datetime(value)
        aware = until if until.tzinfo else until.replace(tzinfo=UTC)
        return max(aware - at, timedelta(0)) if at else None
    except (TypeError, ValueError, OverflowError):
        return None


CHANNEL = Channel(
    name="webhook", check_address=check_address, send=send, repeatable=True, in_turn=True
)
