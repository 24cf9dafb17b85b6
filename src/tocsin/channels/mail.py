"""Mail: one message with the files and their manifests, over SMTP (RFC 5321) with STARTTLS.

At least once: where the answer to a message is lost it is sent again, with the same Message-ID,
date, text and digest, so that a mail program or a person can see that it is the same.

Settings: `host`, `port`, `starttls` (require, off, or implicit for port 465), `user`,
`password_file`, `from`, `reply_to`, `size_limit` in bytes, `ca_file`, `openpgp_key`.
"""

import hashlib
import re
import smtplib
import ssl
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from pathlib import Path

from tocsin.channels import openpgp
from tocsin.channels.channel import Channel, Handed, Letter, NobodyThere, Parcel, Piece
from tocsin.channels.mailbox import is_gone
from tocsin.words.errors import Undelivered, Unusable

SIZE_LIMIT = 10 * 1024 * 1024  # what mail servers usually take; Postfix's own default
COMPRESS_OVER = 1024 * 1024  # a file of rows shrinks to about a tenth
# RFC 5321 4.5.3.2 gives the end of the data ten minutes and commands five. A lease of the outbox
# is ten minutes, so that the sum must stay below it.
COMMAND_SECONDS = 20.0
DATA_SECONDS = 300.0

_LOCAL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"(?=.{{3,254}}$)(?=[^@]{{1,64}}@){_LOCAL}@{_LABEL}(?:\.{_LABEL})+")
_TYPES = {
    ".csv": ("text", "csv"),
    ".json": ("application", "json"),
    ".jsonl": ("application", "x-ndjson"),
    ".ndjson": ("application", "x-ndjson"),
    ".gz": ("application", "gzip"),
}
# Header lines up to 500 characters: folded at 78, Python writes long message ids as encoded words.
_WIDE = SMTP.clone(max_line_length=500)


# ── addresses and settings ───────────────────────────────────────────────────────────────


def check_address(address: str) -> None:
    """One mailbox, or several with commas between them; raises `Unusable`."""
    if address:
        mailboxes(address)


def mailboxes(address: str) -> list[str]:
    """The mailboxes of an address; raises `Unusable`."""
    found = [part.strip() for part in address.split(",")]
    for mailbox in found:
        if not _ADDRESS.fullmatch(mailbox):
            raise Unusable(
                f"mail address {mailbox!r} cannot be used. Possible: name@host.example, the host "
                "as it stands in the DNS (xn--…); several with commas between them"
            )
    return found


def spelling(mailbox: str) -> str:
    """A mailbox as two of them are compared: in the domain capitals say nothing, in what stands
    before it only its own host knows whether they do (RFC 5321 2.4)."""
    local, _, domain = mailbox.strip().rpartition("@")
    return f"{local}@{domain.lower()}"


@dataclass(frozen=True)
class Server:
    """The mail server of this node, from its settings."""

    host: str
    port: int
    starttls: str
    sender: str
    sender_name: str
    reply_to: str
    size_limit: int
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""
    openpgp_key: str = ""

    @property
    def domain(self) -> str:
        """Where the message ids are at home."""
        return self.sender.rpartition("@")[2]


def server_of(settings: Mapping[str, str]) -> Server:
    """The settings, checked; raises `Undelivered`, passing, for what an operator can mend."""
    name, sender = _mailbox(settings.get("from", ""))
    reply_to = _mailbox(settings.get("reply_to") or sender)[1]
    starttls = settings.get("starttls") or "require"
    if not settings.get("host"):
        raise _unset("no mail server is set. Possible: TOCSIN_SMTP_HOST and TOCSIN_SMTP_FROM")
    for word, address in (("FROM", sender), ("REPLY_TO", reply_to)):
        if not _ADDRESS.fullmatch(address):
            raise _unset(f"TOCSIN_SMTP_{word} must be a mail address, such as tocsin@host.example")
    if starttls not in ("require", "off", "implicit"):
        raise _unset(f"TOCSIN_SMTP_STARTTLS={starttls!r}. Possible: require, off, implicit")
    if settings.get("user") and starttls == "off":
        raise _unset("a password never goes without TLS. Possible: TOCSIN_SMTP_STARTTLS=require")
    return Server(
        host=settings["host"],
        port=_number(settings, "port", {"implicit": 465}.get(starttls, 587)),
        starttls=starttls,
        sender=sender,
        sender_name=_one_line(name) or "Tocsin",
        reply_to=reply_to,
        size_limit=_number(settings, "size_limit", SIZE_LIMIT),
        user=settings.get("user", ""),
        password=_password(settings),
        ca_file=settings.get("ca_file", ""),
        openpgp_key=settings.get("openpgp_key", ""),
    )


