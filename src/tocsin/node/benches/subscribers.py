"""Whose line it was, measured: `python -m tocsin.node.benches.subscribers FOLDER RECORDS EVENTS`.

A provider with leases of IPv4, blocks of ports of a translator and delegated prefixes, for a
fortnight. The records are imported from Parquet, as `tocsin subscribers import` does, merged into
one sorted run, and asked: all events in one stream, then one question at a time.
"""

import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tocsin.flow.bindings.look_up import Outcome, look_up
from tocsin.flow.bindings.records import Source, bindings, pseudonymised
from tocsin.flow.bindings.runs import Run, merged, write_run, write_sorted
from tocsin.flow.bindings.search import QUESTION, Records
from tocsin.formats.leases import parquet
from tocsin.node.meter import Meter

START = datetime(2026, 11, 1, tzinfo=UTC)
DAYS = 14
LEASE_HOURS = 12
BLOCKS = 16  # lines behind one shared address
PIECE = 5_000_000  # records of one import
SINGLE = 2000
_SECRET = b"benchmark benchmark benchmark 32"
_SOURCE = Source(1)


def measure(folder: Path, records: int, events: int) -> dict[str, Any]:
    """All figures for so many records and events."""
    folder.mkdir(parents=True, exist_ok=True)
    with Meter() as whole:
        sampled = min(records, PIECE)
        leases = _lease_file(folder / "leases.parquet", sampled)
        with Meter() as importing:
            first = _import(leases, folder / "0.bindings.parquet")
        runs = [first, *_more(first, folder, records)]
        with Meter() as merging:
            run = write_sorted(merged(runs), folder / "all.bindings.parquet")
        for one in runs:
            one.path.unlink()
        asked = _questions(events, records)
        known = Records([Run(run.path)], np.array([0, 30_000_000], np.int64))
        with Meter() as asking:
            answers = look_up(asked, known, workers=2)
        single = _single(asked, known)
    count = dict(answers["outcome"].value_counts().iter_rows())
    return {
        "bench": "subscribers",
        "size": events,
        "seconds": round(asking.seconds, 2),
        "cpu_seconds": round(asking.cpu_seconds, 2),
        "peak_mib": round(asking.peak_mib, 1),
        "rate_per_second": round(events / asking.seconds),
        "cpu_us_per_item": round(asking.cpu_seconds / events * 1e6, 2),
        "records": run.rows,
        "store_mib": round(run.path.stat().st_size / 2**20),
        "import_cpu_us_per_record": round(importing.cpu_seconds / sampled * 1e6, 2),
        "import_peak_mib": round(importing.peak_mib, 1),
        "merge_cpu_us_per_record": round(merging.cpu_seconds / run.rows * 1e6, 2),
        "merge_peak_mib": round(merging.peak_mib, 1),
        "whole_peak_mib": round(whole.peak_mib, 1),
        "outcomes": {outcome.name.lower(): count.get(outcome, 0) for outcome in Outcome},
        **single,
    }


