"""Accounts: by invitation, with a second factor in every session, whatever is tried."""

import re
from datetime import UTC, datetime

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.db import connection

from tests.node.browsing import (
    PASSWORD,
    SECRET,
    browser,
    code,
    link_in,
    long_ago,
    mandated,
    party,
    person,
    posted,
    signed_in,
    type_password,
    with_app,
)
from tocsin.node.secure import require_secure
from tocsin.office.limits import client_address
from tocsin.office.models import RegisterRow
from tocsin.office.people.actions import close_person, end_mandate, end_sessions
from tocsin.office.people.models import Letter, Limit
from tocsin.words.errors import Unusable

pytestmark = pytest.mark.usefixtures("pages")
SET_UP, SHOW = "/account/2fa/", "/account/2fa/reauthenticate/"


# ── nobody ───────────────────────────────────────────────────────────────────────────────


def test_whoever_only_looks_gets_no_session_and_no_cookie_but_the_one_of_forms():
    client = browser()
    for path in ("/", "/account/login/", "/account/password/reset/", "/accessibility", "/none"):
        client.get(path)
    client.post("/account/login/", {"login": "eve@x.example", "password": "guess"})
    client.post("/account/password/reset/", {"email": "eve@x.example"})
    client.post("/account/logout/")

    assert set(client.cookies) <= {"csrftoken"}


@pytest.mark.parametrize(
    "path",
    [
        "signup/",
        "signup/passkey/",
        "email/",
        "confirm-email/",
        "confirm-email/key/",
        "3rdparty/signup/",
        "3rdparty/",
        "social/signup/",
        "2fa/webauthn/signup/",
        "login/code/",
        "2fa/trust/",
    ],
)
def test_nobody_can_sign_up_by_any_route(path):
    client = browser()
    answers = [client.get(f"/account/{path}"), client.post(f"/account/{path}", {"email": "e@x.eu"})]

    assert [answer.status_code for answer in answers] == [404, 404]


def test_the_page_to_sign_in_offers_no_account():
    text = browser().get("/account/login/").content.decode()

    assert re.findall(r"(?i)sign[ -]?up|register|create an account", text) == []
    assert "Accounts are made by invitation." in text


# ── the second factor ────────────────────────────────────────────────────────────────────


def test_a_password_alone_opens_nothing_but_setting_up_a_second_factor():
    client = browser()
    mandated("ada@meadow-net.example", party(), "party.administer")
    type_password(client, person())

    places = ("/", "/people/", "/people/tokens/", "/account/password/change/", "/account/sessions/")
    led = [client.get(path).headers.get("Location") for path in places]
    assert led == [SET_UP] * len(places)
    assert client.get(SET_UP).status_code == 200


def test_an_app_is_set_up_with_its_code_and_then_everything_opens():
    client = browser()
    type_password(client, person())
    page = client.get("/account/2fa/totp/activate/").content.decode()
    (secret,) = re.findall(r'class="tocsin-secret">([A-Z2-7]+)<', page)

    refused = client.post("/account/2fa/totp/activate/", {"code": "000000"})
    taken = client.post("/account/2fa/totp/activate/", {"code": code(secret)})

    assert (refused.status_code, taken.headers["Location"]) == (200, "/account/2fa/recovery-codes/")
    codes = re.findall(
        r"<code>([^<]+)</code>", client.get(taken.headers["Location"]).content.decode()
    )
    assert len(set(codes)) == 10
    assert client.get("/").status_code == 200


def test_a_session_that_knew_only_the_password_stays_shut_when_the_owner_sets_up_a_factor():
    thief, owner = browser(), browser()
    type_password(thief, person())
    type_password(owner, person())
    with_app(person())

    assert thief.get("/").headers["Location"] == f"{SHOW}?next=%2F"
    assert thief.post("/account/2fa/totp/deactivate/").headers["Location"].startswith(SHOW)
    assert thief.get(SET_UP).headers["Location"].startswith(SHOW)
    assert thief.post("/account/reauthenticate/", {"password": PASSWORD}).status_code == 302
    assert thief.get("/").headers["Location"] == f"{SHOW}?next=%2F"
    assert owner.post(SHOW, {"code": code(), "next": "/"}).headers["Location"] == "/"
    assert owner.get("/").status_code == 200


def test_the_page_that_asks_for_the_factor_does_not_offer_the_password_instead():
    client = browser()
    type_password(client, person())
    with_app(person())

    assert "/account/reauthenticate/" not in client.get(SHOW).content.decode()


def test_without_the_last_factor_the_session_is_shut_until_there_is_another():
    client = signed_in(person())
    client.post("/account/2fa/totp/deactivate/")

    assert Authenticator.objects.count() == 0
    assert client.get("/").headers["Location"] == SET_UP


