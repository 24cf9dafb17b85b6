"""Workers: whether anybody works, and for whom somebody should."""

from collections.abc import Iterator
from datetime import timedelta

from tocsin import __version__
from tocsin.node.doctor.finding import Case, Finding
from tocsin.node.doctor.words import ago, many, named, note, ok, wrong

AREA = "workers"
SEEN = timedelta(minutes=2)
START = "start tocsin worker; see docs/how-to/run-the-worker.md"


def look(case: Case) -> Iterator[Finding]:
    """A worker says every half minute that it is there."""
    from tocsin.office import outbox
    from tocsin.office.models import Worker

    running = Worker.objects.filter(stopped_at=None)
    there = list(running.filter(seen_at__gt=case.at - SEEN))
    gone = list(running.filter(seen_at__lte=case.at - SEEN))
    if not there:
        due = outbox.waiting(case.at).count()
        if due:
            are = many(due, "delivery is", "deliveries are")
            yield wrong(AREA, f"nobody works, and {are} due", f"{START}; or tocsin deliver")
        else:
            yield note(AREA, "nobody works; nothing is due just now", START)
    else:
        yield ok(AREA, f"{many(len(there), 'worker', 'workers')}: {named(w.owner for w in there)}")
    other = [worker.owner for worker in there if worker.version != __version__]
    if other:
        what = f"they run another version than {__version__}: {named(other)}"
        yield wrong(AREA, what, "end them with SIGTERM and start them again")
    for worker in gone[:3]:
        silent = ago(case.at - worker.seen_at)
        what = f"{worker.owner} has said nothing for {silent}; it was killed, or it hangs"
        yield note(AREA, what, "what it held is taken over when its lease ends")
