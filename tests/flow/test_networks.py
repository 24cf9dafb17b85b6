"""Where an address belongs: against a reading of every range, in both families."""

from ipaddress import IPv6Address
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.flow.world import NETWORKS, SOME, layer
from tocsin.flow.addresses import format_v4
from tocsin.flow.networks import (
    SHIPPED,
    Layer,
    Located,
    Networks,
    load_networks,
    locate,
    range_texts,
    read_overlay,
)
from tocsin.words.errors import TocsinError, Unusable

OVERLAY = "first,last,asn,name,country\n"
V4_BASE, V6_BASE = 0xC0000200, 0x20010DB8 << 96


def columns(fours: list[int | None], sixes: list[int | None]) -> tuple[pl.Series, pl.Series]:
    """IPv4 rows first, then IPv6 rows, as `locate` takes them."""
    v4 = pl.Series("v4", fours + [None] * len(sixes), dtype=pl.UInt32)
    texts = [None if n is None else str(IPv6Address(n)) for n in sixes]
    return v4, pl.Series("v6", [None] * len(fours) + texts, dtype=pl.String)


def spans(knows: Layer, version: int) -> list[tuple[int, int, object]]:
    ranges = knows.v4 if version == 4 else knows.v6
    ends = (
        (
            int(side) if version == 4 else int.from_bytes(side.ljust(16, b"\0"), "big")
            for side in sides
        )
        for sides in (ranges.starts, ranges.ends)
    )
    values = [knows.names[int(code)] for code in ranges.values]
    return list(zip(*ends, values, strict=True))


def scanned(layers: list[Layer], version: int, point: int | None) -> tuple[object, int, int]:
    """(value, layer, index): the first range of the first layer that holds the point."""
    for rank, knows in enumerate(layers):
        for index, (low, high, value) in enumerate(spans(knows, version)):
            if point is not None and low <= point <= high:
                return value, rank, index
    return None, -1, -1


def rows_of(found: Located) -> list[tuple[object, int, int]]:
    return list(zip(found.value.to_list(), found.layer.tolist(), found.index.tolist(), strict=True))


@st.composite
def layers(draw: st.DrawFn) -> list[Layer]:
    """Up to three layers over 64 addresses of each family, some of them empty."""
    found = []
    for number in range(draw(st.integers(1, 3))):
        rows = []
        for base, maker in ((V4_BASE, 4), (V6_BASE, 6)):
            for low, size, value in draw(
                st.lists(
                    st.tuples(st.integers(0, 63), st.integers(0, 15), st.integers(1, 9)),
                    max_size=5,
                )
            ):
                ends = (base + low, base + low + size)
                text = "-".join(
                    str(IPv6Address(n)) if maker == 6 else format_v4(pl.Series("n", [n]))[0]
                    for n in ends
                )
                rows.append((text, value))
        found.append(layer(rows, pl.UInt32, f"layer {number}"))
    return found


@given(layers(), st.lists(st.integers(-1, 80) | st.none(), max_size=12))
@SOME
def test_locate_finds_what_reading_every_range_finds(
    known: list[Layer], offsets: list[int | None]
) -> None:
    fours = [None if n is None else V4_BASE + n for n in offsets]
    sixes = [None if n is None else V6_BASE + n for n in offsets]

    found = locate(known, *columns(fours, sixes))

    expected = [scanned(known, 4, n) for n in fours] + [scanned(known, 6, n) for n in sixes]
    assert rows_of(found) == expected


def test_the_stronger_layer_speaks_where_it_knows_and_the_weaker_where_it_does_not() -> None:
    strong = layer([("192.0.2.64/26", "PT"), ("2001:db8:1::/64", "PT")], pl.String, "the overlay x")
    known = (strong, *NETWORKS.country)
    v4, v6 = columns(
        [V4_BASE + 63, V4_BASE + 64, 0x08080808],
        [(V6_BASE + (1 << 80)), V6_BASE + (1 << 80) + (1 << 64)],
    )

    found = locate(known, v4, v6)

    assert found.value.to_list() == ["BE", "PT", None, "PT", "BE"]
    assert found.layer.tolist() == [1, 0, -1, 0, 1]
    assert range_texts(known, found, v4.is_not_null().to_numpy()).to_list() == [
        "192.0.2.0–192.0.2.255",
        "192.0.2.64–192.0.2.127",
        None,
        "2001:db8:1::–2001:db8:1:0:ffff:ffff:ffff:ffff",
        "2001:db8:1::–2001:db8:1:ffff:ffff:ffff:ffff:ffff",
    ]


# ── the snapshot that ships ──────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def shipped() -> Networks:
    return load_networks()


def _bounds(stem: str, column: str) -> tuple[pl.DataFrame, pl.Series]:
    table = pl.read_parquet(SHIPPED / f"{stem}.parquet")
    return table, table[column]


