"""What the public log tells: sizes on a ladder, and nothing else."""

import hashlib
import hmac
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.ledger.die_at import AT
from tests.ledger.keys import LOG
from tocsin.ledger.leaves import canonical, leaf_of, make_key, padded, padded_size
from tocsin.ledger.log import Log
from tocsin.ledger.proofs import check_proof, read_proof
from tocsin.ledger.trust import trust_in
from tocsin.ledger.verify import verify_copy

QUANTUM = 16
TRUST = trust_in([LOG.verifier])


def history(folder: Path, counts: list[int]):
    """A log of so many actions per slot of the schedule; what outside saw after each slot, and
    where the real leaves are."""
    log, seen, real = Log(folder), [], []
    for slot, count in enumerate(counts):
        made = [leaf_of({"what": "a removal order", "number": n}, make_key()) for n in range(count)]
        batch = padded(made, quantum=QUANTUM)
        start = log.size
        log.append(batch.leaves, start=start)
        log.publish(signers=[LOG], at=AT + slot * timedelta(minutes=5))
        real += [start + place for place in batch.positions]
        seen.append(outside(log))
    return log, seen, real


def outside(log: Log) -> dict[str, int]:
    """Names and lengths of everything that is shown; the checkpoint's own size line too."""
    files = [path for path in log.public.rglob("*") if path.is_file()]
    shown = {path.relative_to(log.public).as_posix(): path.stat().st_size for path in files}
    return {**shown, "size": log.published().size}


def same_steps(counts: list[int], chance) -> list[int]:
    """Another history whose padded sizes are equal."""
    other = []
    for count in counts:
        step = padded_size(count, QUANTUM)
        least = 0 if step == QUANTUM else step // 4 + 1
        other.append(chance.randint(least, step))
    return other


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.integers(0, 100), min_size=1, max_size=5),
    st.randoms(use_true_random=False),
)
def test_two_histories_of_equal_padded_sizes_look_the_same(tmp_path_factory, counts, chance):
    other = same_steps(counts, chance)
    first, seen, _ = history(tmp_path_factory.mktemp("a"), counts)
    second, seen_too, _ = history(tmp_path_factory.mktemp("b"), other)

    assert seen == seen_too
    assert first.published().root != second.published().root


def chi_squared(data: bytes) -> float:
    """Of the bytes against even ones; 255 degrees of freedom."""
    counts, even = Counter(data), len(data) / 256
    return sum((counts[value] - even) ** 2 / even for value in range(256))


def test_published_bytes_of_a_busy_and_an_idle_log_are_alike(tmp_path):
    """Every leaf real, against no leaf real: 131,072 bytes each. Fair bytes stay between 165 and
    380 but once in 100,000 times."""
    busy, _, _ = history(tmp_path / "busy", [1024, 1024, 1024, 1024])
    idle = Log(tmp_path / "idle")
    for start in range(0, 4096, 1024):
        idle.append(padded([], quantum=1024).leaves, start=start)

    for log in (busy, idle):
        data = log.journal.read(0, 4096)
        leaves = [data[place : place + 32] for place in range(0, len(data), 32)]
        assert 165 < chi_squared(data) < 380
        assert len(set(leaves)) == len(leaves)


def test_which_leaves_are_real_cannot_be_told(tmp_path):
    """Half of 4,096 leaves are real. Any of these features would tell them, if anything did: the
    mean rank of the real ones is that of chance, within five standard deviations."""
    log, _, real = history(tmp_path, [512] * 4 + [512] * 4)
    size = log.size
    assert (size, len(real)) == (8 * 1024, 4096)
    data = log.journal.read(0, size)
    leaves = [data[place : place + 32] for place in range(0, len(data), 32)]
    features = {
        "place": range(size),
        "place in the batch": [place % 1024 for place in range(size)],
        "value": leaves,
        "first byte": [leaf[0] for leaf in leaves],
        "last byte": [leaf[-1] for leaf in leaves],
        "sum": [sum(leaf) for leaf in leaves],
        "ones": [int.from_bytes(leaf).bit_count() for leaf in leaves],
        "hash": [hashlib.sha256(leaf).digest() for leaf in leaves],
    }
    # Ranks of 4,096 drawn from 8,192 without putting back: variance (N + 1)(N - n) / 12n.
    deviation = ((size + 1) * (size - len(real)) / (12 * len(real))) ** 0.5
    for name, values in features.items():
        order = sorted(range(size), key=lambda n, values=values: (values[n], leaves[n]))
        rank = {n: place for place, n in enumerate(order)}
        mean = sum(rank[n] for n in real) / len(real)
        assert abs(mean - (size - 1) / 2) < 5 * deviation, name


@pytest.fixture
def secret() -> dict:
    return {"action": "access:order:comply", "subject": "someone@meadow-net.example"}


def test_no_trace_of_the_facts_is_shown(tmp_path, secret):
    """Not in clear, not hashed, not under a key that one could guess."""
    log, key = Log(tmp_path), make_key()
    log.append(padded([leaf_of(secret, key)], quantum=QUANTUM).leaves, start=0)
    log.publish(signers=[LOG], at=AT)
    shown = b"".join(path.read_bytes() for path in log.public.rglob("*") if path.is_file())
    facts = canonical(secret)

    assert leaf_of(secret, key) in shown
    assert b"meadow-net" not in shown
    for known in (b"", bytes(32), b"log.example/tocsin", facts):
        assert hmac.digest(known, facts, "sha256") not in shown
    for name in ("sha256", "sha512", "blake2b", "md5", "sha1", "sha3_256"):
        assert hashlib.new(name, facts).digest()[:16] not in shown


def test_after_facts_and_key_are_erased_every_proof_still_holds(tmp_path, secret):
    log, key = Log(tmp_path), make_key()
    batch = padded([leaf_of(secret, key)], quantum=QUANTUM)
    log.append(batch.leaves, start=0)
    log.publish(signers=[LOG], at=AT)
    before = verify_copy(log.public, TRUST).seen
    proofs = [log.proof_file(index) for index in range(log.size)]
    place = batch.positions[0]
    del key, batch  # erased: nothing is left but the public log

    assert verify_copy(log.public, TRUST).seen == before
    for index, data in enumerate(proofs):
        assert check_proof(read_proof(data), log.leaf(index), TRUST).checkpoint.size == log.size
    assert leaf_of(secret, make_key()) != log.leaf(place)
