"""Names that imitate a protected brand: what was done to it, and a reason that a person can check.

    homograph   paypa1, раypal (Cyrillic), rnybank    looks like the word
    same        mybank under another suffix           is the word
    typo        mybnak, mybankk                       one letter away (Damerau-Levenshtein)
    combined    mybank-login, secure-mybank           the word and something beside it
    below       mybank.example.evil.test              the word, or the real name, before another

A likeness is a reason to look and never to list. All look-ups are in tables, so that the time for
a name does not grow with the number of brands.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from tocsin.match.lookalikes import latin, oddities, shape

# Shorter words are one letter away from too much.
SHORTEST_TYPO = 5
SHORTEST_INSIDE = 5
SHORTEST_BESIDE_LURE = 4
# What stands beside the word in names that were registered for fraud: English and what is said
# alike in several languages of the Union.
LURES = (
    "account acces access actu alert app auth bank card carte check claim client confirm connect "
    "conto cuenta customer delivery device ebanking espace express form help id identi info konto "
    "kunde kyc live log mail mijn mobile my net notice online order pack parcel pay pin portal "
    "post reactiv recover refund reset safe secure securi service sign sms support tax track "
    "transfer unlock update upgrade user valid verif wallet web"
).split()


class Likeness(StrEnum):
    """What was done to the word, the most telling first."""

    REAL_NAME_BELOW = "real_name_below"
    HOMOGRAPH = "homograph"
    SAME = "same"
    TYPO = "typo"
    COMBINED = "combined"
    BELOW = "below"


_RANK = {kind: rank for rank, kind in enumerate(Likeness)}


@dataclass(frozen=True)
class Brand:
    """A protected brand. `words` as people know it; `own` are its real domains, in ASCII."""

    name: str
    words: tuple[str, ...]
    own: tuple[str, ...]


@dataclass(frozen=True)
class Like:
    """One brand that a name imitates."""

    brand: str
    kind: Likeness
    because: str


class Brands:
    """The brands of a node, indexed once."""

    def __init__(self, brands: Iterable[Brand]) -> None:
        self._own: dict[str, str] = {}
        self._dotted: dict[str, tuple[str, str]] = {}  # with dots for hyphens
        self._words: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._shapes: dict[str, set[tuple[str, str]]] = defaultdict(set)
        self._near: dict[str, set[str]] = defaultdict(set)
        for brand in brands:
            for own in map(str.lower, brand.own):
                self._own[own] = brand.name
                self._dotted[own.replace("-", ".")] = (brand.name, own)
            for word in {joined(word) for word in brand.words} - {""}:
                self._words[word].add((brand.name, word))
                self._shapes[shape(word)].add((brand.name, word))
        for word in self._words:
            if len(word) >= SHORTEST_TYPO:
                for near in (word, *shortened(word)):
                    self._near[near].add(word)
        self._parts = sorted({name.count(".") + 1 for name in self._dotted})
        self._plain_lengths = _lengths(self._words)
        self._shape_lengths = _lengths(self._shapes)

    def alike(self, host: str, domain: str | None) -> tuple[Like, ...]:
        """Each brand once that a host name imitates, its most telling likeness first.

        `domain` is the registrable domain of the host, or None; both in ASCII and lower case.
        A brand's real names imitate nobody.
        """
        labels = host.split(".")
        if any(".".join(labels[at:]) in self._own for at in range(len(labels))):
            return ()
        best: dict[str, Like] = {}
        for like in self._all(labels, domain):
            known = best.get(like.brand)
            if known is None or _RANK[like.kind] < _RANK[known.kind]:
                best[like.brand] = like
        return tuple(sorted(best.values(), key=lambda like: (_RANK[like.kind], like.brand)))

    def _all(self, labels: list[str], domain: str | None) -> Iterator[Like]:
        registered = min(domain.count(".") + 1 if domain else len(labels), len(labels))
        before, label = labels[:-registered], labels[-registered]
        yield from self._real_names(before, domain or "")
        yield from self._in_label(label)
        for other in before:
            for like in self._in_label(other):
                is_plain = like.kind in (Likeness.SAME, Likeness.COMBINED)
                kind = Likeness.BELOW if is_plain else like.kind
                yield Like(like.brand, kind, f"{like.because}, before {domain}")

    def _real_names(self, before: list[str], domain: str) -> Iterator[Like]:
        """`www.mybank.example.evil.test`, and the same with hyphens for dots."""
        pieces = ".".join(before).replace("-", ".").split(".")
        for count in self._parts:
            for at in range(len(pieces) - count + 1):
                if found := self._dotted.get(".".join(pieces[at : at + count])):
                    said = f"{found[1]} stands before {domain}, whose name it really is"
                    yield Like(found[0], Likeness.REAL_NAME_BELOW, said)

    def _in_label(self, label: str) -> Iterator[Like]:
        text = decoded(label)
        yield from self._shaped(text, label)
        for token in {text, *text.split("-")}:
            yield from self._typed(latin(token), label)

    def _shaped(self, text: str, label: str) -> Iterator[Like]:
        """The word as the label, as a part between hyphens, or inside it."""
        whole = joined(text)
        for brand, word in self._shapes.get(shape(whole), ()):
            yield _same(brand, word, label) if whole == word else _looks(brand, word, text, label)
        for token in set(text.split("-")) - {text}:
            for brand, word in self._shapes.get(shape(token), ()):
                is_plain = token == word
                yield _beside(brand, word, label) if is_plain else _looks(brand, word, text, label)
        yield from self._inside(whole, text, label)

    def _inside(self, whole: str, text: str, label: str) -> Iterator[Like]:
        for brand, word in _parts_of(whole, self._words, self._plain_lengths):
            yield _beside(brand, word, label)
        for brand, word in _parts_of(shape(whole), self._shapes, self._shape_lengths):
            if word not in whole:
                yield _looks(brand, word, text, label)

    def _typed(self, token: str, label: str) -> Iterator[Like]:
        """Words one letter away: those that share the token, or what is left without a letter."""
        if len(token) < SHORTEST_TYPO - 1 or token in self._words:
            return
        near = {word for one in (token, *shortened(token)) for word in self._near.get(one, ())}
        for word in near:
            if done := one_edit(word, token):
                for brand, _ in self._words[word]:
                    yield Like(brand, Likeness.TYPO, f"{label} is {word} with {done}")


def _lengths(words: Iterable[str]) -> list[int]:
    return sorted({len(one) for one in words if len(one) >= SHORTEST_BESIDE_LURE})


def _parts_of(
    text: str, table: Mapping[str, set[tuple[str, str]]], lengths: list[int]
) -> Iterator[tuple[str, str]]:
    """Brands and words whose key stands inside a text, with enough beside it."""
    for length in lengths:
        for at in range(len(text) - length + 1):
            for brand, word in table.get(text[at : at + length], ()):
                if _tells(word, text[:at], text[at + length :]):
                    yield brand, word


def _tells(word: str, before: str, after: str) -> bool:
    """Whether a word inside other letters is more than chance."""
    if not before and not after:
        return False
    if len(word) >= SHORTEST_INSIDE:
        return True
    return any(lure in shape(rest) for lure in _LURE_SHAPES for rest in (before, after))


_LURE_SHAPES = tuple(shape(lure) for lure in LURES if len(lure) >= 3)


def _same(brand: str, word: str, label: str) -> Like:
    return Like(brand, Likeness.SAME, f"{label} is {word}, and none of its real names")


def _beside(brand: str, word: str, label: str) -> Like:
    return Like(brand, Likeness.COMBINED, f"{label} is {word} with something beside it")


def _looks(brand: str, word: str, text: str, label: str) -> Like:
    odd = oddities(text)
    shown = label if text == label else f"{label} is shown as {text}, which"
    detail = f" ({', '.join(odd)})" if odd else ""
    return Like(brand, Likeness.HOMOGRAPH, f"{shown} looks like {word}{detail}")


# ── letters ──────────────────────────────────────────────────────────────────────────────


def joined(text: str) -> str:
    """A word as labels write it: lower case, without blanks and hyphens."""
    return text.lower().replace(" ", "").replace("-", "")


@lru_cache(maxsize=65536)
def decoded(label: str) -> str:
    """A label as people see it: punycode (RFC 3492) in its letters, where it is any."""
    if not label.startswith("xn--"):
        return label
    try:
        return label[4:].encode().decode("punycode").lower()
    except (UnicodeError, ValueError, OverflowError):
        return label


def shortened(word: str) -> set[str]:
    """The word without each one of its letters."""
    return {word[:at] + word[at + 1 :] for at in range(len(word))}


def one_edit(word: str, other: str) -> str:
    """What one edit made `other` of `word`, in words; nothing where it was not exactly one.

    Edits: a letter more, less or another, or two neighbours swapped.
    """
    if word == other or abs(len(word) - len(other)) > 1:
        return ""
    at = next((n for n, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), None)
    at = min(len(word), len(other)) if at is None else at
    if len(word) < len(other):
        return f"{other[at]!r} added" if word[at:] == other[at + 1 :] else ""
    if len(word) > len(other):
        return f"{word[at]!r} left out" if word[at + 1 :] == other[at:] else ""
    if word[at + 1 :] == other[at + 1 :]:
        return f"{other[at]!r} for {word[at]!r}"
    if word[at : at + 2] == other[at : at + 2][::-1] and word[at + 2 :] == other[at + 2 :]:
        return f"{word[at : at + 2]!r} turned round"
    return ""
