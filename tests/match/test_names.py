"""Names that imitate a brand are told, with a reason; names that do not are let alone."""

import string
import time
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tocsin.match.lookalikes import latin, shape
from tocsin.match.names import Brand, Brands, Like, Likeness, decoded, one_edit

FIXED = settings(max_examples=300, deadline=None, derandomize=True)
BANK = Brand("My Bank", ("mybank", "My Bank"), ("mybank.example", "my-bank.test"))
BRANDS = Brands(
    [
        BANK,
        Brand("Payfriend", ("payfriend",), ("payfriend.example",)),
        Brand("Post", ("post",), ("post.example",)),
        Brand("Arc", ("public", "arc"), ("arc.example",)),
    ]
)


def likes(host: str, domain: str | None = None) -> list[Like]:
    return list(BRANDS.alike(host, domain or ".".join(host.split(".")[-2:])))


@pytest.mark.parametrize(
    ("host", "brand", "kind", "because"),
    [
        ("mybank.shop", "My Bank", "same", "mybank is mybank, and none of its real names"),
        ("my-bank.shop", "My Bank", "same", "my-bank is mybank, and none of its real names"),
        ("rnybank.shop", "My Bank", "homograph", "rnybank looks like mybank"),
        ("payfr1end.shop", "Payfriend", "homograph", "payfr1end looks like payfriend"),
        ("payfr1end-help.shop", "Payfriend", "homograph", "payfr1end-help looks like payfriend"),
        ("mybnak.shop", "My Bank", "typo", "mybnak is mybank with 'an' turned round"),
        ("mybankk.shop", "My Bank", "typo", "mybankk is mybank with 'k' added"),
        ("mybnk-login.shop", "My Bank", "typo", "mybnk-login is mybank with 'a' left out"),
        ("nybank.shop", "My Bank", "typo", "nybank is mybank with 'n' for 'm'"),
        (
            "secure-mybank.shop",
            "My Bank",
            "combined",
            "secure-mybank is mybank with something beside it",
        ),
        ("publiclogin.shop", "Arc", "combined", "publiclogin is public with something beside it"),
        ("mypostlogin.shop", "Post", "combined", "mypostlogin is post with something beside it"),
        (
            "mybank.example.evil.shop",
            "My Bank",
            "real_name_below",
            "mybank.example stands before evil.shop, whose name it really is",
        ),
        (
            "www-my-bank-test.evil.shop",
            "My Bank",
            "real_name_below",
            "my-bank.test stands before evil.shop, whose name it really is",
        ),
        (
            "login.mybank.evil.shop",
            "My Bank",
            "below",
            "mybank is mybank, and none of its real names, before evil.shop",
        ),
    ],
)
def test_an_imitation_is_told_with_what_was_done(
    host: str, brand: str, kind: str, because: str
) -> None:
    assert likes(host) == [Like(brand, Likeness(kind), because)]


def test_letters_of_another_script_are_named() -> None:
    label = "xn--" + "pаyfriend".encode("punycode").decode()

    assert likes(f"{label}.shop") == [
        Like(
            "Payfriend",
            Likeness.HOMOGRAPH,
            f"{label} is shown as pаyfriend, which looks like payfriend "
            "(а is cyrillic small letter a)",
        )
    ]


@pytest.mark.parametrize(
    "host",
    [
        "mybank.example",
        "login.mybank.example",
        "my-bank.test",
        "composter.shop",
        "arcade.shop",
        "search.shop",
        "weather.shop",
        "xn--.shop",
        "xn--999999999999.shop",
        "shop",
        "",
    ],
)
def test_real_names_and_other_words_are_let_alone(host: str) -> None:
    assert likes(host) == []


def test_two_brands_in_one_name_are_both_told_the_most_telling_first() -> None:
    found = likes("mybank-payfr1end.shop")

    assert [(one.brand, one.kind) for one in found] == [
        ("Payfriend", Likeness.HOMOGRAPH),
        ("My Bank", Likeness.COMBINED),
    ]


# ── oracles ──────────────────────────────────────────────────────────────────────────────


