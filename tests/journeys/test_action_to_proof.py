"""From an action to a proof that convinces a stranger.

A node routes a report and publishes its log. A journalist's machine holds nothing but a copy of
what is public and the log's key; an auditor is given one row. Both check offline, and a node that
changes its mind afterwards is caught.
"""

import json
import shutil
from pathlib import Path

import pytest

from tests.node.conftest import OVERLAY, PARTIES, spawn

__all__ = ["spawn"]

REPORT = """\
"timestamp","protocol","src_ip","src_port","src_asn","src_geo","dst_ip","dst_port","infection"
"2026-06-17 01:05:27","tcp","192.0.2.117","15094","64496","BE","203.0.113.250","443","dustloader"
"""
NODE = {"TOCSIN_NODE_DOMAIN": "cert.example", "TOCSIN_LOG_INTERVAL": "86400"}


@pytest.fixture
def node(spawn, tmp_path):
    """A node that routed a report and published the day's batch."""
    (tmp_path / "event_sinkhole.csv").write_text(REPORT)
    store = tmp_path / "node"

    def run(*words: object, code: int = 0):
        done = spawn(*words, "--store", store, **NODE)
        assert done.code == code, done.err
        return done

    run("route", tmp_path / "event_sinkhole.csv", "--parties", PARTIES, "--overlay", OVERLAY)
    run("log", "publish")
    return run


@pytest.fixture
def elsewhere(spawn, tmp_path):
    """Another machine: no store, no settings, nothing but the files it was given."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()

    def run(*words: object):
        return spawn(*words, TOCSIN_STORE=str(folder / "no-store"))

    return folder, run


def rows_of(node) -> dict[str, str]:
    """Action to id, as an auditor of the node sees them."""
    rows = json.loads(node("register", "list", "--why", "audit", "--json").out)
    return {row["action"]: row["id"] for row in rows}


def key_of(node) -> str:
    lines = node("log", "keys", "list").out.splitlines()
    return lines[0].split(" ")[0]


def copied(tmp_path: Path, target: Path) -> Path:
    shutil.copytree(tmp_path / "node" / "log" / "public", target)
    return target


def test_what_was_done_is_proved_on_a_machine_that_knows_the_key_alone(
    node, elsewhere, tmp_path
) -> None:
    folder, run = elsewhere
    row = rows_of(node)["response:report:route"]
    node("log", "proof", row, "--out", folder)
    proof, facts = folder / f"{row[:12]}.tlog-proof", folder / f"{row[:12]}.row.json"
    checked = run("log", "verify", proof, "--row", facts, "--key", key_of(node))
    whole = run("log", "verify", copied(tmp_path, folder / "copy"), "--key", key_of(node), "--json")

    assert checked.code == 0, checked.err
    assert "response:report:route" in checked.out
    assert json.loads(facts.read_text())["row"]["facts"]["events"] == 1
    assert (whole.code, json.loads(whole.out)["size"]) == (0, 64)
    assert not (folder / "no-store").exists()


def test_a_fact_that_was_changed_convinces_nobody(node, elsewhere) -> None:
    folder, run = elsewhere
    row = rows_of(node)["response:report:route"]
    node("log", "proof", row, "--out", folder)
    proof, facts = folder / f"{row[:12]}.tlog-proof", folder / f"{row[:12]}.row.json"
    facts.write_text(facts.read_text().replace('"events": 1', '"events": 2'))
    checked = run("log", "verify", proof, "--row", facts, "--key", key_of(node))

    assert checked.code == 9
    assert checked.err == "tocsin: the inclusion proof leads to another root\n"


def test_a_log_that_was_made_anew_is_not_the_one_that_was_kept(node, elsewhere, tmp_path) -> None:
    folder, run = elsewhere
    kept = copied(tmp_path, folder / "kept")
    (tmp_path / "node" / "log").rename(tmp_path / "away")
    refused = node("log", "publish", code=0)  # the slot has its batch: nothing is made anew
    (tmp_path / "away").rename(tmp_path / "node" / "log")
    tampered = copied(tmp_path, folder / "tampered")
    tile = tampered / "tile" / "entries" / "000.p" / "64"
    data = bytearray(tile.read_bytes())
    data[40] ^= 1
    tile.write_bytes(data)
    checked = run("log", "verify", tampered, "--key", key_of(node))
    good = run(
        "log", "verify", copied(tmp_path, folder / "now"), "--key", key_of(node),
        "--since", kept / "checkpoint",
    )  # fmt: skip

    assert "has its batch" in refused.out
    assert checked.code == 9
    assert good.code == 0, good.err


def test_the_public_files_hold_nothing_of_the_report(node, tmp_path) -> None:
    public = b"".join(
        path.read_bytes()
        for path in (tmp_path / "node" / "log" / "public").rglob("*")
        if path.is_file()
    )
    secrets = (b"192.0.2.117", b"meadow", b"dustloader", b"response:report:route", b"command line")

    assert [secret for secret in secrets if secret in public] == []
    assert len(rows_of(node)) == 3


def test_the_facts_of_a_row_are_for_their_owner_alone_in_a_folder_that_is_made(
    node, elsewhere
) -> None:
    folder, _ = elsewhere
    row = rows_of(node)["response:report:route"]
    node("log", "proof", row, "--out", folder / "new" / "proofs")
    made = folder / "new" / "proofs"
    modes = {path.suffix: oct(path.stat().st_mode & 0o777) for path in made.iterdir()}

    assert modes == {".tlog-proof": "0o644", ".json": "0o600"}
    assert oct(made.stat().st_mode & 0o777) == "0o700"
