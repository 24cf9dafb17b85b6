"""Where an address really leads: redirects followed one by one, each looked at before it is asked.

Runs as a process of its own, `python -m tocsin.channels.landing`: one order as JSON on standard
input, one result as JSON on standard output, and nothing else. It knows no database, no store and
no secret, gives up its privileges and limits itself before it reads the order. Nothing of a page
is run or kept: its title, its digest, the names in its certificate, and where it went.
"""

import codecs
import hashlib
import json
import re
import sys
import time
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from html import unescape
from io import BytesIO
from pathlib import Path
from urllib.parse import urljoin

import idna

from tocsin.channels import outbound
from tocsin.channels.outbound import Answer, Policy, Sink
from tocsin.channels.public_addresses import read_networks
from tocsin.flow.urls import read_url
from tocsin.words.confinement import PROGRAMS, Held, Limits, Wanted, confine
from tocsin.words.errors import TocsinError, Undelivered, Unreadable, Unusable

MOST_HOPS = 6
MOST_BYTES = 2 * 1024 * 1024
SECONDS = 30  # for the whole chain
PORTS = (80, 443, 8080, 8443)
LONGEST_TITLE, MOST_NAMES = 200, 20
_HEAD = 64 * 1024
_REDIRECTS = (301, 302, 303, 307, 308)
_MEMORY = 768 * 1024**2
# Whom to ask for a name, and who vouches for one.
_READ = (
    *("/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf"),
    *("/etc/services", "/etc/protocols", "/etc/localtime", "/etc/ssl/certs", "/etc/ssl/cert.pem"),
    *("/etc/ssl/openssl.cnf", "/etc/pki/tls", "/etc/pki/ca-trust", "/etc/ca-certificates"),
)
_TITLE = re.compile(rb"<title[^>]{0,200}>(.{0,4000}?)</title", re.IGNORECASE | re.DOTALL)
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?([A-Za-z0-9_-]{1,40})", re.IGNORECASE)
_ENCODINGS = (
    "idna utf-8 utf-16 ascii latin-1 cp1250 cp1251 cp1252 cp1253 cp1254 cp1257 iso8859-2 iso8859-5 "
    "iso8859-7 iso8859-9 iso8859-13 iso8859-15 koi8-r koi8-u gbk big5 shift_jis euc-jp euc-kr"
).split()
# What a browser says of itself at the least; no language, no cookie, no page it came from.
_HEADERS = {"User-Agent": "Mozilla/5.0", "Accept": "text/html,*/*;q=0.5"}


@dataclass(frozen=True)
class Hop:
    """One address that was asked, and what it said."""

    url: str
    status: int


@dataclass(frozen=True)
class Fetcher:
    """The operator's settings; `is_on` false: nothing is ever fetched."""

    is_on: bool = False
    proxy: str = ""
    allow: str = ""
    ports: tuple[int, ...] = PORTS

    def order(self, url: str) -> bytes:
        """What the process is told."""
        words = {"url": url, "proxy": self.proxy, "allow": self.allow, "ports": self.ports}
        return json.dumps(words).encode()


@dataclass(frozen=True)
class Order:
    """What to look at, and how far it may go; the words are the operator's settings."""

    url: str
    allow: str = ""
    ports: tuple[int, ...] = PORTS
    proxy: str = ""
    ca_file: str = ""


@dataclass
class Result:
    """What was found; `fault` is a sentence where the chain broke off."""

    landing: str = ""
    status: int = 0
    hops: list[Hop] = field(default_factory=list)
    title: str = ""
    names: list[str] = field(default_factory=list)
    digest: str = ""
    size: int = 0
    is_cut: bool = False
    fault: str = ""


