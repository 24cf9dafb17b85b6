"""Listings for the tests of what the shield writes."""

from datetime import UTC, datetime, timedelta

import polars as pl

from tocsin.formats.listed import Edition, listed

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
EDITION = Edition(7, AT, "Phishing shield of Exampleland", "https://shield.example/appeal")


def row(
    value: str,
    *,
    scope: str = "domain",
    over_https: bool = False,
    number: int = 1,
    added_in: int = 1,
    removed_in: int | None = None,
    because: str = "it looks like mybank",
) -> dict[str, object]:
    return {
        "reference": f"SH-{number:04}",
        "number": number,
        "scope": scope,
        "value": value,
        "over_https": over_https,
        "brand": "My Bank",
        "because": because,
        "listed_at": AT - timedelta(hours=1),
        "expires_at": AT + timedelta(days=14),
        "added_in": added_in,
        "removed_in": removed_in,
    }


def table(*rows: dict[str, object]) -> pl.DataFrame:
    return listed(rows)


SAMPLE = table(
    row("evil.example", number=1),
    row("login.other.example", scope="host", over_https=True, number=2),
    row("http://pages.example/a;b?c=$1", scope="url", number=3),
    row("https://pages.example/ada", scope="url", number=4),
)
