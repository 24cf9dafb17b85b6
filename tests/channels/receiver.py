"""Other ends for tests: an authority of our own, an HTTPS receiver, a raw one that misbehaves."""

import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from socket import SHUT_WR, create_server, socket

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

LOOPBACK = "127.0.0.0/8 ::1"
HOUR = timedelta(hours=1)


class Authority:
    """A certificate authority that lives for one test; `path` is what trusts it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        constraints = x509.BasicConstraints(ca=True, path_length=None)
        self.certificate = (
            self._builder(self.name, self.key.public_key(), -HOUR, HOUR)
            .add_extension(constraints, critical=True)
            .sign(self.key, hashes.SHA256())
        )
        self.path = folder / "authority.pem"
        self.path.write_bytes(self.certificate.public_bytes(Encoding.PEM))

    def _builder(self, subject, public_key, since, until) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + since)
            .not_valid_after(now + until)
        )

    def context(self, name: str = "localhost", *, since=-HOUR, until=HOUR) -> ssl.SSLContext:
        """A server's side of TLS with a certificate for this name or address."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        try:
            named: x509.GeneralName = x509.IPAddress(ip_address(name))
        except ValueError:
            named = x509.DNSName(name)
        signed = (
            self._builder(subject, key.public_key(), since, until)
            .add_extension(x509.SubjectAlternativeName([named]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        file = self.folder / f"{signed.serial_number}.pem"
        file.write_bytes(
            signed.public_bytes(Encoding.PEM)
            + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


@dataclass(frozen=True)
class Received:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def parts(self) -> dict[str, tuple[str, bytes]]:
        """The fields of a multipart body: file name and bytes."""
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        return {
            part.get_param("name", header="content-disposition"): (
                part.get_filename(),
                part.get_payload(decode=True),
            )
            for part in message_from_bytes(head + self.body).get_payload()
        }


@dataclass(frozen=True)
class Said:
    """An answer to give."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def handle_error(self, request, client_address) -> None:
        """A client that does not like our certificate is no fault of the test."""


class Receiver:
    """An HTTPS receiver on this machine: writes down what comes, answers what it is told to."""

    def __init__(self, tls: ssl.SSLContext | None) -> None:
        self.requests: list[Received] = []
        self.answers: list[Said] = []
        self.otherwise = Said()  # once they are used up
        self.answered: list[tuple[Received, Said]] = []
        self.server = _Server(("127.0.0.1", 0), self._handler())
        if tls is not None:
            self.server.socket = tls.wrap_socket(
                self.server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port: int = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 5

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                named = {name.lower(): value for name, value in self.headers.items()}
                receiver.requests.append(Received(self.path, named, body))
                said = receiver.answers.pop(0) if receiver.answers else receiver.otherwise
                receiver.answered.append((receiver.requests[-1], said))
                self.send_response(said.status)
                for name, value in {"Content-Length": str(len(said.body)), **said.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(said.body)

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, *words) -> None:
                """Nothing on the terminal of a test."""

        return Handler

    @property
    def settings(self) -> dict[str, str]:
        """What a webhook needs to be let out to this machine."""
        return {"allow": LOOPBACK, "ports": str(self.port), "timeout": "20"}

    def close(self) -> None:
        """Go away; a second time changes nothing."""
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@contextmanager
def raw_server(talk: Callable[[socket], None]) -> Iterator[int]:
    """A port where one connection meets `talk`; every connection of it is closed at the end."""
    server = create_server(("127.0.0.1", 0))

    def serve() -> None:
        with suppress(OSError):
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.settimeout(10)
                talk(connection)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        with suppress(OSError):  # wake an accept that nobody came to
            socket_ = socket()
            socket_.settimeout(1)
            with socket_:
                socket_.connect(server.getsockname())
        server.close()
        thread.join()


def answering(data: bytes) -> Callable[[socket], None]:
    """Hear the head of a request, say this, and hang up."""

    def talk(connection: socket) -> None:
        hear(connection)
        connection.sendall(data)
        connection.shutdown(SHUT_WR)
        while connection.recv(65536):
            pass

    return talk


def hear(connection: socket) -> bytes:
    """Everything up to the blank line after the head."""
    heard = b""
    while b"\r\n\r\n" not in heard and (block := connection.recv(65536)):
        heard += block
    return heard
