"""A sinkhole saw a bot; the team tells its provider; the right line is warned, and is clean.

Two nodes, each with a store and processes of its own. The team's knows an address and the provider;
the provider's alone knows a subscriber. What goes back up is a word and counts.
"""

import http.cookiejar
import re
import socket
import ssl
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.channels import exim
from tests.channels.receiver import LOOPBACK, Authority
from tests.journeys.serving import SAMPLES, Node, run, said, served, serving
from tests.journeys.test_phishing_mail_to_abuse_mail import EVERY_ROW

CODE = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}")
PARTIES = """
[[party]]
id = "meadow-net"
name = "Meadow Net"
role = "isp"
country = "BE"
[party.delivery]
channel = "folder"
format = "idf-csv"
[[party.remit]]
relation = "network"
asn = [64496]
prefix = ["192.0.2.0/25"]
"""
# One address that changed hands an hour before it was seen, and the line beside it.
LEASES = """ip,subscriber,at,until
192.0.2.30,anna-of-before,{begin},{change}
192.0.2.30,bruno-of-now,{change},{end}
192.0.2.31,carla-beside,{begin},{end}
"""
CONTACTS = """subscriber,email,language
anna-of-before,anna@home.example,en
bruno-of-now,bruno@home.example,en
carla-beside,carla@home.example,en
"""
TOKEN = """
import json
from datetime import UTC, datetime, timedelta
from tocsin.office.people.actions import make_token
from tocsin.office.people.models import Mandate
at = datetime.now(UTC)
mandate = Mandate.objects.get(party__slug="meadow-net", person__email="pia@meadow-net.example")
_, text = make_token(
    mandate, name="node of Meadow Net", by="test", at=at, expires_at=at + timedelta(days=30),
    scopes=["response:delivery:read_own", "response:case:answer"],
)
print("KEYS" + json.dumps({"token": text}))
"""
CASES = """
import json
from tocsin.desks.response.models import Case
from tocsin.office.models import Receipt
cases = Case.objects.filter(party__slug="meadow-net")
kinds = Receipt.objects.filter(delivery__party__slug="meadow-net").order_by("pk")
print("KEYS" + json.dumps({
    "cases": list(cases.values_list("state", flat=True)),
    "receipts": [[row.kind, row.by, row.detail] for row in kinds],
}))
"""
MINE = """
from datetime import UTC, datetime
from tocsin.office.models import Party
from tocsin.office.people import actions
actions.run_node(Party.objects.get(slug="meadow-net"), by="test", at=datetime.now(UTC))
"""
# No clock is turned: what waits for its next turn has it now.
LATER = """
from datetime import timedelta
from tocsin.office.models import Job
for row in Job.objects.all():
    row.next_attempt_at -= timedelta(hours=2)
    row.save()
"""
OPENED = """
import os
from pathlib import Path
from tocsin.node.store import open_store
open_store(Path(os.environ["TOCSIN_STORE"]))
"""


@dataclass(frozen=True)
class Provider:
    """The provider's node, spoken to by commands."""

    folder: Path
    env: dict[str, str]

    def __call__(self, *words: object) -> str:
        return run(["-m", "tocsin.node", *map(str, words)], self.env)

    def script(self, text: str) -> str:
        return run(["-c", OPENED + text], self.env)

    def work(self) -> None:
        """Five minutes later, twice: what one job leaves, another takes up."""
        for _ in range(2):
            self("worker", "--once")
            self.script(LATER)


def pump(one: socket.socket, other: socket.socket) -> None:
    """Bytes from one to the other until there are none."""
    with suppress(OSError, ssl.SSLError):
        while data := one.recv(65536):
            other.sendall(data)
    with suppress(OSError):
        other.shutdown(socket.SHUT_RDWR)


@contextmanager
def behind_tls(url: str, authority: Authority) -> Iterator[str]:
    """The address with TLS in front of it, as a node has it in service."""
    inner = urlsplit(url)
    listener = socket.create_server(("127.0.0.1", 0))
    context = authority.context("127.0.0.1")

    def serve() -> None:
        with suppress(OSError):
            while True:
                raw, _ = listener.accept()
                threading.Thread(target=talk, args=(raw,), daemon=True).start()

    def talk(raw: socket.socket) -> None:
        with suppress(OSError, ssl.SSLError):
            there = socket.create_connection((inner.hostname, inner.port), timeout=20)
            with context.wrap_socket(raw, server_side=True) as line, there:
                back = threading.Thread(target=pump, args=(there, line), daemon=True)
                back.start()
                pump(line, there)
                back.join(20)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()


