"""Where nothing may skip, whatever is missing fails the run; on a desk it skips."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.source import REPOSITORY

LACKING = """
import pytest
from tests.skipping import not_on_this_database, vectors

def test_package():
    pytest.skip("needs Exim: apt-get install exim4-daemon-light")

@pytest.mark.skipif(True, reason="needs root")
def test_right():
    pass

@pytest.fixture
def small_disk():
    pytest.importorskip("no_such_package", reason="needs the extra")

def test_extra(small_disk):
    pass

def test_vectors():
    vectors("no-such-file.json")

def test_database():
    not_on_this_database("pragmas are SQLite's")

@pytest.mark.xfail(reason="known", strict=True)
def test_known():
    assert False
"""
WHOLE_FILE = 'import pytest\npytest.skip("needs a browser", allow_module_level=True)\n'


def outcomes(folder: Path, **env: str) -> tuple[int, list[tuple[str, str]]]:
    """Exit code, and per test what became of it."""
    (folder / "test_lacking.py").write_text(LACKING)
    (folder / "test_whole.py").write_text(WHOLE_FILE)
    (folder / "pytest.ini").write_text("[pytest]\n")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.skipping", "-p", "no:cacheprovider", "-rA",
         "--continue-on-collection-errors",
         "-c", "pytest.ini", "."],
        cwd=folder,
        env={**clean, "PYTHONPATH": str(REPOSITORY), "COLUMNS": "300", **env},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    found = re.findall(
        r"^(SKIPPED|FAILED|ERROR|XFAIL) (?:\[\d+\] )?(.+)$", done.stdout, re.MULTILINE
    )
    return done.returncode, sorted((what, re.sub(r":\d+", "", rest)) for what, rest in found)


def test_on_a_desk_what_is_missing_skips(tmp_path: Path) -> None:
    code, found = outcomes(tmp_path)

    assert code == 0
    assert [what for what, _ in found] == ["SKIPPED"] * 6 + ["XFAIL"]


@pytest.mark.parametrize("vectors", ["", "/nonexistent"])
def test_where_nothing_may_skip_it_fails_with_its_reason_except_vectors_and_databases(
    tmp_path: Path, vectors: str
) -> None:
    code, found = outcomes(tmp_path, TOCSIN_NOTHING_SKIPS="1", TOCSIN_VECTORS=vectors)

    said = "skipped where nothing may skip (TOCSIN_NOTHING_SKIPS is set): "
    assert code != 0
    assert [(what, rest) for what, rest in found if what != "SKIPPED"] == [
        ("ERROR", f"test_lacking.py::test_extra - {said}needs the extra"),
        ("ERROR", f"test_lacking.py::test_right - {said}needs root"),
        ("ERROR", f"test_whole.py - {said}needs a browser"),
        (
            "FAILED",
            f"test_lacking.py::test_package - {said}needs Exim: apt-get install exim4-daemon-light",
        ),
        ("XFAIL", "test_lacking.py::test_known - known"),
    ]
    assert [rest.rpartition(": ")[2] for what, rest in found if what == "SKIPPED"] == [
        "TOCSIN_VECTORS names no folder that has them",
        "pragmas are SQLite's",
    ]
