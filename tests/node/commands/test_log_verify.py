"""`tocsin log verify`: what it says of copies and proofs, and how it refuses."""

import json
import shutil
from pathlib import Path

import pytest

from tests.ledger.die_at import AT, leaves
from tests.ledger.keys import LOG, QUANTUM, WITNESS, signer
from tocsin.ledger.leaves import Row
from tocsin.ledger.log import Log
from tocsin.ledger.notes import sign

ROW = Row({"action": "content:order:comply", "number": 7, "party": None}, bytes(range(32)))
KEY = LOG.verifier.vkey
UNWITNESSED = (
    "No witness was asked for (--policy): without one, a log could show others another history."
)


@pytest.fixture
def log(tmp_path: Path) -> Log:
    """A log of 300 leaves, the row of above at 5, copied to `copy/`; its proof and row file."""
    made = Log(tmp_path / "log")
    made.append([*leaves(0, 5), ROW.leaf, *leaves(6, 4)], start=0)
    made.publish(signers=[LOG], at=AT)
    shutil.copy(made.public / "checkpoint", tmp_path / "kept")
    made.append(leaves(10, 290), start=10)
    made.publish(signers=[LOG], at=AT)
    made.cosign(
        made.note().text, [sign(made.note().text, key, at=AT) for key in (WITNESS, QUANTUM)]
    )
    shutil.copytree(made.public, tmp_path / "copy")
    (tmp_path / "row.tlog-proof").write_bytes(made.proof_file(5))
    (tmp_path / "row.json").write_bytes(ROW.data)
    (tmp_path / "policy").write_text(
        f"log {KEY}\nwitness one {WITNESS.verifier.vkey}\nquorum one\n", encoding="utf-8"
    )
    return made


def test_a_copy_is_said_to_hold_in_sentences(tocsin, log) -> None:
    done = tocsin("log", "verify", "copy", "--key", KEY)
    key_id = LOG.verifier.key_id.hex()

    assert done.ended == (0, "")
    assert done.out.splitlines() == [
        f"log.example/tocsin has 300 leaves; its root is {log.published().root.hex()}.",
        "Every file holds: 2 of entries, 3 of hashes.",
        f"Signed by log.example/tocsin (Ed25519, key {key_id}).",
        UNWITNESSED,
    ]


def test_the_past_and_the_witness_are_said_too(tocsin, log) -> None:
    done = tocsin("log", "verify", "log", "--policy", "policy", "--since", "kept")

    assert done.ended == (0, "")
    assert (
        "It begins with the log of 10 leaves that you kept: nothing in it was changed or taken out "
        "since." in done.out
    )
    assert (
        f"Seen by witness.example/one (Ed25519 cosignature, key {WITNESS.verifier.key_id.hex()}) "
        "at 2026-11-23T09:00:00Z." in done.out
    )


def test_a_proof_and_its_row_are_said_in_sentences(tocsin, log) -> None:
    done = tocsin("log", "verify", "row.tlog-proof", "--row", "row.json", "--key", KEY)

    assert done.ended == (0, "")
    assert done.out.splitlines()[:5] == [
        "The row is leaf 5 of log.example/tocsin, which had 300 leaves then:",
        "  action: content:order:comply",
        "  number: 7",
        "  party: null",
        "It stands in the log exactly so; a row with any other fact would not.",
    ]


def test_machines_get_one_object(tocsin, log) -> None:
    copy = tocsin("log", "verify", "copy", "--policy", "policy", "--since", "kept", "--json").json
    proof = ("log", "verify", "row.tlog-proof", "--row", "row.json")
    row = tocsin(*proof, "--key", KEY, "--json").json

    assert copy == {
        "origin": "log.example/tocsin",
        "size": 300,
        "root": log.published().root.hex(),
        "signed_by": [KEY],
        "seen_by": [{"witness": WITNESS.verifier.vkey, "at": "2026-11-23T09:00:00Z"}],
        "tiles": 3,
        "bundles": 2,
        "since": 10,
    }
    assert (row["index"], row["row"], row["size"], row["seen_by"]) == (5, ROW.facts, 300, [])


