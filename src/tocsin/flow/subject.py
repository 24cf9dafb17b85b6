"""Whose data it is: what an erasure looks for, in tables, in bytes and in texts.

Looked for is the value, not its spelling: `192.0.2.7` is also `192[.]0[.]2[.]7`, `192-0-2-7`,
`192.000.002.007`, `::ffff:c000:207` and `7.2.0.192.in-addr.arpa`; `2001:db8::7` is also
`2001:0DB8:0:0:0:0:0:7` and `2001%3Adb8%3A%3A7`. A search for a few literal pieces (Aho-Corasick,
in Polars) finds the candidates, a reader of addresses decides. What only contains the value is
not it: `192.0.2.77`, or the network `192.0.2.0/24` where one address in it is meant.
"""

import json
import re
import socket
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv6Address
from itertools import product

import polars as pl

from tocsin.flow.addresses import as_range, parse_ip, range_text
from tocsin.words.errors import Unusable

GONE = "[erased]"
Span = tuple[int, int]

# Wider than a provider gives one customer: a slip of the hand, or no person at all.
WIDEST = {4: 16, 6: 32}
SHORTEST_ACCOUNT = 3


class Subject(ABC):
    """Something to look for; `values` are its canonical spellings."""

    kind: str
    values: tuple[str, ...]
    patterns: tuple[str, ...]

    @abstractmethod
    def confirm(self, text: str, at: int) -> Span | None:
        """The value that the pattern found at `at` belongs to, if it is the one looked for."""

    def spans(self, text: str) -> list[Span]:
        """Where the value stands in a text, in order; bytes are looked through as Latin-1."""
        return self._confirmed(text, self._candidates(pl.Series([text]))[0])

    def spans_in(self, data: bytes) -> list[Span]:
        """Where the value stands in bytes, as offsets into them."""
        return self.spans(data.decode("latin-1"))

    def scrub(self, text: str) -> str:
        """The text with the value taken out."""
        for start, end in reversed(self.spans(text)):
            text = text[:start] + GONE + text[end:]
        return text

    def column(self, values: pl.Series) -> pl.Series:
        """Bool per value of a String or Binary column: whether the value stands in it."""
        if values.dtype == pl.Binary:
            values = pl.Series([None if v is None else v.decode("latin-1") for v in values])
        none = pl.Series([False]).new_from_index(0, len(values))
        if values.dtype != pl.String or values.null_count() == len(values):
            return none
        likely = values.str.contains_any(list(self.patterns), ascii_case_insensitive=True)
        found = self.among(values.filter(likely.fill_null(value=False)).unique())
        return values.is_in(found).fill_null(value=False) if found else none

    def among(self, texts: pl.Series) -> list[str]:
        """Those of the texts that the value stands in."""
        pairs = zip(texts.to_list(), self._candidates(texts), strict=True)
        return [text for text, candidates in pairs if self._confirmed(text, candidates)]

    def rows(self, table: pl.DataFrame) -> pl.Series:
        """Bool per row: whether the value stands in any text or bytes of it."""
        hit = pl.Series([False]).new_from_index(0, len(table))
        for column in table:
            if column.dtype in (pl.String, pl.Binary):
                hit |= self.column(column)
        return hit

    def _confirmed(self, text: str, candidates: list[int]) -> list[Span]:
        found = {span for at in candidates if (span := self.confirm(text, at))}
        return _merged(sorted(found))

    def _candidates(self, texts: pl.Series) -> list[list[int]]:
        """Per text, the offsets at which a pattern stands, whatever the case."""
        # One `?` per character that is not ASCII makes offsets into text and bytes the same.
        plain = texts.str.replace_all(r"[^\x00-\x7F]", "?")
        ascii_ones = [pattern for pattern in self.patterns if pattern.isascii()]
        found = plain.str.find_many(ascii_ones, ascii_case_insensitive=True, overlapping=True)
        others = [re.escape(p) for p in self.patterns if not p.isascii()]
        if not others:
            return [sorted(set(offsets)) for offsets in found.to_list()]
        written = re.compile("|".join(others), re.IGNORECASE)
        return [
            sorted({*offsets, *(match.start() for match in written.finditer(text))})
            for text, offsets in zip(texts.to_list(), found.to_list(), strict=True)
        ]


def _merged(spans: list[Span]) -> list[Span]:
    """`::ffff:192.0.2.7` is found as a whole and in part."""
    merged: list[Span] = []
    for start, end in spans:
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


