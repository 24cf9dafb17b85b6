"""A time-stamping authority of the test's own: OpenSSL's `ts` behind a loopback server."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

_CONF = """
[ tsa ]
default_tsa = one
[ one ]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[ ext ]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[ ca ]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign
"""


@dataclass(frozen=True)
class Authority:
    """Where it answers, and the root that its stamps are checked against."""

    url: str
    port: int
    roots: Path


@contextmanager
def stamping(folder: Path) -> Iterator[Authority]:
    """Run one; skips where OpenSSL is not installed."""
    if shutil.which("openssl") is None:
        pytest.skip("needs OpenSSL: apt-get install openssl")
    folder.mkdir()
    _make(folder)
    server = HTTPServer(("127.0.0.1", 0), _handler(folder))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    port = server.server_address[1]
    try:
        yield Authority(f"http://127.0.0.1:{port}/tsa", port, folder / "root.pem")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _make(folder: Path) -> None:
    conf = folder / "tsa.conf"
    conf.write_text(_CONF.format(folder=folder))
    (folder / "serial").write_text("01\n")
    new = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-sha256"]
    _openssl(
        *new, "-x509", "-days", "30", "-subj", "/CN=Sample root", "-extensions", "ca",
        "-config", str(_named(folder)), "-keyout", f"{folder}/root.key",
        "-out", f"{folder}/root.pem",
    )  # fmt: skip
    _openssl(
        *new, "-subj", "/CN=Sample stamps", "-config", str(_named(folder)),
        "-keyout", f"{folder}/tsa.key", "-out", f"{folder}/tsa.csr",
    )  # fmt: skip
    _openssl(
        "x509", "-req", "-in", f"{folder}/tsa.csr", "-CA", f"{folder}/root.pem",
        "-CAkey", f"{folder}/root.key", "-days", "30", "-extfile", str(conf),
        "-extensions", "ext", "-out", f"{folder}/tsa.pem",
    )  # fmt: skip


def _named(folder: Path) -> Path:
    path = folder / "req.conf"
    path.write_text("[ req ]\ndistinguished_name = dn\n[ dn ]\n" + _CONF.format(folder=folder))
    return path


def _openssl(*words: str) -> bytes:
    done = subprocess.run(["openssl", *words], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def _handler(folder: Path) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            query = folder / "query.tsq"
            query.write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            reply = folder / "reply.tsr"
            _openssl(
                "ts", "-reply", "-config", f"{folder}/tsa.conf", "-section", "one",
                "-queryfile", str(query), "-out", str(reply),
            )  # fmt: skip
            body = reply.read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: object) -> None:
            """Silence."""

    return Handler
