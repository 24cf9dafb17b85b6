"""A witness over HTTP: one WSGI application, and a small server on this machine's loopback.

The server is for a reverse proxy to stand before; the application runs under any WSGI server. The
clock comes from whoever starts it.
"""

import threading
from collections.abc import Callable, Iterable
from datetime import datetime
from http import HTTPStatus
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from tocsin.ledger.witness import LONGEST, PLAIN, Alarm, Answer, Witness
from tocsin.words.errors import TocsinError

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

PATH = "/add-checkpoint"
_MOST = 64  # requests at the same time
_IDLE = 10.0  # seconds for one read

Clock = Callable[[], datetime]
Shout = Callable[[Alarm], None]


def application(witness: Witness, *, clock: Clock, shout: Shout) -> "WSGIApplication":
    """The witness as a WSGI application; `shout` hears of every new alarm."""

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        answer = _answer(environ, witness, clock)
        if answer.alarm is not None:
            shout(answer.alarm)
        body = answer.body.encode()
        status = f"{answer.status} {HTTPStatus(answer.status).phrase}"
        headers = [("Content-Type", answer.media_type), ("Content-Length", str(len(body)))]
        if answer.status == 405:
            headers.append(("Allow", "POST"))
        start_response(status, headers)
        return [body]

    return app


def _answer(environ: "WSGIEnvironment", witness: Witness, clock: Clock) -> Answer:
    if environ.get("PATH_INFO") != PATH:
        return Answer(404, "Possible: POST /add-checkpoint (C2SP tlog-witness)\n")
    if environ.get("REQUEST_METHOD") != "POST":
        return Answer(405, "Possible: POST\n")
    body = _body(environ)
    if isinstance(body, Answer):
        return body
    try:
        return witness.add_checkpoint(body, at=clock())
    except (TocsinError, OSError) as fault:
        environ["wsgi.errors"].write(f"tocsin: {fault}\n")
        return Answer(500, "the witness cannot answer now\n", PLAIN)


def _body(environ: "WSGIEnvironment") -> bytes | Answer:
    """What was sent, or the answer to who sends it otherwise than is right."""
    text = environ.get("CONTENT_LENGTH") or ""
    if not (text.isascii() and text.isdigit()):
        return Answer(411, "a request says how long it is\n")
    if len(text) > 12 or (length := int(text)) > LONGEST:
        return Answer(413, f"at most {LONGEST} bytes\n")
    try:
        body = environ["wsgi.input"].read(length)
    except OSError:
        return Answer(408, "the request did not come in time\n")
    return body if len(body) == length else Answer(400, "the request is too short\n")


class Server(ThreadingMixIn, WSGIServer):
    """One thread a request, a bounded number of them."""

    daemon_threads = True

    def __init__(self, port: int, app: "WSGIApplication") -> None:
        self._free = threading.BoundedSemaphore(_MOST)
        super().__init__(("127.0.0.1", port), _Handler)
        self.set_app(app)

    @property
    def url(self) -> str:
        """The witness's submission prefix, on this machine."""
        return f"http://127.0.0.1:{self.server_port}"

    def server_bind(self) -> None:
        """Without asking any name server what this machine is called."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        """A thread of its own, as soon as there is a free place."""
        self._free.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and make room again."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()


class _Handler(WSGIRequestHandler):
    timeout = _IDLE

    def log_message(self, *_: object) -> None:
        """Nothing: who asked is nobody's business, and alarms are shouted elsewhere."""
