"""The wire formats there are, in the order in which a file is tried."""

from pathlib import Path

from tocsin.formats import generic_csv, idf_csv, idf_json, indicators, shadowserver, xarf
from tocsin.formats.format import Format
from tocsin.formats.mail import arf, mbox, phishing
from tocsin.words.errors import Unreadable, Unusable

# What shows by its content comes first; Shadowserver also goes by the file name; anything may
# be on a plain list, so that comes last of those that are recognised.
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
        generic_csv.FORMAT,
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
    if is_utf16(head):
        raise Unreadable(
            f"{name}: UTF-16, as some spreadsheets save it; text is read in UTF-8. Possible: save "
            f"it as 'CSV UTF-8', or iconv -f UTF-16 -t UTF-8 {name} > utf-8.csv"
        )
    possible = ", ".join(one.name for one in FORMATS.values() if one.cut is not None)
    raise Unreadable(
        f"{name}: in no format that Tocsin reads. Possible: {possible}; "
        "any other CSV with --mapping."
    )


def is_utf16(head: bytes) -> bool:
    """By its mark, or by a NUL in every second byte of what begins with Latin letters."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    first = head[:64]
    evens, odds = first[::2], first[1::2]
    return len(first) > 3 and ((not any(odds) and all(evens)) or (not any(evens) and all(odds)))


def chosen(name: str | None, *, mapping: Path | str | None = None) -> Format | None:
    """The format that an operator names, with the mapping file it may need; None if neither.

    Raises `Unusable` for a name that there is not and for what cannot go together, and what
    reading the mapping raises.
    """
    if name is not None and name not in FORMATS:
        raise Unusable(f"no format {name!r}. Possible: {', '.join(FORMATS)}")
    if mapping is None:
        return None if name is None else _reading(FORMATS[name])
    mapped = FORMATS[name or generic_csv.NAME]
    if mapped.with_mapping is None:
        raise Unusable(f"a mapping is for CSV, not for {name}. Possible: leave one of them out")
    return mapped.with_mapping(mapping)


def _reading(format_: Format) -> Format:
    if format_.with_mapping is not None:
        raise Unusable(
            f"{format_.name} is read with a mapping file. Possible: --mapping mapping.toml"
        )
    return format_
