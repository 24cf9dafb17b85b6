"""A real FreeRADIUS that takes changes of authorisation, on a loopback port of its own."""

import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tocsin.channels.radius import Server

PROGRAM = "/usr/sbin/freeradius"
SECRET = "a-secret-of-the-tests-0123"
# Whoever is unknown has no session (503), whoever is locked is refused (506).
SITE = """
server tocsin {{
    listen {{
        type = coa
        ipaddr = 127.0.0.1
        port = {port}
    }}
    client node {{
        ipaddr = 127.0.0.1
        secret = {secret}
        require_message_authenticator = yes
    }}
    recv-coa {{
        if (&User-Name == "nobody") {{
            update control {{ &Response-Packet-Type := CoA-NAK }}
            update reply {{ &Error-Cause := Session-Context-Not-Found }}
            reject
        }}
        if (&User-Name == "locked") {{
            update reply {{ &Error-Cause := Resources-Unavailable }}
            reject
        }}
        ok
    }}
    send-coa {{
        ok
    }}
}}
"""
MAIN = """
prefix = /usr
name = tocsin
logdir = {folder}
run_dir = {folder}
libdir = /usr/lib/freeradius
pidfile = {folder}/radius.pid
max_request_time = 5
cleanup_delay = 2
max_requests = 1024
log {{
    destination = stdout
}}
security {{
    max_attributes = 200
    reject_delay = 0
    status_server = no
}}
proxy_requests = no
thread pool {{
    start_servers = 1
    max_servers = 2
    min_spare_servers = 1
    max_spare_servers = 1
    max_requests_per_server = 0
}}
modules {{
    always ok {{
        rcode = ok
    }}
    always reject {{
        rcode = reject
    }}
}}
"""


@dataclass(frozen=True)
class Radius:
    """Where it is, and what it says of each packet."""

    server: Server
    log: Path
    secret_file: Path

    def received(self) -> list[dict[str, str]]:
        """The attributes of each change it was asked for."""
        text = self.log.read_text("utf-8", "replace")
        blocks = re.findall(r"Received CoA-Request.*\n((?:\(\d+\) {3}\S+ = .*\n)+)", text)
        return [dict(re.findall(r"\) {3}(\S+) = (.*)", block)) for block in blocks]


@contextmanager
def running(folder: Path) -> Iterator[Radius]:
    """Start it, and stop it by its own id."""
    if not Path(PROGRAM).exists():
        pytest.skip("no FreeRADIUS here: apt-get install freeradius")
    port, log, secret = _free_port(), folder / "radius.log", folder / "radius.secret"
    secret.write_text(SECRET)
    text = MAIN.format(folder=folder) + SITE.format(port=port, secret=SECRET)
    (folder / "radiusd.conf").write_text(text)
    command = [PROGRAM, "-X", "-d", str(folder), "-D", "/usr/share/freeradius"]
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        try:
            _wait(process, log)
            yield Radius(
                Server("127.0.0.1", port, SECRET.encode(), timeout=2, tries=2), log, secret
            )
        finally:
            process.terminate()
            process.wait(10)


def _free_port() -> int:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(process: "subprocess.Popen[bytes]", log: Path) -> None:
    ends = time.monotonic() + 20
    while "Ready to process requests" not in log.read_text("utf-8", "replace"):
        said = log.read_text("utf-8", "replace")[-2000:]
        assert process.poll() is None, said
        assert time.monotonic() < ends, said
        time.sleep(0.05)
