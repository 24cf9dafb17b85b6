"""The threat model names what proves each of its sentences; all of it is there."""

import re

import pytest

from tests.house.source import REPOSITORY

PAGE = (REPOSITORY / "docs" / "explanation" / "threat-model.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/.]+)`", PAGE)))
# Who the model has to speak of; a heading each.
ACTORS = (
    "An outsider",
    "A person of a party",
    "A party's administrator",
    "Whoever holds a token (or stole it)",
    "The node's analyst",
    "The operator, or whoever became root",
    "The host of the database (PostgreSQL elsewhere)",
    "The mail relay",
    "A reporter who lies",
    "Another node, or any receiver",
    "A witness",
    "The operator of the resolver",
    "A supplier of packages",
    "An order of a court",
    "A thief",
)


@pytest.mark.parametrize("path", NAMED)
def test_what_is_said_to_prove_something_is_there_and_tests_something(path):
    text = (REPOSITORY / path).read_text("utf-8")

    assert "def test_" in text or "__main__" in text


def test_every_actor_is_spoken_of_and_no_other():
    part = PAGE.partition("## What each could achieve")[2].partition("\n## ")[0]

    assert tuple(re.findall(r"^### (.+)$", part, re.MULTILINE)) == ACTORS


def test_what_it_says_is_not_there_is_not_there():
    """Sealed parcels: once there are any, the page has to say what they are worth."""
    written = [path.name for path in (REPOSITORY / "src" / "tocsin" / "seal").glob("*.py")]

    assert ("`seal/` is empty" in PAGE) == (written == ["__init__.py"])
