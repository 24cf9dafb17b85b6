"""A few events of the node's own, such as a listing: who is concerned, and what each may see.

The same concern and the same release as for reports, without a run over files: nothing is merged,
nothing stored. Only relations that can mend something are told; figures and reporters are not.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import polars as pl

from tocsin.flow.compiled import Compiled
from tocsin.flow.concern import Finder
from tocsin.flow.networks import Networks
from tocsin.flow.normalise import mark, normalise
from tocsin.flow.release import Lane, as_members, may_receive, needed, release
from tocsin.flow.stages import LANES, located
from tocsin.flow.tables import ROW, Parsed
from tocsin.rules.concern import ACTING
from tocsin.words.errors import Unusable
from tocsin.words.markings import Tlp
from tocsin.words.relations import Relation, Side

BLANK = "redacted"
_MAILBOX = re.compile(r"[A-Za-z0-9._+-]{1,64}(?:@|%40)[A-Za-z0-9.-]{1,253}", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+_-]{8,1000}={0,2}")


@dataclass(frozen=True)
class Told:
    """One party told of events: the number of the party, why, and the rows as they may leave."""

    party: int
    relation: Relation
    because: str
    rows: pl.DataFrame


def without_people(url: str) -> str:
    """A URL without mail addresses, plain, percent-encoded or in base64: its victims' own."""
    plain = _MAILBOX.sub(BLANK, url)
    for token in {one for one in _BASE64.findall(plain) if _holds_mailbox(one)}:
        plain = plain.replace(token, BLANK)
    return plain


def _holds_mailbox(token: str) -> bool:
    plain = token.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        said = base64.b64decode(plain + "=" * (-len(plain) % 4)).decode("latin-1")
    except (binascii.Error, ValueError):
        return False
    return _MAILBOX.search(said) is not None


def events_of(
    rows: Sequence[Mapping[str, str]], *, hashes: Sequence[str], tlp: Tlp, at: datetime
) -> pl.DataFrame:
    """Rows of IDF and `extra.*` texts as validated events; raises `Unusable` for one that is none.

    `hashes` name them: the same event has the same in every delivery.
    """
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: pl.Series([row.get(name) for row in rows], dtype=pl.String) for name in names}
    table = pl.DataFrame({ROW: pl.Series(range(1, len(rows) + 1), dtype=pl.Int64), **columns})
    nothing = np.zeros(len(rows), dtype=np.int64)
    done = normalise(Parsed(table, b"", nothing, nothing))
    if done.faults:
        raise Unusable(f"this is no event that anybody could be told of: {done.faults[0].reason}")
    return as_members(mark(done.events, tlp)).with_columns(
        pl.Series("event_hash", hashes, dtype=pl.String),
        pl.lit(at).dt.cast_time_unit("us").alias("time.observation"),
        pl.lit(0, dtype=pl.UInt32).alias("repeats"),
        pl.lit(None, dtype=pl.String).alias("report"),
        pl.col(ROW).alias("row"),
    )


def tell(
    events: pl.DataFrame, *, compiled: Compiled, networks: Networks, on: date, secret: bytes
) -> list[Told]:
    """Everybody concerned who can mend something, once for each relation."""
    finder = Finder(events, compiled, networks)
    events = located(events, finder)
    found: list[Told] = []
    for relation, side in LANES:
        if relation not in ACTING:
            continue
        links = finder.links(relation, side)
        allowed = events["tlp"].is_in(may_receive(relation)).gather(links["event"])
        for part in links.filter(allowed).sort("party", "event").partition_by("party"):
            lane = Lane(relation, side, on)
            rows = _released(events[part["event"]], part["because"], lane, secret)
            found.append(Told(part["party"][0], relation, part["because"][0], rows))
    return found


def tell_again(
    events: pl.DataFrame,
    *,
    networks: Networks,
    compiled: Compiled,
    party: int,
    relation: Relation,
    because: str,
    on: date,
    secret: bytes,
) -> Told:
    """Somebody who was told of a matter is told what became of it, as the same relation."""
    events = located(events, Finder(events, compiled, networks))
    said = pl.Series("because", [because] * events.height, dtype=pl.String)
    rows = _released(events, said, Lane(relation, Side.SOURCE, on), secret)
    return Told(party, relation, because, rows)


def _released(events: pl.DataFrame, because: pl.Series, lane: Lane, secret: bytes) -> pl.DataFrame:
    told = events.select(needed(lane, events.columns)).with_columns(
        because.alias("because"), pl.lit(None, dtype=pl.String).alias("attributable")
    )
    return release(told, lane, secret=secret)
