"""Every form of the shield's list, byte for byte."""

import csv
import io
import json

import polars as pl
import pytest

from tests.formats.listings import EDITION, SAMPLE, row, table
from tocsin.formats.blocklists import LIST_FORMATS, write_delta
from tocsin.formats.listed import changes, listed

HEAD = """\
# Phishing shield of Exampleland
# version 7, made 2026-11-23T09:00:00Z
# mistakes, appeals: https://shield.example/appeal
"""


def written(name: str, rows: pl.DataFrame = SAMPLE) -> str:
    return LIST_FORMATS[name].write(rows, EDITION).decode()


def test_domains() -> None:
    assert written("domains") == HEAD + "evil.example\nlogin.other.example\n"


def test_urls() -> None:
    assert written("urls") == (HEAD + "http://pages.example/a;b?c=$1\nhttps://pages.example/ada\n")


def test_hosts() -> None:
    assert written("hosts") == HEAD + (
        "# a hosts file does not cover names below these; a resolver's zone does\n"
        "0.0.0.0 evil.example\n0.0.0.0 login.other.example\n"
    )


def test_adblock_leaves_out_what_its_language_would_read_otherwise() -> None:
    assert written("adblock") == HEAD.replace("#", "!") + (
        "! 1 addresses have no form here\n"
        "||evil.example^\n||login.other.example^\n|https://pages.example/ada|$document\n"
    )


def test_squid_leaves_out_what_another_name_covers() -> None:
    rows = table(row("evil.example"), row("a.b.evil.example"), row("notevil.example"))

    assert written("squid", rows) == HEAD + ".evil.example\n.notevil.example\n"


def test_squid_takes_each_address_whole() -> None:
    assert written("squid-urls") == HEAD + (
        "^http://pages\\.example/a;b\\?c=\\$1$\n^https://pages\\.example/ada$\n"
    )


def test_suricata_sees_names_in_dns_and_tls_and_addresses_in_plain_http() -> None:
    assert written("suricata").removeprefix(HEAD).splitlines() == [
        (
            'drop dns any any -> any any (msg:"Phishing shield SH-0001"; dns.query; dotprefix; '
            'content:".evil.example"; nocase; endswith; '
            "classtype:social-engineering; rev:1; sid:1000000002;)"
        ),
        (
            'drop tls any any -> any any (msg:"Phishing shield SH-0001"; tls.sni; dotprefix; '
            'content:".evil.example"; nocase; endswith; '
            "classtype:social-engineering; rev:1; sid:1000000003;)"
        ),
        (
            'drop http any any -> any any (msg:"Phishing shield SH-0003"; http.host; '
            'content:"pages.example"; bsize:13; http.uri.raw; content:"/a|3B|b?c=|24|1"; bsize:9; '
            "classtype:social-engineering; rev:1; sid:1000000006;)"
        ),
        (
            'drop dns any any -> any any (msg:"Phishing shield SH-0002"; dns.query; dotprefix; '
            'content:".login.other.example"; nocase; endswith; '
            "classtype:social-engineering; rev:1; sid:1000000004;)"
        ),
        (
            'drop tls any any -> any any (msg:"Phishing shield SH-0002"; tls.sni; dotprefix; '
            'content:".login.other.example"; nocase; endswith; '
            "classtype:social-engineering; rev:1; sid:1000000005;)"
        ),
    ]


def test_json_says_everything_that_the_public_may_know() -> None:
    found = json.loads(written("json"))

    assert {name: found[name] for name in ("title", "contact", "version", "made_at")} == {
        "title": "Phishing shield of Exampleland",
        "contact": "https://shield.example/appeal",
        "version": 7,
        "made_at": "2026-11-23T09:00:00Z",
    }
    assert found["listings"][0] == {
        "reference": "SH-0001",
        "scope": "domain",
        "value": "evil.example",
        "over_https": False,
        "brand": "My Bank",
        "because": "it looks like mybank",
        "listed_at": "2026-11-23T08:00:00Z",
        "expires_at": "2026-12-07T09:00:00Z",
    }
    assert len(found["listings"]) == 4


def test_csv_gives_a_spreadsheet_nothing_to_compute() -> None:
    rows = table(row("evil.example", because='=1+1, "x"'), row("-login.example"))

    head, *cells = csv.reader(io.StringIO(written("csv", rows), newline=""))

    assert head[:3] == ["reference", "scope", "value"]
    assert [(cell[2], cell[5]) for cell in cells] == [
        ("'-login.example", "it looks like mybank"),
        ("evil.example", '\'=1+1, "x"'),
    ]


def test_a_delta_is_json_with_what_went_and_what_came() -> None:
    rows = table(
        row("gone.example", number=1, added_in=6, removed_in=7),
        row("new.example", number=2, added_in=7),
    )

    found = json.loads(write_delta(changes(rows, since=6, version=7), EDITION))

    assert (found["since"], found["version"]) == (6, 7)
    assert found["removed"] == [
        {"reference": "SH-0001", "scope": "domain", "value": "gone.example"}
    ]
    assert [one["value"] for one in found["added"]] == ["new.example"]


@pytest.mark.parametrize("name", LIST_FORMATS)
def test_no_form_makes_a_name_to_block_of_an_address(name: str) -> None:
    rows = table(row("https://pages.example/ada", scope="url"))
    text = written(name, rows).removeprefix(HEAD)

    if LIST_FORMATS[name].holds_addresses and name != "suricata":
        assert "pages" in text
        assert "/ada" in text
    else:  # a sensor sees no path inside TLS
        assert "pages" not in text


@pytest.mark.parametrize("name", LIST_FORMATS)
def test_an_empty_list_is_a_list(name: str) -> None:
    assert "evil" not in written(name, listed([]))


def test_a_title_stays_on_its_line() -> None:
    edition = type(EDITION)(1, EDITION.made_at, "a\nevil.example", "x\r\ny")

    assert LIST_FORMATS["domains"].write(listed([]), edition).decode().splitlines() == [
        "# a evil.example",
        "# version 1, made 2026-11-23T09:00:00Z",
        "# mistakes, appeals: x y",
    ]
