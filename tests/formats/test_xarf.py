"""XARF 4: the same verdict as the reference library, every type to its class, and back."""

import base64
import hashlib
import json
import pickle
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.formats.reading import Read, read
from tocsin.flow.normalise import normalise
from tocsin.flow.tables import ROW
from tocsin.formats import xarf as ours
from tocsin.formats.catalogue import HEAD_BYTES, sniff
from tocsin.formats.xarf.classes import CLASSES
from tocsin.formats.xarf.prohibited import is_prohibited
from tocsin.formats.xarf.reading import REPORT_LIMIT
from tocsin.formats.xarf.shapes import CATEGORIES, SHAPES, deviations
from tocsin.formats.xarf.writing import Sender
from tocsin.words.classes import TYPES
from tocsin.words.errors import Unreadable, Unusable

SAMPLES = Path(__file__).parents[2] / "samples" / "xarf"
REPORTS: list[dict[str, Any]] = [
    json.loads(line) for line in (SAMPLES / "reports.ndjson").read_text("utf-8").splitlines()
]
BY_TYPE = {f"{one['category']}/{one['type']}": one for one in REPORTS}
FORMAT = ours.FORMAT
PROHIBITED = ("csam", "csem")


def lines(*reports: object) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in reports).encode()


def rows(*reports: object) -> list[dict[str, object]]:
    return read(FORMAT, lines(*reports)).rows


def reasons(data: bytes) -> list[tuple[int, str]]:
    return [(fault.row, fault.reason) for fault in read(FORMAT, data).faults]


def report(kind: str, **changes: object) -> dict[str, Any]:
    return {key: value for key, value in (BY_TYPE[kind] | changes).items() if value is not None}


# ── the reference library as oracle ──────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def oracle() -> Any:
    needed = ("xarf", "rfc3339_validator", "fqdn")
    for package in needed:
        pytest.importorskip(package, reason="the oracle; make test installs it")
    from xarf.schema_validator import SchemaValidator

    return SchemaValidator()


def broken(oracle: Any, one: dict[str, Any]) -> list[str]:
    return [f"{error.field}: {error.message}" for error in oracle.validate(one)]


def shipped() -> list[dict[str, Any]]:
    """The examples in the schemas that the reference library ships."""
    folder = files(pytest.importorskip("xarf")).joinpath("schemas/types")
    texts = [path.read_text(encoding="utf-8") for path in folder.iterdir()]
    return [one for text in texts for one in json.loads(text).get("examples", [])]


def test_the_shipped_examples_get_the_same_verdict(oracle: Any) -> None:
    examples = shipped()

    assert len(examples) > 20
    assert [
        one["type"] for one in examples if bool(broken(oracle, one)) != bool(deviations(one))
    ] == []


def test_our_samples_are_valid_to_both(oracle: Any) -> None:
    assert [broken(oracle, one) + deviations(one) for one in REPORTS] == [[]] * len(REPORTS)


def test_every_field_of_every_type_of_the_schemas_is_in_the_table(oracle: Any) -> None:
    from xarf.schema_registry import schema_registry

    core = set(schema_registry.get_core_property_names())
    theirs = {
        f"{category}/{kind}": core | set(schema_registry.get_category_fields(category, kind))
        for category, kinds in schema_registry.get_all_types().items()
        for kind in kinds
    }
    own = {kind: {"category", "type", *shape.fields} for kind, shape in SHAPES.items()}
    assert own == {kind: {"category", "type", *names} for kind, names in theirs.items()}
    assert (len(CATEGORIES), len(SHAPES)) == (7, 32)


