"""Where an address leads: each redirect looked at, no page kept, in a process that has nothing."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from socket import create_connection, create_server, socket
from typing import Any

import pytest

from tests.channels.receiver import Authority, Receiver, Said
from tocsin.channels import landing
from tocsin.channels.landing import Hop, Order, Result, follow
from tocsin.words.confinement import NOBODY, offered

PAGE = b"<html><head><meta charset='iso-8859-1'><title>\n Ihre B&auml;nk </title>"
ALLOW = "127.0.0.1/32"
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")

pytestmark = pytest.mark.usefixtures("loopback")


@pytest.fixture
def site() -> Iterator[Receiver]:
    receiver = Receiver(None)
    yield receiver
    receiver.close()


@pytest.fixture
def order(site: Receiver) -> Order:
    return Order(f"http://127.0.0.1:{site.port}/a?id=7#x", allow=ALLOW, ports=(site.port,))


def to(target: str, status: int = 302) -> Said:
    return Said(status, {"Location": target, "Set-Cookie": "id=1; Path=/"})


def test_a_chain_is_followed_to_its_end_and_only_its_digest_is_kept(site: Receiver, order: Order):
    site.answers = [to("/b"), to("?c=1", 307), Said(200, {"Content-Type": "text/html"}, PAGE)]
    base = f"http://127.0.0.1:{site.port}"

    assert follow(order) == Result(
        landing=f"{base}/b?c=1",
        status=200,
        hops=[Hop(f"{base}/a?id=7", 302), Hop(f"{base}/b", 307), Hop(f"{base}/b?c=1", 200)],
        title="Ihre Bänk",
        digest=hashlib.sha256(PAGE).hexdigest(),
        size=len(PAGE),
    )
    assert [one.path for one in site.requests] == ["/a?id=7", "/b", "/b?c=1"]
    sent = {name for one in site.requests for name in one.headers}
    assert sent == {"host", "connection", "user-agent", "accept"}


@pytest.mark.parametrize("charset", ["undefined", "idna", "punycode", "hex", "nothing"])
def test_whatever_charset_a_page_names_the_landing_was_reached(
    site: Receiver, order: Order, charset: str
):
    page = f"<meta charset={charset}><title>Ihre Bänk -{'x' * 90}</title>".encode()
    site.answers = [Said(200, {"Content-Type": "text/html"}, page)]
    result = follow(order)

    assert (result.fault, result.status, result.size) == ("", 200, len(page))
    assert result.title


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("http://127.0.0.2:{port}/", "it leads to 127.0.0.2, which is refused (this machine"),
        ("http://[::1]:{port}/", "it leads to ::1, which is refused"),
        ("http://169.254.169.254:{port}/latest", "which is refused (link-local"),
        ("http://10.0.0.1:{port}/", "which is refused (private"),
        ("http://0x7f000002:{port}/", "it leads to 127.0.0.2, which is refused"),
        ("http://127.0.0.1:22/", "port 22 is not open here"),
        ("ftp://127.0.0.1/", "of a scheme that is not listed"),
        ("javascript:alert(1)", "of a scheme that is not listed"),
        ("http://user:x@127.0.0.1:{port}/end", ""),
    ],
)
def test_a_redirect_is_judged_like_the_first_address(
    site: Receiver, order: Order, target: str, said: str
):
    site.answers = [to(target.format(port=site.port))]
    result = follow(order)

    assert said in result.fault
    assert bool(result.fault) is bool(said)
    assert [one.status for one in result.hops][:1] == [302]
    assert (result.landing == "") is bool(said)


def test_an_address_of_the_operators_own_network_is_never_asked(site: Receiver, order: Order):
    result = follow(replace(order, allow=""))

    assert (result.hops, site.requests) == ([], [])
    assert "127.0.0.1, which is refused" in result.fault


def test_redirects_bytes_and_time_have_an_end(site: Receiver, order: Order, monkeypatch: Any):
    site.otherwise = to("/again")
    result = follow(order)
    assert (result.fault, len(result.hops)) == ("over 6 redirects", 7)

    site.otherwise = Said(200, {}, b"x" * (landing.MOST_BYTES + 1))
    result = follow(order)
    assert (result.is_cut, result.status, result.fault) == (True, 200, "")
    assert 0 < result.size <= landing.MOST_BYTES

    monkeypatch.setattr(landing, "SECONDS", 1)
    quiet = create_server(("127.0.0.1", 0))
    port = quiet.getsockname()[1]
    with quiet:
        result = follow(Order(f"http://127.0.0.1:{port}/", allow=ALLOW, ports=(port,)))
    assert "no answer in time" in result.fault


def test_the_names_in_the_certificate_are_told(tmp_path: Any):
    authority = Authority(tmp_path)
    receiver = Receiver(authority.context("localhost"))
    receiver.otherwise = Said(404, {}, b"<title>gone</title>")
    try:
        order = Order(
            f"https://localhost:{receiver.port}/",
            allow="127.0.0.0/8 ::1",
            ports=(receiver.port,),
            ca_file=str(authority.path),
        )
        result = follow(order)
        untrusted = follow(replace(order, ca_file=""))
    finally:
        receiver.close()

    assert (result.names, result.status, result.title) == (["localhost"], 404, "gone")
    assert "its certificate is not trusted" in untrusted.fault


def test_through_a_proxy_the_address_that_was_judged_is_asked_for(site: Receiver, order: Order):
    heard: list[bytes] = []
    door = create_server(("127.0.0.1", 0))

    def serve() -> None:
        client, _ = door.accept()
        with client:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += client.recv(1)
            heard.append(head)
            with create_connection(("127.0.0.1", site.port)) as far:
                client.sendall(b"HTTP/1.1 200 Open\r\n\r\n")
                _pump(client, far)

    thread = threading.Thread(target=serve)
    thread.start()
    site.otherwise = Said(200, {}, PAGE)
    result = follow(replace(order, proxy=f"http://127.0.0.1:{door.getsockname()[1]}"))
    thread.join()
    door.close()

    assert heard[0].startswith(f"CONNECT 127.0.0.1:{site.port} HTTP/1.1\r\n".encode())
    assert (result.status, result.size) == (200, len(PAGE))


def _pump(client: socket, far: socket) -> None:
    far.sendall(client.recv(65536))
    while block := far.recv(65536):
        client.sendall(block)


def test_a_proxy_that_refuses_or_is_away_is_no_way_around_it(site: Receiver, order: Order):
    refusing = Receiver(None)
    try:
        result = follow(replace(order, proxy=f"http://127.0.0.1:{refusing.port}"))
    finally:
        refusing.close()
    assert result.fault
    assert site.requests == []


# ── as a process ─────────────────────────────────────────────────────────────────────────


def run(order: dict[str, Any]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-I", "-m", "tocsin.channels.landing"],
        input=json.dumps(order).encode(),
        capture_output=True,
        timeout=60,
        check=False,
        cwd="/",
        env={},
    )


def test_as_a_process_it_says_the_same(site: Receiver, order: Order):
    site.answers = [to("/end"), Said(200, {}, PAGE)]
    done = run({"url": order.url, "allow": ALLOW, "ports": [site.port]})

    assert done.returncode == 0, done.stderr.decode()
    said = json.loads(done.stdout)
    assert (said["title"], said["status"], len(said["hops"])) == ("Ihre Bänk", 200, 2)


def test_the_process_can_write_no_file_start_nothing_and_is_nobody():
    tried = """
