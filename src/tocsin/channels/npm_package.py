"""Fetches the files of an npm package with the machine's own `npm`.

Where the package comes from is npm's own setting, so that a mirror or a registry of one's own
works without a word here. Nothing of the package is run: it is packed, read and unpacked.
"""

import re
import shutil
import subprocess
import tarfile
import zlib
from datetime import timedelta
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO

from tocsin.words.errors import NotFound, Undelivered, Unreadable, Unusable

NAME = re.compile(r"(@[a-z0-9][a-z0-9._-]*/)?[a-z0-9][a-z0-9._-]*(@[a-z0-9][a-z0-9.+-]*)?")
FILES = 1_000
BYTES = 512 * 1024 * 1024  # the two packages of the routing snapshot unpack to 110 MiB
OFFLINE = "tocsin networks update --from FOLDER takes packages that are unpacked already"


def fetch_package(name: str, folder: Path, *, within: timedelta = timedelta(minutes=5)) -> Path:
    """Fetch `name` (`@scope/name`, `name@version`), unpack it and return the folder it is in.

    The folder is a new one below `folder`. Raises `NotFound` without npm, `Undelivered` where npm
    could not fetch, `Unreadable` for an archive that is none or holds more than it may.
    """
    if not NAME.fullmatch(name):
        raise Unusable(f"{name!r} is no name of an npm package")
    with TemporaryDirectory(prefix="tocsin-npm-") as place:
        archive = _pack(_npm(), name, Path(place), within)
        target = folder / re.sub(r"[^a-z0-9.]+", "-", name).strip("-")
        return unpack(archive, target)


def _npm() -> str:
    program = shutil.which("npm")
    if program is None:
        raise NotFound(
            f"npm is not on this machine. Possible: install it (on Debian: apt-get install npm); "
            f"without it, {OFFLINE}"
        )
    return program


def _pack(npm: str, name: str, place: Path, within: timedelta) -> Path:
    command = [npm, "pack", name, "--ignore-scripts", "--pack-destination", str(place)]
    try:
        done = subprocess.run(
            command,
            cwd=place,  # no .npmrc or package.json of somebody's project
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=within.total_seconds(),
            check=False,
        )
    except subprocess.TimeoutExpired:
        waited = f"{within.total_seconds():.0f} seconds"
        raise Undelivered(f"npm had no {name} after {waited}; {OFFLINE}", lasting=False) from None
    archives = sorted(place.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        raise _failure(name, done.stderr.decode(errors="replace"))
    return archives[0]


def _failure(name: str, said: str) -> Undelivered:
    """What npm said comes down to its code: the rest holds addresses and paths."""
    code = re.search(r"\bcode (E[A-Z0-9]+)", said)
    known = code[1] if code else "no code"
    return Undelivered(
        f"npm could not fetch {name} ({known}). Possible: check its network and settings with "
        f"npm ping; offline, {OFFLINE}",
        lasting=known in {"E404", "ETARGET", "EINVALIDPACKAGENAME"},
    )


def unpack(archive: Path, target: Path) -> Path:
    """The regular files of an npm archive below `target`; links and devices are refused.

    Written by hand rather than by `tarfile`'s filters, which Python before 3.11.4 lacks; and
    not as a stream, because 3.11.2 trips over broken ones.
    """
    try:
        with tarfile.open(archive, "r:gz") as members:
            left = BYTES
            for count, member in enumerate(members, start=1):
                left -= member.size
                _check(member, archive, count, left)
                if member.isfile():
                    _write(members.extractfile(member), target / _inside(member, archive))
    except (tarfile.TarError, zlib.error, EOFError, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.filename is not None:
            raise  # the disk, not the archive
        raise Unreadable(f"{archive.name}: no npm archive ({error})") from None
    if not target.is_dir():
        raise Unreadable(f"{archive.name}: no file in it")
    return target


def _check(member: tarfile.TarInfo, archive: Path, count: int, left: int) -> None:
    if not (member.isfile() or member.isdir()):
        raise Unreadable(f"{archive.name}: {member.name} is neither file nor folder")
    if count > FILES or left < 0 or member.size < 0:
        raise Unreadable(f"{archive.name}: more than {FILES} files or {BYTES} bytes")


def _inside(member: tarfile.TarInfo, archive: Path) -> PurePosixPath:
    """The path below npm's own top folder, `package/`."""
    path = PurePosixPath(member.name)
    if path.is_absolute() or ".." in path.parts or len(path.parts) < 2 or "\0" in member.name:
        raise Unreadable(f"{archive.name}: {member.name!r} lies outside the package")
    return PurePosixPath(*path.parts[1:])


def _write(source: IO[bytes] | None, file: Path) -> None:
    if source is None:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with source, file.open("wb") as target:
        shutil.copyfileobj(source, target)
