"""The Shadowserver Foundation's reports of the last days, each fetched and taken in once."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, cast

from tocsin.channels import shadowserver_api as api
from tocsin.desks.response.actions.arrive import digest_of, key_of, pass_over, take_in_once
from tocsin.desks.response.actions.take_in import Brought
from tocsin.desks.response.actions.upload import upload_folder
from tocsin.desks.response.models import Arrival
from tocsin.office.models import Party
from tocsin.words.errors import Refused, Undelivered, Unreadable, Unusable
from tocsin.words.moments import as_utc

_SOURCE = Arrival.Source.SHADOWSERVER


def fetch_shadowserver(
    account: api.Account,
    *,
    days: int,
    brought: Brought,
    party: Party | None,
    by: str,
    at: datetime,
    store_folder: Path,
) -> int:
    """Reports of today and `days` days before that are not here yet; how many were taken in.

    Raises `Undelivered` where one could not be fetched, when all others were.
    """
    today = as_utc(at).date()
    listed = api.list_reports(account, since=today - timedelta(days=days), until=today)
    taken, faults = 0, []
    for report in _unknown(listed):
        try:
            with _fetched(account, report, store_folder) as path:
                taken += _take(
                    report, path, brought, party, by=by, at=at, store_folder=store_folder
                )
        except Undelivered as fault:
            faults.append(f"{report.file}: {fault}")
    if faults:
        some = "; ".join(faults[:3])
        raise Undelivered(f"{len(faults)} of {len(listed)} reports: {some}", lasting=False)
    return taken


def _unknown(listed: list[api.Listed]) -> list[api.Listed]:
    """Each id once, those that came before left out; by day and name."""
    keys = {key_of(report.id): report for report in listed}
    known = Arrival.objects.filter(source=_SOURCE, key__in=list(keys))
    for key in known.values_list("key", flat=True):
        del keys[key]
    return sorted(keys.values(), key=lambda report: (report.day, report.file))


@contextmanager
def _fetched(account: api.Account, report: api.Listed, store_folder: Path) -> Iterator[Path]:
    with NamedTemporaryFile(dir=upload_folder(store_folder), suffix=".fetched") as file:
        api.download(account, report, cast("BinaryIO", file))
        file.flush()
        if not file.tell():
            raise Undelivered("it is empty and is tried again", lasting=False)
        yield Path(file.name)


def _take(
    report: api.Listed,
    path: Path,
    brought: Brought,
    party: Party | None,
    *,
    by: str,
    at: datetime,
    store_folder: Path,
) -> int:
    """1 where it was taken in; what is no report that is read is remembered and left."""
    key = key_of(report.id)
    try:
        _, is_new = take_in_once(
            path,
            source=_SOURCE,
            key=key,
            name=report.file,
            brought=brought,
            party=party,
            by=by,
            at=at,
            store_folder=store_folder,
        )
    except (Unusable, Refused, Unreadable):
        pass_over(source=_SOURCE, key=key, digest=digest_of(path), at=at)
        return 0
    return int(is_new)
