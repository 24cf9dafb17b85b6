"""What the tests of this folder share: read bytes with a format, all of it."""

import io
from dataclasses import dataclass, field

import polars as pl

from tocsin.flow.tables import Chunk, Fault, Parsed
from tocsin.formats.format import Format


@dataclass
class Read:
    """All that came out of some bytes."""

    chunks: list[Chunk] = field(default_factory=list)
    parsed: list[Parsed] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    @property
    def table(self) -> pl.DataFrame:
        return pl.concat([one.table for one in self.parsed], how="diagonal")

    @property
    def rows(self) -> list[dict[str, object]]:
        """The rows without their nulls."""
        rows = (row for one in self.parsed for row in one.table.iter_rows(named=True))
        return [{key: value for key, value in row.items() if value is not None} for row in rows]

    @property
    def notes(self) -> list[str]:
        return list(dict.fromkeys(note for one in self.parsed for note in one.notes))

    @property
    def counts(self) -> dict[str, int]:
        sums: dict[str, int] = {}
        for one in self.parsed:
            for sentence, n in one.counts.items():
                sums[sentence] = sums.get(sentence, 0) + n
        return sums


def read(fmt: Format, data: bytes, name: str = "file") -> Read:
    """Cut and parse `data`."""
    assert fmt.cut is not None
    assert fmt.parse is not None
    out = Read()
    for one in fmt.cut(io.BytesIO(data), name):
        if isinstance(one, Fault):
            out.faults.append(one)
        else:
            out.chunks.append(one)
            out.parsed.append(fmt.parse(one))
            out.faults += out.parsed[-1].faults
    return out
