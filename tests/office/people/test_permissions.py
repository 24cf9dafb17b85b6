"""The table of permissions is in order, and its page says what it says."""

from pathlib import Path

import pytest

from tocsin.office.permissions import PERMISSIONS, Permission, Reach
from tocsin.words.competences import HELD_BY, Competence
from tocsin.words.roles import SPOKEN

PAGES = Path(__file__).parents[3] / "docs" / "reference"


def rows(page: str) -> list[str]:
    """The rows of the one table of a page."""
    text = (PAGES / page).read_text("utf-8")
    return [line for line in text.splitlines() if line.startswith("| `")]


def permission(name: str, row: Permission) -> str:
    """One row of the page on permissions."""
    opens = ", ".join(f"`{one}`" for one in sorted(row.competences))
    whose = "every party, for the node’s own people" if row.reach is Reach.NODE else "one’s own"
    return f"| `{name}` | {row.does} | {opens} | {whose} | {'no' if row.people_only else 'yes'} |"


def competence(one: Competence) -> str:
    """One row of the page on competences."""
    roles = ", ".join(SPOKEN[role] for role in HELD_BY[one]) or "nobody: the node itself"
    used = ", ".join(f"`{name}`" for name, row in PERMISSIONS.items() if one in row.competences)
    return f"| `{one}` | {roles} | {used or '–'} |"


def test_the_table_is_in_alphabetical_order() -> None:
    assert [*PERMISSIONS] == sorted(PERMISSIONS)


def test_the_page_on_permissions_says_what_the_table_says() -> None:
    assert rows("permissions.md") == [permission(name, row) for name, row in PERMISSIONS.items()]


def test_the_page_on_competences_says_who_can_hold_which() -> None:
    assert rows("competences.md") == [competence(one) for one in Competence]


@pytest.mark.parametrize("name", PERMISSIONS)
def test_every_permission_can_be_held_by_somebody(name: str) -> None:
    assert any(HELD_BY[one] for one in PERMISSIONS[name].competences)
    assert Competence.NODE_RECORD not in PERMISSIONS[name].competences


def write(page: str, wanted: list[str]) -> None:
    """The page with other rows in its one table."""
    path = PAGES / page
    before, _, rest = path.read_text("utf-8").partition("\n| `")
    after = rest.partition("\n\n")[2]
    path.write_text("\n".join([before, *wanted, "", after]), "utf-8")


if __name__ == "__main__":  # python -m tests.office.people.test_permissions writes both tables
    write("permissions.md", [permission(name, row) for name, row in PERMISSIONS.items()])
    write("competences.md", [competence(one) for one in Competence])
