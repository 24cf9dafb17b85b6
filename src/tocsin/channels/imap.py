"""A mailbox over IMAP4rev1 (RFC 3501): what is new in one folder, and away with what was taken.

Never in clear: TLS from the beginning, or STARTTLS before anything is said. Signs in with a
password out of a file, or with an OAuth 2 access token out of a file (XOAUTH2), which another
program keeps fresh. A message is looked at by its size before it is fetched, and fetched without
being marked as read (BODY.PEEK).
"""

import base64
import imaplib
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tocsin.words.errors import Undelivered, Unusable

LARGEST = 25 * 1024 * 1024  # a larger message is not fetched
TIMEOUT = 60.0  # seconds for one step
MOST_AT_ONCE = 500
_SIZE = re.compile(rb"RFC822\.SIZE (\d+)")
_FOLDER = re.compile(r"[^\x00-\x1f\x7f]{1,200}")
_PORTS = {"implicit": 993, "starttls": 143}
_FAULTS = (imaplib.IMAP4.error, OSError, ssl.SSLError, ValueError, AssertionError, IndexError)


@dataclass(frozen=True)
class Place:
    """Which folder of which mailbox, and how to get in; `done` "" leaves messages where they are,
    marked as read."""

    host: str
    port: int
    tls: str
    user: str
    password_file: str = ""
    token_file: str = ""
    folder: str = "INBOX"
    done: str = ""
    ca_file: str = ""

    @property
    def name(self) -> str:
        """For people and for what is remembered of it."""
        return f"{self.user} at {self.host}, {self.folder}"


@dataclass(frozen=True)
class Found:
    """One message by its UID; `raw` None where it is larger than LARGEST."""

    uid: int
    raw: bytes | None


def place_of(settings: Mapping[str, str]) -> Place | None:
    """The settings, checked; None where no host is set. Raises `Unusable`."""
    host = settings.get("host", "")
    if not host:
        return None
    tls = settings.get("tls") or "implicit"
    if tls not in _PORTS:
        raise Unusable(f"{tls!r} is no way to TLS. Possible: implicit, starttls")
    port = settings.get("port") or str(_PORTS[tls])
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise Unusable(f"{port!r} is no port. Possible: {_PORTS[tls]}")
    files = [settings.get("password_file", ""), settings.get("token_file", "")]
    if not settings.get("user") or bool(files[0]) == bool(files[1]):
        raise Unusable(
            "a mailbox has a user, and either a file with the password or one with an OAuth 2 "
            "access token"
        )
    place = Place(
        host,
        int(port),
        tls,
        settings["user"],
        password_file=files[0],
        token_file=files[1],
        folder=settings.get("folder") or "INBOX",
        done=settings.get("done", ""),
        ca_file=settings.get("ca_file", ""),
    )
    for folder in (place.folder, place.done):
        if folder and not _FOLDER.fullmatch(folder):
            raise Unusable(f"{folder!r} is no folder of a mailbox")
    if place.done == place.folder:
        raise Unusable("what was taken in is moved to another folder than the one that is read")
    return place


@contextmanager
def opened(place: Place) -> Iterator["Box"]:
    """The folder, signed in and selected; raises `Undelivered` and nothing else of its own."""
    client = None
    try:
        with _sentences(place):
            client = _connected(place)
            _sign_in(client, place)
            yield Box(client, place, _select(client, place))
    finally:
        if client is not None:
            with suppress(*_FAULTS):
                client.logout()
            with suppress(*_FAULTS):
                client.shutdown()


class Box:
    """An open folder; `validity` says for how long UIDs mean what they mean (RFC 3501 2.3.1.1)."""

    def __init__(self, client: imaplib.IMAP4, place: Place, validity: int) -> None:
        self._client = client
        self._place = place
        self.validity = validity

    def new(self, after: int, *, most: int = MOST_AT_ONCE) -> Iterator[Found]:
        """Messages with a UID above `after`, in order, so many at most."""
        with _sentences(self._place):
            said = _done(self._client.uid("SEARCH", f"UID {after + 1}:*"))
            # `n:*` names the last message even where its UID is below n (RFC 3501 6.4.8).
            uids = sorted({int(word) for line in said if line for word in line.split()})
        for uid in [uid for uid in uids if uid > after][:most]:
            with _sentences(self._place):
                found = self._fetch(uid)
            if found is not None:
                yield found

    def _fetch(self, uid: int) -> Found | None:
        """None where it went away meanwhile."""
        sized = _done(self._client.uid("FETCH", str(uid), "(RFC822.SIZE)"))
        size = _SIZE.search(b" ".join(_flat(sized)))
        if size is None:
            return None
        if int(size[1]) > LARGEST:
            return Found(uid, None)
        parts = _done(self._client.uid("FETCH", str(uid), "(BODY.PEEK[])"))
        bodies = [part[1] for part in parts if isinstance(part, tuple)]
        return Found(uid, bytes(bodies[0])) if bodies else None

    def settle(self, uid: int) -> None:
        """Move a message that was taken in, or mark it as read; again: changes nothing."""
        with _sentences(self._place):
            if self._place.done:
                self._move(uid)
            else:
                _done(self._client.uid("STORE", str(uid), "+FLAGS.SILENT", r"(\Seen)"))

    def erase(self, uid: int) -> None:
        """Delete a message that was taken in; again: changes nothing. Where the server cannot
        expunge one message alone (RFC 4315), it is left marked as deleted."""
        with _sentences(self._place):
            _done(self._client.uid("STORE", str(uid), "+FLAGS.SILENT", r"(\Deleted)"))
            if "UIDPLUS" in self._client.capabilities:
                _done(self._client.uid("EXPUNGE", str(uid)))

    def _move(self, uid: int) -> None:
        folder = _quoted(self._place.done)
        if "MOVE" in self._client.capabilities:
            _done(self._client.uid("MOVE", str(uid), folder))
            return
        _done(self._client.uid("COPY", str(uid), folder))
        _done(self._client.uid("STORE", str(uid), "+FLAGS.SILENT", r"(\Deleted)"))
        if "UIDPLUS" in self._client.capabilities:
            _done(self._client.uid("EXPUNGE", str(uid)))


