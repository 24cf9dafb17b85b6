"""The parties' own SAML 2.0 sign-in servers, out of the file TOCSIN_SAML_FILE names.

[[provider]]
id = "meadow-net"
name = "Meadow Net"
party = "meadow-net"
entity_id = "https://idp.meadow-net.example/saml"
sign_in_address = "https://idp.meadow-net.example/saml/sign-in"
certificate_file = "meadow-net.pem"
vouches_for_addresses = true
vouches_for_second_factor = false
origins = []
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tocsin.node.provider_settings import (
    Unusable,
    address,
    check_words,
    origin_of,
    origins_of,
    read_beside,
    read_file,
)

IS_INSTALLED = find_spec("onelogin") is not None
RSA_BITS = 2048  # the least that NIST SP 800-131A and BSI TR-02102-1 still take
_TEXTS = ("id", "name", "party", "entity_id", "sign_in_address", "certificate_file")
_FLAGS = ("vouches_for_addresses", "vouches_for_second_factor")


@dataclass(frozen=True)
class SamlProvider:
    """One party's sign-in server; it signs in people of this party alone.

    `certificate` (PEM) is what its assertions are signed with: nothing is fetched. `verifies`
    means: the mail addresses it gives out belong to whom it says. `vouches` and `origins` as in
    `Provider`.
    """

    id: str
    name: str
    party: str
    entity_id: str
    sign_in_address: str
    certificate: str
    verifies: bool = False
    vouches: bool = False
    origins: tuple[str, ...] = ()

    def as_app(self) -> dict[str, Any]:
        """As allauth takes it: assertions signed, with no older algorithm, and asked for by us."""
        return {
            "provider_id": self.id,
            "client_id": self.id,
            "name": self.name,
            "settings": {
                "idp": {
                    "entity_id": self.entity_id,
                    "sso_url": self.sign_in_address,
                    "x509cert": self.certificate,
                },
                "verified_email": self.verifies,
                "advanced": {
                    "strict": True,
                    "allow_single_label_domains": True,  # nodes within a network of their own
                    "reject_deprecated_algorithm": True,
                    "reject_idp_initiated_sso": True,
                    "want_assertion_signed": True,
                    "want_name_id": True,
                    "want_attribute_statement": False,
                    "name_id_format": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
                },
            },
        }

    def form_origins(self) -> tuple[str, ...]:
        """Where the form that signs in may lead, for the content security policy."""
        return (origin_of(self.sign_in_address), *self.origins)


def read_saml_providers(file: str) -> dict[str, SamlProvider]:
    """By id, none without a file; raises `ImproperlyConfigured` for what cannot be used."""
    return read_file(file, setting="TOCSIN_SAML_FILE", read=_provider)


def _provider(table: Mapping[str, Any], folder: Path) -> SamlProvider:
    if not IS_INSTALLED:
        raise Unusable(
            "names sign-in servers, and what speaks SAML is not installed. "
            "Possible: pip install 'tocsin[saml]'"
        )
    check_words(table, texts=_TEXTS, flags=_FLAGS)
    return SamlProvider(
        id=table["id"],
        name=table["name"],
        party=table["party"],
        entity_id=table["entity_id"],
        sign_in_address=address(table["sign_in_address"], of=table["id"]),
        certificate=_certificate(folder / table["certificate_file"], table["id"]),
        verifies=table.get("vouches_for_addresses", False),
        vouches=table.get("vouches_for_second_factor", False),
        origins=origins_of(table),
    )


def _certificate(path: Path, name: str) -> str:
    """One, in PEM, of a key that is long enough."""
    text = read_beside(path, of=name)
    try:
        (found,) = x509.load_pem_x509_certificates(text.encode())
        key = found.public_key()
    except ValueError as fault:
        raise Unusable(
            f"{name}: {path} is not one certificate. Possible: the one its assertions are signed "
            "with, in PEM"
        ) from fault
    is_long = isinstance(key, EllipticCurvePublicKey) or (
        isinstance(key, RSAPublicKey) and key.key_size >= RSA_BITS
    )
    if not is_long:
        raise Unusable(f"{name}: the key of {path} is weak. Possible: RSA of {RSA_BITS} bits or EC")
    return text
