"""What somebody else wrote, as it may stand in a document that leaves the node.

A calendar or a PDF is opened by programs that nobody here chose: no character of a name may begin
a line, end a text or turn the order in which it is read (Unicode TR 9, CVE-2021-42574).
"""

import re

SHOWN_AS = "\ufffd"
# Control characters but tab and newline; halves of characters; what turns; what is no character.
_HARMFUL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"
    "\ud800-\udfff\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff]"
)


def plain(text: str) -> str:
    """Without what harms; lines stay lines."""
    return _HARMFUL.sub(SHOWN_AS, text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str, *, most: int) -> str:
    """On one line, and no longer than `most` characters."""
    line = " ".join(plain(text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"
