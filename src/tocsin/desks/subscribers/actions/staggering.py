"""A staggered start: warnings of new findings spread over some days, to see what a warning does.

Each line waits its share of the span, the same each time, drawn from its pseudonym: that is a hash
under a secret of the store, so nobody outside can say who waits for how long, and it has nothing to
do with who the subscriber is. Everybody's wait ends before the span does: nobody stays unwarned.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from tocsin.rules.playbooks import Playbook
from tocsin.words.moments import DAY

NO_WAIT = timedelta()
MOST_DAYS = 7
_LABEL = b"tocsin stag"


@dataclass(frozen=True)
class Stagger:
    """Over how many days first warnings are spread; 0: none waits."""

    days: int = 0

    def wait_of(self, line: int, kind: str, playbook: Playbook) -> timedelta:
        """How long this line's first warning waits: less than the span.

        Nothing waits that a measure protects from: harm goes on meanwhile.
        """
        if not self.days or _has_measure(kind, playbook):
            return NO_WAIT
        span = min(self.days, MOST_DAYS) * DAY // timedelta(microseconds=1)
        return timedelta(microseconds=span * _share(line) >> 64)


NO_STAGGER = Stagger()


def _share(line: int) -> int:
    """64 bits, evenly spread."""
    data = (line % 2**64).to_bytes(8, "big")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8, person=_LABEL).digest(), "big")


def _has_measure(kind: str, playbook: Playbook) -> bool:
    return kind == "infected-system" and any(step.measure is not None for step in playbook.steps)
