"""The warning page and the help for owners, in every official language, in a real browser."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.staticfiles import finders
from django.test import Client

from tests.desks.shield.conftest import BASIS
from tests.journeys.browser import chromium
from tests.security.test_pages_in_a_browser import AXE, LAYOUT, RULES, _axe, axe
from tocsin.desks.shield.actions.deciding import approve, step_listing
from tocsin.desks.shield.models import Listing
from tocsin.desks.shield.queries import warning
from tocsin.desks.shield.queries.warning import (
    CLEAN_UP,
    TEXTS,
    Links,
    digest_of,
    language_for,
    owner_page,
    warning_page,
    words_in,
)
from tocsin.office.people.viewer import Viewer
from tocsin.words.errors import Unusable
from tocsin.words.languages import OFFICIAL

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LONG = "https://a-very-long-name-that-no-telephone-has-room-for-in-one-line.mybank.example/"
ENGLISH = words_in("en").texts
LINKS = Links("/report", "/check", "/appeal", "/owner")
browsers = pytest.mark.skipif(
    chromium() is None or not AXE.is_file(), reason="needs Chromium: apt-get install chromium"
)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_words: Any) -> None:
        pass


@contextmanager
def folder_served(folder: Path) -> Iterator[str]:
    """Plain files, as any web server has them."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def client(settings: Any, db: None) -> Iterator[Client]:
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.SECURE_SSL_REDIRECT = False
    with time_machine.travel(NOW, tick=False):
        yield Client()


@pytest.fixture
def listing(people: Callable[[str], Viewer], at: datetime) -> Listing:
    row = approve(people("rita"), url=LONG, reason="asks for codes", basis=BASIS, at=at)
    Listing.objects.filter(pk=row.pk).update(brand="<b>My Bank</b>")
    return step_listing(people("rolf"), row.uid, step="confirm", text="", at=at)


# ── the texts ────────────────────────────────────────────────────────────────────────────


def test_every_official_language_has_its_file_and_there_is_no_other():
    assert {path.stem for path in TEXTS.iterdir()} == set(OFFICIAL)


@pytest.mark.parametrize("code", OFFICIAL)
def test_a_language_has_exactly_the_texts_of_the_source_with_their_placeholders(code: str):
    texts = words_in(code).texts
    slots = {key: sorted(re.findall(r"{\w+}", text)) for key, text in texts.items()}

    assert slots == {key: sorted(re.findall(r"{\w+}", text)) for key, text in ENGLISH.items()}
    assert [key for key, text in texts.items() if not text.strip() or text != text.strip()] == []
    assert [key for key, text in texts.items() if "<" in text or "&" in text] == []


@pytest.mark.parametrize("code", OFFICIAL)
def test_a_translation_says_who_made_it_and_of_which_english_text(code: str):
    words = words_in(code)

    assert words.status == ("source" if code == "en" else "machine")
    assert not words.is_outdated, "the English text changed: translate it anew, then the digest"
    assert bool(words.note) == (code != "en")


def test_no_language_was_left_in_english_or_copied_from_another():
    titles = [words_in(code).texts["title"] for code in OFFICIAL]
    same = [
        (code, key)
        for code in OFFICIAL
        for key, text in words_in(code).texts.items()
        if code != "en" and text == ENGLISH[key] and key != "sources"
    ]

    assert len(set(titles)) == 24
    assert same == []


def test_a_page_says_who_reviewed_it_and_again_that_nobody_did_once_the_source_changed():
    german = words_in("de")
    reviewed = warning.Words(
        "de", "reviewed", "Ada <Berg>", "2026-12-01", digest_of(ENGLISH), german.texts
    )
    later = warning.Words("de", "reviewed", "Ada", "2026-12-01", "0" * 16, german.texts)

    assert "Geprüft von Ada <Berg> am 2026-12-01" in reviewed.note
    assert later.note == german.texts["machine"]


def test_a_file_that_claims_a_review_by_nobody_is_refused(tmp_path: Path, monkeypatch: Any):
    said = (TEXTS / "de.toml").read_text("utf-8").replace('"machine"', '"reviewed"', 1)
    (tmp_path / "de.toml").write_text(said, "utf-8")
    monkeypatch.setattr(warning, "TEXTS", tmp_path)

    with pytest.raises(Unusable, match=r"de\.toml: who reviewed it"):
        words_in.__wrapped__("de")


@pytest.mark.parametrize(
    ("chosen", "accepted", "code"),
    [
        ("", "mt-MT,en;q=0.5", "mt"),
        ("", "uk,pl;q=0.8,en;q=0.5", "pl"),
        ("", "tr;q=0.9, EL;q=0.7", "el"),
        ("", "tlh", "en"),
        ("", "", "en"),
        ("ga", "de", "ga"),
        ("xx", "de-AT", "de"),
        ("../../etc/passwd", ";;;,=", "en"),
    ],
)
def test_the_language_is_the_chosen_one_or_the_first_that_is_asked_for(
    chosen: str, accepted: str, code: str
):
    assert language_for(chosen, accepted) == code


