"""Text messages to telephones: which characters they have, and how many parts a text takes.

3GPP TS 23.038 6.2.1 has the characters of seven bits (those of its extension take two), 3GPP TS
23.040 9.2.3.24 the parts: 160 characters alone or 153 in each of several; any other character
makes the whole text UCS-2, 70 alone or 67 in each. No character is cut in two between parts.
"""

from collections.abc import Iterator

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = "\f^{}\\[~]|€"
MOST_PARTS = 3
_PLAIN = str.maketrans({
    "’": "'", "‘": "'", "“": '"', "”": '"', "„": '"', "–": "-", "—": "-",
    "\u00a0": " ", "\u202f": " ", "…": "...",
})  # fmt: skip


def plain(text: str) -> str:
    """The text with the quotes, dashes and blanks of print as a telephone writes them."""
    return text.translate(_PLAIN)


def is_basic(text: str) -> bool:
    """Whether every character is one of seven bits."""
    return all(one in BASIC or one in EXTENDED for one in text)


def parts_of(text: str) -> tuple[str, ...]:
    """The parts that go out, in order; one for a text that needs no more, none for no text."""
    alone, joined = (160, 153) if is_basic(text) else (70, 67)
    size = _septets if is_basic(text) else _units
    if sum(map(size, text)) <= alone:
        return (text,) if text else ()
    return tuple(_cut(text, [size(one) for one in text], joined))


def _septets(character: str) -> int:
    return 2 if character in EXTENDED else 1


def _units(character: str) -> int:
    return 2 if ord(character) > 0xFFFF else 1


def _cut(text: str, sizes: list[int], most: int) -> Iterator[str]:
    begin = filled = 0
    for place, size in enumerate(sizes):
        if filled + size > most:
            yield text[begin:place]
            begin, filled = place, 0
        filled += size
    yield text[begin:]
