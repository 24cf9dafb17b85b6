"""The node's own keys: one file each in the store's `keys/`, readable by its owner alone."""

import base64
import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from tocsin.channels.webhook import PREFIX
from tocsin.words.errors import NotFound, Refused, Unusable

# A key made anew in its place would break every pseudonym and every signature given so far.
_RESTORE = "Possible: restore it from the key backup"


def secret(folder: Path, name: str) -> bytes:
    """32 random bytes kept in `folder/name.key`, made on first use; raises `Unusable`."""
    path = folder / f"{name}.key"
    key = _kept(path, lambda: secrets.token_bytes(32))
    if len(key) != 32:
        raise Unusable(f"{path} holds {len(key)} bytes instead of 32. {_RESTORE}")
    return key


def signing_key(folder: Path) -> Ed25519PrivateKey:
    """The key that signs manifests (Ed25519, RFC 8032), made on first use; raises `Unusable`."""

    def make() -> bytes:
        return Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )

    path = folder / "manifest-signing.pem"
    try:
        key = load_pem_private_key(_kept(path, make), password=None)
    except (ValueError, TypeError) as fault:
        raise Unusable(f"{path} holds no key that can be read. {_RESTORE}") from fault
    if not isinstance(key, Ed25519PrivateKey):
        raise Unusable(f"{path} holds no Ed25519 key. {_RESTORE}")
    return key


def public_text(key: Ed25519PrivateKey) -> str:
    """The public half as 64 hexadecimal digits."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()


def make_webhook_secret(folder: Path, party: str, *, renew: bool = False) -> str:
    """A new secret for a party's webhook, kept in `folder/webhooks/party.secret`.

    32 random bytes as Standard Webhooks writes them. With `renew` the one before stays on the
    second line. Raises `Refused` where there is one already.
    """
    path = _webhook_file(folder, party)
    before = path.read_text(encoding="ascii").split() if path.exists() else []
    if before and not renew:
        raise Refused(
            f"{party} has a webhook secret, and it is shown only once. Possible: --renew makes "
            "another, and both sign until --retire"
        )
    made = PREFIX + base64.b64encode(secrets.token_bytes(32)).decode("ascii")
    _replace(path, "".join(f"{line}\n" for line in [made, *before[:1]]))
    return made


def retire_webhook_secret(folder: Path, party: str) -> None:
    """Keep the newest secret of a party only; raises `NotFound`."""
    path = _webhook_file(folder, party)
    if not path.exists():
        raise NotFound(
            f"{party} has no webhook secret. Possible: tocsin parties webhook-secret {party}"
        )
    _replace(path, path.read_text(encoding="ascii").split()[0] + "\n")


def _webhook_file(folder: Path, party: str) -> Path:
    return folder / "webhooks" / f"{party}.secret"


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    _write(partial, text.encode("ascii"))
    partial.replace(path)


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _kept(path: Path, make: Callable[[], bytes]) -> bytes:
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        _write(partial, make())
        with contextlib.suppress(FileExistsError):
            os.link(partial, path)  # whoever comes second keeps the first one's key
        partial.unlink()
    return path.read_bytes()
