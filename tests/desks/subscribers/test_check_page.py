"""Is this warning genuine: a page for anybody, which tells a day and nothing else."""

import re
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client

from tests.desks.subscribers.conftest import NOON, Report
from tests.desks.subscribers.test_warning import CODE, NINE, sent, warn
from tocsin.desks.subscribers.models import Finding
from tocsin.desks.subscribers.queries.wordings import TEXTS, digest_of, languages, words_in
from tocsin.node.store import Store
from tocsin.rules.playbooks import WORDINGS

pytestmark = pytest.mark.django_db
ENGLISH = words_in("en").texts


@pytest.fixture
def client(provider: Store, settings: Any) -> Any:
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.SECURE_SSL_REDIRECT = False
    settings.STORE = provider.path
    cache.clear()
    with time_machine.travel(NOON, tick=False):
        yield Client()


@pytest.fixture
def code(reported: Report, provider: Store) -> str:
    """That of a warning to Carla."""
    reported(("192.0.2.31", 4000, NINE))
    warn(provider, NOON)
    return CODE.findall(sent()[0]["text"])[0]


def said(client: Client, **words: str) -> str:
    """The page's text without its form's token."""
    page = client.post("/subscribers/check", words).content.decode()
    return re.sub(r'value="[^"]{40,}"', "", page)


def test_a_genuine_code_is_confirmed_with_its_day_and_nothing_of_whom(
    client: Client, code: str
) -> None:
    page = said(client, code=code.lower().replace("-", " "))

    assert "Yes: we wrote a warning with this code on 2026-11-23 (UTC)." in page
    assert not [word for word in ("carla", "192.0.2", "quillworm", "camera") if word in page]


def test_any_other_code_is_not_ours(client: Client, code: str) -> None:
    wrong = ("AAAA-BBBB-CCCC", "", code[:-1], "<script>", "\0", "é" * 500)
    assert {ENGLISH["page_no"] in said(client, code=text) for text in wrong} == {True}


def test_that_it_is_put_right_is_answered_in_the_same_words_whatever_the_code(
    client: Client, code: str
) -> None:
    unknown = said(client, code="AAAA-BBBB-CCCC", done="1")
    assert Finding.objects.get().state == "warned"
    known = said(client, code=code, done="1")
    again = said(client, code=code, done="1")

    assert ENGLISH["page_thanks"] in known
    assert known == unknown == again
    assert Finding.objects.get().state == "cured"


def test_who_guesses_is_stopped(client: Client, code: str, settings: Any) -> None:
    settings.SUBSCRIBERS = {**settings.SUBSCRIBERS, "rate": 3}
    answers = [client.post("/subscribers/check", {"code": code}).status_code for _ in range(4)]

    assert answers == [200, 200, 200, 429]
    assert client.get("/subscribers/check").status_code == 200


def test_the_page_keeps_no_answer_and_reads_no_code_out_of_an_address(
    client: Client, code: str
) -> None:
    page = client.get(f"/subscribers/check?code={code}")

    assert page["Cache-Control"] == "no-store"
    assert code not in page.content.decode()
    assert ENGLISH["page_yes"][:20] not in page.content.decode()


def test_every_language_has_all_texts_with_the_same_gaps_and_a_status() -> None:
    assert "en" in languages()
    for code in languages():
        words = words_in(code)
        assert sorted(words.texts) == sorted(ENGLISH), code
        for key, text in ENGLISH.items():
            own = words.texts[key]
            assert _gaps(own) == _gaps(text), f"{code}: {key}"
            assert isinstance(own, str) or len(own) == len(text), f"{code}: {key}"
        if code != "en":
            assert words.translated_from == digest_of(ENGLISH), code
            assert words.note, code


def _gaps(text: str | list[str]) -> list[str]:
    return sorted(re.findall(r"\{\w+\}", text if isinstance(text, str) else " ".join(text)))


def test_every_wording_of_a_playbook_has_its_texts() -> None:
    wanted = {f"{part}_{name}" for name in WORDINGS for part in ("what", "steps")}

    assert wanted <= set(ENGLISH)


def test_no_file_of_texts_holds_an_address_to_click_on() -> None:
    for path in Path(TEXTS).glob("*.toml"):
        assert "http" not in path.read_text("utf-8")