def test_recovery_codes_alone_are_no_second_factor():
    client = browser()
    Authenticator.objects.create(
        user=person(), type=Authenticator.Type.RECOVERY_CODES, data={"seed": "x", "used_mask": 0}
    )
    type_password(client, person())

    assert client.get("/").headers["Location"] == SET_UP


def test_a_code_counts_once():
    somebody = with_app(person())
    first, second = browser(), browser()
    answers = []
    for client in (first, second):
        type_password(client, somebody)
        answers.append(client.post("/account/2fa/authenticate/", {"code": code()}).status_code)

    assert answers == [302, 200]


def test_what_an_app_shares_lies_sealed_in_the_database():
    with_app(person())
    rows = repr(list(Authenticator.objects.values()))

    assert "secret" in rows
    assert SECRET not in rows
    assert signed_in(person()).get("/").status_code == 200


def test_what_is_dangerous_asks_once_more_after_a_while():
    mandated("ada@meadow-net.example", party(), "party.administer")
    client = signed_in(person())
    fresh = client.get("/people/of/meadow-net/invite/").status_code
    long_ago(client)
    later = client.get("/people/of/meadow-net/invite/")
    again = client.post("/account/reauthenticate/", {"password": PASSWORD, "next": "/people/"})

    assert (fresh, later.status_code) == (200, 302)
    assert later.headers["Location"].startswith("/account/reauthenticate/?next=")
    assert again.status_code == 302
    assert client.get("/people/of/meadow-net/invite/").status_code == 200


# ── limits ───────────────────────────────────────────────────────────────────────────────

SPELLINGS = (
    ("ada@meadow-net.example", "testserver"),
    ("ADA@meadow-net.example", "testserver"),
    (" ada@Meadow-Net.example ", "testserver:81"),
    ("Ada@MEADOW-NET.EXAMPLE", "testserver:82"),
    ("aDa@meadow-net.example", "testserver:83"),
)


def test_neither_spelling_nor_the_host_header_walks_round_the_limit_on_guessing():
    somebody = with_app(person())
    for number, (spelling, host) in enumerate(SPELLINGS):
        browser(HTTP_HOST=host, REMOTE_ADDR=f"192.0.2.{number}").post(
            "/account/login/", {"login": spelling, "password": "guess"}
        )
    right = type_password(browser(REMOTE_ADDR="198.51.100.7"), somebody)

    assert right.status_code == 200
    assert "Too many failed login attempts" in right.content.decode()


def test_one_address_guesses_ten_times_a_minute_whatever_it_says_came_before_it():
    said = []
    for number in range(11):
        client = browser(HTTP_X_FORWARDED_FOR=f"203.0.113.{number}")
        typed = {"login": f"p{number}@x.example", "password": "guess"}
        said.append("Too many" in client.post("/account/login/", typed).content.decode())

    assert said == [False] * 10 + [True]


def test_codes_are_guessed_five_times_at_most():
    somebody = with_app(person())
    client = browser()
    type_password(client, somebody)
    for _ in range(5):
        client.post("/account/2fa/authenticate/", {"code": "000000"})

    assert client.post("/account/2fa/authenticate/", {"code": code()}).status_code == 200


def test_counters_in_the_database_name_nobody():
    browser(REMOTE_ADDR="192.0.2.99").post(
        "/account/login/", {"login": "ada@meadow-net.example", "password": "guess"}
    )
    rows = repr(list(Limit.objects.values()))

    assert Limit.objects.exists()
    assert "192.0.2.99" not in rows
    assert "ada" not in rows


@pytest.mark.parametrize(
    ("proxies", "said", "remote", "is_"),
    [
        (0, "203.0.113.9", "192.0.2.1", "192.0.2.1"),
        (1, "203.0.113.9", "192.0.2.1", "203.0.113.9"),
        (1, "1.1.1.1, 203.0.113.9", "192.0.2.1", "203.0.113.9"),
        (2, "1.1.1.1, 203.0.113.9, 192.0.2.8", "192.0.2.1", "203.0.113.9"),
        (2, "203.0.113.9", "192.0.2.1", "192.0.2.1"),
        (1, "", "192.0.2.1", "192.0.2.1"),
        (1, "unknown", "192.0.2.1", "192.0.2.1"),
        (1, "2001:db8::7", "192.0.2.1", "2001:db8::7"),
        (0, "", "::ffff:192.0.2.1", "192.0.2.1"),
        (0, "", "", "0.0.0.0"),
    ],
)
def test_what_proxies_say_counts_as_far_as_settings_trust_them(proxies, said, remote, is_):
    meta = {"HTTP_X_FORWARDED_FOR": said, "REMOTE_ADDR": remote}

    assert client_address(meta, proxies=proxies) == is_


