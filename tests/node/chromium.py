"""The distribution's Chromium, spoken to over a pipe (DevTools protocol): no library, no port.

For what only a browser can tell: passkeys, what its policy lets load, how a page looks.
"""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
INSTALL = "needs Chromium: apt-get install chromium"
_QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--remote-debugging-pipe", "--hide-scrollbars"),
)
LONGEST = 30.0


@dataclass
class Tab:
    """One page of a browser; `problems` is what its console complained of."""

    reads: Any
    writes: Any
    session: str = ""
    problems: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def call(self, method: str, **words: Any) -> dict[str, Any]:
        """One command and its answer."""
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": words}
        if self.session:
            message["sessionId"] = self.session
        self.writes.write(json.dumps(message).encode() + b"\0")
        self.writes.flush()
        while True:
            heard = self._hear()
            if heard.get("id") == number:
                if "error" in heard:
                    raise RuntimeError(f"{method}: {heard['error']}")
                result: dict[str, Any] = heard["result"]
                return result

    def _hear(self) -> dict[str, Any]:
        text = bytearray()
        while (byte := self.reads.read(1)) not in (b"\0", b""):
            text += byte
        if not text:
            raise RuntimeError("Chromium hung up")
        heard: dict[str, Any] = json.loads(text)
        words = heard.get("params", {})
        if heard.get("method") == "Log.entryAdded":
            self.problems.append(words["entry"]["text"])
        elif heard.get("method") == "Runtime.exceptionThrown":
            self.problems.append(str(words["exceptionDetails"].get("exception", words)))
        elif heard.get("method") == "Network.requestWillBeSent":
            self.asked.append(words["request"]["url"])
        return heard

    def run(self, script: str) -> Any:
        """The value of an expression, awaited."""
        words = {"expression": script, "awaitPromise": True, "returnByValue": True}
        return self.call("Runtime.evaluate", **words)["result"].get("value")

    def go(self, url: str) -> str:
        """Open an address; the path one ends up at."""
        self.call("Page.navigate", url=url)
        return self.settled()

    def settled(self, *, until: str = "") -> str:
        """The path, once the page is loaded (and its path begins with `until`)."""
        ends = time.monotonic() + LONGEST
        while time.monotonic() < ends:
            time.sleep(0.1)
            ready = self.run("document.readyState + ' ' + location.pathname")
            state, _, path = str(ready).partition(" ")
            if state == "complete" and path.startswith(until):
                return path
        raise RuntimeError(f"the page is at {self.run('location.href')}, not at {until}")

    def type(self, name: str, text: str) -> None:
        """Into the field of this name."""
        self.run(f"document.querySelector('[name={name}]').value = {json.dumps(text)}")

    def click(self, selector: str) -> None:
        """As a person would, with a gesture."""
        self.call(
            "Runtime.evaluate",
            expression=f"document.querySelector({json.dumps(selector)}).click()",
            userGesture=True,
        )

    def follow(self, selector: str, *, to: str) -> None:
        """Click, and wait until another page is there, at exactly this path.

        The page that is left may be at that path too; it is marked, and the mark goes with it.
        """
        self.run("window.isLeft = true")
        self.click(selector)
        path = json.dumps(to)
        self.wait(
            f"!window.isLeft && document.readyState === 'complete' && location.pathname === {path}"
        )

    def wait(self, script: str) -> None:
        """Until this is true of the page."""
        ends = time.monotonic() + LONGEST
        while not self.run(script):
            if time.monotonic() > ends:
                raise RuntimeError(f"{self.run('location.href')} never came to {script}")
            time.sleep(0.05)

    def text(self) -> str:
        """What can be read on the page."""
        return str(self.run("document.querySelector('main').innerText"))

    def look(self, path: Path, *, width: int = 1280, dark: bool = False) -> None:
        """A picture of the whole page."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=width < 500,
        )
        value = "dark" if dark else "light"
        features = [{"name": "prefers-color-scheme", "value": value}]
        self.call("Emulation.setEmulatedMedia", features=features)
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def tab() -> Iterator[Tab]:
    """A browser with a profile of its own and one page, ended at the end."""
    to_it, from_us = os.pipe()
    to_us, from_it = os.pipe()
    profile = tempfile.mkdtemp(prefix="tocsin-chromium-")
    words = [str(PROGRAM), *_QUIET, f"--user-data-dir={profile}", "about:blank"]
    script = 'exec 3<&"$0" 4>&"$1"; shift; exec "$@"'
    process = subprocess.Popen(
        ["/bin/bash", "-c", script, str(to_it), str(from_it), *words],
        pass_fds=(to_it, from_it),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_it)
    os.close(from_it)
    try:
        with os.fdopen(from_us, "wb") as writes, os.fdopen(to_us, "rb") as reads:
            yield _opened(Tab(reads, writes))
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(profile, ignore_errors=True)


def _opened(browser: Tab) -> Tab:
    target = browser.call("Target.createTarget", url="about:blank")["targetId"]
    attached = browser.call("Target.attachToTarget", targetId=target, flatten=True)
    browser.session = attached["sessionId"]
    for area in ("Page", "Runtime", "Log", "Network"):
        browser.call(f"{area}.enable")
    return browser