def _mailbox(text: str) -> tuple[str, str]:
    """Name and address of `Tocsin <tocsin@host.example>`; a line break makes it none."""
    return parseaddr(text) if text.isprintable() else ("", "")


def room(settings: Mapping[str, str]) -> int:
    """Bytes of files that one message may hold: base64 adds a third, text and headers some."""
    try:
        return _number(settings, "size_limit", SIZE_LIMIT) * 7 // 10
    except Undelivered:
        return SIZE_LIMIT * 7 // 10  # what is wrong with the setting is said when it is sent


def _unset(text: str) -> Undelivered:
    return Undelivered(f"mail: {text}", lasting=False)


def _number(settings: Mapping[str, str], name: str, otherwise: int) -> int:
    text = settings.get(name) or str(otherwise)
    if not text.isdecimal() or not int(text):
        raise _unset(f"TOCSIN_SMTP_{name.upper()}={text!r} must be a number of 1 or more")
    return int(text)


def _password(settings: Mapping[str, str]) -> str:
    file = settings.get("password_file")
    if not file:
        return ""
    try:
        return Path(file).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as fault:
        raise _unset(f"TOCSIN_SMTP_PASSWORD_FILE cannot be read ({type(fault).__name__})") from None


# ── the message ──────────────────────────────────────────────────────────────────────────


def sender_line(server: Server) -> str:
    """Who writes, as a header says it: `Tocsin <tocsin@host.example>`."""
    return str(Address(server.sender_name, addr_spec=server.sender))


def message_id(message: str, domain: str) -> str:
    """`<tocsin.3f…@host.example>`; `channels.mailbox` finds `message` in it again."""
    return f"<tocsin.{message}@{domain}>"


def digest_of(pieces: tuple[Piece, ...]) -> str:
    """SHA-256 over the lines `sha256sum` would write for the files: the same for every repeat."""
    lines = "".join(f"{piece.digest}  {piece.name}\n" for piece in pieces)
    return hashlib.sha256(lines.encode()).hexdigest()


def compose(parcel: Parcel, server: Server) -> bytes:
    """The whole message; the same parcel gives the same bytes, unless it is encrypted."""
    letter = parcel.letter or _plain_letter(parcel)
    inner = _with_files(letter, parcel.pieces, server.size_limit)
    outer = _encrypted(inner, parcel, letter, server) if letter.key else inner
    subject = f"Delivery for {letter.name}" if letter.key else letter.subject
    mark = f"[Tocsin {letter.reference}] " if letter.reference else ""
    headers = {
        "From": Address(server.sender_name, addr_spec=server.sender),
        "To": [Address(addr_spec=mailbox) for mailbox in mailboxes(parcel.address)],
        "Reply-To": Address(addr_spec=server.reply_to),
        "Subject": _one_line(mark + subject),
        "Date": letter.dated,
        "Message-ID": message_id(letter.message, server.domain),
        "Auto-Submitted": "auto-generated",  # RFC 3834
        "Precedence": "bulk",
        "X-Auto-Response-Suppress": "OOF, AutoReply",
        "X-Tocsin-Digest": f"sha-256={digest_of(parcel.pieces)}",
    }
    if letter.after:
        headers["In-Reply-To"] = headers["References"] = message_id(letter.after, server.domain)
    for name, value in headers.items():
        outer[name] = value
    return outer.as_bytes(policy=_WIDE)


def _plain_letter(parcel: Parcel) -> Letter:
    """For a parcel that came without one."""
    names = "".join(f"  {piece.name}\n" for piece in parcel.pieces)
    return Letter(
        message=re.sub(r"[^A-Za-z0-9]", "", parcel.delivery),
        reference="",
        subject=f"Delivery {parcel.delivery}",
        text=f"Attached:\n{names}",
        name=parcel.party,
        language="en",
        dated=parcel.at or datetime(1970, 1, 1, tzinfo=UTC),
    )


def _with_files(letter: Letter, pieces: tuple[Piece, ...], limit: int) -> EmailMessage:
    body = EmailMessage(policy=SMTP)
    body.set_content(letter.text, cte="quoted-printable")
    body["Content-Language"] = letter.language
    room_left = limit
    for piece in pieces:
        name, data = _attachment(piece, room_left)
        room_left -= len(data)
        maintype, subtype = _TYPES.get(Path(name).suffix, ("application", "octet-stream"))
        charset = {"charset": "utf-8"} if maintype == "text" else None
        body.add_attachment(
            data, maintype=maintype, subtype=subtype, filename=_one_line(name), params=charset
        )
    if body.is_multipart():
        body.set_boundary(f"=_tocsin_{letter.message}")
    return body


