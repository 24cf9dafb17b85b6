"""What is released: one commit, whole, with a version that the changelog tells of."""

import re
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from release import Refused

_VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)


@dataclass(frozen=True)
class State:
    """The commit, its moment (seconds since 1970) and the version it says it is."""

    version: str
    commit: str
    moment: int

    @property
    def at(self) -> datetime:
        """The moment of the commit: everything that is made bears it."""
        return datetime.fromtimestamp(self.moment, UTC)


def read_state(root: Path) -> State:
    """Raises `Refused` for what is no state to release."""
    if not (root / ".git").exists():
        raise Refused(f"{root} is no git checkout. Possible: run it in a clone of the repository")
    changed = git(root, "status", "--porcelain", "--untracked-files=normal").splitlines()
    if changed:
        more = f"\n  and {len(changed) - 10} more" if len(changed) > 10 else ""
        listed = "".join(f"\n  {line}" for line in changed[:10])
        raise Refused(
            "the checkout differs from its commit, so nobody could build the same. "
            f"Possible: commit, remove or ignore these:{listed}{more}"
        )
    version = _version(root)
    commit = git(root, "rev-parse", "HEAD").strip()
    _check_tag(root, version=version, commit=commit)
    return State(version, commit, int(git(root, "log", "-1", "--format=%ct")))


def git(root: Path, *words: str) -> str:
    """What git says; raises `CalledProcessError`."""
    command = ["git", "-c", f"safe.directory={root}", *words]
    return subprocess.run(command, cwd=root, check=True, capture_output=True).stdout.decode()


def _version(root: Path) -> str:
    """With a heading of its own and a day in the changelog."""
    found = _VERSION.search((root / "src/tocsin/__init__.py").read_text(encoding="utf-8"))
    if found is None:
        raise Refused("src/tocsin/__init__.py names no __version__")
    version = found[1]
    changes = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    heading = rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$"
    if re.search(heading, changes, re.MULTILINE) is None:
        raise Refused(
            f"CHANGELOG.md has no heading for {version}, so nobody could read what changed. "
            f"Possible: put what stands under [Unreleased] below '## [{version}] - YYYY-MM-DD', "
            "or change the version in src/tocsin/__init__.py"
        )
    return version


def _check_tag(root: Path, *, version: str, commit: str) -> None:
    """A version is one commit, for ever."""
    tagged = git(root, "for-each-ref", f"refs/tags/v{version}", "--format=%(objectname)").strip()
    if tagged and git(root, "rev-parse", f"v{version}^{{commit}}").strip() != commit:
        raise Refused(
            f"v{version} is the tag of another commit. Possible: check that one out, or raise "
            "the version in src/tocsin/__init__.py"
        )
