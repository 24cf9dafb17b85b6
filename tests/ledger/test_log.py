"""The log: what is in it stays, what is shown verifies, at any moment and after any crash."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.house.source import REPOSITORY
from tests.ledger.die_at import AT, SIZES, leaves, work
from tests.ledger.keys import LOG, ORIGIN, QUANTUM, WITNESS, signer
from tocsin.ledger.checkpoints import read_body
from tocsin.ledger.keys import Kind
from tocsin.ledger.log import Log
from tocsin.ledger.merkle import check_consistency, check_inclusion, leaf_hash, root_of
from tocsin.ledger.notes import sign
from tocsin.ledger.proofs import check_proof, read_proof
from tocsin.ledger.tiles import bundles_of, read_path, tiles_of
from tocsin.ledger.trust import Span, convince, learn, trust_in
from tocsin.ledger.verify import verify_copy
from tocsin.words.errors import Busy, NotFound, Refused, Unproven, Unusable

ENDS = (0, *accumulate(SIZES))
TRUST = trust_in([LOG.verifier])


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "log")


def grow(log: Log, count: int, signers=(LOG,)):
    """Append so many leaves and publish."""
    log.append(leaves(log.size, count), start=log.size)
    return log.publish(signers=signers, at=AT)


def shown(log: Log) -> list[str]:
    return sorted(
        file.relative_to(log.public).as_posix() for file in log.public.rglob("*") if file.is_file()
    )


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_what_a_web_server_shows_is_a_log_of_tiles(log):
    checkpoint = grow(log, 700)

    assert checkpoint.root == root_of([leaf_hash(leaf) for leaf in leaves(0, 700)])
    assert (checkpoint.origin, checkpoint.size) == (ORIGIN, 700)
    expected = {tile.path for tile in (*tiles_of(700), *bundles_of(700))}
    assert set(shown(log)) == expected | {"checkpoint", "keys"}
    assert read_body(log.note().text) == checkpoint
    assert convince((log.public / "checkpoint").read_bytes(), TRUST).checkpoint == checkpoint


def test_the_same_batch_again_changes_nothing_and_another_is_refused(log):
    log.append(leaves(0, 5), start=0)
    log.append(leaves(5, 3), start=5)
    before = tree(log.folder)
    log.append(leaves(5, 3), start=5)
    log.append(leaves(0, 5), start=0)
    log.append([], start=8)

    assert tree(log.folder) == before
    with pytest.raises(Refused, match="other leaves from 5 on"):
        log.append(leaves(6, 3), start=5)
    with pytest.raises(Refused, match="other leaves from 5 on"):
        log.append(leaves(5, 4), start=5)
    with pytest.raises(Refused, match="has 8 leaves, and the next would be 9"):
        log.append(leaves(9, 1), start=9)
    assert tree(log.folder) == before


def test_a_leaf_is_32_bytes(log):
    for leaf in (b"", bytes(31), bytes(33)):
        with pytest.raises(Unusable, match="a leaf is 32 bytes"):
            log.append([leaf], start=0)
    assert log.size == 0


def test_nothing_is_published_before_the_first_time(log):
    assert (log.note(), log.size, log.spans()) == (None, 0, ())
    with pytest.raises(NotFound, match="published nothing yet"):
        log.published()
    with pytest.raises(NotFound):
        log.leaf(0)


def test_an_empty_log_can_be_published(log):
    checkpoint = log.publish(signers=[LOG], at=AT)

    assert (checkpoint.size, checkpoint.root) == (0, root_of([]))
    assert verify_copy(log.public, TRUST).seen.checkpoint == checkpoint
    assert grow(log, 1).size == 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.integers(0, 400), min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_however_it_grows_it_is_the_same_log(tmp_path_factory, counts, chance):
    log = Log(tmp_path_factory.mktemp("log"))
    heads = [grow(log, count) for count in counts]
    size = heads[-1].size
    hashes = [leaf_hash(leaf) for leaf in leaves(0, size)]

    assert heads[-1].root == root_of(hashes)
    found = verify_copy(log.public, TRUST)
    assert found.seen.checkpoint == heads[-1]
    for head in (row for row in heads if row.size):
        proof = log.consistency(head.size, size)
        roots = {"old_root": head.root, "new_root": heads[-1].root}
        check_consistency(old=head.size, new=size, proof=proof, **roots)
        index = chance.randrange(head.size)
        proof = log.inclusion(index, head.size)
        place = {"index": index, "size": head.size, "root": head.root}
        check_inclusion(**place, leaf=hashes[index], proof=proof)


def test_partial_tiles_stay_until_the_full_one_is_there(log):
    grow(log, 10)
    grow(log, 20)
    assert [path for path in shown(log) if path.startswith("tile/0")] == [
        "tile/0/000.p/10",
        "tile/0/000.p/30",
    ]
    grow(log, 230)

    assert shown(log) == [
        "checkpoint",
        "keys",
        "tile/0/000",
        "tile/0/001.p/4",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/4",
    ]


def test_publishing_again_without_anything_new_changes_nothing(log):
    grow(log, 10)
    before = tree(log.public)
    log.publish(signers=[LOG], at=AT)

    assert tree(log.public) == before


def test_a_proof_file_convinces_offline_and_of_its_own_leaf_alone(log):
    grow(log, 300)
    proof = read_proof(log.proof_file(7, extra=b"for you"))

    assert (proof.index, proof.extra, log.leaf(7)) == (7, b"for you", leaves(7, 1)[0])
    assert check_proof(proof, log.leaf(7), TRUST).checkpoint.size == 300
    with pytest.raises(Unproven, match="leads to another root"):
        check_proof(proof, log.leaf(8), TRUST)
    with pytest.raises(NotFound, match="is not published yet: the log shows 300"):
        log.proof_file(300)


def test_where_leaves_went_can_be_found_again(log):
    grow(log, 10)

    assert log.positions([*leaves(4, 2), bytes(32)], since=3) == {
        leaves(4, 1)[0]: 4,
        leaves(5, 1)[0]: 5,
    }
    assert log.positions(leaves(4, 2), since=10) == {}


# ── what a log must never sign ───────────────────────────────────────────────────────────


def test_a_journal_that_lost_leaves_is_not_published(log):
    grow(log, 10)
    (log.folder / "leaves.bin").unlink()
    with pytest.raises(Unproven, match="10 leaves are published, and the journal has none"):
        log.append(leaves(0, 5), start=0)
    log.journal.append(leaves(0, 5), start=0)

    with pytest.raises(Unproven, match="10 leaves are published, and the journal has 5"):
        log.publish(signers=[LOG], at=AT)


def test_a_journal_with_another_past_is_not_published(log):
    grow(log, 10)
    before = (log.public / "checkpoint").read_bytes()
    (log.folder / "leaves.bin").unlink()
    log.journal.append(leaves(1, 12), start=0)

    with pytest.raises(Unproven, match="does not lead to both roots: two histories"):
        Log(log.folder).publish(signers=[LOG], at=AT)
    assert (log.public / "checkpoint").read_bytes() == before


def test_a_tile_that_somebody_changed_stops_publication(log):
    grow(log, 300)
    path = log.public / "tile/1/000.p/1"
    path.write_bytes(bytes(32))

    with pytest.raises(Unproven):
        grow(Log(log.folder), 300)


def test_a_damaged_journal_is_said_to_be_damaged(log):
    grow(log, 10)
    grow(log, 10)
    path = log.folder / "leaves.bin"
    path.write_bytes(path.read_bytes()[:200])

    with pytest.raises(Unproven, match="is damaged: no batch in it is whole"):
        _ = Log(log.folder).size


def test_two_writers_take_turns(log, monkeypatch):
    from tocsin.ledger import files

    log.append(leaves(0, 1), start=0)
    monkeypatch.setattr(files, "_PATIENCE", 0.05)
    with files.alone(log.folder / "lock"), pytest.raises(Busy, match="is in use"):
        log.append(leaves(1, 1), start=1)


# ── keys ─────────────────────────────────────────────────────────────────────────────────

SECOND = signer(number=2)
HYBRID = signer(kind=Kind.ML_DSA_44)


def test_a_log_is_signed_with_both_kinds_of_keys(log):
    grow(log, 5, signers=[LOG, HYBRID])
    data = (log.public / "checkpoint").read_bytes()

    for key in (LOG, HYBRID):
        assert convince(data, trust_in([key.verifier])).by[0].verifier == key.verifier
        assert verify_copy(log.public, trust_in([key.verifier])).seen.checkpoint.size == 5
    assert log.spans() == (Span(LOG.verifier, 0), Span(HYBRID.verifier, 0))


def test_keys_change_with_an_overlap_and_the_old_one_ends(log):
    grow(log, 5)
    old_proof = read_proof(log.proof_file(3))
    first = (log.public / "checkpoint").read_bytes()
    grow(log, 5, signers=[LOG, SECOND])
    during = (log.public / "checkpoint").read_bytes()
    log.retire(LOG.verifier, signers=[LOG, SECOND], at=AT)
    grow(log, 5, signers=[SECOND])

    assert log.spans() == (Span(LOG.verifier, 0, 10), Span(SECOND.verifier, 10))
    for key in (LOG, SECOND):
        assert convince(during, trust_in([key.verifier])).checkpoint.size == 10
    assert check_proof(old_proof, log.leaf(3), TRUST).checkpoint.size == 5
    found = verify_copy(log.public, trust_in([SECOND.verifier]), since=first)
    assert (found.seen.checkpoint.size, found.since.size) == (15, 5)


def test_a_retired_key_convinces_nobody_of_a_larger_log(log, tmp_path):
    """Stolen after it was retired, it signs a larger log of the thief's own."""
    grow(log, 10, signers=[LOG, SECOND])
    log.retire(LOG.verifier, signers=[LOG, SECOND], at=AT)
    known = learn((log.public / "keys").read_bytes(), TRUST)
    forged = Log(tmp_path / "forged")
    grow(forged, 11)
    data = (forged.public / "checkpoint").read_bytes()

    with pytest.raises(Unproven, match="speaks for sizes 0 to 10"):
        convince(data, known)
    with pytest.raises(Unproven, match="speaks for sizes 0 to 10"):
        verify_copy(forged.public, known)
    with pytest.raises(Unproven, match="signed by"):
        verify_copy(forged.public, trust_in([SECOND.verifier]))


