"""Domains by the public suffix list."""

import polars as pl
import pytest

from tocsin.flow.domains import (
    parents,
    public_suffix,
    public_suffixes,
    registrable_domain,
    registrable_domains,
    words_of,
)


@pytest.mark.parametrize(
    ("name", "suffix", "domain"),
    [
        ("www.meadow.example", "example", "meadow.example"),  # no list has it: the last label
        ("meadow.example", "example", "meadow.example"),
        ("www.shop.meadow.co.uk", "co.uk", "meadow.co.uk"),
        ("co.uk", "co.uk", None),
        ("uk", "uk", None),
        ("a.b.meadow.de", "de", "meadow.de"),
        ("user.github.io", "github.io", "user.github.io"),  # private section: anyone's name
        ("a.b.kawasaki.jp", "b.kawasaki.jp", "a.b.kawasaki.jp"),  # *.kawasaki.jp
        ("www.city.kawasaki.jp", "kawasaki.jp", "city.kawasaki.jp"),  # !city.kawasaki.jp
        ("www.meadow.xn--p1ai", "xn--p1ai", "meadow.xn--p1ai"),
    ],
)
def test_names_split_at_the_public_suffix(name: str, suffix: str, domain: str | None) -> None:
    assert (public_suffix(name), registrable_domain(name)) == (suffix, domain)


def test_columns_keep_their_order_and_their_nulls() -> None:
    names = pl.Series("n", ["a.meadow.co.uk", None, "co.uk", "a.meadow.co.uk"])

    assert registrable_domains(names).to_list() == ["meadow.co.uk", None, None, "meadow.co.uk"]
    assert public_suffixes(names).to_list() == ["co.uk", None, "co.uk", "co.uk"]


def test_the_parents_of_a_name_come_longest_first() -> None:
    assert parents("a.b.example") == ["a.b.example", "b.example", "example"]


def test_a_hyphen_and_a_dot_part_words() -> None:
    assert words_of("login.meadow-bank.example") == {
        "login",
        "meadow-bank",
        "meadow",
        "bank",
        "example",
    }