@pytest.mark.parametrize(("stem", "column"), [("asn4", "asn"), ("country4", "cc")])
def test_the_shipped_ipv4_ranges_answer_as_a_reading_of_all_of_them(
    shipped: Networks, stem: str, column: str
) -> None:
    table, values = _bounds(stem, column)
    starts, ends = table["start"].to_numpy(), table["end"].to_numpy()
    dice = np.random.default_rng(4)
    edges = dice.choice(len(table), 60)
    points = np.concatenate(
        [
            dice.integers(0, 2**32, 200, dtype=np.uint32),
            starts[edges],
            ends[edges],
            np.minimum(ends[edges], 2**32 - 2) + 1,
            np.array([0, 2**32 - 1], dtype=np.uint32),
        ]
    ).astype(np.uint32)
    covering = [np.flatnonzero((starts <= point) & (point <= ends)) for point in points]

    known = shipped.asn if column == "asn" else shipped.country
    found = locate(known, pl.Series("v4", points), pl.Series([None] * len(points), dtype=pl.String))

    assert max(len(rows) for rows in covering) == 1
    assert found.value.to_list() == [values[int(r[0])] if len(r) else None for r in covering]


@pytest.mark.parametrize(("stem", "column"), [("asn6", "asn"), ("country6", "cc")])
def test_the_shipped_ipv6_ranges_answer_as_a_reading_of_all_of_them(
    shipped: Networks, stem: str, column: str
) -> None:
    table, values = _bounds(stem, column)
    starts, ends = (
        [(hi << 64) + lo for hi, lo in table.select(f"{end}_hi", f"{end}_lo").rows()]
        for end in ("start", "end")
    )
    dice = np.random.default_rng(6)
    edges = dice.choice(len(table), 12).tolist()
    points = [
        *(starts[at] for at in edges),
        *(ends[at] for at in edges),
        *(min(ends[at] + 1, 2**128 - 1) for at in edges),
        *((0x2000 << 112) + int.from_bytes(dice.bytes(16), "big") % (1 << 125) for _ in edges),
        1,
        2**128 - 1,
    ]
    covering = [
        [at for at, (low, high) in enumerate(zip(starts, ends, strict=True)) if low <= n <= high]
        for n in points
    ]

    known = shipped.asn if column == "asn" else shipped.country
    found = locate(known, *columns([], points))

    assert max(len(rows) for rows in covering) == 1
    assert found.value.to_list() == [values[r[0]] if r else None for r in covering]


def test_the_overlay_beats_the_snapshot_in_both_families(shipped: Networks, tmp_path: Path) -> None:
    busy4 = pl.read_parquet(SHIPPED / "asn4.parquet").row(0, named=True)
    busy6 = pl.read_parquet(SHIPPED / "asn6.parquet").row(0, named=True)
    four = format_v4(pl.Series("n", [busy4["start"]], dtype=pl.UInt32))[0]
    six = IPv6Address((busy6["start_hi"] << 64) + busy6["start_lo"])
    path = tmp_path / "corrected.csv"
    path.write_text(f"{OVERLAY}{four},{four},64500,Ours,PT\n{six},{six},64501,Ours too,\n")
    v4, v6 = columns([busy4["start"], busy4["start"] + 1], [int(six), int(six) + 1])
    both = load_networks(SHIPPED, path)

    asn, country = locate(both.asn, v4, v6), locate(both.country, v4, v6)
    before = locate(shipped.asn, v4, v6), locate(shipped.country, v4, v6)

    assert before[0].value.to_list() == [busy4["asn"]] * 2 + [busy6["asn"]] * 2
    assert asn.value.to_list() == [64500, busy4["asn"], 64501, busy6["asn"]]
    assert country.value.to_list() == ["PT", *before[1].value.to_list()[1:]]
    assert asn.layer.tolist() == [0, 1, 0, 1]
    assert [known.source for known in both.asn] == [
        "the overlay corrected.csv",
        f"the snapshot of {both.as_of}",
    ]
    assert both.as_names[64501] == "Ours too"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "first,last\n",
        f"{OVERLAY}192.0.2.0,192.0.2.9,0,x,BE\n",
        f"{OVERLAY}192.0.2.0,192.0.2.9,²,x,BE\n",
        f"{OVERLAY}192.0.2.0,192.0.2.9,4294967296,x,BE\n",
        f"{OVERLAY}192.0.2.0,192.0.2.9,AS1,x,BE\n",
        f"{OVERLAY}192.0.2.9,192.0.2.0,1,x,BE\n",
        f"{OVERLAY}192.0.2.9,2001:db8::1,1,x,BE\n",
        f"{OVERLAY}192.0.2.9,,1,x,BE\n",
        f"{OVERLAY}192.0.2.0,192.0.2.9,1,x,Belgium\n",
        f"{OVERLAY}192.0.2.0,192.0.2.9,1,x,be\n",
        f"{OVERLAY}192.0.2.0,192.0.2.9,1,x,BE,more\n",
    ],
)
def test_an_overlay_with_a_slip_is_refused_out_loud(text: str, tmp_path: Path) -> None:
    path = tmp_path / "overlay.csv"
    path.write_text(text)

    with pytest.raises(TocsinError, match="overlay"):
        read_overlay(path)


def test_an_overlay_says_at_which_line_it_slipped(tmp_path: Path) -> None:
    path = tmp_path / "overlay.csv"
    path.write_text(f"{OVERLAY}192.0.2.0,192.0.2.9,1,x,BE\n192.0.2.0,192.0.2.300,1,x,BE\n")

    with pytest.raises(Unusable) as refused:
        read_overlay(path)

    assert str(refused.value) == (f"{path}, line 3: 192.0.2.0–192.0.2.300 is no range of addresses")
