"""What is wrong with a backup or with the place for it is said, and nothing is left half done."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.conftest import on_database
from tests.node.commands.test_backup import FROM, TO, contents, files, node
from tests.node.conftest import SINKHOLE, WITH_PARTIES, Run
from tests.skipping import not_on_this_database
from tocsin.node.store import open_store
from tocsin.office import keys as office_keys
from tocsin.office import signing
from tocsin.office.models import RegisterRow
from tocsin.words.errors import Unusable

__all__ = ["node"]


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a node on SQLite and its backup."""
    folder = tmp_path_factory.mktemp("made")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("TOCSIN", "DJANGO"))}
    clean["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    for words in (
        ("route", SINKHOLE, *WITH_PARTIES, "--store", "node", "--out", "out"),
        ("backup", *TO, "--store", "node"),
    ):
        command = [sys.executable, "-m", "tocsin.node", *map(str, words)]
        subprocess.run(command, cwd=folder, env=clean, check=True, capture_output=True)
    return folder


@pytest.fixture
def backed_up(made_once: Path, tmp_path: Path) -> Path:
    """The one backup in `data`, for a test that needs no more of the node than its folder."""
    shutil.copytree(made_once, tmp_path, dirs_exist_ok=True)
    (made,) = (tmp_path / "data").iterdir()
    return made


