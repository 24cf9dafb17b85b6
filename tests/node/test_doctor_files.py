"""The doctor and files: what the database names and is not there, is named."""

import json
from pathlib import Path

import pytest

from tests.node.conftest import OVERLAY, PARTIES, spawn

__all__ = ["spawn"]

REPORT = """\
"timestamp","protocol","src_ip","src_port","src_asn","src_geo","dst_ip","dst_port","infection"
"2026-06-17 01:05:27","tcp","192.0.2.117","15094","64496","BE","203.0.113.250","443","dustloader"
"""


@pytest.fixture
def node(spawn, tmp_path):
    (tmp_path / "event_sinkhole.csv").write_text(REPORT)
    spawn("route", tmp_path / "event_sinkhole.csv", "--parties", PARTIES, "--overlay", OVERLAY)
    spawn("log", "publish")
    store = tmp_path / "tocsin-store"

    def wrong() -> list[str]:
        done = spawn("doctor", "--json")
        rows = json.loads(done.out)
        found = rows["findings"] if isinstance(rows, dict) else rows
        return [row["what"] for row in found if row["state"] == "wrong"]

    return store, wrong


def emptied(folder: Path, pattern: str) -> None:
    for path in folder.rglob(pattern):
        if path.is_file():
            path.unlink()


@pytest.mark.parametrize(
    ("folder", "pattern", "said"),
    [
        ("evidence", "*.aes", "file of evidence are lost"),
        ("window", "*.npy", "of the window are lost"),
        ("keys", "pseudonyms.key", "pseudonyms.key is lost"),
        ("keys/log", "*.key", "the keys of the public log are lost"),
    ],
)
def test_a_file_that_is_lost_is_named(node, folder, pattern, said) -> None:
    store, wrong = node
    before = [what for what in wrong() if said in what]
    emptied(store / folder, pattern)

    assert before == []
    assert [what for what in wrong() if said in what] != []


def test_a_file_of_events_that_was_overwritten_is_named(node) -> None:
    store, wrong = node
    path = next(path for path in (store / "events").rglob("*.parquet"))
    path.write_bytes(b"x" * 64)

    assert [what for what in wrong() if "of events cannot be read" in what] != []
