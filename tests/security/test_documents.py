"""What is taken along (a case as PDF, deadlines as iCalendar) shows what its reader may see."""

import io
import os
from pathlib import Path
from typing import Any
from uuid import UUID

import icalendar
import pytest
from pypdf import PdfReader

from tests.security.town import CANARY, MINE, THEIRS, Town, call, content
from tocsin.desks.response.models import Case, Entry
from tocsin.office.documents import pdf
from tocsin.office.models import Deadline, Party, RegisterRow
from tocsin.office.people.models import Person

needs_pango = pytest.mark.skipif(
    not pdf.is_installed(), reason=f"needs Pango: apt-get install {pdf.PANGO}"
)


def rows(action: str) -> list[tuple[str, dict[str, Any]]]:
    found = RegisterRow.objects.filter(action=action).order_by("pk")
    return [(row.actor, row.facts) for row in found]


def read(data: bytes) -> str:
    if folder := os.environ.get("TOCSIN_KEEP_DOCUMENTS"):
        (Path(folder) / f"{len(data)}.pdf").write_bytes(data)
    return " ".join("".join(p.extract_text() for p in PdfReader(io.BytesIO(data)).pages).split())


# ── a case as PDF ────────────────────────────────────────────────────────────────────────


def pdf_of(town: Town) -> str:
    return f"/response/cases/{UUID(town.mine.objects['case'])}/pdf"


@needs_pango
def test_a_case_is_taken_along_by_who_may_see_it_as_far_as_they_may(full: Town):
    address = pdf_of(full)
    said = {
        name: full.browsers[name].post(address, {"why": "request 7"})
        for name in ("desk", "answers")
    }
    texts = {name: read(content(got)) for name, got in said.items()}
    looked = [(facts["why"], facts["what"]) for _, facts in rows("response:case:consult")]

    for name, text in texts.items():
        assert said[name]["Content-Type"] == "application/pdf"
        assert said[name]["Content-Disposition"].startswith('attachment; filename="')
        assert said[name]["Cache-Control"] == "private, no-store"
        assert "Reason given: request 7." in text
        assert "192.0.2.7" in text
        assert text.count("TLP:AMBER") >= 3  # on every page above and below (TLP 2.0)
        assert CANARY not in text.lower()
    assert "for the desk alone" in texts["desk"]
    assert "for the desk alone" not in texts["answers"]
    assert "Dora" not in texts["answers"].replace("for Dora", "")
    assert looked[-2:] == [("request 7", "as a document")] * 2


@needs_pango
def test_the_desk_gives_a_reason_and_without_one_nothing_is_made_or_written(town: Town):
    address = pdf_of(town)
    before = RegisterRow.objects.count()
    got = town.browsers["desk"].post(address, {"why": "  "})

    assert (got.status_code, RegisterRow.objects.count()) == (400, before)
    assert town.browsers["answers"].post(address).status_code == 200


@needs_pango
def test_a_case_in_which_everything_is_hostile_is_a_document_that_reads_back(town: Town):
    word = "\u202e</style><script>alert()</script><img src='file:///etc/hostname'>"
    Party.objects.filter(slug=MINE).update(name=word)
    Person.objects.all().update(name=word)
    Case.objects.update(about=word, family=word, because=word, sample=[{word: word * 100}])
    Entry.objects.update(text=word * 100)
    got = town.browsers["desk"].post(pdf_of(town), {"why": word})
    data = content(got)
    text = read(data).replace(" ", "")

    assert got.status_code == 200
    assert text.count("<script>alert()</script>") > 300
    assert "\u202e" not in text
    assert not [one for one in (b"/JavaScript", b"/JS", b"/Launch", b"/URI") if one in data]


# ── deadlines as iCalendar ───────────────────────────────────────────────────────────────


def entries(data: bytes) -> dict[str, str]:
    read = icalendar.Calendar.from_ical(data)
    return {str(one["uid"]): str(one["summary"]) for one in read.walk("VEVENT")}


def test_each_has_the_deadlines_they_see_and_nobody_elses(full: Town):
    own = {str(row.uid) for row in Deadline.objects.filter(party__slug=MINE, met_at=None)}
    theirs = {str(row.uid) for row in Deadline.objects.filter(party__slug=THEIRS, met_at=None)}
    page = content(full.browsers["answers"].get("/response/deadlines.ics"))
    feed = content(call(full.tokens[MINE], "GET", "/deadlines.ics"))
    desk = content(call(full.tokens["desk"], "GET", "/deadlines.ics"))

    assert own
    assert theirs
    assert {*entries(page)} == {*entries(feed)} == own
    assert {*entries(desk)} >= own | theirs
    assert CANARY.encode() not in page + feed
    assert b"192.0.2." not in page + feed + desk


def test_a_program_that_has_it_is_told_so_and_no_row_is_written(town: Town):
    first = call(town.tokens[MINE], "GET", "/deadlines.ics")
    written = rows("response:deadline:consult")
    again = call(
        town.tokens[MINE], "GET", "/deadlines.ics", headers={"If-None-Match": first["ETag"]}
    )

    assert (again.status_code, content(again)) == (304, b"")
    assert rows("response:deadline:consult") == written
    assert [facts["shown"] for _, facts in written] == [len(entries(content(first)))]


def test_who_has_no_token_or_one_without_the_scope_gets_no_calendar(town: Town):
    for token in ("", "tocsin_nothing"):
        assert call(token, "GET", "/deadlines.ics").status_code == 401
    assert town.browsers["nobody"].get("/response/deadlines.ics").status_code == 302
    assert town.browsers["stranger"].get("/response/deadlines.ics").status_code == 403


def test_a_name_of_somebody_makes_no_entry(town: Town):
    Party.objects.filter(slug=MINE).update(name="x\r\nEND:VEVENT\r\nBEGIN:VEVENT\u202ey\nz")
    data = content(town.browsers["answers"].get("/response/deadlines.ics"))
    said = [*entries(data).values()]

    assert len(said) == data.count(b"BEGIN:VEVENT\r\n") == data.count(b"\r\nUID:")
    assert all("(x END:VEVENT BEGIN:VEVENT\ufffdy z)" in one for one in said)


def test_the_front_page_leads_to_it_for_whoever_has_any(town: Town):
    link = b'href="/response/deadlines.ics"'

    assert link in town.browsers["answers"].get("/").content
    assert link not in town.browsers["stranger"].get("/").content