def flip(path: Path) -> None:
    """Change one bit in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def of(folder: Path, pattern: str) -> Path:
    """The first file that fits."""
    return min(folder.rglob(pattern))


DAMAGE: dict[str, Callable[[Path, Path], object]] = {
    "a table with another byte": lambda data, _: flip(of(data, "office.party.jsonl.sealed")),
    "an event file with another byte": lambda data, _: flip(of(data, "*.parquet.sealed")),
    "evidence with another byte": lambda data, _: flip(of(data, "*.zst.aes")),
    "a missing file": lambda data, _: of(data, "*.npy.sealed").unlink(),
    "a missing table": lambda data, _: of(data, "office.run.jsonl.sealed").unlink(),
    "a file cut short": lambda data, _: os.truncate(of(data, "*.parquet.sealed"), 100),
    "a folder in the place of a file": lambda data, _: _folder(of(data, "*.npy.sealed")),
    "a link in the place of a file": lambda data, _: _link(of(data, "*.npy.sealed")),
    "a manifest with another byte": lambda data, _: flip(data / "backup.json"),
    "a manifest that is none": lambda data, _: (data / "backup.json").write_text("{}"),
    "an empty manifest": lambda data, _: (data / "backup.json").write_text(""),
    "a manifest of depth": lambda data, _: (data / "backup.json").write_text("[" * 9999),
    "keys with another byte": lambda _, keys: flip(of(keys, "*.keys")),
    "keys that are none": lambda _, keys: of(keys, "*.keys").write_bytes(b"\x00" * 99),
}


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _link(path: Path) -> None:
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found_before_anything_is_written(
    backed_up: Path, tocsin: Run, tmp_path: Path, damage: str
) -> None:
    DAMAGE[damage](backed_up, tmp_path / "keys")
    done = tocsin(*FROM, "again")
    checked = tocsin("backup", "verify", *TO)

    assert (done.code, checked.code) == (3, 3)
    assert done.err == checked.err
    assert "Possible: another" in done.err.replace("\n", " ")
    assert "Traceback" not in done.err
    assert not (tmp_path / "again").exists()


def test_all_that_is_damaged_is_named_not_only_the_first(backed_up: Path, tocsin: Run) -> None:
    wrong = sorted(backed_up.rglob("*.parquet.sealed"))[:2]
    flip(wrong[0])
    wrong[1].unlink()
    done = tocsin("backup", "verify", "data")

    assert done.code == 3
    said = done.err.replace("\n", "")
    assert "has other bytes than were written" in said
    assert "is missing" in said


def test_a_whole_backup_is_said_to_be_whole_with_and_without_its_keys(
    backed_up: Path, tocsin: Run
) -> None:
    without, opened = tocsin("backup", "verify", "data"), tocsin("backup", "verify", *TO)

    assert (without.ended, opened.ended) == ((0, ""), (0, ""))
    assert "whole; --keys would open it too" in without.out.replace("\n", " ")
    assert "whole, and it opens with its keys" in opened.out.replace("\n", " ")


def test_without_its_keys_or_with_an_empty_folder_of_them_nothing_opens(
    backed_up: Path, tocsin: Run, tmp_path: Path
) -> None:
    (tmp_path / "none").mkdir()
    unsaid = tocsin("restore", "data", "--store", "again")
    empty = tocsin("restore", "data", "--keys", "none", "--store", "again")

    assert (unsaid.code, empty.code) == (5, 4)
    assert "without them nobody can open it" in empty.err.replace("\n", " ")


def test_the_keys_of_another_node_do_not_open_it(
    backed_up: Path, tocsin: Run, tmp_path: Path
) -> None:
    """Somebody signs a manifest anew with a key of theirs and puts it before our keys."""
    facts = json.loads((backed_up / "backup.json").read_text())["backup"]
    theirs = office_keys.signing_key(tmp_path / "their-keys")
    (backed_up / "backup.json").write_bytes(signing.sealed(facts, theirs, name="backup"))
    done = tocsin(*FROM, "again")

    assert done.code == 2
    assert "are those of another node or of another backup" in done.err.replace("\n", " ")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("where", ["../evil", "/tmp/evil", "store/../../evil", ""])
def test_a_manifest_that_leads_out_of_its_folder_is_refused(
    backed_up: Path, tocsin: Run, tmp_path: Path, where: str
) -> None:
    """Even one that is signed with the key of this very node."""
    facts = json.loads((backed_up / "backup.json").read_text())["backup"]
    facts["parts"][-1][0] = where
    own = office_keys.signing_key(tmp_path / "node" / "keys")
    (backed_up / "backup.json").write_bytes(signing.sealed(facts, own, name="backup"))
    done = tocsin(*FROM, "again")

    assert (done.code, "is no path below a backup" in done.err) == (3, True)


def test_a_backup_of_a_newer_tocsin_is_refused_with_what_it_has(
    backed_up: Path, tocsin: Run, tmp_path: Path
) -> None:
    facts = json.loads((backed_up / "backup.json").read_text())["backup"]
    facts["migrations"].append(["office", "9999_the_future"])
    own = office_keys.signing_key(tmp_path / "node" / "keys")
    (backed_up / "backup.json").write_bytes(signing.sealed(facts, own, name="backup"))
    done = tocsin(*FROM, "again")

    assert done.code == 2
    assert "made by a newer Tocsin (tocsin 0.1.0; it has office.9999_the_future)" in (
        done.err.replace("\n", " ")
    )
    assert not (tmp_path / "again").exists()


# ── passphrases ──────────────────────────────────────────────────────────────────────────


def test_sealed_keys_open_with_their_passphrase_and_with_no_other(
    node: Path, tocsin: Run, another, tmp_path: Path
) -> None:
    for name, text in (("right", "correct horse battery staple\n"), ("wrong", "x" * 20)):
        (tmp_path / name).write_text(text)
    tocsin("backup", *TO, "--passphrase-file", "right", "--store", node)
    (sealed,) = (tmp_path / "keys").iterdir()
    then = contents(node)

    assert b'key"' not in sealed.read_bytes().partition(b"\n")[0]
    with on_database(another()):
        assert tocsin(*FROM, "again").code == 5
        wrong = tocsin(*FROM, "again", "--passphrase-file", "wrong")
        assert (wrong.code, "the passphrase does not open it" in wrong.err) == (5, True)
        assert tocsin(*FROM, "again", "--passphrase-file", "right").ended == (0, "")
        assert contents(tmp_path / "again") == then


def test_a_passphrase_that_is_none_is_refused(node, tocsin: Run, tmp_path) -> None:
    for text in ("", "too short", "two lines of enough length\nand another\n"):
        (tmp_path / "phrase").write_text(text)
        done = tocsin("backup", *TO, "--passphrase-file", "phrase", "--store", node)

        assert (done.code, "holds no passphrase" in done.err) == (2, True)
        assert not (tmp_path / "data").exists()


# ── places ───────────────────────────────────────────────────────────────────────────────


def test_a_store_that_is_not_empty_is_left_as_it_is(
    backed_up: Path, tocsin: Run, tmp_path: Path
) -> None:
    before = files(tmp_path / "node")
    done = tocsin(*FROM, "node")

    assert (done.code, "is not empty" in done.err) == (5, True)
    assert files(tmp_path / "node") == before


def test_a_database_with_tables_is_left_as_it_is(
    node: Path, tocsin: Run, database_url: str, tmp_path: Path
) -> None:
    if not database_url:
        not_on_this_database("each store has a database of its own")
    tocsin("backup", *TO, "--store", node)
    before = contents(node)
    done = tocsin(*FROM, "again")

    assert (done.code, "has tables already" in done.err) == (5, True)
    assert not (tmp_path / "again" / "layout").exists()
    assert contents(node) == before


def test_what_is_no_backup_is_said_to_be_none(tocsin: Run, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    empty = tocsin(*FROM, "again")
    absent = tocsin("restore", "nowhere", "--keys", "keys", "--store", "again")

    assert (empty.code, absent.code) == (4, 4)
    assert tocsin("backup", "list", "data").out == "There is no backup in data.\n"


@pytest.fixture
def small_disk(tmp_path: Path) -> Any:
    """A disk of 300 kB; `grow()` makes it 16 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root to mount a small disk")
    command = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(disk)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small disk is not allowed here (a container without the right)")
    yield disk, lambda: subprocess.run(["mount", "-o", "remount,size=16m", str(disk)], check=True)
    subprocess.run(["umount", str(disk)], check=True)


