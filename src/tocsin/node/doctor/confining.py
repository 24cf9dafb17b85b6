"""What reads the bytes of strangers (the fetcher, the reader of letters), and what keeps it in."""

from collections.abc import Iterator

from tocsin.node.doctor.finding import Case, Finding
from tocsin.node.doctor.words import note, ok
from tocsin.words.confinement import Held, offered

AREA = "confinement"
_READERS = "what reads pictures and pages of strangers"
_MEND = (
    "a kernel with Landlock (5.13), and namespaces: sysctl user.max_user_namespaces, "
    "RestrictNamespaces=user net; until then a user of its own for the worker"
)


def look(_case: Case) -> Iterator[Finding]:
    """Tried out as this user, in a process that ends with it."""
    held = offered()
    if held.missing:
        what = (
            f"{_READERS} is not kept from {' and '.join(held.missing)}. What holds: {_said(held)}"
        )
        yield note(AREA, what, _MEND)
    else:
        yield ok(AREA, f"{_READERS}: {_said(held)}")


def _said(held: Held) -> str:
    """What is confined, in words."""
    words = ["limits of time and memory"]
    words += ["as nobody"] if held.user else []
    words += ["no new privileges"] if held.privileges else []
    words += [f"no files but programs (Landlock {held.files})"] if held.files else []
    words += ["no network for letters"] if held.network else []
    return ", ".join(words)
