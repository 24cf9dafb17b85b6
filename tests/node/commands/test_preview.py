"""`tocsin preview`: who would be told, and nothing is written."""

import json
from pathlib import Path

import pytest

from tests.node.conftest import OVERLAY, PARTIES, PHISH, SINKHOLE, WITH_PARTIES, listing
from tocsin.node.samples import samples_folder


def told(done) -> list[tuple[str, str]]:
    return sorted((row["party"], row["relation"]) for row in done.json["told"])


def given(done, party: str) -> dict[str, str]:
    """Fields and values that leave for one party."""
    rows = next(row["fields"] for row in done.json["told"] if row["party"] == party)
    return {row["field"]: row["value"] for row in rows if row["value"]}


@pytest.mark.parametrize(
    ("target", "parties"),
    [
        (
            "192.0.2.7",
            [
                ("csirt-be", "csirt"),
                ("cybercrime-unit", "law_enforcement"),
                ("meadow-net", "network"),
            ],
        ),
        (
            "2001:db8:2:7::20",
            [
                ("csirt-pl", "csirt"),
                ("cybercrime-unit", "law_enforcement"),
                ("harbour-online", "network"),
            ],
        ),
        (
            "192.0.2.0/28",
            [
                ("csirt-be", "csirt"),
                ("cybercrime-unit", "law_enforcement"),
                ("meadow-net", "network"),
            ],
        ),
        (
            "https://www.lantern-bank.example/",
            [
                ("cybercrime-unit", "law_enforcement"),
                ("example-registry", "registry"),
                ("lantern-bank", "brand"),
            ],
        ),
        (
            "shop.hillside-hosting.example",
            [
                ("cybercrime-unit", "law_enforcement"),
                ("example-registry", "registry"),
                ("hillside-hosting", "platform"),
            ],
        ),
    ],
)
def test_an_address_network_url_or_domain_shows_who_would_be_told(tocsin, target, parties) -> None:
    done = tocsin("preview", target, *WITH_PARTIES, "--json")

    assert done.ended == (0, "")
    assert told(done) == parties


def test_a_preview_says_why_and_which_fields_leave(tocsin) -> None:
    done = tocsin("preview", "192.0.2.7", *WITH_PARTIES, "--field", "source.port=4444", "--json")
    meadow = next(row for row in done.json["told"] if row["party"] == "meadow-net")

    assert meadow["because"] == "192.0.2.0/25 is in the remit of Meadow Net (manual)"
    assert meadow["attributable"] is None
    values = given(done, "meadow-net")
    assert {name: values[name] for name in ("source.ip", "source.port", "source.asn")} == {
        "source.ip": "192.0.2.7",
        "source.port": "4444",
        "source.asn": "64496",
    }


def test_a_password_is_shown_to_leave_for_nobody(tocsin) -> None:
    words = ("--field", "extra.password=hunter2", "--field", "extra.unheard=of")
    done = tocsin("preview", "192.0.2.7", *WITH_PARTIES, *words, "--json")
    acts = {
        row["party"]: [
            shown["act"] for shown in row["fields"] if shown["field"] == "extra.password"
        ]
        for row in done.json["told"]
    }

    assert acts == {"meadow-net": ["never"], "csirt-be": ["never"], "cybercrime-unit": ["never"]}
    assert "hunter2" not in done.out
    assert [
        row["party"] for row in done.json["told"] if "of" in given(done, row["party"]).values()
    ] == ["meadow-net"]


def test_many_lines_behind_one_address_are_not_attributable_without_a_port(tocsin) -> None:
    done = tocsin("preview", "192.0.2.200", *WITH_PARTIES)

    assert done.code == 0
    assert "attributable: no: many lines share this address" in done.out


def test_what_nobody_can_act_on_is_said_to_count_as_unrouted(tocsin) -> None:
    done = tocsin("preview", "3fff:10::25", *WITH_PARTIES)

    assert done.code == 0
    assert "Nobody who could act on it is told: it would count as unrouted." in done.out


def test_a_report_file_is_previewed_with_the_same_counts_as_a_run(tocsin) -> None:
    seen = tocsin("preview", SINKHOLE, PHISH.name, *WITH_PARTIES, "--json")
    assert seen.code == 2  # one target at a time

    seen = tocsin("preview", SINKHOLE, *WITH_PARTIES, "--json").json
    run = tocsin("route", SINKHOLE, *WITH_PARTIES, "--json").json
    for facts in (seen, run):
        facts["told"] = [
            [row[name] for name in ("party", "relation", "events", "rows", "format", "tlp")]
            for row in facts["deliveries"]
        ]

    same = ("read", "quarantined", "duplicates", "events", "unrouted", "classes", "told")
    assert {name: seen[name] for name in same} == {name: run[name] for name in same}
    assert {(row["state"], row["path"]) for row in seen["deliveries"]} == {("preview", "")}


def test_a_report_nobody_can_read_ends_with_3(tocsin, tmp_path: Path) -> None:
    (tmp_path / "noise").write_bytes(b"\x00\x01\x02" * 99)

    assert tocsin("preview", "noise", *WITH_PARTIES).code == 3


