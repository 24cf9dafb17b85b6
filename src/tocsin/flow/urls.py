"""Where a URL leads, as a browser reads it: the host that is really asked.

Phishing hides it: `https://bank.example@evil.example`, backslashes, blanks and line ends inside,
percent signs, capital letters, letters of other scripts, addresses as one number. The rules are
those of the URL Standard (WHATWG, sections 3.5, 4.4) for http and https, no other scheme.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote, unquote_to_bytes

import idna

from tocsin.words.errors import Unreadable

LONGEST = 8192
LONGEST_NAME = 253  # RFC 1035 2.3.4, as text
_PORTS = {"http": 80, "https": 443}
_BLANKS = dict.fromkeys(map(ord, "\t\n\r"))
_ENDS = "".join(map(chr, range(33)))
_URL = re.compile(r"(?:(https?):)[/\\]*([^/\\?#]*)([^?#]*)(\?[^#]*)?", re.IGNORECASE)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:(?![0-9]{1,5}(?:[/\\?#]|$))", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9_-]{1,63}\Z")
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)\Z")
# What a name of a host never holds; most of them end it in some program or other.
_FORBIDDEN = re.compile(r"[\x00-\x20\"#%/:<>?@\[\\\]^`{|}\x7f]")


@dataclass(frozen=True)
class Landing:
    """Where a URL leads. `host` in ASCII without a final dot, an IPv6 address without brackets."""

    scheme: str
    host: str
    port: int
    path: str  # begins with a slash; with the query, without the fragment
    is_address: bool

    @property
    def text(self) -> str:
        """The URL in one spelling, without user, password and fragment."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.path}"


def read_url(text: str) -> Landing:
    """`text` as a browser reads it, http where it says no scheme; raises `Unreadable`."""
    if len(text) > LONGEST:
        raise Unreadable(f"a URL of {len(text)} characters. Possible: at most {LONGEST}")
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise _unreadable(text, "with half a character")
    plain = text.strip(_ENDS).translate(_BLANKS)
    if not re.match(r"https?:", plain, re.IGNORECASE):
        if _SCHEME.match(plain):
            raise _unreadable(text, "of a scheme that is not listed")
        plain = f"http://{plain}"
    found = _URL.match(plain)
    if found is None:
        raise _unreadable(text, "no URL")
    scheme = found[1].lower()
    host, port = _split_port(found[2].rpartition("@")[2], text)
    name, is_address = read_host(host)
    path = quote(found[3].replace("\\", "/") or "/", safe="/%:@!$&'()*+,;=~[]|")
    query = quote(found[4] or "", safe="/%:@!$&()*+,;=~[]|?{}^`'\\")
    return Landing(scheme, name, port or _PORTS[scheme], path + query, is_address)


def _split_port(authority: str, text: str) -> tuple[str, int | None]:
    found = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::([0-9]*))?", authority)
    if found is None:
        raise _unreadable(text, "with a host that is none")
    port = int(found[2][:6]) if found[2] else None
    if port is not None and not 0 < port < 65536:
        raise _unreadable(text, "with a port that is none (1 to 65535)")
    return found[1], port


def read_host(text: str) -> tuple[str, bool]:
    """A host as it is asked for, and whether it is an address; raises `Unreadable`.

    `BANK.Example.` is `bank.example`, `bücher.example` is `xn--bcher-kva.example`, `0x7f.1` is
    127.0.0.1.
    """
    if text.startswith("["):
        return _read_v6(text), True
    try:
        plain = unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise _unreadable(text, "with a host that is no text in UTF-8") from None
    name = _ascii(plain).removesuffix(".")
    labels = name.split(".")
    if _NUMBER.match(labels[-1]):
        return _read_v4(labels, text), True
    if len(name) > LONGEST_NAME or not all(_LABEL.match(label) for label in labels):
        raise _unreadable(text, "with a host that no name server knows")
    return name, False


def _ascii(text: str) -> str:
    """Lower case; letters of other scripts as IDNA 2008 writes them, after UTS 46."""
    if text.isascii():
        return text.lower()
    try:
        plain = idna.uts46_remap(text, std3_rules=False, transitional=False)
        return ".".join(
            label.lower() if label.isascii() else idna.alabel(label).decode()
            for label in plain.split(".")
        )
    except (idna.IDNAError, UnicodeError):
        raise _unreadable(text, "with a host that has no form in IDNA 2008") from None


def _read_v6(text: str) -> str:
    try:  # a zone (%eth0) means nothing to anybody else
        return str(IPv6Address(text.strip("[]").replace("%", " ")))
    except ValueError:
        raise _unreadable(text, "with an address that is none") from None


def _read_v4(labels: list[str], text: str) -> str:
    """Four numbers or fewer, the last one filling up; octal and hexadecimal ones as well."""
    try:
        *first, last = [_number(label) for label in labels[-5:]]
    except ValueError:
        raise _unreadable(text, "with an address that is none") from None
    if len(first) > 3 or any(part > 255 for part in first) or last >= 256 ** (4 - len(first)):
        raise _unreadable(text, "with an address that is none")
    return str(IPv4Address(last + sum(part << 8 * (3 - at) for at, part in enumerate(first))))


def _number(label: str) -> int:
    if label.startswith("0x"):
        return int(label[2:] or "0", 16)
    return int(label, 8 if label.startswith("0") and len(label) > 1 else 10)


def _unreadable(text: str, what: str) -> Unreadable:
    return Unreadable(
        f"{text[:80]!a}: {what}. Possible: https://name.example/path, http or https, "
        "with a name or an address"
    )
