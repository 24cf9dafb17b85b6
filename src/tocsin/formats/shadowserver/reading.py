"""From the bytes of a Shadowserver report to raw tables."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import polars as pl

from tocsin.flow.tables import ROW, Chunk, Fault, Parsed
from tocsin.formats.csvtable import table_of
from tocsin.formats.records import cut_records, header_in
from tocsin.formats.shadowserver.columns import ADDRESSES, COLUMNS, Column, plan
from tocsin.formats.shadowserver.reports import REPORTS, SEEN, Report, identify, type_in
from tocsin.words.errors import Unreadable

NETWORKS = "{n} rows name a network where an address is expected"
_ONE_ADDRESS = r"^([0-9.]+)/32$|^([0-9A-Fa-f.]*:[0-9A-Fa-f.:]*)/128$"
_NOTED = 12  # columns named in a note


@dataclass(frozen=True)
class Layout:
    """What file name and header say: the report type, its columns, notes for the summary."""

    report: Report
    columns: tuple[Column, ...]
    notes: tuple[str, ...]


def sniff(head: bytes, name: str) -> bool:
    """A header with a time stamp and an address, or the name of a known report type."""
    header = set(header_in(head))
    return ("timestamp" in header and bool(header & ADDRESSES)) or type_in(name) in REPORTS


def cut(stream: BinaryIO, name: str) -> Iterator[Chunk | Fault]:
    """Chunks of whole records with a `Layout`; Unreadable where the header is of another kind."""
    return cut_records(stream, name, lambda names: layout_of(name, names))


def layout_of(name: str, names: list[str]) -> Layout:
    """The layout of a file with these column names; raises Unreadable."""
    columns = plan(names)
    header = [column.name for column in columns]
    if "timestamp" not in header and not ADDRESSES.intersection(header):
        seen = ", ".join(repr(column)[1:-1][:40] for column in header[:6])
        raise Unreadable(
            f"{name}: no Shadowserver header: none of timestamp, ip, src_ip, dst_ip, url, … "
            f"among its {len(header)} columns ({seen}). A report is comma-separated and begins "
            "with a line of column names."
        )
    found = identify(name, header)
    return Layout(found.report, columns, found.notes + _new_columns(found.report, header))


def _new_columns(report: Report, header: list[str]) -> tuple[str, ...]:
    known = (report.columns or SEEN) | COLUMNS.keys()
    new = [column for column in header if column not in known]
    if not new:
        return ()
    more = f" and {len(new) - _NOTED} more" if len(new) > _NOTED else ""
    told = ", ".join(column or "(no name)" for column in new[:_NOTED])
    return (f"columns not in the table for '{report.name}', kept as extra: {told}{more}",)


def parse(chunk: Chunk) -> Parsed:
    """One row per record: IDF and `extra.*` columns (String), `report.row` (Int64)."""
    layout = chunk.layout
    if not isinstance(layout, Layout):
        raise TypeError(f"a chunk of another format: {type(layout).__name__}")
    frame, counts = table_of(chunk, width=len(layout.columns))
    table = frame.select(_fields(layout.columns))
    table, networks = _move_networks(_whole_urls(table))
    table = table.with_columns(*_literals(layout.report), *_class_of(layout.report, table))
    table.insert_column(0, pl.Series(ROW, chunk.lines, dtype=pl.Int64))
    if networks:
        counts[NETWORKS] = networks
    return Parsed(
        table=table,
        data=chunk.data,
        starts=chunk.starts,
        ends=chunk.ends,
        notes=list(layout.notes),
        counts=counts,
        is_tidy=True,
    )


def _fields(columns: tuple[Column, ...]) -> list[pl.Expr]:
    """Every event field from the columns that may fill it, then what is left over as extra."""
    order = {name: rank for rank, name in enumerate(COLUMNS)}
    known = [column for column in columns if column.field is not None]
    known.sort(key=lambda column: order[column.name])
    filling: dict[str, list[Column]] = {}
    for column in known:
        filling.setdefault(str(column.field), []).append(column)
    fields, extras = [], []
    for field, several in filling.items():
        value = _first_of(field, several)
        fields.append(value.alias(field))
        rest = several if field.endswith(".fqdn") else several[1:]
        extras += [_unless_equal(column, value) for column in rest]
    extras += [_text(column).alias(column.extra) for column in columns if column.field is None]
    return fields + extras


def _text(column: Column) -> pl.Expr:
    value = pl.col(str(column.index))
    return pl.when(value != "0").then(value) if column.zero_is_unknown else value


def _first_of(field: str, columns: list[Column]) -> pl.Expr:
    values = [_text(column) for column in columns]
    if field.endswith(".fqdn"):
        values = [_host_name(value) for value in values]
    return pl.coalesce(values) if len(values) > 1 else values[0]


def _host_name(value: pl.Expr) -> pl.Expr:
    """A host without its port; an address, which has no letter or has a colon, is no name."""
    host = value.str.replace(r":\d{1,5}$", "")
    return pl.when(host.str.contains(r"^[^:]*[A-Za-z][^:]*$")).then(host)


def _unless_equal(column: Column, value: pl.Expr) -> pl.Expr:
    own = _text(column)
    return pl.when(own.ne_missing(value)).then(own).alias(column.extra)


def _whole_urls(table: pl.DataFrame) -> pl.DataFrame:
    """A `url` that is only a path (compromised websites) becomes one with scheme and host."""
    if "source.url" not in table.columns or "source.fqdn" not in table.columns:
        return table
    is_path = pl.col("source.url").str.starts_with("/")
    if not table.select(is_path.any()).item():
        return table
    scheme: pl.Expr = pl.lit("http")
    if "protocol.application" in table.columns:
        scheme = pl.when(pl.col("protocol.application") == "https").then(pl.lit("https"))
        scheme = scheme.otherwise(pl.lit("http"))
    whole = pl.concat_str([scheme, pl.lit("://"), pl.col("source.fqdn"), pl.col("source.url")])
    return table.with_columns(
        pl.when(is_path).then(whole).otherwise(pl.col("source.url")).alias("source.url"),
        pl.when(is_path).then(pl.col("source.url")).alias("source.urlpath"),
    )


def _move_networks(table: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """A network in an address column (192.0.2.0/24) belongs into the network column.

    One of a single address (/32, /128) is that address.
    """
    moved = 0
    for side in ("source", "destination"):
        address = f"{side}.ip"
        if address not in table.columns:
            continue
        slashed = table[address].str.contains("/", literal=True)
        if slashed.any():
            table, count = _move_network(table, side)
            moved += count
    return table, moved


def _move_network(table: pl.DataFrame, side: str) -> tuple[pl.DataFrame, int]:
    address, network = f"{side}.ip", f"{side}.network"
    single = pl.col(address).str.replace(_ONE_ADDRESS, "$1$2")
    is_network = single.str.contains("/", literal=True)
    known = pl.col(network) if network in table.columns else pl.lit(None, dtype=pl.String)
    count = int(table.select(is_network.sum()).item())
    table = table.with_columns(
        pl.when(~is_network).then(single).alias(address),
        pl.coalesce(known, pl.when(is_network).then(single)).alias(network),
    )
    return table, count


def _literals(report: Report) -> list[pl.Expr]:
    return [
        pl.lit("Shadowserver").alias("feed.provider"),
        pl.lit(report.name).alias("feed.name"),
        pl.lit(report.name).alias("feed.code"),
    ]


def _class_of(report: Report, table: pl.DataFrame) -> list[pl.Expr]:
    """Taxonomy, type and identifier: those of the report type, or of the row."""
    if not report.kind:
        taxonomy, kind, identifier = _exchange_class(table)
    else:
        taxonomy, kind = pl.lit(report.taxonomy), pl.lit(report.kind)
        identifier = pl.lit(report.identifier) if report.identifier else _name(report, table)
    return [
        taxonomy.alias("classification.taxonomy"),
        kind.alias("classification.type"),
        identifier.alias("classification.identifier"),
    ]


def _name(report: Report, table: pl.DataFrame) -> pl.Expr:
    """A brute-force attempt is called by the service it tried, all else by the malware."""
    field = "protocol.application" if report.kind == "brute-force" else "malware.name"
    if field not in table.columns:
        return pl.lit(None, dtype=pl.String)
    return pl.col(field).str.to_lowercase()


def _exchange_class(table: pl.DataFrame) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """An Exchange server with a web shell is broken into; without, it is vulnerable."""
    if "extra.tag" not in table.columns:
        shell = pl.lit(value=False)
    else:
        shell = pl.col("extra.tag").str.contains("(?i)webshell").fill_null(value=False)

    def either(broken_into: str, vulnerable: str) -> pl.Expr:
        return pl.when(shell).then(pl.lit(broken_into)).otherwise(pl.lit(vulnerable))

    return (
        either("intrusions", "vulnerable"),
        either("system-compromise", "vulnerable-system"),
        either("exchange-server-webshell", "vulnerable-exchange-server"),
    )