# Values on which both must agree; those on which they need not are in docs/reference/formats.md.
WORDS = (
    "x tcp smtp 3 4.2.0 192.0.2.7 2001:db8::7 192.0.2.300 CVE-2026-1 CVE-2026-12345 high a:b A:B "
    "2026-06-17T09:00:00Z 2026-06-17T09:00:00+02:00 2026-02-30T09:00:00Z 2026-06-17 "
    "2026-06-17T09:00:00 00000000-0000-4000-8000-000000000001 https://a.example/ a@b.example "
    "example.org -a.example a..example BE be md5:00"
)
PLAIN: list[object] = [*WORDS.split(), "", "0" * 64, None, True, False, 0, 1, -1, 1.0, 1.5]
NESTED: list[object] = [
    *([], ["x"], ["a:b"], [1], [["a:b"]], ["CVE-2026-1", "CVE-2026-1"], {}, {"org": "x"}),
    *({"info_hash": "0" * 40}, {"message_id": "x"}, {"sha256": "z"}, {"content_type": "a/b"}),
    [{"content_type": "a/b", "payload": "eA=="}],
    [{"content_type": "a/b", "payload": "", "x": 1}],
]
JUNK = st.sampled_from([*PLAIN, 65536, 5242881, 10**30, *NESTED])
ADDRESSES_OF_PAGES = {
    "url",
    "infringing_url",
    "target_url",
    "cloned_site",
    "legitimate_site",
    "screenshot_url",
}


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_mutated_reports_get_the_same_verdict(oracle: Any, data: st.DataObject) -> None:
    one = json.loads(json.dumps(data.draw(st.sampled_from(REPORTS))))
    kind = f"{one['category']}/{one['type']}"
    names = sorted({*SHAPES[kind].fields, "category", "type", "unheard_of"} - ADDRESSES_OF_PAGES)
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(st.sampled_from(names))
        if data.draw(st.booleans()):
            one.pop(name, None)
        else:
            one[name] = data.draw(JUNK)

    theirs, own = broken(oracle, one), deviations(one)
    strict = [said for said in own if "a URI with" in said or "an email" in said]
    assert bool(theirs) == bool(own) or strict == own, (one, theirs, own)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_mutated_members_of_objects_get_the_same_verdict(oracle: Any, data: st.DataObject) -> None:
    one = json.loads(json.dumps(data.draw(st.sampled_from([*REPORTS, *shipped()]))))
    nested = [value for value in one.values() if isinstance(value, dict)]
    nested += [item for value in one.values() if isinstance(value, list) for item in value]
    nested = [value for value in nested if isinstance(value, dict)]
    inner = data.draw(st.sampled_from(nested))
    name = data.draw(st.sampled_from([*inner, "unheard_of"]))
    if data.draw(st.booleans()):
        inner.pop(name, None)
    else:
        inner[name] = data.draw(JUNK)

    theirs, own = broken(oracle, one), deviations(one)
    strict = [said for said in own if "a URI with" in said or "an email" in said]
    assert bool(theirs) == bool(own) or strict == own, (one, theirs, own)


# ── reading ──────────────────────────────────────────────────────────────────────────────


def test_a_login_attack_in_all_its_fields() -> None:
    assert rows(BY_TYPE["connection/login_attack"]) == [
        {
            ROW: 1,
            "source.ip": "192.0.2.130",
            "source.port": "40022",
            "time.source": "2026-06-17T11:21:00Z",
            "protocol.transport": "tcp",
            "destination.ip": "203.0.113.5",
            "destination.port": "22",
            "feed.provider": "Example Reports",
            "classification.type": "brute-force",
            "classification.identifier": "login-attack",
            "extra.report_id": "00000000-0000-4000-8000-000000000003",
            "extra.category": "connection",
            "extra.xarf_type": "login_attack",
            "extra.first_seen": "2026-06-17T08:00:00Z",
            "extra.last_seen": "2026-06-17T08:15:00Z",
            "extra.reporter_domain": "reports.example",
            "extra.sender": "Example CERT",
        }
    ]


