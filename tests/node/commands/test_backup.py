"""`tocsin backup` and `tocsin restore`: the same node again, on either database."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.conftest import on_database
from tests.node.conftest import PHISH, SAMPLES, SINKHOLE, WITH_PARTIES, Run
from tests.skipping import not_on_this_database
from tocsin.node.store import open_store
from tocsin.office import evidence
from tocsin.office.backup import rows
from tocsin.office.keys import public_text, signing_key
from tocsin.office.models import Evidence, RegisterRow

TO = ("data", "--keys", "keys")
FROM = ("restore", *TO, "--store")
WHY_APART = "tocsin: a backup needs --keys FOLDER"


def contents(store: Path) -> dict[str, list[Any]]:
    """Every table, the names of its columns first; without what backups wrote down themselves."""
    open_store(store)
    return {
        model._meta.label_lower: [
            line
            for line in map(json.loads, rows.lines(model, using="default"))
            if not any(str(value).startswith("office:backup:") for value in line)
        ]
        for model in rows.tables()
    }


def files(store: Path) -> dict[str, bytes]:
    """Every file of a store but its database and locks."""
    return {
        str(path.relative_to(store)): path.read_bytes()
        for path in sorted(store.rglob("*"))
        if path.is_file() and "sqlite3" not in path.name and "lock" not in path.name
    }


@pytest.fixture
def node(tocsin: Run, tmp_path: Path) -> Path:
    """A store with two reports and deliveries, of which those into a blocked folder wait."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "meadow-net").write_text("in the way")
    words = (*WITH_PARTIES, "--store", "node", "--out", "out")
    assert tocsin("route", SINKHOLE, PHISH, *words).code == 7
    (tmp_path / "out" / "meadow-net").unlink()
    return tmp_path / "node"


def test_a_restored_node_is_the_same_node_to_the_row_and_to_the_byte(
    node: Path, tocsin: Run, another, tmp_path: Path
) -> None:
    made = tocsin("backup", *TO, "--store", node)
    rows_then, files_then = contents(node), files(node)

    with on_database(another()):
        done = tocsin(*FROM, "again")
        assert (made.ended, done.ended) == ((0, ""), (0, ""))
        assert contents(tmp_path / "again") == rows_then
        assert files(tmp_path / "again") == files_then
        assert signature(tmp_path / "again") == signature(node)
        last = RegisterRow.objects.latest("pk")
        assert (last.action, last.facts["rows"]) == (
            "office:backup:restore",
            sum(len(lines) - 1 for lines in rows_then.values()),
        )


def signature(store: Path) -> str:
    """The key that parties know this node by."""
    return public_text(signing_key(store / "keys"))


def test_what_was_told_is_told_no_more_and_what_waited_goes_out_once(
    node: Path, tocsin: Run, another, tmp_path: Path
) -> None:
    tocsin("backup", *TO, "--store", node)

    with on_database(another()):
        tocsin(*FROM, "again")
        words = ("--store", "again", "--out", "out", "--json")
        routed = tocsin("route", SINKHOLE, PHISH, *WITH_PARTIES, *words).json
        out = sorted(path.name for path in (tmp_path / "out").rglob("*.manifest.json"))
        tocsin("deliver", *words)
        assert routed["duplicates"] == routed["read"] - routed["quarantined"] > 30
        assert (routed["events"], routed["deliveries"], routed["earlier"]) == (0, [], 0)

        from tocsin.office.models import Delivery

        Delivery.objects.filter(state="ready").update(next_attempt_at="2026-01-01T00:00:00Z")
        first = tocsin("deliver", *words).json
        second = tocsin("deliver", *words).json
        assert [row["party"] for row in first["delivered"]] == ["meadow-net"]
        assert second["delivered"] == []
        assert len(list((tmp_path / "out").rglob("*.manifest.json"))) == len(out) + 1


def test_evidence_opens_in_the_restored_store(
    node: Path, tocsin: Run, another, tmp_path: Path
) -> None:
    tocsin("backup", *TO, "--store", node)

    with on_database(another()):
        tocsin(*FROM, "again")
        digests = list(Evidence.objects.values_list("digest", flat=True))
        kept = [b"".join(evidence.read(d, store_folder=tmp_path / "again")) for d in digests]
    assert sorted(kept) == sorted([SINKHOLE.read_bytes(), PHISH.read_bytes()])


