"""How every area says its findings."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

from tocsin.node.doctor.finding import Finding, State

MOST_NAMED = 5


def ok(area: str, what: str) -> Finding:
    """All is well."""
    return Finding(area, State.OK, what)


def note(area: str, what: str, mend: str = "") -> Finding:
    """Good to know."""
    return Finding(area, State.NOTE, what, mend)


def wrong(area: str, what: str, mend: str) -> Finding:
    """Something does not work."""
    return Finding(area, State.WRONG, what, mend)


def named(names: Iterable[object]) -> str:
    """`a, b, c and 4 more`."""
    found = [str(name) for name in names]
    shown = ", ".join(found[:MOST_NAMED])
    return f"{shown} and {len(found) - MOST_NAMED:,} more" if len(found) > MOST_NAMED else shown


def many(count: int, one: str, several: str) -> str:
    """`1 delivery`, `3 deliveries`."""
    return f"{count:,} {one if count == 1 else several}"


def ago(span: timedelta) -> str:
    """`40 minutes`, `3 hours`, `12 days`."""
    minutes = int(span.total_seconds() // 60)
    if minutes < 120:
        return many(minutes, "minute", "minutes")
    hours = minutes // 60
    return f"{hours:,} hours" if hours < 48 else f"{hours // 24:,} days"


def reasons(texts: Iterable[str]) -> str:
    """The different reasons, the most frequent first, each with how often."""
    found: dict[str, int] = {}
    for text in texts:
        found[text] = found.get(text, 0) + 1
    best: Sequence[tuple[str, int]] = sorted(found.items(), key=lambda item: -item[1])
    said = [f"{text} ({count:,} times)" if count > 1 else text for text, count in best[:3]]
    return "; ".join(said) + ("; …" if len(best) > 3 else "")
