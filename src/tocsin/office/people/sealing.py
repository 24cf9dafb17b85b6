"""Secrets of accounts as they lie in the database: AES-256-GCM under a key of the store.

A copy of the database alone then gives nobody a second factor or a link to sign in with. The key
comes out of the store's `keys/django-secret` (HKDF, RFC 5869) and is never in the database.
"""

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from tocsin.words.errors import Unusable

_NONCE = 12


def seal(data: bytes, *, purpose: str) -> bytes:
    """`data`, to be opened again for the same purpose alone."""
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(_key()).encrypt(nonce, data, purpose.encode())


def unseal(sealed: bytes, *, purpose: str) -> bytes:
    """What was sealed; raises `Unusable` where the key of the store is another by now."""
    try:
        return AESGCM(_key()).decrypt(sealed[:_NONCE], sealed[_NONCE:], purpose.encode())
    except (InvalidTag, ValueError):
        raise Unusable(
            f"a sealed {purpose} cannot be opened: it was sealed under another key. Possible: "
            "restore keys/django-secret of this store from its backup"
        ) from None


def _key() -> bytes:
    """32 bytes, drawn out of the store's secret."""
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"tocsin accounts 1")
    return derived.derive(settings.SECRET_KEY.encode())
