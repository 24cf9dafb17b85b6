"""Sign-in by a party's own server: for that party's people alone, and none is made."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from allauth.socialaccount.models import SocialAccount
from django.core.exceptions import ImproperlyConfigured

from tests.node.browsing import browser, code, mandated, party, person, with_app
from tocsin.node.provider_settings import Provider, read_providers
from tocsin.office.people.models import Person

pytestmark = pytest.mark.usefixtures("pages", "loopback")
ADA = "ada@meadow-net.example"


@dataclass
class Issuer:
    """A sign-in server on this machine: it says `claims` of whoever comes, and checks PKCE."""

    claims: dict[str, Any] = field(default_factory=dict)
    challenges: dict[str, str] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    port: int = 0
    instead: bytes | None = None  # of everything it would say

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def configuration(self) -> dict[str, Any]:
        """Where it does what."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }

    def token(self, form: dict[str, list[str]]) -> dict[str, Any] | None:
        """What a code is worth, with the verifier that fits (RFC 7636)."""
        verifier = form.get("code_verifier", [""])[0]
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if self.challenges.get(form["code"][0]) != challenge or form["client_secret"] != ["s3cret"]:
            self.refused.append(form["code"][0])
            return None
        now = int(time.time())
        said = {"iss": self.url, "aud": "tocsin", "iat": now, "exp": now + 60, **self.claims}
        return {
            "access_token": "a",
            "token_type": "Bearer",
            "id_token": jwt.encode(said, "k" * 32, algorithm="HS256"),
        }

    @contextmanager
    def open(self) -> Iterator["Issuer"]:
        """Served on a port of its own choosing, until the test is over."""
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def _handler(issuer: Issuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            pages = {
                "/.well-known/openid-configuration": issuer.configuration(),
                "/userinfo": issuer.claims,
                "/keys": {"keys": []},
            }
            self._say(pages.get(self.path))

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            self._say(issuer.token(parse_qs(self.rfile.read(length).decode())))

        def _say(self, words: Any) -> None:
            body = issuer.instead or json.dumps(words or {"error": "invalid_grant"}).encode()
            self.send_response(200 if words is not None else 400)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: Any) -> None:
            return

    return Handler


@pytest.fixture
def issuer(pages: Any, loopback: None) -> Iterator[Issuer]:
    """Meadow Net's own server, which the node was told of."""
    claims = {"sub": "u-1", "email": ADA, "email_verified": True, "name": "Ada"}
    with Issuer(claims).open() as running:
        trust(pages, running)
        yield running


def trust(pages: Any, running: Issuer, *, vouches: bool = False) -> None:
    """As if TOCSIN_OIDC_FILE named it."""
    provider = Provider(
        id="meadow",
        name="Meadow Net",
        party="meadow-net",
        issuer=running.url,
        client_id="tocsin",
        secret="s3cret",
        vouches=vouches,
    )
    pages.SIGN_IN_PROVIDERS = {"meadow": provider}
    pages.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [provider.as_app()]}}


def come_in(running: Issuer, client: Any = None, *, verifier: bool = True) -> tuple[Any, Any]:
    """Through the server and back; the browser, and what the node answered at the end."""
    client = client or browser()
    led = client.post("/account/oidc/meadow/login/").headers["Location"]
    asked = parse_qs(urlsplit(led).query)
    assert asked["code_challenge_method"] == ["S256"]
    running.challenges["c-1"] = asked["code_challenge"][0] if verifier else "another"
    back = {"code": "c-1", "state": asked["state"][0]}
    return client, client.get("/account/oidc/meadow/login/callback/", back)


def test_an_invited_person_comes_in_and_sets_up_a_second_factor(issuer):
    mandated(ADA, party(), "response.answer")
    client, answer = come_in(issuer)

    assert answer.headers["Location"] == "/"
    assert client.get("/").headers["Location"] == "/account/2fa/"
    assert [(one.user.email, one.uid) for one in SocialAccount.objects.all()] == [(ADA, "u-1")]


def test_a_session_opened_by_a_provider_shows_the_second_factor_too(issuer):
    mandated(ADA, party(), "response.answer")
    with_app(person(ADA))
    client, answer = come_in(issuer)

    assert answer.headers["Location"] == "/account/2fa/authenticate/"
    assert client.post("/account/2fa/authenticate/", {"code": code()}).headers["Location"] == "/"
    assert client.get("/").status_code == 200


def test_a_provider_vouches_where_the_operator_says_so_and_not_otherwise(issuer, pages):
    mandated(ADA, party(), "response.answer")
    trust(pages, issuer, vouches=True)
    client, _ = come_in(issuer)
    assert client.get("/").status_code == 200

    trust(pages, issuer)
    assert client.get("/").headers["Location"] == "/account/2fa/"


def test_nobody_gets_an_account_by_a_provider(issuer):
    party()
    _, answer = come_in(issuer)

    assert answer.headers["Location"] == "/account/oidc/error/"
    assert (Person.objects.count(), SocialAccount.objects.count()) == (0, 0)


@pytest.mark.parametrize("verified", [False, None, "false", "true", 1])
def test_an_address_the_provider_did_not_verify_is_nobodys(issuer, verified):
    mandated(ADA, party(), "response.answer")
    issuer.claims["email_verified"] = verified
    _, answer = come_in(issuer)

    assert answer.headers["Location"] == "/account/oidc/error/"