def _attachment(piece: Piece, room_left: int) -> tuple[str, bytes]:
    """Name and bytes of a file, packed where it is large; its digest is checked on the way."""
    try:
        size = piece.path.stat().st_size
        pack = zlib.compressobj(9, zlib.DEFLATED, 31) if size > COMPRESS_OVER else None
        data = bytearray()
        sha = hashlib.sha256()
        with piece.path.open("rb") as file:
            while block := file.read(COMPRESS_OVER):
                sha.update(block)
                data += pack.compress(block) if pack else block
                if len(data) > room_left:
                    raise _too_large(room_left)
    except FileNotFoundError as fault:
        raise Undelivered(
            f"mail: {piece.name}: {piece.path} is gone. Possible: route the report again",
            lasting=True,
        ) from fault
    except OSError as fault:
        raise Undelivered(
            f"mail: {piece.name}: {fault.strerror or fault}", lasting=False
        ) from fault
    if sha.hexdigest() != piece.digest:
        raise Undelivered(
            f"mail: {piece.name}: its bytes are not those of the register; it was changed after "
            "it was written. Possible: route the report again",
            lasting=True,
        )
    return (f"{piece.name}.gz", bytes(data + pack.flush())) if pack else (piece.name, bytes(data))


def _encrypted(inner: EmailMessage, parcel: Parcel, letter: Letter, server: Server) -> EmailMessage:
    """multipart/encrypted (RFC 3156 section 4): the message with all its files inside."""
    clear = inner.as_bytes()
    data = openpgp.encrypt(clear, key=letter.key, at=parcel.at, signed_by=server.openpgp_key)
    outer = EmailMessage(policy=SMTP)
    outer["MIME-Version"] = "1.0"
    outer["Content-Type"] = 'multipart/encrypted; protocol="application/pgp-encrypted"'
    for kind, payload in (("pgp-encrypted", b"Version: 1\r\n"), ("octet-stream", data)):
        part = EmailMessage(policy=SMTP)
        part.set_content(payload, maintype="application", subtype=kind, cte="7bit")
        del part["MIME-Version"]
        outer.attach(part)
    outer.set_boundary(f"=_tocsin_pgp_{letter.message}")
    return outer


