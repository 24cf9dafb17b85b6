"""Sign-in by a party's SAML server: signed, asked for, once, for that party's people alone."""

import base64
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs
from xml.sax.saxutils import escape

import pytest

pytest.importorskip(
    "onelogin.saml2.utils",
    reason="SAML is not installed: pip install --require-hashes -r requirements-saml.lock",
)
from allauth.socialaccount.models import SocialAccount
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.exceptions import ImproperlyConfigured
from onelogin.saml2.utils import OneLogin_Saml2_Utils
from onelogin.saml2.xml_utils import OneLogin_Saml2_XML

from tests.node.browsing import browser, code, mandated, party, person, with_app
from tocsin.node import saml_settings
from tocsin.node.saml_settings import SamlProvider, read_saml_providers
from tocsin.office.people.models import Person

pytestmark = pytest.mark.usefixtures("pages")
ADA = "ada@meadow-net.example"
HERE = "http://testserver/account/saml/meadow"
ERROR = "/account/oidc/error/"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
SHA1 = {
    "sign_algorithm": "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
    "digest_algorithm": "http://www.w3.org/2000/09/xmldsig#sha1",
}


@dataclass
class Server:
    """A SAML server: it signs what it says of whoever comes with a key of its own."""

    entity_id: str = "https://idp.meadow-net.example/saml"
    sign_in: str = "https://idp.meadow-net.example/saml/sign-in"
    key: str = ""
    certificate: str = ""
    said: dict[str, Any] = field(default_factory=dict)

    def asked(self, location: str) -> str:
        """The request that a browser brings (HTTP-Redirect binding); raises for what is none."""
        address, _, query = location.partition("?")
        packed = parse_qs(query)["SAMLRequest"][0]
        request = zlib.decompress(base64.b64decode(packed), -15).decode()
        assert address == self.sign_in
        assert f'AssertionConsumerServiceURL="{HERE}/acs/"' in request
        return str(OneLogin_Saml2_XML.to_etree(request).get("ID"))

    def answer(self, request_id: str, **changed: Any) -> str:
        """A response, in base64, with a signed assertion."""
        words = self._words(request_id) | self.said | changed
        assertion = words.get("assertion") or self.assertion(words)
        text = f"""<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol"
          xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_r1" Version="2.0"
          IssueInstant="{words["now"]}" Destination="{HERE}/acs/" InResponseTo="{words["to"]}">
          <saml:Issuer>{self.entity_id}</saml:Issuer><samlp:Status><samlp:StatusCode
          Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>{assertion}
          </samlp:Response>"""
        return base64.b64encode(text.encode()).decode()

    def assertion(self, words: dict[str, Any]) -> str:
        """Of one person, signed unless it shall not be."""
        attributes = "".join(
            f'<saml:Attribute Name="{name}"><saml:AttributeValue>{escape(value)}'
            "</saml:AttributeValue></saml:Attribute>"
            for name, value in words["attributes"].items()
        )
        text = f"""<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"
          xmlns:xs="http://www.w3.org/2001/XMLSchema" ID="_a1" Version="2.0"
          IssueInstant="{words["now"]}"><saml:Issuer>{words["issuer"]}</saml:Issuer><saml:Subject>
          <saml:NameID Format="{words["format"]}">{words["name"]}</saml:NameID>
          <saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">
          <saml:SubjectConfirmationData {words["confirmation"]}/></saml:SubjectConfirmation>
          </saml:Subject><saml:Conditions NotBefore="{words["before"]}"
          NotOnOrAfter="{words["until"]}">{words["audience"]}</saml:Conditions>
          <saml:AuthnStatement AuthnInstant="{words["now"]}"><saml:AuthnContext>
          <saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password
          </saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>
          <saml:AttributeStatement>{attributes}</saml:AttributeStatement></saml:Assertion>"""
        if not words["signed"]:
            return text
        signed = OneLogin_Saml2_Utils.add_sign(
            text, self.key, self.certificate, **words["algorithms"]
        )
        return signed.decode() if isinstance(signed, bytes) else str(signed)

    def _words(self, request_id: str) -> dict[str, Any]:
        now = datetime.now(UTC)
        until = f"{now + timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}"
        audience = f"<saml:Audience>{HERE}/metadata/</saml:Audience>"
        return {
            "to": request_id,
            "now": f"{now:%Y-%m-%dT%H:%M:%SZ}",
            "before": f"{now - timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}",
            "until": until,
            "issuer": self.entity_id,
            "name": "u-1",
            "format": PERSISTENT,
            "confirmation": (
                f'InResponseTo="{request_id}" Recipient="{HERE}/acs/" NotOnOrAfter="{until}"'
            ),
            "audience": f"<saml:AudienceRestriction>{audience}</saml:AudienceRestriction>",
            "attributes": {"urn:oid:0.9.2342.19200300.100.1.3": ADA},
            "signed": True,
            "algorithms": {},
        }


