"""The public log, measured: `python -m tocsin.node.benches.log FOLDER LEAVES` prints one object.

In a process of its own that loads the ledger and nothing else. Appends are durable (one flush
each), proofs are made and checked over the published log. Actions with their register row through
the database are not part of this.
"""

import json
import os
import random
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tocsin.ledger.keys import Kind, has_ml_dsa, make_signer
from tocsin.ledger.leaves import LEAF
from tocsin.ledger.log import Log
from tocsin.ledger.merkle import check_inclusion, leaf_hash
from tocsin.ledger.trust import trust_in
from tocsin.ledger.verify import verify_copy
from tocsin.node.meter import Meter

BATCH, SLOT = 1000, 64
SINGLE, COLD, WARM = 2000, 500, 20_000
AT = datetime(2026, 1, 1, tzinfo=UTC)
NAME = "bench.example/log"


def measure(folder: Path, leaves: int) -> dict[str, Any]:
    """All figures of a log of so many leaves."""
    signers = [make_signer(NAME, Kind.ED25519, secrets.token_bytes(32))]
    if has_ml_dsa():
        signers.append(make_signer(NAME, Kind.ML_DSA_44, secrets.token_bytes(32)))
    log, started = Log(folder), time.perf_counter()
    with Meter() as whole:
        with Meter() as appending:
            spent = _append(log, leaves, BATCH)
        published, _ = _timed(lambda: log.publish(signers=signers, at=AT))
        proofs = _prove(log, leaves)
        bare = _bare_flushes(folder)
        single = _append(log, min(SINGLE, leaves), 1)
        _append(log, SLOT, SLOT)
        slot, _ = _timed(lambda: log.publish(signers=signers, at=AT))
        verified, _ = _timed(lambda: verify_copy(log.public, trust_in([signers[0].verifier])))
    return {
        "bench": "log",
        "size": leaves,
        "seconds": round(spent, 2),
        "cpu_seconds": round(appending.cpu_seconds, 2),
        "peak_mib": round(whole.peak_mib, 1),
        "rate_per_second": round(leaves / spent),
        "cpu_us_per_item": round(appending.cpu_seconds / leaves * 1e6, 2),
        "batch": BATCH,
        "single_per_second": round(min(SINGLE, leaves) / single),
        "bare_flushes_per_second": bare,
        **proofs,
        "publish_all_seconds": round(published, 2),
        "publish_slot_seconds": round(slot, 4),
        "verify_copy_seconds": round(verified, 2),
        "whole_seconds": round(time.perf_counter() - started, 1),
    }


def _append(log: Log, leaves: int, batch: int) -> float:
    """Seconds inside `append`; making random leaves is not counted."""
    spent, start, end = 0.0, log.size, log.size + leaves
    while start < end:
        data = secrets.token_bytes(min(batch, end - start) * LEAF)
        rows = [data[at : at + LEAF] for at in range(0, len(data), LEAF)]
        took, _ = _timed(lambda rows=rows, at=start: log.append(rows, start=at))  # type: ignore[misc]
        spent, start = spent + took, start + len(rows)
    return spent


def _bare_flushes(folder: Path) -> int:
    """What the disk itself gives at this moment: 32 bytes more and a flush, and nothing else."""
    path = folder / "bare"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def flush(number: int) -> None:
        os.pwrite(descriptor, bytes(LEAF), number * LEAF)
        os.fdatasync(descriptor)

    try:
        return _rate(flush, range(COLD))
    finally:
        os.close(descriptor)
        path.unlink()


def _prove(log: Log, size: int) -> dict[str, float]:
    """Proofs a second and what each costs: with nothing in memory, with all; checking."""
    chance = random.Random(1)  # noqa: S311  # which leaves are proved
    some = [chance.randrange(size) for _ in range(WARM)]
    cold = _speed("inclusion_cold", lambda at: Log(log.folder).inclusion(at, size), some[:COLD])
    for at in some:
        log.inclusion(at, size)
    warm = _speed("inclusion_warm", lambda at: log.inclusion(at, size), some)
    root = log.published().root
    proved = [(at, leaf_hash(log.leaf(at)), log.inclusion(at, size)) for at in some[:2000]]
    checking = _speed(
        "check",
        lambda row: check_inclusion(index=row[0], size=size, leaf=row[1], proof=row[2], root=root),
        proved,
    )
    olds = [1 + at for at in some[:COLD]]
    consistency = _speed("consistency", lambda old: log.consistency(old, size), olds)
    return {**cold, **warm, **checking, **consistency}


def _speed(name: str, do: Callable[[Any], object], items: Sequence[Any]) -> dict[str, float]:
    """How many a second, and CPU microseconds of one: the second is the machine's alone."""
    before = time.process_time()
    rate = _rate(do, items)
    cpu = (time.process_time() - before) / len(items) * 1e6
    return {f"{name}_per_second": rate, f"{name}_cpu_us": round(cpu, 1)}


def _rate(do: Callable[[Any], object], items: Sequence[Any]) -> int:
    took, _ = _timed(lambda: [do(item) for item in items])
    return round(len(items) / took)


def _timed(do: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    made = do()
    return time.perf_counter() - started, made


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]))) + "\n")