def _connected(place: Place) -> imaplib.IMAP4:
    context = ssl.create_default_context(cafile=place.ca_file or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if place.tls == "implicit":
        return imaplib.IMAP4_SSL(place.host, place.port, ssl_context=context, timeout=TIMEOUT)
    client = imaplib.IMAP4(place.host, place.port, timeout=TIMEOUT)
    try:
        client.starttls(context)
    except BaseException:
        client.shutdown()
        raise
    return client


def _sign_in(client: imaplib.IMAP4, place: Place) -> None:
    if place.token_file:
        token = _secret(place.token_file)
        first = f"user={place.user}\x01auth=Bearer {token}\x01\x01".encode()
        turns = iter([first])
        # A refusal comes as a challenge, which is answered with nothing.
        client.authenticate("XOAUTH2", lambda _: next(turns, b""))
    elif "AUTH=PLAIN" in client.capabilities:
        words = f"\0{place.user}\0{_secret(place.password_file)}".encode()
        client.authenticate("PLAIN", lambda _: words)
    else:
        client.login(place.user, _secret(place.password_file))
    # What is possible is said anew to those who signed in (RFC 3501 6.2).
    said = _done(client.capability())
    client.capabilities = tuple(b" ".join(_flat(said)).decode("ascii", "replace").upper().split())


def _secret(path: str) -> str:
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        text = ""
    if not text or not text.isprintable():
        raise Undelivered(
            f"{path} holds no password or token on one line, or cannot be read", lasting=False
        )
    return text


def _select(client: imaplib.IMAP4, place: Place) -> int:
    _done(client.select(_quoted(place.folder)))
    said = client.response("UIDVALIDITY")[1]
    word = said[0] if said else None
    if not isinstance(word, bytes) or not word.isdigit():
        raise imaplib.IMAP4.error("the server gives its messages no lasting ids")
    return int(word)


def _quoted(folder: str) -> str:
    """A folder's name as the protocol has it: modified UTF-7 (RFC 3501 5.1.3), quoted."""
    return '"' + _utf7(folder).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _utf7(text: str) -> str:
    pieces = re.split(r"([^\x20-\x7e]+)", text)
    coded = [
        _shifted(piece) if at % 2 else piece.replace("&", "&-") for at, piece in enumerate(pieces)
    ]
    return "".join(coded)


def _shifted(text: str) -> str:
    coded = base64.b64encode(text.encode("utf-16-be")).decode("ascii")
    return "&" + coded.rstrip("=").replace("/", ",") + "-"


def _done(said: tuple[str, list[Any]]) -> list[Any]:
    if said[0] != "OK":
        raise imaplib.IMAP4.error(f"{said[0]}: {_flat(said[1])[:1]}")
    return said[1]


def _flat(parts: list[Any]) -> list[bytes]:
    found = [piece for part in parts for piece in (part if isinstance(part, tuple) else (part,))]
    return [piece for piece in found if isinstance(piece, bytes)]


# ── what went wrong ──────────────────────────────────────────────────────────────────────


@contextmanager
def _sentences(place: Place) -> Iterator[None]:
    try:
        yield
    except _FAULTS as fault:
        raise Undelivered(f"mailbox {place.name}: {_sentence(fault)}", lasting=False) from None


def _sentence(fault: BaseException) -> str:
    """Ours where we know; what a server says may repeat what we sent, so it is cut short."""
    if isinstance(fault, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({fault.verify_message})"
    for kind, said in _SAID:
        if isinstance(fault, kind):
            return said
    if isinstance(fault, imaplib.IMAP4.error):
        said = "".join(c if c.isprintable() else " " for c in str(fault))
        return f"it refused ({said[:100]})"
    return getattr(fault, "strerror", None) or "what it says is no IMAP"


_SAID: tuple[tuple[type[BaseException], str], ...] = (
    (TimeoutError, "no answer in time"),
    (ConnectionRefusedError, "nobody takes connections there"),
    (ssl.SSLError, "it does not speak TLS 1.2 or later as it should"),
    (imaplib.IMAP4.abort, "it hung up, or speaks no IMAP"),
)
