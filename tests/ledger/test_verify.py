"""Copies and proofs on another machine: what holds is shown, whatever was changed is found."""

import os
import shutil
from base64 import b64encode
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ledger.die_at import AT, leaves
from tests.ledger.keys import LOG, WITNESS, signer
from tocsin.ledger.log import Log
from tocsin.ledger.notes import read_note, sign
from tocsin.ledger.policy import read_policy
from tocsin.ledger.proofs import Proof, check_proof, read_proof
from tocsin.ledger.trust import Trust, convince, learn, read_spans, trust_in
from tocsin.ledger.verify import verify_copy
from tocsin.words.errors import NotFound, Unproven, Unreadable, Unusable

TRUST = trust_in([LOG.verifier])


def grow(log: Log, count: int, first: int | None = None) -> bytes:
    start = log.size
    log.append(leaves(start if first is None else first, count), start=start)
    log.publish(signers=[LOG], at=AT)
    return log.note().data


@pytest.fixture(scope="module")
def grown(tmp_path_factory) -> Log:
    """Sizes 10, 700 and 700 + 65,536: three levels of tiles."""
    log = Log(tmp_path_factory.mktemp("grown") / "log")
    for count in (10, 690, 65_536):
        grow(log, count)
    return log


def test_a_copy_is_checked_to_the_last_file(grown):
    found = verify_copy(grown.public, TRUST)
    files = [path for path in grown.public.rglob("*") if path.is_file()]

    assert found.seen.checkpoint.size == 66_236
    assert found.tiles + found.bundles == len(files) - 2
    assert found.since is None


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_one_changed_byte_in_any_file_is_found(tmp_path_factory, data):
    log = Log(tmp_path_factory.mktemp("small"))
    grow(log, 10)
    grow(log, 300)
    files = sorted(path for path in log.public.rglob("*") if path.is_file())
    path = data.draw(st.sampled_from(files))
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(bytes(content))

    with pytest.raises((Unproven, Unreadable)):
        verify_copy(log.public, TRUST)


def test_a_missing_file_is_named(tmp_path):
    log = Log(tmp_path)
    grow(log, 300)
    (log.public / "tile/0/001.p/44").unlink()

    with pytest.raises(NotFound, match=r"tile/0/001 is not there, and the checkpoint needs it"):
        verify_copy(log.public, TRUST)
    with pytest.raises(NotFound, match="the folder that is shown as /log/"):
        verify_copy(tmp_path, TRUST)


def test_a_copy_made_while_the_log_was_published_verifies(tmp_path):
    """The checkpoint was copied first; tiles of the next one lie there already."""
    log = Log(tmp_path / "log")
    first = grow(log, 10)
    grow(log, 5)
    copy = tmp_path / "copy"
    shutil.copytree(log.public, copy)
    (copy / "checkpoint").write_bytes(first)

    assert verify_copy(copy, TRUST).seen.checkpoint.size == 10


def test_the_past_is_compared_with_what_somebody_kept(tmp_path, grown):
    log = Log(tmp_path / "log")
    kept = grow(log, 10)
    grow(log, 300)
    other = Log(tmp_path / "other")
    grow(other, 310, first=5)
    larger = grow(other, 10)

    assert verify_copy(log.public, TRUST, since=kept).since.size == 10
    with pytest.raises(Unproven, match="two histories: the first 10 leaves"):
        verify_copy(other.public, TRUST, since=kept)
    with pytest.raises(Unproven, match="rolled back: it showed 320 leaves, and now it shows 310"):
        verify_copy(log.public, TRUST, since=larger)
    forged = kept.replace(b"log.example", b"log.forged")
    with pytest.raises(Unproven, match="no signature by a key that is trusted"):
        verify_copy(log.public, TRUST, since=forged)


def test_without_any_key_nothing_is_believed(grown):
    with pytest.raises(Unusable, match="no key of the log is known"):
        convince(grown.note().data, Trust())
    with pytest.raises(Unproven):
        verify_copy(grown.public, trust_in([signer("other.example").verifier]))


def test_a_key_of_another_log_does_not_speak_for_this_one(grown):
    """A key that is trusted for one origin signs a checkpoint of another: no use."""
    other = signer("other.example")
    text = grown.note().text
    data = f"{text}\n{sign(text, other, at=AT).line}".encode()

    with pytest.raises(Unproven, match="no signature by a key that is trusted"):
        convince(data, trust_in([other.verifier, LOG.verifier]))


def test_witnesses_alone_make_no_checkpoint(grown):
    text = grown.note().text
    data = f"{text}\n{sign(text, WITNESS, at=AT).line}".encode()
    lines = f"log {LOG.verifier.vkey}\nwitness w {WITNESS.verifier.vkey}\nquorum w\n"

    with pytest.raises(Unproven, match="signed by no key of that log"):
        convince(data, Trust(policy=read_policy(lines.encode())))


