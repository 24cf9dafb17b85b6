"""What an app shows as second factor (RFC 6238), reckoned here and not by what is tested."""

import base64
import hmac
import struct
import time
from hashlib import sha1


def code(secret: str, *, at: float | None = None) -> str:
    """The six digits of this half minute."""
    key = base64.b32decode(secret)
    digest = hmac.new(key, struct.pack(">Q", int((at or time.time()) // 30)), sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset : offset + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"
