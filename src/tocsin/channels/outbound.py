"""The house's one HTTP client: one request to an address that was looked at before.

The name is resolved once, every address that comes back is judged, and the connection goes to
exactly those (so a name that changes its mind between look and leap gains nothing), while
server name, Host and certificate check use the name. Redirects and proxies of the environment
are not followed; every step has a time limit, and the whole has one that drops cannot stretch.
"""

import http.client
import io
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, BinaryIO
from urllib.parse import SplitResult, urlsplit

import idna

from tocsin.channels.public_addresses import Address, Network, read_address, why_refused
from tocsin.words.errors import Undelivered, Unusable

LONGEST_URL = 2_000
LONGEST_BODY = 64 * 1024  # of an answer; the rest is not read
_LONGEST_ANSWER = 256 * 1024  # with its head and framing, so that headers have an end too
_MOST_ADDRESSES = 8
_LONGEST_TUNNEL = 8 * 1024  # what a proxy may say before it opens
_REST = 10.0  # seconds for the body of an answer, when its status has been heard
_BLOCK = 256 * 1024
_PLAIN = re.compile(r"[!-\[\]-~]*")  # printable ASCII without blank and backslash (RFC 3986)
_TOKEN = re.compile(r"[A-Za-z0-9-]+")
_VALUE = re.compile(r"[!-~]([ -~]*[!-~])?")
_PORTS = {"https": 443, "http": 80}

Resolve = Callable[[str, int], list[str]]


@dataclass(frozen=True)
class Policy:
    """What this node's operator lets out. `plain` allows http, for tests and time stamps.

    `connect` is for one address, `idle` for one read or write, `total` for everything from
    the look-up to the end of the answer. `ca_file` stands in for the system's authorities.
    """

    allow: tuple[Network, ...] = ()
    ports: frozenset[int] = frozenset({443})
    plain: bool = False
    ca_file: str = ""
    connect: timedelta = timedelta(seconds=10)
    idle: timedelta = timedelta(seconds=30)
    total: timedelta = timedelta(minutes=4)
    # Tunnels to the addresses that were judged here (CONNECT, RFC 9110 9.3.6): it resolves nothing.
    proxy: "Target | None" = None


@dataclass(frozen=True)
class Target:
    """Where a request goes: `host` in A-labels or as an address, `path` with its query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The `Host` header: the port only where it is not the usual one (RFC 9110 7.2)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """For people and logs: without path and query, which may hold a receiver's secret."""
        return f"{self.scheme}://{self.authority}"


@dataclass(frozen=True)
class Sink:
    """Where the body of a success goes, and how many bytes of it at most."""

    file: BinaryIO
    most: int


@dataclass(frozen=True)
class Answer:
    """What came back: header names in lower case, at most 64 KiB of the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    tls_names: tuple[str, ...] = ()  # DNS names in the certificate that was shown


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, by the system's resolver."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def request(
    target: Target,
    *,
    headers: Mapping[str, str],
    body: Iterable[bytes] = (),
    policy: Policy,
    method: str = "POST",
    resolve: Resolve = resolve,
    into: Sink | None = None,
) -> Answer:
    """Send one request on a connection of its own; raises `Undelivered` and nothing else.

    `body` is sent as it comes, so `headers` must hold its Content-Length. Whatever status came
    back is an answer, redirects too. With `into` the body of a success is written there, whole or
    `Undelivered`; without, its beginning is in the answer.
    """
    _check_policy(target, policy)
    _check_headers(target, headers)
    ends = time.monotonic() + policy.total.total_seconds()
    with _sentences(target, policy):
        addresses = _addresses(target, policy, resolve)
        with _connected(target, addresses, policy, ends) as connection:
            line = _Line(connection, ends, policy.idle.total_seconds())
            return _converse(line, target, method, headers, body, into=into)


def require_reachable(target: Target, *, policy: Policy, resolve: Resolve = resolve) -> None:
    """Look the target up and judge it, and connect to nothing; raises `Undelivered`."""
    _check_policy(target, policy)
    with _sentences(target, policy):
        _addresses(target, policy, resolve)


# ── the address ──────────────────────────────────────────────────────────────────────────


def read_url(url: str) -> Target:
    """An https (or http) URL, strictly; raises `Unusable` and never repeats path or query."""
    if " " in url or not url.isprintable():
        raise Unusable("the URL holds blanks or control characters. Possible: write them as %XX")
    if len(url) > LONGEST_URL:
        raise Unusable(f"the URL has {len(url)} characters. Possible: at most {LONGEST_URL:,}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as fault:
        raise Unusable(
            f"this is no URL ({fault}). Possible: https://hooks.example/tocsin"
        ) from None
    _check_parts(url, parts)
    host = _host(parts.hostname or "")
    path = parts.path or "/"
    query = f"?{parts.query}" if parts.query else ""
    return Target(parts.scheme, host, _PORTS[parts.scheme] if port is None else port, path + query)


def _check_parts(url: str, parts: SplitResult) -> None:
    if parts.scheme not in _PORTS or not parts.hostname:
        raise Unusable("no https address with a host. Possible: https://hooks.example/tocsin")
    if "@" in parts.netloc:
        raise Unusable("the URL holds a name or a password before @. Possible: leave them out")
    if "#" in url:
        raise Unusable("the URL has a fragment (#…), which is never sent. Possible: leave it out")
    after = url.split("//", 1)[-1].removeprefix(parts.netloc)
    if not _PLAIN.fullmatch(after) or "\\" in url:
        raise Unusable(
            "the URL holds backslashes or other than ASCII characters after the host. "
            "Possible: write them as %XX"
        )


def _host(host: str) -> str:
    """The name in A-labels (IDNA 2008), or the address as it is usually written."""
    address = read_address(host)
    if address is not None and not getattr(address, "scope_id", None):
        return str(address)
    try:
        name = idna.encode(host.removesuffix(".")).decode("ascii")
    except (idna.IDNAError, UnicodeError) as fault:
        raise Unusable(f"{host!r} is no host name ({fault}). Possible: hooks.example") from None
    last = name.rsplit(".", 1)[-1]
    if last.isdigit() or last.startswith("0x"):
        # What the C library takes for an address: 127.1, 0x7f.1, 017700000001.
        raise Unusable(f"{host!r} is neither a name nor an address. Possible: 198.51.100.7")
    return name


def _check_policy(target: Target, policy: Policy) -> None:
    if target.scheme != "https" and not policy.plain:
        raise Undelivered(f"{target.origin}: only https is spoken here", lasting=True)
    if target.port not in policy.ports:
        possible = ", ".join(str(port) for port in sorted(policy.ports))
        raise Undelivered(
            f"{target.origin}: port {target.port} is not open here. Possible: {possible}, or the "
            "operator opens it",
            lasting=True,
        )


def _check_headers(target: Target, headers: Mapping[str, str]) -> None:
    """A line break in a value would begin a header, or a request, of somebody else's."""
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise Undelivered(f"{target.origin}: {name!r} cannot be a header", lasting=True)