# ── addresses ────────────────────────────────────────────────────────────────────────────

_V4 = re.compile(
    r"(?<![0-9])(?<![0-9]\.)([0-9]{1,3})(\.|-|_|\[\.\]|\(\.\))"
    r"([0-9]{1,3})\2([0-9]{1,3})\2([0-9]{1,3})(?![0-9])(?!\.[0-9])(?:/([0-9]{1,2})(?![0-9]))?"
)
_REVERSED = re.compile(r"(?<![0-9.])((?:[0-9]{1,3}\.){4})in-addr\.arpa", re.IGNORECASE)
_NIBBLES = re.compile(r"(?<![0-9a-f.])((?:[0-9a-f]\.){32})ip6\.arpa", re.IGNORECASE)
_V6 = re.compile(r"(?:[0-9A-Fa-f:.]|%3[Aa])+")
_V6_BEFORE = re.compile(r"(?:[0-9A-Fa-f:.]|%3[Aa])+$")
_COLON = re.compile("%3a", re.IGNORECASE)
_LENGTH = re.compile(r"/([0-9]{1,3})(?![0-9])")
_AROUND = 80  # longer than any spelling of one address


@dataclass(frozen=True)
class Addresses(Subject):
    """Addresses and networks of either version, as (version, first, last)."""

    ranges: tuple[tuple[int, int, int], ...]
    kind = "address"

    @cached_property
    def values(self) -> tuple[str, ...]:  # type: ignore[override]
        """As they are written: 192.0.2.7, 2001:db8::/48."""
        return tuple(_written(span) for span in self.ranges)

    @cached_property
    def patterns(self) -> tuple[str, ...]:  # type: ignore[override]
        """What every spelling of one of them begins with, or has in it."""
        return tuple(sorted({text for span in self.ranges for text in _patterns(*span)}))

    def confirm(self, text: str, at: int) -> Span | None:
        """An address or network at this place that lies inside one of the ranges."""
        match = _V4.match(text, at)
        if match and self._has(4, *_v4_range(text, match)):
            return match.span()
        for read in (_reversed_name, _v6_range):
            found = read(text, at)
            if found is not None and self._has(*found[1]):
                return found[0]
        return None

    def among(self, texts: pl.Series) -> list[str]:
        """Texts that are addresses and nothing else are read all at once."""
        read = parse_ip(texts)
        mine = [
            text
            for text, ip in zip(texts.to_list(), read["ip"].to_list(), strict=True)
            if ip is not None and self._has_text(ip)
        ]
        return mine + super().among(texts.filter(read["ip"].is_null()))

    def _has_text(self, canonical: str) -> bool:
        if ":" in canonical:
            packed = socket.inet_pton(socket.AF_INET6, canonical)
            return self._has(*_unmapped(6, *[int.from_bytes(packed, "big")] * 2))
        return self._has(4, *[int.from_bytes(socket.inet_aton(canonical), "big")] * 2)

    def _has(self, version: int, first: int, last: int) -> bool:
        return any(v == version and low <= first <= last <= high for v, low, high in self.ranges)


def addresses(texts: Iterable[str]) -> Addresses:
    """Addresses or CIDRs in any spelling; raises `Unusable` for others and for wide networks."""
    ranges = []
    for text in texts:
        span = as_range(text.strip().strip("[]"))
        if span is None:
            raise Unusable(
                f"{text!r} is no address and no network. Possible: 192.0.2.7, 192.0.2.0/28, "
                "2001:db8::7, 2001:db8::/48"
            )
        ranges.append(_unmapped(*span))
        _refuse_wide(text, *ranges[-1])
    return Addresses(tuple(sorted(set(ranges))))


def _unmapped(version: int, first: int, last: int) -> tuple[int, int, int]:
    mapped = 0xFFFF << 32  # ::ffff:0:0/96, RFC 4291 2.5.5.2
    if version == 6 and mapped <= first <= last < mapped + 2**32:
        return 4, first - mapped, last - mapped
    return version, first, last


def _refuse_wide(text: str, version: int, first: int, last: int) -> None:
    bits = (32 if version == 4 else 128) - WIDEST[version]
    if last - first >= 1 << bits:
        raise Unusable(
            f"{text} is wider than /{WIDEST[version]}, which is nobody's line. Possible: name the "
            "networks of the person one by one"
        )


