"""Values that the operator knows of a report and the report does not say."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import polars as pl

from tocsin.flow.tables import Chunk, Parsed
from tocsin.formats.format import Format
from tocsin.words.errors import Unusable

Constants = Sequence[tuple[str, str]]  # fields and their values


def filled(table: pl.DataFrame, constants: Constants) -> pl.DataFrame:
    """A raw table in which each field that a row leaves empty has its constant."""
    return table.with_columns(
        table[name].fill_null(value).alias(name)
        if name in table.columns
        else pl.lit(value).alias(name)
        for name, value in constants
    )


def with_constants(format_: Format, constants: Constants) -> Format:
    """The format, with constants for what its reports leave empty; Unusable where it only
    writes."""
    if format_.parse is None:
        raise Unusable(f"format {format_.name} is for deliveries, not for reports")
    return replace(format_, parse=partial(_parse, format_.parse, tuple(constants)))


def _parse(parse: Callable[[Chunk], Parsed], constants: Constants, chunk: Chunk) -> Parsed:
    parsed = parse(chunk)
    return replace(parsed, table=filled(parsed.table, constants))
