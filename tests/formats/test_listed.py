"""The table of listings: versions, what changed since one, names that nothing can hold."""

from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.formats.listings import AT, row, table
from tocsin.formats.listed import changes, in_force, names_of, urls_of
from tocsin.words.errors import Refused, Unusable

FIXED = settings(max_examples=200, deadline=None, derandomize=True)


def values(rows: pl.DataFrame) -> list[str]:
    return rows["value"].to_list()


def test_what_is_in_force_has_come_has_not_gone_and_has_not_ended() -> None:
    rows = table(
        row("a.example", added_in=1),
        row("b.example", added_in=1, removed_in=2),
        row("c.example", added_in=3),
    )

    assert values(in_force(rows, version=1, at=AT)) == ["a.example", "b.example"]
    assert values(in_force(rows, version=2, at=AT)) == ["a.example"]
    assert values(in_force(rows, version=3, at=AT)) == ["a.example", "c.example"]
    assert values(in_force(rows, version=3, at=AT + timedelta(days=14))) == []


def test_a_delta_says_what_came_and_what_went_since() -> None:
    rows = table(
        row("a.example", added_in=1, removed_in=3),
        row("b.example", added_in=2, removed_in=3),
        row("c.example", added_in=3),
    )

    delta = changes(rows, since=1, version=3)

    assert (values(delta.added), values(delta.removed)) == (["c.example"], ["a.example"])
    assert changes(rows, since=3, version=3).added.height == 0


def test_a_name_that_another_row_still_lists_is_added_again() -> None:
    rows = table(
        row("a.example", number=1, added_in=1, removed_in=2), row("a.example", number=2, added_in=1)
    )

    delta = changes(rows, since=1, version=2)

    assert (values(delta.added), values(delta.removed)) == (["a.example"], ["a.example"])


@pytest.mark.parametrize("since", [-1, 4])
def test_a_version_that_is_not_yet_is_refused(since: int) -> None:
    with pytest.raises(Refused, match="Possible: 0 to 3"):
        changes(table(), since=since, version=3)


HISTORY = st.lists(
    st.tuples(
        st.sampled_from(["a.example", "b.example", "c.example"]),
        st.integers(1, 5),
        st.one_of(st.none(), st.integers(1, 4)),
    ),
    max_size=8,
)


@given(HISTORY, st.integers(0, 5), st.integers(0, 5))
@FIXED
def test_an_old_list_with_a_delta_is_the_new_list(
    history: list[tuple[str, int, int | None]], one: int, other: int
) -> None:
    rows = table(
        *(
            row(name, number=n, added_in=added, removed_in=added + lasts if lasts else None)
            for n, (name, added, lasts) in enumerate(history)
        )
    )
    since, version = min(one, other), max(one, other)
    delta = changes(rows, since=since, version=version)

    before = set(values(in_force(rows, version=since, at=AT)))
    after = (before - set(values(delta.removed))) | set(values(delta.added))

    assert after == set(values(in_force(rows, version=version, at=AT)))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Evil.example", "is no name of two labels"),
        ("evil.example.", "is no name of two labels"),
        ("evil", "is no name of two labels"),
        ("*.evil.example", "is no name of two labels"),
        ("évil.example", "is no name of two labels"),
        ("evil.example\nok.example", "is no name of two labels"),
        ("evil.example CNAME", "is no name of two labels"),
        ("$include.example/etc", "is no name of two labels"),
        (f"{'a' * 64}.example", "is no name of two labels"),
        (f"{'a.' * 126}example", "is longer than the 251 characters"),
        ("32.1.2.0.192.rpz-ip", "is a trigger of a response policy zone"),
        ("ns.evil.example.rpz-nsdname", "is a trigger of a response policy zone"),
        ("192.0.2.1", "is an address and no name"),
    ],
)
def test_a_name_that_would_break_a_list_is_refused(name: str, why: str) -> None:
    with pytest.raises(Unusable) as refused:
        table(row(name))

    assert why in str(refused.value)
    assert str(refused.value).endswith("Possible: list one address instead")


def test_names_with_underscores_and_punycode_are_names() -> None:
    rows = table(
        row("_x.a_b.example"),
        row("xn--bcher-kva.example"),
        row("https://x.example/É", scope="url"),
        row("xn--bcher-kva.example", scope="host"),
    )

    assert names_of(rows).to_list() == ["_x.a_b.example", "xn--bcher-kva.example"]
    assert urls_of(rows).to_list() == ["https://x.example/É"]
