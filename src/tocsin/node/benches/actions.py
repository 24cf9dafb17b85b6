"""Actions with their register row through the database: `python -m … FOLDER ACTIONS`.

Each action is a transaction of its own on SQLite as a node uses it (WAL, synchronous=FULL): typed
facts checked, the leaf's key drawn, the row written, committed to the disk. Then the rows get
their places in the log, in one batch. Prints one JSON object.
"""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tocsin.node.meter import Meter
from tocsin.node.store import open_store

AT = datetime(2026, 1, 1, tzinfo=UTC)
TOGETHER = 100


def measure(folder: Path, actions: int) -> dict[str, Any]:
    """What an action costs alone, together with others in one transaction, and to sequence."""
    store = open_store(folder / "store")
    from tocsin.office import publiclog

    with Meter() as alone:
        _act(actions, at_once=1)
    with Meter() as together:
        _act(actions, at_once=TOGETHER)
    with Meter() as sequencing:
        made = publiclog.publish_due(
            store_folder=store.path,
            schedule=publiclog.Schedule(),
            origin="bench.example/log",
            by="bench",
            at=AT,
        )
    rows = 2 * actions
    return {
        "actions": actions,
        "actions_together": TOGETHER,
        "actions_per_second": round(actions / alone.seconds),
        "actions_cpu_us": round(alone.cpu_seconds / actions * 1e6, 1),
        "actions_together_per_second": round(actions / together.seconds),
        "actions_together_cpu_us": round(together.cpu_seconds / actions * 1e6, 1),
        "sequencing_rows": rows,
        "sequencing_leaves": made.size if made else 0,
        "sequencing_cpu_us": round(sequencing.cpu_seconds / rows * 1e6, 1),
    }


def _act(actions: int, *, at_once: int) -> None:
    from django.db import transaction

    from tocsin.office import register

    for start in range(0, actions, at_once):
        with transaction.atomic():
            for number in range(start, min(start + at_once, actions)):
                register.record(
                    action="office:receipt:add",
                    actor="bench",
                    at=AT,
                    facts={"kind": "acted", "by": f"p{number}", "party": f"p{number}"},
                )


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]))) + "\n")
