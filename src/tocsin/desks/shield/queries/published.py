"""The list as it goes out: the table, its editions, and the files that are written from it."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from threading import Lock

import polars as pl
from django.conf import settings
from django.db.models import Min, Q, QuerySet

from tocsin.desks.shield.models import Edition as Row
from tocsin.desks.shield.models import Listing, Term
from tocsin.desks.shield.queries.known import passes
from tocsin.formats import listed, rpz
from tocsin.formats.blocklists import LIST_FORMATS, PLAIN_FORMS, write_delta
from tocsin.formats.listed import Delta, Edition
from tocsin.rules.audiences import PUBLIC
from tocsin.words.errors import NotFound, Refused

_KEPT = 12
_TOGETHER = 20_000  # rows made a table at once
_AT_ONCE = 500  # values in one question
RPZ = "rpz"
FORMS = (RPZ, *LIST_FORMATS)
TITLE = "Phishing shield"


@dataclass(frozen=True)
class File:
    """One file of the list: its bytes, their type, the edition, and what a cache goes by."""

    data: bytes
    media_type: str
    edition: Edition
    etag: str

    @property
    def version(self) -> int:
        """The version that it is of."""
        return self.edition.version


class VersionGone(Refused):
    """What changed since a version cannot be told: there is no such one, or not any more."""


_files: OrderedDict[tuple[str, str, int, str], tuple[datetime | None, File]] = OrderedDict()
_lock = Lock()


def zone(audience: str = PUBLIC.name) -> rpz.Zone:
    """The zone of an audience; one that the node's settings do not name is called rpz.invalid."""
    words = settings.SHIELD
    origin = words["zones"].get(audience) or (
        words["zone"] if audience == PUBLIC.name else f"{audience}.rpz.invalid"
    )
    garden = words["garden"]
    is_name = len(garden) == 1 and ":" not in garden[0] and garden[0].rpartition(".")[2].isalpha()
    leads = rpz.Garden(name=garden[0]) if is_name else rpz.Garden(addresses=garden)
    return rpz.Zone(origin, words["name_server"], f"hostmaster.{origin}", leads)


def newest(audience: str = PUBLIC.name) -> Row | None:
    """The last edition of an audience's list; None where it never had anything."""
    return Row.objects.filter(audience=audience).order_by("-version").first()


def waiting_since(serial: int | None, audience: str = PUBLIC.name) -> datetime | None:
    """Since when an edition waits that a zone with this serial has not; None where none does.

    Of a serial that is none of its editions, since the newest one.
    """
    rows = Row.objects.filter(audience=audience).order_by("-version")
    last = rows.first()
    if last is None or last.version == serial:
        return None
    if serial is None or not rows.filter(version=serial).exists():
        return last.at
    return rows.filter(version__gt=serial).order_by("version").values_list("at", flat=True).first()


def edition_of(row: Row | None, *, contact: str, at: datetime) -> Edition:
    """An edition as `formats` takes it; before the first one, number 0."""
    if row is None:
        return Edition(0, at, TITLE, contact)
    return Edition(row.version, row.at, TITLE, contact)


_COLUMNS = (
    *("listing__reference", "number", "scope", "value", "over_https", "listing__brand"),
    *("listing__because", "listed_at", "expires_at", "added_in", "removed_in"),
)


def table_of(rows: QuerySet[Term]) -> pl.DataFrame:
    """Terms as the table that all outputs are written from, column by column."""
    found = rows.order_by("number").values_list(*_COLUMNS).iterator(chunk_size=_TOGETHER)
    parts = [listed.listed({})]
    while some := list(islice(found, _TOGETHER)):
        columns = zip(listed.SCHEMA, zip(*some, strict=True), strict=True)
        parts.append(listed.listed({name: list(values) for name, values in columns}))
    return pl.concat(parts)


def current(audience: str = PUBLIC.name, *, at: datetime) -> pl.DataFrame:
    """What is in force for an audience."""
    terms = Term.objects.filter(audience=audience)
    return table_of(terms.filter(removed_in=None, expires_at__gt=at))


_PLAIN = ("scope", "value", "over_https")


def names_in_force(audience: str = PUBLIC.name, *, at: datetime) -> pl.DataFrame:
    """What is in force by name, for forms that hold nothing else: the other columns are null.

    Of a million names, reading all that is known of them would take most of the time.
    """
    return _names_of(Term.objects.filter(audience=audience, removed_in=None, expires_at__gt=at))


def names_in(version: int, audience: str = PUBLIC.name) -> pl.DataFrame:
    """The same for a version, whatever the time is: what the next delta begins with.

    An end that has come is a version of its own, within seconds.
    """
    stays = Q(removed_in=None) | Q(removed_in__gt=version)
    return _names_of(Term.objects.filter(stays, audience=audience, added_in__lte=version))