def _one_line(text: str) -> str:
    """Without what could end a header line or steer a terminal."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _too_large(limit: int) -> Undelivered:
    return Undelivered(
        f"mail: the message would be larger than {limit / 2**20:.0f} MiB. Possible: raise "
        "TOCSIN_SMTP_SIZE_LIMIT if the receiver takes more, or agree on another channel",
        lasting=True,
    )


# ── the wire ─────────────────────────────────────────────────────────────────────────────


def send(parcel: Parcel) -> Handed:
    """Compose and hand over to the mail server; says which mailboxes it took and refused."""
    server = server_of(parcel.settings)
    try:
        to = mailboxes(parcel.address)
    except Unusable as fault:
        raise Undelivered(str(fault), lasting=True) from fault
    message = compose(parcel, server)
    if len(message) > server.size_limit:
        raise _too_large(server.size_limit)
    envelope = parcel.letter.message if parcel.letter else ""
    return hand_in(message, to, server, envelope=envelope)


def hand_in(message: bytes, to: list[str], server: Server, *, envelope: str = "") -> Handed:
    """Hand a finished message to the mail server; raises `Undelivered` where nobody was taken."""
    with _readable_faults(server), _connected(server) as smtp:
        taken, refused, gone = _envelope(smtp, server.sender, to, len(message), envelope)
        _data(smtp, message)
    said = "; ".join(f"{mailbox} was refused ({why})" for mailbox, why in refused.items())
    return Handed(where=", ".join(taken) + (f"; {said}" if said else ""), gone=gone)


@contextmanager
def _connected(server: Server) -> Iterator[smtplib.SMTP]:
    """A session as the settings want it, secured before anything else is said."""
    if server.starttls == "implicit":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(
            server.host, server.port, timeout=COMMAND_SECONDS, context=_trust(server)
        )
    else:
        smtp = smtplib.SMTP(server.host, server.port, timeout=COMMAND_SECONDS)
    try:
        smtp.ehlo_or_helo_if_needed()
        if server.starttls == "require":
            _secure(smtp, server)
        if server.user:
            smtp.login(server.user, server.password)
        yield smtp
        with suppress(smtplib.SMTPException, OSError):
            smtp.quit()  # the message is theirs already
    finally:
        smtp.close()


def _secure(smtp: smtplib.SMTP, server: Server) -> None:
    if not smtp.has_extn("starttls"):
        raise Undelivered(
            f"mail server {server.host}: it does not offer STARTTLS; nothing was sent. Possible: "
            "turn it on there, or TOCSIN_SMTP_STARTTLS=off on a line that nobody else can read",
            lasting=False,
        )
    smtp.starttls(context=_trust(server))
    smtp.ehlo()


def _trust(server: Server) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server.ca_file or None)


def _envelope(
    smtp: smtplib.SMTP, sender: str, to: list[str], size: int, envelope: str
) -> tuple[list[str], dict[str, str], dict[str, str]]:
    """Sender and receivers: who was taken, who was refused and why, who of them is no more.

    At least one was taken, or `Undelivered`.
    """
    options = [f"SIZE={size}"] if smtp.has_extn("size") else []
    if envelope and smtp.has_extn("dsn"):
        options.append(f"ENVID={envelope}")  # RFC 3461: a bounce names it
    code, text = smtp.mail(sender, options)
    if code != 250:
        raise smtplib.SMTPSenderRefused(code, text, sender)
    taken: list[str] = []
    refused: dict[str, str] = {}
    gone: dict[str, str] = {}
    codes: list[int] = []
    for mailbox in to:
        code, text = smtp.rcpt(mailbox)
        if code in (250, 251):
            taken.append(mailbox)
        else:
            codes.append(code)
            refused[mailbox] = _answer(code, text)
            if is_gone(code, refused[mailbox]):
                gone[mailbox] = refused[mailbox]
        if code == 421:
            break
    if not taken:
        said = "; ".join(f"{mailbox}: {why}" for mailbox, why in refused.items())
        raise NobodyThere(
            f"mail: nobody was accepted: {said}",
            lasting=all(_is_lasting(code) for code in codes),
            gone=gone,
        )
    return taken, refused, gone


def _data(smtp: smtplib.SMTP, message: bytes) -> None:
    if smtp.sock is not None:
        smtp.sock.settimeout(DATA_SECONDS)
    try:
        code, text = smtp.data(message)
    except smtplib.SMTPResponseException:
        raise
    except (smtplib.SMTPServerDisconnected, OSError) as fault:
        raise Undelivered(
            "mail: the connection broke before the server had confirmed the message; it may "
            f"have arrived, and its repeat has the same Message-ID ({_fault(fault)})",
            lasting=False,
        ) from fault
    if code != 250:
        raise smtplib.SMTPDataError(code, text)


def _is_lasting(code: int) -> bool:
    """RFC 5321 4.2.1: 4xx may pass, 5xx will not."""
    return code >= 500


def _answer(code: int, text: bytes | str) -> str:
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return f"{code} {_one_line(said)[:200]}".strip()


def _fault(fault: Exception) -> str:
    """In words: neither the number of an error nor a line of somebody's source."""
    if isinstance(fault, ssl.SSLCertVerificationError):
        said = fault.verify_message
    elif isinstance(fault, ssl.SSLError):
        said = (fault.reason or "").replace("_", " ").lower()
    else:
        said = getattr(fault, "strerror", None) or str(fault)
    return _one_line(said)[:200] or type(fault).__name__


@contextmanager
def _readable_faults(server: Server) -> Iterator[None]:
    where = f"mail server {server.host}"
    try:
        yield
    except smtplib.SMTPAuthenticationError as fault:
        # Ours to mend, not the party's: what waits is not given up for it.
        said = _answer(fault.smtp_code, fault.smtp_error)
        raise Undelivered(f"{where}: it refused user or password: {said}", lasting=False) from fault
    except smtplib.SMTPResponseException as fault:
        said = _answer(fault.smtp_code, fault.smtp_error)
        raise Undelivered(
            f"{where}: it answered {said}", lasting=_is_lasting(fault.smtp_code)
        ) from fault
    except ssl.SSLError as fault:
        raise Undelivered(
            f"{where}: no secure connection ({_fault(fault)}); nothing was sent", lasting=False
        ) from fault
    except TimeoutError as fault:
        raise Undelivered(f"{where}: it did not answer in time", lasting=False) from fault
    except (smtplib.SMTPException, OSError) as fault:
        slow = isinstance(fault.__context__, TimeoutError)  # smtplib says only that it closed
        said = "it did not answer in time" if slow else _fault(fault)
        raise Undelivered(f"{where}: {said}", lasting=False) from fault


CHANNEL = Channel(name="mail", check_address=check_address, send=send, gathers=room)