def distance(one: str, other: str) -> int:
    """Damerau-Levenshtein, optimal string alignment: the table of the textbook."""
    rows = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i in range(len(one) + 1):
        for j in range(len(other) + 1):
            if i == 0 or j == 0:
                rows[i][j] = i + j
                continue
            change = one[i - 1] != other[j - 1]
            found = [rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + change]
            if i > 1 and j > 1 and one[i - 2 : i] == other[j - 2 : j][::-1]:
                found.append(rows[i - 2][j - 2] + 1)
            rows[i][j] = min(found)
    return rows[-1][-1]


SHORT = st.text("abc", max_size=6)


@given(SHORT, SHORT)
@example("ab", "ba")
@example("aab", "ab")
@FIXED
def test_one_edit_is_told_exactly_where_the_distance_is_one(one: str, other: str) -> None:
    assert bool(one_edit(one, other)) is (distance(one, other) == 1)


WORDS = st.lists(st.text("abdk", min_size=5, max_size=7), min_size=1, max_size=8, unique=True)


@given(WORDS, st.text("abdk", min_size=4, max_size=8))
@FIXED
def test_the_index_finds_every_typo_and_every_word_inside_that_a_walk_finds(
    words: list[str], label: str
) -> None:
    brands = Brands([Brand(word, (word,), (f"{word}.example",)) for word in words])

    found = {like.brand: like.kind for like in brands.alike(f"{label}.shop", f"{label}.shop")}

    inside = {word for word in words if word in label}
    assert {brand for brand, kind in found.items() if kind is Likeness.SAME} == inside & {label}
    assert inside <= set(found)
    typos = {brand for brand, kind in found.items() if kind is Likeness.TYPO}
    is_word = label in words
    near = set() if is_word else {word for word in words if distance(word, label) == 1}
    assert typos == near
    assert set(found) == inside | near


LOOKS = {"a": "а", "e": "е", "o": "0", "i": "1", "m": "rn", "w": "vv", "d": "cl", "p": "р"}


@given(st.text("aeoimwdpbkn", min_size=5, max_size=9), st.data())
@FIXED
def test_letters_that_look_alike_never_hide_a_brand(word: str, data: st.DataObject) -> None:
    chosen = data.draw(st.sets(st.integers(0, len(word) - 1)))
    written = "".join(LOOKS.get(c, c) if at in chosen else c for at, c in enumerate(word))
    label = written if written.isascii() else "xn--" + written.encode("punycode").decode()

    found = Brands([Brand("it", (word,), ())]).alike(f"{label}.shop", f"{label}.shop")

    assert [one.kind for one in found] == [Likeness.SAME if written == word else Likeness.HOMOGRAPH]


@given(st.text(max_size=80), st.one_of(st.none(), st.text(max_size=20)))
@FIXED
def test_any_text_is_looked_at_without_a_fault(host: str, domain: str | None) -> None:
    assert isinstance(BRANDS.alike(host, domain), tuple)


@given(st.text(string.ascii_letters, max_size=10))
@FIXED
def test_a_shape_of_plain_letters_is_stable(text: str) -> None:
    assert latin(text.lower()) == text.lower()
    assert shape(text.lower()) == shape(text.lower().replace("i", "1").replace("o", "0"))


def test_punycode_that_is_none_stays_what_it_is() -> None:
    assert [decoded(label) for label in ("xn--bcher-kva", "xn--!", "plain")] == [
        "bücher",
        "xn--!",
        "plain",
    ]


# ── speed ────────────────────────────────────────────────────────────────────────────────


def test_a_hundred_thousand_names_a_minute_against_a_thousand_brands() -> None:
    random = Random(1)
    words = ["".join(random.choices(string.ascii_lowercase, k=4 + n % 9)) for n in range(1000)]
    brands = Brands([Brand(word, (word,), (f"{word}.example",)) for word in words])
    names = [
        f"login.{random.choice(words)}-{''.join(random.choices(string.ascii_lowercase, k=9))}.shop"
        for _ in range(2000)
    ]

    began = time.process_time()
    hits = sum(bool(brands.alike(name, ".".join(name.split(".")[-2:]))) for name in names)
    spent = time.process_time() - began

    assert hits == len(names)
    assert spent / len(names) < 60 / 100_000
