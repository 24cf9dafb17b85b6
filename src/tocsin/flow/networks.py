"""Locate: which autonomous system and which country held an address, and since when we know.

The snapshot that ships (or that `tocsin networks update` fetched) is a set of disjoint
ranges per family; an overlay laid over it wins where both speak. IPv6 is as good as IPv4.
"""

import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl

from tocsin.flow.addresses import as_range, format_v4, pack_v6
from tocsin.flow.ranges import Ranges, flatten, ranges_of
from tocsin.words.countries import CODES
from tocsin.words.errors import NotFound, Unreadable, Unusable

SHIPPED = Path(__file__).parent.parent / "data"


@dataclass(frozen=True)
class Layer:
    """One layer of knowledge: ranges to a number (AS) or a country code.

    `values` of the `Ranges` index `names`; `source` is the end of the sentence that says
    where the knowledge comes from ("the snapshot of 2026-06-17").
    """

    v4: Ranges
    v6: Ranges
    names: pl.Series  # UInt32 AS numbers or String country codes
    source: str


@dataclass(frozen=True)
class Networks:
    """Layers for AS numbers and for countries, the strongest first, and the AS names."""

    asn: tuple[Layer, ...]
    country: tuple[Layer, ...]
    as_names: dict[int, str] = field(default_factory=dict, repr=False)
    as_of: str = ""


@dataclass(frozen=True)
class Located:
    """Where each address of a column belongs; all arrays as long as the column.

    `value`: UInt32 AS number or String country (null: not known). `layer` (int8) and `index`
    (int64) name the range that said so, -1 where none did.
    """

    value: pl.Series
    layer: np.ndarray
    index: np.ndarray


def locate(layers: Sequence[Layer], v4: pl.Series, v6: pl.Series) -> Located:
    """Look a column of addresses up in layers, the strongest first.

    `v4`: UInt32, null where the address is not IPv4; `v6`: canonical text, null where not IPv6.
    """
    size = len(v4)
    layer = np.full(size, -1, dtype=np.int8)
    index = np.full(size, -1, dtype=np.int64)
    where4, points4 = _points(v4)
    where6 = np.flatnonzero(v6.is_not_null().to_numpy())
    points6 = pack_v6(v6.drop_nulls())
    value = pl.Series([None], dtype=layers[0].names.dtype).new_from_index(0, size)
    for rank, knows in enumerate(layers):
        found = np.full(size, -1, dtype=np.int64)
        found[where4] = knows.v4.find(points4)
        found[where6] = knows.v6.find(points6)
        fresh = (index < 0) & (found >= 0)
        if not fresh.any():
            continue
        index[fresh] = found[fresh]
        layer[fresh] = rank
        value = value.fill_null(_values(knows, v4, found, fresh))
    return Located(value, layer, index)