def _lease_file(path: Path, rows: int) -> Path:
    """What a provider hands over: Parquet with addresses, names and moments."""
    number = np.arange(rows)
    leases = _spans(number, rows)
    frame = pl.DataFrame(
        {
            "ip": pl.Series(leases["v4"]).cast(pl.UInt32),
            "subscriber": pl.Series(leases["line"]).cast(pl.String).str.zfill(10),
            "at": leases["since"],
            "until": leases["until"],
            "port_first": leases["first"],
            "port_last": leases["last"],
        }
    )
    n = pl.col("ip")
    octets = [n // 16777216, (n // 65536) % 256, (n // 256) % 256, n % 256]
    moment = pl.Datetime("us", "UTC")
    frame.with_columns(
        pl.concat_str(octets, separator=".").alias("ip"),
        ("circuit-" + pl.col("subscriber")).alias("subscriber"),
        pl.col("at", "until").cast(moment),
        pl.when(pl.col("port_last") - pl.col("port_first") < 65535).then(
            pl.col("port_first", "port_last")
        ),
    ).write_parquet(path)
    return path


def _spans(number: np.ndarray, rows: int) -> dict[str, np.ndarray]:
    """The nth of so many spans: half of them leases of whole addresses, half blocks of ports.

    An address is held by one line after the other, `LEASE_HOURS` each, with a little random in
    between; a line comes back to other addresses.
    """
    turns = DAYS * 24 // LEASE_HOURS
    places = max(1, rows // turns)
    place, turn = number % places, number // places
    shared = place % 2 == 1
    v4 = np.where(shared, 0xC6120000 + (place // 2) // BLOCKS, 0x0A000000 + place // 2)
    block = (place // 2) % BLOCKS
    wobble = (number * 2654435761 % 600) * 1_000_000
    base = int(START.timestamp()) * 1_000_000
    since = base + turn * LEASE_HOURS * 3_600_000_000 + wobble
    return {
        "v4": v4.astype(np.uint32),
        "line": (place * 7919 + turn * 104_729) % max(1, places),
        "since": since,
        "until": since + LEASE_HOURS * 3_600_000_000 - 700_000_000,
        "first": np.where(shared, block * 4096, 0).astype(np.uint16),
        "last": np.where(shared, block * 4096 + 4095, 65535).astype(np.uint16),
    }


def _import(path: Path, into: Path) -> Run:
    with path.open("rb") as stream:
        pieces = [
            bindings(pseudonymised(piece.rows, _SECRET), _SOURCE)
            for piece in parquet.FORMAT.read(stream, path.name, "")
        ]
    return write_run(pl.concat(pieces), into)


def _more(first: Run, folder: Path, records: int) -> list[Run]:
    """The same records again for other addresses, until there are enough: made, not imported."""
    rows = pl.concat(list(first.frames()))
    more = []
    for number in range(1, max(1, round(records / len(rows)))):
        moved = rows.with_columns(pl.col("key") + (number << 41))
        more.append(write_run(moved, folder / f"{number}.bindings.parquet"))
    return more


def _questions(events: int, records: int) -> pl.DataFrame:
    """Sightings of addresses that were given out, anywhere in the fortnight."""
    chance = np.random.default_rng(7)
    sampled = min(records, PIECE)
    spans = _spans(chance.integers(0, sampled, events), sampled)
    copies = max(1, round(records / sampled))
    moved = spans["v4"].astype(np.int64) + (chance.integers(0, copies, events) << 24)
    has_port = chance.random(events) > 0.1
    port = spans["first"] + chance.integers(0, 4096, events)
    seen = spans["since"] + chance.integers(0, LEASE_HOURS * 3_600_000_000, events)
    return pl.DataFrame(
        {
            "realm": np.zeros(events, np.uint16),
            "v4": (moved & 0xFFFFFFFF).astype(np.uint32),
            "high": None,
            "low": None,
            "port": pl.Series(port.astype(np.uint16)).set(pl.Series(~has_port), None),
            "protocol": np.full(events, 6, np.uint8),
            "at": seen,
            "slack": np.zeros(events, np.int64),
        },
        schema=QUESTION,
    )


def _single(asked: pl.DataFrame, known: Records) -> dict[str, float]:
    """One question at a time, warm: what a person waits for, without the page around it."""
    some = min(SINGLE, len(asked))
    look_up(asked[:50], known)
    spent = []
    before = time.process_time()
    for number in range(some):
        started = time.perf_counter()
        look_up(asked[number : number + 1], known)
        spent.append(time.perf_counter() - started)
    cpu = (time.process_time() - before) / some
    return {
        "single_p50_ms": round(float(np.percentile(spent, 50)) * 1000, 2),
        "single_p95_ms": round(float(np.percentile(spent, 95)) * 1000, 2),
        "single_cpu_ms": round(cpu * 1000, 2),
    }


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))  # noqa: T201
