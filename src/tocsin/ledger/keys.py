"""Keys of logs and witnesses: their text forms, signing and checking (C2SP signed-note).

Three kinds: a plain Ed25519 signature of a note (0x01), a witness's cosignature with a moment
(Ed25519 0x04; ML-DSA-44 0x06, where the installed `cryptography` has it).
"""

from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from hashlib import sha256
from importlib import import_module
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tocsin.ledger.checkpoints import read_base64, read_body
from tocsin.words.errors import Unproven, Unreadable, Unusable

mldsa: Any = None  # older releases of cryptography do not have it, nor do some builds
with suppress(ImportError):
    mldsa = import_module("cryptography.hazmat.primitives.asymmetric.mldsa")

_PRIVATE = "PRIVATE+KEY+"
_LABEL = b"subtree/v1\n\0"  # C2SP tlog-cosignature: cosigned_message


class Kind(IntEnum):
    """Signature types of C2SP signed-note that this log and its witnesses use."""

    ED25519 = 0x01
    COSIGNATURE = 0x04
    ML_DSA_44 = 0x06

    @property
    def said(self) -> str:
        """For people."""
        return {1: "Ed25519", 4: "Ed25519 cosignature", 6: "ML-DSA-44 cosignature"}[self]


KEY_BYTES = {Kind.ED25519: 32, Kind.COSIGNATURE: 32, Kind.ML_DSA_44: 1312}
SIGNATURE_BYTES = {Kind.ED25519: 64, Kind.COSIGNATURE: 8 + 64, Kind.ML_DSA_44: 8 + 2420}
_SEED = 32


def has_ml_dsa() -> bool:
    """Whether the installed `cryptography` signs and checks ML-DSA-44."""
    if mldsa is None:
        return False
    try:
        mldsa.MLDSA44PrivateKey.from_seed_bytes(bytes(_SEED))
    except UnsupportedAlgorithm:
        return False
    return True


@dataclass(frozen=True)
class Verifier:
    """A public key under its name; `vkey` is how people pass it on."""

    name: str
    kind: Kind
    key: bytes

    @property
    def key_id(self) -> bytes:
        """Four bytes that tell keys of one name apart; no proof of anything."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.key).digest()[:4]

    @property
    def vkey(self) -> str:
        """`name+id+key`, as C2SP signed-note writes public keys."""
        return _text(self.name, self.key_id, self.kind, self.key)

    @property
    def said(self) -> str:
        """For people: name, kind and id."""
        return f"{self.name} ({self.kind.said}, key {self.key_id.hex()})"

    def check(self, text: str, signature: bytes) -> datetime | None:
        """The moment that was signed with it, if any; raises `Unproven` if it is not this key's."""
        if len(signature) != SIGNATURE_BYTES[self.kind]:
            raise Unproven(f"the signature of {self.said} does not have the length of one")
        stamp = b"" if self.kind == Kind.ED25519 else signature[:8]
        message = _message(self, text, int.from_bytes(stamp))
        try:
            _public(self).verify(signature[len(stamp) :], message)
        except (InvalidSignature, ValueError):
            raise Unproven(f"the signature of {self.said} does not hold") from None
        return _moment(int.from_bytes(stamp)) if stamp else None


@dataclass(frozen=True)
class Signer:
    """A private key under its name; `secret` is how it is kept. Never shown, never logged."""

    name: str
    kind: Kind
    seed: bytes

    def __repr__(self) -> str:
        return f"Signer({self.name!r}, {self.kind.name})"

    @property
    def verifier(self) -> Verifier:
        """The public half."""
        return Verifier(self.name, self.kind, _private(self).public_key().public_bytes_raw())

    @property
    def secret(self) -> str:
        """`PRIVATE+KEY+name+id+seed`, as the tools of this field write private keys."""
        return _PRIVATE + _text(self.name, self.verifier.key_id, self.kind, self.seed)

    def sign(self, text: str, *, at: datetime) -> bytes:
        """The signature of a note's text, with the moment where its kind has one."""
        if self.kind == Kind.ED25519:
            return bytes(_private(self).sign(text.encode()))
        seconds = int(at.timestamp())
        message = _message(self, text, seconds)
        return seconds.to_bytes(8) + bytes(_private(self).sign(message))


def make_signer(name: str, kind: Kind, seed: bytes) -> Signer:
    """A key of this name from 32 random bytes; raises `Unusable`."""
    check_name(name)
    if len(seed) != _SEED:
        raise Unusable(f"a private key is {_SEED} random bytes, not {len(seed)}")
    made = Signer(name, kind, seed)
    _private(made)
    return made


