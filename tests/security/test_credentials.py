"""Whoever shows nothing good is nobody; what ends, ends now."""

from collections.abc import Callable, Iterator

import pytest
import time_machine
from django.conf import settings
from django.test import Client

from tests.security.asking import answer, changed, reading_calls, writing_calls, written
from tests.security.routes import pages
from tests.security.town import HOUR, MINE, NOON, THEIRS, Town, _person, _token, call, signed_in
from tocsin.office.models import Party
from tocsin.office.parties import changing
from tocsin.office.people import actions as people
from tocsin.office.people.models import Mandate, Person, Token
from tocsin.office.people.viewer import viewer_of


def bad(town: Town) -> Iterator[str]:
    """What may stand in `Authorization` and is no credential."""
    good = town.tokens[MINE]
    digest = Token.objects.get(mandate__party__slug=MINE).digest
    yield from ("", " ", "Bearer", "Bearer ", "Bearer  ", "bearer null", "Bearer None", "Bearer 0")
    yield from (good, f"Basic {good}", f"Token {good}", f"Bearer {good}x", f"Bearer {good[:-1]}")
    yield from (f"Bearer {good.upper()}", f"Bearer {good} {good}", f"Bearer {good},{good}")
    yield from (f"Bearer {digest}", "Bearer tocsin_", f"Bearer {'x' * 100_000}", "Bearer \xff\xfe")
    yield from (f"Bearer {good}\x00", "Bearer \x00", "Bearer '; DROP TABLE people_token; --")
    yield from ("Basic Og==", "Basic", f"Bearer\t\t{'é' * 43}", "Negotiate x", "Bearer %00")


def test_what_is_no_credential_opens_no_call(town: Town):
    before, told = written(town), {}
    for number, words in enumerate(bad(town)):
        client = Client(headers={"Authorization": words}, raise_request_exception=False)
        for path in ("/api/v1/cases", "/api/v1/party", "/api/v1/reports"):
            got = client.get(path)
            if got.status_code != 401:
                told[number, words[:30], path] = got.status_code

    assert told == {}
    assert changed(before, written(town)) == []


def test_no_call_is_open_to_somebody_without_a_credential(town: Town):
    for way in [*reading_calls(), *writing_calls()]:
        for token in ("", "wrong", " "):
            assert way.ask(token, town.mine.objects).status_code == 401, way


@pytest.mark.parametrize("cookie", ["", "x", "null", "0" * 32, "\x00", "x" * 5000, "../../x"])
def test_a_session_that_is_none_is_nobody(town: Town, cookie: str):
    client = Client(raise_request_exception=False)
    client.cookies[settings.SESSION_COOKIE_NAME] = cookie
    for path in ("/response/cases/", "/people/", "/parties/", "/account/sessions/"):
        got = client.get(path)
        assert (got.status_code, got.headers["Location"].partition("?")[0]) == (
            302,
            "/account/login/",
        )


def test_a_session_without_a_second_factor_opens_nothing(town: Town):
    person = Person.objects.get(email=f"ada@{MINE}.example")
    client = Client()
    client.force_login(person, backend="allauth.account.auth_backends.AuthenticationBackend")
    opened = {}
    for route in pages():
        if route.is_ours and getattr(route.view, "needs", None):
            got = client.get(route.address(town.mine.objects))
            if got.status_code not in (302, 405) or "2fa" not in got.headers.get("Location", "2fa"):
                opened[route.name] = got.status_code

    assert opened == {}


def _ended_mandate(town: Town) -> None:
    person = Person.objects.get(email=f"ada@{MINE}.example")
    for mandate in Mandate.objects.filter(person=person):
        people.end_mandate(mandate, by="test", at=NOON)


def _closed_person(town: Town) -> None:
    people.close_person(Person.objects.get(email=f"ada@{MINE}.example"), by="test", at=NOON)


def _ended_sessions(town: Town) -> None:
    people.end_sessions(Person.objects.get(email=f"ada@{MINE}.example"), by="test", at=NOON)


def _retired_party(town: Town) -> None:
    node = viewer_of(Person.objects.get(email="dora@csirt-be.example"), at=NOON)
    changing.retire(Party.objects.get(slug=MINE), viewer=node, at=NOON)


def _took_the_factor_away(town: Town) -> None:
    Person.objects.get(email=f"ada@{MINE}.example").authenticator_set.all().delete()


ENDINGS: dict[str, tuple[Callable[[Town], None], tuple[int, ...]]] = {
    "mandate": (_ended_mandate, (302, 401)),  # the last one: its sessions end with it
    "person": (_closed_person, (302, 401)),
    "sessions": (_ended_sessions, (302, 200)),  # a program is no session
    "party": (_retired_party, (403, 401)),
    "factor": (_took_the_factor_away, (302, 200)),
}


@pytest.mark.parametrize("what", ENDINGS)
def test_what_ends_is_over_at_the_next_request(town: Town, what: str):
    browser, token = town.browsers["answers"], town.tokens[MINE]
    paths = ("/response/cases/", "/response/deliveries/", "/response/reports/")
    open_before = [browser.get(path).status_code for path in paths]
    api_before = call(token, "GET", "/cases").status_code
    end, (page, program) = ENDINGS[what]
    end(town)

    assert (open_before, api_before) == ([200] * 3, 200)
    assert {browser.get(path).status_code for path in paths} == {page}
    assert call(token, "GET", "/cases").status_code == program


def test_a_token_that_ended_or_ran_out_is_nobodys(town: Town):
    row = Token.objects.get(mandate__party__slug=MINE)
    with time_machine.travel(row.expires_at - HOUR / 60, tick=False):
        assert call(town.tokens[MINE], "GET", "/party").status_code == 200
    with time_machine.travel(row.expires_at, tick=False):
        assert call(town.tokens[MINE], "GET", "/party").status_code == 401
    people.end_token(row, by="test", at=NOON)
    assert call(town.tokens[MINE], "GET", "/party").status_code == 401


def test_a_mandate_that_has_not_begun_or_is_over_opens_nothing(town: Town):
    person = _person("late", MINE, "response.answer").person
    assert person is not None
    party = Party.objects.get(slug=MINE)
    Mandate.objects.filter(person=person).delete()
    browser = signed_in(person)
    for since, until, status in (
        (NOON + HOUR, None, 403),
        (NOON - 2 * HOUR, NOON - HOUR, 403),
        (NOON - 2 * HOUR, NOON, 403),
        (NOON, NOON + HOUR, 200),
    ):
        made = Mandate.objects.create(
            person=person, party=party, competences=["response.answer"],
            since=since, until=until, granted_by="test",
        )  # fmt: skip
        assert browser.get("/response/cases/").status_code == status, since
        made.delete()


def test_a_credential_of_another_party_opens_that_partys_matters_alone(full: Town):
    for slug, uid in ((MINE, full.theirs.objects["case"]), (THEIRS, full.mine.objects["case"])):
        assert call(full.tokens[slug], "GET", f"/cases/{uid}").status_code == 404
    listed = answer(call(full.tokens[THEIRS], "GET", "/cases")).body

    assert full.theirs.objects["case"].encode() in listed
    assert full.mine.objects["case"].encode() not in listed
    assert _token(viewer_of(_seat(full), at=NOON).mandates[0]) != full.tokens[MINE]


def _seat(town: Town) -> Person:
    return Person.objects.get(email=f"carl@{THEIRS}.example")
