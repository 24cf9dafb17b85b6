"""The routing snapshot: CSV files of the npm packages of ip-location-db to compact Parquet.

Tables (sorted by start, ranges disjoint, both ends inclusive):

    asn4, country4   start, end: UInt32
    asn6, country6   start_hi, start_lo, end_hi, end_lo: UInt64
    with             asn: UInt32 (1 to 4294967295) or cc: String (ISO 3166-1 alpha-2)
    as_names         asn: UInt32, name: String; one name for each AS

Where ranges of a file overlap, the narrower one wins (the packages have such rows, see
docs/reference/networks.md); how many did is counted. Everything here raises `Unreadable` with
file, line and reason, and `NotFound` for a file that is missing. Corrections laid over the
snapshot are read in `flow.networks`.
"""

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from socket import AF_INET6, inet_pton
from tempfile import TemporaryDirectory

import polars as pl
import pyarrow.parquet as pq

from tocsin.flow.progress import Progress, unseen
from tocsin.flow.ranges import Interval, flatten
from tocsin.words.errors import NotFound, Unreadable

READING = "reading the packages"  # a step, as `flow.progress` says it
LAST_V4, LAST_ASN = 2**32 - 1, 2**32 - 1


@dataclass(frozen=True)
class Package:
    """One npm package: what it may be used for, whom to thank, the files we take from it."""

    name: str
    licence: str
    attribution: str
    v4: str
    v6: str


ASN = Package(
    name="@ip-location-db/asn",
    licence="CC-BY-4.0",
    attribution="RouteViews; IP Geolocation by DB-IP (https://db-ip.com); NRO statistics",
    v4="asn-ipv4-num.csv",
    v6="asn-ipv6.csv",
)
COUNTRY = Package(
    name="@ip-location-db/geo-whois-asn-country",
    licence="CC0-1.0",
    attribution="Number Resource Organization (NRO) statistics, CC-BY-4.0",
    v4="geo-whois-asn-country-ipv4-num.csv",
    v6="geo-whois-asn-country-ipv6.csv",
)
PACKAGES = (ASN, COUNTRY)


@dataclass(frozen=True)
class Snapshot:
    """The five tables of the module's docstring by name, and what they were made from."""

    tables: dict[str, pl.DataFrame]
    overlaps: dict[str, int]  # table to the rows that overlapped another one
    on: date
    versions: dict[str, str]  # package to version


# ── reading ──────────────────────────────────────────────────────────────────────────────

Row = tuple[int, int, list[str]]  # first, last, the cells behind them


def read_asn(file: Path, *, version: int) -> tuple[list[Interval], Counter[tuple[int, str]]]:
    """`start,end,asn,name` (`version` 4: numbers, 6: texts) to intervals and names.

    The names are counted by the ranges they stand on: (asn, name) to how many.
    """
    intervals: list[Interval] = []
    names: Counter[tuple[int, str]] = Counter()
    for first, last, (number, name) in _rows(file, version, 2, _wrong_asn):
        intervals.append((first, last, int(number)))
        names[int(number), name.strip()] += 1
    return intervals, names


def read_country(file: Path, *, version: int) -> list[Interval]:
    """`start,end,CC` to intervals; the country is packed by `pack_country`."""
    rows = _rows(file, version, 1, _wrong_country)
    return [(first, last, pack_country(cc)) for first, last, (cc,) in rows]


def pack_country(cc: str) -> int:
    """`PT` to a number that sorts as the letters do."""
    return int.from_bytes(cc.encode(), "big")


def unpack_country(number: int) -> str:
    """The two letters of `pack_country`."""
    return number.to_bytes(2, "big").decode()


def _wrong_asn(cells: list[str]) -> str | None:
    if not re.fullmatch("[0-9]{1,10}", cells[0]) or not 0 < int(cells[0]) <= LAST_ASN:
        return f"{cells[0]!r} is no AS number (1 to 4294967295)"
    return None


def _wrong_country(cells: list[str]) -> str | None:
    if not re.fullmatch("[A-Z]{2}", cells[0]):
        return f"{cells[0]!r} is no country of two capital letters"
    return None