def _addresses(target: Target, policy: Policy, resolve: Resolve) -> list[Address]:
    """All addresses of the target, if each may be connected to."""
    literal = read_address(target.host)
    found = [str(literal)] if literal else resolve(target.host, target.port)
    addresses = [address for text in found if (address := read_address(text)) is not None]
    if not addresses or len(addresses) < len(found):
        raise socket.gaierror(socket.EAI_NONAME, "no address")
    for address in addresses:
        if why := why_refused(address, policy.allow):
            raise Undelivered(
                f"{target.origin}: it leads to {address}, which is refused ({why}). Possible: a "
                "public address, or the operator allows the network",
                lasting=True,
            )
    return addresses[:_MOST_ADDRESSES]


# ── the connection ───────────────────────────────────────────────────────────────────────


@contextmanager
def _connected(
    target: Target, addresses: list[Address], policy: Policy, ends: float
) -> Iterator[socket.socket]:
    """A connection to the first address that takes one; over TLS, checked against the name."""
    context = _tls(policy) if target.scheme == "https" else None
    with _reached(target, addresses, policy, ends) as connection:
        if context is None:
            yield connection
            return
        connection.settimeout(_left(ends, policy.connect.total_seconds()))
        with context.wrap_socket(connection, server_hostname=target.host) as sealed:
            yield sealed


def _reached(
    target: Target, addresses: list[Address], policy: Policy, ends: float
) -> socket.socket:
    """A connection to one of the addresses, through the operator's proxy where there is one."""
    if policy.proxy is None:
        return _first(addresses, target.port, policy, ends)
    host, port = policy.proxy.host, policy.proxy.port
    within = _left(ends, policy.connect.total_seconds())
    connection = socket.create_connection((host, port), timeout=within)
    try:
        _tunnel(connection, addresses[0], target.port)
    except BaseException:
        connection.close()
        raise
    return connection


def _tunnel(connection: socket.socket, address: Address, port: int) -> None:
    place = f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
    connection.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):  # byte by byte: what follows is not the proxy's
        byte = connection.recv(1)
        head += byte
        if not byte or len(head) > _LONGEST_TUNNEL:
            raise ConnectionResetError
    if not re.match(rb"HTTP/1\.[01] 2[0-9][0-9] ", head):
        raise http.client.BadStatusLine("the proxy refused")


def _first(addresses: list[Address], port: int, policy: Policy, ends: float) -> socket.socket:
    for number, address in enumerate(addresses, start=1):
        try:
            within = _left(ends, policy.connect.total_seconds())
            return socket.create_connection((str(address), port), timeout=within)
        except OSError:
            if number == len(addresses):
                raise
    raise AssertionError("there is always an address")


def _tls(policy: Policy) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=policy.ca_file or None)
    except (OSError, ssl.SSLError) as fault:
        raise Undelivered(
            f"the authorities in {policy.ca_file} cannot be read ({fault}). Possible: a PEM file",
            lasting=False,
        ) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _left(ends: float, most: float) -> float:
    """Seconds for the next step; raises `TimeoutError` when the whole is over."""
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return min(left, most)


