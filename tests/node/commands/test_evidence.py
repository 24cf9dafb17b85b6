"""`tocsin evidence` and `tocsin hold`: what a list prints is what the other commands take."""

import re

import pytest

from tests.node.conftest import PHISH, SINKHOLE, WITH_PARTIES


@pytest.fixture
def digests(tocsin) -> dict[str, str]:
    """Two reports are on file; by name, their digests."""
    done = tocsin("route", SINKHOLE, PHISH, *WITH_PARTIES, "--json").json
    return {row["file"]: row["sha256"] for row in done["reports"]}


def printed(text: str) -> list[str]:
    """What stands in the first column of a table."""
    return re.findall(r"^([0-9a-f]{8,64})\s", text, re.MULTILINE)


def test_the_ids_of_both_lists_are_taken_by_every_command(tocsin, digests, tmp_path) -> None:
    for name in printed(tocsin("evidence", "list").out):
        words = ("--authority", "Sample court", "--reference", "12/26")
        assert tocsin("hold", "add", name, *words).code == 0
    held = printed(tocsin("hold", "list").out)
    shown = [tocsin("evidence", "show", name, "--json").json["digest"] for name in held]
    given = [tocsin("evidence", "export", one, "--out", "out", "--why", "x").code for one in held]
    lifted = [tocsin("hold", "lift", name, "--why", "over").code for name in held]

    assert sorted(shown) == sorted(digests.values())
    assert (given, lifted) == ([0, 0], [0, 0])
    assert {path.name[9:21] for path in (tmp_path / "out").iterdir()} == set(held)
    assert tocsin("hold", "list").out == "Nothing is held.\n"


def test_a_report_may_be_named_by_the_beginning_of_its_id(tocsin, digests) -> None:
    from tocsin.desks.response.models import Report

    report = Report.objects.get(name=PHISH.name)
    names = (str(report.uid), report.uid.hex.upper(), report.uid.hex[:9], str(report.uid)[:6])
    found = {tocsin("evidence", "show", name, "--json").json["digest"] for name in names}

    assert found == {digests[PHISH.name]}


def test_a_beginning_of_two_names_them_and_asks_for_more(tocsin, digests) -> None:
    from tocsin.office.models import Evidence

    twin = Evidence.objects.get(digest=digests[PHISH.name])
    digest = twin.digest[:7] + ("0" if twin.digest[7] != "0" else "1") * 57
    twin.pk, twin.digest = None, digest
    twin.save(force_insert=True)
    start = digest[:7]
    said = tocsin("evidence", "show", start)
    both = sorted((digest[:13], digests[PHISH.name][:13]))

    assert said.ended == (
        2,
        (
            f"tocsin: {start} is the beginning of more than one: evidence "
            f"{both[0]}…, {both[1]}…. Possible: more digits\n"
        ),
    )
    assert tocsin("evidence", "show", digest[:8], "--json").json["digest"] == digest


@pytest.mark.parametrize(
    ("name", "code", "complaint"),
    [
        ("abcde", 2, "'abcde' is no name of evidence. Possible: its digest or the id of its rep"),
        ("not-hexadecimal", 2, "'not-hexadecimal' is no name of evidence. "),
        ("f" * 65, 2, "is no name of evidence"),
        ("", 2, "'' is no name of evidence"),
        ("\x1b[31mabcdef", 2, r"'\x1b[31mabcdef' is no name of evidence"),
        ("000000", 4, "no evidence and no report begins with 000000"),
        ("0" * 32, 4, f"no evidence and no report begins with {'0' * 32}"),
        ("0" * 64, 4, "no evidence has the digest"),
    ],
)
def test_a_name_that_names_nothing_says_so(tocsin, digests, name, code, complaint) -> None:
    said = tocsin("evidence", "show", name)

    assert (said.code, complaint in said.err) == (code, True), said.err


def test_a_hold_without_an_end_is_not_said_to_be_lifted(tocsin) -> None:
    tocsin("route", SINKHOLE, *WITH_PARTIES)
    digest = tocsin("evidence", "list", "--json").json[0]["digest"]
    tocsin("hold", "add", digest, "--authority", "Court of Ghent", "--reference", "7/26")
    listed = tocsin("hold", "list").out

    assert " ".join(listed.split()).endswith("Court of Ghent 7/26 no end")