def test_a_row_added_after_a_restore_gets_a_number_of_its_own(
    node: Path, tocsin: Run, another, at
) -> None:
    """PostgreSQL counts apart from its rows."""
    tocsin("backup", *TO, "--store", node)

    with on_database(another()):
        tocsin(*FROM, "again")
        third = SAMPLES / "idf-csv" / "events.csv"
        done = tocsin("route", third, *WITH_PARTIES, "--store", "again", "--out", "out")
    assert done.ended == (0, "")


def test_from_sqlite_to_postgresql_and_back_nothing_changes(
    tocsin: Run, own_database: None, node: Path, postgres_url: str, tmp_path: Path
) -> None:
    if connection.vendor != "sqlite":
        not_on_this_database("the pass on SQLite goes there and back")
    tocsin("backup", *TO, "--store", node)
    before = contents(node)

    with on_database(postgres_url):
        assert tocsin(*FROM, "on-postgres").ended == (0, "")
        there = contents(tmp_path / "on-postgres")
        assert connection.vendor == "postgresql"
        assert tocsin("backup", "data2", "--keys", "keys2", "--store", "on-postgres").code == 0
    back = tocsin("restore", "data2", "--keys", "keys2", "--store", "back")

    assert back.ended == (0, "")
    assert there == before
    assert contents(tmp_path / "back") == before


# ── making ───────────────────────────────────────────────────────────────────────────────


def test_without_a_place_for_the_keys_there_is_no_backup(node, tocsin: Run, tmp_path) -> None:
    done = tocsin("backup", "data", "--store", node)

    assert done.code == 5
    assert done.err.startswith(WHY_APART)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("data", "keys", "why"),
    [
        ("node/backups", "keys", "lies in the store"),
        ("data", "node/keys", "lies in the store"),
        ("data", "data", "would go wherever the backup"),
        ("data", "data/keys", "would go wherever the backup"),
        ("data/inner", "data", "would go wherever the backup"),
    ],
)
def test_data_keys_and_store_must_lie_apart(node, tocsin: Run, data, keys, why) -> None:
    done = tocsin("backup", data, "--keys", keys, "--store", node)

    assert (done.code, why in done.err) == (5, True)


def test_only_its_user_may_read_a_backup_or_its_keys(node, tocsin: Run, tmp_path: Path) -> None:
    tocsin("backup", *TO, "--store", node)

    made = [*(tmp_path / "data").rglob("*"), *(tmp_path / "keys").rglob("*")]
    modes = {(path.is_dir(), oct(path.stat().st_mode & 0o777)) for path in made}
    assert modes == {(True, "0o700"), (False, "0o600")}


def test_the_second_backup_writes_only_what_changed_and_restores_alone(
    node: Path, tocsin: Run, another, tmp_path: Path
) -> None:
    tocsin("backup", *TO, "--store", node)
    third = SAMPLES / "idf-csv" / "events.csv"
    tocsin("route", third, *WITH_PARTIES, "--store", node, "--out", "out")
    second = tocsin("backup", *TO, "--store", node, "--json").json
    then = contents(node)
    first, last = sorted(path.name for path in (tmp_path / "data").iterdir())
    shutil.rmtree(tmp_path / "data" / first)
    (tmp_path / "keys" / f"{first}.keys").unlink()

    assert second["backup"] == last
    assert second["linked"] > 20
    assert 0 < second["written"] < second["linked"]
    with on_database(another()):
        assert tocsin(*FROM, "again").ended == (0, "")
        assert contents(tmp_path / "again") == then


def test_older_keys_go_after_their_days_and_the_newest_never(
    node: Path, tocsin: Run, tmp_path: Path
) -> None:
    from tocsin.office import backup

    for day in (1, 10, 20):
        wish = backup.Wish(
            store_folder=node,
            into=tmp_path / "data",
            keys_into=tmp_path / "keys",
            by="test",
            at=datetime(2026, 10, day, tzinfo=UTC),
            version="0",
            layout=1,
        )
        backup.make(wish)
    words = (*TO, "--store", node, "--json")
    done = tocsin("backup", *words, "--keep-keys", "30", "--keep", "40").json

    days = (
        [name[:8] for name in done["pruned"]["keys"]],
        [name[:8] for name in done["pruned"]["backups"]],
    )
    left = sorted(path.name[:8] for path in (tmp_path / "data").iterdir())
    keys = sorted(path.name[:8] for path in (tmp_path / "keys").iterdir())
    assert days == (["20261001", "20261010", "20261020"], ["20261001", "20261010"])
    assert (left, keys) == (["20261020", done["backup"][:8]], [done["backup"][:8]])
