"""Footers: what a file of the store says of its rows, so that most of it is passed over unread.

Each file names, in the metadata at its end, the runs it holds rows of and every text of its column
`told`. The footer is made of the very rows that the file is written with and lies in the same
bytes, so it cannot grow stale: an erasure, a retention or a compaction writes another file, and a
copy of the file has it too. A file without one (of an earlier version, or with too many texts) is
read through. A footer only says where to look; what belongs to whom is read from the rows.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from itertools import groupby
from operator import or_
from pathlib import Path
from sys import intern

import polars as pl

KEY = "tocsin.told"
MOST_TEXTS = 20_000  # of one file; with more, reading them costs more than they save
MOST_STRETCHES = 16  # of texts side by side, each asked for by itself
_HELD = 512  # footers of so many files stay in memory, some 100 KiB each


@dataclass(frozen=True)
class Footer:
    """The runs that a file holds rows of, and every text of its column `told`."""

    runs: frozenset[str]
    told: frozenset[str]


def footer_for(rows: pl.DataFrame) -> dict[str, str]:
    """The metadata of a file with these rows; none where it could not say all."""
    if not {"told", "run"} <= set(rows.columns) or rows["run"].null_count():
        return {}
    texts = rows["told"].drop_nulls().unique().sort().to_list()
    if len(texts) > MOST_TEXTS:
        return {}
    # What follows a first line, by the first line: half as long. As it stands and not packed, so
    # that a search for a person's data in the bytes sees it.
    told: dict[str, list[str]] = {}
    for text in texts:
        first, line_feed, others = text.partition("\n")
        told.setdefault(first, []).append(line_feed + others)
    said = {"runs": rows["run"].unique().sort().to_list(), "told": told}
    return {KEY: json.dumps(said, ensure_ascii=False, separators=(",", ":"))}


def footer_of(path: Path) -> Footer | None:
    """What a file says, or None where it says nothing that can be relied on."""
    found = path.stat()
    return _read(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=_HELD)
def _read(path: Path, changed: int, size: int) -> Footer | None:  # noqa: ARG001  what is cached by
    text = pl.read_parquet_metadata(path).get(KEY)
    if text is None:
        return None
    try:
        said = json.loads(text)
        # One string for all files, so that hundreds of them are compared at the price of one.
        told = [intern(first + rest) for first, rests in said["told"].items() for rest in rests]
        return Footer(frozenset(intern(run) for run in said["runs"]), frozenset(told))
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


@dataclass(frozen=True)
class Place:
    """Files to be read and, where they say what is in them, the filters that find wanted rows."""

    files: list[Path]
    likely: tuple[pl.Expr, ...]


def places(
    files: Iterable[Path], *, told_as: Collection[str], runs: Collection[str]
) -> list[Place]:
    """Where rows of these runs lie that were told as one of these; the rest need not be read."""
    wanted_runs, beginnings = set(runs), tuple(f"{one}:" for one in sorted(set(told_as)))
    read = {path: footer_of(path) for path in files}
    silent = [path for path, footer in read.items() if footer is None]
    speaking = {
        path: footer
        for path, footer in read.items()
        if footer and not footer.runs.isdisjoint(wanted_runs)
    }
    known = sorted(set().union(*(footer.told for footer in speaking.values())))
    wanted = {text for text in known if _names(text, beginnings)}
    named = [path for path, footer in speaking.items() if not footer.told.isdisjoint(wanted)]
    found = [Place(silent, _unsaid(told_as, runs))] if silent else []
    if named:
        of_runs = [pl.col("run").is_in(sorted(wanted_runs))]
        if all(speaking[path].runs <= wanted_runs for path in named):
            of_runs = []
        found.append(Place(named, (_among(known, wanted), *of_runs)))
    return found


def _names(text: str, beginnings: tuple[str, ...]) -> bool:
    return any(line.startswith(beginnings) for line in text.split("\n"))


def _unsaid(told_as: Collection[str], runs: Collection[str]) -> tuple[pl.Expr, ...]:
    """For files that do not say what is in them: text by text."""
    told = [pl.col("told").str.contains(f"{text}:", literal=True) for text in sorted(set(told_as))]
    return reduce(or_, told), pl.col("run").is_in(sorted(set(runs)))


def _among(known: Sequence[str], wanted: Collection[str]) -> pl.Expr:
    """`told` is one of the wanted texts, of those there are.

    As few stretches of texts side by side as there are: by the least and the greatest text of a
    group of rows, Polars passes over all groups that lie in none.
    """
    stretches = [list(group) for is_in, group in groupby(known, wanted.__contains__) if is_in]
    told = pl.col("told")
    if len(stretches) > MOST_STRETCHES:
        reach = told.is_between(pl.lit(stretches[0][0]), pl.lit(stretches[-1][-1]))
        return reach & told.is_in(pl.Series(sorted(wanted)).implode())
    return reduce(or_, [told.is_between(pl.lit(one[0]), pl.lit(one[-1])) for one in stretches])
