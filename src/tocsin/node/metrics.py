"""`/metrics` for Prometheus: how much waits, how much failed, who works. Figures of the node alone.

No label names a party, a person or an address. Read from this machine by its own name, or with the
token in the file that TOCSIN_METRICS_TOKEN_FILE names (`Authorization: Bearer …`).
"""

import hmac
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from django.db.models import Count, Min
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import split_domain_port
from django.views.decorators.http import require_safe

from tocsin import __version__
from tocsin.office import deadlines
from tocsin.office.models import Deadline, Delivery, Job, LogBatch, RegisterRow, Run, Worker

_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_HERE = ("127.0.0.1", "::1")
_NAMES = (*_HERE, "localhost")
# What proxies say of themselves (RFC 9110 7.6.3, RFC 7239), and what some are set up to say.
_TOLD = ("HTTP_FORWARDED", "HTTP_VIA", "HTTP_X_REAL_IP", "HTTP_X_CLIENT_IP", "HTTP_TRUE_CLIENT_IP")
_SEEN = timedelta(minutes=2)

Sample = tuple[dict[str, str], float]


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures of this moment; to nobody else it is not there."""
    if not _may_read(request):
        raise Http404
    at = datetime.now(UTC)
    return HttpResponse("".join(_lines(at)), content_type=_TYPE)


def _may_read(request: HttpRequest) -> bool:
    """With a token file, its bearer; without one, this machine itself, not through a proxy."""
    named = os.environ.get("TOCSIN_METRICS_TOKEN_FILE", "")
    if not named:
        return request.META.get("REMOTE_ADDR") in _HERE and not _came_by_a_proxy(request)
    try:
        token = Path(named).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return False
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    return bool(token) and hmac.compare_digest(given.encode(), token.encode())


def _came_by_a_proxy(request: HttpRequest) -> bool:
    """A web server on this machine asks from the same address as its administrator.

    Some of them say so in a header; all of them that speak for a public name ask for that name.
    """
    told = any(name in _TOLD or name.startswith("HTTP_X_FORWARDED_") for name in request.META)
    asked = request.META.get("HTTP_HOST")
    return told or (asked is not None and split_domain_port(asked)[0].strip("[]") not in _NAMES)


def _lines(at: datetime) -> Iterator[str]:
    for name, kind, text, samples in _figures(at):
        yield f"# HELP tocsin_{name} {text}\n# TYPE tocsin_{name} {kind}\n"
        for labels, value in samples:
            named = ",".join(f'{key}="{word}"' for key, word in labels.items())
            yield f"tocsin_{name}{{{named}}} {value:g}\n" if named else f"tocsin_{name} {value:g}\n"


def _figures(at: datetime) -> Iterator[tuple[str, str, str, list[Sample]]]:
    yield "info", "gauge", "The version that runs.", [({"version": __version__}, 1)]
    yield "deliveries", "gauge", "Deliveries by state and channel.", _deliveries()
    oldest = Delivery.objects.filter(state="ready", next_attempt_at__lte=at)
    waits = oldest.aggregate(since=Min("created_at"))["since"]
    age = (at - waits).total_seconds() if waits else 0
    yield "oldest_due_seconds", "gauge", "Age of the oldest delivery that is due.", [({}, age)]
    seen = Worker.objects.filter(seen_at__gte=at - _SEEN, stopped_at=None).count()
    yield "workers", "gauge", "Workers seen within two minutes.", [({}, seen)]
    jobs = Job.objects.order_by("name").values_list("name", "last_error", "next_attempt_at")
    failing: list[Sample] = [({"job": name}, int(bool(error))) for name, error, _ in jobs]
    yield "job_failing", "gauge", "Whether a recurring job failed the last time.", failing
    late = sum(moment < at - timedelta(minutes=5) for _, _, moment in jobs)
    yield "jobs_late", "gauge", "Recurring jobs five minutes late.", [({}, late)]
    running = Deadline.objects.filter(state="ready").count()
    yield "deadlines_running", "gauge", "Clocks that run.", [({}, running)]
    passed = deadlines.overdue(at).count()
    yield "deadlines_overdue", "gauge", "Owed, past its safe date, not done.", [({}, passed)]
    runs = Run.objects.order_by().values_list("state").annotate(number=Count("pk"))
    by_state: list[Sample] = [({"state": state}, count) for state, count in sorted(runs)]
    yield "runs", "gauge", "Runs by state.", by_state
    batch = LogBatch.objects.order_by("-start").first()
    leaves = batch.start + batch.count if batch else 0
    yield "log_leaves", "counter", "Leaves of the public log, padding among them.", [({}, leaves)]
    waiting = RegisterRow.objects.filter(position=None).count()
    yield "log_rows_waiting", "gauge", "Register rows without a place in the log.", [({}, waiting)]


def _deliveries() -> list[Sample]:
    rows = Delivery.objects.order_by().values_list("state", "channel").annotate(number=Count("pk"))
    return [({"state": state, "channel": channel}, n) for state, channel, n in sorted(rows)]
