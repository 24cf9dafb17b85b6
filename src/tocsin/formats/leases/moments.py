"""Moments of logs: with their zone, or as seconds since 1970. Without a zone there is none."""

import polars as pl

_MOMENT = pl.Datetime("us", "UTC")
LATEST = 4_102_444_800  # 2100-01-01, in seconds


def moments(texts: pl.Series) -> pl.Series:
    """ISO 8601 with an offset or Z, or Unix seconds (String), to Datetime; null for others.

    A time of day without a zone is anybody's; an hour wrong is another subscriber.
    """
    seconds = texts.cast(pl.Float64, strict=False)
    iso = (
        texts.str.strip_chars()
        .str.replace(r"^(\d{4}-\d\d-\d\d)[ ]", "${1}T")
        .str.replace(r"[Zz]$", "+00:00")
        .str.replace(r"([+-]\d\d)(\d\d)$", "${1}:${2}")
        .str.replace(r"([+-]\d\d)$", "${1}:00")
        .str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", strict=False, time_unit="us")
    )
    return pl.select(
        pl.when(pl.lit(seconds).is_not_null())
        .then(pl.lit(unix(seconds)))
        .otherwise(pl.lit(iso).cast(_MOMENT))
    ).to_series()


def unix(seconds: pl.Series) -> pl.Series:
    """Seconds since 1970 (any number) to Datetime; null before it and from 2100 on."""
    within = seconds.is_between(0, LATEST, closed="left")
    micros = (
        (seconds.cast(pl.Float64) * 1_000_000).round().set(~within.fill_null(value=False), None)
    )
    return micros.cast(pl.Int64).cast(_MOMENT)


def number(text: str, most: int) -> int | None:
    """A number in ASCII digits up to `most`; None for anything else, however long it is."""
    if not text.isascii() or not text.isdigit() or len(text) > 12 or int(text) > most:
        return None
    return int(text)
