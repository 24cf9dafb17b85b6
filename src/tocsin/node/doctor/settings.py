"""The settings: names that nobody reads, values that cannot work."""

import difflib
import os
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from tocsin.node.doctor.finding import Case, Finding
from tocsin.node.doctor.words import note, ok, wrong
from tocsin.words.errors import TocsinError

AREA = "settings"
PREFIX = "TOCSIN_"
_NAME = re.compile(rb"\bTOCSIN_[A-Z_]*[A-Z]\b")
_ALIKE = 0.8


@cache
def known() -> frozenset[str]:
    """Every setting there is: the names in the sources of the room that reads them.

    So none can be forgotten here; docs/reference/settings.md is held to the same list.
    """
    sources = Path(__file__).parents[1].rglob("*.py")
    return frozenset(name.decode() for file in sources for name in _NAME.findall(file.read_bytes()))


def look(case: Case) -> Iterator[Finding]:
    """Typing errors first: the setting that was meant is not set."""
    found = [*_unknown(), *_unworkable(case)]
    count = sum(name in known() for name in os.environ)
    yield from found or [ok(AREA, f"{count} set, all of them known")]


def _unknown() -> Iterator[Finding]:
    for name in sorted(os.environ):
        if not name.startswith(PREFIX) or name in known():
            continue
        alike = difflib.get_close_matches(name, sorted(known()), n=1, cutoff=_ALIKE)
        if alike:
            yield wrong(AREA, f"nobody reads {name}", f"{alike[0]} is its name")
        else:
            yield note(AREA, f"nobody reads {name}", "leave it out; see docs/reference/settings.md")


def _unworkable(case: Case) -> Iterator[Finding]:
    from tocsin.node.channel_settings import channel_settings
    from tocsin.node.identity import read_identity
    from tocsin.node.job_settings import job_settings

    def one(channel: str) -> Callable[[], object]:
        return lambda: channel_settings(case.store, root=case.store.path, over=[channel])

    said = set()
    for read in (read_identity, job_settings, one("mail"), one("webhook")):
        try:
            read()
        except TocsinError as fault:
            said.add(str(fault))
    for text in sorted(said):
        what, _, mend = text.partition(" Possible: ")
        yield wrong(AREA, what.rstrip("."), mend or "correct it; see docs/reference/settings.md")