def _written(span: tuple[int, int, int]) -> str:
    return range_text(*span).removesuffix("/32" if span[0] == 4 else "/128")


def _patterns(version: int, first: int, last: int) -> Iterable[str]:
    return _v4_patterns(first, last) if version == 4 else _v6_patterns(first, last)


def _v4_patterns(first: int, last: int) -> Iterable[str]:
    low, high = first.to_bytes(4, "big"), last.to_bytes(4, "big")
    same = next((n for n in range(4) if low[n] != high[n]), 4)
    octets = [str(octet) for octet in low[:same]]
    end = "" if same == 4 else "."
    for separator in (".", "-", "_", "[.]", "(.)"):
        yield separator.join(octets) + end.replace(".", separator)
    yield ".".join(f"{octet:03}" for octet in low[:same]) + end
    yield ("" if same == 4 else ".") + ".".join(reversed(octets)) + ".in-addr"
    yield "ffff:"  # ::ffff:c000:207


def _v6_patterns(first: int, last: int) -> Iterable[str]:
    low, high = _hextets(first), _hextets(last)
    # A zero may be written as `::`, so what follows it stands nowhere in particular.
    same = next((n for n in range(3) if low[n] != high[n] or not low[n]), 3)
    if not same:
        yield from (":", "%3a", "ip6.arpa")
        return
    for spelling in product(*[_spelt(hextet) for hextet in low[1:same]]):
        for colon in (":", "%3a"):
            yield colon.join((f"{low[0]:x}", *spelling)) + colon
    yield ".".join(reversed("".join(f"{hextet:04x}" for hextet in low[:same]))) + ".ip6.arpa"


def _hextets(value: int) -> list[int]:
    return [value >> shift & 0xFFFF for shift in range(112, -1, -16)]


def _spelt(hextet: int) -> list[str]:
    """With any number of leading zeros: `db8`, `0db8`."""
    return [f"{hextet:0{width}x}" for width in range(len(f"{hextet:x}"), 5)]


def _v4_range(text: str, match: re.Match[str]) -> tuple[int, int]:
    a, _, b, c, d, length = match.groups()
    octets = [int(part) for part in (a, b, c, d)]
    if max(octets) > 255:
        return -1, -1
    value = int.from_bytes(bytes(octets), "big")
    return _wide(text, match.span(), value, length, bits=32)


# A range as people write it; an en dash in UTF-8 is three characters in Latin-1.
_DASH_AFTER = re.compile("(?:–|â\x80\x93)[0-9a-fA-F:.]")
_DASH_BEFORE = re.compile("[0-9a-fA-F:.](?:–|â\x80\x93)$")


def _wide(text: str, span: Span, value: int, length: str | None, *, bits: int) -> tuple[int, int]:
    """The addresses meant: all of a network, none where it is one end of a range."""
    start, end = span
    if _DASH_AFTER.match(text, end) or _DASH_BEFORE.search(text[max(0, start - 4) : start]):
        return -1, -1
    size = 1 << (bits - int(length)) if length and int(length) <= bits else 1
    # http://192.0.2.7/24 is a path, and so is a length that leaves host bits.
    if value % size or text[max(0, start - 1) : start] == "/":
        size = 1
    return value, value + size - 1


Read = tuple[Span, tuple[int, int, int]]  # where, and (version, first, last)


def _reversed_name(text: str, at: int) -> Read | None:
    """`7.2.0.192.in-addr.arpa`, and the 32 digits before `ip6.arpa`."""
    around = text[at : at + 90].lower()
    if "in-addr" in around:
        match = _around(_REVERSED, text, at)
        octets = [int(part) for part in match[1].strip(".").split(".")] if match else [256]
        if match and max(octets) <= 255:
            value = int.from_bytes(bytes(reversed(octets)), "big")
            return match.span(), (4, value, value)
    if "ip6.arpa" in around and (match := _around(_NIBBLES, text, at)):
        value = int(match[1].replace(".", "")[::-1], 16)
        return match.span(), (6, value, value)
    return None


def _around(pattern: re.Pattern[str], text: str, at: int) -> re.Match[str] | None:
    """The match that `at` lies in."""
    found = pattern.finditer(text, max(0, at - _AROUND), at + 2 * _AROUND)
    return next((match for match in found if match.start() <= at < match.end()), None)


