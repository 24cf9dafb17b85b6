"""RPSL: the split files of the regional registries (RFC 2622; RIPE Database documentation).

An object is a run of `attribute: value` lines up to an empty line; a line that begins with a
blank, a tab or `+` continues the one before; `#` begins a comment, a line with `%` or `#` at
its start is one. Files are UTF-8 or Latin-1, object by object.

Who answers for a network (`inetnum`, `inet6num`, `aut-num`): its own `abuse-c`, or the incident
team of its `mnt-irt` (as APNIC and AFRINIC have it), or the `abuse-c` of its organisation; each
leads to an `abuse-mailbox`. A network that names nobody gives nothing: the one around it answers
by being around it.

The files are read twice, first for roles, teams and organisations, which are held in memory,
then for networks, which are not.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import BinaryIO

from tocsin.formats.contact import (
    Claim,
    Dated,
    Flaw,
    Found,
    NotUsable,
    Source,
    asn_of,
    country_or_none,
    language_or_none,
    one_line,
    prefix_of,
    shown,
)
from tocsin.rules.contacts import is_holderless
from tocsin.words.errors import Unreadable
from tocsin.words.relations import RemitKind

Files = Callable[[], Iterator[tuple[str, BinaryIO]]]  # name and stream of each file, from the top

LONGEST_LINE = 64 * 1024
LONGEST_VALUE = 64 * 1024  # of one attribute with all its continuations
MOST_VALUES = 1000  # of the attributes we keep, in one object

_NETWORKS = {"inetnum": prefix_of, "inet6num": prefix_of, "aut-num": asn_of}
_HANDLES = frozenset({"role", "person", "irt", "organisation"})
_WANTED = frozenset(
    "nic-hdl irt organisation abuse-mailbox abuse-c mnt-irt org org-name as-name netname "
    "country language last-modified source".split()
)
_NAME = re.compile(rb"\*?[a-z0-9-]{2,40}")


@dataclass(slots=True)
class Entry:
    """The attributes of one object that matter here; names in lower case."""

    kind: str
    key: str
    line: int
    values: dict[str, list[str]] = field(default_factory=dict)

    def first(self, name: str) -> str:
        """The first value of an attribute, or ""."""
        return self.values.get(name, [""])[0]


@dataclass(frozen=True, slots=True)
class _Organisation:
    name: str
    abuse: tuple[str, ...]  # handle of its role, in capitals
    mailboxes: tuple[str, ...]
    country: str
    language: str


@dataclass
class _Handles:
    """The role table: whom an `abuse-c`, a `mnt-irt`, an `org` leads to."""

    mailboxes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    organisations: dict[str, _Organisation] = field(default_factory=dict)
    sources: dict[tuple[tuple[str, ...], str, str, str], Source] = field(default_factory=dict)

    def source(self, emails: tuple[str, ...], name: str, country: str, language: str) -> Source:
        """The same object for the same contents, so that a million networks share it."""
        key = (emails, name, country, language)
        return self.sources.setdefault(key, Source(emails, name, country, language))


def read_rpsl(files: Files, *, registry: str) -> Iterator[Found]:
    """Claims of all files together, which may refer to each other; `registry` such as `ripe`.

    Raises `Unreadable` for a file in which no object can be found.
    """
    handles, latest = _Handles(), ""
    for name, stream in files():
        for entry in _entries(stream, name, _HANDLES):
            if isinstance(entry, Flaw):
                yield entry
                continue
            latest = max(latest, entry.first("last-modified")[:10])
            _learn(entry, handles)
    for name, stream in files():
        for entry in _entries(stream, name, frozenset(_NETWORKS), stray=True):
            if isinstance(entry, Flaw):
                yield entry
                continue
            latest = max(latest, entry.first("last-modified")[:10])
            yield from _claims(entry, handles, registry, name)
    with suppress(ValueError):
        yield Dated(date.fromisoformat(latest))


def _learn(entry: Entry, handles: _Handles) -> None:
    mailboxes = tuple(one_line(text, longest=320) for text in entry.values.get("abuse-mailbox", ()))
    if entry.kind == "organisation":
        handles.organisations[entry.key.upper()] = _Organisation(
            one_line(entry.first("org-name")),
            tuple(text.upper() for text in entry.values.get("abuse-c", ())),
            mailboxes,
            country_or_none(entry.first("country")),
            language_or_none(entry.first("language")),
        )
    elif mailboxes:
        handle = entry.key if entry.kind == "irt" else entry.first("nic-hdl")
        handles.mailboxes[handle.upper()] = mailboxes


def _claims(entry: Entry, handles: _Handles, registry: str, file: str) -> Iterator[Found]:
    said = entry.first("source").partition("-")[0].lower()  # RIPE-NONAUTH is kept by RIPE
    if said and said != registry:
        yield Flaw(file, entry.line, f"is of {shown(said)} and not of {registry}")
        return
    if is_holderless(entry.first("netname")):
        return
    organisation = handles.organisations.get(entry.first("org").upper())
    try:
        emails = _emails(entry, handles, organisation)
        if not emails:
            return
        value = _NETWORKS[entry.kind](entry.key)
    except NotUsable as fault:
        yield Flaw(file, entry.line, str(fault))
        return
    source = handles.source(
        emails,
        (organisation and organisation.name)
        or one_line(entry.first("netname") or entry.first("as-name")),
        (organisation and organisation.country) or country_or_none(entry.first("country")),
        (organisation and organisation.language) or language_or_none(entry.first("language")),
    )
    kind = RemitKind.ASN if entry.kind == "aut-num" else RemitKind.PREFIX
    yield Claim(kind, value, source, file, entry.line)


def _emails(entry: Entry, handles: _Handles, organisation: _Organisation | None) -> tuple[str, ...]:
    """The mailboxes of whoever answers; raises `NotUsable` where the one named is not there."""
    inherited = organisation.abuse if organisation else ()
    for named in (
        entry.values.get("abuse-c", ()),
        entry.values.get("mnt-irt", ()),
        inherited,
    ):
        found = tuple(box for handle in named for box in handles.mailboxes.get(handle.upper(), ()))
        if found:
            return found
    if organisation and organisation.mailboxes:
        return organisation.mailboxes
    missing = [*entry.values.get("abuse-c", ()), *inherited]
    if missing:
        raise NotUsable(
            f"{entry.kind} {shown(entry.key)} leads to {shown(missing[0])}, and no file has an "
            "abuse-mailbox for that"
        )
    return ()


# ── objects out of lines ─────────────────────────────────────────────────────────────────


def _entries(
    stream: BinaryIO, name: str, kinds: frozenset[str], *, stray: bool = False
) -> Iterator[Entry | Flaw]:
    """Objects of some kinds and a flaw for each of them that cannot be read.

    With `stray`, also a flaw for each run of lines that begins like no object at all.
    """
    objects = 0
    reader = _Reader(name, kinds, stray=stray)
    for number, line in enumerate(_lines(stream), start=1):
        done = reader.feed(number, line)
        if done is not None:
            yield done
        objects += reader.began
    done = reader.end()
    if done is not None:
        yield done
    if not objects + reader.began:
        raise Unreadable(
            f"{name}, line 1: no object of a registry in it. Possible: a split file such as "
            "ripe.db.inetnum.gz, plain or gzip"
        )


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Lines without their end; of one that is too long, its beginning and a NUL."""
    while line := stream.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
            while (rest := stream.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
                pass
            line = line[:100] + b"\0"
        yield line.rstrip(b"\r\n")


class _Reader:
    """Puts lines together to objects, one at a time."""

    def __init__(self, file: str, kinds: frozenset[str], *, stray: bool) -> None:
        self._file = file
        self._stray = stray
        self._kinds = kinds
        self._entry: Entry | None = None
        self._raw: dict[str, list[bytes]] = {}
        self._last: list[bytes] | None = None  # where a continuation goes
        self._flaw: Flaw | None = None
        self._skipping = False
        self.began = False  # whether the last line began an object

    def feed(self, number: int, line: bytes) -> Entry | Flaw | None:
        """What an empty line ends; nothing for any other line."""
        self.began = False
        if not line.strip():
            return self.end()
        if self._skipping or line[0] in b"%#":
            return None
        if line[0] in b" \t+":
            self._continue(number, line)
        else:
            self._attribute(number, line)
        return None

    def end(self) -> Entry | Flaw | None:
        """The object that was under way, if there was one of the wanted kinds."""
        entry, flaw, raw = self._entry, self._flaw, self._raw
        self._entry, self._flaw, self._raw, self._last = None, None, {}, None
        self._skipping = self.began = False
        if flaw is not None and (entry is not None or self._stray):
            return flaw
        if flaw is not None or entry is None:
            return None
        entry.values = {name: [_text(value) for value in values] for name, values in raw.items()}
        return entry

    def _attribute(self, number: int, line: bytes) -> None:
        name, colon, value = line.partition(b":")
        name = name.rstrip().lower()
        if not colon or not _NAME.fullmatch(name) or b"\0" in line:
            self._spoil(number, "is no `attribute: value` line, or is over 64 KiB long")
            return
        word = name.removeprefix(b"*").decode("ascii")
        if self._entry is None:
            self.began = True
            self._begin(number, word, value)
        self._last = None
        if self._entry is not None and word in _WANTED:
            self._keep(number, word, _bare(value))

    def _begin(self, number: int, word: str, value: bytes) -> None:
        if word in self._kinds:
            self._entry = Entry(word, _text(_bare(value)), number)
        else:
            self._skipping = True

    def _keep(self, number: int, word: str, value: bytes) -> None:
        values = self._raw.setdefault(word, [])
        if len(values) >= MOST_VALUES:
            self._spoil(number, f"has over {MOST_VALUES} values for {word}")
        elif value:
            values.append(value)
            self._last = values
        if not values:
            del self._raw[word]

    def _continue(self, number: int, line: bytes) -> None:
        if self._entry is None:
            self._spoil(number, "continues nothing")
        elif self._last is not None:
            more = _bare(line[1:])
            if len(self._last[-1]) + len(more) > LONGEST_VALUE:
                self._spoil(number, "has a value over 64 KiB long")
            else:
                self._last[-1] = (self._last[-1] + b" " + more).strip()

    def _spoil(self, number: int, reason: str) -> None:
        """The object cannot be used; what follows up to the next empty line belongs to it."""
        self._flaw = Flaw(self._file, number, reason)
        self._skipping = True


def _bare(value: bytes) -> bytes:
    return value.partition(b"#")[0].strip()


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")
