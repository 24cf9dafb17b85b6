"""Lists of names and addresses that others publish, line by line, whatever form they have.

    1,bank.example                      ranked sites, the most visited first
    bank.example  .bank.example         names, one a line; with all below it (Squid)
    0.0.0.0 evil.example                hosts files
    ||evil.example^  |https://x/|       filters of content blockers
    evil.example 30 IN CNAME .          response policy zones, RFC 1035 master files
    https://evil.example/pay            addresses
    domain,brand,words                  CSV with a header that names its columns
    {"listings": [{"value": …}]}        the list of another node of this kind, as JSON

Each line is read by itself, so that a file that mixes them is read as well. What is no name and no
address is counted with its line; exceptions (`@@`, `rpz-passthru`) are left out.
"""

import csv
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tocsin.flow.urls import read_host, read_url
from tocsin.words.errors import NotFound, Unreadable

LONGEST_LINE = 16 * 1024
LARGEST_JSON = 512 * 1024 * 1024
_PLAIN = re.compile(
    r"(?=[^.]{1,63}\.)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z][a-z0-9-]{1,62}\Z"
)
_JSON = re.compile(rb"\{|\[\s*[{\"]")  # and not [Adblock Plus 2.0]
_COMMENT = ("#", "!", ";", "//", "[", "$", "@")
_ADDRESS = re.compile(r"(?:0\.0\.0\.0|127\.0\.0\.1|::1?|0:0:0:0:0:0:0:[01])\s+(\S+)\s*(?:#.*)?\Z")
_RANKED = re.compile(r"[0-9]{1,9}[,;\t]\s*([^,;\t]+)\s*\Z")
_FILTER = re.compile(r"\|\|([^/^$*|]+)\^?(?:\$[^/]*)?\Z")
_FILTER_URL = re.compile(r"\|(https?://[^|]+?)\|?(?:\$[^/|]*)?\Z")
_ZONE = re.compile(
    r"(\S+)\s+(?:[0-9]+\s+)?(?:IN\s+)?(CNAME|A|AAAA|SOA|NS|TXT)\s+(\S+)", re.IGNORECASE
)
_LOCAL = frozenset(("localhost", "localhost.localdomain", "local", "broadcasthost"))
_NAMED = ("domain", "name", "host", "hostname", "url", "value", "site")
_HEAD = 64 * 1024


@dataclass(frozen=True, slots=True)
class Listed:
    """One entry: a name in ASCII, or an address in one spelling. `brand` and `words` out of CSV."""

    value: str
    is_url: bool = False
    brand: str = ""
    words: str = ""


@dataclass(frozen=True)
class Flaw:
    """A line that is no entry, and why."""

    line: int
    why: str


Item = Listed | Flaw


