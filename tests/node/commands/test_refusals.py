"""What `tocsin route` refuses leaves nothing behind: no store, no parties, no run."""

from pathlib import Path

import pytest
from django.db import connection

from tests.node.conftest import OVERLAY, PARTIES, SINKHOLE, WITH_PARTIES, listing
from tests.skipping import not_on_this_database

LATIN_1 = b"first,last,asn,name,country\n192.0.2.1,192.0.2.9,64500,K\xf6ln,DE\n"
XARF = PARTIES.read_text("utf-8").replace('format = "idf-csv"', 'format = "xarf"')
NAMELESS = (
    "tocsin: brook-telecom (and 9 more) is to get XARF, which names who reports, and this node has "
    "no name. Possible: TOCSIN_NODE_NAME and TOCSIN_NODE_CONTACT, or another format\n"
)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Files that cannot be used, and one that is in the way."""
    made = {
        "latin-1.csv": LATIN_1,
        "broken.toml": b"[[party]\n",
        "bytes.toml": b"\xff\xfe\x00",
        "xarf.toml": XARF.encode(),
        "mapping.toml": b"columns = 7\n",
        "letter": b"a letter",
    }
    for name, data in made.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "nowhere").symlink_to("gone")
    return sorted(tmp_path.iterdir())


@pytest.mark.parametrize(
    "case",
    [
        (["--overlay", "nope.csv"], 4, "no such overlay: nope.csv"),
        (["--overlay", "latin-1.csv"], 3, "latin-1.csv"),
        (["--format", "xml"], 2, "no format 'xml'"),
        (["--format", "generic-csv"], 2, "is read with a mapping file"),
        (["--mapping", "mapping.toml"], 2, "mapping.toml"),
        (["--mapping", "mapping.toml", "--format", "arf"], 2, "a mapping is for CSV, not for arf"),
        (["--executor", "ray"], 2, "no executor 'ray'"),
        (["--class", "bad-luck"], 2, "no class 'bad-luck'"),
        (["--tlp", "purple"], 2, "'purple' is no TLP marking"),
        (["--parties", "nope.toml"], 4, "no such party file: nope.toml"),
        (["--parties", "."], 4, ". is a folder"),
        (["--parties", "bytes.toml"], 3, "cannot be read as UTF-8 text"),
        (["--parties", "broken.toml"], 2, "the party file is no TOML"),
        (["--parties", "xarf.toml"], 2, NAMELESS),
        (["--out", "letter"], 2, "--out letter: "),
        (["--out", "letter/deeper"], 2, "letter is no folder, and deliveries go into a folder"),
        (["--out", "nowhere"], 2, "nowhere is a link that leads nowhere"),
    ],
)
def test_a_refused_run_leaves_no_store_behind(tocsin, tmp_path, files, case) -> None:
    words, code, complaint = case
    done = tocsin("route", SINKHOLE, *WITH_PARTIES, *words)

    assert (done.code, done.out, complaint in done.err) == (code, "", True)
    assert sorted(tmp_path.iterdir()) == files


def test_without_any_party_no_store_is_made(tocsin, tmp_path) -> None:
    if connection.vendor != "sqlite":
        not_on_this_database("whether a party is on file is known once the database is open")
    done = tocsin("route", SINKHOLE)

    assert (done.code, list(tmp_path.iterdir())) == (2, [])
    assert "no party is on file, so nobody could be told" in done.err


@pytest.mark.parametrize("words", [("--overlay", "nope.csv"), ("--format", "xml"), ("--out", "x")])
def test_a_refused_run_imports_no_party_into_a_store_that_is_there(tocsin, tmp_path, words) -> None:
    tocsin("parties", "import", PARTIES)
    (tmp_path / "x").write_text("a letter")
    more = PARTIES.read_text("utf-8").replace('id = "meadow-net"', 'id = "new-meadow"')
    (tmp_path / "more.toml").write_text(more, "utf-8")
    before = tocsin("parties", "export").out
    done = tocsin("route", SINKHOLE, "--parties", "more.toml", *words)

    assert done.code in (2, 4)
    assert tocsin("parties", "export").out == before


def test_what_waits_is_not_handed_over_to_a_file_either(tocsin, tmp_path) -> None:
    tocsin("route", SINKHOLE, *WITH_PARTIES)
    (tmp_path / "letter").write_text("a letter")
    done = tocsin("deliver", "--out", "letter")

    assert done.code == 2
    assert "letter is no folder, and deliveries go into a folder" in done.err


def test_a_mended_command_begins_where_nothing_has_been(tocsin, tmp_path) -> None:
    tocsin("route", SINKHOLE, *WITH_PARTIES, "--overlay", "nope.csv")
    done = tocsin("route", SINKHOLE, *WITH_PARTIES, "--json")

    assert (done.ended, done.json["events"]) == ((0, ""), 29)
    secret = tmp_path / "tocsin-store" / "keys" / "django-secret"
    from django.conf import settings

    assert secret.read_text("ascii") == settings.SECRET_KEY


def test_parties_on_file_that_get_xarf_are_refused_as_well(tocsin, tmp_path, files) -> None:
    tocsin("parties", "import", "xarf.toml")
    before = listing(tmp_path / "tocsin-store" / "evidence")
    done = tocsin("route", SINKHOLE, "--overlay", OVERLAY)

    assert done.ended == (2, NAMELESS)
    assert listing(tmp_path / "tocsin-store" / "evidence") == before