def test_whoever_trusts_the_first_key_learns_the_second_from_the_file(log):
    grow(log, 5, signers=[LOG, SECOND])
    learned = learn((log.public / "keys").read_bytes(), TRUST)

    assert [span.verifier for span in learned.logs] == [LOG.verifier, SECOND.verifier]


def test_a_file_of_keys_that_no_trusted_key_signed_is_refused(log, tmp_path):
    grow(log, 5)
    other = Log(tmp_path / "other")
    grow(other, 5, signers=[SECOND])

    with pytest.raises(Unproven, match="the file of keys of log"):
        learn((other.public / "keys").read_bytes(), TRUST)


def test_a_key_in_force_must_sign_and_a_retired_one_must_not(log):
    grow(log, 5, signers=[LOG, SECOND])
    with pytest.raises(Refused, match="is in force and does not sign"):
        log.publish(signers=[LOG], at=AT)
    log.retire(LOG.verifier, signers=[LOG, SECOND], at=AT)
    with pytest.raises(Refused, match="was retired at size 5"):
        log.publish(signers=[LOG, SECOND], at=AT)
    with pytest.raises(Refused, match="is the last plain Ed25519 key"):
        log.retire(SECOND.verifier, signers=[SECOND], at=AT)


def test_a_log_keeps_its_name_and_has_a_plain_key(log):
    with pytest.raises(Refused, match="plain Ed25519 key"):
        log.publish(signers=[HYBRID], at=AT)
    with pytest.raises(Unusable, match="keys of one name"):
        log.publish(signers=[LOG, WITNESS], at=AT)
    grow(log, 1)
    with pytest.raises(Refused, match=r"is log\.example/tocsin, and the key is one of other"):
        log.publish(signers=[signer("other.example")], at=AT)


