"""How often a token may call: a bucket per token that fills evenly.

Buckets are kept in this process: with several behind one proxy, each counts for itself.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from math import ceil

from django.conf import settings
from django.http import HttpRequest
from ninja.throttling import BaseThrottle

_MOST_KEPT = 10_000  # tokens; whoever called longest ago is forgotten, with a full bucket


class PerToken(BaseThrottle):
    """`settings.API_RATE` calls a minute; as many at once after a minute of silence."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._said = threading.local()

    def allow_request(self, request: HttpRequest) -> bool:
        """Whether there is a call left for the token."""
        most = float(settings.API_RATE)
        rate = most / 60
        viewer = getattr(request, "viewer", None)
        name = getattr(viewer, "name", "")
        now = self._clock()
        with self._lock:
            left, since = self._buckets.pop(name, (most, now))
            left = min(most, left + (now - since) * rate)
            may = left >= 1
            self._buckets[name] = (left - 1 if may else left, now)
            while len(self._buckets) > _MOST_KEPT:
                self._buckets.popitem(last=False)
        self._said.wait = None if may else ceil((1 - left) / rate)
        return may

    def wait(self) -> float | None:
        """Seconds until there is one again."""
        wait: float | None = getattr(self._said, "wait", None)
        return wait
