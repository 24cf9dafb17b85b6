"""One contract for every wire format that reads: its samples, its way back, hostile bytes."""

import io
import pickle
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.formats.reading import Read, read
from tocsin.flow.tables import ROW, Chunk, Fault
from tocsin.formats.catalogue import FORMATS, HEAD_BYTES, sniff
from tocsin.formats.format import Format
from tocsin.formats.packing import unpack
from tocsin.words.errors import Unreadable
from tocsin.words.fields import is_field

SAMPLES = Path(__file__).parents[2] / "samples"
WRITING = [one for one in FORMATS.values() if one.body is not None and one.is_lossless]
# Whatever hostile bytes do, the first line may look like that of a report.
HEADERS = [
    b"",
    b"timestamp,ip,url\n",
    b"source.ip,time.source,extra\n",
    b'{"source.ip":"192.0.2.1"}\n',
    b"[",
    b'{"xarf_version":"4.2.0"}\n',
    (SAMPLES / "generic-csv" / "honeypot.csv").read_bytes()[:150],
    (SAMPLES / "generic-csv" / "takedown.csv").read_bytes()[:60],
]
HOSTILE = st.lists(
    st.sampled_from([b'"', b",", b"\n", b"\r", b"\0", b"\xff\xfe", b"{", b"}", b"[", b"]", b":"])
    | st.sampled_from([b'{"extra":', b"1e999", b"\xc3", b"\\ud800", b"=", b"'", b"\x1f\x8b"])
    | st.binary(max_size=6),
    max_size=40,
).map(b"".join)


@dataclass(frozen=True)
class Reader:
    """A format that can read, and its samples; of a format with mappings, one of each mapping."""

    fmt: Format
    name: str
    paths: tuple[Path, ...]

    @property
    def files(self) -> list[tuple[str, bytes]]:
        """Name and bytes of every sample, unpacked."""
        return [(name, stream.read()) for path in self.paths for name, stream in unpack(path)]


def readers(fmt: Format) -> list[Reader]:
    """A mapping lies beside its sample, under the same name."""
    if fmt.with_mapping is None:
        return [Reader(fmt, fmt.name, tuple(sorted((SAMPLES / fmt.samples).iterdir())))]
    return [
        Reader(
            fmt.with_mapping(mapping), f"{fmt.name}-{mapping.stem}", (mapping.with_suffix(".csv"),)
        )
        for mapping in sorted((SAMPLES / fmt.samples).glob("*.toml"))
    ]


READING = [one for fmt in FORMATS.values() for one in readers(fmt)]
each_reader = pytest.mark.parametrize("reader", READING, ids=lambda one: one.name)
each_writing = pytest.mark.parametrize("fmt", WRITING, ids=lambda fmt: fmt.name)


def check_contract(out: Read) -> None:
    for chunk, parsed in zip(out.chunks, out.parsed, strict=True):
        columns = parsed.table.columns
        assert columns[0] == ROW
        assert parsed.table.schema[ROW] == pl.Int64
        assert [name for name in columns[1:] if not is_field(name)] == []
        assert {parsed.table.schema[name] for name in columns[1:]} <= {pl.String}
        assert len(parsed.starts) == len(parsed.ends) == parsed.table.height
        assert (parsed.starts < parsed.ends).all()
        assert chunk.row == chunk.lines[0]


@each_reader
def test_a_format_reads_its_own_samples_and_knows_them(reader: Reader) -> None:
    for name, data in reader.files:
        out = read(reader.fmt, data, name)

        assert known(data, name) is (None if is_mapped(reader) else reader.fmt)
        assert out.table.height > 0
        check_contract(out)


def known(data: bytes, name: str) -> Format | None:
    """As what a file is recognised."""
    try:
        return sniff(data[:HEAD_BYTES], name)
    except Unreadable:
        return None


def is_mapped(reader: Reader) -> bool:
    return FORMATS[reader.fmt.name].with_mapping is not None


def test_what_every_format_in_the_catalogue_can_read_has_samples_under_the_contract() -> None:
    assert {one.fmt.name for one in READING} == set(FORMATS)
    assert [one.name for one in READING if not one.files] == []