def test_a_node_for_others_does_not_start_without_saying_what_is_before_it(pages, store):
    pages.IS_LOCAL = False
    with pytest.raises(Unusable, match="TOCSIN_PROXIES=1"):
        require_secure(store.path)

    pages.PROXIES = 1
    require_secure(store.path)


# ── a password forgotten ─────────────────────────────────────────────────────────────────


def forget(email: str):
    """Ask for another password; what the page says, without what is new on every page."""
    client = browser()
    answer = client.post("/account/password/reset/", {"email": email}, follow=True)
    text = answer.content.decode()
    return answer.status_code, re.sub(r'(value|nonce)="[^"]+"|request-id \S+', "", text)


def test_the_page_says_the_same_whether_there_is_an_account_or_not():
    person()

    assert forget("ada@meadow-net.example") == forget("nobody@meadow-net.example")


def test_both_write_one_letter_of_which_one_goes_nowhere():
    person()
    for email in ("ada@meadow-net.example", "nobody@meadow-net.example"):
        forget(email)

    assert Letter.objects.count() == 2
    assert mail.outbox == []
    assert [message.to for message in posted()] == [["ada@meadow-net.example"]]
    assert Letter.objects.count() == 0


def test_a_letter_that_waits_can_be_read_by_nobody_who_copies_the_database():
    person()
    forget("ada@meadow-net.example")
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM people_letter")
        row = repr(
            [bytes(one) if isinstance(one, memoryview) else one for one in cursor.fetchone()]
        )

    assert "sealed" not in row
    assert "password/reset" not in row
    assert "ada@" not in row


def test_the_link_sets_a_password_once_and_ends_every_session():
    elsewhere = signed_in(person())
    forget("ada@meadow-net.example")
    path = link_in(posted()[0])
    client, new = browser(), "another sentence of mine"
    form = client.get(path).headers["Location"]
    done = client.post(form, {"password1": new, "password2": new})

    assert done.headers["Location"] == "/account/password/reset/key/done/"
    assert elsewhere.get("/").content.decode().count("Sign in") > 0
    assert "This link is dead" in browser().get(path).content.decode()
    rows = RegisterRow.objects.filter(action="office:person:set_password")
    assert [row.actor for row in rows] == [person().actor]
    assert [message.subject for message in posted()] == ["Your password was changed"]


def test_the_link_names_the_node_and_not_what_the_request_said(pages):
    pages.NODE_URL = "https://tocsin.example"
    person()
    browser(HTTP_HOST="testserver:6666").post(
        "/account/password/reset/", {"email": "ada@meadow-net.example"}
    )

    assert re.findall(r"https?://[^/]+", posted()[0].body) == ["https://tocsin.example"]


def test_a_weak_password_is_refused():
    person()
    forget("ada@meadow-net.example")
    client = browser()
    form = client.get(link_in(posted()[0])).headers["Location"]

    assert client.post(form, {"password1": "short", "password2": "short"}).status_code == 200


def test_a_closed_account_is_sent_no_link():
    somebody = person()
    close_person(somebody, by="test", at=datetime.now(UTC))
    posted()
    forget("ada@meadow-net.example")

    assert posted() == []


# ── sessions ─────────────────────────────────────────────────────────────────────────────


def test_all_other_sessions_are_listed_and_signed_out():
    here, there = signed_in(person()), signed_in(person())
    there.get("/")
    listed = here.get("/account/sessions/").content.decode()
    here.post("/account/sessions/")

    assert listed.count("<tr>") == 3
    assert "Sign out" in here.get("/").content.decode()
    assert "Sign out" not in there.get("/").content.decode()


@pytest.mark.parametrize("act", [close_person, end_sessions])
def test_what_ends_sessions_ends_them_now(act):
    client = signed_in(person())
    act(person(), by="test", at=datetime.now(UTC))

    assert "Sign out" not in client.get("/").content.decode()


def test_without_a_mandate_left_somebody_is_signed_out_now():
    mandate = mandated("ada@meadow-net.example", party(), "party.administer")
    client = signed_in(person())
    end_mandate(mandate, by="test", at=datetime.now(UTC))

    assert "Sign out" not in client.get("/").content.decode()


def test_being_seen_is_written_down_once_in_five_minutes(django_assert_num_queries):
    client = signed_in(person())
    client.get("/")
    with django_assert_num_queries(4):  # session, person, factor, mandates
        client.get("/accessibility")
