"""Erasing addresses and lines from the bindings: the rows go, and the files are written anew."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

import polars as pl
from django.db.models import Q

from tocsin.desks.subscribers.actions.importing import LINES
from tocsin.desks.subscribers.actions.keeping import replace_runs
from tocsin.desks.subscribers.models import BindingRun, Contact, Finding, Source
from tocsin.desks.subscribers.queries.bindings import FOLDER, open_path, pending_path, run_path
from tocsin.flow.bindings.records import pseudonym
from tocsin.flow.bindings.runs import SCHEMA, Run, overlapping, write_run
from tocsin.office import keys

Networks = Sequence[IPv4Network | IPv6Network]
PLACE = "bindings of addresses"


def erase_bindings(
    kind: str, values: Sequence[str], *, at: datetime, store_folder: Path, dry_run: bool
) -> int:
    """Take out what is held of addresses (`kind` "address"), or of lines by name ("account").

    How many bindings, and of lines how many findings. What goes on still goes too: the next import
    begins it anew. No finding knows an address.
    """
    if kind not in ("address", "account") or not (store_folder / FOLDER).is_dir():
        return 0
    wanted = _Wanted(kind, values, store_folder)
    findings = Finding.objects.filter(line__in=wanted.lines)
    found_on = findings.count()
    if found_on and not dry_run:
        findings.delete()  # with their warnings
    rows = list(BindingRun.objects.all())
    counts = {row.pk: _count(Run(run_path(store_folder, row.uid.hex)), wanted) for row in rows}
    hit = [row for row in rows if counts[row.pk]]
    if hit and not dry_run:
        replace_runs(hit, keep=wanted.others, at=at, store_folder=store_folder)
    return (
        found_on
        + sum(counts.values())
        + sum(
            _of_source(source, wanted, store_folder, dry_run=dry_run)
            for source in Source.objects.exclude(latest=None)
        )
    )


def names_of(lines: Iterable[int]) -> set[int]:
    """The lines, and every other name that the list of subscribers has for them."""
    found = set(lines)
    while True:
        rows = Contact.objects.filter(Q(line__in=found) | Q(same_as__in=found))
        pairs = {one for pair in rows.values_list("line", "same_as") for one in pair if one}
        if pairs <= found:
            return found
        found |= pairs


class _Wanted:
    """What is to go: addresses, or lines."""

    def __init__(self, kind: str, values: Sequence[str], store_folder: Path) -> None:
        self._networks: Networks = []
        self._lines = pl.Series([], dtype=pl.UInt64)
        if kind == "address":
            self._networks = [ip_network(value, strict=False) for value in values]
        else:
            secret = keys.secret(store_folder / "keys", LINES)
            lines = names_of([pseudonym(one, secret) for one in values])
            self._lines = pl.Series(sorted(lines), dtype=pl.UInt64)

    @property
    def lines(self) -> list[int]:
        """The lines that are to go; of addresses none."""
        return [int(line) for line in self._lines]

    def rows(self, frame: pl.DataFrame) -> pl.Series:
        """Which bindings."""
        if self._networks:
            return overlapping(frame, self._networks)
        return frame["line"].is_in(self._lines)

    def others(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The bindings that stay."""
        return frame.filter(~self.rows(frame))

    def messages(self, pending: pl.DataFrame) -> pl.Series:
        """Which messages of a log."""
        if not self._networks:
            return pending["subscriber"].is_in(self._lines.cast(pl.String)).fill_null(value=False)
        held = [ip_network(text) for text in pending["ip"].to_list()]
        hit = [any(_meet(one, ip) for one in self._networks) for ip in held]
        return pl.Series(hit, dtype=pl.Boolean)


def _meet(one: IPv4Network | IPv6Network, other: IPv4Network | IPv6Network) -> bool:
    return one.version == other.version and one.overlaps(other)


def _count(run: Run, wanted: _Wanted) -> int:
    return sum(int(wanted.rows(frame).sum()) for frame in run.frames())


def _of_source(source: Source, wanted: _Wanted, folder: Path, *, dry_run: bool) -> int:
    """What goes on still: the bindings that answer for it, and the messages they are made of."""
    latest = source.latest.hex if source.latest else ""
    run = Run(open_path(folder, latest))
    path = pending_path(folder, latest)
    pending = pl.read_parquet(path)
    said = wanted.messages(pending)
    # What began with the last message of a log has lasted no time yet: it is pending alone.
    found = max(_count(run, wanted), int(said.sum()))
    if found and not dry_run:
        write_run(wanted.others(pl.concat([pl.DataFrame(schema=SCHEMA), *run.frames()])), run.path)
        partial = path.with_suffix(".partial")
        pending.filter(~said).write_parquet(partial)
        partial.replace(path)
    return found
