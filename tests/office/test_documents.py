"""Charts and the map: pictures that say what their tables say, and run nothing."""

import re
from datetime import date
from xml.etree import ElementTree as ET

import pytest

from tocsin.office.documents import bars, columns, tile_map
from tocsin.office.documents.tiles import NAMES, PLACES
from tocsin.words.countries import MEMBER_STATES

HOSTILE = '"><script>alert(1)</script>'
SVG = "{http://www.w3.org/2000/svg}"


def drawn(svg: str) -> ET.Element:
    return ET.fromstring(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" '))


def test_bars_are_as_long_as_what_they_stand_for() -> None:
    chart = bars("Cases", [("phishing", 10), ("spam", 5), ("dos", 0)], heads=("Class", "Cases"))
    widths = [float(rect.get("width")) for rect in drawn(chart.svg).iter(f"{SVG}rect")]

    assert chart.rows == (("phishing", 10), ("spam", 5), ("dos", 0))
    assert widths == [440.0, 220.0, 0.0]
    assert drawn(chart.svg).find(f"{SVG}desc").text == "15 in all; the most, 10, for phishing."


def test_columns_stand_on_their_days() -> None:
    rows = [(date(2026, 11, 21), 0), (date(2026, 11, 22), 4), (date(2026, 11, 23), 1)]
    chart = columns("Rows", rows, heads=("Day", "Rows"))
    tall = [float(rect.get("height")) for rect in drawn(chart.svg).iter(f"{SVG}rect")]

    assert tall == [0.0, 180.0, 45.0]
    assert chart.rows == (("2026-11-21", 0), ("2026-11-22", 4), ("2026-11-23", 1))


def test_one_among_a_million_is_still_seen() -> None:
    chart = bars("Cases", [("many", 1_000_000), ("one", 1)], heads=("Class", "Cases"))

    assert [float(r.get("width")) for r in drawn(chart.svg).iter(f"{SVG}rect")] == [440.0, 2.0]


@pytest.mark.parametrize("rows", [[], [("none", 0)]])
def test_nothing_to_show_is_said(rows) -> None:
    chart = bars("Cases", rows, heads=("Class", "Cases"))

    assert chart.is_empty
    assert chart.says == "Nothing to show."


def test_what_a_report_says_is_text_in_a_picture_and_nothing_else() -> None:
    svgs = [
        bars(HOSTILE, [(HOSTILE, 1)], heads=("a", "b")).svg,
        tile_map(HOSTILE, {"BE": 1}, heads=("a", "b"), link=lambda code: f"/?{HOSTILE}{code}").svg,
    ]

    for svg in svgs:
        assert list(drawn(svg).iter(f"{SVG}script")) == []
        assert not re.search(r"\s(style|on\w+)=", svg)


def test_the_map_has_every_member_state_and_efta_each_on_its_own_square() -> None:
    assert set(PLACES) == {*MEMBER_STATES, "CH", "IS", "LI", "NO"} == set(NAMES)
    assert len(set(PLACES.values())) == 31


def test_a_square_with_a_number_is_a_link_and_says_which_state() -> None:
    counts = {"MT": 3, "DE": 6, "US": 9}
    chart = tile_map("Cases", counts, heads=("State", "Cases"), link=lambda code: f"/c?{code}")
    links = {
        link.get("href"): (link.get("class"), link.find(f"{SVG}title").text)
        for link in drawn(chart.svg).iter(f"{SVG}a")
    }

    assert links == {
        "/c?MT": ("tocsin-tile is-3", "Malta"),
        "/c?DE": ("tocsin-tile is-5", "Germany"),
    }
    assert chart.rows == (("US", 9), ("Germany", 6), ("Malta", 3))
    assert chart.says == "9 in member states and EFTA, 9 elsewhere."
