"""What a value in a XARF report may be: one maker of checks for each kind of rule.

A check takes a value out of parsed JSON and returns the rest of a sentence that begins with
the name of the field, such as ` must be a whole number from 1 to 65535, not 0`; an empty text
means that the value is as it should be. Semantics: JSON Schema 2020-12, as XARF uses it.
"""

import json
import re
from calendar import monthrange
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from functools import lru_cache
from ipaddress import ip_address
from math import isfinite

Check = Callable[[object], str]

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")
_DATE = r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
_DAY = re.compile(_DATE + r"\Z")
# RFC 3339 section 5.6; a leap second is a moment as well.
_MOMENT = re.compile(
    _DATE + r"[Tt ](?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])\Z"
)
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}\.?\Z){_LABEL}(?:\.{_LABEL})*\.?\Z")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\Z")
# RFC 3986 section 3, but for the characters of the rest: phishing URLs hold any.
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x1f\x7f]+\Z")


def said(value: object) -> str:
    """A value as a sentence can name it: short, one line, ASCII."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _not(rule: str, value: object) -> str:
    return f" must be {rule}, not {said(value)}"


def text(at_most: int | None = None) -> Check:
    """Any text, or one of at most so many characters."""

    def check(value: object) -> str:
        if not isinstance(value, str):
            return _not("a text", value)
        if at_most is not None and len(value) > at_most:
            return f" must have at most {at_most} characters, not {len(value)}"
        return ""

    return check


def one_of(*words: str) -> Check:
    """One of these words."""
    known = frozenset(words)
    rule = f"one of {', '.join(words)}" if len(words) > 1 else said(words[0])

    def check(value: object) -> str:
        return "" if isinstance(value, str) and value in known else _not(rule, value)

    return check


def whole(low: int | None = None, high: int | None = None) -> Check:
    """A whole number within bounds; 443.0 is one (JSON Schema 2020-12, 4.2.3)."""
    within = _bounded("a whole number", low, high)

    def check(value: object) -> str:
        whole_one = type(value) is int or (isinstance(value, float) and value.is_integer())
        return within(value) if whole_one else _not("a whole number", value)

    return check


def number(low: float | None = None, high: float | None = None) -> Check:
    """A finite number within bounds."""
    within = _bounded("a number", low, high)

    def check(value: object) -> str:
        fits = type(value) is int or (isinstance(value, float) and isfinite(value))
        return within(value) if fits else _not("a number", value)

    return check


def _bounded(kind: str, low: float | None, high: float | None) -> Callable[[object], str]:
    least = float("-inf") if low is None else low
    most = float("inf") if high is None else high
    rule = f"{kind} of at least {low}" if high is None else f"{kind} from {low} to {high}"

    def check(value: object) -> str:
        assert isinstance(value, int | float)  # noqa: S101
        return "" if least <= value <= most else _not(rule, value)

    return check


def flag() -> Check:
    """true or false."""
    return lambda value: "" if isinstance(value, bool) else _not("true or false", value)


def _on_calendar(match: re.Match[str] | None) -> bool:
    if match is None:
        return False
    year, month, day = int(match[1]), int(match[2]), int(match[3])
    return 1 <= month <= 12 and year >= 1 and 1 <= day <= monthrange(year, month)[1]


# Nothing longer than this is remembered: what a stranger sends must not fill the memory.
_SHORT = 64


def is_moment(value: str) -> bool:
    """An RFC 3339 moment on a day that the calendar has."""
    return len(value) <= _SHORT and _is_short_moment(value)


@lru_cache(maxsize=65536)
def _is_short_moment(value: str) -> bool:
    return _on_calendar(_MOMENT.match(value))


def is_address(value: str) -> bool:
    """An IPv4 or IPv6 address without a zone."""
    return len(value) <= _SHORT and _is_short_address(value)


@lru_cache(maxsize=65536)
def _is_short_address(value: str) -> bool:
    try:
        return ip_address(value) is not None and "%" not in value
    except ValueError:
        return False


def _when(fits: Callable[[str], object], rule: str) -> Check:
    """A text that a test holds for."""

    def check(value: object) -> str:
        return "" if isinstance(value, str) and fits(value) else _not(rule, value)

    return check


MOMENT = _when(is_moment, "a moment with its zone, such as 2026-06-17T09:00:00Z (RFC 3339)")
DAY = _when(lambda value: _on_calendar(_DAY.match(value)), "a day, such as 2026-06-17")
ADDRESS = _when(is_address, "an IPv4 or IPv6 address")
V4 = _when(lambda value: ":" not in value and is_address(value), "an IPv4 address")
V6 = _when(lambda value: ":" in value and is_address(value), "an IPv6 address")
URI = _when(_URI.match, "a URI with its scheme")
EMAIL = _when(_EMAIL.match, "an email address")
HOST = _when(_HOST.match, "a host name")
UUID = _when(_UUID.match, "a UUID")


def matching(pattern: str, rule: str) -> Check:
    """A text that the whole pattern fits."""
    return _when(re.compile(pattern).fullmatch, rule)


def listing(
    item: Check, *, at_least: int = 0, at_most: int | None = None, distinct: bool = False
) -> Check:
    """A list of such values."""

    def check(value: object) -> str:
        if not isinstance(value, list):
            return _not("a list", value)
        if len(value) < at_least:
            return f" must have at least {at_least} element, not {len(value)}"
        if at_most is not None and len(value) > at_most:
            return f" must have at most {at_most} elements, not {len(value)}"
        for index, one in enumerate(value):
            if broken := item(one):
                return f"[{index}]{broken}"
        if distinct and len(set(map(str, value))) < len(value):
            return " must not say the same twice"
        return ""

    return check


def record(
    fields: Mapping[str, Check], *, required: Collection[str] = (), closed: bool = False
) -> Check:
    """An object with such members; a `closed` one may have no others."""

    def check(value: object) -> str:
        if not isinstance(value, dict):
            return _not("an object", value)
        for name in required:
            if name not in value:
                return f".{name} is missing"
        for name, one in value.items():
            if (own := fields.get(name)) is None:
                if closed:
                    return f" must have no member {said(name)}"
            elif broken := own(one):
                return f".{name}{broken}"
        return ""

    return check


_REMEMBERED = 1024  # characters of an object; a stranger's report decides what is remembered


def remembered(check: Check) -> Check:
    """The same check, answered from memory for small objects of texts that came before."""

    @lru_cache(maxsize=4096)
    def of_members(members: tuple[tuple[str, str], ...]) -> str:
        return check(dict(members))

    def recall(value: object) -> str:
        if isinstance(value, dict):
            with suppress(TypeError):  # a member that is no text
                if sum(map(len, value.values())) <= _REMEMBERED:
                    return of_members(tuple(value.items()))
        return check(value)

    return recall
