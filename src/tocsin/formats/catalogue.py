"""The wire formats there are, in the order in which a file is tried."""

from tocsin.formats import idf_csv, idf_json, indicators, shadowserver, xarf
from tocsin.formats.format import Format
from tocsin.formats.mail import arf, mbox, phishing
from tocsin.words.errors import Unreadable

# What shows by its content comes first; Shadowserver also goes by the file name; anything may
# be on a plain list, so that comes last.
FORMATS: dict[str, Format] = {
    one.name: one
    for one in (
        xarf.FORMAT,
        idf_json.FORMAT,
        idf_csv.FORMAT,
        mbox.FORMAT,
        arf.FORMAT,
        phishing.FORMAT,
        shadowserver.FORMAT,
        indicators.FORMAT,
    )
}

HEAD_BYTES = 64 * 1024


def sniff(head: bytes, name: str) -> Format:
    """The format of a file by its first bytes (HEAD_BYTES do) and name; Unreadable if none."""
    if not head.strip(b"\xef\xbb\xbf \t\r\n\0"):
        raise Unreadable(f"{name}: empty.")
    for one in FORMATS.values():
        if one.cut is not None and one.sniff(head, name):
            return one
    possible = ", ".join(one.name for one in FORMATS.values() if one.cut is not None)
    raise Unreadable(
        f"{name}: in no format that Tocsin reads. Possible: {possible}; "
        "any other CSV with --mapping."
    )