# ── proofs ───────────────────────────────────────────────────────────────────────────────


def test_a_proof_is_written_as_the_specification_says(grown):
    lines = grown.proof_file(9, extra=b"x").decode().split("\n")

    assert lines[:3] == ["c2sp.org/tlog-proof@v1", f"extra {b64encode(b'x').decode()}", "index 9"]
    assert lines[20:22] == ["", "log.example/tocsin"]
    assert len(lines[3:20]) == 17


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_one_changed_byte_in_a_proof_is_found(grown, data):
    whole = bytearray(grown.proof_file(9))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))

    with pytest.raises((Unproven, Unreadable)):
        check_proof(read_proof(bytes(whole)), grown.leaf(9), TRUST)


HASH = b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    "head",
    [
        "",
        "c2sp.org/tlog-proof@v2\nindex 0",
        "c2sp.org/tlog-proof@v1",
        "c2sp.org/tlog-proof@v1\nindex 00",
        "c2sp.org/tlog-proof@v1\nindex -1",
        "c2sp.org/tlog-proof@v1\nindex 0\nextra eA==",
        "c2sp.org/tlog-proof@v1\nextra x\nindex 0",
        "c2sp.org/tlog-proof@v1\nindex 0\nAAAA",
        f"c2sp.org/tlog-proof@v1\nindex 0\n{HASH[:-1]}",
        "c2sp.org/tlog-proof@v1\nindex 0" + f"\n{HASH}" * 64,
        "c2sp.org/tlog-proof@v1\r\nindex 0",
    ],
)
def test_what_is_no_proof_is_unreadable(head, grown):
    with pytest.raises(Unreadable):
        read_proof(head.encode() + b"\n\n" + grown.note().data)


def test_a_proof_without_a_checkpoint_is_unreadable():
    with pytest.raises(Unreadable):
        read_proof(b"c2sp.org/tlog-proof@v1\nindex 0\n\nno note")
    with pytest.raises(Unreadable, match="at most"):
        read_proof(b"x" * 2_000_000)


def test_a_proof_is_read_as_it_is_written(grown):
    for proof in (Proof(0, (), grown.note().data), Proof(7, (bytes(32),), grown.note().data, b"e")):
        assert read_proof(proof.data) == proof


# ── the file of keys ─────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        "tocsin/log-keys/v1\nlog.example/tocsin\n",
        "tocsin/log-keys/v2\nlog.example/tocsin\nKEY 0 -\n",
        "tocsin/log-keys/v1\nlog.example/tocsin\nKEY 0\n",
        "tocsin/log-keys/v1\nlog.example/tocsin\nKEY x -\n",
        "tocsin/log-keys/v1\nlog.example/tocsin\nKEY 0 -1\n",
        "tocsin/log-keys/v1\nother.example\nKEY 0 -\n",
        "tocsin/log-keys/v1\nlog.example/tocsin\nnokey 0 -\n",
    ],
)
def test_what_is_no_file_of_keys_is_unreadable(text, at):
    text = text.replace("KEY", LOG.verifier.vkey)
    note = read_note(f"{text}\n{sign(text, LOG, at=at).line}".encode())

    with pytest.raises(Unreadable):
        read_spans(note)


def test_a_key_never_gains_sizes_that_it_was_not_given(tmp_path):
    """The thief of a retired key signs a file that says it is in force; who kept the old one
    believes what it said."""
    log = Log(tmp_path / "log")
    grow(log, 10)
    second = signer(number=2)
    log.publish(signers=[LOG, second], at=AT)
    log.retire(LOG.verifier, signers=[LOG, second], at=AT)
    known = learn((log.public / "keys").read_bytes(), TRUST)
    thief = Log(tmp_path / "thief")
    grow(thief, 20)

    again = learn((thief.public / "keys").read_bytes(), known)
    assert {span.verifier: (span.since, span.until) for span in again.logs} == {
        LOG.verifier: (0, 10),
        second.verifier: (10, None),
    }
    with pytest.raises(Unproven, match="speaks for sizes 0 to 10"):
        verify_copy(thief.public, known)


def test_paths_that_are_no_tiles_are_not_followed(tmp_path):
    log = Log(tmp_path / "log")
    grow(log, 10)
    (log.public / "tile/0/strange").write_text("x")

    with pytest.raises(Unreadable, match="no path of a tile"):
        verify_copy(Path(log.public), TRUST)


def test_what_is_no_file_in_a_copy_holds_nobody_up(tmp_path):
    """A pipe that nobody writes to, and a file that is larger than any memory."""
    log = Log(tmp_path / "log")
    grow(log, 10)
    path = log.public / "tile/0/000.p/10"
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(Unreadable, match="has 0 bytes"):
        verify_copy(log.public, TRUST)
    path.unlink()
    path.touch()
    os.truncate(path, 1 << 40)
    with pytest.raises(Unreadable, match="10 hashes have 320"):
        verify_copy(log.public, TRUST)