@pytest.mark.parametrize(
    ("identifier", "columns"),
    [
        ("192.0.2.7", {"source.ip": "192.0.2.7"}),
        ("2001:db8::7", {"source.ip": "2001:db8::7"}),
        ("192.0.2.0/28", {"source.network": "192.0.2.0/28"}),
        ("Login.Example.", {"source.fqdn": "login.example"}),
        ("hxxps://login[.]example/x", {"source.url": "https://login.example/x"}),
        (
            "someone@mail.example",
            {"source.account": "someone@mail.example", "source.fqdn": "mail.example"},
        ),
        ("customer 4711", {"extra.source_identifier": "customer 4711"}),
    ],
)
def test_the_identifier_is_told_by_what_it_is(identifier: str, columns: dict[str, str]) -> None:
    (row,) = rows(report("infrastructure/botnet", source_identifier=identifier, source_port=None))

    places = ("source.", "extra.source")
    assert {key: value for key, value in row.items() if key.startswith(places)} == columns


def test_the_url_of_the_content_stands_above_an_identifier_that_is_one() -> None:
    one = report("content/phishing", source_identifier="https://other.example/")

    (row,) = rows(one)

    assert (row["source.url"], row["extra.source_identifier"]) == (
        "https://lantern-bank.login.example/session",
        "https://other.example/",
    )


def test_every_type_has_a_class_of_the_taxonomy() -> None:
    types = {kind for kind in SHAPES if kind.split("/")[1] not in PROHIBITED}

    assert set(CLASSES) == types
    assert set(CLASSES.values()) <= set(TYPES)


def test_every_sample_is_read_to_the_class_of_its_type_and_can_be_used() -> None:
    out = read(FORMAT, lines(*REPORTS))

    done = normalise(out.parsed[0])

    expected = [CLASSES[f"{one['category']}/{one['type']}"] for one in REPORTS]
    expected[-2:] = ["spam", "phishing"]  # reputation with the name of a class as threat_type
    assert done.events["classification.type"].to_list() == expected
    assert (done.faults, done.invalid) == ([], {})


def test_a_crawler_is_no_infected_system() -> None:
    crawler = report("connection/infected_host", bot_type="ai_agent", bot_name="FetchBot")

    (row,) = rows(crawler)

    assert (row["classification.type"], row.get("malware.name")) == ("scanner", None)


def test_one_object_an_array_and_lines_give_the_same_rows() -> None:
    pretty = json.dumps(REPORTS[0], indent=2).encode()
    array = json.dumps(REPORTS[:1]).encode()
    bom = b"\xef\xbb\xbf" + lines(REPORTS[0])

    tables = [read(FORMAT, data).table.drop(ROW) for data in (pretty, array, bom)]

    assert all(table.equals(read(FORMAT, lines(REPORTS[0])).table.drop(ROW)) for table in tables)


def test_a_report_is_known_though_its_evidence_comes_first() -> None:
    picture = [{"content_type": "image/png", "payload": "A" * 100_000}]
    one = {"evidence": picture, **report("content/phishing")}

    assert sniff(lines(one)[:HEAD_BYTES], "x").name == "xarf"


def test_evidence_gives_its_digest_and_never_itself() -> None:
    secret = b"From: victim@private.example\nthe secret of the message\n"
    item = {"content_type": "message/rfc822", "payload": base64.b64encode(secret).decode()}
    no_base64 = {"content_type": "text/plain", "payload": "not base64"}

    (row,) = rows(report("messaging/spam", evidence=[item, no_base64]))

    digests = f"{hashlib.sha256(secret).hexdigest()}, {hashlib.sha256(b'not base64').hexdigest()}"
    assert row["extra.evidence_sha256"] == digests
    assert row["extra.evidence_size"] == f"{len(secret)}, 10"
    assert row["extra.evidence_content_type"] == "message/rfc822, text/plain"
    assert item["payload"] not in json.dumps(row)


def test_internal_notes_and_contact_addresses_become_no_column() -> None:
    note = {"analyst": "secret-analyst", "nested": {"ticket": "secret-ticket"}}

    out = read(FORMAT, lines(report("infrastructure/botnet", _internal=note)))

    text = out.table.write_json()
    assert [word for word in ("secret-", "abuse@reports.example", "internal") if word in text] == []


