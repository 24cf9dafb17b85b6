"""Backups: one moment, whatever goes on meanwhile; erased for good once the keys are gone."""

import hashlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl
import pytest
from django.db import connection

from tests.conftest import on_database
from tests.node.conftest import Run as Command
from tests.node.conftest import tocsin
from tests.office.persons import ACCOUNT, NEIGHBOURS, OVERLAY, PARTIES, V4, V6, write_reports
from tests.skipping import not_on_this_database
from tocsin.flow.subject import addresses
from tocsin.node.commands.route import import_file
from tocsin.node.store import LAYOUT, Store, open_store
from tocsin.office import backup, evidence, sealed_file
from tocsin.office.alone import alone
from tocsin.office.backup import archive, manifest, parts, rows
from tocsin.office.backup.making import Wish
from tocsin.office.erasure import Erasure, Order, erase
from tocsin.office.models import Delivery, Evidence, Party, RegisterRow, Run
from tocsin.words.errors import Busy, Refused, Unreadable, Unusable

__all__ = ["tocsin"]


@pytest.fixture
def node(own_database: None, tmp_path: Path) -> Store:
    """A store with the sample parties."""
    opened = open_store(tmp_path / "node")
    import_file(PARTIES, by="test")
    return opened


@pytest.fixture
def wish(node: Store, at: datetime, tmp_path: Path) -> Wish:
    """A backup of it into `data` and `keys`."""
    return Wish(
        store_folder=node.path,
        into=tmp_path / "data",
        keys_into=tmp_path / "keys",
        by="test",
        at=at,
        version="0.1.0",
        layout=LAYOUT,
        wait=0.0,
    )


def opened(made: backup.Made) -> backup.Opened:
    """A backup with its keys."""
    return backup.open_backup(made.folder, keys_folder=made.keys.parent, passphrase=None)


def table(found: backup.Opened, label: str) -> list[dict[str, Any]]:
    """The rows of one table of a backup."""
    part = found.manifest.part(f"tables/{label}.jsonl")
    key = found.archive.parts[part.sha256]
    columns, *values = map(json.loads, parts.lines(parts.plain(part, found.folder, key)))
    return [dict(zip(columns, row, strict=True)) for row in values]


# ── erased is erased ─────────────────────────────────────────────────────────────────────


PERSON = (V4.encode(), V6.encode(), ACCOUNT.encode(), b"c000:024d")


def spied(folder: Path, archives: list[archive.Archive]) -> bytes:
    """All that somebody reads in a backup who has these keys and tries each of them everywhere."""
    known = {key.key for one in archives for key in one.parts.values()}
    found = b""
    for _ in range(2):  # the second time with the keys of evidence that the tables gave away
        read = [
            text for path in folder.rglob("*") if path.is_file() for text in _tried(path, known)
        ]
        found = b"\n".join(read)
        known |= _evidence_keys(read)
    return found.lower()


def _tried(path: Path, known: set[bytes]) -> Iterator[bytes]:
    yield path.read_bytes()
    for key in known:
        with path.open("rb") as file:
            try:
                text = b"".join(_as_far_as_it_goes(file, key))
            except Unreadable:
                continue
        yield text
        if text[:4] == b"PAR1":
            frame = pl.read_parquet(io.BytesIO(text)).select(pl.col(pl.String))
            yield frame.write_ndjson().encode()


def _as_far_as_it_goes(file: Any, key: bytes) -> Iterator[bytes]:
    """Without the digest nobody is told at the end that all was read; he has read it."""
    try:
        yield from sealed_file.unseal(file, key=key, digest="")
    except Unreadable as fault:
        if "another digest" not in str(fault):
            raise


def _evidence_keys(texts: list[bytes]) -> set[bytes]:
    keys = set()
    for text in texts:
        columns, *lines = text.split(b"\n")
        if b'"stored_size"' in columns and b'"key"' in columns:
            at = json.loads(columns).index("key")
            keys |= {archive.base64.b64decode(json.loads(line)[at]) for line in lines if line}
    return {key for key in keys if key}