class _Meter(BytesIO):
    """Keeps the beginning of a body, and digest and size of all of it."""

    def __init__(self) -> None:
        super().__init__()
        self.hash = hashlib.sha256()
        self.size = 0
        self.head = b""

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Count it, and forget it."""
        self.hash.update(data)
        self.size += len(data)
        self.head += data[: _HEAD - len(self.head)]
        return len(data)


def follow(order: Order) -> Result:
    """Ask, and follow; raises nothing of its own."""
    result, ends = Result(), time.monotonic() + SECONDS
    try:
        url = read_url(order.url).text
        while True:
            answer, meter = _ask(url, order, ends, result)
            result.hops.append(Hop(url, answer.status))
            target = answer.headers.get("location", "")
            if answer.status not in _REDIRECTS or not target:
                return _landed(result, url, answer, meter)
            if len(result.hops) > MOST_HOPS:
                result.fault = f"over {MOST_HOPS} redirects"
                return result
            url = _next(url, target)
    except (TocsinError, ValueError) as fault:
        result.fault = str(fault)[:300]
    return result


def _ask(url: str, order: Order, ends: float, result: Result) -> tuple[Answer, _Meter]:
    """One request; a body that is too long is an answer as well."""
    meter, left = _Meter(), ends - time.monotonic()
    if left <= 0:
        raise Undelivered(f"not there within {SECONDS} seconds", lasting=True)
    policy = Policy(
        allow=read_networks(order.allow),
        ports=frozenset(order.ports),
        plain=True,
        ca_file=order.ca_file,
        total=timedelta(seconds=left),
        proxy=outbound.read_url(order.proxy) if order.proxy else None,
    )
    try:
        answer = outbound.request(
            outbound.read_url(url),
            headers=_HEADERS,
            method="GET",
            policy=policy,
            into=Sink(meter, MOST_BYTES),
        )
    except Undelivered:
        if not meter.size:
            raise
        result.is_cut = True
        return Answer(200, {}, b""), meter
    if answer.body:
        meter.write(answer.body)
    return answer, meter


def _next(url: str, target: str) -> str:
    """Where a redirect leads, as a browser reads it; raises `Unreadable` for another scheme."""
    if len(target) > outbound.LONGEST_URL:
        raise Unreadable(f"a redirect of {len(target)} letters")
    return read_url(urljoin(url, target.strip())).text


def _landed(result: Result, url: str, answer: Answer, meter: _Meter) -> Result:
    result.landing, result.status = url, answer.status
    result.names = list(answer.tls_names[:MOST_NAMES])
    result.digest, result.size = meter.hash.hexdigest(), meter.size
    result.title = _title(meter.head, answer.headers.get("content-type", ""))
    return result


def _title(head: bytes, content_type: str) -> str:
    """The title as text on one line."""
    found = _TITLE.search(head)
    if found is None:
        return ""
    said = _CHARSET.search(content_type.encode("ascii", "replace")) or _CHARSET.search(head[:2048])
    charset = said[1].decode() if said else "utf-8"
    try:
        text = found[1].decode(charset, "replace")
    except (LookupError, ValueError):  # no such charset, or one that is not for bytes of strangers
        text = found[1].decode("utf-8", "replace")
    plain = "".join(char if char.isprintable() else " " for char in unescape(text))
    return " ".join(plain.split())[:LONGEST_TITLE]


# ── as a process ─────────────────────────────────────────────────────────────────────────


def _confine() -> Held:
    """As nobody where it is root; no file but what a look-up reads, little memory, no process.

    What is loaded on demand is loaded before: nobody may not read it.
    """
    for name in _ENCODINGS:
        codecs.lookup(name)
    idna.encode("bücher.example", uts46=True)
    limits = Limits(memory=_MEMORY, seconds=SECONDS, processes=0)
    return confine(Wanted((*PROGRAMS, *_READ, *_own()), network=True, limits=limits))


def _own() -> tuple[str, ...]:
    """Where Python and what it loads lie: never a whole home or a store beside them."""
    return tuple({path for path in sys.path if path and Path(path).is_dir()})


def main() -> None:
    """One order, one result."""
    _confine()
    words = json.loads(sys.stdin.read(_HEAD))
    try:
        order = Order(**{**words, "ports": tuple(words.get("ports") or PORTS)})
    except TypeError as fault:
        raise Unusable(f"no order: {fault}") from None
    sys.stdout.write(json.dumps(asdict(follow(order))))


if __name__ == "__main__":
    main()
