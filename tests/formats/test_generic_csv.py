"""CSV of anybody's: what the mapping says is done, and what it cannot mean is refused."""

import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.formats.reading import Read, read
from tests.formats.test_catalogue import check_contract
from tocsin.flow.normalise import normalise
from tocsin.flow.tables import ROW
from tocsin.formats.generic_csv import NAME, with_mapping
from tocsin.words.errors import NotFound, TocsinError, Unreadable, Unusable

SAMPLES = Path(__file__).parents[2] / "samples" / "generic-csv"
BARE = '[columns]\n"ip" = "source.ip"\n'


def read_with(mapping: str, data: bytes) -> Read:
    return read(with_mapping(mapping), data, "x.csv")


def test_the_sample_is_read_as_its_mapping_says() -> None:
    fmt = with_mapping(SAMPLES / "honeypot.toml")

    out = read(fmt, (SAMPLES / "honeypot.csv").read_bytes())

    check_contract(out)
    assert fmt.name == NAME
    assert out.rows[1] == {
        ROW: 4,
        "source.ip": "192.0.2.130",
        "time.source": "2026-06-17 09:00:01.000000",
        "destination.ip": "203.0.113.9",
        "source.geolocation.cc": "BE",
        "extra.user_tried": "admin; test",
        "classification.type": "brute-force",
        "protocol.application": "ssh",
        "protocol.transport": "tcp",
        "feed.provider": "Example Honeypots",
    }
    assert out.notes == ["columns that the mapping does not name, kept as extra: 'User tried'"]
    assert [(fault.row, fault.reason, fault.raw) for fault in out.faults] == [
        (7, "3 fields where the header names 7", b"198.51.100.8;22;17/06/2026 10:00:00\n")
    ]


def test_a_moment_that_does_not_fit_puts_its_row_in_quarantine() -> None:
    out = read(with_mapping(SAMPLES / "honeypot.toml"), (SAMPLES / "honeypot.csv").read_bytes())

    done = normalise(out.parsed[0])

    assert [(fault.row, fault.reason) for fault in done.faults] == [
        (6, "time.source: 'not in time_format: yesterday' is no moment")
    ]
    assert len(done.events) == 3


def test_a_mapped_format_travels_to_another_process() -> None:
    fmt = pickle.loads(pickle.dumps(with_mapping(SAMPLES / "honeypot.toml")))

    assert len(read(fmt, (SAMPLES / "honeypot.csv").read_bytes()).rows) == 4


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", ":", "^"])
def test_every_delimiter_parts_quoted_and_broken_records_alike(delimiter: str) -> None:
    text = 'ip,note\n192.0.2.1,"x,y ""z""\nw"\n192.0.2.2,st"ray\n192.0.2.3\n192.0.2.4,"caf\xe9"\n'
    data = text.replace(",", delimiter).encode("latin-1")
    mapping = f"delimiter = {delimiter!r}\n{BARE}".replace("'\\t'", '"\\t"')

    out = read_with(mapping, data)

    assert [(row["source.ip"], row["extra.note"]) for row in out.rows] == [
        ("192.0.2.1", f'x{delimiter}y "z" w'.replace("\t", " ")),
        ("192.0.2.2", 'st"ray'),
        ("192.0.2.4", "caf\xe9"),
    ]
    assert [fault.raw for fault in out.faults] == [b"192.0.2.3\n"]


def test_a_file_without_column_names_has_them_in_the_mapping() -> None:
    mapping = (
        f'names = ["ip", "seen"]\nskip_lines = 1\ntime_format = "unix"\n{BARE}seen="time.source"'
    )

    out = read_with(mapping, b"made by hand\n192.0.2.1,1781686800\n192.0.2.2,1781686800.5\n")

    assert [(row[ROW], row["time.source"]) for row in out.rows] == [
        (2, "2026-06-17 09:00:00.000000"),
        (3, "2026-06-17 09:00:00.500000"),
    ]


def test_the_first_column_that_says_something_fills_a_field_and_a_constant_the_rest() -> None:
    mapping = (
        '[columns]\nv6 = "source.ip"\nV4 = "source.ip"\n[constants]\n"source.ip" = "192.0.2.9"\n'
    )

    out = read_with(mapping, b"v4,v6\n192.0.2.1,\n192.0.2.2,2001:db8::2\n,\n")

    assert [row["source.ip"] for row in out.rows] == ["192.0.2.1", "2001:db8::2", "192.0.2.9"]


def test_columns_of_one_name_are_both_kept() -> None:
    out = read_with(BARE, b"ip,note,note,Note\n192.0.2.1,a,b,c\n")

    assert out.rows == [
        {
            ROW: 2,
            "source.ip": "192.0.2.1",
            "extra.note": "a",
            "extra.note_2": "b",
            "extra.note_3": "c",
        }
    ]


