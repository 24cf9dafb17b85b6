"""The two formats of the IntelMQ Data Format give back what they were given."""

import itertools
import json
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.formats.reading import read
from tocsin.flow.tables import ROW
from tocsin.formats import idf_csv, idf_json
from tocsin.formats.format import Format
from tocsin.formats.idf import KEYS_LIMIT, column_of
from tocsin.words.errors import Unreadable

TEXT = st.text(st.characters(codec="utf-8") | st.sampled_from("'\"\\=+-@,\t\r\n{}"), max_size=12)
MOMENT = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001
    lambda moment: moment.replace(tzinfo=UTC)
)
EVENT = st.fixed_dictionaries(
    {
        "time.source": MOMENT,
        "source.ip": st.just("192.0.2.1"),
        "source.port": st.none() | st.integers(1, 65535),
        "comment": st.none() | TEXT,
        "extra.because": st.none() | TEXT,
        "extra": st.none() | st.dictionaries(st.sampled_from(["tag", "a"]), TEXT).map(json.dumps),
    }
)
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "time.source": pl.Datetime("us", "UTC"),
    "source.ip": pl.String,
    "source.port": pl.Int64,
    "comment": pl.String,
    "extra.because": pl.String,
    "extra": pl.String,
}
BOTH = pytest.mark.parametrize("fmt", [idf_csv.FORMAT, idf_json.FORMAT], ids=lambda fmt: fmt.name)


def table(*events: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(events), schema=SCHEMA)


def write(fmt: Format, events: pl.DataFrame) -> bytes:
    assert fmt.header is not None
    assert fmt.body is not None
    return fmt.header(events.columns) + fmt.body(events)


def as_texts(event: dict[str, object]) -> dict[str, object]:
    """How an event must come back: texts, no nulls, `extra` spread over columns."""
    extra = json.loads(str(event["extra"] or "{}"))
    flat = {**event, **{f"extra.{key}": value for key, value in extra.items()}, "extra": None}
    moment = event["time.source"]
    assert isinstance(moment, datetime)
    flat["time.source"] = moment.isoformat()
    return {key: str(value) for key, value in flat.items() if value is not None and value != ""}


@BOTH
@settings(max_examples=150, deadline=None)
@given(events=st.lists(EVENT, min_size=1, max_size=8))
def test_what_is_written_comes_back_as_it_was(fmt: Format, events: list[dict[str, object]]) -> None:
    out = read(fmt, write(fmt, table(*events)))

    back = [{key: value for key, value in row.items() if key != ROW} for row in out.rows]
    assert out.faults == []
    assert back == [as_texts(event) for event in events]


@BOTH
@settings(max_examples=50, deadline=None)
@given(events=st.lists(EVENT, min_size=1, max_size=8))
def test_a_body_can_be_cut_where_its_rows_end(fmt: Format, events: list[dict[str, object]]) -> None:
    assert fmt.body is not None
    assert fmt.ends is not None
    whole = fmt.body(table(*events))

    bounds = [0, *fmt.ends(whole).tolist()]

    rows = [whole[start:end] for start, end in itertools.pairwise(bounds)]
    assert rows == [fmt.body(table(event)) for event in events]


@BOTH
def test_a_body_of_no_rows_is_empty(fmt: Format) -> None:
    assert fmt.body is not None
    assert fmt.body(table()) == b""


EXAMPLE = {
    "time.source": datetime(2026, 6, 17, 0, 0, 4, tzinfo=UTC),
    "source.ip": "192.0.2.1",
    "source.port": 4711,
    "comment": 'a "b"\n\x01\\',
    "extra.because": "=1+1",
    "extra": '{"tag": "x",\n "n": [1]}',
}


def test_json_has_flat_keys_no_nulls_and_one_extra_object() -> None:
    later = {
        "time.source": datetime(2026, 6, 17, 0, 0, 4, 50, tzinfo=UTC),
        "source.ip": "2001:db8::1",
    }

    body = write(idf_json.FORMAT, table(EXAMPLE, later))

    assert body.splitlines() == [
        (
            b'{"time.source":"2026-06-17T00:00:04+00:00","source.ip":"192.0.2.1","source.port":4711,'
            b'"comment":"a \\"b\\"\\u000a\\u0001\\\\",'
            b'"extra":{"tag": "x",  "n": [1],"because":"=1+1"}}'
        ),
        b'{"time.source":"2026-06-17T00:00:04.000050+00:00","source.ip":"2001:db8::1"}',
    ]