def test_a_partys_server_cannot_be_somebody_of_another_party(issuer):
    victim = "dora@csirt-be.example"
    mandated(victim, party("csirt-be", "csirt"), "response.handle")
    issuer.claims["email"] = victim
    client, answer = come_in(issuer)

    assert answer.headers["Location"] == "/account/oidc/error/"
    assert "Sign out" not in client.get("/").content.decode()
    assert SocialAccount.objects.count() == 0


def test_nor_somebody_who_acts_for_another_party_as_well(issuer):
    mandated(ADA, party(), "response.answer")
    come_in(issuer)
    mandated(ADA, party("csirt-be", "csirt"), "response.handle")
    client, answer = come_in(issuer)

    assert answer.headers["Location"] == "/account/oidc/error/"
    assert "Sign out" not in client.get("/").content.decode()


def test_nor_an_operator_nor_a_closed_account(issuer):
    mandated(ADA, party(), "response.answer")
    for words in ({"is_operator": True}, {"is_operator": False, "is_active": False}):
        Person.objects.update(**words)
        assert come_in(issuer)[1].headers["Location"] == "/account/oidc/error/"


def test_a_code_without_the_verifier_that_fits_is_worth_nothing(issuer):
    mandated(ADA, party(), "response.answer")
    client, answer = come_in(issuer, verifier=False)

    assert issuer.refused == ["c-1"]
    assert answer.status_code == 401
    assert "did not work" in answer.content.decode()
    assert "Sign out" not in client.get("/").content.decode()


def test_a_state_of_somebody_else_is_refused(issuer):
    mandated(ADA, party(), "response.answer")
    answer = browser().get(
        "/account/oidc/meadow/login/callback/", {"code": "c-1", "state": "forged"}
    )

    assert "did not work" in answer.content.decode()


@pytest.mark.parametrize("claim", [{"aud": "another"}, {"iss": "https://x.example"}, {"exp": 1}])
def test_a_token_for_somebody_else_or_too_old_is_refused(issuer, claim):
    mandated(ADA, party(), "response.answer")
    issuer.claims |= claim
    client, _ = come_in(issuer)

    assert "Sign out" not in client.get("/").content.decode()


def test_what_the_provider_says_besides_is_not_kept(issuer):
    issuer.claims |= {"phone_number": "+32 2 555 01 99", "address": "Lantern Street 7"}
    mandated(ADA, party(), "response.answer")
    for _ in range(2):
        come_in(issuer)

    assert [one.extra_data for one in SocialAccount.objects.all()] == [{}]


def test_the_browser_may_be_led_there_from_the_pages_of_signing_in_alone(issuer):
    client = browser()
    allowed = {
        path: f"form-action 'self' {issuer.url}"
        in client.get(path).headers["Content-Security-Policy"]
        for path in ("/account/login/", "/", "/accessibility")
    }

    assert allowed == {"/account/login/": True, "/": False, "/accessibility": False}


def test_an_unknown_provider_is_not_there(issuer):
    assert browser().post("/account/oidc/nobody/login/").status_code == 404


@pytest.mark.parametrize("said", [b"<h1>down for repairs</h1>", b"{}", b"[]"])
def test_a_server_that_says_what_it_should_not_is_a_page_that_says_so(issuer, said):
    issuer.instead = said
    answer = browser().post("/account/oidc/meadow/login/", follow=True)

    assert answer.redirect_chain == [("/account/oidc/error/", 302)]
    assert "did not answer as it should" in answer.content.decode()


def test_a_server_that_is_not_there_is_a_page_that_says_so(issuer, pages):
    with Issuer().open() as gone:
        pass
    trust(pages, gone)

    answer = browser().post("/account/oidc/meadow/login/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/account/oidc/error/")


# ── the file ─────────────────────────────────────────────────────────────────────────────

FILE = """[[provider]]
id = "meadow"
name = "Meadow Net"
party = "meadow-net"
issuer = "https://login.meadow-net.example/"
client_id = "tocsin"
secret_file = "secret"
"""


def read(folder, text):
    """The providers of a file."""
    (folder / "secret").write_text("s3cret\n")
    (folder / "oidc.toml").write_text(text)
    return read_providers(str(folder / "oidc.toml"))


def test_the_file_names_providers_and_their_secrets_lie_beside_it(tmp_path):
    found = read(tmp_path, FILE + 'origins = ["https://accounts.meadow-net.example/x"]\n')

    assert found == {
        "meadow": Provider(
            id="meadow",
            name="Meadow Net",
            party="meadow-net",
            issuer="https://login.meadow-net.example",
            client_id="tocsin",
            secret="s3cret",
            origins=("https://accounts.meadow-net.example",),
        )
    }
    assert read_providers("") == {}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("https://login", "http://login"), "is no address"),
        (("https://login", "https://x; script-src *//login"), "is no address"),
        (('id = "meadow"', 'id = "a/b"'), "possible are"),
        (('client_id = "tocsin"\n', ""), "missing client_id"),
        (('name = "Meadow Net"', 'nome = "x"'), "unknown nome"),
        (('"secret"', '"none"'), "cannot be read"),
        (("[[provider]]", "[provider]"), "no list of tables"),
        (('party = "meadow-net"', "party = 7"), "missing party"),
        (("[[provider]]", "[[provider"), "cannot be read"),
        (('"tocsin"', '"tocsin"\nvouches_for_second_factor = "yes"'), "true or false"),
    ],
)
def test_what_the_file_cannot_say_is_refused(tmp_path, change, said):
    with pytest.raises(ImproperlyConfigured, match="TOCSIN_OIDC_FILE") as fault:
        read(tmp_path, FILE.replace(*change))

    assert said in str(fault.value)
