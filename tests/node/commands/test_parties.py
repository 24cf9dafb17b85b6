"""`tocsin parties`: a party file in, and the same out again."""

import tomllib

from django.db import connection

from tests.node.conftest import PARTIES
from tests.skipping import not_on_this_database


def test_an_imported_file_comes_out_again_with_the_same_content(spawn, tmp_path) -> None:
    taken = spawn("parties", "import", PARTIES)
    given = spawn("parties", "export")

    assert taken.ended == (0, "")
    assert [line.split() for line in taken.out.splitlines()] == [
        ["created", "13"],
        ["changed", "0"],
        ["unchanged", "0"],
        ["retired", "0"],
    ]
    assert given.ended == (0, "")
    ids = [party["id"] for party in tomllib.loads(PARTIES.read_text("utf-8"))["party"]]
    assert sorted(ids) == [party["id"] for party in tomllib.loads(given.out)["party"]]


def test_what_was_exported_changes_nothing_when_it_is_imported(tocsin, tmp_path) -> None:
    tocsin("parties", "import", PARTIES)
    (tmp_path / "out.toml").write_text(tocsin("parties", "export").out, "utf-8")
    again = tocsin("parties", "import", "out.toml")

    assert again.out.split() == "created 0 changed 0 unchanged 13 retired 0".split()


def test_what_was_exported_makes_the_same_parties_in_another_store(tocsin, tmp_path) -> None:
    if connection.vendor != "sqlite":
        not_on_this_database("both stores would have the database that the settings name")
    tocsin("parties", "import", PARTIES)
    (tmp_path / "out.toml").write_text(tocsin("parties", "export").out, "utf-8")
    elsewhere = tocsin("parties", "import", "out.toml", "--store", "another")

    assert elsewhere.out.split() == "created 13 changed 0 unchanged 0 retired 0".split()
    assert tocsin("parties", "export", "--store", "another").out == (
        tmp_path / "out.toml"
    ).read_text("utf-8")


def test_a_party_that_the_file_leaves_out_is_retired(tocsin, tmp_path) -> None:
    tocsin("parties", "import", PARTIES)
    first, *rest = PARTIES.read_text("utf-8").split("[[party]]")
    (tmp_path / "less.toml").write_text("[[party]]".join([first, *rest[:-1]]), "utf-8")

    assert tocsin("parties", "import", "less.toml").out.split() == (
        "created 0 changed 0 unchanged 12 retired 1".split()
    )


def test_a_file_that_is_not_there_ends_with_4(tocsin) -> None:
    assert tocsin("parties", "import", "p.toml").ended == (
        4,
        "tocsin: no such party file: p.toml\n",
    )


def test_every_problem_of_a_file_is_named_and_nothing_is_taken(tocsin, tmp_path) -> None:
    (tmp_path / "p.toml").write_text(
        '[[party]]\nid = "Big Net"\nname = "x"\nrole = "king"\n'
        '[party.delivery]\nchannel = "pigeon"\nformat = "idf-csv"\n'
    )
    done = tocsin("parties", "import", "p.toml")

    assert (done.code, done.out) == (2, "")
    assert [word for word in ("Big Net", "king", "pigeon") if word not in done.err] == []
    assert tocsin("parties", "export").out.strip() == ""


def test_without_a_store_there_is_nothing_to_export(spawn, tmp_path) -> None:
    done = spawn("parties", "export")

    assert (done.code, done.out) == (4, "")
    assert "there is no store at tocsin-store" in done.err