def read_list(path: Path) -> Iterator[Item]:
    """Every entry of a file; raises `NotFound`, `Unreadable`."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except FileNotFoundError:
        raise NotFound(f"there is no file {path}") from None
    except OSError as fault:
        raise Unreadable(f"{path}: {fault.strerror}") from fault
    if head.startswith((b"\x1f\x8b", b"PK\x03\x04")):
        raise Unreadable(f"{path.name} is packed. Possible: unpack it first")
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if _JSON.match(text):
        yield from _of_json(path)
    elif columns := _header(text):
        yield from _of_csv(path, columns)
    else:
        yield from _of_lines(path)


def _of_lines(path: Path) -> Iterator[Item]:
    origin = ""
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(_bounded(file.readline), start=1):
            text = line.strip().removeprefix("\ufeff")
            if _PLAIN.match(text):  # nearly all lines of nearly all lists
                yield Listed(text)
                continue
            if text[:7].upper() == "$ORIGIN":
                origin = text[7:].strip().strip(".").lower()
            if not text or text.startswith(_COMMENT):
                continue
            yield from _entry(text, number, origin)


def _bounded(readline: Callable[[int], str]) -> Iterator[str]:
    """Lines, of which the rest beyond a limit is a line of its own, and no entry."""
    while line := readline(LONGEST_LINE):
        yield line


def _entry(text: str, number: int, origin: str) -> Iterator[Item]:
    """What stands on one line."""
    if found := _ADDRESS.match(text):
        if found[1].lower() not in _LOCAL:
            yield _name(found[1], number)
    elif found := _RANKED.match(text):
        yield _name(found[1], number)
    elif found := _FILTER_URL.match(text):
        yield _url(found[1], number)
    elif found := _FILTER.match(text):
        yield _name(found[1], number)
    elif found := _ZONE.match(text):
        yield from _of_zone(found[1], found[2].upper(), found[3], origin, number)
    elif "://" in text:
        yield _url(text.split(maxsplit=1)[0], number)
    else:
        yield _name(text.split(maxsplit=1)[0].lstrip("*."), number)


def _of_zone(owner: str, kind: str, target: str, origin: str, number: int) -> Iterator[Item]:
    """A record of a response policy zone; what passes, and what is no name, is none."""
    if kind in ("SOA", "NS", "TXT") or owner == "@" or "rpz-" in target.lower():
        return
    name = owner.lower().removeprefix("*.")
    if name.endswith("."):
        name = name.rstrip(".").removesuffix(f".{origin}" if origin else "")
    if ".rpz-" in f".{name}" or "." not in name:
        return
    yield _name(name, number)


def _name(text: str, number: int, *, brand: str = "", words: str = "") -> Item:
    if any("\ud800" <= char <= "\udfff" for char in text):
        return Flaw(number, f"{text[:60]!a} holds half a character")
    try:
        name, is_address = read_host(text.strip().strip('"').removesuffix("."))
    except Unreadable:
        return Flaw(number, f"{text[:60]!a} is no name")
    if is_address:
        return Listed(f"http://{f'[{name}]' if ':' in name else name}/", is_url=True)
    if "." not in name:
        return Flaw(number, f"{text[:60]!a} is no name of a site")
    return Listed(name, brand=brand, words=words)


def _url(text: str, number: int) -> Item:
    try:
        return Listed(read_url(text).text, is_url=True)
    except Unreadable:
        return Flaw(number, f"{text[:60]!a} is no address")


# ── with columns ─────────────────────────────────────────────────────────────────────────


def _header(head: bytes) -> dict[str, int] | None:
    """Which column is what, where the first line names them; None where it is an entry."""
    first = head.split(b"\n", 1)[0].decode("utf-8", "replace").strip().lower()
    names = [part.strip().strip('"') for part in first.split(",")]
    if not any(name in _NAMED for name in names):
        return None
    return {name: at for at, name in reversed(list(enumerate(names)))}


def _of_csv(path: Path, columns: dict[str, int]) -> Iterator[Item]:
    where = next(columns[name] for name in ("value", *_NAMED) if name in columns)
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        rows = csv.reader(_bounded(file.readline))
        next(rows, None)
        while True:
            try:
                row = next(rows, None)
            except csv.Error as fault:
                yield Flaw(rows.line_num, str(fault))
                continue
            if row is None:
                return
            if row and len(row) > where and row[where].strip():
                yield _cell(row, where, columns, rows.line_num)


def _cell(row: list[str], where: int, columns: dict[str, int], number: int) -> Item:
    value = row[where].strip().lstrip("'")

    def said(name: str) -> str:
        at = columns.get(name, len(row))
        return row[at].strip() if at < len(row) else ""

    if "://" in value:
        return _url(value, number)
    return _name(value, number, brand=said("brand")[:100], words=said("words")[:200])


def _of_json(path: Path) -> Iterator[Item]:
    """The list of another node (`formats.blocklists`), or an array of objects or texts."""
    if path.stat().st_size > LARGEST_JSON:
        raise Unreadable(f"{path.name}: JSON over 512 MiB. Possible: the same as CSV")
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as fault:
        raise Unreadable(f"{path.name} is not JSON: {fault}") from None
    rows = found.get("listings") if isinstance(found, dict) else found
    if not isinstance(rows, list):
        raise Unreadable(
            f"{path.name} holds no listings. Possible: the JSON list of a node, not a delta"
        )
    for number, row in enumerate(rows, start=1):
        value = row.get("value") if isinstance(row, dict) else row
        if not isinstance(value, str) or not value.strip():
            yield Flaw(number, "no value")
        else:
            yield _url(value, number) if "://" in value else _name(value, number)
