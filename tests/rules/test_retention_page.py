"""The page on retention says what the table says."""

from pathlib import Path

from tocsin.rules.retention import RETENTION, Keep

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "retention.md").read_text("utf-8")


def row(keep: Keep) -> str:
    """One row of the page."""
    if keep.keep_for is None:
        span = "until then"
    elif not keep.keep_for:
        span = "not stored"
    else:
        days, hours = keep.keep_for.days, keep.keep_for.seconds // 3600
        span = f"{days} days" if days else f"{hours} hours"
    kind = "all" if keep.kind == "*" else keep.kind
    cells = (keep.place.value, kind, span, keep.counted_from, keep.purpose, keep.basis)
    return f"| {' | '.join(cells)} |"


def test_the_page_on_retention_has_the_rows_of_the_table_in_their_order() -> None:
    table = PAGE.partition("|---|---|---|---|---|---|\n")[2].partition("\n\n")[0]

    assert table.splitlines() == [row(keep) for keep in RETENTION]
