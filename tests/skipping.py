"""What a machine may lack: a skip on a desk, a failure where everything was installed.

With TOCSIN_NOTHING_SKIPS set, as in `.ci/run`, a test that skips fails with the reason of its
skip: a package or a right that is missing there would otherwise go unseen. Two things are no
lack of the machine and stay skips: outside test vectors, which CI has not, and tests of what
only one of the two databases has.
"""

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.house.source import REPOSITORY

SWITCH = "TOCSIN_NOTHING_SKIPS"
VECTORS = "TOCSIN_VECTORS"


class Excused(pytest.skip.Exception):
    """A skip that stays one everywhere."""


def vectors(name: str) -> Path:
    """A file or folder of outside test vectors; skips where there is none."""
    folder = Path(os.environ.get(VECTORS) or REPOSITORY.parent / "shared" / "data")
    if not (folder / name).exists():
        raise Excused(f"no test vectors {name}: {VECTORS} names no folder that has them")
    return folder / name


def not_on_this_database(why: str) -> NoReturn:
    """Skip what only the other database has."""
    raise Excused(why)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: Any) -> Generator[None, Any, Any]:
    """A test that skipped."""
    return _judged((yield), call)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, Any, Any]:
    """A whole file that skipped."""
    report = yield
    return _judged(report, report.call)


def _judged(report: Any, call: Any) -> Any:
    fault = call.excinfo.value if call is not None and call.excinfo is not None else None
    is_skip = report.outcome == "skipped" and isinstance(fault, pytest.skip.Exception)
    if is_skip and not isinstance(fault, Excused) and os.environ.get(SWITCH):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may skip ({SWITCH} is set): {fault}"
    return report
