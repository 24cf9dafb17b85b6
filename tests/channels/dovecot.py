"""A real IMAP server for tests: Dovecot from the distribution, with a configuration of its own.

It listens on two ports of this machine (TLS from the beginning, and STARTTLS), runs as a child of
the test with everything in one folder, and keeps one user's Maildir.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.channels.receiver import Authority

INSTALL = "needs Dovecot: apt-get install dovecot-imapd"
USER, PASSWORD = "reports", "correct hörse"

CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{certificate}
ssl_key = <{certificate}
disable_plaintext_auth = yes
auth_mechanisms = plain
mail_location = maildir:{folder}/mail
first_valid_uid = 1
mail_uid = 65534
mail_gid = 65534
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home={folder}/home
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {starttls}
  }}
  inet_listener imaps {{
    port = {implicit}
    ssl = yes
  }}
}}
service stats {{
  chroot =
}}
service anvil {{
  chroot =
}}
"""


@dataclass(frozen=True)
class Mailbox:
    """A running server with one user."""

    folder: Path
    implicit: int
    starttls: int
    ca_file: Path
    password_file: Path

    def settings(self, **more: str) -> dict[str, str]:
        """What a node is told of it."""
        return {
            "host": "localhost",
            "port": str(self.implicit),
            "user": USER,
            "password_file": str(self.password_file),
            "ca_file": str(self.ca_file),
            **more,
        }

    def put(self, raw: bytes, *, name: str) -> None:
        """A message that has just come in."""
        new = self.folder / "mail" / "new"
        for sub in ("new", "cur", "tmp"):
            (self.folder / "mail" / sub).mkdir(parents=True, exist_ok=True)
        path = new / name
        path.write_bytes(raw)
        for one in (self.folder / "mail", *(self.folder / "mail").rglob("*")):
            os.chown(one, 65534, 65534)

    def messages(self, folder: str = "") -> dict[str, bytes]:
        """What lies in a folder: file name with its flags, and content."""
        base = self.folder / "mail" / (f".{folder}" if folder else "")
        return {
            path.name: path.read_bytes()
            for sub in ("new", "cur")
            for path in (base / sub).glob("*")
        }


def available() -> bool:
    """Whether it can be run here; only root can."""
    return shutil.which("dovecot") is not None and os.geteuid() == 0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


@contextmanager
def running(authority: Authority) -> Iterator[Mailbox]:
    """A server for one test; skips where there is none."""
    if not available():
        pytest.skip(INSTALL)
    with TemporaryDirectory(prefix="dovecot-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for sub in ("run", "home", "mail"):
            (folder / sub).mkdir()
        authority.context("localhost")
        certificate = max(authority.folder.glob("[0-9]*.pem"), key=lambda p: p.stat().st_mtime_ns)
        (folder / "users").write_text(f"{USER}:{{PLAIN}}{PASSWORD}\n")
        (folder / "password").write_text(f"{PASSWORD}\n")
        mailbox = Mailbox(folder, _free_port(), _free_port(), authority.path, folder / "password")
        for path in (folder / "home", folder / "mail"):
            os.chown(path, 65534, 65534)
        file = folder / "dovecot.conf"
        file.write_text(
            CONFIGURATION.format(
                folder=folder,
                certificate=certificate,
                implicit=mailbox.implicit,
                starttls=mailbox.starttls,
            )
        )
        server = subprocess.Popen(["dovecot", "-F", "-c", str(file)], start_new_session=True)
        try:
            _await(mailbox, server)
            yield mailbox
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(20)


def _await(mailbox: Mailbox, server: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + 20
    while time.monotonic() < ends and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", mailbox.implicit), timeout=1).close()
        except OSError:
            time.sleep(0.1)
            continue
        return
    log = mailbox.folder / "log"
    raise AssertionError(log.read_text() if log.exists() else "Dovecot did not start")
