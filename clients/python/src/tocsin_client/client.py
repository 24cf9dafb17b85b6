"""The calls of the API by name."""

import base64
import hashlib
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from tocsin_client.connection import Connection, Problem, Unreachable
from tocsin_client.nouns import Case, Delivery, Party, Receipt, Report, read

PIECE = 8 * 1024 * 1024
_PARTIAL = "application/partial-upload"

Noun = TypeVar("Noun")


class Client:
    """A node, as one token sees it; every method raises `Problem` and `Unreachable`."""

    def __init__(self, url: str, *, token: str, piece: int = PIECE, **patience: Any) -> None:
        self.connection = Connection(url, token, **patience)
        self._piece = piece

    def party(self) -> Party:
        """Who one is, and what the token opens."""
        return read(Party, self.connection.call("GET", "/party").json())

    # ── reports ──────────────────────────────────────────────────────────────────────────

    def add_report(
        self,
        source: Path | bytes,
        *,
        name: str = "",
        tlp: str = "amber",
        format: str = "",  # noqa: A002 the API's own word
        classification: str = "",
        key: str = "",
    ) -> Report:
        """Bring in a file or bytes; `key` is a word of yours under which nothing comes in twice."""
        named = name or (source.name if isinstance(source, Path) else "report")
        words = {"name": named, "tlp": tlp, "format": format, "classification": classification}
        size = source.stat().st_size if isinstance(source, Path) else len(source)
        key = key or secrets.token_hex(16)
        if size > self._piece and isinstance(source, Path):
            return self._upload(source, words, size, key)
        data = source.read_bytes() if isinstance(source, Path) else source
        headers = {"Idempotency-Key": key, "Content-Digest": _digest(data)}
        said = self.connection.call("POST", "/reports", query=words, body=data, headers=headers)
        return read(Report, said.json())

    def _upload(self, path: Path, words: dict[str, str], size: int, key: str) -> Report:
        with path.open("rb") as file:
            whole = base64.b64encode(hashlib.file_digest(file, "sha256").digest()).decode()
            begun = self.connection.call(
                "POST",
                "/uploads",
                query={**words, "length": size},
                headers={"Idempotency-Key": key, "Repr-Digest": f"sha-256=:{whole}:"},
            ).json()
            place = f"/uploads/{begun['id']}"
            offset = int(begun["offset"])
            while True:
                file.seek(offset)
                data = file.read(self._piece)
                is_last = offset + len(data) >= size
                said = self._send(place, data, offset, is_last=is_last)
                if isinstance(said, Report):
                    return said
                offset = said

    def _send(self, place: str, data: bytes, offset: int, *, is_last: bool) -> Report | int:
        """One piece; the report it was the last of, or where to go on."""
        headers = {
            "Content-Type": _PARTIAL,
            "Content-Digest": _digest(data),
            "Upload-Offset": str(offset),
            "Upload-Complete": "?1" if is_last else "?0",
        }
        try:
            said = self.connection.call("PATCH", place, body=data, headers=headers)
        except Problem as fault:
            # A try before came through and its answer did not: the node says where it is.
            if fault.status != 409 or "expected-offset" not in fault.facts:
                raise
            return self._resumed(
                place, int(fault.facts["expected-offset"]), offset, is_last=is_last
            )
        if said.status == 202:
            return read(Report, said.json())
        return int(said.headers["upload-offset"])

    def _resumed(self, place: str, expected: int, offset: int, *, is_last: bool) -> Report | int:
        if expected < offset:
            raise Unreachable("the node has lost what it had of the upload")
        if not is_last:
            return expected
        headers = {
            "Content-Type": _PARTIAL,
            "Upload-Offset": str(expected),
            "Upload-Complete": "?1",
        }
        return read(Report, self.connection.call("PATCH", place, body=b"", headers=headers).json())

    def report(self, uid: str) -> Report:
        """What became of a report."""
        return read(Report, self.connection.call("GET", f"/reports/{uid}").json())

    def reports(self, *, state: str = "") -> Iterator[Report]:
        """All that one may see, the newest first."""
        return self._pages(Report, "/reports", state=state)

    def wait_for(self, uid: str, *, within: float = 600.0, every: float = 1.0) -> Report:
        """Look until the worker is through with a report; raises `TimeoutError`."""
        ends = time.monotonic() + within
        while not (found := self.report(uid)).is_done:
            if time.monotonic() > ends:
                raise TimeoutError(f"report {uid} still waits")
            self.connection.sleep(every)
        return found

    # ── deliveries ───────────────────────────────────────────────────────────────────────

    def deliveries(self, *, state: str = "", relation: str = "") -> Iterator[Delivery]:
        """All that one may see, the newest first."""
        return self._pages(Delivery, "/deliveries", state=state, relation=relation)

    def delivery(self, uid: str) -> Delivery:
        """One, with what came back for it."""
        return read(Delivery, self.connection.call("GET", f"/deliveries/{uid}").json())

    def fetch(self, delivery: Delivery, into: BinaryIO, *, why: str = "") -> None:
        """The file of a delivery; raises `Unreachable` where it is not what was announced."""
        start = into.tell()
        path = f"/deliveries/{delivery.id}/file"
        self.connection.call("GET", path, query={"why": why}, into=into)
        into.seek(start)
        digest = hashlib.sha256()
        while block := into.read(1 << 20):
            digest.update(block)
        if digest.hexdigest() != delivery.sha256:
            raise Unreachable(f"delivery {delivery.id}: the file is not the one announced")

    def manifest(self, uid: str) -> bytes:
        """The signed manifest, byte for byte."""
        return self.connection.call("GET", f"/deliveries/{uid}/manifest").body

    def acknowledge(self, uid: str, *, kind: str = "received", note: str = "") -> Receipt:
        """Say received, acted, cured, not_ours or false_positive; again: changes nothing."""
        words = {"kind": kind, "note": note}
        said = self.connection.call("POST", f"/deliveries/{uid}/receipts", words=words)
        return read(Receipt, said.json())

    # ── cases ────────────────────────────────────────────────────────────────────────────

    def cases(self, *, state: str = "", kind: str = "", about: str = "") -> Iterator[Case]:
        """All that one may see, the last changed first; `state="open"` for those not at an end."""
        return self._pages(Case, "/cases", state=state, kind=kind, about=about)

    def case(self, uid: str) -> Case:
        """One, with its thread and the steps that one may take."""
        return read(Case, self.connection.call("GET", f"/cases/{uid}").json())

    def answer(self, uid: str, step: str, *, note: str = "") -> Case:
        """Acknowledge, act, cure, disown or dispute."""
        words = {"step": step, "note": note}
        return read(Case, self.connection.call("POST", f"/cases/{uid}/answers", words=words).json())

    def comment(self, uid: str, text: str) -> Case:
        """Write into the thread."""
        words = {"text": text}
        said = self.connection.call("POST", f"/cases/{uid}/comments", words=words)
        return read(Case, said.json())

    def figures(self) -> dict[str, dict[str, int]]:
        """How many cases were opened, told, answered and closed of late, and are open now."""
        found: dict[str, dict[str, int]] = self.connection.call("GET", "/figures").json()
        return found

    def look_up(self, target: str, *, kind: str = "") -> dict[str, Any]:
        """Who would be told of an address, a network, a domain or a URL, and why."""
        query = {"target": target, "kind": kind}
        found: dict[str, Any] = self.connection.call("GET", "/lookup", query=query).json()
        return found

    def _pages(self, noun: type[Noun], path: str, **words: str) -> Iterator[Noun]:
        cursor: str | None = ""
        while cursor is not None:
            query = {**words, "cursor": cursor, "limit": 200}
            page = self.connection.call("GET", path, query=query).json()
            yield from (read(noun, item) for item in page["items"])
            cursor = page["next"]


def _digest(data: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"
