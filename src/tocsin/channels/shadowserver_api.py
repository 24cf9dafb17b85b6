"""The Shadowserver Foundation's reports API: which reports there are, and each as a file.

A call is a POST of a JSON object that holds the API key; the header HMAC2 is the HMAC-SHA256 of
its bytes under the secret, in hexadecimal digits (https://github.com/The-Shadowserver-Foundation/
api_utils/wiki, read in 2026). Report files are then at https://dl.shadowserver.org/ under their
id, which is what opens them: it is never logged.
"""

import hashlib
import hmac
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import BinaryIO

from tocsin.channels.outbound import Policy, Resolve, Sink, Target, read_url, request, resolve
from tocsin.channels.public_addresses import read_networks
from tocsin.words.errors import Undelivered, Unusable

CALLS = "https://transform.shadowserver.org/api2/"
FILES = "https://dl.shadowserver.org/"
LARGEST = 4 * 1024**3  # bytes of one report
_MOST_LISTED = 16 * 1024 * 1024  # bytes of a list
_WHOLE = timedelta(minutes=30)  # for one file
_ID = re.compile(r"[A-Za-z0-9_-]{8,200}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
_LIST = re.compile(r"[A-Za-z0-9_.-]{1,100}")


@dataclass(frozen=True)
class Account:
    """Whose reports, and from where; `reports` names lists, empty for all that are subscribed."""

    key: str
    secret: str
    policy: Policy
    reports: tuple[str, ...] = ()
    calls: str = CALLS
    files: str = FILES


@dataclass(frozen=True)
class Listed:
    """One report that can be fetched: its id opens it, its file name says what it is."""

    id: str
    file: str
    day: str


def account_of(settings: Mapping[str, str]) -> Account | None:
    """The settings, checked; None where no key file is set. Raises `Unusable`."""
    if not settings.get("key_file"):
        return None
    key, secret = _read_key(settings["key_file"])
    lists = tuple(word for word in settings.get("reports", "").replace(",", " ").split() if word)
    for word in lists:
        if not _LIST.fullmatch(word):
            raise Unusable(f"{word!r} is no list of reports")
    ports = frozenset(int(port) for port in settings.get("ports", "443").split(","))
    allow = read_networks(settings.get("allow", ""))
    policy = Policy(allow, ports, ca_file=settings.get("ca_file", ""), total=_WHOLE)
    calls, files = settings.get("calls") or CALLS, settings.get("files") or FILES
    for address in (calls, files):
        if read_url(address).scheme != "https" or not address.endswith("/"):
            raise Unusable(f"{address!r}: an https address that ends with /")
    return Account(key, secret, policy, lists, calls, files)


def _read_key(path: str) -> tuple[str, str]:
    """Two lines: the API key, the secret."""
    try:
        lines = Path(path).read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError):
        lines = []
    if len(lines) != 2:
        raise Unusable(
            f"{path} does not hold the API key on one line and the secret on the next, or cannot "
            "be read"
        )
    return lines[0], lines[1]


def list_reports(
    account: Account, *, since: date, until: date, resolve: Resolve = resolve
) -> list[Listed]:
    """The reports of these days, both included; raises `Undelivered`."""
    words: dict[str, object] = {
        "apikey": account.key,
        "date": f"{since.isoformat()}:{until.isoformat()}",
    }
    if account.reports:
        words["reports"] = list(account.reports)
    target = read_url(f"{account.calls}reports/list")
    body = json.dumps(words).encode()
    headers = {
        "HMAC2": sign(body, account.secret),
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Accept": "application/json",
    }
    said = io.BytesIO()
    answer = request(
        target,
        headers=headers,
        body=[body],
        policy=account.policy,
        into=Sink(said, _MOST_LISTED),
        resolve=resolve,
    )
    _require_success(answer.status, target)
    return [listed for entry in _entries(said.getvalue(), target) if (listed := _listed(entry))]


def sign(body: bytes, secret: str) -> str:
    """The header HMAC2 of a call."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def download(
    account: Account, report: Listed, into: BinaryIO, *, resolve: Resolve = resolve
) -> None:
    """The file of a report, whole; raises `Undelivered`."""
    target = read_url(f"{account.files}{report.id}")
    answer = request(
        target,
        headers={"Accept": "*/*"},
        policy=account.policy,
        method="GET",
        into=Sink(into, LARGEST),
        resolve=resolve,
    )
    _require_success(answer.status, target)


def _require_success(status: int, target: Target) -> None:
    if status == 200:
        return
    known = {401: "the key or the secret is wrong", 403: "the key or the secret is wrong"}
    why = known.get(status, "it is tried again")
    raise Undelivered(f"{target.origin}: it answered {status} ({why})", lasting=False)


def _entries(data: bytes, target: Target) -> list[object]:
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        said = None
    if isinstance(said, dict) and "error" in said:
        raise Undelivered(
            f"{target.origin}: it refused ({str(said['error'])[:100]!r})", lasting=False
        )
    if not isinstance(said, list):
        raise Undelivered(f"{target.origin}: what it answered is no list of reports", lasting=False)
    return said


def _listed(entry: object) -> Listed | None:
    """One entry; None for one whose id or file name could lead elsewhere."""
    if not isinstance(entry, dict):
        return None
    uid, file = entry.get("id"), entry.get("file")
    if not (isinstance(uid, str) and isinstance(file, str)):
        return None
    if not (_ID.fullmatch(uid) and _NAME.fullmatch(file)):
        return None
    return Listed(uid, file, str(entry.get("timestamp", ""))[:10])
