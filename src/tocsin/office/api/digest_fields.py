"""`Content-Digest` and `Repr-Digest` (RFC 9530): what the bytes must hash to."""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

from tocsin.words.errors import Unusable

_KNOWN = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
_MOST = 2_000  # characters of the field


@dataclass(frozen=True)
class Expected:
    """The digests that a field names, of the algorithms that are safe; perhaps none."""

    field: str
    wanted: dict[str, bytes]

    def meters(self) -> dict[str, Any]:
        """A fresh hash per algorithm, to be fed with the bytes."""
        return {name: _KNOWN[name]() for name in self.wanted}

    def require(self, meters: dict[str, Any]) -> None:
        """Raise `Unusable` where the bytes were others."""
        for name, meter in meters.items():
            if not hmac.compare_digest(meter.digest(), self.wanted[name]):
                raise Unusable(
                    f"{self.field}: the bytes that came have another {name}. Nothing of them was "
                    "kept. Possible: send them again"
                )


def read_digests(text: str | None, *, field: str) -> Expected:
    """`sha-256=:…:, sha-512=:…:`; algorithms that are not safe are passed over, as the RFC says."""
    wanted: dict[str, bytes] = {}
    if text and len(text) > _MOST:
        raise Unusable(f"{field} is longer than any digest")
    for member in (text or "").split(","):
        name, _, value = member.strip().partition("=")
        if name not in _KNOWN:
            continue
        wanted[name] = _bytes(name, value.partition(";")[0].strip(), field)
    return Expected(field, wanted)


def _bytes(name: str, value: str, field: str) -> bytes:
    try:
        if value[:1] != ":" or value[-1:] != ":":
            value = "no byte sequence"
        found = base64.b64decode(value.strip(":"), validate=True)
    except (ValueError, binascii.Error):
        raise Unusable(f"{field}: {name} is no byte sequence. Possible: {name}=:base64:") from None
    if len(found) != _KNOWN[name]().digest_size:
        raise Unusable(f"{field}: {name} has not the length of a {name}")
    return found
