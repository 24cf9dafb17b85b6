"""What the shield lists, as a table: what every output of it is written from.

One row for each term of a listing. A change (another answer, another term) ends a row and begins
another, so that what is in force at a version, and what changed since one, are two filters.

    reference   String    the listing's own, for people: it carries no sequence
    number      Int64     1 and up, each once: what Suricata's rules are numbered by
    scope       String    `rules.listing.Scope`
    value       String    a name in ASCII and lower case without a final dot, or a URL
    over_https  Boolean   whether it answers over HTTPS, where a warning page would only look broken
    brand       String    what is imitated, or null
    because     String    why it is listed, in a sentence
    listed_at, expires_at Datetime(us, UTC)
    added_in    Int64     the version it came with
    removed_in  Int64     the version it went with, or null
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from tocsin.rules.listing import SCOPES, Scope
from tocsin.words.errors import Refused, Unusable

_MOMENT = pl.Datetime("us", "UTC")
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "reference": pl.String,
    "number": pl.Int64,
    "scope": pl.String,
    "value": pl.String,
    "over_https": pl.Boolean,
    "brand": pl.String,
    "because": pl.String,
    "listed_at": _MOMENT,
    "expires_at": _MOMENT,
    "added_in": pl.Int64,
    "removed_in": pl.Int64,
}
BY_NAME = tuple(str(scope) for scope, row in SCOPES.items() if row.is_blocked_by_name)
NAME = r"^[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})+$"
_TRIGGER = r"\.(?:rpz-[a-z-]*|[0-9]+)$"
LONGEST_NAME = 253  # RFC 1035 2.3.4, as text
LONGEST_PREFIX = len("*.")


@dataclass(frozen=True)
class Edition:
    """One edition of the list: its version, when it was made, whose it is, whom to write to."""

    version: int
    made_at: datetime
    title: str
    contact: str


@dataclass(frozen=True)
class Delta:
    """What changed after version `since` up to `version`: rows of the table.

    Whoever applies it takes out `removed` first. What one row takes out and another still lists
    is in `added` too. `stayed` are the rows in both versions of every value that a change touches:
    with `removed` they are what was listed of it before, with `added` what is listed of it now.
    """

    since: int
    version: int
    added: pl.DataFrame
    removed: pl.DataFrame
    stayed: pl.DataFrame


def listed(
    rows: Iterable[Mapping[str, object]] | Mapping[str, Sequence[object]],
) -> pl.DataFrame:
    """Rows, or columns, to the table; raises `Unusable` for a name that no zone can hold."""
    table = pl.DataFrame(rows, schema=SCHEMA)
    refuse_misfits(table.filter(pl.col("scope").is_in(BY_NAME))["value"])
    return table


def in_force(table: pl.DataFrame, *, version: int, at: datetime) -> pl.DataFrame:
    """What is listed in a version at a moment: an end that has come needs no version."""
    return table.filter(
        pl.col("added_in") <= version,
        pl.col("removed_in").is_null() | (pl.col("removed_in") > version),
        pl.col("expires_at") > at,
    )


def changes(table: pl.DataFrame, *, since: int, version: int) -> Delta:
    """What came and what went after a version; raises `Refused` for one that is not yet."""
    if not 0 <= since <= version:
        raise Refused(f"since={since} is no version. Possible: 0 to {version}")
    came = pl.col("added_in").is_between(since, version, closed="right")
    stays = pl.col("removed_in").is_null() | (pl.col("removed_in") > version)
    went = pl.col("removed_in").is_between(since, version, closed="right")
    removed = table.filter(went & (pl.col("added_in") <= since)).sort("value", "number")
    is_listed = (pl.col("added_in") <= version) & stays
    again = pl.col("value").is_in(removed["value"].unique().implode())
    added = table.filter(is_listed & (came | again)).sort("value", "number")
    touched = pl.concat([removed["value"], added["value"]]).unique()
    both = is_listed & (pl.col("added_in") <= since)
    stayed = table.filter(both & pl.col("value").is_in(touched.implode())).sort("value", "number")
    return Delta(since, version, added, removed, stayed)


def names_of(table: pl.DataFrame) -> pl.Series:
    """The names to block, each once, sorted."""
    return table.filter(pl.col("scope").is_in(BY_NAME))["value"].unique().sort().alias("name")


def urls_of(table: pl.DataFrame) -> pl.Series:
    """The addresses of which no name is blocked, each once, sorted."""
    return table.filter(pl.col("scope") == str(Scope.URL))["value"].unique().sort().alias("url")


# ── names that no list can hold ──────────────────────────────────────────────────────────


def misfits(names: pl.Series, *, below: str = "") -> pl.DataFrame:
    """Names that a zone `below` cannot hold: columns `name`, `why`, both String."""
    name = pl.col("name")
    table = names.alias("name").to_frame()
    room = LONGEST_NAME - LONGEST_PREFIX - (len(below) + 1 if below else 0)
    # One look at all of a million names, and three more only where one of them does not fit.
    fits = name.str.contains(NAME) & (name.str.len_bytes() <= room) & ~name.str.contains(_TRIGGER)
    if table.select(fits.fill_null(value=False).all()).item():
        return pl.DataFrame(schema={"name": pl.String, "why": pl.String})
    why = (
        pl.when(name.is_null() | ~name.str.contains(NAME))
        .then(pl.lit("is no name of two labels or more, of a-z, 0-9, - and _, each 1 to 63 long"))
        .when(name.str.len_bytes() > room)
        .then(pl.lit(f"is longer than the {room} characters that the zone has room for"))
        # The last label of a trigger by address or name server (RPZ, sections 4.1 to 4.5).
        .when(name.str.contains(r"\.rpz-[a-z-]*$"))
        .then(pl.lit("is a trigger of a response policy zone and no name"))
        .when(name.str.contains(r"\.[0-9]+$"))
        .then(pl.lit("is an address and no name"))
    )
    return table.select("name", why=why).drop_nulls("why")


def refuse_misfits(names: pl.Series, *, below: str = "") -> None:
    """Raises `Unusable` with the first name that would break what is written, and how many do."""
    found = misfits(names, below=below)
    if found.height:
        name, why = found.row(0)
        rest = f", and {found.height - 1} more" if found.height > 1 else ""
        raise Unusable(f"{str(name)[:80]!a} {why}{rest}. Possible: list one address instead")
