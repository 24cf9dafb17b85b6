"""The town in a store of its own, for a server: `python -m tests.security.served_town STORE`.

Prints who may look with which session, and how addresses name what there is. Besides the town's own
people there are those who are on their way in: with a password alone, without a second factor, with
every second factor there is, with a letter to set a new password.
"""

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tocsin.node.store import open_store

OPENED = "KEYS"
WORDS = "seven herons at noon"
OIDC, SAML = "beacon", "harbour"


@dataclass(frozen=True)
class Served:
    """Sessions by who holds them, and what addresses can name, in several ways."""

    sessions: dict[str, str]
    objects: list[dict[str, str]]


def providers(folder: Path) -> dict[str, str]:
    """Settings under which the parties' own sign-in servers have buttons; nobody is asked."""
    (folder / "beacon.secret").write_text("never used")
    (folder / "oidc.toml").write_text(
        f'[[provider]]\nid = "{OIDC}"\nname = "Beacon"\nparty = "meadow-net"\n'
        'issuer = "https://beacon.example"\nclient_id = "tocsin"\nsecret_file = "beacon.secret"\n'
    )
    named = {"TOCSIN_OIDC_FILE": str(folder / "oidc.toml")}
    try:
        import onelogin.saml2.utils  # noqa: F401 what the extra brings
    except ImportError:
        return named
    (folder / "harbour.pem").write_bytes(_certificate())
    (folder / "saml.toml").write_text(
        f'[[provider]]\nid = "{SAML}"\nname = "Harbour"\nparty = "meadow-net"\n'
        'entity_id = "https://harbour.example/"\nsign_in_address = "https://harbour.example/in"\n'
        'certificate_file = "harbour.pem"\n'
    )
    return {**named, "TOCSIN_SAML_FILE": str(folder / "saml.toml")}


def _certificate() -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key, at = rsa.generate_private_key(65537, 2048), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "harbour.example")])
    made = x509.CertificateBuilder(
        name, name, key.public_key(), 1, at, at + timedelta(days=1)
    ).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


def main(folder: Path) -> Served:
    """Everything there is in the town, of this day."""
    store = open_store(folder)

    from django.conf import settings

    from tests.security import town as towns

    settings.ALLOWED_HOSTS, settings.API_RATE = ["testserver"], 1_000_000
    # Reports come in by the API at the moment it is; an hour after noon they are worked.
    towns.NOON = datetime.now(UTC) - towns.HOUR + timedelta(seconds=30)
    town = towns.build(store.path)
    towns.hide(town)
    _begun(town, towns)
    browsers = {who: one for who, one in town.browsers.items() if not who.startswith("their")}
    browsers |= _on_the_way_in(towns)
    named = {**town.mine.objects, "provider": OIDC, "passkey": _last_passkey()}
    return Served(
        {who: _session(one) for who, one in browsers.items()},
        [
            named,
            {**named, "provider": SAML},
            {**named, "case": town.theirs.objects["case"]},
        ],
    )


def _begun(town: Any, towns: Any) -> None:
    """What some forms are there for: a case that its party disowned, records in quarantine."""
    ada = towns._viewer("ada", towns.THEIRS)
    towns.desk.answer(ada, town.theirs.objects["case"], step="disown", at=towns.NOON)
    broken = towns.report(towns.ADDRESS[towns.MINE], tag="broken").replace(b"2026-", b"later-")
    sent = towns.call(town.tokens["desk"], "POST", f"/reports?name=c-{towns.NAME}", broken)
    assert sent.status_code == 202, sent.content
    bench = towns.Bench("test", town.store, "Test CERT", None, None)
    towns.work_through(bench, at=towns.NOON + towns.HOUR)


def _session(browser: Any) -> str:
    cookie = browser.cookies.get("sessionid")
    return cookie.value if cookie else ""


def _on_the_way_in(towns: Any) -> Mapping[str, Any]:
    """Browsers of people who are not quite signed in, or have every key there is."""
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
    from django.contrib.auth.tokens import default_token_generator
    from django.test import Client

    from tocsin.office.people import actions
    from tocsin.office.people.models import Person

    found = {}
    for word in ("newcomer", "keeper", "halfway"):
        towns._person(word, towns.MINE, "response.answer")
        somebody = Person.objects.get(email=f"{word}@{towns.MINE}.example")
        actions.set_password(somebody, WORDS, by="test", at=towns.NOON)
        if word == "newcomer":
            found[word] = _typed(Client(), somebody.email)
            continue
        RecoveryCodes.activate(somebody)
        _give_passkey(somebody)
        found[word] = towns.signed_in(somebody)
        if word == "halfway":
            found[word] = _typed(Client(), somebody.email)
    found["forgetful"] = Client()
    first = Person.objects.get(pk=1)
    key = default_token_generator.make_token(first)
    found["forgetful"].get(f"/account/password/reset/key/1-{key}/")
    return found


def _typed(browser: Any, email: str) -> Any:
    """With the password typed and nothing else shown."""
    done = browser.post("/account/login/", {"login": email, "password": WORDS})
    assert done.status_code == 302, done.content
    return browser


def _give_passkey(person: Any) -> None:
    """A passkey as a browser would have registered it (WebAuthn 2, 6.1), on no device."""
    from allauth.mfa.webauthn.internal.auth import WebAuthn
    from cryptography.hazmat.primitives.asymmetric import ec
    from fido2.cose import ES256
    from fido2.utils import websafe_encode
    from fido2.webauthn import (
        AttestationObject,
        AttestedCredentialData,
        AuthenticatorData,
        CollectedClientData,
    )

    key = ES256.from_cryptography_key(ec.generate_private_key(ec.SECP256R1()).public_key())
    name = hashlib.sha256(person.email.encode()).digest()
    held = AttestedCredentialData.create(bytes(16), name, key)
    flags = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV | AuthenticatorData.FLAG.AT
    data = AuthenticatorData.create(hashlib.sha256(b"localhost").digest(), flags, 1, held)
    client = CollectedClientData.create("webauthn.create", name, "http://localhost")
    WebAuthn.add(
        person,
        "Laptop",
        {
            "id": websafe_encode(name),
            "rawId": websafe_encode(name),
            "type": "public-key",
            "clientExtensionResults": {"credProps": {"rk": True}},
            "response": {
                "clientDataJSON": websafe_encode(client),
                "attestationObject": websafe_encode(AttestationObject.create("none", data, {})),
            },
        },
    )


def _last_passkey() -> str:
    from allauth.mfa.models import Authenticator

    rows = Authenticator.objects.filter(type="webauthn", user__email__startswith="keeper")
    return str(rows.latest("pk").pk)


if __name__ == "__main__":
    made = main(Path(sys.argv[1]))
    sys.stdout.write(OPENED + json.dumps({"sessions": made.sessions, "objects": made.objects}))