def check_name(name: str) -> None:
    """Key names and origins; raises `Unusable`."""
    plain = name and "+" not in name and name.isprintable() and " " not in name
    if not plain or any(c.isspace() for c in name) or len(name.encode()) > 255:
        raise Unusable(
            f"{name[:80]!r} names no log or witness: no blanks, no +, at most 255 bytes. "
            "Possible: log.example/tocsin"
        )


def read_vkey(text: str) -> Verifier:
    """A public key out of its text; raises `Unreadable`."""
    name, kind, key, key_id = _read(text)
    if len(key) != KEY_BYTES[kind]:
        raise Unreadable(f"a key of {kind.said} is {KEY_BYTES[kind]} bytes, not {len(key)}")
    found = Verifier(name, kind, key)
    if found.key_id != key_id:
        raise Unreadable(f"the key of {name} does not have the id {key_id.hex()}: a slip in it")
    return found


def read_secret(text: str) -> Signer:
    """A private key out of its text; raises `Unreadable`, which never repeats it."""
    if not text.startswith(_PRIVATE):
        raise Unreadable(f"no private key: it begins with {_PRIVATE}")
    try:
        name, kind, seed, key_id = _read(text.removeprefix(_PRIVATE))
        found = make_signer(name, kind, seed)
    except Unusable as fault:
        raise Unreadable(str(fault)) from None
    except Unreadable:
        raise Unreadable("this private key cannot be read: name+id+seed") from None
    if found.verifier.key_id != key_id:
        raise Unreadable(f"the private key of {name} does not have its id: a slip in it")
    return found


def _read(text: str) -> tuple[str, Kind, bytes, bytes]:
    parts = text.split("+", 2)
    if len(parts) != 3 or len(text) > 4096:
        raise Unreadable("no key: it is name+id+key, such as log.example+1a2b3c4d+AQ…")
    name, digits, data = parts
    try:
        check_name(name)
        key_id = bytes.fromhex(digits) if len(digits) == 8 else b""
        kind = Kind(read_base64(data)[0])
    except (Unusable, UnicodeEncodeError):
        raise Unreadable(f"{name[:80]!r} names no log or witness") from None
    except (ValueError, IndexError):
        raise Unreadable(
            f"the key of {name} is of no kind that is known here. Possible: Ed25519 (01), "
            "cosignatures with Ed25519 (04) or ML-DSA-44 (06)"
        ) from None
    if not key_id or not digits.isalnum():
        raise Unreadable(f"the key of {name} has no id of 8 hexadecimal digits")
    return name, kind, read_base64(data)[1:], key_id


def _text(name: str, key_id: bytes, kind: Kind, key: bytes) -> str:
    return f"{name}+{key_id.hex()}+{b64encode(bytes([kind]) + key).decode()}"


def _message(who: Verifier | Signer, text: str, seconds: int) -> bytes:
    """What is signed: the text itself, or what C2SP tlog-cosignature makes of it."""
    if who.kind == Kind.ED25519:
        return text.encode()
    if who.kind == Kind.COSIGNATURE:
        return f"cosignature/v1\ntime {seconds}\n{text}".encode()
    found = read_body(text)
    name, origin = who.name.encode(), found.origin.encode()
    if len(origin) > 255:
        raise Unreadable("an origin under an ML-DSA-44 cosignature has at most 255 bytes")
    return b"".join(
        (
            _LABEL,
            bytes([len(name)]) + name,
            seconds.to_bytes(8),
            bytes([len(origin)]) + origin,
            (0).to_bytes(8) + found.size.to_bytes(8),
            found.root,
        )
    )


def _moment(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise Unproven("a cosignature is dated beyond all calendars") from None


def _public(who: Verifier) -> Any:
    if who.kind != Kind.ML_DSA_44:
        return Ed25519PublicKey.from_public_bytes(who.key)
    _check_ml_dsa()
    return mldsa.MLDSA44PublicKey.from_public_bytes(who.key)


def _private(who: Signer) -> Any:
    if who.kind != Kind.ML_DSA_44:
        return Ed25519PrivateKey.from_private_bytes(who.seed)
    _check_ml_dsa()
    return mldsa.MLDSA44PrivateKey.from_seed_bytes(who.seed)


def _check_ml_dsa() -> None:
    if not has_ml_dsa():
        raise Unusable(
            "the installed cryptography has no ML-DSA-44. Possible: a newer one, or Ed25519 alone"
        )
