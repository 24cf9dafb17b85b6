"""Time stamps by a third party (RFC 3161), over HTTP: an extra, as is the package it needs.

A stamp says that somebody else saw these bytes at that moment. It is kept as it came, so that any
tool can check it (`openssl ts -verify -data FILE -in STAMP -CAfile ROOTS`).
"""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509

from tocsin.channels.outbound import Policy, Resolve, read_url, request, resolve
from tocsin.words.errors import NotFound, Undelivered, Unproven, Unreadable, Unusable

try:
    import rfc3161_client as tsp
except ImportError:
    tsp = None  # type: ignore[assignment]

_ASKS, _ANSWERS = "application/timestamp-query", "application/timestamp-reply"


@dataclass(frozen=True)
class Stamp:
    """The reply as it came, and the moment it names."""

    data: bytes
    at: datetime


def ask_stamp(
    url: str,
    message: bytes,
    *,
    roots: Path,
    policy: Policy,
    resolve: Resolve = resolve,
) -> Stamp:
    """A stamp of these bytes, checked against the authority's root certificates (PEM).

    Raises `Undelivered` where none came, `Unproven` where what came does not hold, `Unusable`
    without the package.
    """
    _require()
    target = read_url(url)
    asked = tsp.TimestampRequestBuilder().data(message).build()
    body = asked.as_bytes()
    headers = {"Content-Type": _ASKS, "Content-Length": str(len(body))}
    answer = request(target, headers=headers, body=(body,), policy=policy, resolve=resolve)
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if answer.status != 200 or kind != _ANSWERS:
        raise Undelivered(
            f"{target.origin}: the time-stamping authority answered {answer.status} ({kind[:60]})",
            lasting=False,
        )
    return _checked(answer.body, message, roots, nonce=asked.nonce)


def check_stamp(data: bytes, message: bytes, *, roots: Path) -> datetime:
    """The moment at which somebody else saw these bytes; raises `Unproven`, `Unreadable`."""
    _require()
    return _checked(data, message, roots, nonce=None).at


def _checked(data: bytes, message: bytes, roots: Path, *, nonce: int | None) -> Stamp:
    try:
        reply = tsp.decode_timestamp_response(data)
    except ValueError as fault:
        raise Unreadable(f"this is no time stamp: {fault}") from None
    verifier = tsp.VerifierBuilder(roots=_roots(roots), nonce=nonce).build()
    try:
        verifier.verify_message(reply, message)
    except (tsp.VerificationError, ValueError) as fault:
        raise Unproven(f"the time stamp does not hold: {fault}") from None
    return Stamp(data, reply.tst_info.gen_time.astimezone(UTC))


def _roots(path: Path) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(path.read_bytes())
    except FileNotFoundError:
        raise NotFound(f"no such file of root certificates: {path}") from None
    except (OSError, ValueError, ssl.SSLError) as fault:
        raise Unusable(f"{path} holds no certificates in PEM: {fault}") from None


def _require() -> None:
    if tsp is None:
        raise Unusable(
            "time stamps need the package rfc3161-client. Possible: "
            ".venv/bin/pip install -e '.[time-stamps]'"
        )
