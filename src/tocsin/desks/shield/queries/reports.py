"""Reports of programs: XARF 4 and ARF (RFC 5965), as far as they tell of phishing.

The formats are those of the response desk. What is of another class is not the shield's: it is
refused with a sentence that says where it belongs, and nothing of it is kept.
"""

from collections.abc import Iterator
from io import BytesIO

from tocsin.flow.tables import Chunk, Fault
from tocsin.formats import xarf
from tocsin.formats.format import Format
from tocsin.formats.mail import arf
from tocsin.words.errors import Refused, Unreadable

_HEAD = 64 * 1024
PHISHING = "phishing"
MOST_PLACES = 20
_PLACE = ("source.url", "source.fqdn")
_TOLD = ("event_description.target", "event_description.text")


def report_format(data: bytes) -> Format | None:
    """XARF or ARF, None for anything else."""
    formats = (xarf.FORMAT, arf.FORMAT)
    return next((one for one in formats if one.sniff(data[:_HEAD], "report")), None)


def reported(data: bytes) -> list[str]:
    """The addresses that a report names; nothing for what is no report.

    Raises `Unreadable` for a report that breaks its own rules, `Refused` for one of another class.
    """
    return [_url(row) for row in _places(data)]


def require_report(data: bytes) -> None:
    """Refuse what is neither; raises `Unreadable`."""
    if report_format(data) is None:
        raise Unreadable("neither XARF 4 nor ARF (RFC 5965). Possible: one of the two, unpacked")


def said_of(data: bytes) -> list[str]:
    """What a report says of each place, one line each; nothing for what is no report."""
    rows = _places(data)
    return [": ".join((_url(row), *(row[name] for name in _TOLD if row[name]))) for row in rows]


def _url(row: dict[str, str]) -> str:
    return row["source.url"] or f"http://{row['source.fqdn']}/"


def _places(data: bytes) -> list[dict[str, str]]:
    if not data or (format_ := report_format(data)) is None:
        return []
    rows = list(_rows(format_, data))
    others = sorted({row["classification.type"] for row in rows} - {PHISHING})
    if others:
        raise Refused(
            f"a report of the class {others[0]} is not for the shield, which takes phishing. "
            "Possible: bring it to the response desk"
        )
    places = [row for row in rows if row["source.url"] or row["source.fqdn"]]
    if len(places) > MOST_PLACES:
        raise Refused(
            f"{len(places)} places in one report. Possible: at most {MOST_PLACES}, several reports"
        )
    if not places and format_ is xarf.FORMAT:
        raise Unreadable("a report that names no address. Possible: one with its url")
    return places


def _rows(format_: Format, data: bytes) -> Iterator[dict[str, str]]:
    """Every row of every report, with the columns that are looked at; "" for what is missing."""
    cut, parse = format_.cut, format_.parse
    if cut is None or parse is None:
        return
    wanted = ("classification.type", *_PLACE, *_TOLD)
    for chunk in cut(BytesIO(data), "report"):
        _refuse([chunk] if isinstance(chunk, Fault) else [])
        if isinstance(chunk, Chunk):
            parsed = parse(chunk)
            _refuse(parsed.faults)
            for row in parsed.table.iter_rows(named=True):
                yield {name: row.get(name) or "" for name in wanted}


def _refuse(faults: list[Fault]) -> None:
    """One that breaks a rule stops the whole: who sent it can mend it, and nothing is half read."""
    if faults:
        raise Unreadable(f"a report that cannot be read: {faults[0].reason}")
