"""Whom a person who checks the log trusts: keys and a policy, from the command line."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from tocsin.ledger.checkpoints import read_number
from tocsin.ledger.keys import read_vkey
from tocsin.ledger.notes import read_note
from tocsin.ledger.policy import read_policy
from tocsin.ledger.trust import FIRST_LINE, Span, Trust, read_spans
from tocsin.words.errors import NotFound, Unreadable, Unusable

_LONGEST = 2 * 1024 * 1024  # more than any of these files may have

Keys = Annotated[
    list[str] | None,
    typer.Option("--key", help="Key of the log, or a file of keys kept; may be given twice."),
]
PolicyFile = Annotated[
    Path | None, typer.Option("--policy", help="Logs, witnesses and quorum (C2SP tlog-policy).")
]


def read_trust(keys: list[str] | None, policy: Path | None) -> Trust:
    """What the options say; raises `Unusable` where nobody is trusted."""
    spans = tuple(span for text in keys or () for span in _spans(text))
    found = read_policy(read_named(policy)) if policy else None
    trust = Trust(spans, found)
    if not trust.logs:
        raise Unusable(
            "nothing shows anything without a key that you trust. Possible: --key KEY, or --policy "
            "FILE with a line `log KEY`; ask the log's operator for it, not the place the copy "
            "came from"
        )
    return trust


def _spans(text: str) -> tuple[Span, ...]:
    """A key for every size, or the keys of a file with their sizes."""
    path = Path(text)
    try:
        is_file = path.is_file()
    except (OSError, ValueError):  # a key of ML-DSA-44 is longer than names of files are
        is_file = False
    if not is_file:
        return (Span(read_vkey(text)),)
    data = read_named(path)
    if data.startswith(FIRST_LINE.encode()):
        return read_spans(read_note(data))[1]
    try:
        lines = [line.split() for line in data.decode().splitlines()]
    except UnicodeDecodeError:
        raise Unreadable(f"{path} is no file of keys: it is not UTF-8") from None
    return tuple(_span(words) for words in lines if words)


def _span(words: list[str]) -> Span:
    span = Span(read_vkey(words[0]))
    if len(words) == 1:
        return span
    if len(words) != 3:
        raise Unreadable("a file of keys has lines `KEY`, or `KEY FIRST LAST`")
    until = None if words[2] == "-" else read_number(words[2], name="the last size")
    return replace(span, since=read_number(words[1], name="the first size"), until=until)


def read_named(path: Path) -> bytes:
    """A file that an option names; raises `NotFound` and `Unusable`."""
    try:
        with path.open("rb") as file:
            return file.read(_LONGEST)
    except FileNotFoundError:
        raise NotFound(f"{path} is not there") from None
    except IsADirectoryError:
        raise Unusable(f"{path} is a folder, and a file is wanted") from None
