"""Bindings on the disk: sorted, whole, merged."""

from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.flow.bindings.plain import Held, table
from tests.flow.bindings.test_look_up import bindings
from tocsin.flow.bindings.runs import SCHEMA, Run, merged, runs_in, write_run, write_sorted
from tocsin.words.errors import Unreadable

held = st.lists(bindings(), min_size=1, max_size=30)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None
)
@given(several=st.lists(held, min_size=1, max_size=4), group=st.sampled_from([1, 3, 7]))
def test_runs_merged_are_all_their_rows_in_order(
    tmp_path: Path, several: list[list[Held]], group: int
) -> None:
    runs = [
        write_run(table(rows), tmp_path / f"{n}.bindings.parquet", group=group)
        for n, rows in enumerate(several)
    ]
    all_rows = pl.concat([table(rows) for rows in several]).sort(*SCHEMA)

    whole = write_sorted(merged(runs), tmp_path / "whole.bindings.parquet", group=group)

    rows = pl.concat(list(whole.frames()))
    assert rows["key"].is_sorted()
    assert (
        rows.group_by("key", maintain_order=True)
        .agg(pl.col("since").diff().fill_null(0).min().alias("back"))["back"]
        .min()
        >= 0
    )  # type: ignore[operator]
    assert rows.sort(*SCHEMA).equals(all_rows)
    assert whole.reach == (all_rows["since"].min(), all_rows["until"].max())


def test_what_is_over_is_left_out_when_runs_are_merged(tmp_path: Path) -> None:
    rows = table([Held("192.0.2.7", 0, 10, 1), Held("192.0.2.7", 5, 50, 2)])
    run = write_run(rows, tmp_path / "a.bindings.parquet")

    kept = pl.concat(list(merged([run], keep=lambda f: f.filter(pl.col("until") > 20_000_000))))

    assert kept["line"].to_list() == [2]


def test_a_run_of_nothing_answers_nothing(tmp_path: Path) -> None:
    run = write_run(pl.DataFrame(schema=SCHEMA), tmp_path / "a.bindings.parquet")

    assert (run.rows, run.heights, list(run.frames())) == (0, frozenset(), [])
    assert runs_in(tmp_path) == [run]


def test_a_file_that_is_no_run_is_named(tmp_path: Path) -> None:
    path = tmp_path / "b.bindings.parquet"
    path.write_bytes(b"no parquet at all")
    with pytest.raises(Unreadable, match=r"b\.bindings\.parquet: no run of bindings"):
        Run(path).rows  # noqa: B018

    pl.DataFrame({"a": [1]}).write_parquet(path)
    with pytest.raises(Unreadable, match="its facts are missing"):
        Run(path).heights  # noqa: B018