# ── the pages ────────────────────────────────────────────────────────────────────────────


def test_the_page_is_in_the_language_of_the_reader_and_says_what_was_imitated(
    client: Client, listing: Listing
):
    page = client.get(f"/shield/warning?name={LONG}", headers={"Accept-Language": "el-GR"})
    text = page.content.decode()

    assert page.headers["Content-Language"] == "el"
    assert "Accept-Language" in page.headers["Vary"]
    assert not page.cookies
    assert '<html lang="el" dir="ltr">' in text
    assert "Παριστάνει ότι είναι &lt;b&gt;My Bank&lt;/b&gt;. Δεν είναι." in text
    assert f"/shield/appeal?name={listing.reference}" in text
    assert [one for one in OFFICIAL if f'hreflang="{one}"' not in text] == ["el"]


def test_the_garden_leads_to_the_node_and_not_to_the_name_that_was_asked_for(
    client: Client, listing: Listing, settings: Any
):
    settings.NODE_URL = "https://node.example"
    text = client.get(f"/shield/warning?name={LONG}").content.decode()
    links = re.findall(r'<li><a href="([^"?]+)', text.partition('class="links"')[2])[:4]

    assert links == [
        f"https://node.example/shield/{one}" for one in ("report", "check", "appeal", "owner")
    ]


def test_of_a_name_that_is_listed_no_more_the_page_says_so_and_warns_of_nothing(
    client: Client, listing: Listing, people: Callable[[str], Viewer], at: datetime
):
    host = LONG.removeprefix("https://").rstrip("/")
    path = f"/shield/warning?name={host}"
    warned = client.get(path).content.decode()
    step_listing(people("rosa"), listing.uid, step="withdraw", text="a mistake", at=at)
    said = {code: client.get(f"{path}&lang={code}").content.decode() for code in ("en", "de")}

    assert ENGLISH["title"] in warned
    assert f"<h1>{host} is not on the public list, or not any more.</h1>" in said["en"]
    assert f"<h1>{host} steht nicht oder nicht mehr auf" in said["de"]
    assert [ENGLISH[key] in said["en"] for key in ("title", "stopped", "typed", "why")] == (
        [False] * 4
    )
    assert f"/shield/appeal?name={host}" in said["en"]


def test_what_is_no_name_is_warned_of_all_the_same(client: Client):
    for name in ("", "a b", "%00", "x" * 5000, "<script>"):
        page = client.get("/shield/warning", {"name": name})
        assert (page.status_code, b"<script>" in page.content) == (200, False)


def test_an_owner_is_led_to_the_button_that_asks_for_a_recheck(client: Client, listing: Listing):
    page = client.get(f"/shield/owner?name={listing.reference}&lang=fi")
    address = re.search(r'class="button" href="([^"]+)"', page.content.decode())[1]
    form = client.get(address.replace("&amp;", "&")).content.decode()

    assert "Näin puhdistat sen" in page.content.decode()
    assert f'value="{listing.reference}"' in form
    assert re.search(r'name="is_cleaned"[^>]* checked', form)


def test_each_piece_of_advice_has_its_text_and_what_is_sourced_its_address():
    assert [one for one in CLEAN_UP if one.key not in ENGLISH] == []
    assert [one for one in CLEAN_UP if bool(one.source) != one.address.startswith("https://")] == []
    for one in CLEAN_UP:
        assert ENGLISH[one.key] in owner_page(
            "en", recheck="/", style="/", switch="{code}"
        ).replace("&#x27;", "'")


@browsers
def test_in_no_language_has_a_page_a_flaw(tmp_path: Path, loopback: None):
    (tmp_path / "warning.css").write_bytes(
        Path(str(finders.find("tocsin/warning.css"))).read_bytes()
    )
    around = {"style": "warning.css", "switch": "{code}.html"}
    for code in OFFICIAL:
        words = {"host": LONG[8:-1], "brand": "My Bank", "is_listed": True}
        text = warning_page(code, links=LINKS, **words, **around)
        (tmp_path / f"{code}.html").write_text(text, "utf-8")
        text = warning_page(code, links=LINKS, host=LONG[8:-1], **around)
        (tmp_path / f"unlisted-{code}.html").write_text(text, "utf-8")
        text = owner_page(code, recheck="/", **around)
        (tmp_path / f"owner-{code}.html").write_text(text, "utf-8")
    flaws = []
    with folder_served(tmp_path) as url, axe() as page:
        for name in sorted(path.name for path in tmp_path.glob("*.html")):
            dark = name.startswith("owner")
            page.look(width=320, dark=dark)
            page.open(url + name)
            flaws += [(name, one) for one in page.run(_axe(RULES))]
            page.look(width=320, height=256, zoom=4)
            flaws += [(name, one) for one in page.run(LAYOUT)]
        flaws += [("console", one) for one in page.errors]
        flaws += [("asks", one) for one in page.asked if not one.startswith((url, "data:"))]

    assert flaws == []