def test_a_member_of_ones_own_fills_no_field_of_the_event() -> None:
    own = {"source.ip": "203.0.113.1", "classification.type": "test", "url": "https://x.example/"}

    (row,) = rows(report("infrastructure/botnet", **own, Category="other"))

    assert row["source.ip"] == "192.0.2.7"
    assert row["classification.type"] == "infected-system"
    assert "source.url" not in row
    assert (row["extra.source.ip"], row["extra.url"]) == ("203.0.113.1", "https://x.example/")
    assert row["extra.category"] == "infrastructure"


def test_a_spam_trap_is_told_to_nobody() -> None:
    (row,) = rows(report("messaging/spam", smtp_to="trap@hidden.example"))

    assert row["destination.account"] == "trap@hidden.example"
    assert [key for key in row if key.startswith("extra.") and "hidden" in str(row[key])] == []


def test_faults_name_the_field_and_the_rule_and_the_rest_flows() -> None:
    out = read(FORMAT, (SAMPLES / "array-broken.json").read_bytes())

    assert [row["source.ip"] for row in out.rows] == ["192.0.2.140"]
    assert [fault.reason for fault in out.faults] == [
        "url is missing",
        (
            "first_seen must be a moment with its zone, such as 2026-06-17T09:00:00Z (RFC 3339), "
            'not "yesterday"; source_port must be given where the source is an address'
        ),
        (
            "XARF version 3; version 4 is read. Possible: ask the sender for version 4, or "
            "convert it with the reference library of XARF"
        ),
    ]


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        ([], "not an object; a XARF report is one JSON object"),
        ({"xarf_version": "4.2.0"}, "category is missing"),
        (
            {"xarf_version": "4.2.0", "category": "copyright", "type": "spam"},
            (
                "type must be one of copyright, cyberlocker, link_site, p2p, ugc_platform, usenet, "
                'not "spam" (category copyright)'
            ),
        ),
    ],
)
def test_a_report_that_is_none_says_why(one: object, reason: str) -> None:
    good = BY_TYPE["infrastructure/botnet"]

    assert reasons(lines(good, one)) == [(2, reason)]


# ── what nobody may keep ─────────────────────────────────────────────────────────────────

MATERIAL = base64.b64encode(b"what nobody may possess").decode()


def prohibited_report(kind: str) -> dict[str, Any]:
    common = {key: BY_TYPE["content/phishing"][key] for key in ("xarf_version", "report_id")}
    common |= {key: BY_TYPE["content/phishing"][key] for key in ("timestamp", "reporter", "sender")}
    own = {"classification": "A1"} if kind == "csam" else {"exploitation_type": "distribution"}
    evidence = [{"content_type": "image/png", "payload": MATERIAL}]
    return (
        common
        | own
        | {
            "source_identifier": "192.0.2.7",
            "category": "content",
            "type": kind,
            "url": "https://hidden.example/",
            "detection_method": "manual_review" if kind == "csem" else "hash_match",
            "evidence": evidence,
        }
    )


def spellings() -> list[bytes]:
    """One report, however it may be spelt."""
    plain = json.dumps(prohibited_report("csam"))
    escaped = plain.replace('"type": "csam"', r'"t\u0079pe" :' + "\t" + r'"\u0063s\u0041m"')
    twice = plain.replace('"type": "csam"', '"type": "csam", "type": "phishing"')
    cut_off = plain[: plain.index(MATERIAL) + 8]
    return [text.encode() for text in (plain, escaped, twice, cut_off, f"[{plain}]")]


def leftovers(out: Read) -> str:
    faults = [(fault.reason, fault.raw.decode("latin-1")) for fault in out.faults]
    tables = [one.table.write_json() for one in out.parsed]
    return json.dumps([faults, tables])


@pytest.mark.parametrize("spelt", spellings())
def test_of_prohibited_material_nothing_stays_but_the_digest(spelt: bytes) -> None:
    good = lines(BY_TYPE["infrastructure/botnet"])

    out = read(FORMAT, good + spelt + b"\n" if spelt[:1] != b"[" else spelt)

    (fault,) = out.faults
    assert fault.raw == b""
    assert fault.reason.startswith("prohibited material (csam): never stored or routed here; ")
    assert MATERIAL[:8] not in leftovers(out)
    assert "hidden.example" not in leftovers(out)
    assert is_prohibited(spelt)


