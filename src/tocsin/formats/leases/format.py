"""What every log of leases or sessions offers; `catalogue.py` lists them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

import polars as pl

from tocsin.flow.bindings.records import complete, faults
from tocsin.flow.tables import Fault


@dataclass(frozen=True)
class Piece:
    """Some messages of a log (`RECORD`, without faults) and what could not be used."""

    rows: pl.DataFrame
    faults: list[Fault] = field(default_factory=list)


@dataclass(frozen=True)
class LeaseFormat:
    """One kind of log.

    `read` yields pieces of bounded size and raises `Unreadable` and nothing else. `subscriber`
    lists what can name the line, the usual one first. `is_message` tells logs of messages, which
    are folded, from those whose rows have both ends already.
    """

    name: str
    title: str
    sniff: Callable[[bytes, str], bool]  # first bytes, file name
    read: Callable[[BinaryIO, str, str], Iterator[Piece]]  # stream, file name, `subscriber`
    subscriber: tuple[str, ...] = ()
    is_message: bool = True
    samples: str = ""


def checked(rows: pl.DataFrame, raw: Callable[[int], bytes]) -> Piece:
    """Rows that have some columns of `RECORD`, with `row`; those that break a rule become faults.

    `raw` gives the exact bytes of the nth row of the table.
    """
    whole = complete(rows)
    broken = faults(whole)
    if not broken.is_not_null().any():
        return Piece(whole)
    found = [
        Fault(whole["row"][at], broken[at], raw(at))
        for at in broken.is_not_null().arg_true().to_list()
    ]
    return Piece(whole.filter(broken.is_null()), found)
