"""The page on the shield says what the tables say."""

from pathlib import Path

from tocsin.formats.blocklists import LIST_FORMATS
from tocsin.rules.listing import CAUTIONS, SCOPES

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "shield.md").read_text("utf-8")


def rows(heading: str) -> list[str]:
    """The rows of the first table below a heading."""
    part = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [line for line in part.splitlines() if line.startswith("| `")]


def test_every_scope_stands_there_with_its_term_and_its_re_checks() -> None:
    assert rows("How wide") == [
        f"| `{row.scope}` | {row.covers} | {row.when} | {row.term.days} days "
        f"| {', '.join(str(span.days) for span in row.rechecks)} days |"
        for row in SCOPES.values()
    ]


def test_every_list_that_warns_stands_there_with_who_may_override_it() -> None:
    assert rows("What warns of a mistake") == [
        f"| `{row.caution}` | {row.holds} "
        f"| {'a third person' if row.is_overridable else 'nobody'} |"
        for row in CAUTIONS.values()
    ]


def test_every_form_stands_there() -> None:
    assert rows("Forms") == [
        f"| `{row.name}` | `{row.media_type}` | {row.says} "
        f"| {'yes' if row.holds_addresses else 'no'} |"
        for row in LIST_FORMATS.values()
    ]
