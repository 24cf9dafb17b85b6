"""`tocsin route` with reports that are no Shadowserver: how they are read, and what is not kept."""

import json
from pathlib import Path

import pytest

from tests.node.conftest import PARTIES, SAMPLES, WITH_PARTIES

HONEYPOT = SAMPLES / "generic-csv" / "honeypot.csv"
MAPPING = SAMPLES / "generic-csv" / "honeypot.toml"
DOMAINS = SAMPLES / "indicators" / "domains.txt"
REPORTS = SAMPLES / "xarf" / "reports.ndjson"
MATERIAL = "bm90aGluZyBvZiB0aGUga2luZCwgYSB0ZXN0"  # "nothing of the kind, a test"


def told(facts) -> list[tuple[str, str]]:
    return [(row["party"], row["relation"]) for row in facts["deliveries"]]


def test_a_csv_with_a_mapping_reaches_those_it_concerns(tocsin) -> None:
    facts = tocsin("route", HONEYPOT, "--mapping", MAPPING, *WITH_PARTIES, "--json").json

    assert [facts[name] for name in ("read", "quarantined", "events")] == [5, 2, 3]
    assert facts["classes"] == {"brute-force": 3}
    assert facts["reports"][0]["format"] == "generic-csv"
    assert told(facts) == [
        ("brook-telecom", "network"),
        ("csirt-be", "csirt"),
        ("meadow-net", "network"),
    ]


def test_a_plain_list_has_the_class_of_the_command_line(tocsin) -> None:
    facts = tocsin("route", DOMAINS, "--class", "phishing", *WITH_PARTIES, "--json").json

    # Two spellings of one name are one event.
    assert facts["classes"] == {"phishing": 4}
    assert ("example-registry", "registry") in told(facts)


def test_without_a_class_a_plain_list_is_undetermined(tocsin) -> None:
    facts = tocsin("preview", DOMAINS, *WITH_PARTIES, "--json").json

    assert facts["classes"] == {"undetermined": 4}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("--format", "generic-csv"),
            "tocsin: generic-csv is read with a mapping file. Possible: --mapping mapping.toml\n",
        ),
        (
            ("--format", "xarf", "--mapping", MAPPING),
            "tocsin: a mapping is for CSV, not for xarf. Possible: leave one of them out\n",
        ),
        (("--mapping", "none.toml"), "tocsin: no such mapping file: none.toml\n"),
    ],
)
def test_options_that_cannot_go_together_say_what_can(tocsin, words, sentence) -> None:
    said = tocsin("route", HONEYPOT, *words, *WITH_PARTIES)

    assert (said.code, said.err) == (4 if "none" in sentence else 2, sentence)


def test_a_class_that_does_not_exist_is_refused(tocsin) -> None:
    said = tocsin("route", DOMAINS, "--class", "phish", *WITH_PARTIES)

    assert said.code == 2
    assert said.err.startswith("tocsin: no class 'phish'. Possible: application-compromise, ")


def everything_below(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_of_prohibited_material_nothing_is_left_anywhere(tocsin, tmp_path: Path) -> None:
    good = json.loads(REPORTS.read_text("utf-8").splitlines()[10])
    bad = good | {
        "type": "csam",
        "url": "https://hidden-page.example/",
        "classification": "A1",
        "detection_method": "hash_match",
        "evidence": [{"content_type": "image/png", "payload": MATERIAL}],
    }
    file = tmp_path / "mixed.ndjson"
    file.write_text(f"{json.dumps(good)}\n{json.dumps(bad)}\n", "utf-8")
    where = ("--store", tmp_path / "store", "--out", tmp_path / "out")

    facts = tocsin("route", file, *where, *WITH_PARTIES, "--json").json
    file.unlink()

    assert (facts["events"], facts["quarantined"]) == (1, 1)
    left = everything_below(tmp_path)
    assert [word for word in (MATERIAL, "hidden-page") if word.encode() in left] == []
    assert list((tmp_path / "store" / "evidence").glob("*/*")) == []
    (row,) = tocsin("quarantine", "--store", tmp_path / "store", "--json", "--why", "test").json
    assert row["raw_base64"] == ""
    assert row["reason"].startswith("prohibited material (csam): never stored or routed here; ")


def test_a_party_that_asks_for_xarf_gets_valid_reports(
    tocsin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_NODE_NAME", "CERT Example")
    monkeypatch.setenv("TOCSIN_NODE_CONTACT", "abuse@cert.example")
    parties = tmp_path / "parties.toml"
    text = PARTIES.read_text("utf-8").replace('format = "idf-csv"', 'format = "xarf"')
    parties.write_text(text, "utf-8")
    words = ("--parties", parties, "--overlay", SAMPLES / "networks.csv", "--json")

    facts = tocsin("route", REPORTS, *words, "--out", tmp_path / "out").json

    files = [Path(row["path"]) for row in facts["deliveries"] if row["format"] == "xarf"]
    lines = [line for file in files for line in file.read_text("utf-8").splitlines()]
    assert len(lines) == sum(row["rows"] for row in facts["deliveries"] if row["format"] == "xarf")
    oracle = pytest.importorskip("xarf.schema_validator").SchemaValidator()
    assert [error for line in lines for error in oracle.validate(json.loads(line))] == []
