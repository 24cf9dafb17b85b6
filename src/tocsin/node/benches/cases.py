"""Making cases out of what a run told: `python -m … FOLDER ROWS`.

Two reports of so many rows, routed one after the other as `tocsin route` does. In the first every
network and every case is new; in the second, an hour later, nearly all are seen again and joined.
Measured is the making of cases alone: what comes in is already counted, what goes out is written
in the run's transaction. Prints one JSON object.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tocsin.node.benchdata import write_parties, write_reports
from tocsin.node.store import open_store

AT = datetime(2026, 6, 18, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def measure(folder: Path, rows: int) -> dict[str, Any]:
    """What a row costs in cases, where all are new and where nearly all are there."""
    store = open_store(folder / "store")
    from tocsin.desks.response.actions import Options, opening, route, route_reports
    from tocsin.office.parties import import_parties

    parties = folder / "parties.toml"
    write_parties(parties)
    import_parties(parties.read_text("utf-8"), by="bench", at=AT)
    steps: list[_Step] = []
    metered = _metered(opening.open_cases, steps)
    setattr(route, "open_cases", metered)  # noqa: B010  the one step that is measured
    for seed in (1, 2):
        reports = write_reports(folder, rows, seed=seed)
        route_reports(
            reports,
            store_folder=store.path,
            options=Options(),
            by="bench",
            at=AT + seed * HOUR,
        )
        for path in reports:
            path.unlink()
    return _figures(rows, *steps)


@dataclass(frozen=True)
class _Step:
    """One making of cases: what came of it, and what it cost."""

    made: Any
    seconds: float
    cpu_seconds: float


def _metered(open_cases: Callable[..., Any], steps: list[_Step]) -> Callable[..., Any]:
    """By the clocks of the process: reading its memory meanwhile would cost a part of this."""

    def metered(*words: Any, **named: Any) -> Any:
        wall, cpu = time.perf_counter(), time.process_time()
        made = open_cases(*words, **named)
        steps.append(_Step(made, time.perf_counter() - wall, time.process_time() - cpu))
        return made

    return metered


def _figures(rows: int, new: _Step, again: _Step) -> dict[str, Any]:
    return {
        "bench": "cases",
        "size": rows,
        "seconds": round(new.seconds, 3),
        "cpu_seconds": round(new.cpu_seconds, 3),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "rate_per_second": round(rows / new.seconds),
        "cpu_us_per_item": round(new.cpu_seconds / rows * 1e6, 2),
        "opened": new.made.opened,
        "again_cpu_us_per_item": round(again.cpu_seconds / rows * 1e6, 2),
        "again_opened": again.made.opened,
        "again_joined": again.made.joined,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]))) + "\n")
