"""`tocsin route` with files that break off, lie or are none: said, kept, and nothing lost."""

import gzip
import io
import os
import zipfile
from pathlib import Path

import polars as pl
import pytest

from tests.node.conftest import PHISH, SINKHOLE, WITH_PARTIES
from tocsin.formats.format import CHUNK_BYTES

HEADER = "time.source,source.ip,source.port,classification.type,event_description.text\n"
WIDE = "x" * 900  # so that some ten thousand rows are two chunks
ROWS = 2 * CHUNK_BYTES // 900  # fewer than there are ports


def wide_report() -> bytes:
    """Plain CSV of two chunks; every row an event of its own."""
    rows = (
        f"2026-06-17T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}Z,192.0.2.{n % 120},{n + 1},"
        f"scanner,{n} {WIDE}\n"
        for n in range(ROWS)
    )
    return (HEADER + "".join(rows)).encode()


def events_of(folder: Path) -> list[tuple[str, str]]:
    """What the store holds: type and hash of each event."""
    table = pl.scan_delta(str(folder / "tocsin-store" / "events"))
    return table.select("classification.type", "event_hash").collect().rows()


def rows_told(facts) -> int:
    return sum(row["rows"] for row in facts["deliveries"] if row["relation"] == "network")


@pytest.fixture(scope="module")
def packed() -> bytes:
    """The wide report in gzip."""
    return gzip.compress(wide_report(), compresslevel=1)


