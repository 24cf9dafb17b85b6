"""What `tocsin route --send` does, for a process that is given FOLDER, EXECUTOR, ENV and TELL.

It says through TELL which phase begins, and when.
"""

import os
import sys
import time
from pathlib import Path

from tocsin.desks.response.actions import route as action
from tocsin.node.commands.route import hand_over, run_route
from tocsin.node.samples import samples_folder
from tocsin.node.store import open_store

place = Path(globals()["FOLDER"])
tell = globals()["TELL"]
os.environ.update(globals()["ENV"])
# Workers of the pool import the main module, and that of a trial is the test run's.
sys.modules["__main__"].__spec__ = None
sys.modules["__main__"].__dict__.pop("__file__", None)


def begins(phase: str) -> None:
    tell.send((phase, time.monotonic()))


def routing(step: str, _rows: int) -> None:
    if step not in seen:
        seen.append(step)
        begins(step)


def marked_commit(self, totals, *, by):
    begins("commit")
    return commit(self, totals, by=by)


seen: list[str] = []
commit, action.Routing.commit = action.Routing.commit, marked_commit

begins("open")
samples = samples_folder()
opened = open_store(place / "store")
begins("keep")
run_route(
    sorted((samples / "demo").glob("*.csv")),
    opened,
    routing,
    globals()["EXECUTOR"],
    by="test",
    overlay=samples / "networks.csv",
)
begins("hand-over")
hand_over(opened, place / "out", over=None)
begins("end")
