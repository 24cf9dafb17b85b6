"""Messages of sessions and leases to the spans in which an address was held.

Logs come a piece at a time. What is not over by the end of a piece is kept as it is (`pending`)
and folded again with the next one; until then it answers as held up to where the log reaches.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from tocsin.flow.bindings.records import RECORD

# Of a session that nobody heard of again: how long after its last message it is given up.
GIVEN_UP_AFTER = timedelta(days=2)
_SAME = ("session", "ip", "port_first", "port_last", "protocol", "subscriber", "inside")


@dataclass(frozen=True)
class Folded:
    """`over`: spans with both ends, for good. `open_`: the same for what goes on, up to now.

    `pending` (`RECORD`) is what the next piece of the log has to be folded with. All three have
    the columns of `RECORD`; the spans are of the kind `held`.
    """

    over: pl.DataFrame
    open_: pl.DataFrame
    pending: pl.DataFrame


def fold(
    messages: pl.DataFrame,
    *,
    upto: datetime,
    quiet: timedelta | None = None,
    given_up_after: timedelta = GIVEN_UP_AFTER,
) -> Folded:
    """Spans of the messages (`RECORD`, without faults) of one source.

    `upto` is how far the log reaches: its latest message. `quiet` is how long a session may be
    silent and still count as held, where the log has regular messages of those that go on
    (Acct-Interim-Interval); without it a session lasts until it is closed, or given up.
    """
    held = messages.filter(pl.col("kind") == "held")
    spans = _spans(messages.filter(pl.col("kind") != "held"))
    last = pl.col("last")
    is_lease = pl.col("expires").is_not_null()
    now = pl.lit(upto, RECORD["at"])
    lost = ~is_lease & (last + given_up_after <= now)
    closed = pl.col("closed").is_not_null()
    is_over = closed | (is_lease & (pl.col("expires") <= now)) | lost
    heard = pl.min_horizontal(last + quiet, now) if quiet is not None else now
    until = (
        pl.when(closed)
        .then(pl.min_horizontal("closed", pl.coalesce("expires", "closed")))
        .when(is_lease)
        .then(pl.col("expires"))
        .when(lost)
        .then(last if quiet is None else last + quiet)
        .otherwise(heard)
    )
    spans = spans.with_columns(is_over.alias("is_over"), until.alias("until"))
    over, going = spans.filter("is_over"), spans.filter(~pl.col("is_over"))
    return Folded(
        over=pl.concat([_held(over), held.select(RECORD.keys())]),
        open_=_held(going),
        pending=_pending(going),
    )


def _spans(messages: pl.DataFrame) -> pl.DataFrame:
    """One row per span: `at` its beginning, `last` message, `closed` if it was, `expires`."""
    same = [pl.col(name).eq_missing(pl.col(name).shift()) for name in _SAME]
    ordered = messages.sort([*_SAME, "at", pl.col("kind") == "end"])
    restarted = ~pl.all_horizontal(same) | (pl.col("kind").shift() == "end")
    sessions = ordered.with_columns(restarted.fill_null(value=True).cum_sum().alias("nth"))
    # A lease lasts as long as the longest of its messages said, whatever their order.
    longest = pl.col("until").cum_max().over("nth")
    lapsed = (pl.col("kind") == "lease") & (pl.col("at") > longest.shift().over("nth"))
    numbered = sessions.with_columns(
        (pl.col("nth").diff().ne(0) | lapsed.fill_null(value=False))
        .fill_null(value=True)
        .alias("is_new")
    ).with_columns(pl.col("is_new").cum_sum().alias("span"))
    return numbered.group_by("span", maintain_order=True).agg(
        *[pl.col(name).first() for name in _SAME],
        pl.min_horizontal(pl.col("since").min(), pl.col("at").min()).alias("at"),
        pl.col("at").max().alias("last"),
        pl.col("at").filter(pl.col("kind") == "end").max().alias("closed"),
        pl.col("until").max().alias("expires"),
        pl.col("row").first(),
    )


def _held(spans: pl.DataFrame) -> pl.DataFrame:
    """Spans as records; one that lasted no time (a lease refused at once) held nothing."""
    rows = spans.with_columns(
        pl.lit("held").alias("kind"), pl.lit(None, RECORD["since"]).alias("since")
    )
    return rows.filter(pl.col("until") > pl.col("at")).select(
        [pl.col(name).cast(kind) for name, kind in RECORD.items()]
    )


def _pending(spans: pl.DataFrame) -> pl.DataFrame:
    """What goes on, as one message each that says when it began, was heard of, and expires."""
    is_lease = pl.col("expires").is_not_null()
    rows = spans.with_columns(
        pl.when(is_lease).then(pl.lit("lease")).otherwise(pl.lit("alive")).alias("kind"),
        pl.col("at").alias("since"),
        pl.col("last").alias("at"),
        pl.col("expires").alias("until"),
    )
    return rows.select([pl.col(name).cast(kind) for name, kind in RECORD.items()])
