"""What a reader takes for a Latin letter: the shape of a label, for comparing what looks alike.

Single characters are after Unicode Technical Standard 39 (confusables), the ones of scripts that
registries of domains accept; accents fall away by the decomposition of the Unicode Standard.
Groups such as `rn` for `m` are what phishing uses. A shape is for comparing with another shape
and for nothing else: `l`, `i` and `1` have the same.
"""

import re
import unicodedata
from functools import lru_cache

_SCRIPTS = {
    # Cyrillic
    "а": "a", "в": "b", "с": "c", "ԁ": "d", "е": "e", "ё": "e", "ғ": "f", "һ": "h", "і": "i",
    "ї": "i", "ј": "j", "к": "k", "ӏ": "l", "м": "m", "п": "n", "о": "o", "р": "p", "ԛ": "q",
    "г": "r", "ѕ": "s", "т": "t", "ц": "u", "ѵ": "v", "ԝ": "w", "х": "x", "у": "y", "ү": "y",
    "з": "3", "ь": "b", "э": "e", "н": "h", "я": "r",
    # Greek
    "α": "a", "β": "b", "ς": "c", "ϲ": "c", "ε": "e", "η": "n", "ι": "i", "ϳ": "j", "κ": "k",
    "ν": "v", "ο": "o", "ρ": "p", "σ": "o", "τ": "t", "υ": "u", "χ": "x", "γ": "y", "ω": "w",
    # Armenian
    "ց": "g", "հ": "h", "յ": "j", "ո": "n", "օ": "o", "զ": "q", "ս": "u", "ա": "w",
    # Latin letters that have no decomposition
    "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "ɩ": "i", "ŧ": "t", "ƒ": "f",
    "ɑ": "a", "ɡ": "g", "ɢ": "g", "ʏ": "y", "ɴ": "n", "ʀ": "r", "ɪ": "i", "ᴀ": "a", "ᴄ": "c",
    "ᴅ": "d", "ᴇ": "e", "ᴊ": "j", "ᴋ": "k", "ᴍ": "m", "ᴏ": "o", "ᴘ": "p", "ᴛ": "t", "ᴜ": "u",
    "ᴠ": "v", "ᴡ": "w", "ᴢ": "z", "ƅ": "b", "ɓ": "b", "ƈ": "c", "ɗ": "d", "ƙ": "k", "ŋ": "n",
    "ɲ": "n", "ƥ": "p", "ƭ": "t", "ƴ": "y", "ƶ": "z", "ɛ": "e", "ʋ": "v", "ſ": "f", "æ": "ae",
    "œ": "oe", "ß": "ss", "þ": "p",
}  # fmt: skip
_DIGITS = {"0": "o", "1": "l", "3": "e", "4": "a", "5": "s", "8": "b", "i": "l"}
_LETTERS = str.maketrans({**_SCRIPTS, **_DIGITS})
_PLAIN = str.maketrans(_SCRIPTS)
_GROUPS = re.compile("rn|vv|cl")
_GROUP = {"rn": "m", "vv": "w", "cl": "d"}


@lru_cache(maxsize=65536)
def shape(text: str) -> str:
    """Lower-case text to its shape: `раypa1` and `paypal` have the same."""
    return _GROUPS.sub(lambda found: _GROUP[found[0]], _letters(text).translate(_LETTERS))


def latin(text: str) -> str:
    """The Latin letters that letters of other scripts and with accents stand for; digits stay."""
    return _letters(text).translate(_PLAIN)


def _letters(text: str) -> str:
    """Without accents, widths and styles (compatibility decomposition)."""
    if text.isascii():
        return text
    parts = unicodedata.normalize("NFKD", text).lower()
    return "".join(char for char in parts if not unicodedata.combining(char))


def oddities(text: str) -> list[str]:
    """The letters that are not what they look like, each with its name, in order."""
    odd = dict.fromkeys(char for char in text if not char.isascii())
    return [f"{char} is {unicodedata.name(char, 'without a name').lower()}" for char in odd]
