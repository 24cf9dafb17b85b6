"""Domains: the registrable domain by the public suffix list, and the suffixes of a name."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import polars as pl
from publicsuffixlist import PSLFILE, PublicSuffixList, encode_idn


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


def registrable_domain(name: str) -> str | None:
    """`www.shop.example.co.uk` to `example.co.uk`; None for a public suffix itself."""
    found: str | None = _suffixes().privatesuffix(name)
    return found


def public_suffix(name: str) -> str | None:
    """`www.example.co.uk` to `co.uk`."""
    found: str | None = _suffixes().publicsuffix(name)
    return found


def suffix_below(name: str) -> str | None:
    """A public suffix below a name: `s3.amazonaws.com` of `amazonaws.com`; None where none is."""
    return _above_suffixes().get(name)


@cache
def _above_suffixes() -> Mapping[str, str]:
    rules = {
        encode_idn(line.split()[0])
        for line in Path(PSLFILE).read_text("utf-8").splitlines()
        if line.strip() and not line.startswith(("//", "!"))
    }
    return {above: rule for rule in sorted(rules) for above in parents(rule)[1:]}


def per_distinct(names: pl.Series, table: dict[str, str | None]) -> pl.Series:
    """Apply a look-up made over distinct names to the whole column."""
    return names.replace_strict(table, default=None, return_dtype=pl.String)


def registrable_domains(names: pl.Series) -> pl.Series:
    """Host names to registrable domains, about 3 microseconds per distinct name."""
    distinct = names.drop_nulls().unique().to_list()
    return per_distinct(names, {name: registrable_domain(name) for name in distinct})


def public_suffixes(names: pl.Series) -> pl.Series:
    """Host names to public suffixes, about 3 microseconds per distinct name."""
    distinct = names.drop_nulls().unique().to_list()
    return per_distinct(names, {name: public_suffix(name) for name in distinct})


def parents(name: str) -> list[str]:
    """The name and every domain above it, longest first."""
    labels = name.split(".")
    return [".".join(labels[at:]) for at in range(len(labels))]


def words_of(name: str) -> set[str]:
    """The labels of a name, and the words that hyphens separate in them."""
    labels = name.split(".")
    return {*labels, *(word for label in labels for word in label.split("-"))}