import os, resource, sys
from tocsin.channels import landing
landing._confine()
for what in (lambda: open("/tmp/landing-was-here", "wb").write(b"x") and sys.exit(3), os.fork):
    try:
        what()
    except OSError as fault:
        print(type(fault).__name__)
print(os.geteuid(), resource.getrlimit(resource.RLIMIT_FSIZE)[0])
"""
    done = subprocess.run(
        [sys.executable, "-c", tried], capture_output=True, timeout=60, check=False, text=True
    )
    if os.geteuid() == 0:
        assert done.stdout.splitlines()[-1] == "65534 0", done.stderr
        assert "BlockingIOError" in done.stdout
    assert done.returncode != 3


@pytest.mark.parametrize("before", [(), AS_NOBODY], ids=["root", "no root"])
def test_the_process_reads_nothing_of_a_store_and_of_nobody_else(
    site: Receiver, order: Order, tmp_path: Path, before: tuple[str, ...]
):
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root and setpriv: apt-get install util-linux")
    if not offered().files:
        pytest.skip("needs Landlock (Linux 5.13), which this kernel does not offer")
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    secret = tmp_path / "django-secret"
    secret.write_text("swordfish")
    os.chown(secret, NOBODY, NOBODY)
    tried = f"""
import json
from dataclasses import asdict
from tocsin.channels import landing
held = landing._confine()
found = []
for path in ({str(secret)!r}, "/etc/passwd", "/proc/self/environ", "/etc/hosts"):
    try:
        found.append(bool(open(path).read()))
    except OSError as fault:
        found.append(type(fault).__name__)
said = landing.follow(landing.Order({order.url!r}, {order.allow!r}, ({site.port},)))
print(json.dumps([found, held.privileges, said.status, said.fault]))
"""
    site.answers = [Said(200, {}, PAGE)]
    done = subprocess.run(
        [*before, sys.executable, "-I", "-c", tried],
        capture_output=True,
        timeout=60,
        check=False,
        cwd="/",
        env={"PATH": os.defpath},
    )

    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout) == [[*["PermissionError"] * 3, True], True, 200, ""]