def test_csv_guards_a_spreadsheet_against_formulas() -> None:
    cells = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "'=1", "''@", "'x", "x=1", "-"]
    events = pl.DataFrame({"source.ip": ["192.0.2.1"] * len(cells), "comment": cells})

    body = idf_csv.body(events)

    assert body.decode().removesuffix("\n").split("\n") == [
        "192.0.2.1,'=1+1",
        "192.0.2.1,'+1",
        "192.0.2.1,'-1",
        "192.0.2.1,'@x",
        "192.0.2.1,'\tx",
        '192.0.2.1,"\'\rx"',
        "192.0.2.1,''=1",
        "192.0.2.1,'''@",
        "192.0.2.1,'x",
        "192.0.2.1,x=1",
        "192.0.2.1,'-",
    ]
    assert read(idf_csv.FORMAT, write(idf_csv.FORMAT, events)).table["comment"].to_list() == cells


def test_numbers_are_no_texts_to_guard() -> None:
    events = pl.DataFrame({"source.ip": ["192.0.2.1"], "source.geolocation.latitude": [-1.5]})

    assert idf_csv.body(events) == b"192.0.2.1,-1.5\n"
    assert idf_json.body(events) == (
        b'{"source.ip":"192.0.2.1","source.geolocation.latitude":-1.5}\n'
    )


def test_json_has_no_word_for_infinity() -> None:
    events = pl.DataFrame({"source.ip": ["192.0.2.1"] * 2, "feed.accuracy": [float("inf"), 50.0]})

    assert idf_json.body(events) == (
        b'{"source.ip":"192.0.2.1"}\n{"source.ip":"192.0.2.1","feed.accuracy":50.0}\n'
    )


def test_an_event_without_any_value_is_an_empty_object() -> None:
    events = pl.DataFrame(
        {"source.ip": [None, None], "extra.tag": [None, "x"], "extra": ["{}", ""]}
    )

    events = events.cast(pl.String)

    assert idf_json.body(events) == b'{}\n{"extra":{"tag":"x"}}\n'


def test_columns_that_are_no_keys_are_kept_as_extra_and_named() -> None:
    out = read(idf_csv.FORMAT, b"source.ip,My Column,source.ip\n192.0.2.1,x,192.0.2.2\n")

    assert out.rows == [{ROW: 2, "source.ip": "192.0.2.1", "extra.my_column": "x"}]
    assert out.notes == ["columns that are no IDF keys, kept as extra: My Column"]


def test_a_row_whose_extra_is_no_object_is_a_fault_with_its_bytes() -> None:
    data = b'source.ip,extra\n192.0.2.1,[1]\n192.0.2.2,"{""a"":1}"\n192.0.2.3,{\n'

    out = read(idf_csv.FORMAT, data)

    assert out.rows == [{ROW: 3, "source.ip": "192.0.2.2", "extra.a": "1"}]
    assert [(fault.row, fault.raw) for fault in out.faults] == [
        (2, b"192.0.2.1,[1]\n"),
        (4, b"192.0.2.3,{\n"),
    ]
    assert out.faults[0].reason == "extra holds no object"
    assert out.parsed[0].raw(0) == b'192.0.2.2,"{""a"":1}"\n'


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b'{"source.ip":"192.0.2.1"}\n{"source.ip":"192.0.2.2"}', [1, 2]),
        (b'\xef\xbb\xbf\n{"source.ip":"192.0.2.1"}\r\n\r\n{"source.ip":"192.0.2.2"}\r\n', [2, 4]),
        (b'[{"source.ip":"192.0.2.1"},\n {"source.ip":"192.0.2.2"}]\n', [1, 2]),
        (b'{\n"source.ip":"192.0.2.1"\n}\n{\n"source.ip":"192.0.2.2"}', [1, 4]),
    ],
)
def test_json_lines_an_array_and_objects_over_several_lines_are_read(
    data: bytes, lines: list[int]
) -> None:
    out = read(idf_json.FORMAT, data)

    assert out.faults == []
    assert out.rows == [
        {ROW: lines[0], "source.ip": "192.0.2.1"},
        {ROW: lines[1], "source.ip": "192.0.2.2"},
    ]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"[1]", "not an object; one JSON object per event is expected"),
        (
            b'{"source.ip":["192.0.2.1"]}',
            "source.ip holds a list; a text, a number or true/false is expected",
        ),
        (
            b'{"source.ip":{}}',
            "source.ip holds an object; a text, a number or true/false is expected",
        ),
        (b'{"extra":[]}', "extra holds no object"),
        (
            b'{"comment":"\\ud800"}',
            "comment holds half of a surrogate pair, which is no Unicode text",
        ),
        (b'{"feed.accuracy":NaN}', "not JSON: NaN is no JSON number"),
        (b'{"source.ip":}', "not JSON: Expecting value: line 1 column 14 (char 13)"),
    ],
)
def test_a_record_that_is_no_event_is_a_fault_and_the_next_one_flows(
    record: bytes, reason: str
) -> None:
    data = b'{"source.ip":"192.0.2.1"}\n' + record + b'\n{"source.ip":"192.0.2.2"}\n'

    out = read(idf_json.FORMAT, data)

    assert [row["source.ip"] for row in out.rows] == ["192.0.2.1", "192.0.2.2"]
    assert [(fault.row, fault.reason, fault.raw) for fault in out.faults] == [
        (2, reason, record + b"\n")
    ]
    assert out.parsed[0].raw(1) == b'{"source.ip":"192.0.2.2"}\n'