def test_what_was_erased_is_in_no_old_backup_any_more_once_its_keys_are_gone(
    tocsin: Command, tmp_path: Path
) -> None:
    reports = write_reports(tmp_path / "in")
    words = ("--parties", PARTIES, "--overlay", OVERLAY, "--store", "node", "--out", "out")
    tocsin("route", *reports, *words)
    old = tocsin("backup", "data", "--keys", "keys", "--store", "node", "--json").json
    name = old["backup"]
    before = backup.open_backup(Path(old["folder"]), keys_folder=tmp_path / "keys", passphrase=None)

    why = ("--why", "request 17 of 2026-11-20", "--store", "node", "--yes")
    said = tocsin("erase", "address", V4, V6, *why, "--json").json
    tocsin("erase", "account", ACCOUNT, *why)
    new = tocsin("backup", "data", "--keys", "keys", "--store", "node", "--json").json
    after = backup.open_backup(Path(new["folder"]), keys_folder=tmp_path / "keys", passphrase=None)

    # The erasure names what still opens it; while that is there, it does open it.
    assert f"to delete: {tmp_path / 'keys' / name}.keys" in said["instructions"]
    with_its_keys = spied(Path(old["folder"]), [before.archive])
    assert [text for text in PERSON if text not in with_its_keys] == []

    (tmp_path / "keys" / f"{name}.keys").unlink()
    without = spied(Path(old["folder"]), [after.archive])
    assert [text for text in PERSON if text in without] == []
    # What was not erased still opens there, so the spy did look; and the newest backup is whole.
    assert NEIGHBOURS[0].encode() in spied(Path(new["folder"]), [after.archive])
    assert b"demo" in without or b"delta" in without or b"commitinfo" in without
    assert tocsin("restore", old["folder"], "--keys", "keys", "--store", "again").code == 4
    later = tocsin("erase", "address", V4, *why, "--json").json["instructions"]
    assert [text for text in later if name in text] == []


def test_without_keys_a_backup_shows_no_secret_and_nothing_of_its_content(
    node: Store, wish: Wish, tmp_path: Path
) -> None:
    (node.quarantine / "secret.txt").write_bytes(b"192.0.2.7 swordfish")
    made = backup.make(wish)

    lying = b"".join(path.read_bytes() for path in made.folder.rglob("*") if path.is_file())
    secrets = [path.read_bytes() for path in node.keys.rglob("*") if path.is_file()]
    keys = [bytes(key) for key in RegisterRow.objects.values_list("leaf_key", flat=True)]
    assert [text for text in (*secrets, *keys) if text and text in lying] == []
    assert [text for text in (b"swordfish", b"meadow-net", b"Meadow Net") if text in lying] == []
    assert table(opened(made), "office.party") != []


# ── one moment ───────────────────────────────────────────────────────────────────────────


ROUTING = """
import sys
from pathlib import Path
from tocsin.node.commands.route import hand_over, run_route
from tocsin.node.console import progress
from tocsin.node.store import open_store
here = Path(sys.argv[1])
opened = open_store(here / "node")
for number in range(200):
    report = here / f"2026-11-22-event4_sinkhole-{number}.csv"
    rows = "".join(
        f'"2026-11-22 09:00:{second:02}","192.0.2.{number % 250}","{4000 + number}","x"\\n'
        for second in range(20)
    )
    report.write_text('"timestamp","src_ip","src_port","infection"\\n' + rows)
    with progress(shown=False) as tell:
        run_route([report], opened, tell, "in-process", by="test", overlay=Path(sys.argv[2]))
    hand_over(opened, here / "out")
    print(number, flush=True)
"""