def _names_of(terms: QuerySet[Term]) -> pl.DataFrame:
    found = terms.filter(scope__in=listed.BY_NAME).values_list(*_PLAIN)
    parts = [listed.listed({})]
    rows = found.order_by().iterator(chunk_size=_TOGETHER)
    while some := list(islice(rows, _TOGETHER)):
        columns = dict(zip(_PLAIN, map(list, zip(*some, strict=True)), strict=True))
        parts.append(listed.listed({**dict.fromkeys(listed.SCHEMA, [None] * len(some)), **columns}))
    return pl.concat(parts)


def changes_since(since: int, audience: str = PUBLIC.name, *, version: int) -> Delta:
    """What changed after a version; raises `VersionGone` for one that is not known."""
    if since and not Row.objects.filter(audience=audience, version=since).exists():
        raise VersionGone(
            f"since={since} is no version of this list, or none any more. Possible: fetch the "
            "whole list, and ask since the version in it"
        )
    terms = Term.objects.filter(audience=audience)
    went = table_of(terms.filter(removed_in__gt=since, added_in__lte=since))
    came = table_of(terms.filter(added_in__gt=since))
    touched = pl.concat([went["value"], came["value"]]).unique()
    table = pl.concat([went, came, _there_before(touched, audience, since)])
    # One that went between these questions is in two answers.
    table = table.unique("number", maintain_order=True)
    return listed.changes(table, since=since, version=version)


def _there_before(touched: pl.Series, audience: str, since: int) -> pl.DataFrame:
    """What other listings held already of what came and went.

    Found by the listings' values alone, and looked at here: with a million names, a database that
    also sees `removed_in` may read all that was never removed.
    """
    values, keys = touched.to_list() if since else [], list[int]()
    for start in range(0, len(values), _AT_ONCE):
        some = Listing.objects.filter(value__in=values[start : start + _AT_ONCE])
        keys += list(some.values_list("pk", flat=True))
    parts = [
        table_of(_of_audience(keys[start : start + _AT_ONCE], audience, since))
        for start in range(0, len(keys), _AT_ONCE)
    ]
    return pl.concat([listed.listed({}), *parts])


def _of_audience(keys: list[int], audience: str, since: int) -> QuerySet[Term]:
    rows = Term.objects.filter(listing__in=keys)
    wanted = [
        pk
        for pk, of, added, removed in rows.values_list("pk", "audience", "added_in", "removed_in")
        if of == audience and added <= since and (removed is None or removed > since)
    ]
    return Term.objects.filter(pk__in=wanted)


def is_whole_since(since: int, audience: str = PUBLIC.name) -> bool:
    """Whether the names that always pass changed after a version."""
    return Row.objects.filter(audience=audience, version__gt=since, is_whole=True).exists()


def file_of(form: str, audience: str = PUBLIC.name, *, contact: str, at: datetime) -> File:
    """One form of the list; made anew where its edition, or what is in force, is another.

    Raises `NotFound` for a form that there is not.
    """
    if form not in FORMS:
        raise NotFound(f"there is no form {form!r}. Possible: {', '.join(sorted(FORMS))}")
    row = newest(audience)
    key = (audience, form, row.version if row else 0, contact)
    with _lock:
        until, kept = _files.get(key, (None, None))
        if kept is not None and (until is None or until > at):
            return kept
    is_plain = form == RPZ or form in PLAIN_FORMS
    table = names_in_force(audience, at=at) if is_plain else current(audience, at=at)
    made = _made(form, audience, table, edition_of(row, contact=contact, at=at))
    with _lock:
        _files[key] = (_next_end(audience, at=at), made)
        while len(_files) > _KEPT:
            _files.popitem(last=False)
    return made


def _next_end(audience: str, *, at: datetime) -> datetime | None:
    terms = Term.objects.filter(audience=audience, removed_in=None, expires_at__gt=at)
    end: datetime | None = terms.aggregate(first=Min("expires_at"))["first"]
    return end


def _made(form: str, audience: str, table: pl.DataFrame, edition: Edition) -> File:
    if form == RPZ:
        data = rpz.write_zone(table, zone=zone(audience), edition=edition, passes=passes())
        kind = rpz.MEDIA_TYPE
    else:
        data, kind = LIST_FORMATS[form].write(table, edition), LIST_FORMATS[form].media_type
    return File(data, kind, edition, etag_of(data))


def delta_file(since: int, audience: str = PUBLIC.name, *, contact: str, at: datetime) -> File:
    """What changed after a version, as JSON."""
    row = newest(audience)
    edition = edition_of(row, contact=contact, at=at)
    data = write_delta(changes_since(since, audience, version=edition.version), edition)
    return File(data, "application/json", edition, etag_of(data))


def etag_of(data: bytes) -> str:
    """What a cache goes by: the bytes, and nothing else."""
    return f'"{hashlib.sha256(data).hexdigest()[:32]}"'