def _v6_range(text: str, at: int) -> Read | None:
    before = _V6_BEFORE.search(text, max(0, at - _AROUND), at)
    start = before.start() if before else at
    match = _V6.match(text, start, at + _AROUND)
    if match is None:
        return None
    written = _COLON.sub(":", match[0])
    if written.count(":") < 2 or (address := _read_v6(written)) is None:
        return None
    length = _LENGTH.match(text, match.end())
    ends = _wide(text, match.span(), int(address), length and length[1], bits=128)
    return match.span(), _unmapped(6, *ends)


def _read_v6(run: str) -> IPv6Address | None:
    """The address in a run of its characters; what stood before it (`ip:`) may be in the run."""
    groups = run.rstrip(".").split(":")
    for behind in (len(groups), len(groups) - 1):
        for skip in range(min(3, len(groups))):
            text = ":".join(groups[skip:behind])
            try:
                return IPv6Address(socket.inet_pton(socket.AF_INET6, text))
            except (OSError, ValueError):
                continue
    return None


# ── accounts and ids ─────────────────────────────────────────────────────────────────────

_NAME_BEFORE = re.compile(r"(?<!\\)(?<!%[0-9A-Fa-f])[A-Za-z0-9_.+@-]$")
_NAME_AFTER = re.compile(r"[A-Za-z0-9_@-]|\.[A-Za-z0-9]")


@dataclass(frozen=True)
class Accounts(Subject):
    """Names of accounts, mail addresses among them; upper and lower case are one."""

    values: tuple[str, ...]
    kind = "account"

    @cached_property
    def patterns(self) -> tuple[str, ...]:  # type: ignore[override]
        """Every way a name is written: plain, escaped in JSON, escaped in a URL, as bytes."""
        return tuple(sorted({text for value in self.values for text in _spellings(value)}))

    def confirm(self, text: str, at: int) -> Span | None:
        """The whole name, not the end or the beginning of a longer one."""
        for pattern in self.patterns:
            end = at + len(pattern)
            if text[at:end].casefold() == pattern.casefold():
                before = _NAME_BEFORE.search(text[max(0, at - 3) : at])
                if not before and not _NAME_AFTER.match(text, end):
                    return at, end
        return None


def accounts(names: Iterable[str]) -> Accounts:
    """Names of accounts; raises `Unusable` where one is too short to be looked for."""
    wanted = tuple(sorted({name.strip() for name in names}))
    short = [name for name in wanted if len(name) < SHORTEST_ACCOUNT]
    if short:
        raise Unusable(
            f"account {short[0]!r} is shorter than {SHORTEST_ACCOUNT} characters and would be "
            "found everywhere. Possible: erase by address or by report"
        )
    return Accounts(wanted)


def _spellings(value: str) -> Iterable[str]:
    yield value
    yield json.dumps(value)[1:-1]
    yield value.replace('"', '""')  # CSV
    yield value.replace("@", "%40")
    yield value.encode().decode("latin-1")
    yield "".join(c if c.isascii() else "".join(f"%{b:02X}" for b in c.encode()) for c in value)


@dataclass(frozen=True)
class Ids(Subject):
    """Reports or runs by their id: 32 hexadecimal digits, with dashes or without."""

    kind: str
    values: tuple[str, ...]

    @cached_property
    def patterns(self) -> tuple[str, ...]:  # type: ignore[override]
        """With and without dashes."""
        return (*self.values, *(_dashed(value) for value in self.values))

    def confirm(self, text: str, at: int) -> Span | None:
        """The id, not a piece of a longer run of digits."""
        for pattern in self.patterns:
            end = at + len(pattern)
            around = text[max(0, at - 1) : at] + text[end : end + 1]
            if text[at:end].lower() == pattern and not re.search(r"[0-9A-Fa-f]", around):
                return at, end
        return None


def ids(kind: str, values: Sequence[str]) -> Ids:
    """Ids of reports (kind `report`) or runs (`run`); raises `Unusable` for anything else."""
    plain = tuple(sorted({value.strip().replace("-", "").lower() for value in values}))
    wrong = [value for value in plain if not re.fullmatch(r"[0-9a-f]{32}", value)]
    if wrong:
        raise Unusable(f"{wrong[0]!r} is no id of a {kind}: 32 hexadecimal digits")
    return Ids(kind, plain)


def _dashed(value: str) -> str:
    return "-".join((value[:8], value[8:12], value[12:16], value[16:20], value[20:]))