def test_the_digest_is_that_of_the_report() -> None:
    data = json.dumps(prohibited_report("csem")).encode()

    ((_, reason),) = reasons(data)

    assert reason.endswith(f"digest sha256 {hashlib.sha256(data).hexdigest()}")
    assert "(csem)" in reason


def test_other_reports_are_lawful() -> None:
    assert FORMAT.is_prohibited is is_prohibited
    assert not is_prohibited(lines(*REPORTS))
    assert not is_prohibited(b'{"type":"phishing","url":"https://csam.example/csem"}')
    assert is_prohibited(lines(prohibited_report("csem")).decode().encode("utf-16"))


def test_of_a_report_that_is_too_long_no_byte_is_kept() -> None:
    long = report("content/phishing", evidence=[])
    long["evidence"] = [{"content_type": "image/png", "payload": "A" * REPORT_LIMIT}]

    out = read(FORMAT, lines(long, BY_TYPE["content/phishing"]))

    assert [row[ROW] for row in out.rows] == [2]
    assert {(fault.row, fault.raw) for fault in out.faults} == {(1, b"")}
    assert all(fault.reason.startswith("longer than 16 MiB") for fault in out.faults)


def test_a_report_with_a_picture_of_some_megabytes_is_read() -> None:
    payload = base64.b64encode(bytes(3_000_000)).decode()
    item = {"content_type": "image/png", "payload": payload}

    (row,) = rows(report("content/phishing", evidence=[item]))

    assert row["extra.evidence_size"] == "3000000"


# ── hostile bytes ────────────────────────────────────────────────────────────────────────