class _Line:
    """A connection as `http.client` sees it, with a time limit on every step and on the whole."""

    def __init__(self, connection: socket.socket, ends: float, idle: float) -> None:
        self.connection = connection
        self.ends = ends
        self.idle = idle
        self.more = 0  # bytes of an answer beyond the usual, where it is wanted whole

    def sendall(self, data: bytes) -> None:
        """Send everything; a socket's own `sendall` over TLS would renew its limit per record."""
        rest = memoryview(data)
        while rest:
            self.connection.settimeout(_left(self.ends, self.idle))
            rest = rest[self.connection.send(rest[:_BLOCK]) :]

    def makefile(self, _mode: str) -> io.BufferedReader:
        """The answer, for reading."""
        return io.BufferedReader(_Incoming(self))

    def close(self) -> None:
        """Nothing: who opened the connection closes it."""


class _Incoming(io.RawIOBase):
    """What comes in: it ends after so many bytes, whoever goes on sending."""

    def __init__(self, line: _Line) -> None:
        super().__init__()
        self.line = line
        self.left = _LONGEST_ANSWER

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read what is there, at most what is left."""
        left = self.left + self.line.more
        if not left:
            return 0
        self.line.connection.settimeout(_left(self.line.ends, self.line.idle))
        count = self.line.connection.recv_into(buffer[:left])
        self.left -= count
        return count


def _converse(
    line: _Line,
    target: Target,
    method: str,
    headers: Mapping[str, str],
    body: Iterable[bytes],
    *,
    into: Sink | None,
) -> Answer:
    talk = http.client.HTTPConnection(target.host, target.port)
    talk.auto_open = 0  # never a connection of its own
    talk.sock = line
    talk.putrequest(method, target.path, skip_host=True, skip_accept_encoding=True)
    # One request per connection: nothing left over from an earlier answer can be taken for ours.
    for name, value in {"Host": target.authority, "Connection": "close", **headers}.items():
        talk.putheader(name, value)
    whole = False
    with suppress(BrokenPipeError, ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
        # Who refuses early stops reading; what it said is worth more than that it stopped.
        talk.endheaders()
        for block in body:
            talk.send(block)
        whole = True
    with talk.getresponse() as response:
        if response.status < 300 and not whole:
            raise ConnectionResetError  # nobody can have received what was not sent
        named = {name.lower(): value for name, value in response.getheaders()}
        shown = _tls_names(line.connection)
        if into is not None and response.status == 200:
            _pour(response, into, line, target)
            return Answer(response.status, named, b"", shown)
        line.ends = min(line.ends, time.monotonic() + _REST)
        return Answer(response.status, named, _body(response), shown)


def _tls_names(connection: socket.socket) -> tuple[str, ...]:
    """The DNS names of the certificate that was checked; none in clear."""
    shown: Mapping[str, Any] = (
        connection.getpeercert() or {} if isinstance(connection, ssl.SSLSocket) else {}
    )
    return tuple(name for kind, name in shown.get("subjectAltName", ()) if kind == "DNS")


def _pour(response: http.client.HTTPResponse, into: Sink, line: _Line, target: Target) -> None:
    """The whole body, block by block; a connection that breaks off raises."""
    line.more = into.most
    come = 0
    while block := response.read(_BLOCK):
        come += len(block)
        if come > into.most:
            said = f"what it sends is larger than {into.most:,} bytes"
            raise Undelivered(f"{target.origin}: {said}", lasting=True)
        into.file.write(block)
    if response.length:  # what Content-Length promised and did not come
        raise ConnectionResetError


def _body(response: http.client.HTTPResponse) -> bytes:
    """The beginning of the body, as far as it came: the status has been heard and counts."""
    body = b""
    with suppress(OSError, http.client.HTTPException, ValueError):
        while len(body) < LONGEST_BODY and (block := response.read1(LONGEST_BODY - len(body))):
            body += block
    return body


# ── what went wrong ──────────────────────────────────────────────────────────────────────


@contextmanager
def _sentences(target: Target, policy: Policy) -> Iterator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException, ValueError) as fault:
        raise Undelivered(f"{target.origin}: {_sentence(fault, policy)}", lasting=False) from None


def _sentence(fault: Exception, policy: Policy) -> str:
    """Ours, and never what the other side sent: that may repeat what we sent."""
    if isinstance(fault, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({fault.verify_message}). It is tried again"
    if isinstance(fault, TimeoutError):
        whole = f"{policy.total.total_seconds():g}"
        return f"no answer in time (at most {whole} seconds in all). It is tried again"
    for kinds, said in _SAID:
        if isinstance(fault, kinds):
            return f"{said}. It is tried again"
    return f"{getattr(fault, 'strerror', None) or type(fault).__name__}. It is tried again"


_SAID: tuple[tuple[type[Exception], str], ...] = (
    (socket.gaierror, "the name has no address"),
    (ConnectionRefusedError, "nobody takes connections there"),
    (ConnectionError, "it hung up without an answer"),
    (ssl.SSLEOFError, "it hung up without an answer"),
    (ssl.SSLError, "it does not speak TLS 1.2 or later as it should"),
    (http.client.HTTPException, "what came back is no HTTP answer"),
    (ValueError, "what came back is no HTTP answer"),
)