@pytest.fixture
def busy(node: Store, clean_env: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that routes one report after the other into the store."""
    child = subprocess.Popen(
        [sys.executable, "-c", ROUTING, str(tmp_path), str(OVERLAY)],
        env=clean_env,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    child.stdout.readline()  # the first report is through
    yield child
    child.kill()
    child.wait()
    child.stdout.close()


def test_a_backup_made_while_reports_come_in_is_of_one_moment(
    busy, wish: Wish, at: datetime, another, tmp_path: Path
) -> None:
    made = []
    for number in range(4):
        time.sleep(0.4)
        made.append(backup.make(Wish(**{**vars(wish), "at": at + timedelta(number), "wait": 60.0})))
    assert busy.poll() is None  # it was at it all the time

    found = [opened(one) for one in made]
    runs = [len(table(one, "office.run")) for one in found]
    assert runs == sorted(runs)
    assert runs[0] < runs[-1]
    assert [one.manifest.missing for one in found] == [()] * 4
    # The last one, restored: every row has its file, every run its events, to the byte.
    url = another()
    restore(found[-1], tmp_path / "again", url)
    with on_database(url):
        open_store(tmp_path / "again")
        check_whole(tmp_path / "again")


def restore(found: backup.Opened, store: Path, url: str) -> None:
    """Into a store of its own, as the command does."""
    from tocsin.node.store import restore_store

    with on_database(url):
        restore_store(
            store,
            fill=lambda made: backup.fill(found, made.path),
            record=lambda: backup.record_restore(found, by="test", at=datetime.now(UTC)),
        )


def check_whole(store: Path) -> None:
    """Every row has its file, every run that is done its events, to the byte."""
    for row in Evidence.objects.all():
        data = b"".join(evidence.read(row.digest, store_folder=store))
        assert hashlib.sha256(data).hexdigest() == row.digest
    for delivery in Delivery.objects.all():
        data = (store / delivery.path).read_bytes()
        assert hashlib.sha256(data).hexdigest() == delivery.digest
    stored = pl.scan_delta(str(store / "events")).select("run").collect()["run"].to_list()
    for run in Run.objects.filter(state=Run.State.DONE):
        assert stored.count(run.uid.hex) == run.counts["events"]


def test_runs_go_on_while_a_backup_is_copied(node: Store, wish: Wish) -> None:
    """The lock is held for moments: at the first file that is copied it is free."""
    (node.quarantine / "one.txt").write_bytes(b"x")
    seen = []

    def tell(step: str, _done: int, _total: int) -> None:
        with alone(node.path):
            seen.append(step)
        Run.objects.create(kind="route", at=wish.at, started_at=wish.at)

    backup.make(Wish(**{**vars(wish), "tell": tell}))

    assert {"rows", "bytes"} <= set(seen)


def test_what_is_written_after_the_moment_is_not_in_it(node: Store, wish: Wish) -> None:
    (node.quarantine / "one.txt").write_bytes(b"x")

    def tell(_step: str, _done: int, _total: int) -> None:
        Party.objects.filter(slug="meadow-net").update(name="Changed")
        (node.quarantine / "two.txt").write_bytes(b"y")

    found = opened(backup.make(Wish(**{**vars(wish), "tell": tell})))

    names = {row["slug"]: row["name"] for row in table(found, "office.party")}
    assert names["meadow-net"] == "Meadow Net"
    assert "store/quarantine/one.txt" in {part.path for part in found.manifest.parts}
    assert "store/quarantine/two.txt" not in {part.path for part in found.manifest.parts}


def test_an_erasure_that_comes_in_between_ends_the_backup(
    node: Store, wish: Wish, tmp_path: Path
) -> None:
    (node.quarantine / "one.txt").write_bytes(b"x")
    erased: list[Erasure] = []

    def tell(step: str, _done: int, _total: int) -> None:
        if step == "bytes" and not erased:
            erased.append(
                erase(Order(addresses(["192.0.2.7"]), "17/26", "ada", wish.at, node.path))
            )

    with pytest.raises(Busy, match="an erasure came in between"):
        backup.make(Wish(**{**vars(wish), "tell": tell}))
    assert list((tmp_path / "data").iterdir()) == []
    assert list((tmp_path / "keys").iterdir()) == []
    assert not RegisterRow.objects.filter(action="office:backup:make").exists()


def test_a_run_that_does_not_end_is_waited_for_so_long_and_no_longer(wish: Wish) -> None:
    with alone(wish.store_folder), pytest.raises(Busy, match="a run, an erasure"):
        backup.make(wish)

    assert list(wish.into.iterdir()) == []


def test_a_file_that_the_store_has_lost_is_said_and_the_rest_is_kept(
    node: Store, wish: Wish, at: datetime
) -> None:
    kept = evidence.keep(
        io.BytesIO(b"a report"),
        evidence_class="machine-report",
        media_type="text/csv",
        at=at,
        keep_for=timedelta(days=90),
        store_folder=node.path,
    )
    evidence.path_of(kept.digest, store_folder=node.path).unlink()
    made = backup.make(wish)

    assert made.manifest.missing == (f"evidence/{kept.digest[:2]}/{kept.digest}.zst.aes",)
    assert table(opened(made), "office.evidence")[0]["digest"] == kept.digest


def test_what_is_no_file_is_left_out_and_named(node: Store, wish: Wish) -> None:
    (node.path / "out").mkdir()
    (node.path / "out" / "link").symlink_to("/etc/hostname")
    os.mkfifo(node.path / "out" / "pipe")
    (node.path / "out" / os.fsdecode(b"\xff.csv")).write_bytes(b"x")
    (node.path / "out" / "kept.csv").write_bytes(b"x")
    made = backup.make(wish)

    assert made.manifest.left_out == (
        "out/link: a link",
        "out/pipe: no file and no folder",
        "out/?.csv: its name is no text",
    )
    assert "store/out/kept.csv" in {part.path for part in made.manifest.parts}


# ── rows ─────────────────────────────────────────────────────────────────────────────────


def test_every_kind_of_value_comes_back_as_it_was(
    node: Store, wish: Wish, another, tmp_path
) -> None:
    uid = UUID("8d1c2a9e-0000-4000-8000-000000000017")
    moment = datetime(2026, 10, 25, 0, 59, 59, 999_999, tzinfo=UTC)
    nasty = 'Ünïcode 🛎 "quoted" \\ \n\t'
    facts = {"z": [1, {"b": None, "a": True}], "ä": nasty, "n": -(2**53)}
    RegisterRow(
        uid=uid, at=moment, actor=nasty, action="a:b:c", facts=facts, leaf_key=bytes(range(32))
    ).save()
    Party.objects.filter(slug="meadow-net").update(as_of=date(2026, 2, 28), key="")
    found = opened(backup.make(wish))
    url = another()
    restore(found, tmp_path / "again", url)

    with on_database(url):
        open_store(tmp_path / "again")
        row = RegisterRow.objects.get(uid=uid)
        assert (row.at, row.actor, row.facts) == (moment, nasty, facts)
        assert (bytes(row.leaf_key), bytes(row.leaf), row.subject) == (bytes(range(32)), b"", None)
        assert Party.objects.get(slug="meadow-net").as_of == date(2026, 2, 28)


def test_texts_that_only_sqlite_takes_are_made_harmless_on_postgresql(
    wish: Wish, postgres_url: str, tmp_path: Path
) -> None:
    if connection.vendor != "sqlite":
        not_on_this_database("only SQLite takes such texts")
    RegisterRow(at=wish.at, actor="a\0b", action="a:b:c", facts={"k\0": ["\0", "\ud800"]}).save()
    found = opened(backup.make(wish))
    restore(found, tmp_path / "again", postgres_url)

    with on_database(postgres_url):
        open_store(tmp_path / "again")
        row = RegisterRow.objects.get(action="a:b:c")
    assert (row.actor, row.facts) == ("a�b", {"k�": ["�", "?"]})


def test_a_text_that_is_too_long_for_postgresql_is_named(
    wish: Wish, postgres_url: str, tmp_path: Path
) -> None:
    if connection.vendor != "sqlite":
        not_on_this_database("only SQLite takes such texts")
    Party.objects.filter(slug="meadow-net").update(name="x" * 300)
    found = opened(backup.make(wish))

    with pytest.raises(Unusable, match=r"office\.party: a name has 300 characters, and PostgreSQL"):
        restore(found, tmp_path / "again", postgres_url)
    assert list((tmp_path / "again").iterdir()) == []


def test_every_table_is_in_a_backup_but_who_is_logged_in(wish: Wish) -> None:
    from django.apps import apps

    found = backup.make(wish).manifest.tables
    all_ = {model._meta.label_lower for model in apps.get_models(include_auto_created=True)}
    assert all_ - set(found) == rows.LEFT_OUT


# ── archives of keys ─────────────────────────────────────────────────────────────────────


def test_an_archive_that_asks_for_all_the_memory_is_refused(tmp_path: Path) -> None:
    head = {"tocsin_keys": 1, "sha256": "0" * 64}
    head["scrypt"] = {"n": 2**40, "r": 8, "p": 1, "salt": "00" * 16}
    data = json.dumps(head).encode() + b"\nTOCSINEV"
    name = "20261123T090000.000000Z-00000000"
    (tmp_path / f"{name}.keys").write_bytes(data)

    with pytest.raises(Unreadable, match="is no archive of keys"):
        archive.read(tmp_path, name, passphrase="x" * 16, sha256=hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize("path", ["/etc/x", "../x", "a/../x", "", ".", "a//b", "a/./b", "a\0b"])
def test_only_paths_below_a_folder_are_paths_of_a_backup(path: str) -> None:
    with pytest.raises(Unreadable):
        manifest.check_path(path)


def test_places_that_are_links_into_each_other_are_seen_through(
    node: Store, wish: Wish, tmp_path
) -> None:
    (tmp_path / "elsewhere").symlink_to(node.path)

    with pytest.raises(Refused, match="lies in the store"):
        backup.make(Wish(**{**vars(wish), "into": tmp_path / "elsewhere" / "data"}))
