"""What may stand in the repository: nothing of a machine, nothing minified, a short README."""

import re
import shutil
import subprocess

import pytest

from tests.house.source import REPOSITORY

# Paths of one machine, and addresses that only a package index has.
FORBIDDEN = re.compile(
    rb"""(?<![\w.~-])/(?:work|root|opt/wheels)/
    | (?<![\w.~-])/home/(?!you\b)\w+/
    | --(?:extra-)?index-url[ =]+\S*:
    | https?://[^\s"'<>]*(?:/simple/|/-/[^\s/]+\.tgz|\.whl\b)
    | https?://registry\.
    | "resolved":\s*"http""",
    re.VERBOSE,
)


def known() -> list[str]:
    """The names git knows, from the root of the repository; skips outside a checkout."""
    if not (REPOSITORY / ".git").exists() or shutil.which("git") is None:
        pytest.skip("needs a git checkout, and git: apt-get install git")
    listing = subprocess.run(
        ["git", "-c", f"safe.directory={REPOSITORY}", "ls-files", "-z"],
        cwd=REPOSITORY,
        capture_output=True,
        check=True,
    ).stdout.decode()
    return [name for name in listing.split("\0") if name]


def tracked() -> list[str]:
    """Those of them that are files here."""
    return [name for name in known() if (REPOSITORY / name).is_file()]


def test_no_name_leads_elsewhere():
    """A symbolic link holds a path of the machine it was made on."""
    assert [name for name in known() if (REPOSITORY / name).is_symlink()] == []


def test_no_file_names_a_machine_path_or_a_package_index():
    hits = [
        f"{name}: {found.group().decode()}"
        for name in tracked()
        if b"\0" not in (data := (REPOSITORY / name).read_bytes())
        and name != "tests/house/test_repository.py"
        for found in FORBIDDEN.finditer(data)
    ]

    assert hits == []


@pytest.mark.parametrize(
    "text",
    [
        b"see /work/" + b"main/x",
        b"'/root/" + b".cache'",
        b"--index-url=" + b"https://example.org/simple",
        b"https://example.org/" + b"simple/polars/",
        b"https://registry." + b"example.org/",
    ],
)
def test_such_text_would_be_seen(text):
    assert FORBIDDEN.search(text) is not None


@pytest.mark.parametrize("text", [b"docs/work/x", b"src/root/", b"--no-emit-index-url --x"])
def test_innocent_text_passes(text):
    assert FORBIDDEN.search(text) is None


def test_nothing_minified_is_committed():
    assert [name for name in tracked() if re.search(r"\.min\.(js|css)$", name)] == []


def test_the_readme_can_be_read_at_one_go():
    readme = (REPOSITORY / "README.md").read_text("utf-8")

    assert len(readme.splitlines()) <= 120
    assert "make demo" in readme
    assert "make test" in readme


def test_every_lock_entry_has_a_hash():
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (REPOSITORY / name).read_text("utf-8").replace("\\\n", "")
        entries = [line for line in text.splitlines() if line and line[0] not in " #"]

        assert entries != []
        assert [line for line in entries if "--hash=sha256:" not in line] == []
