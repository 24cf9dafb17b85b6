"""Leaves say nothing without their key, and everything with it."""

import hmac
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.ledger.leaves import (
    LEAF,
    Row,
    canonical,
    leaf_of,
    make_key,
    padded,
    padded_size,
    read_row,
)
from tocsin.words.errors import Unreadable, Unusable

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)
FACTS = st.dictionaries(st.text(max_size=8), PLAIN, max_size=5)


def test_the_canonical_form_is_sorted_utf8_without_blanks():
    facts = {"b": [1, True, None, {"z": "ü", "a": 0.1}], "a": "x y", "ä": -(10**30), "B": 1e300}

    assert canonical(facts).decode() == (
        '{"B":"1e+300","a":"x y","b":[1,true,null,{"a":"0.1","z":"ü"}],"ä":-1' + "0" * 30 + "}"
    )


@given(FACTS)
def test_the_order_of_facts_does_not_matter(facts):
    turned = dict(reversed(facts.items()))

    assert canonical(facts) == canonical(turned) == canonical(json.loads(canonical(facts)))


@pytest.mark.parametrize(
    "facts",
    [
        {"a": float("nan")},
        {"a": float("inf")},
        {"a": b"bytes"},
        {"a": {1: 2}},
        {"a": {"b", "c"}},
        {"a": "\ud800"},
        {"a": object()},
    ],
)
def test_what_has_no_canonical_form_is_refused(facts):
    with pytest.raises(Unusable):
        canonical(facts)


def test_facts_that_never_end_are_refused():
    facts: dict = {}
    facts["a"] = facts

    with pytest.raises(Unusable, match="deeper than 32"):
        canonical(facts)


def test_a_leaf_is_the_hmac_of_the_canonical_facts():
    key = bytes(range(32))

    assert leaf_of({"b": 1, "a": 2}, key) == hmac.digest(key, b'{"a":2,"b":1}', "sha256")
    assert leaf_of({"a": 2}, make_key()) != leaf_of({"a": 2}, make_key())


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33)])
def test_a_key_of_another_length_is_none(key):
    with pytest.raises(Unusable, match="32 random bytes"):
        leaf_of({}, key)


@pytest.mark.parametrize(
    ("real", "size"),
    [(0, 64), (1, 64), (64, 64), (65, 256), (256, 256), (257, 1024), (5000, 16384)],
)
def test_sizes_climb_a_ladder_of_fours(real, size):
    assert padded_size(real, 64) == size


@given(st.integers(0, 10**9), st.integers(1, 10**6))
def test_a_padded_size_fits_is_a_step_and_wastes_less_than_a_step(real, quantum):
    size = padded_size(real, quantum)

    assert size >= max(real, 1)
    assert size in [quantum * 4**k for k in range(32)]
    assert size == quantum or size // 4 < real


def test_a_batch_cannot_be_padded_to_nothing():
    with pytest.raises(Unusable, match="cannot be padded to 0"):
        padded_size(1, 0)


@given(st.integers(0, 70))
def test_every_real_leaf_stands_where_the_batch_says(count):
    real = [bytes([n]) * LEAF for n in range(count)]
    batch = padded(real, quantum=16)

    assert [batch.leaves[place] for place in batch.positions] == real
    assert len(batch.leaves) == padded_size(count, 16)
    assert {len(leaf) for leaf in batch.leaves} == {LEAF}
    assert len(set(batch.leaves)) == len(batch.leaves)


def test_real_leaves_stand_anywhere_in_a_batch():
    """Chi squared over 16 places, 4,000 draws: 99.99 % of fair shuffles stay below 44.3."""
    seen = Counter(padded([bytes(LEAF)], quantum=16).positions[0] for _ in range(4000))

    assert sum((seen[place] - 250) ** 2 / 250 for place in range(16)) < 60


@given(FACTS)
def test_a_row_file_is_read_as_it_is_written(facts):
    row = Row(facts, make_key())

    assert read_row(row.data).leaf == row.leaf
    assert canonical(read_row(row.data).facts) == canonical(facts)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"row": {}, "key": ""}',
        b'{"row": [], "key": "%s"}' % (b"00" * 32),
        b'{"row": {}, "key": 5}',
        b'{"row": {}, "key": "%s", "more": 1}' % (b"00" * 32),
        b'{"row": {"a": 1, "a": 2}, "key": "%s"}' % (b"00" * 32),
        b'{"row": {"a": NaN}, "key": "%s"}' % (b"00" * 32),
        b'{"row": ' + b"[" * 100_000,
        b'{"row": {"a": 1' + b"0" * 5000 + b'}, "key": "%s"}' % (b"00" * 32),
        b" " * 1_100_000,
    ],
)
def test_what_is_no_row_file_is_unreadable(data):
    with pytest.raises(Unreadable, match="row file"):
        read_row(data)
