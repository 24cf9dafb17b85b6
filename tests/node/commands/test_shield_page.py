"""`tocsin shield page`: a folder that any web server can show, and nginx in the right language."""

import hashlib
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request

import pytest

from tests.desks.shield.test_warning import browsers, folder_served
from tests.journeys.browser import browser
from tests.node.conftest import Run
from tocsin.words.languages import OFFICIAL

NODE = "https://node.example"


@pytest.fixture
def bundle(tocsin: Run, tmp_path):
    done = tocsin("shield", "page", "bundle", "--node", NODE, "--json")
    assert done.ended == (0, "")
    return tmp_path / "bundle"


def test_two_exports_are_the_same_bytes_and_the_sums_say_so(bundle, tocsin, tmp_path):
    done = tocsin("shield", "page", "again", "--node", f"{NODE}/", "--json")
    first, second = (
        {path.name: path.read_bytes() for path in folder.iterdir()}
        for folder in (bundle, tmp_path / "again")
    )
    sums = dict(reversed(line.split("  ")) for line in first["SHA256SUMS"].decode().splitlines())

    assert first == second
    assert done.json["digest"] == hashlib.sha256(first["SHA256SUMS"]).hexdigest()
    assert done.json["files"] == len(first) == 24 + 5
    assert sums == {
        name: hashlib.sha256(data).hexdigest()
        for name, data in first.items()
        if name != "SHA256SUMS"
    }


def test_no_page_has_a_script_or_loads_anything_and_all_lead_to_the_node(bundle):
    for code in OFFICIAL:
        text = (bundle / f"{code}.html").read_text("utf-8")
        loaded = re.findall(r'<link rel="[a-z]+" href="([^"]+)"|src="([^"]+)"', text)
        links = re.findall(r'<a href="(http[^"]+)"', text)
        assert "<script" not in text
        assert loaded == [("data:,", ""), ("warning.css", "")]
        assert links == [
            f"{NODE}/shield/report?lang={code}",
            f"{NODE}/shield/check?lang={code}&amp;name=",
            f"{NODE}/shield/appeal?lang={code}&amp;name=",
            f"{NODE}/shield/owner?lang={code}&amp;name=",
        ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("bundle", "--node", NODE), "is there already. Possible: a new folder"),
        (("new", "--node", "javascript:alert(1)"), "is no address. Possible: --node https://"),
        (("new", "--node", 'https://a.example/"><script>'), "is no address"),
        (("new",), "is no address. Possible: --node https://shield.example"),
    ],
)
def test_what_cannot_be_exported_is_refused_with_what_is_possible(bundle, tocsin, words, said):
    done = tocsin("shield", "page", *words)

    assert (done.code, said in " ".join(done.err.split())) == (2, True)


@browsers
def test_any_web_server_shows_it_and_a_reader_finds_their_language(bundle, loopback):
    with folder_served(bundle) as url, browser() as page:
        page.look(width=320)
        page.open(url)
        page.run("document.querySelector('a[hreflang=sl]').click()")
        ends = time.monotonic() + 20
        # Between two pages there is none.
        lang = "document.documentElement && document.documentElement.lang"
        while page.run(lang) != "sl" and time.monotonic() < ends:
            time.sleep(0.05)

        assert page.run("document.documentElement.lang") == "sl"
        assert "Ta stran vas želi ogoljufati".lower() in page.run("document.title").lower()
        assert page.run("document.documentElement.scrollWidth") <= 320
        assert page.errors == []
        assert [one for one in page.asked if not one.startswith((url, "data:"))] == []


NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


@pytest.mark.skipif(NGINX is None, reason="needs nginx: apt-get install nginx-light")
def test_nginx_chooses_the_language_names_the_site_and_writes_nothing_down(
    bundle, tmp_path, loopback
):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    block = (bundle / "nginx.conf").read_text()
    block = block.replace("listen [::]:80 default_server;", "").replace(
        "listen 80", f"listen 127.0.0.1:{port}"
    )
    block = block.replace("/srv/tocsin-warning", str(bundle))
    paths = ("client_body_temp_path", "proxy_temp_path", "fastcgi_temp_path")
    paths += ("uwsgi_temp_path", "scgi_temp_path")
    temps = "".join(f"{name} {tmp_path}/{name}; " for name in paths)
    user = "user root;" if os.geteuid() == 0 else ""  # its own could not read the test's folder
    (tmp_path / "nginx.conf").write_text(
        f"{user}daemon off; pid {tmp_path}/pid; error_log {tmp_path}/errors; events {{}}\n"
        f"http {{ include /etc/nginx/mime.types; {temps}\n{block}}}"
    )
    server = subprocess.Popen([NGINX, "-c", tmp_path / "nginx.conf"], stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        polish = _asked(url, "pl-PL,pl;q=0.9,en;q=0.5")
        others = ("mt", "EL-gr,en", "tlh", "", "plx")
        pages = {one: _asked(url, one)[1] for one in others}
        elsewhere = _asked(f"{url}/pay?id=7", "de")
    finally:
        server.terminate()
        server.wait(20)

    assert '<html lang="pl"' in polish[1]
    assert f'{NODE}/shield/check?lang=pl&amp;name=mybank-login.example"' in polish[1]
    assert (polish[0]["Cache-Control"], polish[0]["Vary"]) == ("no-store", "Accept-Language")
    assert {one: re.search('lang="(..)"', text)[1] for one, text in pages.items()} == {
        "mt": "mt", "EL-gr,en": "el", "tlh": "en", "": "en", "plx": "en",
    }  # fmt: skip
    assert '<html lang="de"' in elsewhere[1]  # led to the page itself
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in written if b"mybank-login" in path.read_bytes()] == []


def _asked(url, accepted):
    asked = urllib.request.Request(
        url, headers={"Accept-Language": accepted, "Host": "mybank-login.example"}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay(url))
    for _ in range(100):
        try:
            with opener.open(asked, timeout=5) as got:
                return got.headers, got.read().decode()
        except urllib.error.HTTPError:
            raise
        except urllib.error.URLError:
            time.sleep(0.1)
    raise AssertionError(f"{url} did not answer")


class _Stay(urllib.request.HTTPRedirectHandler):
    """The name resolves to the server only in the walled garden: the path alone is followed."""

    def __init__(self, url):
        self.base = "/".join(url.split("/")[:3])

    def redirect_request(self, *words):
        asked, address = words[0], words[-1]
        path = "/" + address.partition("://")[2].partition("/")[2]
        return urllib.request.Request(self.base + path, headers=dict(asked.header_items()))