def make_server(bits: int = 2048) -> Server:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "idp.meadow-net.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    return Server(key=private.decode(), certificate=pem.decode())


@pytest.fixture(scope="module")
def keyed() -> Server:
    """One key for all tests: making it is the slow part."""
    return make_server()


@pytest.fixture
def server(pages: Any, keyed: Server) -> Server:
    """Meadow Net's own server, which the node was told of."""
    running = Server(key=keyed.key, certificate=keyed.certificate)
    trust(pages, running)
    return running


def trust(pages: Any, running: Server, **words: Any) -> None:
    """As if TOCSIN_SAML_FILE named it."""
    provider = SamlProvider(
        id="meadow",
        name="Meadow Net",
        party="meadow-net",
        entity_id=running.entity_id,
        sign_in_address=running.sign_in,
        certificate=running.certificate,
        **{"verifies": True, **words},
    )
    pages.SIGN_IN_PROVIDERS = {"meadow": provider}
    pages.SOCIALACCOUNT_PROVIDERS = {"saml": {"APPS": [provider.as_app()]}}


def begin(running: Server, client: Any) -> str:
    """The button; the id of the request it makes."""
    return running.asked(client.post("/account/saml/meadow/login/").headers["Location"])


def bring(client: Any, response: str) -> Any:
    """What the server sends through the browser, and where that leads."""
    taken = client.post("/account/saml/meadow/acs/", {"SAMLResponse": response})
    assert taken.headers["Location"] == "/account/saml/meadow/acs/finish/"
    return client.get("/account/saml/meadow/acs/finish/")


def come_in(running: Server, **changed: Any) -> tuple[Any, Any]:
    """Through the server and back; the browser, and what the node answered at the end."""
    client = browser()
    return client, bring(client, running.answer(begin(running, client), **changed))


def is_in(client: Any) -> bool:
    """Whether this browser is signed in: led to the second factor or let through."""
    return "_auth_user_id" in client.session


def is_refused(client: Any, answer: Any) -> bool:
    """Whether the person reads that it did not work, and nothing came of it."""
    said = answer.headers.get("Location") == ERROR or "did not work" in answer.content.decode()
    return said and not is_in(client) and SocialAccount.objects.count() == 0


def test_an_invited_person_comes_in_and_sets_up_a_second_factor(server):
    mandated(ADA, party(), "response.answer")
    client, answer = come_in(server)

    assert answer.headers["Location"] == "/"
    assert client.get("/").headers["Location"] == "/account/2fa/"
    assert [(one.user.email, one.provider, one.uid) for one in SocialAccount.objects.all()] == [
        (ADA, "meadow", "u-1")
    ]


def test_later_the_servers_own_identifier_says_who_it_is(server):
    mandated(ADA, party(), "response.answer")
    come_in(server)
    client, answer = come_in(
        server, attributes={"urn:oid:0.9.2342.19200300.100.1.3": "x@y.example"}
    )

    assert answer.headers["Location"] == "/"
    assert Person.objects.get(pk=client.session["_auth_user_id"]).email == ADA


def test_the_second_factor_is_asked_for_unless_the_operator_lets_the_server_vouch(server, pages):
    mandated(ADA, party(), "response.answer")
    with_app(person(ADA))
    client, answer = come_in(server)
    assert answer.headers["Location"] == "/account/2fa/authenticate/"
    assert client.post("/account/2fa/authenticate/", {"code": code()}).headers["Location"] == "/"

    trust(pages, server, vouches=True)
    client, _ = come_in(server)
    assert client.get("/").status_code == 200


def test_nobody_gets_an_account(server):
    party()
    client, answer = come_in(server)

    assert is_refused(client, answer)
    assert Person.objects.count() == 0


def test_an_address_counts_only_where_the_operator_lets_the_server_vouch_for_it(server, pages):
    mandated(ADA, party(), "response.answer")
    trust(pages, server, verifies=False)

    assert is_refused(*come_in(server))


def test_a_partys_server_cannot_be_somebody_of_another_party_nor_of_two_nor_an_operator(server):
    victim = "dora@csirt-be.example"
    other = party("csirt-be", "csirt")
    mandated(victim, other, "response.handle")
    assert is_refused(*come_in(server, attributes={"urn:oid:0.9.2342.19200300.100.1.3": victim}))

    mandated(ADA, party(), "response.answer")
    mandated(ADA, other, "response.handle")
    assert is_refused(*come_in(server))

    mandated("oskar@meadow-net.example", party(), "response.answer")
    Person.objects.filter(email="oskar@meadow-net.example").update(is_operator=True)
    oskar = {"urn:oid:0.9.2342.19200300.100.1.3": "oskar@meadow-net.example"}
    assert is_refused(*come_in(server, attributes=oskar))


