"""A mail server that does as it is told: every answer of a session can be set.

It speaks just enough SMTP (RFC 5321) to be spoken to, keeps what it took, and can be slow, rude or
gone at any moment; the real server that tests also use is Exim.
"""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import BinaryIO

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DROP = "drop"  # as an answer: hang up instead
SILENT = "silent"  # as an answer: say nothing until the server is closed


@dataclass
class SmtpServer:
    """What it says to which command (`answers`), what it offers, and what it took."""

    answers: dict[str, str] = field(default_factory=dict)
    refuses: dict[str, str] = field(default_factory=dict)  # by mailbox
    offers: list[str] = field(default_factory=lambda: ["SIZE 20000000", "8BITMIME"])
    tls: ssl.SSLContext | None = None
    taken: list[bytes] = field(default_factory=list)
    seen: list[bytes] = field(default_factory=list)  # also what was not confirmed
    commands: list[str] = field(default_factory=list)
    port: int = 0

    @property
    def messages(self) -> list[EmailMessage]:
        """What it took, read."""
        return [message_from_bytes(raw, policy=default) for raw in self.taken]

    @property
    def settings(self) -> dict[str, str]:
        """Settings of the mail channel that lead here."""
        starttls = "require" if self.tls else "off"
        return {
            "host": "127.0.0.1",
            "port": str(self.port),
            "starttls": starttls,
            "from": "Tocsin at CERT <tocsin@cert.example>",
        }

    @contextmanager
    def running(self) -> Iterator["SmtpServer"]:
        """Listens on a port of its own until the block ends."""
        self._end = threading.Event()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
            yield self
            self._end.set()
            listener.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with ExitStack() as stack, suppress(OSError, ssl.SSLError, ConnectionError):
            self._session(stack.enter_context(client), stack)

    def _session(self, client: socket.socket, stack: ExitStack) -> None:
        file = client.makefile("rb")
        if not self._say(client, "CONNECT", "220 mail.example ready"):
            return
        while line := file.readline():
            command = line.decode().strip()
            self.commands.append(command)
            verb = command.split()[0].upper()
            if verb == "EHLO":
                extra = [*self.offers, *(["STARTTLS"] if self._may_secure(client) else [])]
                lines = ["mail.example", *extra]
                going = self._say(
                    client, "EHLO", "\r\n".join(f"250-{one}" for one in lines) + "\r\n250 HELP"
                )
            elif verb == "STARTTLS" and self.tls:
                going = self._say(client, verb, "220 go ahead")
                wrapped = self.tls.wrap_socket(
                    client, server_side=True, do_handshake_on_connect=False
                )
                client = stack.enter_context(wrapped)
                client.do_handshake()
                file = client.makefile("rb")
            elif verb == "RCPT":
                mailbox = command.split("<")[1].split(">")[0]
                going = self._say(client, verb, self.refuses.get(mailbox, "250 ok"))
            elif verb == "DATA":
                going = self._take(client, file)
            else:
                going = self._say(client, verb, "221 bye" if verb == "QUIT" else "250 ok")
            if not going or verb == "QUIT":
                return

    def _may_secure(self, client: socket.socket) -> bool:
        return self.tls is not None and not isinstance(client, ssl.SSLSocket)

    def _take(self, client: socket.socket, file: BinaryIO) -> bool:
        if "DATA" in self.answers:
            return self._say(client, "DATA", "")
        self._say(client, "DATA", "354 go on")
        lines = []
        while (line := file.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b"."))
        self.seen.append(b"".join(lines))
        if self.answers.get("END", "250").startswith("250"):
            self.taken.append(b"".join(lines))
        return self._say(client, "END", "250 taken")

    def _say(self, client: socket.socket, step: str, standard: str) -> bool:
        """Answer; False where the session is over."""
        answer = self.answers.get(step, standard)
        if answer == SILENT:
            self._end.wait(30)
        if answer in (SILENT, DROP):
            return False
        client.sendall(f"{answer}\r\n".encode())
        return True


def certificate(folder: Path, *, name: str = "127.0.0.1", days: int = 30) -> Path:
    """A certificate that trusts itself, with its key, in one file; `days` below 0: run out."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    title = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names: list[x509.GeneralName] = (
        [x509.IPAddress(ip_address(name))] if name[0].isdigit() else [x509.DNSName(name)]
    )
    made = (
        x509.CertificateBuilder()
        .subject_name(title)
        .issuer_name(title)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=40))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}-{days}.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(secret + made.public_bytes(Encoding.PEM))
    return file


def tls_of(file: Path) -> ssl.SSLContext:
    """The server's side of TLS with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
