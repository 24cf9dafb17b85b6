"""The walled garden as the how-to says: nginx shows the node's warning page under any name."""

import os
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.house.source import REPOSITORY
from tests.journeys.serving import run, served

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
HOW_TO = REPOSITORY / "docs" / "how-to" / "run-the-shield.md"
_MAKE = (
    "import sys; from pathlib import Path; from tocsin.node.store import open_store; "
    "open_store(Path(sys.argv[1]))"
)


def block(node: str, port: int) -> str:
    """The server block out of the how-to, on ports of its own."""
    pattern = re.compile(r"^    server \{\n        listen 80.*?^    \}\n", re.MULTILINE | re.DOTALL)
    found = pattern.search(HOW_TO.read_text("utf-8"))
    assert found
    text = found[0].replace("listen 80", f"listen 127.0.0.1:{port}")
    return text.replace("http://127.0.0.1:8000", node)


def asked(url: str, path: str, **headers: str) -> tuple[int, str]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay)
    wanted = urllib.request.Request(url + path, headers={"Host": "mybank.example", **headers})
    for _ in range(100):
        try:
            with opener.open(wanted, timeout=20) as got:
                return got.status, got.read().decode()
        except urllib.error.HTTPError as fault:
            return fault.code, fault.headers.get("Location", "")
        except urllib.error.URLError:
            time.sleep(0.1)
    raise AssertionError(f"{url} did not answer")


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_words: object, **_more: object) -> None:
        return None


@pytest.mark.skipif(NGINX is None, reason="needs nginx: apt-get install nginx-light")
def test_under_any_name_there_is_the_page_and_its_links_lead_to_the_node(
    tmp_path: Path, clean_env: dict[str, str], loopback: None
):
    env = {
        **clean_env,
        "TOCSIN_STORE": str(tmp_path / "store"),
        "TOCSIN_HOSTS": "node.example,127.0.0.1",
        "TOCSIN_PROXIES": "1",
    }
    run(["-c", _MAKE, env["TOCSIN_STORE"]], env)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with served(tmp_path, env) as node:
        user = "user root;" if os.geteuid() == 0 else ""
        temps = "".join(
            f"{name}_temp_path {tmp_path}/{name}; "
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (tmp_path / "nginx.conf").write_text(
            f"{user} daemon off; pid {tmp_path}/pid; error_log {tmp_path}/errors; events {{}}\n"
            f"http {{ {temps}\n{block(node, port)}}}"
        )
        nginx = subprocess.Popen([NGINX, "-c", tmp_path / "nginx.conf"])
        try:
            url = f"http://127.0.0.1:{port}"
            status, page = asked(url, "/", **{"Accept-Language": "sl"})
            style = re.search(r'rel="stylesheet" href="([^"]+)"', page)
            chosen = asked(url, "/?name=mybank.example&lang=mt")
            styled = asked(url, style[1] if style else "/")
            elsewhere = asked(url, "/pay?id=7")
        finally:
            nginx.terminate()
            nginx.wait(20)

    assert (status, '<html lang="sl"' in page) == (200, True)
    assert re.findall(r'<li><a href="(https?://[^/]+/shield/[a-z]+)', page) == [
        f"https://node.example/shield/{one}" for one in ("report", "check", "appeal", "owner")
    ]
    assert (chosen[0], '<html lang="mt"' in chosen[1]) == (200, True)
    assert (styled[0], "--paper" in styled[1]) == (200, True)
    assert elsewhere == (302, f"http://mybank.example:{port}/")
