"""Addresses in a text: found, put back into their own spelling, one host each.

Nothing is ever fetched. A redirector of the sender's stays as it is. An address that the
recipient's own protection has wrapped is unwrapped where the wrapping holds it in the clear:
otherwise the protection would be reported in the attacker's stead.
"""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, unquote

from tocsin.formats.mail.limits import LIMITS

# Signs of a URL end before these; what closes a sentence is cut off afterwards.
_URL = re.compile(
    r"(?<![a-z0-9])(?:h(?:tt|xx|XX|\*\*|__)ps?|fxp|ftps?)(?:\[:\]|:|\[://\])(?://|\[//\]|(?<=://\]))"
    r"[^\s<>\"\u00a0\u2028\u2029{}|\\^`]{1,8192}+",
    re.IGNORECASE,
)
_WWW = re.compile(r"(?<![\w.@/:-])www\.[\w-]{1,63}\.[^\s<>\"{}|\\^`]{2,8192}+", re.IGNORECASE)
_DEFANGED = re.compile(
    r"(?<![\w.@/:\]-])[\w-]{1,63}+(?:\.[\w-]{1,63}+)*+(?:\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\))"
    r"[\w.\[\](){}-]{1,253}+(?:/[^\s<>\"]{0,4096}+)?",
    re.IGNORECASE,
)
_DOT = re.compile(r"\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\)", re.IGNORECASE)
_SCHEME = re.compile(r"(?i)(h(?:tt|xx|\*\*|__)p|fxp|ftp)(s?)(?:\[:\]|:)?[/\\]*")
_BEGINS = re.compile(r"(?i)(?:h(?:tt|xx|\*\*|__)ps?|fxp|ftps?)(?::|\[:\])|//|www\.")
_CLOSING = ".,;:!?'*>)]»”’…"
_HOST = re.compile(r"[a-z]+://(?:[^/?#@]*+@)*([^/?#@]*)")
_LABELS = re.compile(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?", re.ASCII)
_SHOWN = re.compile(r"(?i)^\W{0,3}(?:https?://)?((?:[\w-]{1,63}\.){1,8}[a-z]{2,24})(?:[/?#:\s]|$)")
_UNSEEN = re.compile("[\x00-\x20\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
# Addresses that name a language or a vocabulary and lead nowhere: the XML namespaces that
# mail programs write into every page.
NO_PLACES = (
    "http://www.w3.org/",
    "https://www.w3.org/",
    "http://schemas.microsoft.com/",
    "http://schemas.openxmlformats.org/",
    "http://schema.org/",
    "https://schema.org/",
    "http://purl.org/",
    "http://ns.adobe.com/",
)
# The recipient's own protection: end of the host, the parameter with the address in the clear.
# Sources: Microsoft Safe Links, Barracuda Link Protection, Proofpoint URL Defense 2.
WRAPPERS = {
    "safelinks.protection.outlook.com": "url",
    "linkprotect.cudasvc.com": "a",
    "urldefense.proofpoint.com": "u",
}
_DEFENCE_3 = re.compile(r"https://urldefense\.com/v3/__(.{1,8000}?)__;")


@dataclass(frozen=True)
class Address:
    """A URL in its own spelling, its host in ASCII (empty for one that is no name or address),
    and what the link to it shows instead (the host in its text), where that is another one."""

    url: str
    host: str
    found_in: str
    shown: str = ""
    wrapped_by: str = ""


def addresses_of_text(text: str) -> list[str]:
    """Everything in a text that is an address or a defanged one, in order of appearance."""
    found: list[tuple[int, str]] = []
    lower = text.lower()
    if ":" in lower and ("//" in lower or "[:" in lower):
        found += [(match.start(), match[0]) for match in _URL.finditer(text)]
    if "www." in lower:
        found += [(match.start(), match[0]) for match in _WWW.finditer(text)]
    if _DOT.search(lower):
        taken = {range(at, at + len(one)) for at, one in found}
        found += [
            (match.start(), match[0])
            for match in _DEFANGED.finditer(text)
            if len(taken) < 50 and not any(match.start() in span for span in taken)
        ]
    return [_unpunctuated(one) for _, one in sorted(found)[: 4 * LIMITS.addresses]]


def _unpunctuated(text: str) -> str:
    """Without what closes a sentence or a bracket that was opened before the address."""
    stem = text.rstrip(_CLOSING)
    tail = text[len(stem) :]
    for begins, ends in ("()", "[]"):
        if tail.startswith(ends) and stem.count(begins) > stem.count(ends):
            return stem + ends
    return stem


def address(text: str, found_in: str, shown: str = "") -> Address | None:
    """An address as it was written to the address it is; None for what leads nowhere."""
    url, wrapper = unwrapped(respelt(text))
    if not url or len(url) > LIMITS.url or url.lower().startswith(NO_PLACES):
        return None
    host = host_of(url)
    if not host:
        return None
    return Address(url, host, found_in, _other_host(shown, host, wrapper), wrapper)


def respelt(text: str) -> str:
    """`hxxps[:]//shop[.]example\\a` to `https://shop.example/a`; empty for no web address."""
    text = _UNSEEN.sub(_escaped, text.strip())
    text = text.replace("[://]", "://", 1).replace("[//]", "//", 1)
    begins = _BEGINS.match(text)
    if begins is None:
        host, slash, rest = text.partition("/")
        return "http://" + _DOT.sub(".", host) + slash + rest if _DOT.search(host) else ""
    if begins[0] == "//":
        text = "https:" + text
    elif begins[0].lower() == "www.":
        text = "http://" + text
    scheme = _SCHEME.match(text)
    if scheme is None:
        return ""
    kind = "ftp" if scheme[1][:1] in "fF" else "http"
    rest = text[scheme.end() :].replace("\\", "/")
    place = re.match(r"[^/?#]*", rest)
    end = place.end() if place else 0
    return f"{kind}{scheme[2].lower()}://{_DOT.sub('.', rest[:end])}{rest[end:]}"


def _escaped(found: re.Match[str]) -> str:
    """Signs that are not seen are part of an address only in the form that browsers send."""
    return quote(found[0])


def host_of(url: str) -> str:
    """The host of an address: a name in ASCII, an IPv4 address, or an IPv6 address bare."""
    found = _HOST.match(url)
    if found is None:
        return ""
    host = found[1].lower()
    if host.startswith("["):
        return host[1:].split("]", 1)[0] if ":" in host else ""
    host = unquote(host.split(":", 1)[0]) if "%" in host else host.split(":", 1)[0]
    if not host.isascii():
        try:
            host = host[:253].encode("idna").decode("ascii").lower()
        except UnicodeError:
            return ""
    host = host.rstrip(".")
    return host if _LABELS.fullmatch(host) and "." in host else ""


def unwrapped(url: str) -> tuple[str, str]:
    """An address without the wrapping of the recipient's protection, and whose that was."""
    lower = url[:300].lower()
    if not any(wrapper in lower for wrapper in (*WRAPPERS, "urldefense.com")):
        return url, ""
    third = _DEFENCE_3.match(url)
    if third is not None:
        return respelt(third[1]), "urldefense.com"
    host = host_of(url)
    for wrapper, parameter in WRAPPERS.items():
        if host == wrapper or host.endswith("." + wrapper):
            inner = _parameter(url, parameter)
            if wrapper.startswith("urldefense"):
                inner = unquote(inner.replace("-", "%").replace("_", "/"))
            return (respelt(inner), wrapper) if inner else (url, "")
    return url, ""


def _parameter(url: str, name: str) -> str:
    query = url.partition("?")[2].partition("#")[0]
    try:
        return parse_qs(query, max_num_fields=50).get(name, [""])[0]
    except ValueError:
        return ""


def _other_host(shown: str, host: str, wrapper: str) -> str:
    """The host that a link shows in its text, where it leads somewhere else."""
    found = _SHOWN.match(shown)
    if found is None:
        return ""
    claimed = found[1].lower()
    same = claimed == host or host.endswith("." + claimed) or claimed.endswith("." + host)
    return "" if same or claimed.endswith(wrapper or " ") else claimed