def changed(name: str, request_id: str) -> dict[str, Any]:
    """What is wrong with an answer, by the name of the test case."""
    until = f"{datetime.now(UTC) + timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}"
    past = f"{datetime.now(UTC) - timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}"
    to, here = f'InResponseTo="{request_id}"', f'Recipient="{HERE}/acs/"'
    elsewhere = "<saml:Audience>https://other.example</saml:Audience>"
    return {
        "not signed": {"signed": False},
        "signed with SHA-1": {"algorithms": SHA1},
        "over": {"until": past},
        "by another issuer": {"issuer": "https://idp.other.example"},
        "for another audience": {
            "audience": f"<saml:AudienceRestriction>{elsewhere}</saml:AudienceRestriction>"
        },
        "for no audience": {"audience": ""},
        "to no request": {"confirmation": f'{here} NotOnOrAfter="{until}"'},
        "to another request": {
            "confirmation": f'InResponseTo="_other" {here} NotOnOrAfter="{until}"'
        },
        "for no page": {"confirmation": f'{to} NotOnOrAfter="{until}"'},
        "for a longer page": {
            "confirmation": f'{to} Recipient="{HERE}/acs/x" NotOnOrAfter="{until}"'
        },
        "without an end": {"confirmation": f"{to} {here}"},
        "under a passing name": {"format": "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"},
    }[name]


@pytest.mark.parametrize(
    "wrong",
    [
        *("not signed", "signed with SHA-1", "over", "by another issuer", "for another audience"),
        *("for no audience", "to no request", "to another request", "for no page"),
        *("for a longer page", "without an end", "under a passing name"),
    ],
)
def test_an_assertion_that_is_wrong_signs_nobody_in(server, wrong):
    mandated(ADA, party(), "response.answer")
    client = browser()
    request_id = begin(server, client)

    answer = bring(client, server.answer(request_id, **changed(wrong, request_id)))

    assert is_refused(client, answer)


def test_a_signature_by_another_key_signs_nobody_in(server):
    mandated(ADA, party(), "response.answer")
    thief = make_server()

    client = browser()
    answer = bring(client, thief.answer(begin(server, client)))

    assert is_refused(client, answer)


def test_an_assertion_changed_after_it_was_signed_signs_nobody_in(server):
    mandated(ADA, party(), "response.answer")
    client = browser()
    text = base64.b64decode(server.answer(begin(server, client))).decode()

    answer = bring(client, base64.b64encode(text.replace("u-1", "u-2").encode()).decode())

    assert is_refused(client, answer)


def test_a_signed_assertion_wrapped_beside_a_forged_one_signs_nobody_in(server):
    mandated(ADA, party(), "response.answer")
    client = browser()
    request_id = begin(server, client)
    words = server._words(request_id)
    forged = server.assertion(words | {"signed": False, "name": "u-2"}).replace('"_a1"', '"_a2"')

    answer = bring(client, server.answer(request_id, assertion=forged + server.assertion(words)))

    assert is_refused(client, answer)


def test_an_answer_is_worth_one_sign_in_in_the_browser_that_asked(server):
    mandated(ADA, party(), "response.answer")
    mine, thief = browser(), browser()
    answer = server.answer(begin(server, mine))

    stolen = bring(thief, answer)
    assert not is_in(thief)
    assert stolen.status_code in (401, 403)
    bring(mine, answer)
    assert is_in(mine)
    mine.post("/account/logout/")
    again = bring(mine, answer)
    assert not is_in(mine)
    assert again.status_code in (401, 403)


def test_a_sign_in_that_nobody_here_asked_for_is_refused(server):
    mandated(ADA, party(), "response.answer")
    until = f"{datetime.now(UTC) + timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}"
    unasked = server.answer("", confirmation=f'Recipient="{HERE}/acs/" NotOnOrAfter="{until}"')
    plain = base64.b64decode(unasked).decode().replace('InResponseTo=""', "")
    client = browser()

    assert is_refused(client, bring(client, base64.b64encode(plain.encode()).decode()))


@pytest.mark.parametrize("text", ["", "x", "%%%", base64.b64encode(b"<a/>").decode()])
def test_what_is_no_answer_is_refused_in_words(server, text):
    client = browser()

    assert is_refused(client, bring(client, text))


