"""A text message has the parts that the standard gives it, and no character is cut in two."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.formats.short_message import BASIC, EXTENDED, is_basic, parts_of, plain

# 3GPP TS 23.038 6.2.1, by code: the rows of the table, 0x1B (escape) left out.
TABLE = {
    0x00: "@£$¥èéùìòÇ\nØø\rÅå",
    0x10: "Δ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ",
    0x20: " !\"#¤%&'()*+,-./",
    0x30: "0123456789:;<=>?",
    0x40: "¡ABCDEFGHIJKLMNO",
    0x50: "PQRSTUVWXYZÄÖÑÜ§",
    0x60: "¿abcdefghijklmno",
    0x70: "pqrstuvwxyzäöñüà",
}
SEVEN = st.text(alphabet=BASIC + EXTENDED, max_size=700)


def septets(text: str) -> int:
    return sum(2 if one in EXTENDED else 1 for one in text)


def units(text: str) -> int:
    return len(text.encode("utf-16-be")) // 2


def test_the_characters_of_seven_bits_are_those_of_the_standard() -> None:
    assert sorted(BASIC) == sorted("".join(TABLE.values()).replace("\x1b", ""))
    assert len(BASIC) == 127
    assert sorted(EXTENDED) == sorted("\x0c^{}\\[~]|€")


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("", []),
        ("a" * 160, [160]),
        ("a" * 161, [153, 8]),
        ("€" * 80, [80]),
        ("€" * 81, [76, 5]),  # 153 has room for 76 pairs, and half a pair is none
        ("a" * 306, [153, 153]),
        ("ж" * 70, [70]),
        ("ж" * 71, [67, 4]),
        ("ж" + "a" * 160, [67, 67, 27]),
        ("🔔" * 35, [35]),
        ("🔔" * 36, [33, 3]),
    ],
)
def test_a_text_has_the_parts_of_the_standard(text: str, lengths: list[int]) -> None:
    assert [len(part) for part in parts_of(text)] == lengths


@given(SEVEN)
def test_seven_bit_parts_hold_the_text_and_are_full_but_for_half_a_pair(text: str) -> None:
    parts = parts_of(text)

    assert "".join(parts) == text
    assert len(parts) <= 1 if septets(text) <= 160 else len(parts) >= 2
    for part in parts[:-1]:
        assert 152 <= septets(part) <= 153
    assert not parts or 0 < septets(parts[-1]) <= (160 if len(parts) == 1 else 153)


@given(st.text(max_size=300).filter(lambda text: not is_basic(text)))
def test_other_texts_are_counted_in_pairs_of_bytes(text: str) -> None:
    parts = parts_of(text)

    assert "".join(parts) == text
    assert (len(parts) == 1) == (units(text) <= 70)
    assert all(66 <= units(part) <= 67 for part in parts[:-1])


def test_the_quotes_and_blanks_of_print_become_those_of_a_telephone() -> None:
    assert plain("d\u2019un\u00a0« ami » …") == "d'un « ami » ..."
    assert is_basic(plain("l\u2019été\u202f: ça"[:8]))
