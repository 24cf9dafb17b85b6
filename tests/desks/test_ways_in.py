"""What comes by itself: a folder, a mailbox, a feed; each thing once, whatever is cut off."""

import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.channels import dovecot
from tests.channels.receiver import LOOPBACK, Authority, Receiver, Said
from tests.desks.conftest import OVERLAY, SAMPLES
from tocsin.channels import imap
from tocsin.channels.shadowserver_api import account_of
from tocsin.desks.response.actions.fetch_shadowserver import fetch_shadowserver
from tocsin.desks.response.actions.read_mailbox import read_mailbox
from tocsin.desks.response.actions.take_in import Bench, Brought, work_through
from tocsin.desks.response.actions.watch_folder import Watched, watch_folder
from tocsin.desks.response.models import Arrival, Intake, Reading
from tocsin.node.store import Store
from tocsin.office.models import Delivery, Party, Receipt
from tocsin.words.errors import NotFound, Undelivered

REPORT = SAMPLES / "demo" / "2026-06-17-event4_sinkhole-demo.csv"
PHISH = SAMPLES / "demo" / "2026-06-17-phish_url-demo.csv"
pytestmark = pytest.mark.usefixtures("parties")


@pytest.fixture
def common(store: Store) -> dict[str, Any]:
    return {"party": None, "by": "worker", "store_folder": store.path}


@pytest.fixture
def work(store: Store) -> Callable[[datetime], list[str]]:
    bench = Bench("worker", store.path, "Test CERT", None, OVERLAY)
    return lambda at: work_through(bench, at=at)


# ── a folder ─────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "in"
    path.mkdir()
    return path


@pytest.fixture
def watch(folder: Path, common: dict[str, Any]) -> Callable[..., list[str]]:
    """One look at the folder, some seconds from now."""

    def look(seconds: float = 60) -> list[str]:
        at = datetime.now(UTC) + timedelta(seconds=seconds)
        return watch_folder(Watched(folder, Brought()), at=at, **common)

    return look


