"""The desks there are: one line each; applications, routes and navigation derive from it.

TOCSIN_DESKS  the desks that this node runs, by their names and joined by commas (default: all)

A desk that is not run has no route, no call, no place in the navigation and no job; its tables are
there and empty, so that erasing, retention and backups ask every desk, whatever is run. The ways in
of the response desk are always open: what they bring feeds every desk.
"""

from collections.abc import Iterator

from django.core.exceptions import ImproperlyConfigured

DESKS: tuple[str, ...] = (
    "tocsin.desks.response",
    "tocsin.desks.shield",
    "tocsin.desks.subscribers",
)


def running(text: str) -> tuple[str, ...]:
    """The desks that `text` names, all for ""; raises `ImproperlyConfigured` for an unknown one."""
    wanted = list(_words(text))
    named = {desk.rpartition(".")[2]: desk for desk in DESKS}
    if unknown := [word for word in wanted if word not in named]:
        raise ImproperlyConfigured(
            f"TOCSIN_DESKS: there is no desk {unknown[0][:30]!r}. Possible: {', '.join(named)}"
        )
    if text.strip() and not wanted:
        raise ImproperlyConfigured(f"TOCSIN_DESKS names none. Possible: {', '.join(named)}")
    return tuple(desk for name, desk in named.items() if name in wanted or not wanted)


def _words(text: str) -> Iterator[str]:
    yield from filter(None, (word.strip() for word in text.split(",")))