def test_cosignatures_stay_under_an_unchanged_checkpoint_and_only_there(log):
    grow(log, 5)
    text = log.note().text
    cosignatures = [sign(text, key, at=AT) for key in (WITNESS, QUANTUM)]

    assert log.cosign(text, cosignatures)
    log.publish(signers=[LOG, SECOND], at=AT)
    assert {row.name for row in log.note().signatures} == {ORIGIN, WITNESS.name}
    assert len(log.note().signatures) == 4
    grow(log, 5, signers=[LOG, SECOND])
    assert not log.cosign(text, cosignatures)
    assert {row.name for row in log.note().signatures} == {ORIGIN}


# ── killed ───────────────────────────────────────────────────────────────────────────────


def check_survivor(folder: Path, safe: int) -> None:
    """What must be true of a log whose process was killed, and that it goes on."""
    log = Log(folder)
    assert log.size >= safe
    assert log.size in ENDS
    assert [log.leaf(n) for n in range(log.size)] == leaves(0, log.size)
    if log.note() is not None:
        assert verify_copy(log.public, TRUST).seen.checkpoint.size in ENDS
    while log.size < ENDS[-1]:
        end = min(end for end in ENDS if end > log.size)
        log.append(leaves(log.size, end - log.size), start=log.size)
    assert log.publish(signers=[LOG], at=AT).size == ENDS[-1]
    assert verify_copy(log.public, TRUST).seen.checkpoint.size == ENDS[-1]
    for path in set(shown(log)) - {"checkpoint", "keys"}:
        read_path(path)