@each_reader
def test_each_row_can_show_its_exact_bytes(reader: Reader) -> None:
    for name, data in reader.files:
        out = read(reader.fmt, data, name)

        exact = [one.raw(index) for one in out.parsed for index in range(one.table.height)]
        assert [raw for raw in exact if raw not in data] == []


@each_reader
def test_a_chunk_survives_the_way_to_another_process(reader: Reader) -> None:
    parse = reader.fmt.parse
    assert parse is not None
    for name, data in reader.files:
        for chunk in read(reader.fmt, data, name).chunks:
            sent, parse_there = pickle.loads(pickle.dumps((chunk, parse)))

            assert isinstance(sent, Chunk)
            assert parse_there(sent).table.equals(parse(chunk).table)


@each_writing
def test_every_sample_of_every_format_survives_being_written_and_read(fmt: Format) -> None:
    assert fmt.header is not None
    assert fmt.body is not None
    for source in READING:
        for name, data in source.files:
            table = read(source.fmt, data, name).table.drop(ROW)

            back = read(fmt, fmt.header(table.columns) + fmt.body(table)).table.drop(ROW)

            filled = [column.name for column in table if column.null_count() < table.height]
            assert back.select(filled).equals(table.select(filled)), name


@each_reader
@settings(max_examples=120, deadline=None)
@given(header=st.sampled_from(HEADERS), body=HOSTILE)
def test_hostile_bytes_give_rows_faults_or_unreadable_and_nothing_else(
    reader: Reader, header: bytes, body: bytes
) -> None:
    try:
        out = read(reader.fmt, header + body, "2026-06-17-scan_rdp-x.csv")
    except Unreadable as error:
        assert str(error).startswith("2026-06-17-scan_rdp-x.csv: ")  # noqa: PT017
    else:
        check_contract(out)
        assert all(fault.row > 0 and fault.reason for fault in out.faults)


@each_reader
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_sample_with_flipped_bytes_gives_rows_faults_or_unreadable(
    reader: Reader, data: st.DataObject
) -> None:
    name, sample = data.draw(st.sampled_from(reader.files))
    broken = bytearray(sample)
    for _ in range(data.draw(st.integers(1, 5))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))

    try:
        check_contract(read(reader.fmt, bytes(broken), name))
    except Unreadable:
        assert reader.fmt.cut is not None


def test_a_report_in_small_pieces_gives_the_same_rows_in_the_same_order() -> None:
    class Dripping(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 1, 3) if size != -1 else 3)

    for reader in READING:
        fmt = reader.fmt
        assert fmt.cut is not None
        assert fmt.parse is not None
        for name, data in reader.files:
            out = [one for one in fmt.cut(Dripping(data), name) if not isinstance(one, Fault)]

            tables = pl.concat([fmt.parse(chunk).table for chunk in out], how="diagonal")
            assert tables.equals(read(fmt, data, name).table)


@pytest.mark.parametrize(
    ("head", "sentence"),
    [
        (b"", "x.bin: empty."),
        (b"\xef\xbb\xbf \r\n\0\0", "x.bin: empty."),
    ],
)
def test_an_empty_file_says_so(head: bytes, sentence: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        sniff(head, "x.bin")

    assert str(refusal.value) == sentence


def test_an_unknown_format_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(Unreadable) as refusal:
        sniff(b"\x89PNG\r\n", "photo.png")

    assert str(refusal.value) == (
        "photo.png: in no format that Tocsin reads. Possible: "
        f"{', '.join(name for name, one in FORMATS.items() if one.cut)}; "
        "any other CSV with --mapping."
    )


def test_every_format_is_listed_under_its_own_name_with_a_media_type() -> None:
    assert [(name, bool(one.media_type)) for name, one in FORMATS.items()] == [
        (one.name, True) for one in FORMATS.values()
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_table_in_utf_16_is_told_how_to_become_utf_8(encoding) -> None:
    data = "timestamp,ip,port\n2026-06-17 09:00:00,192.0.2.7,80\n".encode(encoding)

    with pytest.raises(Unreadable, match=r"report\.csv: UTF-16.*iconv -f UTF-16 -t UTF-8 report"):
        sniff(data, "report.csv")


def test_bytes_that_are_no_text_are_not_taken_for_utf_16() -> None:
    with pytest.raises(Unreadable, match="in no format that Tocsin reads"):
        sniff(bytes(range(1, 200)), "noise.bin")