def _rows(
    file: Path, version: int, width: int, wrong: Callable[[list[str]], str | None]
) -> Iterator[Row]:
    address = _number4 if version == 4 else _number6
    for line, (start, end, *cells) in _records(file, 2 + width):
        first, last, reason = address(start), address(end), wrong(cells)
        if first is None or last is None:
            reason = f"{start}–{end} is no range of IPv{version} addresses"
        elif first > last:
            reason = f"the range {start}–{end} ends before it starts"
        if first is None or last is None or reason:
            raise Unreadable(f"{file}, line {line}: {reason}")
        yield first, last, cells


def _number4(text: str) -> int | None:
    if not re.fullmatch("[0-9]{1,10}", text):
        return None
    return number if (number := int(text)) <= LAST_V4 else None


def _number6(text: str) -> int | None:
    try:
        return int.from_bytes(inet_pton(AF_INET6, text), "big")
    except (OSError, ValueError):
        return None


def _records(file: Path, width: int) -> Iterator[tuple[int, list[str]]]:
    """The cells of each record with the number of the line it ends on."""
    line = 0
    try:
        with file.open(encoding="utf-8", newline="") as text:
            reader = csv.reader(text, strict=True)
            for cells in reader:
                line = reader.line_num
                if len(cells) != width:
                    raise Unreadable(f"{file}, line {line}: {len(cells)} cells, not {width}")
                yield line, cells
    except FileNotFoundError:
        raise NotFound(f"{file} is not there") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise Unreadable(f"{file}, after line {line}: {error}") from None
    if not line:
        raise Unreadable(f"{file}, line 1: no range in it")


def disjoint(intervals: list[Interval]) -> tuple[list[Interval], int]:
    """Sorted intervals without overlaps, the narrower one winning, and how many overlapped.

    Of equally narrow ones with different values none is believed: nobody is named there.
    """
    result: list[Interval] = []
    overlapping = 0
    for group in _touching(intervals):
        if len(group) == 1:
            result.append(group[0])
            continue
        overlapping += len(group)
        pieces = flatten(group)
        result += [(low, high, said[0]) for low, high, said in pieces if len(said) == 1]
    return result, overlapping


def _touching(intervals: list[Interval]) -> Iterator[list[Interval]]:
    """Groups of intervals that overlap, directly or through others, in order."""
    group: list[Interval] = []
    reach = -1
    for interval in sorted(intervals):
        if interval[0] > reach and group:
            yield group
            group = []
        group.append(interval)
        reach = max(reach, interval[1])
    if group:
        yield group


def _table4(intervals: list[Interval]) -> pl.DataFrame:
    columns = list(zip(*intervals, strict=True)) or [(), (), ()]
    schema = {"start": pl.UInt32, "end": pl.UInt32, "value": pl.UInt32}
    return pl.DataFrame(columns, schema=schema, orient="col")


def _table6(intervals: list[Interval]) -> pl.DataFrame:
    low = 2**64 - 1
    schema = dict.fromkeys(("start_hi", "start_lo", "end_hi", "end_lo"), pl.UInt64)
    return pl.DataFrame(
        [(a >> 64, a & low, b >> 64, b & low, value) for a, b, value in intervals],
        schema={**schema, "value": pl.UInt32},
        orient="row",
    )


# ── the snapshot ─────────────────────────────────────────────────────────────────────────


def read_snapshot(folder: Path, *, progress: Progress = unseen) -> Snapshot:
    """Both packages, wherever below `folder` they are unpacked, to one snapshot."""
    places = {package.name: _unpacked(folder, package) for package in PACKAGES}
    asn, country = places[ASN.name], places[COUNTRY.name]
    progress(READING, 0)
    asn4, names4 = read_asn(asn / ASN.v4, version=4)
    progress(READING, len(asn4))
    asn6, names6 = read_asn(asn / ASN.v6, version=6)
    progress(READING, len(asn6))
    intervals = {
        "asn4": asn4,
        "asn6": asn6,
        "country4": read_country(country / COUNTRY.v4, version=4),
        "country6": read_country(country / COUNTRY.v6, version=6),
    }
    progress(READING, len(intervals["country4"]) + len(intervals["country6"]))
    kept = {}
    for name, rows in intervals.items():
        kept[name] = disjoint(rows)
        progress("narrower before wider", len(rows))
    tables = {name: _table(name, rows) for name, (rows, _) in kept.items()}
    versions = {name: _about(place)["version"] for name, place in places.items()}
    return Snapshot(
        tables={**tables, "as_names": _names(names4 + names6)},
        overlaps={name: count for name, (_, count) in kept.items()},
        on=min(map(_made_on, versions.values())),
        versions=versions,
    )