def noise(node: Path) -> None:
    """Enough in the store to fill a small disk."""
    (node / "quarantine" / "noise.bin").write_bytes(Random(7).randbytes(600_000))


def test_a_full_disk_ends_a_backup_without_a_trace_and_with_room_it_is_made(
    node: Path, tocsin: Run, small_disk, tmp_path: Path
) -> None:
    noise(node)
    disk, grow = small_disk
    words = ("backup", disk / "data", "--keys", "keys", "--store", node)
    full = tocsin(*words)
    left = [path for path in (disk / "data").rglob("*") if path.is_file()]
    keys = list((tmp_path / "keys").iterdir())
    links = list((node / ".backup").iterdir())
    grow()

    assert (full.code, "the disk is full" in full.err) == (8, True)
    assert (left, keys, links) == ([], [], [])
    assert tocsin(*words).ended == (0, "")


def test_a_full_disk_ends_a_restore_without_a_trace_and_with_room_it_is_made(
    node: Path, tocsin: Run, small_disk, another
) -> None:
    noise(node)
    tocsin("backup", *TO, "--store", node)
    then = contents(node)
    disk, grow = small_disk

    with on_database(another()):
        full = tocsin(*FROM, disk / "again")
        left = list((disk / "again").iterdir())
        grow()
        assert (full.code, "full" in full.err) == (8, True)
        assert left == []
        assert tocsin(*FROM, disk / "again").ended == (0, "")
        assert contents(disk / "again") == then


# ── killed ───────────────────────────────────────────────────────────────────────────────


def killed(
    words: tuple[object, ...],
    env: dict[str, str],
    *,
    until: Callable[[], bool],
    after: float,
) -> None:
    """A command in a process of its own, killed so many seconds after it began its work."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tocsin.node", *map(str, words)],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not until() and child.poll() is None:
        time.sleep(0.01)
    try:
        child.wait(timeout=after)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
        child.wait()


def test_a_restore_that_was_killed_begins_anew_and_nothing_opens_what_it_left(
    node: Path, tocsin: Run, another, clean_env, tmp_path: Path
) -> None:
    tocsin("backup", *TO, "--store", node)
    then, url, random = contents(node), another(), Random(20261123)
    mark, half_done = tmp_path / "again" / ".restoring", 0
    for _ in range(6):
        env = clean_env | {"TOCSIN_DATABASE_URL": url}
        killed((*FROM, "again"), env, until=mark.exists, after=random.uniform(0.0, 1.5))
        if mark.exists():
            half_done += 1
            with on_database(url), pytest.raises(Unusable, match="a restore into it did not end"):
                open_store(tmp_path / "again")

    with on_database(url):
        if mark.exists():
            assert tocsin(*FROM, "again").ended == (0, "")
        assert contents(tmp_path / "again") == then
        done = RegisterRow.objects.filter(action="office:backup:restore")
        assert done.count() == 1
    assert half_done


def test_a_backup_that_was_killed_is_none_and_the_next_one_clears_up(
    node: Path, tocsin: Run, another, clean_env, tmp_path: Path
) -> None:
    noise(node)
    random = Random(20261123)
    for _ in range(6):
        words = ("backup", *TO, "--store", node)
        begun = lambda: any((tmp_path / "data").glob(".*"))  # noqa: E731
        killed(words, clean_env, until=begun, after=random.uniform(0.0, 0.8))
    made = tocsin("backup", *TO, "--store", node)
    then = contents(node)

    assert made.ended == (0, "")
    assert list((tmp_path / "data").glob(".*")) == []
    for whole in (tmp_path / "data").iterdir():
        assert tocsin("backup", "verify", whole, "--keys", "keys").ended == (0, "")
    with on_database(another()):
        assert tocsin(*FROM, "again").ended == (0, "")
        assert contents(tmp_path / "again") == then
