"""Which report came as which evidence: asked of the desks, which say it in their `apps.py`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.apps import apps

from tocsin.office import evidence
from tocsin.office.models import Evidence
from tocsin.words.errors import NotFound, Unusable

SHORTEST_ID = 6
MOST_NAMED = 20  # of those that begin alike, so many are told apart


@dataclass(frozen=True)
class Reported:
    """A report: its id, the name its file had, the format it was read in ("" if in none)."""

    report: str
    name: str
    format: str


def evidence_named(text: str) -> Evidence:
    """The evidence of a digest (SHA-256) or of a report's id, or of the beginning of one.

    Raises `NotFound`, and `Unusable` for a beginning that is too short or of several.
    """
    wanted = text.strip().lower().replace("-", "")
    if len(wanted) == 64:
        return evidence.find(wanted)
    if not SHORTEST_ID <= len(wanted) < 64 or not set(wanted) <= set("0123456789abcdef"):
        raise Unusable(
            f"{text!r} is no name of evidence. Possible: its digest or the id of its report, or at "
            f"least {SHORTEST_ID} of the first digits, as tocsin evidence list shows them"
        )
    named = _by_report(wanted)
    found = {named[wanted]} if wanted in named else {*named.values(), *_by_digest(wanted)}
    if not found:
        raise NotFound(f"no evidence and no report begins with {text}")
    if len(found) > 1:
        some = ", ".join(sorted(digest[: len(wanted) + 6] + "…" for digest in found)[:3])
        raise Unusable(
            f"{text} is the beginning of more than one: evidence {some}. Possible: more digits"
        )
    return evidence.find(found.pop())


def _by_digest(beginning: str) -> list[str]:
    found = Evidence.objects.filter(digest__startswith=beginning).order_by("digest")
    return list(found.values_list("digest", flat=True)[:MOST_NAMED])


def _by_report(beginning: str) -> dict[str, str]:
    """Ids of reports that begin so, with the digest of what they came as; some of them."""
    if len(beginning) > 32:
        return {}
    low, high = (UUID(beginning.ljust(32, end)) for end in "0f")
    asked = _asked("evidence_of_reports")
    return {report: digest for ask in asked for report, digest in ask(low, high, MOST_NAMED)}


def reports_of(digest: str) -> list[Reported]:
    """Every report that came as this file, oldest first within a desk."""
    return [Reported(*row) for ask in _asked("reports_of_evidence") for row in ask(digest)]


def _asked(name: str) -> Iterator[Any]:
    """The answer of every desk that has one."""
    for config in apps.get_app_configs():
        if hasattr(config, name):
            yield getattr(config, name)
