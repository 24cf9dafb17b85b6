"""Which report came as which evidence: asked of the desks, which say it in their `apps.py`."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.apps import apps

from tocsin.office import evidence
from tocsin.office.models import Evidence
from tocsin.words.errors import NotFound


@dataclass(frozen=True)
class Reported:
    """A report: its id, the name its file had, the format it was read in ("" if in none)."""

    report: str
    name: str
    format: str


def evidence_named(text: str) -> Evidence:
    """The evidence of a digest (SHA-256) or of a report's id; raises `NotFound`."""
    plain = text.strip().lower().replace("-", "")
    if len(plain) == 32 and (digest := _evidence_of(plain)) is not None:
        return evidence.find(digest)
    if len(plain) == 64:
        return evidence.find(plain)
    raise NotFound(
        f"{text} is neither a report's id (32 digits) nor a digest (64 digits) of evidence on file"
    )


def reports_of(digest: str) -> list[Reported]:
    """Every report that came as this file, oldest first within a desk."""
    return [Reported(*row) for ask in _asked("reports_of_evidence") for row in ask(digest)]


def _evidence_of(report: str) -> str | None:
    try:
        UUID(report)
    except ValueError:
        return None
    return next((digest for ask in _asked("evidence_of_report") if (digest := ask(report))), None)


def _asked(name: str) -> Iterator[Any]:
    """The answer of every desk that has one."""
    for config in apps.get_app_configs():
        if hasattr(config, name):
            yield getattr(config, name)
