"""A real mail server for tests: Exim from the distribution, with a configuration of its own.

It listens on one port of this machine, runs as a child of the test with everything in one folder,
and puts whatever it takes into one Maildir. Mail to gone@ is taken and comes back as a bounce.
"""

import grp
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import pytest_socket

from tests.channels.smtp_server import certificate

INSTALL = "needs Exim: apt-get install exim4-daemon-light"
PASSWORD = "correct horse"

CONFIGURATION = """
primary_hostname = mail.example
spool_directory = {folder}/spool
log_file_path = {folder}/log/%s
pid_file_path = {folder}/exim.pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
exim_user = {user}
exim_group = {group}
deliver_drop_privilege = true
never_users =
host_lookup =
rfc1413_hosts =
smtp_enforce_sync = true
dsn_advertise_hosts = *
tls_advertise_hosts = *
tls_certificate = {certificate}
tls_privatekey = {certificate}
message_size_limit = 5M
acl_smtp_rcpt = take
acl_smtp_data = accept

begin acl
take:
  deny
    condition = ${{if eq{{$local_part}}{{refused}}}}
    message = no such mailbox
  defer
    condition = ${{if eq{{$local_part}}{{busy}}}}
    message = greylisted
  accept

begin routers
gone:
  driver = redirect
  local_parts = gone
  allow_fail
  data = :fail: 5.1.1 no such mailbox
here:
  driver = accept
  transport = maildir

begin transports
maildir:
  driver = appendfile
  directory = {folder}/mail
  maildir_format
  envelope_to_add
  return_path_add

begin retry
* * F,1h,1m

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_condition = ${{if and{{{{eq{{$auth2}}{{tocsin}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
  server_advertise_condition = ${{if def:tls_in_cipher}}
"""


@dataclass(frozen=True)
class Exim:
    """A running server."""

    folder: Path
    port: int
    certificate: Path

    @property
    def maildir(self) -> Path:
        return self.folder / "mail"

    @property
    def settings(self) -> dict[str, str]:
        """Settings of the mail channel that lead here."""
        password = self.folder / "password"
        password.write_text(PASSWORD + "\n", encoding="utf-8")
        return {
            "host": "127.0.0.1",
            "port": str(self.port),
            "starttls": "require",
            "ca_file": str(self.certificate),
            "user": "tocsin",
            "password_file": str(password),
            "from": "Tocsin at CERT <tocsin@cert.example>",
        }

    def messages(self, count: int) -> list[EmailMessage]:
        """What lies in the Maildir, once there are `count`; at most 20 seconds."""
        for _ in range(200):
            files = sorted((self.maildir / "new").glob("*"), key=lambda f: f.stat().st_mtime_ns)
            if len(files) >= count:
                return [message_from_bytes(file.read_bytes(), policy=default) for file in files]
            time.sleep(0.1)
        log = "".join(file.read_text() for file in (self.folder / "log").glob("*"))
        raise AssertionError(f"only {len(files)} messages arrived\n{log}")


@contextmanager
def running() -> Iterator[Exim]:
    """The server, until the block ends; skips where there is no Exim."""
    program = shutil.which("exim4") or shutil.which("exim4", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip(INSTALL)
    with TemporaryDirectory(prefix="tocsin-exim-", ignore_cleanup_errors=True) as place:
        folder = Path(place)
        server = Exim(folder, _free_port(), certificate(folder))
        configuration = _prepare(server)
        with (folder / "stderr").open("wb") as complaints:
            process = subprocess.Popen(
                [program, "-C", str(configuration), "-bdf", "-q1m"],
                stdout=subprocess.DEVNULL,
                stderr=complaints,
                start_new_session=True,
            )
        try:
            _wait_for(server, process)
            yield server
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=20)


@contextmanager
def sockets_open() -> Iterator[None]:
    """Sockets to this machine for a server that outlives one test."""
    pytest_socket.enable_socket()
    pytest_socket.socket_allow_hosts(["127.0.0.1", "::1"], allow_unix_socket=True)
    yield
    pytest_socket.disable_socket(allow_unix_socket=True)


def _prepare(server: Exim) -> Path:
    """Folders and configuration; as root, Exim insists on another user for its work."""
    user, group = "Debian-exim", "Debian-exim"
    if os.geteuid():
        user, group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
    server.folder.chmod(0o755)
    for name in ("spool", "log", "mail"):
        (server.folder / name).mkdir()
        shutil.chown(server.folder / name, user, group)
    shutil.chown(server.certificate, user, group)
    configuration = server.folder / "exim.conf"
    configuration.write_text(
        CONFIGURATION.format(
            folder=server.folder,
            port=server.port,
            user=user,
            group=group,
            certificate=server.certificate,
            password=PASSWORD,
        ),
        encoding="utf-8",
    )
    return configuration


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _wait_for(server: Exim, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        try:
            with socket.create_connection(("127.0.0.1", server.port), timeout=2):
                return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.05)
    raise AssertionError((server.folder / "stderr").read_text())