def put(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_file_is_taken_in_worked_and_put_away(folder, watch, work, at) -> None:
    put(folder, REPORT.name, REPORT.read_bytes())

    watch()
    intake = Intake.objects.get()
    assert below(folder) == [f"taken/{intake.uid.hex}-{REPORT.name}"]
    watch()
    assert below(folder) == [f"taken/{intake.uid.hex}-{REPORT.name}"]  # nobody worked it yet

    work(datetime.now(UTC) + timedelta(minutes=2))
    watch()

    assert below(folder) == [f"done/{REPORT.name}"]
    assert Delivery.objects.filter(run__uid=intake.uid).exists()
    assert watch() == []


def test_a_file_that_is_still_written_is_left_alone(folder, watch) -> None:
    path = put(folder, REPORT.name, REPORT.read_bytes()[:100])
    assert watch(seconds=5) == []
    with path.open("ab") as file:
        file.write(REPORT.read_bytes()[100:])
    os.utime(path, (0, 0))  # a copy that brings an old time with it changed just now all the same
    assert watch(seconds=5) == []
    for name in ("a.csv.part", ".hidden.csv", "b.tmp"):
        put(folder, name, b"half")
    (folder / "link.csv").symlink_to(path)
    (folder / "a folder").mkdir()
    os.mkfifo(folder / "pipe.csv")

    said = watch()

    assert [line.partition(":")[0] for line in said] == [REPORT.name]
    assert Intake.objects.count() == 1


def test_the_same_file_again_is_taken_in_never_twice(folder, watch) -> None:
    put(folder, REPORT.name, REPORT.read_bytes())
    watch()
    put(folder, REPORT.name, REPORT.read_bytes())
    watch()
    put(folder, "other.csv", REPORT.read_bytes())
    watch()

    assert Intake.objects.count() == 2
    assert [name for name in below(folder) if name.startswith("done")] == [f"done/{REPORT.name}"]


def test_a_worker_that_died_after_the_commit_takes_nothing_in_twice(
    folder, watch, monkeypatch
) -> None:
    put(folder, REPORT.name, REPORT.read_bytes())
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            watch()
    assert (Intake.objects.count(), below(folder)) == (1, [REPORT.name])

    watch()

    assert (Intake.objects.count(), below(folder)) == (1, [f"done/{REPORT.name}"])


def test_what_cannot_be_read_ends_in_failed_with_the_reason(folder, watch, work) -> None:
    put(folder, "odd.bin", b"\x00\x01 no report")
    put(folder, "empty.csv", b"")
    watch()
    work(datetime.now(UTC) + timedelta(minutes=2))
    watch()

    assert below(folder) == [
        "failed/empty.csv",
        "failed/empty.csv.reason.txt",
        "failed/odd.bin",
        "failed/odd.bin.reason.txt",
    ]
    assert "in no format" in (folder / "failed" / "odd.bin.reason.txt").read_text("utf-8")


def test_names_of_any_bytes_are_taken_and_none_is_written_over(folder, watch, work) -> None:
    put(folder, os.fsdecode(b"\xff\n'.csv"), PHISH.read_bytes())
    put(folder, "same.csv", REPORT.read_bytes())
    (folder / "done").mkdir()
    put(folder / "done", "same.csv", b"of yesterday")
    watch()
    work(datetime.now(UTC) + timedelta(minutes=2))
    watch()

    assert (folder / "done" / "same.csv").read_bytes() == b"of yesterday"
    assert (folder / "done" / "same-2.csv").read_bytes() == REPORT.read_bytes()
    assert Intake.objects.count() == 2


def test_a_folder_that_is_not_there_says_so(common, tmp_path, at) -> None:
    with pytest.raises(NotFound, match="is not there"):
        watch_folder(Watched(tmp_path / "none", Brought()), at=at, **common)


# ── a mailbox ────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def mailbox(loopback: None, tmp_path: Path) -> Iterator[dovecot.Mailbox]:
    (tmp_path / "tls").mkdir()
    with dovecot.running(Authority(tmp_path / "tls")) as running:
        yield running


@pytest.fixture
def read(mailbox: dovecot.Mailbox, common: dict[str, Any], at: datetime) -> Callable[..., Any]:
    def look(**more: str) -> dict[str, int]:
        place = imap.place_of(mailbox.settings(**more))
        assert place is not None
        return read_mailbox(place, brought=Brought(), at=at, **common)

    return look


ARF = next((SAMPLES / "arf").iterdir()).read_bytes()
WITH_FILE = (
    b"From: feed@reporter.example\r\nMessage-ID: <1@reporter.example>\r\nPrecedence: bulk\r\n"
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\n"
    b"Attached.\r\n--x\r\nContent-Type: text/csv\r\nContent-Disposition: attachment; "
    b'filename="' + REPORT.name.encode() + b'"\r\n\r\n' + REPORT.read_bytes() + b"\r\n--x--\r\n"
)
AWAY = (
    b"From: ada@reporter.example\r\nMessage-ID: <2@reporter.example>\r\n"
    b"Auto-Submitted: auto-replied\r\n\r\nI am away.\r\n"
)


def test_messages_become_reports_once_and_are_marked(mailbox, read) -> None:
    mailbox.put(ARF, name="1.arf")
    mailbox.put(WITH_FILE, name="2.file")
    mailbox.put(AWAY, name="3.away")

    assert read() == {"report": 2, "automatic": 1}
    assert {row.name for row in Intake.objects.all()} == {"message.eml", REPORT.name}
    assert all(name.endswith("S") for name in mailbox.messages())
    assert read() == {}


def test_the_same_message_again_is_a_repeat_whatever_the_uid(mailbox, read, at) -> None:
    mailbox.put(ARF, name="1.arf")
    read()
    mailbox.put(ARF, name="2.again")
    assert read() == {"repeat": 1}
    Reading.objects.update(upto="1:999")  # the server counts its messages anew
    assert read() == {"repeat": 2}

    assert Intake.objects.count() == 1


def test_a_worker_that_died_before_it_marked_takes_nothing_in_twice(
    mailbox, read, monkeypatch
) -> None:
    mailbox.put(ARF, name="1.arf")
    with monkeypatch.context() as patch:
        patch.setattr(imap.Box, "settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            read()
    assert Intake.objects.count() == 1

    assert read() == {"repeat": 1}
    assert Intake.objects.count() == 1


def test_what_was_taken_in_is_moved_where_a_folder_is_named(mailbox, read) -> None:
    mailbox.put(ARF, name="1.arf")
    with pytest.raises(Undelivered, match="it refused"):
        read(done="Taken")  # nobody made that folder
    assert Reading.objects.get().upto == ""
    place = imap.place_of(mailbox.settings())
    assert place is not None
    with imap.opened(place) as box:
        box._client.create("Taken")

    assert read(done="Taken") == {"repeat": 1}

    assert (mailbox.messages(), len(mailbox.messages("Taken"))) == ({}, 1)
    assert Intake.objects.count() == 1


def test_a_bounce_and_an_answer_go_to_their_delivery(mailbox, read, at) -> None:
    delivery = Delivery.objects.create(
        party=Party.objects.first(),
        relation="network",
        format="idf-csv",
        channel="mail",
        path="deliveries/x.csv",
        digest="0" * 64,
        size=1,
        rows=1,
        manifest_path="deliveries/x.json",
        manifest_digest="0" * 64,
        tlp="TLP:AMBER",
        next_attempt_at=at,
        idempotency_key="x",
        created_at=at,
        parcel="abc123",
    )
    mailbox.put(
        b"From: abuse@isp.example\r\nMessage-ID: <9@isp.example>\r\n"
        b"In-Reply-To: <tocsin.abc123@cert.example>\r\n\r\nThank you.\r\n",
        name="1.answer",
    )

    assert read() == {"answer": 1}
    assert Receipt.objects.get().delivery == delivery
    assert not Intake.objects.exists()


def test_one_message_that_cannot_be_taken_holds_up_no_other(
    mailbox, read, store, monkeypatch
) -> None:
    monkeypatch.setattr(imap, "LARGEST", 20_000)
    mailbox.put(b"From: a@b.example\r\n\r\n" + b"x" * 30_000, name="1.large")
    mailbox.put(ARF, name="2.arf")

    assert read() == {"refused": 1, "report": 1}
    assert list((store.path / "spool" / "uploads").iterdir()) == []
    assert read() == {}


# ── a feed ───────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def feed(loopback: None, tmp_path: Path) -> Iterator[Receiver]:
    (tmp_path / "tls").mkdir()
    receiver = Receiver(Authority(tmp_path / "tls").context("localhost"))
    yield receiver
    receiver.close()


@pytest.fixture
def fetch(
    feed: Receiver, tmp_path: Path, common: dict[str, Any], at: datetime
) -> Callable[[], int]:
    (tmp_path / "key").write_text("key\nsecret\n")
    base = f"https://localhost:{feed.port}/"
    account = account_of(
        {
            "key_file": str(tmp_path / "key"),
            "calls": base,
            "files": base,
            "allow": LOOPBACK,
            "ports": str(feed.port),
            "ca_file": str(tmp_path / "tls" / "authority.pem"),
        }
    )
    assert account is not None
    return lambda: fetch_shadowserver(account, days=3, brought=Brought(), at=at, **common)


def listing(*reports: tuple[str, str]) -> Said:
    entries = [{"id": uid, "file": name, "timestamp": "2026-06-17"} for uid, name in reports]
    return Said(body=json.dumps(entries).encode())


ONE, TWO = ("id-one-12345", REPORT.name), ("id-two-12345", PHISH.name)


def test_reports_are_fetched_once_per_id_and_worked(feed, fetch, work, at) -> None:
    feed.answers = [
        listing(ONE, TWO, ONE),
        Said(body=REPORT.read_bytes()),
        Said(body=PHISH.read_bytes()),
        listing(ONE, TWO),
    ]

    assert (fetch(), fetch()) == (2, 0)

    assert [request.path for request in feed.requests] == [
        "/reports/list",
        f"/{ONE[0]}",
        f"/{TWO[0]}",
        "/reports/list",
    ]
    work(at + timedelta(minutes=1))
    assert {row.state for row in Intake.objects.all()} == {"done"}


def test_one_that_cannot_be_fetched_holds_up_no_other_and_is_tried_again(feed, fetch) -> None:
    feed.answers = [listing(ONE, TWO), Said(503), Said(body=PHISH.read_bytes())]
    with pytest.raises(Undelivered, match="1 of 2 reports") as fault:
        fetch()
    assert ONE[0] not in str(fault.value)
    assert [row.name for row in Intake.objects.all()] == [PHISH.name]

    feed.answers = [listing(ONE, TWO), Said(body=REPORT.read_bytes())]

    assert fetch() == 1
    assert Arrival.objects.count() == 2


def test_an_empty_file_is_tried_again(feed, fetch) -> None:
    feed.answers = [listing(ONE), Said(body=b"")]

    with pytest.raises(Undelivered, match="it is empty"):
        fetch()

    assert not Arrival.objects.exists()
