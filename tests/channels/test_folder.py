"""The folder channel: nothing half-visible, nothing doubled, no link followed."""

import hashlib
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tocsin.channels.channel import Handed, Parcel, Piece
from tocsin.channels.folder import CHANNEL, check_address
from tocsin.words.errors import Undelivered, Unusable

ROWS = b"192.0.2.7,infected-system\n" * 1000
MANIFEST = b'{"rows": 1000}\n'
DELIVERY = "8d1c2a9e-0000-4000-8000-000000000001"

Parcels = Callable[..., Parcel]


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "root"
    made.mkdir()
    return made


@pytest.fixture
def parcel(tmp_path: Path, root: Path) -> Parcels:
    """A parcel of rows and manifest for Meadow Net."""

    def make(**words) -> Parcel:
        pieces = []
        for name, data in (("rows.csv", ROWS), ("rows.json", MANIFEST)):
            (tmp_path / name).write_bytes(data)
            pieces.append(Piece(name, tmp_path / name, digest(data)))
        standard = {
            "delivery": DELIVERY,
            "party": "meadow-net",
            "pieces": tuple(pieces),
            "settings": {"root": str(root)},
        }
        return Parcel(**{**standard, **words})

    return make


def tree(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


BOTH = {"meadow-net/rows.csv": ROWS, "meadow-net/rows.json": MANIFEST}


def test_the_files_lie_in_the_folder_of_the_party(parcel: Parcels, root: Path) -> None:
    handed = CHANNEL.send(parcel())

    assert handed == Handed(where=str(root / "meadow-net"))
    assert tree(root) == BOTH


def test_an_address_names_another_folder_below_the_root(parcel: Parcels, root: Path) -> None:
    CHANNEL.send(parcel(address="be/meadow"))

    assert set(tree(root)) == {"be/meadow/rows.csv", "be/meadow/rows.json"}


def test_the_same_delivery_again_changes_nothing(parcel: Parcels, root: Path) -> None:
    CHANNEL.send(parcel())
    before = [(p.name, p.stat().st_ino) for p in sorted((root / "meadow-net").iterdir())]
    CHANNEL.send(parcel())

    after = [(p.name, p.stat().st_ino) for p in sorted((root / "meadow-net").iterdir())]
    assert after == before


def test_a_delivery_cut_in_half_is_completed(parcel: Parcels, root: Path) -> None:
    CHANNEL.send(parcel())
    (root / "meadow-net" / "rows.json").unlink()
    (root / "meadow-net" / f".{DELIVERY}.0123.part").write_bytes(b"left by a killed worker")
    CHANNEL.send(parcel())

    assert tree(root) == BOTH


def test_another_file_of_the_same_name_is_never_overwritten(parcel: Parcels, root: Path) -> None:
    (root / "meadow-net").mkdir()
    (root / "meadow-net" / "rows.csv").write_bytes(b"of somebody else")
    with pytest.raises(Undelivered, match="something else of that name stands") as refusal:
        CHANNEL.send(parcel())

    assert refusal.value.lasting
    assert tree(root) == {"meadow-net/rows.csv": b"of somebody else"}


def test_bytes_that_are_not_those_of_the_register_never_arrive(
    parcel: Parcels, root: Path, tmp_path: Path
) -> None:
    changed = parcel()
    (tmp_path / "rows.csv").write_bytes(ROWS[:-1] + b"!")
    with pytest.raises(Undelivered, match="its bytes are not those of the register") as refusal:
        CHANNEL.send(changed)

    assert (refusal.value.lasting, tree(root)) == (True, {})


def test_a_file_that_is_gone_is_a_lasting_failure(
    parcel: Parcels, root: Path, tmp_path: Path
) -> None:
    gone = parcel()
    (tmp_path / "rows.json").unlink()
    with pytest.raises(Undelivered, match=r"rows\.json is gone\. Possible: route") as refusal:
        CHANNEL.send(gone)

    assert (refusal.value.lasting, tree(root)) == (True, {})


@pytest.mark.parametrize(
    "address",
    ["../x", "a/../../x", "/etc", "a//b", ".", "..", ".hidden", "a/", "a\0b", "a\nb", "a\\b", "ä"],
)
def test_an_address_that_leads_out_is_refused(address: str, parcel: Parcels, root: Path) -> None:
    with pytest.raises(Unusable, match="cannot be a folder below the root"):
        check_address(address)
    with pytest.raises(Undelivered) as refusal:
        CHANNEL.send(parcel(address=address))

    assert (refusal.value.lasting, list(root.iterdir())) == (True, [])


def test_a_file_name_that_leads_out_is_refused(parcel: Parcels, root: Path) -> None:
    honest = parcel()
    piece = Piece("../rows.csv", honest.pieces[0].path, honest.pieces[0].digest)
    with pytest.raises(Undelivered, match="cannot be a file name"):
        CHANNEL.send(parcel(pieces=(piece,)))

    assert tree(root.parent).keys() == {"rows.csv", "rows.json"}


def test_a_link_in_the_place_of_the_folder_is_not_followed(
    parcel: Parcels, root: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (root / "meadow-net").symlink_to(elsewhere)
    with pytest.raises(Undelivered, match="links are not followed"):
        CHANNEL.send(parcel())

    assert list(elsewhere.iterdir()) == []


def test_a_link_in_the_place_of_a_file_is_not_followed(
    parcel: Parcels, root: Path, tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (root / "meadow-net").mkdir()
    (root / "meadow-net" / "rows.csv").symlink_to(victim)
    with pytest.raises(Undelivered, match="something else of that name"):
        CHANNEL.send(parcel())

    assert victim.read_bytes() == b"precious"


def test_a_root_that_is_not_mounted_is_not_made_anew(parcel: Parcels, root: Path) -> None:
    root.rmdir()
    with pytest.raises(Undelivered, match="the root folder is not there") as refusal:
        CHANNEL.send(parcel())

    assert (refusal.value.lasting, root.exists()) == (False, False)


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may write everywhere; for a while this process is the user nobody."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_folder_that_is_not_writable_is_tried_again_later() -> None:
    with TemporaryDirectory() as place:  # below tmp_path nobody could not even look
        folder = Path(place)
        folder.chmod(0o755)
        (folder / "rows.csv").write_bytes(ROWS)
        (folder / "root" / "meadow-net").mkdir(parents=True)
        (folder / "root" / "meadow-net").chmod(0o555)
        pieces = (Piece("rows.csv", folder / "rows.csv", digest(ROWS)),)
        settings = {"root": str(folder / "root")}
        with (
            as_nobody(),
            pytest.raises(Undelivered, match="it is not writable") as refusal,
        ):
            CHANNEL.send(Parcel(DELIVERY, "meadow-net", pieces, settings=settings))

    assert not refusal.value.lasting


# The child does what the parent asks and then sends; its own limits die with it.
CHILD = """
import resource, sys
from pathlib import Path
from tocsin.channels.channel import Parcel, Piece
from tocsin.channels.folder import CHANNEL
from tocsin.words.errors import Undelivered
root, limit, *pieces = sys.argv[1:]
if int(limit):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
pieces = tuple(Piece(Path(p).name, Path(p), d) for p, d in (piece.split("=") for piece in pieces))
try:
    CHANNEL.send(Parcel("8d1c", "meadow-net", pieces, settings={"root": root}))
except Undelivered as fault:
    print(fault.lasting, fault)
"""


def child(root: Path, limit: int, *pieces: Piece) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            *(sys.executable, "-c", CHILD, str(root), str(limit)),
            *(f"{piece.path}={piece.digest}" for piece in pieces),
        ],
        env={"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_a_full_disk_leaves_nothing_behind_and_is_tried_again(parcel: Parcels, root: Path) -> None:
    """A limit on file size stands in for the disk: the same write fails in the same place."""
    assert resource.getpagesize() < len(ROWS)
    answer, _ = child(root, len(ROWS) // 2, *parcel().pieces).communicate(timeout=30)

    head = f"False folder {root}/meadow-net: delivery 8d1c could not be put there"
    assert answer == f"{head}, the disk is full. Possible: make room; it is tried again\n"
    assert tree(root) == {}


def test_a_process_killed_between_copy_and_rename_leaves_no_file_under_its_name(
    parcel: Parcels, root: Path, tmp_path: Path
) -> None:
    rows, manifest = parcel().pieces
    pipe = tmp_path / "pipe" / "rows.csv"
    pipe.parent.mkdir()
    os.mkfifo(pipe)
    with (
        child(root, 0, Piece("rows.csv", pipe, rows.digest), manifest) as process,
        pipe.open("wb", buffering=0) as writer,
    ):
        writer.write(ROWS)
        wait_for(root, ROWS)  # every byte is copied, the end of the file not yet seen
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)

    assert {name.rsplit("/.", 1)[0] for name in tree(root)} == {"meadow-net"}
    CHANNEL.send(parcel(delivery="8d1c"))
    assert tree(root) == BOTH


def test_a_process_killed_before_the_manifest_shows_no_manifest(
    parcel: Parcels, root: Path, tmp_path: Path
) -> None:
    rows, manifest = parcel().pieces
    pipe = tmp_path / "pipe" / "rows.json"
    pipe.parent.mkdir()
    os.mkfifo(pipe)
    with (
        child(root, 0, rows, Piece("rows.json", pipe, manifest.digest)) as process,
        pipe.open("wb", buffering=0) as writer,
    ):
        writer.write(MANIFEST)
        wait_for(root, MANIFEST)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=30)

    assert [name for name in tree(root) if name.endswith(".json")] == []
    CHANNEL.send(parcel(delivery="8d1c"))
    assert tree(root) == BOTH


def wait_for(root: Path, data: bytes) -> None:
    """Until a file below root holds these bytes; at most 30 seconds."""
    for _ in range(3000):
        if data in tree(root).values():
            return
        time.sleep(0.01)
    raise AssertionError("the child did not copy")
