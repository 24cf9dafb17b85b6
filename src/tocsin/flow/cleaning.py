"""Clean-up: how long what was infected stays so, how often it comes back, whom that sets apart.

What is seen are addresses on days; nothing that was not seen was clean, it was not seen. So a spell
is *over* once it has been out of sight for so many whole days (`quiet`), a new sighting after that
is another spell, and what is not over yet is right-censored (Kaplan and Meier, 1958): it counts for
as long as it was seen and never as cured. Where addresses change hands daily, a spell of an address
is shorter than the infection behind it; whoever shows these figures says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from math import log
from pathlib import Path

import numpy as np
import polars as pl

from tocsin.flow.store import read_events

SHOWN = 60  # days of a curve; behind it so few are left that the line says little
QUIET = 14  # days out of sight after which a spell is over
LEAST_PEERS = 5  # below so many nobody is shown what others do (a choice, no figure of a source)
LEAST_SPELLS = 20  # of one party, to be counted among the peers
_Z = 1.959963984540054  # two-sided 95 %
_KEYS = ("party", "family", "thing")
SIGHTINGS: dict[str, pl.DataType | type[pl.DataType]] = {
    "party": pl.String,
    "family": pl.String,
    "thing": pl.String,
    "day": pl.Date,
}
CURVE: dict[str, pl.DataType | type[pl.DataType]] = {
    "day": pl.Int32,
    "at_risk": pl.Int64,
    "over": pl.Int64,
    "share": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}


def sightings(table: Path, *, first: date, last: date, kind: str) -> pl.DataFrame:
    """Who was told, as the network, of which address on which day (`SIGHTINGS`, each once).

    Of events of one class that came in from `first` to `last`. An event without a moment of its own
    is of the day it came in; one that happened earlier or later than both is left out.
    """
    moment = pl.col("time.source").dt.date().fill_null(pl.col("day"))
    told = pl.col("told").str.extract_all(r"(?m)^network:source:[^:\n]+")
    rows = (
        read_events(table)
        .filter(
            pl.col("day").is_between(first, last),
            pl.col("classification.type") == kind,
            pl.col("source.ip").is_not_null(),
        )
        .select(
            told.alias("party"),
            pl.col("malware.name").fill_null("").alias("family"),
            pl.col("source.ip").alias("thing"),
            moment.alias("day"),
        )
        .explode("party")
        .filter(pl.col("party").is_not_null(), pl.col("day").is_between(first, last))
        .with_columns(pl.col("party").str.strip_prefix("network:source:"))
        .unique()
    )
    return rows.collect(engine="streaming").cast(pl.Schema(SIGHTINGS)).sort(*_KEYS, "day")


def spells(seen: pl.DataFrame, *, quiet: int = QUIET, until: date) -> pl.DataFrame:
    """One row per spell: the keys, `number` (0 the first), `first`, `last`, `lasted`, `is_over`.

    `until` is the last day that was looked at; `lasted` counts both ends, so that what was seen on
    one day lasted one.
    """
    if quiet < 1:
        raise ValueError(f"quiet={quiet}: at least one day out of sight ends a spell")
    apart = (pl.col("day").diff().over(_KEYS).dt.total_days() - 1 >= quiet).fill_null(value=False)
    number = apart.cast(pl.Int32).cum_sum().over(_KEYS)
    found = (
        seen.unique()
        .sort(*_KEYS, "day")
        .with_columns(number.alias("number"))
        .group_by(*_KEYS, "number", maintain_order=True)
        .agg(pl.col("day").min().alias("first"), pl.col("day").max().alias("last"))
    )
    return found.with_columns(
        ((pl.col("last") - pl.col("first")).dt.total_days() + 1).cast(pl.Int32).alias("lasted"),
        ((pl.lit(until) - pl.col("last")).dt.total_days() >= quiet).alias("is_over"),
    )


def survival(found: pl.DataFrame) -> pl.DataFrame:
    """The share still seen after so many days, with its 95 % interval (`CURVE`).

    One row per day on which a spell ended, with how many were at risk of ending; Greenwood's
    variance on the log-log scale, so that the interval stays between 0 and 1. At a share of 0 it
    has no width and says nothing. Where there is a column `entered`, a spell is at risk only after
    so many days (left truncation): before that it was under another treatment.
    """
    lasted = found["lasted"].to_numpy()
    over = found["is_over"].to_numpy().astype(bool)
    days, ended = np.unique(lasted[over], return_counts=True)
    at_risk = len(lasted) - np.searchsorted(np.sort(lasted), days, side="left")
    if "entered" in found.columns:
        entered = np.sort(found["entered"].to_numpy())
        at_risk = at_risk - (len(entered) - np.searchsorted(entered, days, side="left"))
    share = np.cumprod(1 - ended / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        summed = np.cumsum(ended / (at_risk * (at_risk - ended)))
        wide = _Z * np.sqrt(summed) / np.abs(np.log(share))
        low, high = share ** np.exp(wide), share ** np.exp(-wide)
    gone = share == 0
    made = {
        "day": days,
        "at_risk": at_risk,
        "over": ended,
        "share": share,
        "low": np.where(gone, 0.0, low),
        "high": np.where(gone, 0.0, high),
    }
    return pl.DataFrame(made, schema=CURVE)


def share_at(curve: pl.DataFrame, day: int) -> float:
    """The share still seen after `day` days."""
    passed = curve.filter(pl.col("day") <= day)["share"]
    return float(passed[-1]) if len(passed) else 1.0


def median(curve: pl.DataFrame) -> int | None:
    """Days after which half is gone; None where that has not been seen yet."""
    gone = curve.filter(pl.col("share") <= 0.5)["day"]
    return int(gone[0]) if len(gone) else None


def coming_back(found: pl.DataFrame) -> float | None:
    """The share of what was over once that was seen again; None where nothing was over."""
    things = found.group_by(_KEYS).agg(
        pl.col("is_over").any().alias("ended"), pl.col("number").max().alias("again")
    )
    ended = things.filter(pl.col("ended") | (pl.col("again") > 0))
    return float((ended["again"] > 0).sum() / len(ended)) if len(ended) else None


@dataclass(frozen=True)
class Decay:
    """How fast the number seen a day falls: the rate a day (positive is falling) with its 95 %
    interval of the normal distribution, and the days in which it halves; None where it may as well
    not fall.
    """

    rate: float
    low: float
    high: float

    @property
    def half_life(self) -> float | None:
        """Days."""
        return log(2) / self.rate if self.low > 0 else None


def decay(counts: Mapping[date, int]) -> Decay | None:
    """A straight line through the logarithms of the daily numbers; days without any are left out.

    None for fewer than seven days: a line through less says nothing.
    """
    kept = sorted((day, number) for day, number in counts.items() if number > 0)
    if len(kept) < 7:
        return None
    days = np.array([(day - kept[0][0]).days for day, _ in kept], dtype=np.float64)
    logs = np.log(np.array([number for _, number in kept], dtype=np.float64))
    centred = days - days.mean()
    spread = float((centred**2).sum())
    slope = float((centred * logs).sum() / spread)
    left = logs - logs.mean() - slope * centred
    error = float(np.sqrt((left**2).sum() / (len(days) - 2) / spread))
    return Decay(-slope, -slope - _Z * error, -slope + _Z * error)


def band(curves: Mapping[str, pl.DataFrame], *, days: int) -> list[tuple[int, float, float, float]]:
    """Day, lower quartile, median and upper quartile of the shares of peers, from day 0 to `days`.

    Nothing where there are fewer than `LEAST_PEERS`. With few peers a bound is the very share of
    one of them: which one, it does not say, and whoever knows the others may guess.
    """
    if len(curves) < LEAST_PEERS:
        return []
    shares = np.array([[share_at(one, day) for day in range(days + 1)] for one in curves.values()])
    low, middle, high = np.quantile(shares, [0.25, 0.5, 0.75], axis=0)
    return [(day, float(low[day]), float(middle[day]), float(high[day])) for day in range(days + 1)]
