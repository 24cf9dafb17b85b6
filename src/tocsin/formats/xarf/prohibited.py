"""Reports of the sexual abuse of children (XARF types csam and csem).

They may hold what nobody may possess. Such a report is never stored and never becomes an
event; what remains is its digest and the sentence that says where it belongs.
"""

import re
from hashlib import sha256

REASON = (
    "prohibited material ({kind}): never stored or routed here; report it to the national "
    "hotline or the police by their own channel; digest sha256 {digest}"
)


def _spelt(word: str) -> str:
    """A word in JSON: each character as it is or as its escape (RFC 8259 section 7)."""
    return "".join(
        rf"(?:{char}|\\u00{ord(char):02x}|\\u00{ord(char.upper()):02x})" if char.isalpha() else char
        for char in word
    )


# The value of a member `type` (or `ReportType`, as XARF 3 has it), however it is escaped.
_NAMED = re.compile(
    rf'"(?:{_spelt("report")}_?)?{_spelt("type")}"\s*:\s*"'
    rf'(?:[^"\\]{{0,24}}/)?({_spelt("csam")}|{_spelt("csem")})"'.encode(),
    re.IGNORECASE,
)
# Two words that hold it, so that the pattern runs only where it can match at all.
_HINTS = (b"sam", b"sem", b"\\u00")


def is_prohibited(window: bytes) -> bool:
    """True where these bytes hold a report of type csam or csem.

    Also where the type is given twice, or the JSON is broken. Windows of one file must overlap
    by at least 256 bytes.
    """
    return kind_in(window) is not None


def kind_in(window: bytes) -> str | None:
    """`csam` or `csem` where one is named as a type in these bytes."""
    if b"\0" in window:  # UTF-16 and UTF-32
        window = window.replace(b"\0", b"")
    lower = window.lower()
    if not any(hint in lower for hint in _HINTS):
        return None
    found = _NAMED.search(window)
    if found is None:
        return None
    return "csem" if re.search(_spelt("csem").encode(), found[1], re.IGNORECASE) else "csam"


def reason(record: bytes) -> str:
    """Why a report is refused; its digest is all that stays of it."""
    return REASON.format(kind=kind_in(record), digest=sha256(record).hexdigest())
