"""The first ring of the bell: a report comes in, and everyone concerned is told.

A zip of Shadowserver arrives. It tells of a bot in Belgium, a phishing page in Poland that
imitates a Portuguese bank, and one thing that nobody can make out. Each party gets what it may
see and no more; the bot's stolen password leaves the house for nobody.
"""

import csv
import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from tests.node.conftest import OVERLAY, PARTIES, Said, spawn
from tocsin.office.keys import public_text, signing_key
from tocsin.office.manifest import read_signed

__all__ = ["spawn"]

SECRET = "hunter2-swordfish"
BOTS = f'''\
"timestamp","protocol","src_ip","src_port","src_asn","src_geo","dst_ip","dst_port","infection",\
"family","tag","password"
"2026-06-17 01:05:27","tcp","192.0.2.117","15094","64496","BE","203.0.113.250","443","dustloader",\
"dust","sinkhole","{SECRET}"
"2026-06-17 02:36:03","tcp","192.0.2.300.12","47692","64498","PL","203.0.113.250","443","x","",\
"sinkhole",""
'''
PAGES = """\
"timestamp","ip","url","host","asn","geo","source"
"2026-06-17 06:44:38","198.51.100.150","https://lantern-bank.parcels.example/login",\
"lantern-bank.parcels.example","64499","PL","sample"
"""
BAD_LINE = BOTS.splitlines(keepends=True)[2].encode()


class Node:
    """One node on this machine, spoken to as its people do: by commands."""

    def __init__(self, run, folder: Path) -> None:
        self._run, self.folder = run, folder

    def __call__(self, *words: object) -> Said:
        done = self._run(*words)
        assert (done.code, done.err) == (0, "")
        return done

    def delivery(self, party: str) -> Path:
        """The one file in a party's folder, beside its manifest."""
        (file,) = (
            path
            for path in (self.folder / "out" / party).iterdir()
            if not path.name.endswith(".manifest.json")
        )
        return file