@pytest.mark.parametrize(
    ("time_format", "text"),
    [
        ("%d/%m/%Y %H:%M:%S", "17/06/2026 09:00:00"),
        ("%d %b %Y %H:%M", "17 Jun 2026 09:00"),
        ("%m/%d/%y %I:%M %p", "06/17/26 09:00 AM"),
        ("%Y-%m-%dT%H:%M:%S.%f%z", "2026-06-17T11:00:00.000000+0200"),
    ],
)
def test_moments_are_read_in_the_format_of_the_mapping(time_format: str, text: str) -> None:
    mapping = f'time_format = "{time_format}"\n{BARE}at = "time.source"'

    out = read_with(mapping, f"ip,at\n192.0.2.1,{text}\n".encode())

    assert [row["time.source"] for row in out.rows] == ["2026-06-17 09:00:00.000000"]


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        (
            '[columns]\n"a" = "source.ipp"',
            (
                "mapping: 'source.ipp' is no field of the IntelMQ Data Format. Possible: "
                "source.ip, source.port, source.local_ip, source.url, source.asn, or extra.<name>"
            ),
        ),
        (
            '[columns]\n"a" = "extra.A b"',
            "mapping: 'extra.A b' is no name for a field. Possible: extra.a_b",
        ),
        (
            "column = 1",
            (
                "mapping: 'column' is no part of a mapping. Possible: columns, constants, "
                "delimiter, ignore, names, skip_lines, time_format"
            ),
        ),
        (
            '[columns]\na = "comment"',
            (
                "mapping: no column says where the problem is. Possible: map one to source.ip, "
                "source.network, source.fqdn, source.url, destination.ip"
            ),
        ),
        (
            f'delimiter = ";;"\n{BARE}',
            "mapping: delimiter must be one character, such as ; or | or \\t, not ';;'",
        ),
        (
            f"skip_lines = -1\n{BARE}",
            "mapping: skip_lines must be a number from 0 to 1000, not -1",
        ),
        (
            f'time_format = "%Q"\n{BARE}',
            (
                "mapping: time_format '%Q' cannot work. Possible: %d/%m/%Y %H:%M:%S and the like "
                "(strptime), with a date and a time of day; or unix"
            ),
        ),
        (
            "[columns]\na = 1",
            'mapping: [columns] must hold lines such as "Their name" = "source.ip"',
        ),
        (
            f'ignore = "note"\n{BARE}',
            'mapping: ignore must be a list of column names, such as ["note"]',
        ),
    ],
)
def test_a_mapping_that_cannot_work_says_what_is_possible(mapping: str, sentence: str) -> None:
    with pytest.raises(Unusable) as refusal:
        with_mapping(mapping)

    assert str(refusal.value) == sentence


def test_a_class_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(Unusable, match=r"no class 'phish'\. Possible: .*phishing"):
        with_mapping(f'{BARE}[constants]\n"classification.type" = "phish"')


def test_a_column_that_the_file_has_not_is_named_with_those_it_has() -> None:
    with pytest.raises(Unreadable) as refusal:
        read_with(BARE, b"address,port\n192.0.2.1,80\n")

    assert str(refusal.value) == (
        "x.csv: the mapping names 'ip', which the file does not have. "
        "Its columns: 'address', 'port'"
    )


def test_a_mapping_file_that_is_not_there_or_no_toml(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no such mapping file"):
        with_mapping(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_bytes(b"\xff")
    with pytest.raises(Unreadable, match="cannot be read as UTF-8 text"):
        with_mapping(tmp_path / "bad.toml")
    with pytest.raises(Unreadable, match="mapping is not TOML"):
        with_mapping("[columns")


@settings(max_examples=150, deadline=None)
@given(
    data=st.lists(
        st.sampled_from([b'"', b";", b"\n", b"\r", b"\0", b"\xff", b"ip", b"192.0.2.1", b"\t"]),
        max_size=40,
    ).map(b"".join)
)
def test_hostile_bytes_give_rows_faults_or_unreadable(data: bytes) -> None:
    fmt = with_mapping(f'delimiter = ";"\n{BARE}')

    try:
        check_contract(read(fmt, b"ip;x\n" + data, "x.csv"))
        read(fmt, data, "x.csv")
    except Unreadable as error:
        assert str(error).startswith("x.csv: ")  # noqa: PT017


@settings(max_examples=150, deadline=None)
@given(
    text=st.text(max_size=60)
    | st.lists(
        st.sampled_from(
            ["delimiter", "names", "skip_lines", "time_format", "ignore", "constants"]
        ).flatmap(
            lambda key: st.sampled_from(
                [
                    "1",
                    '"x"',
                    "[]",
                    '["a"]',
                    "{}",
                    "true",
                    "1979-05-27",
                    '"%"',
                    '"%s"',
                    '"\\u0000"',
                    "[[]]",
                ]
            ).map(lambda value: f"{key} = {value}")
        ),
        max_size=4,
    ).map(lambda lines: "\n".join([*lines, BARE]))
)
def test_any_mapping_works_or_is_refused(text: str) -> None:
    try:
        fmt = with_mapping(text)
        read(fmt, b"ip,a\n192.0.2.1,2\n", "x.csv")
    except TocsinError as error:
        assert isinstance(error, Unusable | Unreadable)  # noqa: PT017
