"""Packed reports are unpacked as streams; bombs, locks and broken archives are refused."""

import gzip
import io
import random
import zipfile
from pathlib import Path

import pytest

from tocsin.formats.packing import Limits, unpack
from tocsin.words.errors import Unreadable

SMALL = Limits(members=3, expanded=1 << 20, ratio=20, free=1 << 16)


def contents(path: Path, limits: Limits = SMALL) -> dict[str, bytes]:
    return {name: stream.read() for name, stream in unpack(path, limits=limits)}


def refusal(path: Path, limits: Limits = SMALL) -> str:
    with pytest.raises(Unreadable) as refused:
        contents(path, limits)
    return str(refused.value)


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_a_plain_file_is_itself(tmp_path: Path) -> None:
    assert contents(written(tmp_path / "a.csv", b"x")) == {"a.csv": b"x"}


def test_an_empty_file_is_a_plain_file(tmp_path: Path) -> None:
    assert contents(written(tmp_path / "a.csv", b"")) == {"a.csv": b""}


def test_gzip_is_known_by_its_content_and_not_by_its_name(tmp_path: Path) -> None:
    packed = gzip.compress(b"x") + gzip.compress(b"y")

    assert contents(written(tmp_path / "a.csv.gz", packed)) == {"a.csv": b"xy"}
    assert contents(written(tmp_path / "b.csv", packed)) == {"b.csv": b"xy"}


def test_every_file_in_a_zip_comes_out_and_folders_do_not(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", **{"in/": b"", "in/a.csv": b"x", "b.csv": b"y"})

    assert contents(path) == {"in/a.csv": b"x", "b.csv": b"y"}


def test_a_name_that_climbs_out_is_a_name_and_nothing_is_written(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", **{"../../b.csv": b"x", "/etc/c.csv": b"y"})

    assert contents(path) == {"../../b.csv": b"x", "/etc/c.csv": b"y"}
    assert [file.name for file in tmp_path.rglob("*")] == ["a.zip"]


def test_an_archive_in_an_archive_is_refused(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", **{"a.csv": b"x"}).read_bytes()

    assert refusal(zipped(tmp_path / "a.zip", **{"inner.zip": inner})) == (
        "a.zip: inner.zip: a zip archive; plain files, gzip and zip are read, and no archive in an "
        "archive. Unpack it first."
    )
    assert "inside it: a zip archive" in refusal(written(tmp_path / "b.gz", gzip.compress(inner)))


def test_archives_that_are_not_read_are_named(tmp_path: Path) -> None:
    assert "a.7z: a 7z archive" in refusal(written(tmp_path / "a.7z", b"7z\xbc\xaf\x27\x1c..."))


def test_too_many_files_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", a=b"", b=b"", c=b"", d=b"")

    assert refusal(path) == "a.zip: 4 files in the zip; at most 3 are read."


def test_a_zip_with_no_file_is_refused(tmp_path: Path) -> None:
    assert refusal(zipped(tmp_path / "a.zip")) == "a.zip: a zip with no file in it."


def test_an_encrypted_file_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", **{"a.csv": b"x"})
    data = bytearray(path.read_bytes())
    data[6] |= 1  # the flag in the local header, and the one in the directory
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)

    assert refusal(path) == ("a.zip: a.csv is encrypted; unpack it with its password first.")


def test_a_bomb_is_stopped_by_its_ratio(tmp_path: Path) -> None:
    bomb = bytes(1 << 19)

    for path in (
        written(tmp_path / "a.gz", gzip.compress(bomb)),
        zipped(tmp_path / "a.zip", a=bomb),
    ):
        assert "unpacks to more than 20 times its size" in refusal(path)


def test_a_bomb_in_many_files_is_stopped_as_well(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", a=bytes(60_000), b=bytes(60_000), c=bytes(60_000))

    assert "unpacks to more than 20 times its size" in refusal(path)


def test_more_than_the_limit_is_refused_whatever_the_ratio(tmp_path: Path) -> None:
    noise = random.Random(1).randbytes((1 << 20) + 1)

    path = written(tmp_path / "a.gz", gzip.compress(noise))

    assert refusal(path) == "a.gz: over 1048576 bytes when unpacked."


@pytest.mark.parametrize("kind", ["gz", "zip"])
def test_an_archive_cut_short_is_refused_at_every_length(tmp_path: Path, kind: str) -> None:
    noise = random.Random(1).randbytes(100)
    if kind == "gz":
        whole = gzip.compress(noise)
    else:
        whole = zipped(tmp_path / "whole.zip", a=noise).read_bytes()

    for length in range(4, len(whole)):
        path = written(tmp_path / "a.bin", whole[:length])
        assert "a.bin: the archive is broken or cut short" in refusal(path)


@pytest.mark.parametrize("kind", ["gz", "zip"])
def test_a_changed_byte_gives_other_content_or_a_refusal_and_nothing_else(
    tmp_path: Path, kind: str
) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"abcdefgh" * 10)
    whole = out.getvalue() if kind == "zip" else gzip.compress(b"abcdefgh" * 10)

    for offset in range(len(whole)):
        for value in (0, 0xFF, whole[offset] ^ 1):
            data = bytearray(whole)
            data[offset] = value
            path = written(tmp_path / "a.bin", bytes(data))
            try:
                contents(path)
            except Unreadable as error:
                assert str(error).startswith("a.bin:")  # noqa: PT017
