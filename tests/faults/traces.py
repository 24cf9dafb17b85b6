"""What a run left: what its parties were given, what its store holds, and what is only half."""

import hashlib
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import numpy as np
import polars as pl

from tests.channels.receiver import Received
from tocsin.office.sealed_file import unseal

NUMBER = re.compile(rb"^Message-ID:\s*<tocsin\.([0-9a-f]{32})@", re.MULTILINE | re.IGNORECASE)
Row = tuple[str, str, str]


@dataclass
class Post:
    """What the mail server and the receiver of a test took, from all its trials."""

    mails: list[bytes]
    requests: list[Received]


@dataclass
class Told:
    """Over all deliveries, (party, relation, line without what names the run); and repeats."""

    rows: Counter[Row] = field(default_factory=Counter)
    repeats: Counter[str] = field(default_factory=Counter)


def told(folder: Path, post: Post) -> Told:
    """By every channel; a repeat must be the same bytes, and counts once."""
    found = Told()
    for manifest, data in _in_folder(folder):
        found.rows.update(_lines(manifest, data))
    for manifest, data in _posted(folder, post, found):
        found.rows.update(_lines(manifest, data))
    for manifest, data in _mailed(folder, post, found):
        found.rows.update(_lines(manifest, data))
    return found


def _in_folder(folder: Path) -> Iterator[tuple[bytes, bytes]]:
    for path in sorted((folder / "out").rglob("*.manifest.json")):
        name = json.loads(path.read_bytes())["manifest"]["file"]["name"]
        yield path.read_bytes(), (path.parent / name).read_bytes()


def _posted(folder: Path, post: Post, found: Told) -> Iterator[tuple[bytes, bytes]]:
    """Over the webhook: exactly once in effect by delivery id."""
    ours = {uid for uid, channel, _ in deliveries(folder) if channel == "webhook"}
    bodies: dict[str, list[Received]] = {}
    for request in list(post.requests):
        if len(request.body) < int(request.headers["content-length"]):
            continue  # its sender was killed; no receiver takes half a request
        bodies.setdefault(request.headers["webhook-id"].replace("-", ""), []).append(request)
    for uid in sorted(ours & set(bodies)):
        first, *again = bodies[uid]
        assert [one.body for one in again] == [first.body] * len(again)
        found.repeats["webhook"] += len(again)
        parts = first.parts
        yield parts["manifest"][1], parts["file"][1]


def _mailed(folder: Path, post: Post, found: Told) -> Iterator[tuple[bytes, bytes]]:
    """By mail: at least once; a repeat has the same Message-ID and digest, and is counted."""
    ours = {parcel for _, channel, parcel in deliveries(folder) if channel == "mail" and parcel}
    messages: dict[str, list[EmailMessage]] = {}
    for raw in list(post.mails):
        number = NUMBER.search(raw)
        if number is not None and number[1].decode() in ours:
            message = message_from_bytes(raw, policy=default)
            messages.setdefault(message["Message-ID"], []).append(message)
    for _, (first, *again) in sorted(messages.items()):
        assert {one["X-Tocsin-Digest"] for one in again} <= {first["X-Tocsin-Digest"]}
        found.repeats["mail"] += len(again)
        files = {
            part.get_filename(): part.get_payload(decode=True) for part in first.iter_attachments()
        }
        for name, data in files.items():
            if name.endswith(".manifest.json"):
                yield data, files[json.loads(data)["manifest"]["file"]["name"]]


def _lines(manifest: bytes, data: bytes) -> Iterator[Row]:
    facts = json.loads(manifest)["manifest"]
    assert hashlib.sha256(data).hexdigest() == facts["file"]["sha256"]
    text = data.decode()
    for report in facts["reports"]:
        text = text.replace(report, "REPORT")
    lines = text.splitlines()[0 if facts["file"]["format"] == "intelmq-json" else 1 :]
    return ((facts["to"]["party"], facts["to"]["relation"], line) for line in lines)


def stored(folder: Path) -> Counter[tuple[str, int]]:
    """(key, line) of every event in the store."""
    events = pl.scan_delta(str(folder / "store" / "events")).select("event_hash", "row").collect()
    return Counter(events.rows())


