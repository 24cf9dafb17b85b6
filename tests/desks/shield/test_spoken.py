"""Report, check and appeal in every official language: texts, faults, links, and in a browser."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.staticfiles import finders
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.desks.shield.conftest import BASIS, LURE
from tests.desks.shield.test_warning import browsers, folder_served
from tests.security.test_pages_in_a_browser import LAYOUT, RULES, _axe, axe
from tocsin.desks.shield.actions.deciding import approve, step_listing
from tocsin.desks.shield.actions.receiving import LARGEST_FILE
from tocsin.desks.shield.models import Appeal, Listing, Message
from tocsin.desks.shield.queries.warning import words_in
from tocsin.office.people.letters import read
from tocsin.office.people.models import Letter
from tocsin.office.people.viewer import Viewer
from tocsin.rules.shield import APPEAL
from tocsin.words.languages import OFFICIAL

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
STATES = ("received", "listed", "rejected", "withdrawn", "expired")


@pytest.fixture
def client(settings: Any, db: None) -> Iterator[Client]:
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.SECURE_SSL_REDIRECT = False
    settings.SHIELD = {**settings.SHIELD, "rate": 1000}
    with time_machine.travel(NOW, tick=False):
        yield Client()


@pytest.fixture
def listing(people: Callable[[str], Viewer], at: datetime) -> Listing:
    row = approve(people("rita"), url=LURE, reason="asks for codes", basis=BASIS, at=at)
    return step_listing(people("rolf"), row.uid, step="confirm", text="", at=at)


def text(page: Any) -> str:
    """What is read, with its marks as they are typed."""
    return page.content.decode().replace("&#x27;", "'").replace("&quot;", '"')


def test_the_language_is_the_one_of_the_page_then_of_the_site_then_of_the_browser(client: Client):
    asked = {"Accept-Language": "et, en;q=0.5"}
    chosen = client.get("/shield/report?lang=mt", headers=asked)
    browser = client.get("/shield/report", headers=asked)
    client.cookies["django_language"] = "en"
    site = client.get("/shield/report", headers=asked)

    assert [one.headers["Content-Language"] for one in (chosen, browser, site)] == [
        *("mt", "et", "en"),
    ]
    assert '<html lang="mt" dir="ltr">' in text(chosen)
    assert words_in("mt").note in text(chosen)
    assert {"Accept-Language", "Cookie"} <= set(chosen.headers["Vary"].split(", "))


@pytest.mark.parametrize("code", OFFICIAL)
def test_whoever_reports_and_appeals_reads_their_language_to_the_end(
    client: Client, listing: Listing, code: str
):
    said = words_in(code).texts
    sent = client.post(f"/shield/report?lang={code}", {"text": "https://other.example/"})
    filed = client.post(
        f"/shield/appeal?lang={code}", {"about": listing.reference, "text": "it is my shop"}
    )
    pages = [text(client.get(one.headers["Location"])) for one in (sent, filed)]

    assert said["report_received"] in pages[0]
    assert said["appeal_filed"] in pages[1]
    assert said["received_at"].format(at="2026-11-23 09:00") in pages[0]
    assert f'<html lang="{code}"' in pages[1]
    assert (Message.objects.get().language, Appeal.objects.get().language) == (code, code)


@pytest.mark.parametrize("code", ["el", "ga", "sl"])
def test_what_is_wrong_is_said_in_the_language_of_the_page(client: Client, code: str):
    said = words_in(code).texts
    large = SimpleUploadedFile("x.eml", b"x" * (LARGEST_FILE + 1))
    tried = [
        ("report", {"text": " "}, "wrong_nothing"),
        ("report", {"text": "x", "answer_to": "nobody"}, "wrong_mail"),
        ("report", {"text": "x\0"}, "wrong_name"),
        ("report", {"text": "x" * 300_000}, "wrong_long"),
        ("report", {"file": large}, "wrong_file"),
        ("report", {"file": SimpleUploadedFile("x.eml", b"")}, "wrong_file"),
        ("appeal", {"about": "AAAA-BBBB-CCCC", "text": "x"}, "wrong_listing"),
        ("appeal", {"about": "", "text": ""}, "wrong_empty"),
        ("outcome", {"reference": "A" * 40}, "wrong_long"),
    ]
    for path, given, key in tried:
        page = client.post(f"/shield/{path}?lang={code}", given)
        fault = said[key].split("{")[0]
        assert (page.status_code, path, key, fault in text(page)) == (422, path, key, True)
    check = client.get(f"/shield/check?lang={code}&name=a b")
    assert (check.status_code, said["wrong_name"] in text(check)) == (400, True)
    gone = client.get(f"/shield/outcome/AAAA-BBBB-CCCC?lang={code}")
    assert (gone.status_code, said["gone"] in text(gone)) == (404, True)


def test_a_chosen_language_goes_along_from_page_to_page(client: Client, listing: Listing):
    check = text(client.get("/shield/check?name=mybank-login.example&lang=lv"))
    warned = text(client.get("/shield/warning?name=mybank-login.example&lang=lv"))
    links = [
        one.replace("&amp;", "&")
        for page in (check, warned)
        for one in re.findall(r'href="(/shield/(?!check\?name|figures)[^"]+)"', page)
    ]

    assert links
    assert [one for one in links if "lang=lv" not in one] == []
    assert '<input type="hidden" name="lang" value="lv">' in check
    assert 'href="?name=mybank-login.example&amp;lang=bg"' in check


def test_what_others_wrote_is_said_to_be_as_they_wrote_it(client: Client, listing: Listing):
    said = words_in("hu").texts
    page = text(client.get("/shield/check?name=mybank-login.example&lang=hu"))

    assert said["check_listed"].format(host="mybank-login.example") in page
    assert said["untranslated"] in page
    assert f'<dd lang="en">{listing.because}</dd>' in page
    assert words_in("en").texts["untranslated"] not in text(
        client.get("/shield/check?name=mybank-login.example&lang=en")
    )


def test_an_answer_by_mail_is_in_that_language_and_says_who_translated_it(
    client: Client, listing: Listing, people: Callable[[str], Viewer], at: datetime
):
    given = {"text": LURE, "answer_to": "cora@reader.example"}
    done = client.post("/shield/report?lang=fi", given)  # it is listed: answered at once
    reference = done.headers["Location"].split("/")[-1].partition("?")[0]
    letter, said = read(Letter.objects.get()), words_in("fi").texts

    assert letter["subject"] == f"{said['your_report']} {reference}"
    assert letter["text"] == f"{said['report_listed']}\n\n{said['machine']}\n"


def test_every_state_that_there_is_has_its_text():
    english = words_in("en").texts
    appeals = {step.to for step in APPEAL.steps} | {APPEAL.start}

    assert [one for one in STATES if f"report_{one}" not in english] == []
    assert [one for one in sorted(appeals) if f"appeal_{one}" not in english] == []


@browsers
def test_in_no_language_has_a_form_a_flaw(
    client: Client, listing: Listing, tmp_path: Path, loopback: None
):
    style = Path(str(finders.find("tocsin/warning.css"))).read_bytes()
    (tmp_path / "static" / "tocsin").mkdir(parents=True)
    (tmp_path / "static" / "tocsin" / "warning.css").write_bytes(style)
    for code in OFFICIAL:
        pages = {
            "report": client.post(f"/shield/report?lang={code}", {"answer_to": "nobody"}),
            "appeal": client.post(f"/shield/appeal?lang={code}", {}),
            "check": client.get(f"/shield/check?lang={code}&name=mybank-login.example"),
        }
        for name, page in pages.items():
            html = re.sub(r'href="[^"]*warning[^"]*\.css"', 'href="static/tocsin/warning.css"',
                          page.content.decode())  # fmt: skip
            (tmp_path / f"{name}-{code}.html").write_text(html, "utf-8")
    flaws = []
    with folder_served(tmp_path) as url, axe() as page:
        for name in sorted(path.name for path in tmp_path.glob("*.html")):
            page.look(width=320, dark=name.startswith("check"))
            page.open(url + name)
            flaws += [(name, one) for one in page.run(_axe(RULES))]
            page.look(width=320, height=256, zoom=4)
            flaws += [(name, one) for one in page.run(LAYOUT)]
        flaws += [("console", one) for one in page.errors]
        flaws += [("asks", one) for one in page.asked if not one.startswith((url, "data:"))]

    assert flaws == []