def _table(name: str, intervals: list[Interval]) -> pl.DataFrame:
    table = _table4(intervals) if name.endswith("4") else _table6(intervals)
    if name.startswith("asn"):
        return table.rename({"value": "asn"})
    letters = {code: unpack_country(code) for code in table["value"].unique()}
    cc = pl.col("value").replace_strict(letters, return_dtype=pl.String).alias("cc")
    return table.with_columns(cc).drop("value")


def _names(counted: Counter[tuple[int, str]]) -> pl.DataFrame:
    """One name for each AS: the one on most ranges, of equals the first in the alphabet."""
    ranked = sorted(counted, key=lambda key: (key[0], -counted[key], key[1]))
    best = {asn: name for asn, name in reversed(ranked) if name}
    rows = sorted(best.items())
    return pl.DataFrame(rows, schema={"asn": pl.UInt32, "name": pl.String}, orient="row")


def _unpacked(folder: Path, package: Package) -> Path:
    # the folder itself, packages beside each other, or a node_modules with @scopes: no deeper
    places = ("", "*/", "*/*/", "node_modules/*/*/")
    for about in sorted(found for place in places for found in folder.glob(f"{place}package.json")):
        if _about(about.parent)["name"] == package.name:
            return about.parent
    raise NotFound(
        f"{folder} holds no unpacked npm package {package.name}. "
        "Possible: unpack it there (its package.json and CSV files)"
    )


def _about(place: Path) -> dict[str, str]:
    file = place / "package.json"
    try:
        about = json.loads(file.read_text("utf-8"))
        return {"name": str(about["name"]), "version": str(about["version"])}
    except (ValueError, KeyError, TypeError):
        raise Unreadable(f"{file}, line 1: no description of an npm package") from None


def _made_on(version: str) -> date:
    """`2.3.2026061719` (year, month, day, hour at the end) to a date."""
    stamp = re.search(r"\.(\d{8})\d{2}$", version)
    try:
        return date.fromisoformat(stamp[1] if stamp else "")
    except ValueError:
        raise Unreadable(f"package version {version} does not end in its date") from None


# ── writing ──────────────────────────────────────────────────────────────────────────────


def write_snapshot(folder_in: Path, folder_out: Path, *, progress: Progress = unseen) -> Snapshot:
    """Read `folder_in`; replace the files of `folder_out` only when all of it was good.

    `snapshot.json` comes last, so a snapshot is never said to be newer than its tables.
    """
    snapshot = read_snapshot(folder_in, progress=progress)
    folder_out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder_out, prefix=".new-") as name:
        new = Path(name)
        for table, rows in snapshot.tables.items():
            _write_table(rows, new / f"{table}.parquet")
            progress("writing", len(rows))
        (new / "snapshot.json").write_text(_described(snapshot), "utf-8")
        for file in sorted(new.iterdir()):  # s after a and c
            file.replace(folder_out / file.name)
    return snapshot


def _described(snapshot: Snapshot) -> str:
    sources = [
        {
            "package": package.name,
            "version": snapshot.versions[package.name],
            "licence": package.licence,
            "attribution": package.attribution,
        }
        for package in PACKAGES
    ]
    rows = {name: len(table) for name, table in snapshot.tables.items()}
    about = {
        "date": snapshot.on.isoformat(),
        "rows": rows,
        "overlapping": snapshot.overlaps,
        "sources": sources,
    }
    return json.dumps(about, indent=2, ensure_ascii=False) + "\n"


def _write_table(rows: pl.DataFrame, file: Path) -> None:
    """Sorted addresses as differences: a third of the size of plain numbers after zstd."""
    differences = [name for name in rows.columns if name.startswith(("start", "end"))]
    encoding = dict.fromkeys(differences, "DELTA_BINARY_PACKED")
    pq.write_table(
        rows.to_arrow(compat_level=pl.CompatLevel.oldest()),
        file,
        use_dictionary=[name for name in rows.columns if name in ("asn", "cc")],
        column_encoding=encoding,
        compression="zstd",
        compression_level=19,
        write_statistics=False,
        store_schema=False,
    )
