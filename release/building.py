"""Wheel and sdist, built twice from the commit and nothing else, in two places."""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
from io import BytesIO
from pathlib import Path

from release import Refused
from release.state import State

FRONTEND = Path("src/tocsin/node/frontend")


def build_twice(root: Path, state: State, *, into: Path, scratch: Path) -> None:
    """Raises `Refused` where two builds differ: then nobody can check what they were given."""
    first = _build(root, state, place=scratch / "one", mask=0o022)
    # another folder, longer name, another umask and another time zone
    second = _build(root, state, place=scratch / "the-other-place", mask=0o077, zone="Asia/Tokyo")
    differing = sorted({*first.items()} ^ {*second.items()})
    if differing:
        names = ", ".join(sorted({name for name, _digest in differing}))
        raise Refused(f"two builds of one commit differ in {names}: what is built depends on more")
    shutil.move(scratch / "one" / "dist", into)


def _build(
    root: Path, state: State, *, place: Path, mask: int, zone: str = "UTC"
) -> dict[str, str]:
    """SHA-256 by file name."""
    before = os.umask(mask)
    try:
        tree = place / "tree"
        _export(root, state, tree)
        env = {**os.environ, "SOURCE_DATE_EPOCH": str(state.moment), "TZ": zone}
        env["PYTHONPATH"] = str(tree / "src")
        env["PYTHONDONTWRITEBYTECODE"] = "1"
        python = [sys.executable, "-P", "-m"]
        for command in (
            [*python, "tocsin.node.vendored"],
            [*python, "hatchling", "build", "-d", str(place / "dist")],
        ):
            subprocess.run(command, cwd=tree, env=env, check=True, capture_output=True)
    finally:
        os.umask(before)
    files = sorted((place / "dist").iterdir())
    for path in files:
        path.chmod(0o644)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _export(root: Path, state: State, tree: Path) -> None:
    """The commit as git has it, with the packages that pages are made of beside it."""
    tree.mkdir(parents=True)
    command = ["git", "-c", f"safe.directory={root}", "archive", "--format=tar", state.commit]
    done = subprocess.run(command, cwd=root, check=True, capture_output=True)
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(tree, filter="data")
    packages = root / FRONTEND / "node_modules"
    if not packages.is_dir():
        raise Refused(f"{FRONTEND}/node_modules is not there. Possible: make .venv/.frontend")
    shutil.copytree(packages, tree / FRONTEND / "node_modules", symlinks=True)
