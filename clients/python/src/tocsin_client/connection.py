"""One call after the other over HTTP, tried again where that helps."""

import http.client
import json
import random
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from urllib.parse import urlencode, urlsplit

AGAIN = (429, 502, 503, 504)
LONGEST_WAIT = 60.0
_BLOCK = 1 << 20
_LOCAL = ("localhost", "127.0.0.1", "::1")
_FAULTS = (OSError, http.client.HTTPException)


class Problem(Exception):
    """The node refused: `status`, `kind` (RFC 9457's type) and its own sentence."""

    def __init__(self, status: int, detail: str, *, kind: str = "", facts: Any = None) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.detail = detail
        self.kind = kind
        self.facts: dict[str, Any] = facts or {}


class Unreachable(Exception):
    """No answer came, however often it was tried."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body as JSON; raises `Unreachable` for what is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise Unreachable("what answered is no Tocsin node") from None


@dataclass
class Connection:
    """Where the node is, with which token, and how patiently."""

    url: str
    token: str
    tries: int = 6
    timeout: float = 60.0
    context: ssl.SSLContext | None = None
    sleep: Callable[[float], None] = time.sleep
    _parts: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._parts = urlsplit(self.url)
        if self._parts.scheme not in ("https", "http") or not self._parts.hostname:
            raise ValueError(f"{self.url!r} is no address of a node: https://tocsin.example")
        if self._parts.scheme == "http" and self._parts.hostname not in _LOCAL:
            raise ValueError(f"{self.url!r}: without TLS everybody on the way reads the token")

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        words: Any = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        into: BinaryIO | None = None,
    ) -> Answer:
        """One call; raises `Problem`, and `Unreachable` when all tries were in vain."""
        asked = dict(headers or {})
        if words is not None:
            body, asked["Content-Type"] = json.dumps(words).encode(), "application/json"
        target = f"/api/v1{path}" + (f"?{urlencode(_given(query))}" if query else "")
        start = into.tell() if into else 0
        wait, said = 0.0, ""
        for number in range(self.tries):
            if number:
                self.sleep(wait)
            if into:
                into.seek(start)
                into.truncate()
            try:
                answer = self._once(method, target, body, asked, into)
            except _FAULTS as fault:
                wait, said = _wait(number), str(fault) or type(fault).__name__
                continue
            if answer.status not in AGAIN:
                return _checked(answer)
            wait, said = _asked(answer, number), f"it answered {answer.status}"
        raise Unreachable(f"{self._parts.hostname}: {said}, {self.tries} times")

    def _once(
        self,
        method: str,
        target: str,
        body: bytes | None,
        headers: Mapping[str, str],
        into: BinaryIO | None,
    ) -> Answer:
        line = self._line()
        try:
            line.request(
                method,
                self._parts.path.rstrip("/") + target,
                body,
                {"Authorization": f"Bearer {self.token}", "User-Agent": "tocsin-client", **headers},
            )
            response = line.getresponse()
            named = {name.lower(): value for name, value in response.getheaders()}
            if into is None or response.status != 200:
                return Answer(response.status, named, response.read())
            while block := response.read(_BLOCK):
                into.write(block)
            if response.length:
                raise http.client.IncompleteRead(b"", response.length)
            return Answer(response.status, named, b"")
        finally:
            line.close()

    def _line(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname, self._parts.port
        if self._parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=self.timeout)
        context = self.context or ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=self.timeout, context=context)


def _given(query: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value not in ("", None)}


def _checked(answer: Answer) -> Answer:
    if answer.status < 400:
        return answer
    try:
        said = json.loads(answer.body or b"{}")
    except ValueError:
        said = {}
    detail = said.get("detail") or http.client.responses.get(answer.status, "refused")
    raise Problem(answer.status, str(detail), kind=str(said.get("type", "")), facts=said)


def _asked(answer: Answer, number: int) -> float:
    """As long as the node asks, else later and later."""
    text = answer.headers.get("retry-after", "")
    return min(float(text), LONGEST_WAIT) if text.isdigit() else _wait(number)


def _wait(number: int) -> float:
    """Up to 1, 2, 4 … seconds, by chance, so that not everybody comes back at once."""
    return min(LONGEST_WAIT, 2.0**number) * (0.5 + random.random() / 2)  # noqa: S311 no secret
