"""npm is the party on the other side here: a script on PATH stands in for it."""

import gzip
import io
import tarfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tocsin.channels import npm_package
from tocsin.channels.npm_package import fetch_package, unpack
from tocsin.words.errors import NotFound, Undelivered, Unreadable, Unusable


def archive_of(path: Path, *members: tuple[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """Puts a script in the place of npm; it sees the arguments and is the only thing on PATH."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    monkeypatch.setenv("PATH", f"{bin_folder}")

    def stand_in(script: str) -> None:
        program = bin_folder / "npm"
        program.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
        program.chmod(0o755)

    return stand_in


def test_a_package_is_packed_by_npm_and_unpacked_by_us(npm, tmp_path):
    packed = archive_of(tmp_path / "p.tgz", ("package/a.csv", b"1,2"), ("package/x/b", b"3"))
    asked = "pack @scope/name --ignore-scripts --pack-destination"
    npm(f'[ "$1 $2 $3 $4" = "{asked}" ] && cp {packed} "$5"')

    folder = fetch_package("@scope/name", tmp_path / "out")

    assert folder == tmp_path / "out" / "scope-name"
    assert (folder / "a.csv").read_bytes() == b"1,2"
    assert (folder / "x" / "b").read_bytes() == b"3"


def test_without_npm_the_error_says_what_to_install_and_how_to_do_without(npm, tmp_path):
    with pytest.raises(NotFound, match=r"apt-get install npm.*update --from FOLDER"):
        fetch_package("@scope/name", tmp_path)


def test_an_unknown_package_fails_for_good(npm, tmp_path):
    npm("echo 'npm error code E404' >&2; exit 1")

    with pytest.raises(Undelivered, match="E404") as error:
        fetch_package("@scope/name", tmp_path)

    assert error.value.lasting


def test_a_broken_network_may_be_tried_again_and_no_address_is_repeated(npm, tmp_path):
    npm("echo 'npm error code ENOTFOUND at https://user:hunter2@mirror.example/' >&2; exit 1")

    with pytest.raises(Undelivered, match="ENOTFOUND") as error:
        fetch_package("@scope/name", tmp_path)

    assert not error.value.lasting
    assert "hunter2" not in str(error.value)


def test_an_npm_that_hangs_is_given_up(npm, tmp_path):
    npm("exec sleep 20")

    with pytest.raises(Undelivered, match="after 0 seconds"):
        fetch_package("@scope/name", tmp_path, within=timedelta(seconds=0.2))


@pytest.mark.parametrize("name", ["", "--help", "../x", "a b", "@scope", "https://example.org/x"])
def test_only_names_of_packages_reach_npm(name, tmp_path):
    with pytest.raises(Unusable):
        fetch_package(name, tmp_path)


@pytest.mark.parametrize("name", ["/etc/passwd", "package/../../x", "../x", "alone"])
def test_nothing_is_written_outside_the_folder(name, tmp_path):
    archive = archive_of(tmp_path / "p.tgz", (name, b"x"))

    with pytest.raises(Unreadable, match="outside the package"):
        unpack(archive, tmp_path / "out")

    assert sorted(path.name for path in tmp_path.rglob("*")) == ["p.tgz"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(kind, tmp_path):
    with tarfile.open(tmp_path / "p.tgz", "w:gz") as tar:
        info = tarfile.TarInfo("package/link")
        info.type, info.linkname = kind, "/etc/passwd"
        tar.addfile(info)

    with pytest.raises(Unreadable, match="neither file nor folder"):
        unpack(tmp_path / "p.tgz", tmp_path / "out")


def test_an_archive_that_swells_is_refused_before_it_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(npm_package, "BYTES", 1000)
    archive = archive_of(tmp_path / "p.tgz", ("package/a", bytes(900)), ("package/b", bytes(900)))

    with pytest.raises(Unreadable, match="or 1000 bytes"):
        unpack(archive, tmp_path / "out")

    assert not (tmp_path / "out" / "b").exists()


def test_an_archive_of_too_many_files_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(npm_package, "FILES", 2)
    archive = archive_of(tmp_path / "p.tgz", *((f"package/{n}", b"") for n in range(3)))

    with pytest.raises(Unreadable, match="more than 2 files"):
        unpack(archive, tmp_path / "out")


def test_an_archive_without_files_is_refused(tmp_path):
    with pytest.raises(Unreadable, match="no file in it"):
        unpack(archive_of(tmp_path / "p.tgz"), tmp_path / "out")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(st.data(), st.booleans())
def test_hostile_bytes_are_unreadable_and_nothing_else(tmp_path, data, is_inside):
    good = archive_of(tmp_path / "p.tgz", ("package/a.csv", b"1,2,3\n" * 50)).read_bytes()
    bytes_ = gzip.decompress(good) if is_inside else good
    at = data.draw(st.integers(0, min(len(bytes_), 600) - 1))
    broken = bytes_[:at] + data.draw(st.binary(max_size=8)) + bytes_[at + 1 :]
    (tmp_path / "q.tgz").write_bytes(gzip.compress(broken) if is_inside else broken)

    with suppress(Unreadable):
        unpack(tmp_path / "q.tgz", tmp_path / "out")
