"""The provider's own gateways: short JSON messages, posted over HTTPS, each with a key of its own.

One that sends text messages takes a token; a customer portal takes a signature as our webhooks have
it (Standard Webhooks 1.0.0). The key is the same at every attempt: whoever takes a message twice
under one key sends it once.
"""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from tocsin.channels.outbound import Policy, Resolve, Target, read_url, request, resolve
from tocsin.channels.public_addresses import read_networks
from tocsin.channels.webhook import PREFIX, sign
from tocsin.words.errors import Undelivered, Unusable

_TOKEN = re.compile(r"[!-~]{16,500}")
_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
_REFUSED = (400, 413, 422)  # of this message; all else whoever runs the gateway can mend


@dataclass(frozen=True)
class Gateway:
    """Where messages are posted, and what shows that it is us: a token, or a secret to sign by."""

    url: str
    token: str = field(default="", repr=False)
    secret: bytes = field(default=b"", repr=False)
    policy: Policy = field(default_factory=Policy)


@dataclass(frozen=True)
class Exits:
    """What the operator set: where text messages, portal messages and letters go."""

    sms: Gateway | None = None
    portal: Gateway | None = None
    letters: Path | None = None


def gateway_of(settings: Mapping[str, str]) -> Gateway | None:
    """The settings, checked; None where no address is set. Raises `Unusable`.

    `url`, `token_file` or `secret_file`, `allow` (networks that are no public ones), `ca_file`.
    """
    url = settings.get("url", "")
    if not url:
        return None
    target = read_url(url)
    if target.scheme != "https":
        raise Unusable("only https is spoken. Possible: https://sms.example/send")
    policy = Policy(
        read_networks(settings.get("allow", "")),
        frozenset({target.port}),
        ca_file=settings.get("ca_file", ""),
        total=timedelta(seconds=60),
    )
    if path := settings.get("secret_file", ""):
        return Gateway(url, secret=_secret(path), policy=policy)
    return Gateway(url, token=_token(settings.get("token_file", "")), policy=policy)


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _token(path: str) -> str:
    if not _TOKEN.fullmatch(token := _read(path)):
        raise Unusable(f"{path[:200]!r} does not hold a token, or cannot be read")
    return token


def _secret(path: str) -> bytes:
    try:
        secret = base64.b64decode(_read(path).removeprefix(PREFIX), validate=True)
    except ValueError:
        secret = b""
    if not 24 <= len(secret) <= 64:
        raise Unusable(
            f"{path[:200]!r} does not hold a secret ({PREFIX} and 24 to 64 bytes in base64), "
            "or cannot be read"
        )
    return secret


def post(
    gateway: Gateway,
    words: Mapping[str, str],
    *,
    key: str,
    at: datetime,
    resolve: Resolve = resolve,
) -> None:
    """Hand one message over; raises `Undelivered`, lasting where this message is refused."""
    if not _KEY.fullmatch(key):
        raise Unusable(f"{key[:80]!r} cannot be the key of a message")
    target = read_url(gateway.url)
    data = json.dumps(dict(words), ensure_ascii=False).encode()
    headers = {
        "User-Agent": "Tocsin",
        "Accept": "application/json",
        "Content-Type": "application/json",
        "Content-Length": str(len(data)),
        "Idempotency-Key": f'"{key}"',
        **_shown(gateway, data, key, at),
    }
    answer = request(target, headers=headers, body=[data], policy=gateway.policy, resolve=resolve)
    _judge(answer.status, target)


def _shown(gateway: Gateway, data: bytes, key: str, at: datetime) -> dict[str, str]:
    if not gateway.secret:
        return {"Authorization": f"Bearer {gateway.token}"}
    signed = sign([data], [gateway.secret], delivery=key, timestamp=int(at.timestamp()))
    code = base64.b64encode(signed.signatures[0]).decode("ascii")
    return {
        "webhook-id": key,
        "webhook-timestamp": str(signed.timestamp),
        "webhook-signature": f"v1,{code}",
    }


def _judge(status: int, target: Target) -> None:
    if 200 <= status < 300:
        return
    if status in _REFUSED:
        raise Undelivered(f"{target.origin}: it answered {status} and refuses it", lasting=True)
    known = {401: "it does not know us", 403: "it does not let us in", 404: "nothing is there"}
    why = known.get(status, "it is tried again")
    raise Undelivered(f"{target.origin}: it answered {status} ({why})", lasting=False)
