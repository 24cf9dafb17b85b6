"""CSV is cut at record ends: the same rows as Python's csv module, and nothing is ever lost."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.flow.tables import Chunk, Fault
from tocsin.formats import records
from tocsin.formats.csvtable import LATIN, MENDED, table_of
from tocsin.formats.quotes import survey
from tocsin.formats.records import COLUMN_LIMIT, RECORD_LIMIT, TOO_LONG, cut_records
from tocsin.words.errors import Unreadable

FIELD = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\0") | st.sampled_from('",\n '), max_size=12
)
WILD = st.lists(
    st.sampled_from(
        [b'"', b",", b"\n", b"\r\n", b"\r", b'""', b'"a"', b',"b\nc"', b"x", b"\xe9", b"\0", b"a,b"]
    ),
    max_size=80,
).map(b"".join)
SIZES = st.sampled_from([(64, 128, 7, 1), (64, 1 << 20, 64, 3), (1 << 16, 1 << 20, 1 << 22, 64)])


@contextmanager
def small_steps(sizes: tuple[int, int, int, int]) -> Iterator[None]:
    """Windows and blocks so small that records cross their borders."""
    names = ("_SMALL", "_LARGE", "_BLOCK", "_CALM")
    with pytest.MonkeyPatch.context() as patch:
        for name, size in zip(names, sizes, strict=True):
            patch.setattr(records, name, size)
        yield


def cut(data: bytes, *, size: int = 256) -> tuple[list[Chunk], list[Fault]]:
    out = list(cut_records(io.BytesIO(data), "x.csv", list, size=size))
    chunks = [one for one in out if isinstance(one, Chunk)]
    return chunks, [one for one in out if isinstance(one, Fault)]


def rows(chunks: list[Chunk], *, width: int) -> list[tuple[str | None, ...]]:
    tables = [table_of(chunk, width=width, tidy=False)[0] for chunk in chunks]
    return [row for table in tables for row in table.iter_rows()]


def pieces(chunks: list[Chunk], faults: list[Fault]) -> list[tuple[int, bytes]]:
    """Line and exact bytes of everything that came out, in the order of the file."""
    good = [
        (int(line), chunk.data[int(start) : int(end)])
        for chunk in chunks
        for line, start, end in zip(chunk.lines, chunk.starts, chunk.ends, strict=True)
    ]
    return sorted(good + [(fault.row, fault.raw) for fault in faults], key=lambda piece: piece[0])


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(FIELD, min_size=3, max_size=3), max_size=20),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["with its last line ended", "without"]),
    SIZES,
)
def test_well_formed_csv_gives_the_rows_that_pythons_csv_module_reads(
    table: list[list[str]],
    quoting: int,
    line_end: str,
    ending: str,
    sizes: tuple[int, int, int, int],
) -> None:
    out = io.StringIO(newline="")
    csv.writer(out, quoting=quoting, lineterminator=line_end).writerows([["a", "b", "c"], *table])
    text = out.getvalue() if ending != "without" else out.getvalue().removesuffix(line_end)

    with small_steps(sizes):
        chunks, faults = cut(text.encode())

    expected = list(csv.reader(io.StringIO(text, newline="")))[1:]
    assert faults == []
    assert rows(chunks, width=3) == [tuple(value or None for value in row) for row in expected]


@settings(max_examples=300, deadline=None)
@given(WILD, SIZES)
def test_whatever_the_bytes_each_is_in_a_record_a_fault_or_an_empty_line(
    body: bytes, sizes: tuple[int, int, int, int]
) -> None:
    with small_steps(sizes):
        chunks, faults = cut(b"a,b\n" + body, size=64)

    behind = 0
    for line, piece in pieces(chunks, faults):
        start = body.index(piece, behind)
        assert body[behind:start].replace(b"\r\n", b"\n").strip(b"\n") == b""
        assert line == 2 + body.count(b"\n", 0, start)
        behind = start + len(piece)
    rest = body[behind:].replace(b"\r\n", b"\n").strip(b"\n")
    assert rest in {b"", b"\r"}  # a line that the end of the file ends is empty as well
    rows(chunks, width=2)  # as many as there are records, or it raises


@settings(max_examples=150, deadline=None)
@given(WILD)
def test_the_size_of_the_windows_changes_nothing(body: bytes) -> None:
    with small_steps((64, 64, 64, 1)):
        small = cut(b"a,b\n" + body, size=16)
    large = cut(b"a,b\n" + body, size=1 << 24)

    assert pieces(*small) == pieces(*large)


def test_a_survey_tells_where_records_end_and_how_many_fields_they_have() -> None:
    seen = survey(np.frombuffer(b'a,b\n"x\n,",c\nlast', np.uint8))

    assert seen.starts.tolist() == [0, 4]
    assert seen.ends.tolist() == [4, 12]
    assert seen.skipped.tolist() == [0, 1]
    assert seen.spans.tolist() == [1, 2]
    assert seen.fields.tolist() == [2, 2]
    assert seen.flawed is False


def test_a_survey_stops_at_a_misplaced_quote() -> None:
    seen = survey(np.frombuffer(b'a,b\nc"d,e\nf,g\n', np.uint8))

    assert seen.ends.tolist() == [4]
    assert seen.flawed is True


def test_a_stray_quote_costs_its_own_line_and_no_other() -> None:
    chunks, faults = cut(b'a,b,c\n1,2,3\n4,"5,6\n7,8,9\n"x",y,z\n')

    assert faults == [Fault(3, "2 fields where the header names 3", b'4,"5,6\n')]
    assert rows(chunks, width=3) == [("1", "2", "3"), ("7", "8", "9"), ("x", "y", "z")]
    assert [line for line, _ in pieces(chunks, [])] == [2, 4, 5]


def test_a_quote_inside_a_bare_field_is_taken_as_it_stands() -> None:
    chunks, faults = cut(b'a,b\nRue "X",2\n3,4\n')

    assert faults == []
    assert rows(chunks, width=2) == [('Rue "X"', "2"), ("3", "4")]
    assert table_of(chunks[0], width=2)[1] == {MENDED: 1}
    assert pieces(chunks, []) == [(2, b'Rue "X",2\n'), (3, b"3,4\n")]


def test_of_a_bad_record_over_several_lines_only_the_first_line_is_judged() -> None:
    chunks, faults = cut(b'a,b,c\n1,"two\n1,2,3\nlines",3,4\n4,5,6\n')

    assert faults == [
        Fault(2, "2 fields where the header names 3", b'1,"two\n'),
    ]
    assert rows(chunks, width=3) == [("1", "2", "3"), ('lines"', "3", "4"), ("4", "5", "6")]


def test_line_numbers_count_the_lines_inside_quotes_and_the_empty_ones() -> None:
    chunks, faults = cut(b'\n\xef\xbb\xbfa,b\n\n"1\n\n1",2\r\n\r\n3,4')

    assert faults == []
    assert pieces(chunks, []) == [(4, b'"1\n\n1",2\r\n'), (8, b"3,4")]


def test_a_byte_order_mark_is_no_part_of_the_first_name() -> None:
    assert next(cut_records(io.BytesIO(b"\xef\xbb\xbfa,b\n1,2\n"), "x", list)).layout == ["a", "b"]


def test_bytes_that_are_not_utf8_are_read_as_latin1_in_their_record_alone() -> None:
    chunks, _ = cut("a,b\nKöln,1\n".encode() + "Bülach,2\n".encode("latin-1"))

    table, counts = table_of(chunks[0], width=2)

    assert table.rows() == [("Köln", "1"), ("Bülach", "2")]
    assert counts == {LATIN: 1}


def test_control_characters_become_one_space_and_blanks_around_a_value_go() -> None:
    chunks, _ = cut(b'a,b\r\n" x\r\n\ty ",n\0n\r\n\0,\x7f\xc2\x85z\r\n" ",""\r\n')

    table, _ = table_of(chunks[0], width=2)

    assert table.rows() == [("x y", "n\ufffdn"), ("\ufffd", "z"), (None, None)]


def test_a_record_over_the_limit_is_a_fault_of_its_first_line() -> None:
    long = b'1,2,"' + b"x\n" * (RECORD_LIMIT // 2) + b'"\n'

    chunks, faults = cut(b"a,b,c,d\n" + long + b"3,4,5,6\n")

    assert faults[0] == Fault(2, "3 fields where the header names 4", b'1,2,"x\n')
    assert b"".join(fault.raw for fault in faults) == long
    assert pieces(chunks, []) == [(RECORD_LIMIT // 2 + 3, b"3,4,5,6\n")]


def test_a_line_over_the_limit_comes_out_in_pieces() -> None:
    chunks, faults = cut(b"a,b\n" + b"x" * (2 * RECORD_LIMIT + 5) + b"\n3,4\n")

    assert [(fault.row, fault.reason, len(fault.raw)) for fault in faults] == [
        (2, TOO_LONG, RECORD_LIMIT),
        (2, TOO_LONG, RECORD_LIMIT),
        (2, TOO_LONG, 6),
    ]
    assert pieces(chunks, []) == [(3, b"3,4\n")]


@pytest.mark.parametrize(
    "line",
    [
        b'"a\n',  # opened and never closed
        b'"""\n',
        b'"a\n""\n',
        b'a,b,"c\n',
        b'a,b"x,c\n',
        b'a,"b\nc",d,e\n',
        b'"a\n' + b"a,b,c\n" * 100,  # just calm enough to try large windows again
        b"a,b\n",
    ],
)
def test_hostile_bytes_cost_as_much_a_line_in_a_large_file_as_in_a_small_one(
    line: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at = 0

    def counting(window: np.ndarray, delimiter: int) -> object:
        nonlocal looked_at
        looked_at += len(window)
        return survey(window, delimiter)

    def cost(size: int) -> float:
        nonlocal looked_at
        looked_at = 0
        data = b"a,b,c\n" + line * (size // len(line))
        for _ in cut_records(io.BytesIO(data), "x", list):
            pass
        return looked_at / len(data)

    monkeypatch.setattr(records, "survey", counting)

    small, large = cost(1 << 17), cost(1 << 19)

    assert large < 1.3 * small + 1
    assert large < 140  # bytes surveyed for each byte of the file: 64 KiB for every 64 lines


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "x.csv: empty; a CSV report begins with a line of column names."),
        (b"\r\n\n", "x.csv: empty; a CSV report begins with a line of column names."),
        (
            b"a" * (RECORD_LIMIT + 1),
            "x.csv: no header: the first line is longer than 1 MiB, the limit of a record.",
        ),
        (
            b"," * COLUMN_LIMIT,
            f"x.csv: {COLUMN_LIMIT + 1} columns; at most {COLUMN_LIMIT} are read.",
        ),
    ],
)
def test_a_file_without_a_usable_header_is_unreadable(data: bytes, sentence: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        cut(data)

    assert str(refusal.value) == sentence