@pytest.mark.parametrize("executor", ["in-process", "pool"])
def test_of_a_gzip_cut_short_nothing_is_routed_and_whole_it_loses_and_doubles_nothing(
    tocsin, tmp_path, packed, executor
) -> None:
    report = tmp_path / "wide.csv.gz"
    report.write_bytes(packed[: len(packed) - len(packed) // 20])
    words = ("route", report, PHISH, *WITH_PARTIES, "--executor", executor, "--json")
    cut = tocsin(*words)
    after_cut = events_of(tmp_path)
    evidence = tocsin("evidence", "list", "--json").json
    report.write_bytes(packed)
    whole = tocsin(*words)
    again = tocsin(*words)
    stored = events_of(tmp_path)

    broken, fine = cut.json["reports"]
    assert (cut.code, fine["unreadable"], broken["rows"], broken["events"]) == (3, "", 0, 0)
    assert broken["unreadable"].startswith(
        "wide.csv.gz: the archive is broken or cut short (Compressed file ended before the "
        "end-of-stream marker was reached); ask for it again. ("
    )
    assert broken["unreadable"].endswith(" rows were whole; none was routed.)")
    assert [kind for kind, _ in after_cut] == ["phishing"] * 7
    assert broken["sha256"] in {row["digest"] for row in evidence if row["state"] == "kept"}
    assert (whole.code, whole.json["reports"][0]["events"]) == (0, ROWS)
    assert whole.json["reports"][1]["duplicates"] == whole.json["reports"][1]["rows"]
    assert rows_told(whole.json) == ROWS
    assert (again.code, again.json["events"], again.json["deliveries"]) == (0, 0, [])
    assert len(stored) == len(set(stored)) == ROWS + 7
    assert set(after_cut) < set(stored)


def test_people_read_what_was_broken_and_that_nothing_of_it_was_routed(
    tocsin, tmp_path, packed
) -> None:
    (tmp_path / "wide.csv.gz").write_bytes(packed[: len(packed) * 9 // 10])
    done = tocsin("route", "wide.csv.gz", *WITH_PARTIES)

    assert (done.code, done.err) == (3, "")
    assert "unreadable" in done.out
    assert "rows were whole; none was routed." in " ".join(done.out.split())
    assert "Traceback" not in done.out


def zipped(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return out.getvalue()


def with_other_crc(data: bytes) -> bytes:
    """A gzip whose check sum, eight bytes before its end, is another."""
    return data[:-8] + bytes(255 - byte for byte in data[-8:-4]) + data[-4:]


GOOD = SINKHOLE.read_bytes()
ZEROS = bytes(64 << 20)  # unpacks to a thousand times its size

BROKEN = {
    "empty.csv": (b"", "empty.csv: empty."),
    "blank.csv": (b"\xef\xbb\xbf \r\n", "blank.csv: empty."),
    "crc.csv.gz": (with_other_crc(gzip.compress(GOOD)), "broken or cut short (CRC check failed"),
    "length.csv.gz": (gzip.compress(GOOD)[:-1], "broken or cut short (Compressed file ended"),
    "cut.zip": (zipped(("a.csv", GOOD))[:-30], "broken or cut short (File is not a zip file)"),
    "directory.zip": (
        zipped(("a.csv", GOOD)).replace(b"PK\x01\x02", b"PK\x01\x03"),
        "broken or cut short (Bad magic number for central directory)",
    ),
    "bomb.csv.gz": (gzip.compress(HEADER.encode() + ZEROS), "like a decompression bomb"),
    "bomb.zip": (zipped(("a.csv", HEADER.encode() + ZEROS)), "like a decompression bomb"),
    "nested.gz": (gzip.compress(gzip.compress(GOOD)), "inside it: a gzip archive; plain files"),
    "nested.zip": (
        zipped(("inner.zip", zipped(("a.csv", GOOD)))),
        "inner.zip: a zip archive; plain files",
    ),
    "many.zip": (zipped(*((f"{n}.csv", b"") for n in range(1001))), "at most 1000 are read"),
    "none.zip": (zipped(), "a zip with no file in it."),
    "photo.png": (b"\x89PNG\r\n\x1a\n" + bytes(100), "in no format that Tocsin reads"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_ends_with_3_is_kept_as_evidence_and_the_others_are_routed(
    tocsin, tmp_path, name
) -> None:
    data, sentence = BROKEN[name]
    (tmp_path / name).write_bytes(data)
    done = tocsin("route", name, SINKHOLE, *WITH_PARTIES, "--json")
    bad, fine = done.json["reports"]
    row = next(
        row for row in tocsin("evidence", "list", "--json").json if row["digest"] == bad["sha256"]
    )
    given = tocsin("evidence", "export", bad["sha256"], "--out", "given", "--why", "a test")
    exported = [path.read_bytes() for path in (tmp_path / "given").rglob("*") if path.is_file()]

    assert (done.code, done.err) == (3, "")
    assert sentence in bad["unreadable"]
    assert bad["unreadable"].startswith(name)
    assert (bad["rows"], bad["events"], bad["read"]) == (0, 0, bad["quarantined"])
    assert (fine["unreadable"], fine["events"]) == ("", 29)
    assert (row["state"], row["size"], given.code) == ("kept", len(data), 0)
    assert data in exported


def test_a_member_that_is_broken_takes_the_whole_zip_with_it(tocsin, tmp_path) -> None:
    """Half of a zip is no report: what is told of it would depend on the order of its members."""
    bad = zipped(("inner.gz", gzip.compress(GOOD)), ("good.csv", GOOD))
    (tmp_path / "mixed.zip").write_bytes(bad)
    done = tocsin("route", "mixed.zip", *WITH_PARTIES, "--json")

    assert (done.code, done.json["events"], done.json["deliveries"]) == (3, 0, [])


def test_a_folder_a_pipe_and_a_missing_file_are_refused_before_anything_is_made(
    tocsin, tmp_path
) -> None:
    (tmp_path / "reports").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    folder, pipe, device, missing = (
        tocsin("route", name, SINKHOLE, *WITH_PARTIES)
        for name in ("reports", "pipe.csv", "/dev/null", "nope.csv")
    )

    assert folder.ended == (
        4,
        "tocsin: reports is a folder. Possible: name files, such as reports/*.csv\n",
    )
    assert pipe.ended == (
        2,
        (
            "tocsin: pipe.csv is a pipe or a device, and a report is read more than once. "
            "Possible: write it to a file first\n"
        ),
    )
    assert device.code == 2
    assert missing.ended == (4, "tocsin: no such file: nope.csv\n")
    assert not (tmp_path / "tocsin-store").exists()


def test_an_address_with_a_nul_behind_it_is_no_address(tocsin, tmp_path) -> None:
    report = tmp_path / SINKHOLE.name
    head, first, *_ = SINKHOLE.read_bytes().splitlines(keepends=True)
    address = first.split(b",")[head.split(b",").index(b'"src_ip"')].strip(b'"')
    report.write_bytes(head + first.replace(address, address + b"\0", 1))
    run = tocsin("route", report, *WITH_PARTIES, "--json").json

    assert (run["quarantined"], run["events"]) == (1, 0)
