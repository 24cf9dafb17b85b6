"""The node above: what became of a file that it delivered to us, said to its API.

A file is known again by its SHA-256, which stands in the delivery's manifest and in the node's own
list. What goes up is a receipt: one word, and a sentence of counts.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tocsin.channels.outbound import Policy, Resolve, read_url, request, resolve
from tocsin.channels.public_addresses import read_networks
from tocsin.words.errors import Undelivered, Unusable

_TOKEN = re.compile(r"[!-~]{16,500}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_UID = re.compile(r"[0-9a-f]{32}")
_LONGEST_NOTE = 200


@dataclass(frozen=True)
class Upstream:
    """The node above: its address without a slash behind, and the token that it gave us."""

    url: str
    token: str = field(repr=False)
    policy: Policy = field(default_factory=Policy)


def upstream_of(settings: Mapping[str, str]) -> Upstream | None:
    """The settings, checked; None where no address is set. Raises `Unusable`."""
    url = settings.get("url", "").rstrip("/")
    if not url:
        return None
    if read_url(url).scheme != "https":
        raise Unusable("only https is spoken. Possible: https://csirt.example")
    ports = frozenset(int(port) for port in _ports(settings.get("ports") or "443"))
    allow = read_networks(settings.get("allow", ""))
    policy = Policy(allow, ports, ca_file=settings.get("ca_file", ""))
    return Upstream(url, _read_token(settings.get("token_file", "")), policy)


def _ports(text: str) -> list[str]:
    words = text.replace(",", " ").split()
    if not all(re.fullmatch(r"[1-9][0-9]{0,4}", word) and int(word) < 65536 for word in words):
        raise Unusable(f"{text[:30]!r} are no ports. Possible: 443, 8443")
    return words


def _read_token(path: str) -> str:
    try:
        token = Path(path).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        token = ""
    if not _TOKEN.fullmatch(token):
        raise Unusable(f"{path[:200]!r} does not hold the token, or cannot be read")
    return token


def find_delivery(upstream: Upstream, digest: str, *, resolve: Resolve = resolve) -> str:
    """The id there of the delivery whose file has this digest, "" for none; raises `Undelivered`.

    Raises `Unusable` for what is no digest.
    """
    if not _DIGEST.fullmatch(digest):
        raise Unusable(f"{digest[:80]!r} is no SHA-256")
    path = f"/api/v1/deliveries?sha256={digest}&limit=1"
    said = _call(upstream, "GET", path, None, resolve)
    entries = said.get("items")
    first = entries[0] if isinstance(entries, list) and entries else {}
    uid = first.get("id") if isinstance(first, dict) else None
    return uid if isinstance(uid, str) and _UID.fullmatch(uid) else ""


def add_receipt(
    upstream: Upstream, delivery: str, *, kind: str, note: str, resolve: Resolve = resolve
) -> None:
    """Say what became of a delivery; the same again changes nothing. Raises `Undelivered`."""
    body = {"kind": kind, "note": note[:_LONGEST_NOTE]}
    _call(upstream, "POST", f"/api/v1/deliveries/{delivery}/receipts", body, resolve)


def _call(
    upstream: Upstream, method: str, path: str, body: dict[str, str] | None, resolve: Resolve
) -> dict[str, Any]:
    data = json.dumps(body).encode() if body is not None else b""
    headers = {"Authorization": f"Bearer {upstream.token}", "Accept": "application/json"}
    if body is not None:
        headers |= {"Content-Type": "application/json", "Content-Length": str(len(data))}
    target = read_url(f"{upstream.url}{path}")
    answer = request(
        target,
        headers=headers,
        body=[data] if data else [],
        policy=upstream.policy,
        method=method,
        resolve=resolve,
    )
    if answer.status not in (200, 201):
        known = {401: "the token is not known there", 403: "the token may not do this there"}
        why = known.get(answer.status, "it is tried again")
        raise Undelivered(f"{target.origin}: it answered {answer.status} ({why})", lasting=False)
    try:
        said = json.loads(answer.body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise Undelivered(f"{target.origin}: what it answered is no JSON object", lasting=False)
    return said