@pytest.fixture
def provider(tmp_path: Path, clean_env: dict[str, str]) -> Provider:
    folder = tmp_path / "provider"
    folder.mkdir()
    env = {**clean_env, "TOCSIN_STORE": str(folder / "store"), "COLUMNS": "100"}
    env |= {"TOCSIN_NODE_NAME": "Meadow Net", "TOCSIN_OVERLAY": str(SAMPLES / "networks.csv")}
    env.pop("TOCSIN_DATABASE_URL", None)  # the other node has the one of this test
    now = datetime.now(UTC).replace(microsecond=0)
    moments = {
        "begin": now - timedelta(days=2), "change": now - timedelta(hours=3),
        "end": now + timedelta(days=2),
    }  # fmt: skip
    leases = LEASES.format(**{name: f"{at:%Y-%m-%dT%H:%M:%SZ}" for name, at in moments.items()})
    for name, text in (("parties.toml", PARTIES), ("leases.csv", leases), ("who.csv", CONTACTS)):
        (folder / name).write_text(text)
    node = Provider(folder, env)
    node("parties", "import", folder / "parties.toml")
    node.script(MINE)
    node("subscribers", "import", folder / "leases.csv", "--source", "dhcp")
    node("subscribers", "contacts", folder / "who.csv")
    return node


def tell_the_provider(team: Node, folder: Path) -> Path:
    """The team routes what a sinkhole saw; the file that Meadow Net is given."""
    seen = datetime.now(UTC) - timedelta(hours=2)
    report = folder / f"{seen:%Y-%m-%d}-event4_sinkhole-team.csv"
    report.write_text(
        "timestamp,protocol,src_ip,src_port,device_type,tag,infection\n"
        f"{seen:%Y-%m-%d %H:%M:%S},tcp,192.0.2.30,4000,camera,sinkhole,quillworm\n"
    )
    out = folder / "out"
    overlay = SAMPLES / "networks.csv"
    words = ["route", str(report), "--overlay", str(overlay), "--out", str(out), "--send"]
    run(["-m", "tocsin.node", *words], team.env)
    team.work()
    (file,) = (
        path for path in (out / "meadow-net").iterdir() if not path.name.endswith(".manifest.json")
    )
    return file


def enter(url: str, **words: str) -> str:
    """What a subscriber gets who opens the page and enters something."""
    cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), cookies)
    page = opener.open(f"{url}/subscribers/check", timeout=20).read().decode()
    token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[0]
    data = urllib.parse.urlencode({**words, "csrfmiddlewaretoken": token}).encode()
    answer: bytes = opener.open(f"{url}/subscribers/check", data=data, timeout=20).read()
    return answer.decode()


def test_a_bot_seen_by_a_sinkhole_ends_with_a_clean_line_and_a_case_that_is_cured(
    provider: Provider, tmp_path: Path, clean_env: dict[str, str], loopback: None
) -> None:
    authority = Authority(tmp_path)
    with exim.running() as smtp, serving(tmp_path, clean_env) as team:
        file = tell_the_provider(team, tmp_path)
        assert said(state_of(team))["cases"] == ["told"]

        # The provider takes it in as any report, and warns who had the address at that moment.
        provider.env.update({f"TOCSIN_SMTP_{k.upper()}": v for k, v in smtp.settings.items()})
        provider("route", file, "--out", provider.folder / "out")
        provider("subscribers", "look-up", "--now")
        looked = provider("subscribers", "warn")
        assert "Would be warned: 1. Held: 0." in looked
        provider("subscribers", "warn", "--send")
        provider.work()
        (letter,) = smtp.messages(1)
        assert letter["To"] == "bruno@home.example"
        text = letter.get_content()
        assert "Kind of device: camera" in text

        # Is it genuine? It is; and then it is put right.
        (code,) = CODE.findall(text)
        with served(provider.folder, provider.env) as url:
            assert "Yes: we wrote a warning with this code" in enter(url, code=code)
            assert "We know no warning with this code" in enter(url, code="AAAA-BBBB-CCCC")
            assert "Thank you." in enter(url, code=code, done="1")

        # What came of it goes up: a word, and counts.
        token = tmp_path / "token"
        token.write_text(said(run(["-c", OPENED + TOKEN], team.env))["token"])
        with behind_tls(team.url, authority) as above:
            provider.env.update(
                TOCSIN_UPSTREAM_URL=above,
                TOCSIN_UPSTREAM_TOKEN_FILE=str(token),
                TOCSIN_UPSTREAM_PORTS=str(urlsplit(above).port),
                TOCSIN_UPSTREAM_ALLOW=LOOPBACK,
                TOCSIN_UPSTREAM_CA_FILE=str(authority.path),
            )
            provider.work()
        came = said(state_of(team))
        everything = run(["-c", OPENED + EVERY_ROW], team.env)
        letters = smtp.messages(1)

    assert came["cases"] == ["cured"]
    note = "lines 1, warned 1, clean 1, events without a line 0"
    assert came["receipts"][-1] == ["cured", "meadow-net", {"note": note}]
    assert len(letters) == 1  # the neighbour, and who had it before, heard nothing
    names = ("bruno", "anna", "carla", "home.example", code)
    assert [name for name in names if name in everything] == []


def state_of(team: Node) -> str:
    return run(["-c", OPENED + CASES], team.env)