def _points(v4: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    return np.flatnonzero(v4.is_not_null().to_numpy()), v4.drop_nulls().to_numpy()


def _values(knows: Layer, v4: pl.Series, found: np.ndarray, fresh: np.ndarray) -> pl.Series:
    is4 = v4.is_not_null().to_numpy()
    codes = np.full(len(found), -1, dtype=np.int64)
    for family, ranges in ((is4, knows.v4), (~is4, knows.v6)):
        take = fresh & family
        if take.any():
            codes[take] = ranges.values[found[take]]
    picked = pl.Series(np.where(codes >= 0, codes, 0), dtype=pl.UInt32)
    return knows.names.gather(picked).zip_with(
        pl.Series(codes >= 0), pl.Series([None], dtype=knows.names.dtype)
    )


def range_texts(layers: Sequence[Layer], located: Located, is4: np.ndarray) -> pl.Series:
    """The range each address was found in, as text (`192.0.2.0–192.0.2.127`); null: none."""
    texts = pl.Series([None], dtype=pl.String).new_from_index(0, len(is4))
    for rank, knows in enumerate(layers):
        for family, ranges in ((is4, knows.v4), (~is4, knows.v6)):
            rows = np.flatnonzero((located.layer == rank) & family)
            if len(rows):
                text = _spans(ranges, located.index[rows])
                texts = texts.scatter(pl.Series(rows, dtype=pl.UInt32), text)
    return texts


def _spans(ranges: Ranges, index: np.ndarray) -> pl.Series:
    distinct, back = np.unique(index, return_inverse=True)
    lows, highs = ranges.starts[distinct], ranges.ends[distinct]
    if lows.dtype == np.uint32:
        low, high = (format_v4(pl.Series("v4", a)) for a in (lows, highs))
    else:
        low, high = (pl.Series([_v6_text(b) for b in a], dtype=pl.String) for a in (lows, highs))
    return (low + "–" + high).gather(pl.Series(back, dtype=pl.UInt32))


def _v6_text(packed: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET6, packed.ljust(16, b"\0"))


def snapshot_in(folder: Path) -> Path:
    """The snapshot in `folder` where one was fetched, else the one that ships."""
    return folder if (folder / "snapshot.json").exists() else SHIPPED


@cache
def load_networks(folder: Path = SHIPPED, overlay: Path | None = None) -> Networks:
    """The snapshot in `folder` with an overlay file on top; raises `Unusable`."""
    about = json.loads((folder / "snapshot.json").read_text())
    said = f"the snapshot of {about['date']}"
    names = pl.read_parquet(folder / "as_names.parquet")
    as_names = dict(zip(names["asn"].to_list(), names["name"].to_list(), strict=True))
    asn = Layer(*_family(folder, "asn", "asn"), said)
    country = Layer(*_family(folder, "country", "cc"), said)
    if overlay is None:
        return Networks((asn,), (country,), as_names, about["date"])
    rows = read_overlay(overlay)
    said = f"the overlay {overlay.name}"
    extra_names = {row[2]: row[3] for row in rows if row[2] is not None and row[3]}
    return Networks(
        (_overlay_layer([(r[0], r[1], r[2]) for r in rows], pl.UInt32, said), asn),
        (_overlay_layer([(r[0], r[1], r[4]) for r in rows], pl.String, said), country),
        as_names | extra_names,
        about["date"],
    )


def _family(folder: Path, stem: str, column: str) -> tuple[Ranges, Ranges, pl.Series]:
    v4 = pl.read_parquet(folder / f"{stem}4.parquet")
    v6 = pl.read_parquet(folder / f"{stem}6.parquet")
    names = pl.concat([v4[column], v6[column]]).unique().sort()
    codes = pl.DataFrame({column: names, "code": np.arange(len(names), dtype=np.int64)})
    first, second = (
        table.select(column).join(codes, on=column, how="left", maintain_order="left")["code"]
        for table in (v4, v6)
    )
    return (
        Ranges(v4["start"].to_numpy(), v4["end"].to_numpy(), first.to_numpy()),
        Ranges(_s16(v6, "start"), _s16(v6, "end"), second.to_numpy()),
        names,
    )


def _s16(table: pl.DataFrame, end: str) -> np.ndarray:
    halves = np.empty((len(table), 2), dtype=">u8")
    halves[:, 0] = table[f"{end}_hi"].to_numpy()
    halves[:, 1] = table[f"{end}_lo"].to_numpy()
    return np.frombuffer(halves.tobytes(), dtype="S16")


OverlayRow = tuple[int, tuple[int, int], int | None, str, str | None]


def read_overlay(path: Path) -> list[OverlayRow]:
    """`first,last,asn,name,country` rows to (version, (first, last), asn, name, country).

    Raises `NotFound`, `Unreadable` and, with line and reason, `Unusable`.
    """
    table = _overlay_table(path)
    wanted = ["first", "last", "asn", "name", "country"]
    if table.columns != wanted:
        raise Unusable(f"{path}: the header must be {','.join(wanted)}, not {table.columns}")
    return [_overlay_row(path, n, row) for n, row in enumerate(table.iter_rows(), start=2)]


def _overlay_table(path: Path) -> pl.DataFrame:
    try:
        return pl.read_csv(path.read_bytes(), infer_schema=False)
    except FileNotFoundError:
        raise NotFound(f"no such overlay: {path}") from None
    except (OSError, pl.exceptions.PolarsError) as fault:
        raise Unreadable(
            f"overlay {path} cannot be read as CSV in UTF-8: {fault}. "
            "Possible: first,last,asn,name,country as its header"
        ) from fault


def _overlay_row(path: Path, line: int, row: tuple[str | None, ...]) -> OverlayRow:
    first, last, asn, name, country = row
    span = as_range(f"{first}-{last}")
    if span is None:
        raise Unusable(f"{path}, line {line}: {first}–{last} is no range of addresses")
    if asn is not None and not (asn.isdecimal() and 0 < int(asn) < 2**32):
        raise Unusable(f"{path}, line {line}: {asn} is no AS number (1 to 4294967295)")
    if country is not None and country not in CODES:
        raise Unusable(f"{path}, line {line}: {country!r} is no country (ISO 3166-1 alpha-2)")
    version, low, high = span
    return version, (low, high), int(asn) if asn else None, name or "", country


def _overlay_layer(
    rows: Sequence[tuple[int, tuple[int, int], object]], dtype: type[pl.DataType], said: str
) -> Layer:
    names = sorted({value for _, _, value in rows if value is not None}, key=str)
    code = {value: number for number, value in enumerate(names)}
    families = []
    for version in (4, 6):
        pieces = flatten(
            (low, high, code[value])
            for family, (low, high), value in rows
            if family == version and value is not None
        )
        families.append(ranges_of([(low, high, v[0]) for low, high, v in pieces], version))
    return Layer(families[0], families[1], pl.Series(names, dtype=dtype), said)