def test_a_row_with_another_fact_is_not_in_the_log(tocsin, log, tmp_path) -> None:
    facts = json.loads((tmp_path / "row.json").read_text())
    facts["row"]["number"] = 8
    (tmp_path / "row.json").write_text(json.dumps(facts))

    done = tocsin("log", "verify", "row.tlog-proof", "--row", "row.json", "--key", KEY)
    assert done.ended == (9, "tocsin: the inclusion proof leads to another root\n")


def test_a_changed_copy_ends_with_9(tocsin, log, tmp_path) -> None:
    path = tmp_path / "copy" / "tile" / "entries" / "000"
    path.write_bytes(path.read_bytes()[:-1] + b"x")

    done = tocsin("log", "verify", "copy", "--key", KEY)
    assert done.ended == (9, "tocsin: entry 255 is not what its tile says\n")


def test_a_quorum_that_is_not_met_ends_with_9(tocsin, log, tmp_path) -> None:
    (tmp_path / "policy").write_text(
        f"log {KEY}\nwitness two {signer('w', WITNESS.kind).verifier.vkey}\nquorum two\n"
    )

    done = tocsin("log", "verify", "copy", "--policy", "policy")
    assert done.code == 9
    assert "was seen by no witness, and the policy asks for two" in done.err


def test_keys_may_come_from_a_file_with_their_sizes(tocsin, log, tmp_path) -> None:
    (tmp_path / "keys.txt").write_text(f"{KEY} 0 10\n")
    verify = ("log", "verify")

    assert tocsin(*verify, "copy", "--key", "keys.txt").code == 9
    assert tocsin(*verify, "copy", "--key", "copy/keys").code == 0
    (tmp_path / "keys.txt").write_text(f"{KEY}\n\n")
    assert tocsin(*verify, "copy", "--key", "keys.txt").code == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["copy"], 2, "nothing shows anything without a key that you trust"),
        (["copy", "--key", "x"], 3, "no key: it is name+id+key"),
        (["copy", "--key", "x" * 5000], 3, "no key"),
        (["copy", "--key", "\x00"], 3, "no key"),
        (["copy", "--key", "copy"], 3, "no key"),
        (["copy", "--key", "row.json"], 3, "no key"),
        (["copy", "--key", "latin"], 3, "not UTF-8"),
        (["copy", "--policy", "none"], 4, "none is not there"),
        (["copy", "--policy", "copy"], 2, "is a folder"),
        (["copy", "--policy", "row.json"], 3, "policy, line 1"),
        (["copy", "--key", KEY, "--row", "row.json"], 2, "--row goes with a .tlog-proof"),
        (["copy", "--key", KEY, "--since", "row.json"], 3, "no signed note"),
        (["row.tlog-proof", "--key", KEY], 2, "which came with the proof"),
        (["row.tlog-proof", "--key", KEY, "--since", "kept"], 2, "--since goes with the copy"),
        (["row.tlog-proof", "--key", KEY, "--row", "kept"], 3, "no row file"),
        (["row.json", "--key", KEY, "--row", "row.json"], 3, "no proof"),
        (["nothing", "--key", KEY], 4, "nothing is not there"),
        (["empty", "--key", KEY], 4, "the folder that is shown as /log/"),
    ],
)
@pytest.mark.usefixtures("log")
def test_what_cannot_be_checked_is_said(tocsin, tmp_path, words, code, said) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "latin").write_bytes(b"\xe9")
    done = tocsin("log", "verify", *words)

    assert (done.code, done.out) == (code, "")
    assert said in done.err


def test_facts_of_a_row_cannot_steer_a_terminal(tocsin, tmp_path) -> None:
    row = Row({"\x1b[31mname": "\x1b]0;title\x07", "list": ["\x1b"]}, bytes(32))
    log = Log(tmp_path / "log")
    log.append([row.leaf], start=0)
    log.publish(signers=[LOG], at=AT)
    (tmp_path / "p").write_bytes(log.proof_file(0))
    (tmp_path / "r").write_bytes(row.data)

    done = tocsin("log", "verify", "p", "--row", "r", "--key", KEY)
    assert done.code == 0
    assert all(c.isprintable() or c == "\n" for c in done.out)