def asked(folder: Path, query: str) -> list[tuple[object, ...]]:
    """Rows of the store's database, without Django."""
    database = sqlite3.connect(f"file:{folder / 'store' / 'tocsin.sqlite3'}?mode=ro", uri=True)
    try:
        return database.execute(query).fetchall()
    finally:
        database.close()


def deliveries(folder: Path) -> list[tuple[str, str, str]]:
    """(id, channel, message) of every delivery."""
    return asked(folder, "SELECT uid, channel, parcel FROM office_delivery")


def made(folder: Path) -> set[tuple[str, str, str]]:
    """(channel, party, relation) of every delivery."""
    query = (
        "SELECT delivery.channel, slug, relation FROM office_delivery AS delivery "
        "JOIN office_party AS party ON party.id = delivery.party_id"
    )
    return set(asked(folder, query))


# ── halves ───────────────────────────────────────────────────────────────────────────────


def halves(folder: Path, *, settled: bool) -> list[str]:
    """What is only half, or bears a final name before its time.

    Right after a kill a whole file may wait for its manifest, which comes last, and files whose
    names nobody looks at may lie about. Once `settled` nothing of the kind may be left but sealed
    evidence without a name and without a key, which retention takes away (test_retention).
    """
    store = folder / "store"
    found = [
        *_half_deliveries(folder, settled=settled),
        *_half_evidence(folder),
        *_unreadable(sorted((store / "events").glob("day=*/*.parquet")), pl.read_parquet),
        *_unreadable(sorted((store / "quarantine").glob("*.parquet")), pl.read_parquet),
        *_unreadable(sorted((store / "window").glob("*.npy")), np.load),
        *_unreadable(sorted((store / "events" / "_delta_log").glob("*.json")), _json_lines),
    ]
    if settled:
        named = {path for (path,) in asked(folder, "SELECT path FROM office_windowsegment")}
        lying = [
            path for path in (store / "window").iterdir() if f"window/{path.name}" not in named
        ]
        lying += [
            path
            for path in folder.rglob("*")
            if path.suffix in (".partial", ".part") and path.parent != store / "evidence"
        ]
        lying += list((store / "spool").iterdir())
        found += [f"left: {path.relative_to(folder)}" for path in lying]
    return found


def _half_deliveries(folder: Path, *, settled: bool) -> Iterator[str]:
    """In the receiver's folders, and in the store's of what the database says was made."""
    digests: dict[str, str] = {}
    for path, digest, manifest, sealed in asked(
        folder, "SELECT path, digest, manifest_path, manifest_digest FROM office_delivery"
    ):
        for name, expected in ((path, digest), (manifest, sealed)):
            digests[Path(str(name)).name + str(Path(str(name)).parent.name)] = str(expected)
            if _digest(folder / "store" / str(name)) != expected:
                yield f"made: {name}"
    for file in sorted((folder / "out").rglob("*")):
        if not file.is_file() or (file.name.startswith(".") and not settled):
            continue
        if _digest(file) != digests.get(file.name + file.parent.name):
            yield f"given: {file.relative_to(folder)}"
        is_manifest = file.name.endswith(".manifest.json")
        stem = file.name.removesuffix(".manifest.json") if is_manifest else file.stem
        beside = [one.name for one in file.parent.glob(f"{stem}.*") if one != file]
        if not beside and (is_manifest or settled):
            yield f"alone: {file.relative_to(folder)}"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "not there"


def _half_evidence(folder: Path) -> Iterator[str]:
    """Every sealed file that the database has a key for opens to its digest."""
    for digest, key in asked(folder, "SELECT digest, key FROM office_evidence"):
        path = folder / "store" / "evidence" / str(digest)[:2] / f"{digest}.zst.aes"
        try:
            with path.open("rb") as source:
                for _ in unseal(source, key=bytes(key), digest=str(digest)):
                    pass
        except Exception as fault:
            yield f"evidence {digest}: {fault}"


def _unreadable(paths: list[Path], read) -> Iterator[str]:
    for path in paths:
        try:
            read(path)
        except Exception as fault:
            yield f"{path.name}: {fault}"


def _json_lines(path: Path) -> None:
    for line in path.read_text("utf-8").splitlines():
        json.loads(line)