@pytest.fixture
def node(spawn, tmp_path: Path) -> Node:
    with zipfile.ZipFile(tmp_path / "reports.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("2026-06-17-event4_sinkhole-sample.csv", BOTS)
        archive.writestr("2026-06-17-phish_url-sample.csv", PAGES)
    return Node(spawn, tmp_path)


def route(node: Node) -> dict:
    words = ("--parties", PARTIES, "--overlay", OVERLAY, "--out", "out", "--json")
    return node("route", "reports.zip", *words).json


def rows(path: Path) -> list[dict[str, str]]:
    """The rows of a delivery in CSV without the fields that are empty and those of our own run."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {name: value for name, value in row.items() if value and name not in OF_THE_RUN}
            for row in csv.DictReader(file)
        ]


OF_THE_RUN = ("event_hash", "extra.report")


def test_a_report_comes_in_and_everyone_concerned_is_told(node: Node) -> None:
    facts = route(node)

    # What came of it, in numbers that add up.
    numbers = ("read", "quarantined", "duplicates", "events", "unrouted")
    assert [facts[name] for name in numbers] == [3, 1, 0, 2, 0]
    assert [(row["party"], row["relation"], row["events"]) for row in facts["deliveries"]] == [
        ("csirt-be", "csirt", 1),
        ("csirt-pl", "csirt", 1),
        ("cybercrime-unit", "law_enforcement", 2),
        ("example-registry", "registry", 1),
        ("hillside-hosting", "network", 1),
        ("lantern-bank", "brand", 1),
        ("meadow-net", "network", 1),
        ("shadowserver-sample", "reporter", 2),
    ]

    # The operator of the bot's line can find the line: address, port, moment, and why it.
    assert rows(node.delivery("meadow-net")) == [
        {
            "time.source": "2026-06-17T01:05:27+00:00",
            "classification.taxonomy": "malicious-code",
            "classification.type": "infected-system",
            "classification.identifier": "dustloader",
            "source.ip": "192.0.2.117",
            "source.port": "15094",
            "source.asn": "64496",
            "source.as_name": "Meadow Net",
            "source.geolocation.cc": "BE",
            "destination.ip": "203.0.113.250",
            "destination.port": "443",
            "protocol.transport": "tcp",
            "malware.name": "dustloader",
            "feed.code": "event4_sinkhole",
            "feed.provider": "Shadowserver",
            "tlp": "AMBER",
            "extra.because": "192.0.2.0/25 is in the remit of Meadow Net (manual)",
            "extra.repeats": "0",
            "extra.row": "2",
            "extra": '{"family":"dust","tag":"sinkhole"}',
        }
    ]

    # The national team sees the same, but of the sinkhole only the network.
    (seen,) = [json.loads(line) for line in node.delivery("csirt-be").read_text().splitlines()]
    assert {name: seen.get(name) for name in ("source.ip", "source.port", "destination.ip")} == {
        "source.ip": "192.0.2.117",
        "source.port": 15094,
        "destination.ip": None,
    }
    assert seen["destination.network"] == "203.0.113.0/24"
    assert seen["extra"]["because"] == (
        "192.0.2.0–192.0.2.255 belonged to BE in the overlay networks.csv"
    )

    # The bank that is imitated learns the page, not the machine.
    (page,) = rows(node.delivery("lantern-bank"))
    assert page["source.url"] == "https://lantern-bank.parcels.example/login"
    assert [name for name in page if name.endswith(".ip")] == []

    # The police get counts under their agreement, and no address.
    assert rows(node.delivery("cybercrime-unit")) == [
        {
            "time.source": "2026-06-17T00:00:00+00:00",
            "classification.taxonomy": "fraud",
            "classification.type": "phishing",
            "source.geolocation.cc": "PL",
            "extra.events": "1",
        },
        {
            "time.source": "2026-06-17T00:00:00+00:00",
            "classification.taxonomy": "malicious-code",
            "classification.type": "infected-system",
            "source.geolocation.cc": "BE",
            "malware.name": "dustloader",
            "extra.events": "1",
        },
    ]

    # The reporter learns what became of each row: which relations were told, not who.
    assert [
        (row["extra.row"], row["extra.told"]) for row in rows(node.delivery("shadowserver-sample"))
    ] == [
        ("2", "csirt, network"),
        ("2", "brand, csirt, network, registry"),
    ]

    # The coordinator has no agreement and got nothing.
    assert not (node.folder / "out" / "sample-coordinator").exists()


def test_the_password_in_the_report_leaves_the_house_for_nobody(node: Node) -> None:
    route(node)

    assert SECRET in BOTS
    files = [path for path in (node.folder / "out").rglob("*") if path.is_file()]
    assert len(files) == 16
    assert [path.name for path in files if SECRET.encode() in path.read_bytes()] == []


def test_every_manifest_proves_its_delivery(node: Node) -> None:
    facts = route(node)
    public = public_text(signing_key(node.folder / "tocsin-store" / "keys"))
    for row in facts["deliveries"]:
        path = Path(row["path"])
        data = path.with_suffix(".manifest.json").read_bytes()
        said = read_signed(data, public_key=public)

        assert said["file"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert (said["to"]["party"], said["to"]["relation"]) == (row["party"], row["relation"])
        came = hashlib.sha256((node.folder / "reports.zip").read_bytes()).hexdigest()
        counted = row["relation"] in ("law_enforcement", "coordinator")
        assert list(said["reports"].values()) == ([] if counted else [came])


def test_the_same_report_again_bothers_nobody(node: Node) -> None:
    route(node)
    again = route(node)

    assert (again["read"], again["duplicates"], again["events"]) == (3, 2, 0)
    assert again["deliveries"] == []


def test_a_preview_says_before_what_the_delivery_says_after(node: Node) -> None:
    words = ("--parties", PARTIES, "--overlay", OVERLAY, "--field", "source.port=15094")
    told = node("preview", "192.0.2.117", *words, "--json").json["told"]
    route(node)
    (meadow,) = [row for row in told if row["party"] == "meadow-net"]
    (row,) = rows(node.delivery("meadow-net"))

    assert meadow["because"] == row["extra.because"]
    same = ("source.ip", "source.port", "source.asn", "source.as_name", "source.geolocation.cc")
    shown = {field["field"]: field["value"] for field in meadow["fields"]}
    assert {name: shown[name] for name in same} == {name: row[name] for name in same}


def test_a_preview_of_the_whole_report_names_the_same_parties_and_keeps_nothing(
    node: Node,
) -> None:
    words = ("--parties", PARTIES, "--overlay", OVERLAY, "--json")
    seen = node("preview", "reports.zip", *words).json
    before = sorted(path.name for path in node.folder.iterdir())
    told = route(node)

    assert before == ["reports.zip"]
    assert [(row["party"], row["relation"], row["rows"]) for row in seen["deliveries"]] == [
        (row["party"], row["relation"], row["rows"]) for row in told["deliveries"]
    ]


def test_the_line_nobody_can_make_out_is_kept_as_it_came(node: Node) -> None:
    route(node)
    (kept,) = node("quarantine", "--json", "--why", "mending the feed").json
    node("quarantine", "--export", "bad.csv", "--why", "mending the feed")

    assert (kept["file"], kept["line"]) == (
        "reports.zip: 2026-06-17-event4_sinkhole-sample.csv",
        3,
    )
    assert "192.0.2.300.12" in kept["reason"] or "source.ip" in kept["reason"]
    assert (node.folder / "bad.csv").read_bytes() == BAD_LINE
