"""Addresses of the web that name somebody: a mailbox in the path or the query, however written.

Whoever phishes puts the victim's mailbox into the link, so that the form is filled in already:
plain, in percent signs, in base64 or in hexadecimal digits. A public list would name a person.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import unquote

from tocsin.flow.urls import Landing

INSTEAD = "x"
_DEPTH = 3  # encodings inside one another
_PERCENT = r"%(?:25){0,3}"  # a percent sign may itself be encoded
# Letters, digits and signs of a mailbox, in percent signs as well; bytes of other scripts only so.
_SIGN = (
    rf"(?:[A-Za-z0-9._+~-]|{_PERCENT}"
    r"(?:2[BDEbde]|3[0-9]|4[1-9A-Fa-f]|5[0-9AaFf]|6[1-9A-Fa-f]|7[0-9AaEe]|[89A-Fa-f][0-9A-Fa-f]))"
)
# Not from within a percent code: of `%3Dada@…` the `3D` is no letter of the mailbox.
_APART = "".join(rf"(?<!%{'25' * n})(?<!%{'25' * n}[0-9A-Fa-f])" for n in range(4))
_MAILBOX = re.compile(rf"{_APART}{_SIGN}{{1,64}}(?:@|{_PERCENT}40){_SIGN}{{1,253}}")
_NAMED = re.compile(
    r"[^\s@/?&=:;,<>\"()]{1,64}@[^\W_](?:[\w-]*[^\W_])?(?:\.[^\W_](?:[\w-]*[^\W_])?)*"
    r"\.(?:[^\W\d_]{2,63}|xn--[a-z0-9-]{1,59})(?![\w-])",
    re.IGNORECASE,
)
# A slash is a sign of base64 and parts a path; in a query it parts nothing.
_SLASH = r"(?:%(?:25){0,2}2[Ff])"
_IN_PATH = re.compile(rf"(?:[A-Za-z0-9+_-]|%(?:25){{0,2}}2[Bb]|{_SLASH}){{8,}}(?:=|%3[Dd]){{0,2}}")
_IN_QUERY = re.compile(
    rf"(?:[A-Za-z0-9+/_-]|%(?:25){{0,2}}2[Bb]|{_SLASH}){{8,}}(?:=|%3[Dd]){{0,2}}"
)
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){6,}")
_PARTS = re.compile(r"[+_/-]")


def without_mailboxes(landing: Landing) -> Landing:
    """The same address with `x` for each mailbox in it; equal where there is none."""
    path, mark, query = landing.path.partition("?")
    said = _without(path, _IN_PATH)
    if mark:
        said = f"{said}?{_without(query, _IN_QUERY)}"
    return landing if said == landing.path else replace(landing, path=said)


def holds_mailbox(landing: Landing) -> bool:
    """Whether an address names somebody by a mailbox."""
    return without_mailboxes(landing) != landing


def _without(text: str, token: re.Pattern[str]) -> str:
    plain = _MAILBOX.sub(_if(_names), text)
    return token.sub(_if(_hides), plain)


def _if(found: Callable[[str], bool]) -> Callable[[re.Match[str]], str]:
    return lambda match: INSTEAD if found(match[0]) else match[0]


def _names(text: str) -> bool:
    return _NAMED.search(_plain(text)) is not None


def _plain(text: str) -> str:
    for _ in range(_DEPTH + 1):
        once = unquote(text)
        if once == text:
            break
        text = once
    return text


def _hides(token: str, depth: int = _DEPTH) -> bool:
    """Whether a token, or a part of it between signs, is a mailbox in base64 or in digits."""
    whole = _plain(token)
    pieces = dict.fromkeys((whole.rstrip("="), *_PARTS.split(whole.rstrip("="))))
    for piece in pieces:
        for text in (_from_base64(piece), _from_hex(piece)):
            if text and _NAMED.search(_plain(text)):
                return True
            if text and depth > 1 and any(_hides(one, depth - 1) for one in _tokens(text)):
                return True
    return False


def _tokens(text: str) -> list[str]:
    return [match[0] for match in _IN_QUERY.finditer(text)]


def _from_base64(text: str) -> str:
    """What it says, where it says text: chance gives none. "" otherwise."""
    if len(text) < 8:
        return ""
    try:
        data = base64.b64decode(
            text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True
        )
    except (binascii.Error, ValueError):
        return ""
    return _said(data)


def _from_hex(text: str) -> str:
    return _said(bytes.fromhex(text)) if _HEX.fullmatch(text) else ""


def _said(data: bytes) -> str:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return ""
    return text if all(char.isprintable() or char in "\t\r\n" for char in text) else ""