@pytest.fixture
def in_memory() -> Iterator[Path]:
    """A folder whose flushes cost nothing, where there is one: these processes are killed, and
    the machine is not."""
    shared = Path("/dev/shm")
    with TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else None) as folder:
        yield Path(folder)


def test_killed_before_any_change_of_any_file_the_log_verifies_and_goes_on(in_memory):
    subprocess.run(
        [sys.executable, "-m", "tests.ledger.die_at", str(in_memory)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        check=True,
    )
    folders = [path for path in in_memory.iterdir() if path.is_dir()]

    assert len(folders) > 100
    for folder in folders:
        said = folder.with_suffix(".said").read_text().split()
        check_survivor(folder, int(said[-1]) if said else 0)


def test_killed_at_any_time_the_log_verifies_and_goes_on(tmp_path):
    """Twelve processes that write without end, each killed after a random while."""
    source = (
        "import sys; from pathlib import Path; from tests.ledger.die_at import *\n"
        "log = Log(Path(sys.argv[1])); print('ready', flush=True)\n"
        "while True:\n"
        "    start = log.size; log.append(leaves(start, 37), start=start)\n"
        "    print(start + 37, flush=True); log.publish(signers=[LOG], at=AT)\n"
    )
    chance = random.Random(4)
    log, safe = Log(tmp_path / "log"), 0
    for _ in range(12):
        child = subprocess.Popen(
            [sys.executable, "-c", source, str(log.folder)],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0.0, 0.15))
        child.kill()
        said = child.communicate()[0].splitlines()
        safe = int(said[-1]) if said else safe
        assert log.size >= safe
        assert log.size % 37 == 0
        assert [log.leaf(n) for n in range(log.size)] == leaves(0, log.size)
        if log.note() is not None:
            verify_copy(log.public, TRUST)

    assert safe > 100
    assert log.publish(signers=[LOG], at=AT).size == log.size
    assert verify_copy(log.public, TRUST).seen.checkpoint.size == log.size


def test_a_reader_never_meets_a_log_that_does_not_verify(log):
    """Between any two steps of publishing: here, after each of five batches, with old proofs."""
    heads = []
    work(log.folder, lambda size: heads.append(log.note()))

    for note in heads[1:]:
        head = read_body(note.text)
        assert head.size in ENDS
        proof = log.consistency(head.size, ENDS[-1])
        roots = {"old_root": head.root, "new_root": log.published().root}
        check_consistency(old=head.size, new=ENDS[-1], proof=proof, **roots)
