"""Who stands in the register for what a command did: the person, never only a machine."""

import getpass

import pytest

from tests.node.conftest import PARTIES, SINKHOLE, WITH_PARTIES

MACHINE = {"time-stamps", "tocsin"}
REPORT = (SINKHOLE, *WITH_PARTIES)


def actors(tocsin) -> set[str]:
    """Every actor of the register."""
    rows = tocsin("register", "list", "--why", "test", "--by", "auditor", "--json").json
    return {row["actor"] for row in rows}


@pytest.mark.parametrize(
    ("by", "actor"), [((), f"{getpass.getuser()} (command line)"), (("--by", "Ada"), "Ada")]
)
def test_a_run_and_what_it_imported_name_who_did_it(tocsin, by, actor) -> None:
    tocsin("route", *REPORT, *by)

    assert actors(tocsin) == {actor}


def test_an_import_of_parties_names_who_did_it(tocsin) -> None:
    tocsin("parties", "import", PARTIES, "--by", "Ada")
    tocsin("parties", "webhook-secret", "meadow-net", "--by", "Berta")

    assert actors(tocsin) == {"Ada", "Berta"}


def test_what_a_party_said_names_who_wrote_it_down(tocsin) -> None:
    run = tocsin("route", *REPORT, "--by", "Ada", "--json").json
    assert run["deliveries"]
    delivery = next(
        row["id"][:8]
        for row in tocsin("register", "list", "--why", "x", "--by", "auditor", "--json").json
        if row["action"] == "office:delivery:hand_over"
    )
    assert delivery
    tocsin("contacts", "dead", "nobody@meadow-net.example", "--why", "550", "--by", "Cleo")

    assert "command line" not in actors(tocsin)
