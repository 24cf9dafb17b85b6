"""The documentation says what the code does: exit codes, links, the state of every promise."""

import re

import pytest

from tests.house.source import HOUSE, REPOSITORY
from tocsin.words import errors

SETTING = re.compile(r"\bTOCSIN_[A-Z_]*[A-Z]\b")
PAGES = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"]


def test_every_error_stands_in_the_exit_codes_with_its_number():
    page = (REPOSITORY / "docs" / "reference" / "exit-codes.md").read_text("utf-8")
    documented = set(re.findall(r"^\| (\d+) \| `(\w+)` \|", page, re.MULTILINE))

    assert documented == {
        (str(kind.exit_code), name)
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.TocsinError)
    }


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (REPOSITORY / page).read_text("utf-8"))

    assert [link for link in links if not (REPOSITORY / link).exists()] == []


def test_every_promise_of_the_roadmap_is_done_or_open():
    page = (REPOSITORY / "docs" / "roadmap.md").read_text("utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| ") and "| state |" not in line]

    assert rows != []
    assert [row for row in rows if not row.endswith(("| open |", "| **done** |"))] == []


def test_every_make_target_is_explained():
    makefile = (REPOSITORY / "Makefile").read_text("utf-8")
    declared = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)

    assert declared is not None
    assert set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE)) == set(declared[1].split())


def test_every_setting_is_documented_and_no_other():
    """Settings are words that begin with TOCSIN_ in the room that reads the environment."""
    sources = (HOUSE / "node").rglob("*.py")
    known = {name for file in sources for name in SETTING.findall(file.read_text("utf-8"))}
    page = (REPOSITORY / "docs" / "reference" / "settings.md").read_text("utf-8")

    assert set(re.findall(r"^\| `(TOCSIN_\w+)` \|", page, re.MULTILINE)) == known
