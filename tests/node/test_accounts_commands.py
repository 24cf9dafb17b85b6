"""`tocsin people`: how a node begins, and what its operator can do for people."""

import sys
from datetime import UTC, datetime
from io import StringIO

import pytest

from tests.node.conftest import PARTIES
from tocsin.office.models import RegisterRow
from tocsin.office.people.letters import read
from tocsin.office.people.models import Letter, Person

ADA = "ada@csirt-be.example"


@pytest.fixture
def people(tocsin, tmp_path, monkeypatch):
    """`people("add", …)` in a store with the sample parties; a password is typed in."""
    tocsin("parties", "import", PARTIES, "--store", tmp_path / "store")

    def run(*words):
        monkeypatch.setattr(sys, "stdin", StringIO("a lantern on the quiet hill\n"))
        return tocsin("people", *words, "--store", tmp_path / "store")

    return run


def add(people, **words):
    """Put Ada on file."""
    more = [part for name, value in words.items() for part in (f"--{name}", value)]
    return people("add", ADA, "--party", "csirt-be", "--competence", "response.handle", *more)


def test_somebody_is_put_on_file_with_a_mandate_and_told(people):
    said = add(people, name="Ada")

    assert (said.code, said.err) == (0, "")
    assert said.out == f"{ADA} acts for Sample CSIRT for BE: response.handle\n"
    (listed,) = people("list", "--json").json
    assert (listed["email"], listed["party"], listed["competences"]) == (
        ADA,
        "csirt-be",
        ["response.handle"],
    )
    assert [read(one)["subject"] for one in Letter.objects.all()] == [
        "You have a mandate for Sample CSIRT for BE",
        "Your password was changed",
    ]


def test_what_no_party_of_this_role_can_hold_is_refused(people):
    said = people("add", ADA, "--party", "csirt-be", "--competence", "tco.comply")

    assert said.code == 5
    assert "tco.comply cannot be held at csirt-be" in said.err


def test_second_factors_are_taken_off_and_sessions_end(people):
    from tests.node.browsing import with_app

    add(people)
    mark = with_app(Person.objects.get()).session_mark
    said = people("take-factor", ADA)

    person = Person.objects.get()
    assert said.code == 0
    assert person.authenticator_set.count() == 0
    assert person.session_mark != mark
    assert RegisterRow.objects.filter(action="office:person:take_factor").count() == 1
    assert "second factor was taken off" in read(Letter.objects.last())["subject"]


def test_nobody_is_named_who_is_not_on_file(people):
    for command in ("take-factor", "close", "password"):
        said = people(command, "nobody@x.example")
        assert (said.code, said.out) == (4, "")


def test_a_closed_person_has_nothing_left(people):
    add(people)
    people("close", ADA)

    assert [row["is_active"] for row in people("list", "--json").json] == [False]
    assert datetime.now(UTC) > Person.objects.get().mandates.get().ended_at


def test_the_same_again_makes_no_second_mandate(people):
    add(people)
    letters = Letter.objects.count()
    said = add(people)
    add(people, until="2027-06-30")

    assert said.code == 0
    assert [row["until"] for row in people("list", "--json").json] == [None, "2027-06-30T23:59:59Z"]
    assert Letter.objects.count() == letters + 1
    assert RegisterRow.objects.filter(action="office:mandate:grant").count() == 2
