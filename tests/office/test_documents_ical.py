"""Deadlines as iCalendar, read back by a strict reader of RFC 5545 and by the library's own."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.office.documents import ical

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ONE = UUID("3f2b8c1e9d4a4f6b8a7c5e1d2b3a4f60")
HOSTILE = (
    "a\r\nEND:VCALENDAR\r\nBEGIN:VEVENT",
    "a\nATTENDEE:mailto:x@nowhere.example",
    'a;b,c\\d:e"f',
    "\u202ecod.exe\u2066",
    "x\x00\x07\x85\u2028y",
    "ü" * 10_000,
    "\ud800",
    "=cmd|' /C calc'!A0",
)
_LINE = re.compile(r"([A-Z-]+)((?:;[A-Z-]+=(?:[^\";:,]+|\"[^\"]*\"))*):(.*)", re.DOTALL)


def owed(**words) -> ical.Owed:
    return ical.Owed(
        **{
            "uid": ONE,
            "what": "say that it was received",
            "party": "Meadow Net",
            "started_at": AT,
            "due_at": AT + timedelta(days=2),
            "latest_at": AT + timedelta(days=3),
            "zone": "Europe/Brussels",
            "url": "https://tocsin.cert.example/response/deliveries/1",
            **words,
        }
    )


def strict(data: bytes) -> list[tuple[str, str, str]]:
    """Every content line as (name, parameters, value); fails on what RFC 5545 3.1 forbids."""
    assert data.endswith(b"\r\n")
    physical = data[:-2].split(b"\r\n")
    assert all(len(line) <= 75 and b"\n" not in line and b"\r" not in line for line in physical)
    logical: list[bytes] = []
    for line in physical:
        if line[:1] in (b" ", b"\t"):
            logical[-1] += line[1:]
        else:
            logical.append(line)
    found = []
    for line in logical:
        text = line.decode("utf-8")
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text), text
        fits = _LINE.fullmatch(text)
        assert fits, text
        found.append((fits[1], fits[2], fits[3]))
    return found


def unescaped(value: str) -> str:
    """A TEXT value (RFC 5545 3.3.11)."""
    assert not re.search(r"(?<!\\)(?:\\\\)*[;,]", value), value
    return re.sub(r"\\([\\;,nN])", lambda m: "\n" if m[1] in "nN" else m[1], value)


def entries(data: bytes) -> list[dict[str, str]]:
    """The events of a calendar, as the strict reader finds them."""
    found: list[dict[str, str]] = []
    depth: list[str] = []
    for name, _parameters, value in strict(data):
        if name == "BEGIN":
            depth.append(value)
            found += [{}] if value == "VEVENT" else []
        elif name == "END":
            assert depth.pop() == value
        elif depth == ["VCALENDAR", "VEVENT"]:
            assert name not in found[-1]
            found[-1][name] = value
    assert depth == []
    return found


def test_an_entry_says_what_is_owed_when_and_where_and_nothing_else():
    data = ical.calendar([owed()], name="Deadlines at Test CERT")

    assert entries(data) == [
        {
            "SUMMARY": "say that it was received (Meadow Net)",
            "DTSTART": "20261125T090000Z",
            "DTSTAMP": "20261123T090000Z",
            "UID": "3f2b8c1e-9d4a-4f6b-8a7c-5e1d2b3a4f60",
            "SEQUENCE": "0",
            "CLASS": "CONFIDENTIAL",
            "TRANSP": "TRANSPARENT",
            "DESCRIPTION": "Due 2026-11-25 10:00\\, at the latest 2026-11-26 10:00"
            " (Europe/Brussels).\\nhttps://tocsin.cert.example/response/deliveries/1",
            "URL": "https://tocsin.cert.example/response/deliveries/1",
        }
    ]
    heads = {name: value for name, _, value in strict(data)[1:8]}
    assert (heads["VERSION"], heads["REFRESH-INTERVAL"]) == ("2.0", "PT1H")


def test_the_same_rows_are_the_same_bytes():
    assert ical.calendar([owed()], name="x") == ical.calendar([owed()], name="x")


def test_without_rows_it_is_a_calendar_all_the_same():
    read = icalendar.Calendar.from_ical(ical.calendar([], name="x"))

    assert [one.name for one in read.walk()] == ["VCALENDAR"]


@pytest.mark.parametrize(
    ("due", "zone", "shown", "said"),
    [
        # on either side of the hour that is there twice, and of the one that is not there
        ("2026-10-25T00:30:00+00:00", "Europe/Brussels", "20261025T003000Z", "2026-10-25 02:30"),
        ("2026-10-25T01:30:00+00:00", "Europe/Brussels", "20261025T013000Z", "2026-10-25 02:30"),
        ("2027-03-28T01:00:00+00:00", "Europe/Brussels", "20270328T010000Z", "2027-03-28 03:00"),
        ("2026-12-31T23:59:59+01:00", "Atlantic/Azores", "20261231T225959Z", "2026-12-31 21:59"),
    ],
)
def test_a_moment_is_the_same_moment_in_every_zone(due, zone, shown, said):
    row = owed(due_at=datetime.fromisoformat(due), zone=zone)
    (entry,) = entries(ical.calendar([row], name="x"))
    (read,) = icalendar.Calendar.from_ical(ical.calendar([row], name="x")).walk("VEVENT")

    assert entry["DTSTART"] == shown
    assert said in entry["DESCRIPTION"]
    assert read.decoded("dtstart") == datetime.fromisoformat(due)


@pytest.mark.parametrize("word", HOSTILE)
def test_what_somebody_is_called_makes_no_line_no_entry_and_turns_nothing(word):
    data = ical.calendar([owed(party=word, what=word), owed()], name=word)
    found = entries(data)

    assert [len(found), {*found[0]} == {*found[1]}] == [2, True]
    assert "ATTENDEE" not in found[0]
    assert len(unescaped(found[0]["SUMMARY"])) <= 200
    assert len(icalendar.Calendar.from_ical(data).walk("VEVENT")) == 2


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_is_one_line_of_one_entry(what, party):
    (entry,) = entries(ical.calendar([owed(what=what, party=party)], name=party))

    assert "\n" not in unescaped(entry["SUMMARY"])