BOTNET = json.dumps(BY_TYPE["infrastructure/botnet"])[:-1]
ATTACKS = {
    "nesting": BOTNET + ',"x":' + "[" * 10_000 + "]" * 10_000 + "}",
    "nested objects": BOTNET + ',"x":' + '{"a":' * 10_000 + "1" + "}" * 10_000 + "}",
    "open nesting": BOTNET + ',"x":' + "[" * 100_000,
    "huge integer": BOTNET + ',"x":' + "9" * 5000 + "}",
    "large integer": BOTNET + ',"x":' + "9" * 4000 + "}",
    "huge port": BOTNET.replace("49152", "9" * 4000) + "}",
    "NaN": BOTNET + ',"confidence":NaN}',
    "Infinity": BOTNET + ',"confidence":1e999}',
    "surrogate": BOTNET + ',"x":"\\ud800"}',
    "surrogate in a known field": BOTNET.replace("meadowbot", "\\udc00") + "}",
    "surrogate in the reason": BOTNET.replace("49152", '"\\udc00"') + "}",
    "surrogate key": BOTNET + ',"\\ud800":1}',
    "long text": BOTNET + ',"x":"' + "x" * 1_000_000 + '"}',
    "long array": BOTNET + ',"tags":[' + ",".join(['"a:b"'] * 100_000) + "]}",
    "long unknown array": BOTNET + ',"x":[' + ",".join(["1"] * 100_000) + "]}",
    "array of reports": "[" + ",".join([BOTNET + "}"] * 3 + ["0"] * 100_000) + "]",
    "many keys": BOTNET + "".join(f',"k{number}":1' for number in range(2000)) + "}",
    "long key": BOTNET + ',"' + "k" * 300_000 + '":1}',
    "no UTF-8": BOTNET + ',"x":"\xff"}',
    "blanks": " " * 1_000_000 + BOTNET + "}",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_hostile_json_gives_rows_or_faults_and_nothing_else(name: str) -> None:
    out = read(FORMAT, ATTACKS[name].encode("latin-1") + b"\n" + lines(REPORTS[0]))

    assert len(out.rows) + len(out.faults) > 0
    assert all(fault.reason.isascii() or "…" in fault.reason for fault in out.faults)
    for one in out.parsed:
        normalise(one)


def test_nesting_at_every_depth_gives_rows_or_faults() -> None:
    for depth in range(880, 1000, 3):
        text = BOTNET + ',"x":' + "[" * depth + "]" * depth + "}"

        assert len(read(FORMAT, text.encode()).parsed) == 1


def test_a_key_given_twice_counts_as_it_was_said_last() -> None:
    text = BOTNET + ',"source_identifier":"192.0.2.99"}'

    assert [row["source.ip"] for row in read(FORMAT, text.encode()).rows] == ["192.0.2.99"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_value_anywhere_gives_a_row_or_a_fault(data: st.DataObject) -> None:
    one = dict(data.draw(st.sampled_from(REPORTS)))
    for _ in range(data.draw(st.integers(1, 4))):
        one[data.draw(st.sampled_from([*one, "x", "evidence", "file_hashes", "c2_server"]))] = (
            data.draw(JSON)
        )

    out = read(FORMAT, lines(one))

    assert len(out.rows) + len(out.faults) == 1
    normalise(out.parsed[0])


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_rows_faults_or_unreadable(data: bytes) -> None:
    try:
        read(FORMAT, data, "x.json")
    except Unreadable as error:
        assert str(error).startswith("x.json: ")  # noqa: PT017


# ── writing ──────────────────────────────────────────────────────────────────────────────

AT = datetime(2026, 6, 17, 9, tzinfo=UTC)
FULL: dict[str, object] = {
    "time.source": AT,
    "source.ip": "192.0.2.200",
    "source.port": 50112,
    "source.url": "https://login.example/x",
    "source.fqdn": "login.example",
    "destination.ip": "203.0.113.5",
    "destination.port": 22,
    "protocol.transport": "tcp",
    "protocol.application": "smtp",
    "malware.name": "meadowbot",
    "malware.hash.sha256": "0" * 64,
    "product.name": "Example Server",
    "classification.identifier": "cve-2026-12345",
    "event_description.text": "Seen at a sinkhole",
    "event_hash": "abc",
    "extra.because": "AS64500 held it",
    "extra.repeats": 2,
    "extra": '{"tag":"meadowbot"}',
}
NAMED = ("source.ip", "source.fqdn", "source.url")


def released(kind: str, *without: str, **changes: object) -> pl.DataFrame:
    row = {"classification.type": kind} | FULL | changes
    kinds = {"source.port": pl.UInt16, "time.source": pl.Datetime("us", "UTC")}
    table = pl.DataFrame([row], schema_overrides={k: v for k, v in kinds.items() if k in row})
    return table.with_columns(pl.lit(None).cast(table.schema[name]).alias(name) for name in without)


SENDER = Sender(org="CERT Meadow", contact="abuse@meadow.example", domain="meadow.example")
NAMED_FORMAT = ours.with_sender(SENDER)


def written(table: pl.DataFrame) -> list[dict[str, Any]]:
    assert NAMED_FORMAT.body is not None
    return [json.loads(line) for line in NAMED_FORMAT.body(table).splitlines()]


VARIANTS = {
    "everything": (),
    "no port": ("source.port",),
    "no url": ("source.url",),
    "no time": ("time.source",),
    "no transport": ("protocol.transport",),
    "no service": ("protocol.application", "product.name", "classification.identifier"),
    "no address": ("source.ip",),
    "class alone": tuple(name for name in FULL if name != "extra"),
}


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("kind", TYPES)
def test_every_class_is_written_as_a_valid_report(oracle: Any, kind: str, variant: str) -> None:
    (one,) = written(released(kind, *VARIANTS[variant]))

    assert broken(oracle, one) == []
    assert deviations(one) == []


@pytest.mark.parametrize("kind", sorted(set(TYPES) - {"dos", "ddos-amplifier", "weak-crypto"}))
def test_a_class_comes_back_where_xarf_has_a_place_for_it(kind: str) -> None:
    bare = ("classification.identifier", "source.url", "protocol.transport", "protocol.application")
    (one,) = written(released(kind, *bare, "source.port", "product.name"))

    (row,) = rows(one)

    assert row["classification.type"] == kind


def test_an_infected_system_in_all_its_fields() -> None:
    (one,) = written(released("infected-system", "source.url", "source.fqdn", "extra"))

    contact = {
        "org": "CERT Meadow",
        "contact": "abuse@meadow.example",
        "domain": "meadow.example",
    }
    told = {key: value for key, value in one.pop("idf").items() if key.startswith("class")}
    assert told == {
        "classification.type": "infected-system",
        "classification.identifier": "cve-2026-12345",
    }
    assert one == {
        "xarf_version": "4.2.0",
        "report_id": one["report_id"],
        "timestamp": "2026-06-17T09:00:00Z",
        "reporter": contact,
        "sender": contact,
        "source_identifier": "192.0.2.200",
        "source_port": 50112,
        "description": "Seen at a sinkhole",
        "category": "infrastructure",
        "type": "botnet",
        "malware_family": "meadowbot",
        "c2_server": "203.0.113.5",
        "compromise_evidence": "traffic of meadowbot was seen from this address",
    }


def test_the_released_row_stands_whole_under_idf() -> None:
    (one,) = written(released("phishing"))

    extra = {"tag": "meadowbot", "because": "AS64500 held it", "repeats": 2}
    plain = {key: value for key, value in FULL.items() if not key.startswith("extra")}
    expected = {"classification.type": "phishing"} | plain | {"extra": extra}
    assert one["idf"] == expected | {"time.source": "2026-06-17T09:00:00+00:00"}


def test_one_incident_has_one_id_and_another_has_another() -> None:
    same = [written(released("scanner", port))[0]["report_id"] for port in ("source.port", "extra")]
    later = released("scanner", **{"time.source": datetime(2026, 6, 17, 10, tzinfo=UTC)})

    assert same[0] == same[1]
    assert written(later)[0]["report_id"] != same[0]


def test_an_answer_to_the_reporter_names_no_source() -> None:
    (one,) = written(released("phishing", *NAMED))

    assert (one["source_identifier"], one["type"]) == ("withheld", "threat_intelligence")


def test_the_victim_of_a_reflected_attack_is_not_written_as_the_attacker() -> None:
    victim = {"classification.identifier": "amplification-ddos-victim"}

    (one,) = written(released("ddos", **victim))

    assert (one["category"], one["threat_type"]) == ("reputation", "ddos")


def test_a_pseudonym_names_no_source() -> None:
    (one,) = written(released("spam", *NAMED, **{"source.account": "0123456789abcdef"}))

    assert one["source_identifier"] == "withheld"


def test_bodies_can_be_cut_at_row_ends_and_joined() -> None:
    assert NAMED_FORMAT.body is not None
    assert FORMAT.ends is not None
    two = pl.concat([released("phishing"), released("scanner", comment="a\nb")], how="diagonal")

    body = NAMED_FORMAT.body(two)

    ends = FORMAT.ends(body).tolist()
    assert len(ends) == 2
    apart = NAMED_FORMAT.body(two[:1]) + NAMED_FORMAT.body(two[1:])
    assert body[: ends[0]] + body[ends[0] :] == apart


def test_what_is_no_number_in_json_is_left_out() -> None:
    (one,) = written(released("test", **{"feed.accuracy": float("nan")}))

    assert "feed.accuracy" not in one["idf"]


def test_a_node_puts_its_own_name_and_the_format_still_travels() -> None:
    fmt = pickle.loads(pickle.dumps(NAMED_FORMAT))

    (one,) = [json.loads(line) for line in fmt.body(released("test")).splitlines()]
    assert (one["reporter"]["org"], one["sender"]["domain"]) == ("CERT Meadow", "meadow.example")


def test_without_a_name_nothing_is_written() -> None:
    assert FORMAT.body is not None
    with pytest.raises(Unusable, match="Possible: TOCSIN_NODE_NAME and TOCSIN_NODE_CONTACT"):
        FORMAT.body(released("test"))
