"""People who are not to be named: their mail addresses blanked wherever they hide.

Phishing addresses carry the recipient's own mail address, plain, percent-encoded or in
base64, so that the page can greet them by it. What takes the page down works without it.
"""

import base64
import binascii
import re
from urllib.parse import quote

BLANK = "redacted"
# In a path a slash is more often the end of a token than part of one, so both are tried.
_BASE64 = re.compile(r"[A-Za-z0-9+_-]{8,1000}={0,2}")
_WITH_SLASH = re.compile(r"[A-Za-z0-9+/]{8,1000}={0,2}")
_TOKENS = 50


class People:
    """Mail addresses (lower case) to blank out of texts."""

    def __init__(self, addresses: set[str]) -> None:
        self._addresses = sorted(addresses, key=len, reverse=True)[:200]
        spellings = [form for one in self._addresses for form in _spellings(one)]
        self._written = (
            re.compile("|".join(re.escape(form) for form in spellings), re.IGNORECASE)
            if spellings
            else None
        )

    def blanked(self, text: str) -> str:
        """A text without them."""
        if self._written is None:
            return text
        text = self._written.sub(BLANK, text)
        for kind in (_BASE64, _WITH_SLASH):
            tokens = {token for token in kind.findall(text)[:_TOKENS] if self._is_in(token)}
            for token in sorted(tokens):
                text = text.replace(token, BLANK)
        return text

    def _is_in(self, token: str) -> bool:
        plain = token.rstrip("=").replace("-", "+").replace("_", "/")
        if len(plain) % 4 == 1:
            return False
        try:
            data = base64.b64decode(plain + "=" * (-len(plain) % 4))
        except (binascii.Error, ValueError):
            return False
        said = data.decode("latin-1").lower()
        return any(one in said for one in self._addresses)


def _spellings(one: str) -> tuple[str, ...]:
    """As it is, in the query of a URL, and as the bounce addresses of lists write it (VERP)."""
    local, _, domain = one.rpartition("@")
    return (one, f"{quote(local, safe='')}%40{domain}", f"{local}%40{domain}", f"{local}={domain}")
