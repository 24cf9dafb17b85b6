"""The lease file of Kea (memfile backend), for DHCPv4 and DHCPv6: CSV, a row per change.

Columns as the documentation of Kea names them; `expire` minus `valid_lifetime` is when the client
was heard of. A lifetime of 0 is a lease given back or taken away; state 1 is declined, 2 expired
and reclaimed, 3 released (Kea 2.7). `lease_type` 2 is a delegated prefix.
"""

from collections.abc import Iterator, Sequence
from typing import BinaryIO

import polars as pl

from tocsin.flow.tables import Chunk, Fault
from tocsin.formats.csvtable import table_of
from tocsin.formats.leases.format import LeaseFormat, Piece, checked
from tocsin.formats.leases.moments import unix
from tocsin.formats.records import cut_records
from tocsin.words.errors import Unreadable

NEEDED = ("address", "valid_lifetime", "expire")
NAMING = ("hwaddr", "client_id", "duid", "hostname", "remote-id", "relay-id", "circuit-id")
_CONTEXT = {"remote-id": "remote-id", "relay-id": "relay-id", "circuit-id": "circuit-id"}


def read(stream: BinaryIO, name: str, subscriber: str) -> Iterator[Piece]:
    """A row is a lease, or its end. `subscriber` is one of `NAMING`."""
    width: list[int] = []

    def plan(header: list[str]) -> dict[str, int]:
        width.append(len(header))
        return _places(name, header)

    for chunk in cut_records(stream, name, plan):
        if isinstance(chunk, Fault):
            yield Piece(checked(pl.DataFrame(), lambda _at: b"").rows, [chunk])
        else:
            yield _piece(chunk, width[0], subscriber)


def _places(name: str, header: Sequence[str]) -> dict[str, int]:
    places = {column.strip(): at for at, column in enumerate(header)}
    if missing := [column for column in NEEDED if column not in places]:
        raise Unreadable(f"{name}: no lease file of Kea: it has no column {', '.join(missing)}")
    return places


def _piece(chunk: Chunk, width: int, subscriber: str) -> Piece:
    places = chunk.layout
    if not isinstance(places, dict):
        raise TypeError(f"a chunk of another format: {type(places).__name__}")
    frame, _ = table_of(chunk, width=width)
    texts = frame.select(pl.col(str(at)).alias(column) for column, at in places.items())
    expire = texts["expire"].cast(pl.Int64, strict=False)
    lifetime = texts["valid_lifetime"].cast(pl.Int64, strict=False)
    state = _number(texts, "state", 0)
    is_over = (lifetime == 0) | state.is_in([1, 3])
    rows = pl.DataFrame(
        {
            # What was reclaimed was over when it expired: the row before has said so.
            "kind": pl.select(
                pl.when(pl.lit(is_over) | (pl.lit(state) == 2))
                .then(pl.lit("end"))
                .otherwise(pl.lit("lease"))
            ).to_series(),
            "ip": _addresses(texts),
            "subscriber": _named(texts, subscriber),
            "at": unix((expire - lifetime).zip_with(state != 2, expire)),
            "until": unix(expire),
            "row": pl.Series(chunk.lines, dtype=pl.Int64),
        }
    )
    return checked(rows, lambda at: chunk.data[int(chunk.starts[at]) : int(chunk.ends[at])])


def _number(texts: pl.DataFrame, column: str, otherwise: int) -> pl.Series:
    if column not in texts.columns:
        return pl.Series([otherwise], dtype=pl.Int64).new_from_index(0, len(texts))
    return texts[column].cast(pl.Int64, strict=False).fill_null(otherwise)


def _addresses(texts: pl.DataFrame) -> pl.Series:
    if "lease_type" not in texts.columns or "prefix_len" not in texts.columns:
        return texts["address"]
    return texts.select(
        pl.when(pl.col("lease_type") == "2")
        .then(pl.col("address") + "/" + pl.col("prefix_len"))
        .otherwise(pl.col("address"))
    ).to_series()


def _named(texts: pl.DataFrame, subscriber: str) -> pl.Series:
    """What names the line: a column, or a part of what the relay agent said of it."""
    if subscriber in _CONTEXT and "user_context" in texts.columns:
        context = texts["user_context"].str.replace_all("&#x2c", ",", literal=True)
        return context.str.extract(rf'"{subscriber}"\s*:\s*"([^"]+)"')
    columns = [subscriber] if subscriber else ["hwaddr", "client_id", "duid"]
    there = [pl.col(column) for column in columns if column in texts.columns]
    if not there:
        return pl.Series([None], dtype=pl.String).new_from_index(0, len(texts))
    said = texts.select(pl.coalesce(there)).to_series()
    return said.str.replace_all("&#x2c", ",", literal=True)


def _is_kea(head: bytes, _name: str) -> bool:
    first = head.split(b"\n", 1)[0]
    return first.startswith(b"address,") and b",valid_lifetime,expire," in first


FORMAT = LeaseFormat(
    name="kea",
    title="Kea: leases4.csv, leases6.csv",
    sniff=_is_kea,
    read=read,
    subscriber=NAMING,
    samples="leases/kea",
)
