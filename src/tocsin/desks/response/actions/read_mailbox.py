"""The mailbox that is read: what comes back for deliveries goes there, the rest are reports.

Each message is taken in once, by Message-ID and digest; it is moved or marked when that is
committed, and not before. Of a message that carries report files (CSV, JSON, gzip, zip) the files
are the reports; without any, the message itself is. What is attached to the message that an abuse
report is about came from the spammer, and is no report.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import Message
from pathlib import Path
from tempfile import NamedTemporaryFile

from tocsin.channels import imap
from tocsin.channels.mailbox import Kind, Returned, read_message
from tocsin.desks.response.actions.arrive import key_of, known_arrival, pass_over, take_in_once
from tocsin.desks.response.actions.take_in import Brought
from tocsin.desks.response.actions.upload import upload_folder
from tocsin.desks.response.models import Arrival, Reading
from tocsin.formats.mail import arf
from tocsin.office.mailbox import deliveries_of, read_returned
from tocsin.office.models import Party
from tocsin.words.errors import Refused, Unreadable, Unusable
from tocsin.words.moments import as_utc

_SOURCE = Arrival.Source.MAILBOX
_FILES = (".csv", ".json", ".jsonl", ".ndjson", ".zip", ".gz")
_MANIFEST = ".manifest.json"  # lies beside each file of a delivery, and reports nothing
_HEAD = 65536  # bytes that say what a message is
_MOST_PARTS, _MOST_FILES = 200, 20


def read_mailbox(
    place: imap.Place,
    *,
    brought: Brought,
    party: Party | None,
    by: str,
    at: datetime,
    store_folder: Path,
) -> dict[str, int]:
    """Everything that is new, message by message; how many were what. Raises `Undelivered`.

    Counted are `report` (taken in), `repeat`, `refused` (in no format that is read, or too large),
    and what `office.mailbox` counts of what came back.
    """
    counts: dict[str, int] = {}
    taker = _Taker(brought, party, by, at, store_folder)
    with imap.opened(place) as box:
        row = _reading(place, at=at)
        for found in box.new(_after(row, box.validity)):
            for word in taker.take(found, box.validity):
                counts[word] = counts.get(word, 0) + 1
            # First what came of it, then where it lies, then how far was read: a cut between two
            # of these reads a message again, which changes nothing.
            box.settle(found.uid)
            row.upto, row.changed_at = f"{box.validity}:{found.uid}", as_utc(at)
            row.save(update_fields=["upto", "changed_at"])
    return counts


def _reading(place: imap.Place, *, at: datetime) -> Reading:
    key = key_of(place.host, place.user, place.folder)
    row, _ = Reading.objects.get_or_create(
        source=_SOURCE, place=key, defaults={"changed_at": as_utc(at)}
    )
    return row


def _after(row: Reading, validity: int) -> int:
    """The UID to read on from; where the server counts anew, the beginning."""
    before, _, uid = row.upto.partition(":")
    return int(uid) if before == str(validity) else 0


class _Taker:
    """Takes single messages in."""

    def __init__(
        self, brought: Brought, party: Party | None, by: str, at: datetime, store_folder: Path
    ) -> None:
        self.brought, self.party, self.by, self.at = brought, party, by, at
        self.store_folder = store_folder

    def take(self, found: imap.Found, validity: int) -> list[str]:
        """One message; what became of it."""
        if found.raw is None:
            self._remember(key_of("too large", str(validity), str(found.uid)), "")
            return ["refused"]
        returned = read_message(found.raw)
        digest = hashlib.sha256(found.raw).hexdigest()
        key = key_of(returned.message_id, digest)
        if known_arrival(_SOURCE, key) is not None:
            return ["repeat"]
        files = list(_files(found.raw))[:_MOST_FILES]
        if _came_back(returned, files, found.raw):
            said = read_returned([found.raw], by=self.by, at=self.at)
            self._remember(key, digest)
            return list(said.elements())
        if not files:
            return [self._report("message.eml", found.raw, key, digest)]
        return self._reports(files, key, digest)

    def _reports(self, files: list[tuple[str, bytes]], key: str, digest: str) -> list[str]:
        said = [
            self._report(name, data, key_of(key, str(number)), hashlib.sha256(data).hexdigest())
            for number, (name, data) in enumerate(files)
        ]
        self._remember(key, digest)
        return said

    def _report(self, name: str, data: bytes, key: str, digest: str) -> str:
        try:
            with self._written(data) as path:
                _, is_new = take_in_once(
                    path,
                    source=_SOURCE,
                    key=key,
                    name=name,
                    brought=self.brought,
                    party=self.party,
                    by=self.by,
                    at=self.at,
                    store_folder=self.store_folder,
                )
        except (Unusable, Refused, Unreadable):
            self._remember(key, digest)
            return "refused"
        return "report" if is_new else "repeat"

    def _remember(self, key: str, digest: str) -> None:
        pass_over(source=_SOURCE, key=key, digest=digest, at=self.at)

    @contextmanager
    def _written(self, data: bytes) -> Iterator[Path]:
        with NamedTemporaryFile(dir=upload_folder(self.store_folder), suffix=".mail") as file:
            file.write(data)
            file.flush()
            yield Path(file.name)


def _came_back(returned: Returned, files: list[tuple[str, bytes]], raw: bytes) -> bool:
    """Whether a message is about a delivery of ours, or was sent by a program and reports nothing.

    A report in ARF is a multipart/report that nobody wrote by hand; lists of report files come as
    bulk mail. Both are reports.
    """
    if returned.kind == Kind.BOUNCE or deliveries_of(returned):
        return True
    is_report = bool(files) or b"message/feedback-report" in raw.lower()
    return returned.kind == Kind.AUTOMATIC and not is_report


def _files(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """The report files that a message carries, by the names they have."""
    message = message_from_bytes(raw, policy=policy.compat32)
    found = _around_complaint(message) if arf.sniff(raw[:_HEAD], "") else message.walk()
    for _, part in zip(range(_MOST_PARTS), found, strict=False):
        name, data = _file(part)
        if data and name.lower().endswith(_FILES) and not name.lower().endswith(_MANIFEST):
            yield name, data


def _around_complaint(part: Message) -> Iterator[Message]:
    """The parts of an abuse report, without what the message is made of that it is about."""
    yield part
    if part.get_content_maintype() == "multipart" and part.is_multipart():
        for inner in part.get_payload():
            if isinstance(inner, Message):
                yield from _around_complaint(inner)


def _file(part: Message) -> tuple[str, bytes]:
    try:
        name, data = part.get_filename() or "", part.get_payload(decode=True)
    except (MessageError, ValueError, LookupError, AttributeError):
        return "", b""
    return str(name)[-200:], data if isinstance(data, bytes) else b""
