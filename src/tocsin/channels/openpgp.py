"""OpenPGP for mail (RFC 3156, RFC 9580), by Sequoia; an extra: `pip install tocsin[openpgp]`.

Nothing that is meant to be encrypted ever goes out in clear: a key that cannot be used is a
lasting failure with the reason.
"""

from __future__ import annotations

from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tocsin.words.errors import Undelivered, Unusable

if TYPE_CHECKING:
    from pysequoia import Cert, PySigner

BEGINS = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
LONGEST = 200_000  # a key with hundreds of signatures by others
MISSING = "OpenPGP is not installed here. Possible: pip install 'tocsin[openpgp]'"


def check_key(armored: str) -> None:
    """One armoured public key to which something can be encrypted; raises `Unusable`.

    Without the extra only the outside is looked at. A key that has run out passes here and is
    found when something is sent: the file it comes from may be older than the key's new date.
    """
    if len(armored) > LONGEST:
        raise Unusable(f"is longer than {LONGEST:,} characters. Possible: its minimal export")
    if "PRIVATE KEY" in armored:
        raise Unusable("is a private key. Possible: the public half alone; renew the key")
    if not armored.strip().startswith(BEGINS):
        raise Unusable(f"is no armoured OpenPGP key. Possible: a text that begins with {BEGINS}")
    try:
        from pysequoia import Cert  # noqa: PLC0415
    except ImportError:
        return
    try:
        certs = Cert.split_bytes(armored.encode())
    except Exception as fault:
        raise Unusable(f"is no OpenPGP key that can be read: {_said(fault)}") from fault
    if len(certs) != 1:
        raise Unusable(f"holds {len(certs)} keys. Possible: one key per party")


def encrypt(data: bytes, *, key: str, at: datetime | None, signed_by: str = "") -> bytes:
    """`data` for the holder of `key`, armoured; signed where `signed_by` is a secret key file.

    Raises `Undelivered`: lasting for a key that is revoked, has run out or cannot be used.
    """
    try:
        import pysequoia  # noqa: PLC0415
    except ImportError:
        raise Undelivered(f"openpgp: {MISSING}", lasting=True) from None
    cert = _cert(key, at)
    signer = _signer(signed_by)
    try:
        return pysequoia.encrypt(data, [cert], signer)
    except Exception as fault:
        raise Undelivered(
            f"openpgp: nothing can be encrypted to the key {cert.fingerprint}: {_said(fault)}. "
            "Possible: a key of the party's that holds",
            lasting=True,
        ) from fault


def require_usable(key: str, *, at: datetime) -> None:
    """A party's key that can be read, is not revoked and has not run out; raises `Undelivered`."""
    if not is_installed():
        raise Undelivered(f"openpgp: {MISSING}", lasting=True)
    _cert(key, at)


def require_signer(file: str) -> None:
    """The node's own secret key can sign, where there is one; raises `Undelivered`."""
    if Path(file).is_file() and not is_installed():
        raise Undelivered(f"openpgp: {MISSING}", lasting=True)
    _signer(file)


def is_installed() -> bool:
    """Whether the extra is there."""
    return find_spec("pysequoia") is not None


def _cert(key: str, at: datetime | None) -> Cert:
    from pysequoia import Cert  # noqa: PLC0415

    try:
        cert = Cert.from_bytes(key.encode())
    except Exception as fault:
        raise Undelivered(
            f"openpgp: the party's key cannot be read: {_said(fault)}", lasting=True
        ) from fault
    if cert.is_revoked:
        raise Undelivered(
            f"openpgp: the party's key {cert.fingerprint} was revoked; nothing was sent. "
            "Possible: ask for its new key, import it and resume the delivery",
            lasting=True,
        )
    if cert.expiration and at and cert.expiration <= at:
        raise Undelivered(
            f"openpgp: the party's key {cert.fingerprint} ran out on "
            f"{cert.expiration:%Y-%m-%d}; nothing was sent. "
            "Possible: ask for its new key, import it and resume the delivery",
            lasting=True,
        )
    return cert


def _signer(file: str) -> PySigner | None:
    if not file or not Path(file).is_file():
        return None
    from pysequoia import Tsk  # noqa: PLC0415

    try:
        return Tsk.from_file(file).signer()
    except Exception as fault:
        raise Undelivered(
            f"openpgp: the node's own key cannot sign: {_said(fault)}. "
            "Possible: a secret key without password in that file, or none",
            lasting=False,
        ) from fault


def _said(fault: Exception) -> str:
    return " ".join(str(fault).split())[:200] or type(fault).__name__