def test_without_a_store_a_preview_makes_none(spawn, tmp_path: Path) -> None:
    done = [spawn("preview", "192.0.2.7"), spawn("preview", SINKHOLE)]

    assert [said.ended for said in done] == 2 * [
        (
            4,
            (
                "tocsin: there is no store at tocsin-store. Possible: name one with --store or "
                "TOCSIN_STORE; tocsin route and tocsin parties import make one\n"
            ),
        )
    ]
    assert list(tmp_path.iterdir()) == []


def test_with_a_party_file_a_preview_needs_no_store_and_makes_none(spawn, tmp_path: Path) -> None:
    done = [spawn("preview", target, *WITH_PARTIES) for target in ("192.0.2.7", SINKHOLE)]

    assert [said.ended for said in done] == [(0, ""), (0, "")]
    assert list(tmp_path.iterdir()) == []


def test_a_preview_leaves_the_store_as_it_was(spawn, tmp_path: Path) -> None:
    spawn("route", PHISH, *WITH_PARTIES)
    before = listing(tmp_path / "tocsin-store")
    done = [spawn("preview", target) for target in ("192.0.2.7", "a.example", SINKHOLE)]

    assert [said.ended for said in done] == 3 * [(0, "")]
    after = listing(tmp_path / "tocsin-store")
    assert set(after.keys() ^ before.keys()) == set()
    assert {name for name in after if after[name] != before[name]} <= {".", ".lock"}


def test_a_preview_of_a_file_uses_the_snapshot_that_the_store_fetched(
    tocsin, tmp_path: Path
) -> None:
    """As a run would: else the preview could name another network than the delivery."""
    tocsin("parties", "import", PARTIES)
    packages = small_packages(tmp_path / "packages")
    tocsin("networks", "update", "--from", packages)
    (tmp_path / "2026-06-17-scan_rdp-x.csv").write_text(
        "timestamp,ip,port,tag\n2026-06-17 01:00:00,203.0.114.9,80,x\n"
    )
    by_file = tocsin("preview", "2026-06-17-scan_rdp-x.csv", "--json").json
    by_run = tocsin("route", "2026-06-17-scan_rdp-x.csv", "--json").json

    assert [row["party"] for row in by_file["deliveries"]] == [
        row["party"] for row in by_run["deliveries"]
    ]
    assert "harbour-online" in [row["party"] for row in by_file["deliveries"]]


def small_packages(folder: Path) -> Path:
    """The two npm packages with one range each: 203.0.114.0/24 is AS64498 in PL."""
    version = "2.3.2026111800"
    for name, files in {
        "asn": {
            "asn-ipv4-num.csv": "3405804032,3405804287,64498,Harbour Online\n",
            "asn-ipv6.csv": "2001:db8:2::,2001:db8:2:ffff:ffff:ffff:ffff:ffff,64498,Harbour\n",
        },
        "geo-whois-asn-country": {
            "geo-whois-asn-country-ipv4-num.csv": "3405804032,3405804287,PL\n",
            "geo-whois-asn-country-ipv6.csv": (
                "2001:db8:2::,2001:db8:2:ffff:ffff:ffff:ffff:ffff,PL\n"
            ),
        },
    }.items():
        place = folder / name
        place.mkdir(parents=True)
        about = {"name": f"@ip-location-db/{name}", "version": version}
        (place / "package.json").write_text(json.dumps(about))
        for file, text in files.items():
            (place / file).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (["report.csv"], 4, "no such file: report.csv"),
        (["a b"], 2, "'a b' is no address, network, domain or URL. Possible: 192.0.2.7, "),
        (["192.0.2.300"], 2, "'192.0.2.300' is no address, network, domain or URL"),
        (["example.net/path"], 2, "https://name.example/path"),
        ([""], 2, "'' is no address, network, domain or URL"),
        ([str(samples_folder())], 2, "is no address, network, domain or URL"),
        (["\x1b[31mred"], 2, r"'\x1b[31mred' is no address"),
        (["192.0.2.7", "--class", "flu"], 2, "no class 'flu'. Possible: application-compromise, "),
        (["192.0.2.7", "--field", "port"], 2, "--field 'port': write NAME=VALUE"),
        (["192.0.2.7", "--field", "port=1"], 2, "'port' is no IDF field. Possible: source.port"),
        (["192.0.2.7", "--field", "source.port=x"], 2, "'x' is not valid for source.port"),
        (["192.0.2.7", "--tlp", "blue"], 2, "'blue' is no TLP marking"),
        (["192.0.2.7", "--overlay", "nope.csv"], 4, "no such overlay: nope.csv"),
        (["192.0.2.7", "--parties", "nope.toml"], 4, "no such party file: nope.toml"),
    ],
)
def test_a_wrong_word_ends_with_one_sentence_and_its_code(tocsin, words, code, complaint) -> None:
    done = tocsin("preview", "--parties", PARTIES, "--overlay", OVERLAY, *words)

    assert (done.code, complaint in done.err, done.out) == (code, True, "")
