"""Cutting a person's records out of a report: every other byte stays as it was."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.flow.redact import Reading, Tally, redact
from tocsin.flow.subject import addresses
from tocsin.formats import idf_csv, idf_json, shadowserver

PERSON = addresses(["192.0.2.7", "2001:db8::7"])
CSV = (
    b'"timestamp","ip","tag"\r\n'
    b'"2026-11-23 09:00:00","192.0.2.7","a"\r\n'
    b'"2026-11-23 09:00:01","192.0.2.77","b"\r\n'
    b"\r\n"
    b'"2026-11-23 09:00:02","2001:0DB8::7","c"\r\n'
    b"broken, 192.0.2.7\r\n"
    b"broken\r\n"
    b'"2026-11-23 09:00:03","192.0.2.8","two\nlines 192.0.2.7"\r\n'
    b'"2026-11-23 09:00:04","192.0.2.9",""'
)


def redacted(data: bytes, one=shadowserver.FORMAT, subject=PERSON) -> tuple[bytes, Tally]:
    tally = Tally()
    reading = Reading("2026-11-22-scan_rdp-x.csv", one and one.cut, one and one.parse)
    return b"".join(redact(io.BytesIO(data), reading, subject, tally)), tally


def test_records_go_whole_and_everything_else_stays():
    left, tally = redacted(CSV)

    assert left == (
        b'"timestamp","ip","tag"\r\n'
        b'"2026-11-23 09:00:01","192.0.2.77","b"\r\n'
        b"\r\n"
        b"broken\r\n"
        b'"2026-11-23 09:00:04","192.0.2.9",""'
    )
    assert (tally.records, tally.lines, len(tally.keys)) == (4, 0, 3 * 16)


def test_a_report_without_the_person_stays_byte_for_byte():
    left, tally = redacted(CSV, subject=addresses(["192.0.2.200"]))

    assert (left, tally.found) == (CSV, 0)


def test_an_escaped_address_is_found_by_its_value():
    escaped = b'{"source.ip":"192.0.2.\\u0037"}\n{"source.ip":"192.0.2.9"}\n'

    assert redacted(escaped, idf_json.FORMAT)[0] == b'{"source.ip":"192.0.2.9"}\n'


@pytest.mark.parametrize("gone", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 2), (0, 1, 2), (0, 2, 3)])
def test_an_array_stays_an_array_whichever_elements_go(gone):
    import json

    addresses_ = ["192.0.2.7" if at in gone else f"192.0.2.{100 + at}" for at in range(4)]
    data = json.dumps([{"source.ip": ip} for ip in addresses_], indent=1).encode()
    left, tally = redacted(data, idf_json.FORMAT)

    assert [row["source.ip"] for row in json.loads(left)] == [
        ip for ip in addresses_ if ip != "192.0.2.7"
    ]
    assert tally.records == len(gone)


def test_what_no_format_reads_loses_its_lines():
    left, tally = redacted(b"a note on 192.0.2.7\nand one on 192.0.2.8\n", None)

    assert (left, tally.lines) == (b"and one on 192.0.2.8\n", 1)


def test_a_report_that_breaks_off_loses_its_lines_to_the_end():
    left, _ = redacted(b"no csv header 192.0.2.8\n192.0.2.7\n", idf_csv.FORMAT)

    assert left == b"no csv header 192.0.2.8\n"


def test_what_is_told_of_the_rest_is_counted():
    _, tally = redacted(CSV)

    assert tally.moments == ["2026-11-23 09:00:01", "2026-11-23 09:00:04"]
    assert sum(tally.classes.values()) == 3


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from([7, 70, 77, 8, 9]), max_size=60), st.booleans())
def test_any_mixture_of_rows_loses_exactly_the_persons(ends, is_json):
    if is_json:
        one, head = idf_json.FORMAT, b""
        rows = [f'{{"source.ip":"192.0.2.{end}"}}\n'.encode() for end in ends]
    else:
        one, head = shadowserver.FORMAT, b"timestamp,ip\n"
        rows = [f"2026-11-23 09:00:00,192.0.2.{end}\n".encode() for end in ends]
    left, tally = redacted(head + b"".join(rows), one)

    assert left == head + b"".join(row for row, end in zip(rows, ends, strict=True) if end != 7)
    assert tally.records == ends.count(7)


def test_a_large_report_is_cut_in_constant_memory():
    """40 MiB in three chunks; every thousandth row is the person's."""
    row = b'"2026-11-23 09:00:00","192.0.2.%d","' + b"x" * 100 + b'"\n'
    rows = [row % (7 if at % 1000 == 0 else 8) for at in range(300_000)]
    data = b'"timestamp","ip","tag"\n' + b"".join(rows)
    left, tally = redacted(data)

    assert (tally.records, tally.kept) == (300, 299_700)
    assert len(left) == len(data) - 300 * len(rows[0])
    assert PERSON.spans_in(left) == []
