"""A real browser for the pages: Chromium, spoken to over its DevTools protocol.

No package for it: a WebSocket of the standard library's sockets, loopback only. The browser gets an
empty profile of its own and is ended by its own process id.
"""

import base64
import json
import os
import secrets
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "about:blank",
)
PATIENCE = 60.0  # seconds for anything the browser does


def chromium() -> str | None:
    """The program, where the machine has it."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Wire:
    """A WebSocket client (RFC 6455) of exactly what DevTools speaks: text, unfragmented from us."""

    def __init__(self, url: str) -> None:
        host, _, path = url.removeprefix("ws://").partition("/")
        name, _, port = host.rpartition(":")
        self._socket = socket.create_connection((name, int(port)), timeout=PATIENCE)
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        self._socket.sendall(
            f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self._file = self._socket.makefile("rb")
        while self._file.readline().strip():
            pass

    def send(self, text: str) -> None:
        """One masked frame."""
        data, mask = text.encode(), secrets.token_bytes(4)
        size = len(data)
        if size < 126:
            head = struct.pack("!BB", 0x81, 0x80 | size)
        elif size < 1 << 16:
            head = struct.pack("!BBH", 0x81, 0x80 | 126, size)
        else:
            head = struct.pack("!BBQ", 0x81, 0x80 | 127, size)
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
        self._socket.sendall(head + mask + masked)

    def receive(self) -> str:
        """One message; pings are none."""
        whole = b""
        while True:
            first, second = self._file.read(2)
            size = second & 0x7F
            if size == 126:
                (size,) = struct.unpack("!H", self._file.read(2))
            elif size == 127:
                (size,) = struct.unpack("!Q", self._file.read(8))
            data = self._file.read(size)
            if first & 0x0F in (0, 1):
                whole += data
                if first & 0x80:
                    return whole.decode()

    def close(self) -> None:
        """Hang up."""
        self._file.close()
        self._socket.close()


class Page:
    """One tab: opens addresses, runs scripts, takes pictures, remembers what went wrong."""

    def __init__(self, wire: Wire) -> None:
        self._wire, self._number = wire, 0
        self.errors: list[str] = []
        self.asked: list[str] = []
        self.at = ""
        self.answers: dict[str, tuple[int, list[tuple[str, str]], bytes]] = {}
        self._events: list[dict[str, Any]] = []
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.do(f"{domain}.enable")

    def do(self, method: str, **words: Any) -> dict[str, Any]:
        """One command and its answer."""
        number = self._say(method, words)
        while True:
            said = json.loads(self._wire.receive())
            if said.get("id") == number:
                if "error" in said:
                    raise AssertionError(f"{method}: {said['error']['message']}")
                return dict(said["result"])
            if "method" in said:
                self._note(said)

    def _say(self, method: str, words: dict[str, Any]) -> int:
        self._number += 1
        self._wire.send(json.dumps({"id": self._number, "method": method, "params": words}))
        return self._number

    def _note(self, said: dict[str, Any]) -> None:
        self._events.append(said)
        words = said.get("params", {})
        if said["method"] == "Fetch.requestPaused":
            self._answer(words["requestId"], words["request"]["url"])
        if said["method"] == "Network.requestWillBeSent":
            self.asked.append(words["request"]["url"])
        elif said["method"] == "Log.entryAdded" and words["entry"]["level"] == "error":
            if words["entry"].get("url") != self.at:  # that the page itself is a refusal
                self.errors.append(words["entry"]["text"])
        elif said["method"] == "Runtime.consoleAPICalled" and words["type"] in ("error", "assert"):
            self.errors.append(str([one.get("value") for one in words["args"]]))
        elif said["method"] == "Runtime.exceptionThrown":
            self.errors.append(words["exceptionDetails"]["text"])

    def answer(self, url: str, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """What the next visit of an address gets, in place of what the server would say to it."""
        self.do("Fetch.enable", patterns=[{"urlPattern": "*", "resourceType": "Document"}])
        self.answers = {url: (status, headers, body)}

    def _answer(self, request: str, url: str) -> None:
        """Nobody waits for what the browser says to it: it may be paused itself until then."""
        method, words = "Fetch.continueRequest", dict[str, Any](requestId=request)
        if url in self.answers:
            status, headers, body = self.answers[url]
            method = "Fetch.fulfillRequest"
            words |= {
                "responseCode": status,
                "responseHeaders": [{"name": name, "value": text} for name, text in headers],
                "body": base64.b64encode(body).decode(),
            }
        self._say(method, words)

    def sign_in(self, url: str, key: str) -> None:
        """With a session that the server knows."""
        self.do("Network.setCookie", name="sessionid", value=key, url=url)

    def look(
        self, *, width: int = 1280, height: int = 900, dark: bool = False, zoom: int = 1
    ) -> None:
        """How wide the window is in CSS pixels, in which theme; `zoom` as a reader zooms in."""
        self.do(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=zoom,
            mobile=False,
        )
        theme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.do("Emulation.setEmulatedMedia", features=[theme])

    def open(self, url: str) -> None:
        """Go somewhere and wait until it is there."""
        self._events.clear()
        self.at = url
        self.do("Page.navigate", url=url)
        ends = time.monotonic() + PATIENCE
        while not any(one["method"] == "Page.loadEventFired" for one in self._events):
            if time.monotonic() > ends:
                raise AssertionError(f"{url} did not load")
            self._note_or_answer()

    def _note_or_answer(self) -> None:
        said = json.loads(self._wire.receive())
        if "method" in said:
            self._note(said)

    def run(self, script: str) -> Any:
        """The value of an expression; a promise is waited for."""
        done = self.do("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            raise AssertionError(done["exceptionDetails"])
        return done["result"].get("value")

    def click(self, selector: str) -> None:
        """As a person would, with a gesture."""
        script = f"document.querySelector({json.dumps(selector)}).click()"
        done = self.do("Runtime.evaluate", expression=script, userGesture=True)
        if "exceptionDetails" in done:
            raise AssertionError(f"no {selector} at {self.run('location.href')}")

    def press(self, key: str) -> None:
        """A key, such as Tab."""
        code = {"Tab": 9, "Enter": 13}[key]
        words = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        text = {"text": "\r"} if key == "Enter" else {}
        self.do("Input.dispatchKeyEvent", type="keyDown", **words, **text)
        self.do("Input.dispatchKeyEvent", type="keyUp", **words)

    def picture(self, path: Path, *, most: int = 20_000) -> None:
        """The page as PNG, from its top on, `most` pixels of it."""
        size = self.do("Page.getLayoutMetrics")["cssContentSize"]
        height = min(size["height"], most)
        clip = {"x": 0, "y": 0, "width": size["width"], "height": height, "scale": 1}
        shot = self.do("Page.captureScreenshot", clip=clip, captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def browser() -> Iterator[Page]:
    """Chromium with one tab, gone when this ends."""
    program = chromium()
    if program is None:
        raise LookupError("needs Chromium: apt-get install chromium")
    # Its helpers outlive it by a moment and write into the profile.
    with tempfile.TemporaryDirectory(
        prefix="tocsin-browser-", ignore_cleanup_errors=True
    ) as folder:
        words = [program, "--remote-debugging-port=0", f"--user-data-dir={folder}", *FLAGS]
        clean = {**os.environ, "HOME": folder}
        process = subprocess.Popen(
            words,
            env=clean,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            with closing(Wire(_tab(Path(folder), process))) as wire:
                yield Page(wire)
        finally:
            process.terminate()
            process.wait(PATIENCE)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # what it started, in its session alone


def _tab(folder: Path, process: subprocess.Popen[bytes]) -> str:
    port, ends = folder / "DevToolsActivePort", time.monotonic() + PATIENCE
    while not (port.exists() and len(port.read_text().splitlines()) == 2):
        if time.monotonic() > ends or process.poll() is not None:
            raise AssertionError("Chromium did not start")
        time.sleep(0.1)
    number = port.read_text().splitlines()[0]
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://127.0.0.1:{number}/json/list", timeout=PATIENCE) as answer:
        tabs = json.load(answer)
    return str(next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page"))
