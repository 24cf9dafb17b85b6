"""What an audit of the lock files makes of what pip-audit found."""

import pytest

from tests.audit import judge

GOOD = {"name": "asgiref", "version": "3.13.0", "vulns": []}
BAD = {
    "name": "django",
    "version": "4.2.0",
    "vulns": [{"id": "PYSEC-2023-61", "fix_versions": ["4.2.1"]}, {"id": "PYSEC-0"}],
}
AWAY = {"name": "wrapt", "skip_reason": "Dependency not found on PyPI"}


@pytest.mark.parametrize(
    ("rows", "code", "strict", "said"),
    [
        ([GOOD], 0, 0, "no known vulnerability in 1 packages"),
        ([GOOD, BAD], 1, 1, "django 4.2.0: PYSEC-2023-61, mended in 4.2.1"),
        ([BAD, AWAY], 1, 1, "PYSEC-0, mended in no version yet"),
        ([GOOD, AWAY], 1, 1, "not looked up: wrapt"),
        ([AWAY], 0, 1, "NOTHING was audited"),
    ],
)
def test_what_is_known_fails_and_what_is_not_known_is_said(rows, code, strict, said):
    verdict = judge({"dependencies": rows})

    assert (verdict.code(strict=False), verdict.code(strict=True)) == (code, strict)
    assert said in "\n".join(verdict.lines())