def test_what_is_too_long_or_to_nobody_is_not_kept(server):
    client = browser()
    long = client.post("/account/saml/meadow/acs/", {"SAMLResponse": "x" * 300_000})

    assert long.status_code == 413
    assert client.post("/account/saml/nobody/acs/", {"SAMLResponse": "x"}).status_code == 404
    assert client.get("/account/saml/meadow/acs/").status_code == 405
    assert client.get("/account/saml/meadow/acs/finish/").status_code == 401


def test_an_entity_that_would_read_files_is_not_opened(server, tmp_path):
    (tmp_path / "secret").write_text("s3cret", encoding="utf-8")
    client = browser()
    text = base64.b64decode(server.answer(begin(server, client))).decode()
    hostile = f'<!DOCTYPE x [<!ENTITY s SYSTEM "file://{tmp_path}/secret">]>' + text.replace(
        "u-1", "&s;"
    )

    answer = bring(client, base64.b64encode(hostile.encode()).decode())

    assert is_refused(client, answer)
    assert "s3cret" not in answer.content.decode()


def test_what_the_server_says_besides_is_not_kept(server):
    mandated(ADA, party(), "response.answer")
    more = {"urn:oid:0.9.2342.19200300.100.1.3": ADA, "telephoneNumber": "+32 2 555 01 99"}
    for _ in range(2):
        come_in(server, attributes=more)

    assert [one.extra_data for one in SocialAccount.objects.all()] == [{}]


def test_the_page_of_metadata_says_where_answers_go_and_takes_no_signing_out(server):
    answer = browser().get("/account/saml/meadow/metadata/")
    text = answer.content.decode()

    assert answer.headers["Content-Type"] == "application/samlmetadata+xml"
    assert f'entityID="{HERE}/metadata/"' in text
    assert f'Location="{HERE}/acs/"' in text
    assert 'WantAssertionsSigned="true"' in text
    assert "SingleLogout" not in text
    assert browser().get("/account/saml/meadow/sls/").status_code == 404


def test_the_page_of_signing_in_has_its_button_and_may_lead_there(server):
    answer = browser().get("/account/login/")

    assert 'action="/account/saml/meadow/login/' in answer.content.decode()
    assert (
        "form-action 'self' https://idp.meadow-net.example"
        in (answer.headers["Content-Security-Policy"])
    )


# ── the file ─────────────────────────────────────────────────────────────────────────────

FILE = """[[provider]]
id = "meadow"
name = "Meadow Net"
party = "meadow-net"
entity_id = "https://idp.meadow-net.example/saml"
sign_in_address = "https://idp.meadow-net.example/saml/sign-in"
certificate_file = "idp.pem"
"""


def read(folder: Any, text: str, certificate: str) -> dict[str, SamlProvider]:
    """The providers of a file."""
    (folder / "idp.pem").write_text(certificate)
    (folder / "saml.toml").write_text(text)
    return read_saml_providers(str(folder / "saml.toml"))


def test_the_file_names_servers_and_their_certificates_lie_beside_it(tmp_path, keyed):
    found = read(tmp_path, FILE + "vouches_for_addresses = true\n", keyed.certificate)

    assert found == {
        "meadow": SamlProvider(
            id="meadow",
            name="Meadow Net",
            party="meadow-net",
            entity_id=keyed.entity_id,
            sign_in_address=keyed.sign_in,
            certificate=keyed.certificate.strip(),
            verifies=True,
        )
    }
    assert read_saml_providers("") == {}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('sign_in_address = "https', 'sign_in_address = "http'), "is no address"),
        (('"idp.pem"', '"none.pem"'), "cannot be read"),
        (('"idp.pem"', '"saml.toml"'), "is not one certificate"),
        (('name = "Meadow Net"', 'issuer = "x"'), "unknown issuer"),
        (('"idp.pem"', '"idp.pem"\nvouches_for_addresses = 1'), "true or false"),
    ],
)
def test_what_the_file_cannot_say_is_refused(tmp_path, keyed, change, said):
    with pytest.raises(ImproperlyConfigured, match="TOCSIN_SAML_FILE") as fault:
        read(tmp_path, FILE.replace(*change), keyed.certificate)

    assert said in str(fault.value)


def test_a_weak_key_is_refused(tmp_path):
    with pytest.raises(ImproperlyConfigured, match="RSA of 2048 bits"):
        read(tmp_path, FILE, make_server(1024).certificate)


def test_without_the_extra_the_file_is_refused_with_what_installs_it(tmp_path, keyed, monkeypatch):
    monkeypatch.setattr(saml_settings, "IS_INSTALLED", False)

    with pytest.raises(ImproperlyConfigured, match=r"pip install 'tocsin\[saml\]'"):
        read(tmp_path, FILE, keyed.certificate)