def test_nesting_without_end_is_a_fault() -> None:
    deep = b'{"extra":' + b'{"a":' * 50_000 + b"\n"

    out = read(idf_json.FORMAT, b'{"source.ip":"192.0.2.1"}\n' + deep + b"[" * 100_000)

    assert [fault.row for fault in out.faults] == [2, 3]


def test_from_a_flaw_in_an_array_on_all_the_rest_is_one_fault() -> None:
    out = read(idf_json.FORMAT, b'[{"source.ip":"192.0.2.1"},\n{"source.ip":]')

    assert out.rows == [{ROW: 1, "source.ip": "192.0.2.1"}]
    assert [(fault.row, fault.raw) for fault in out.faults] == [(1, b',\n{"source.ip":]')]


def test_latin1_in_json_is_read_and_counted() -> None:
    out = read(idf_json.FORMAT, '{"source.geolocation.city":"Köln"}\n'.encode("latin-1"))

    assert out.rows == [{ROW: 1, "source.geolocation.city": "Köln"}]
    assert out.counts == {idf_json.LATIN: 1}


def test_more_different_keys_than_a_table_can_have_columns_are_faults() -> None:
    data = b"".join(b'{"extra":{"k%d":1}}\n' % index for index in range(KEYS_LIMIT + 2))

    out = read(idf_json.FORMAT, data)

    assert len(out.rows) == KEYS_LIMIT
    assert [fault.row for fault in out.faults] == [KEYS_LIMIT + 1, KEYS_LIMIT + 2]


@pytest.mark.parametrize(
    ("key", "column"),
    [
        ("source.ip", "source.ip"),
        ("extra.tag", "extra.tag"),
        ("extra.My Tag", "extra.my_tag"),
        ("custom.field", "extra.custom.field"),
        ("..", "extra.nameless"),
        ("extra.", "extra.extra"),
    ],
)
def test_a_foreign_key_becomes_the_name_of_an_extra(key: str, column: str) -> None:
    assert column_of(key) == column


@pytest.mark.parametrize(
    ("fmt", "data", "sentence"),
    [
        (idf_csv.FORMAT, b"a,b\n", "f: no column is a key of the IntelMQ Data Format."),
        (
            idf_json.FORMAT,
            b"hello",
            "f: not JSON: it begins with neither an object nor an array.",
        ),
    ],
)
def test_a_file_of_another_kind_is_unreadable(fmt: Format, data: bytes, sentence: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        read(fmt, data, "f")

    assert str(refusal.value) == sentence


def test_nesting_at_every_depth_gives_rows_or_faults() -> None:
    for depth in range(900, 1000):
        text = '{"source.ip":"192.0.2.1","x":' + "[" * depth + "]" * depth + "}"

        out = read(idf_json.FORMAT, text.encode())

        assert len(out.rows) + len(out.faults) == 1
