"""What leaves the node: every test starts with a secret that could leak."""

import csv
import hmac
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import ip_network

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.flow.world import AT, ON, SECRET, SOME, events
from tocsin.flow.merge import event_keys
from tocsin.flow.normalise import mark
from tocsin.flow.release import (
    Lane,
    as_members,
    columns_of,
    explain,
    json_object,
    may_receive,
    member_value,
    own_of,
    release,
    rule_of,
)
from tocsin.flow.stages import LANES, _hashes
from tocsin.formats import idf_csv, idf_json
from tocsin.rules.disclosure import COUNTED, Act
from tocsin.words.fields import EXTRA, FIELDS, Kind
from tocsin.words.markings import Tlp
from tocsin.words.relations import Relation, Side

R = Relation
SRC, DST = Side.SOURCE, Side.DESTINATION
Row = dict[str, object]

# One value for every field, unlike any other, so that each can be found if it leaks.
SECRETS: dict[Kind, Callable[[int], str]] = {
    Kind.TEXT: lambda n: f"SECRET-text-{n}-",
    Kind.NAME: lambda n: f"secret-name-{n}-",
    Kind.TIME: lambda n: f"2026-06-{n % 28 + 1:02} 03:{n % 60:02}:17",
    Kind.IP: lambda n: f"192.0.2.{n + 100}",
    Kind.NETWORK: lambda n: f"198.51.100.{n * 4 % 256}/30",
    Kind.PORT: lambda n: f"{50000 + n}",
    Kind.ASN: lambda n: f"{4200000000 + n}",
    Kind.COUNTRY: lambda n: ("BE", "PL", "PT", "EE")[n % 4],
    Kind.FQDN: lambda n: f"secret-{n}-host.example",
    Kind.URL: lambda n: f"http://me:SECRET-userinfo@secret-{n}-url.example/SECRET-path-{n}-",
    Kind.MD5: lambda n: f"{n:032x}"[::-1],
    Kind.SHA1: lambda n: f"{n:040x}"[::-1],
    Kind.SHA256: lambda n: f"{n:064x}"[::-1],
    Kind.NUMBER: lambda n: f"{n}.0625",
    Kind.TRANSPORT: lambda _: "tcp",
    Kind.TLP: lambda _: "GREEN",
    Kind.FLAG: lambda _: "true",
}
EXTRAS = {
    "extra.password": "SECRET-password",
    "extra.http_postdata": "SECRET-postdata",
    "extra.set_cookie": "SECRET-cookie",
    "extra.access_token": "SECRET-token",
    "extra.community": "SECRET-community",
    "extra.unknown_new_column": "SECRET-unknown",
    "extra.tag": "tag-everyone-may-see",
    "extra.referred": "http://me:SECRET-userinfo@referrer.example/",
    "extra.because": "SECRET-forged-reason",
    "extra.told": "SECRET-forged-told",
}
NEVER = (
    "SECRET-userinfo",
    "SECRET-password",
    "SECRET-postdata",
    "SECRET-cookie",
    "SECRET-token",
    "SECRET-community",
    "SECRET-forged",
)
KINDS = ("infected-system", "phishing", "scanner", "ddos", "vulnerable-system")
FORMATS = {"idf-csv": idf_csv, "intelmq-json": idf_json}


def full_row(kind: str) -> dict[str, str]:
    """A row with something in every field there is."""
    row = {name: SECRETS[sort](n) for n, (name, sort) in enumerate(FIELDS.items())}
    return row | EXTRAS | {"classification.type": kind, "time.source": "2026-06-17 09:12:13"}


def ready(*rows: dict[str, str], tlp: Tlp = Tlp.AMBER) -> pl.DataFrame:
    """Rows as the stages hand them to `release`."""
    table = mark(events(*rows), tlp)
    table = table.with_columns(_hashes(event_keys(table), SECRET).alias("event_hash"))
    return as_members(table).with_columns(
        pl.lit("because of a test").alias("because"),
        pl.lit(None, dtype=pl.String).alias("attributable"),
        pl.lit("report-1").alias("report"),
        pl.lit(0, dtype=pl.UInt32).alias("repeats"),
        pl.lit("csirt, network").alias("told"),
    )


def rendered(table: pl.DataFrame, lane: Lane, form: str) -> bytes:
    """The bytes of a whole delivery."""
    writer = FORMATS[form]
    names = list(columns_of(lane.relation, lane.on))
    return writer.header(names) + writer.body(release(table, lane, secret=SECRET))


def network_of(address: object) -> str:
    plain = str(address)
    return str(ip_network(f"{plain}/{48 if ':' in plain else 24}", strict=False))


def coarse(name: str, value: object) -> object:
    if isinstance(value, datetime):
        return value.replace(hour=0, minute=0, second=0, microsecond=0)
    assert name.endswith(".ip")
    return None  # stands in the network field


def pseudonym(name: str, value: object) -> str:
    return hmac.digest(SECRET, f"{name}\x1f{value}".encode(), "sha256").hex()[:32]


IDF_TLP = {"TLP:GREEN": "GREEN", "TLP:AMBER": "AMBER", "TLP:AMBER+STRICT": "RED"}


def by_the_rules(row: Row, lane: Lane) -> Row:
    """One event read field by field with `rules.disclosure.rule`, nothing clever in it."""
    kind = str(row["classification.type"])
    seen: Row = {}
    for name in (name for name in columns_of(lane.relation, lane.on) if name in FIELDS):
        act, value = rule_of(lane, kind, name), row.get(name)
        ways: dict[Act, Callable[[], object]] = {
            Act.KEEP: lambda name=name, value=value: (
                IDF_TLP[str(value)] if name == "tlp" else value
            ),
            Act.COARSEN: lambda name=name, value=value: coarse(name, value),
            Act.PSEUDONYMISE: lambda name=name, value=value: pseudonym(name, value),
        }
        seen[name] = ways[act]() if act in ways and value is not None else None
    for side in ("source", "destination"):
        network, address = f"{side}.network", row.get(f"{side}.ip")
        opened = rule_of(lane, kind, f"{side}.ip")
        if opened is Act.COARSEN and address is not None and seen[network] is None:
            seen[network] = network_of(address)
    extra = {
        name.removeprefix(EXTRA): member_value(str(value))
        for name, value in sorted(row.items())
        if name.startswith(EXTRA)
        and value is not None
        and name not in {"extra.because", "extra.told"}
        and rule_of(lane, kind, name) is Act.KEEP
    }
    return seen | {"extra": extra or None}


def as_released(table: pl.DataFrame) -> list[Row]:
    """Released rows without our own columns, `extra` read."""
    return [
        {
            name: json.loads(value) if name == "extra" and value else value
            for name, value in row.items()
            if not name.startswith(EXTRA)
        }
        for row in table.iter_rows(named=True)
    ]


LANE_NAMES = [f"{relation}-{side}" for relation, side in LANES]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("relation", "side"), LANES, ids=LANE_NAMES)
def test_what_comes_out_is_what_the_table_opens_and_no_other_secret_is_in_the_bytes(
    relation: Relation, side: Side, kind: str
) -> None:
    lane, table = Lane(relation, side, ON), ready(full_row(kind))
    row = table.row(0, named=True)
    expected = by_the_rules(row, lane)
    opened = {str(value) for value in expected.values() if value is not None}
    withheld = {
        str(value)
        for name, value in row.items()
        if (name in FIELDS and str(value) not in opened and len(str(value)) > 6)
        or name == "extra.unknown_new_column"
    }
    if "unknown_new_column" in (expected.get("extra") or ()):
        withheld.discard(str(row["extra.unknown_new_column"]))

    if relation not in COUNTED:
        assert as_released(release(table, lane, secret=SECRET)) == [expected]
    for form in FORMATS:
        data = rendered(table, lane, form).decode()
        assert [secret for secret in (*NEVER, *withheld) if secret in data] == []


@pytest.mark.parametrize(("relation", "side"), LANES, ids=LANE_NAMES)
def test_an_unknown_column_goes_to_the_holder_of_the_address_alone(
    relation: Relation, side: Side
) -> None:
    lane, table = Lane(relation, side, ON), ready(full_row("infected-system"))

    found = [b"SECRET-unknown" in rendered(table, lane, form) for form in FORMATS]

    assert found == [(relation, side) == (R.NETWORK, SRC)] * 2


WHOLE: dict[tuple[Relation, Side], Row] = {
    (R.REGISTRY, SRC): {
        "classification.type": "phishing",
        "classification.taxonomy": "fraud",
        "source.fqdn": "login.meadow.example",
        "source.url": "http://me:***@login.meadow.example/a",
        "tlp": "AMBER",
        "time.source": "2026-06-17T09:12:13+00:00",
    },
    (R.BRAND, SRC): {
        "classification.type": "phishing",
        "classification.taxonomy": "fraud",
        "event_description.target": "Meadow Bank",
        "source.fqdn": "login.meadow.example",
        "source.url": "http://me:***@login.meadow.example/a",
        "source.asn": 64496,
        "source.geolocation.cc": "BE",
        "tlp": "AMBER",
        "time.source": "2026-06-17T09:12:13+00:00",
    },
    (R.REPORTER, SRC): {
        "classification.type": "phishing",
        "classification.taxonomy": "fraud",
        "time.source": "2026-06-17T09:12:13+00:00",
    },
    (R.NETWORK, DST): {
        "classification.type": "phishing",
        "classification.taxonomy": "fraud",
        "destination.ip": "198.51.100.9",
        "source.asn": 64496,
        "source.geolocation.cc": "BE",
        "source.network": "192.0.2.0/24",
        "tlp": "AMBER",
        "time.source": "2026-06-17T09:12:13+00:00",
    },
}


@pytest.mark.parametrize(("relation", "side"), WHOLE)
def test_each_sees_this_of_a_phish_and_nothing_else(relation: Relation, side: Side) -> None:
    table = ready(
        {
            "classification.type": "phishing",
            "time.source": "2026-06-17 09:12:13",
            "source.ip": "192.0.2.7",
            "source.asn": "64496",
            "source.geolocation.cc": "BE",
            "source.url": "http://me:SECRET@login.meadow.example/a",
            "source.account": "victim@meadow.example",
            "destination.ip": "198.51.100.9",
            "event_description.target": "Meadow Bank",
            "extra.victim_name": "SECRET",
        }
    ).drop("event_hash")
    lane = Lane(relation, side, ON)

    line = json.loads(rendered(table, lane, "intelmq-json"))

    assert line.pop("extra") == {
        name.removeprefix(EXTRA): value
        for name, value in (
            ("extra.because", "because of a test"),
            ("extra.repeats", 0),
            ("extra.report", "report-1"),
            ("extra.row", 1),
            ("extra.told", "csirt, network"),
        )
        if name in own_of(relation)
    }
    assert line == WHOLE[relation, side]


# ── coarse, pseudonymous, counted ────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("192.0.2.255", "192.0.2.0/24"),
        ("0.0.0.9", "0.0.0.0/24"),
        ("2001:db8:1:2::7", "2001:db8:1::/48"),
        ("2001:db8:1:ffff:ffff:ffff:ffff:ffff", "2001:db8:1::/48"),
        ("::9", "::/48"),
        ("::ffff:192.0.2.7", "192.0.2.0/24"),
    ],
)
def test_a_coarse_address_is_its_network_in_the_network_field(address: str, network: str) -> None:
    table = ready({"source.ip": address, "classification.type": "ddos"})

    row = release(table, Lane(R.NETWORK, DST, ON), secret=SECRET).row(0, named=True)

    assert (row.get("source.ip"), row["source.network"]) == (None, network)


def test_the_sensor_that_saw_a_scan_is_given_as_a_network() -> None:
    table = ready(
        {
            "source.ip": "192.0.2.7",
            "destination.ip": "198.51.100.77",
            "classification.type": "scanner",
        }
    )

    for relation in (R.NETWORK, R.CSIRT):
        lane = Lane(relation, SRC, ON)
        row = release(table, lane, secret=SECRET).row(0, named=True)
        assert (row["destination.ip"], row["destination.network"]) == (None, "198.51.100.0/24")
        assert b"198.51.100.77" not in rendered(table, lane, "idf-csv")


def test_nothing_else_names_the_sensor_or_the_target() -> None:
    row = {
        "source.ip": "192.0.2.7",
        "classification.type": "scanner",
        "destination.fqdn": "SECRET-sensor.example",
        "destination.ip": "198.51.100.77:80 SECRET",
        "extra.http_host": "SECRET",
        "extra.dst_network": "SECRET",
        "extra.sensor_id": "SECRET",
        "extra.tag": "ssh",
    }
    lane = Lane(R.NETWORK, SRC, ON)

    for form in FORMATS:
        assert b"secret" not in rendered(ready(row), lane, form).lower()


def test_a_value_that_broke_its_rule_is_no_more_open_than_its_field() -> None:
    row = {
        "source.ip": "192.0.2.7",
        "source.port": "eighty",
        "destination.url": "SECRET no url",
        "time.observation": "SECRET no time",
    }

    table = release(ready(row), Lane(R.NETWORK, SRC, ON), secret=SECRET)

    assert json.loads(table["extra"][0]) == {"invalid_source_port": "eighty"}


def test_the_hash_of_an_event_does_not_tell_the_address_it_hides() -> None:
    """Whoever sees all but the address could try 256 addresses, were the hash not keyed."""
    table = ready({"source.ip": "192.0.2.7", "classification.type": "ddos"})
    seen = release(table, Lane(R.NETWORK, DST, ON), secret=SECRET)["event_hash"].to_list()

    guesses = [
        {"source.ip": f"192.0.2.{last}", "classification.type": "ddos"} for last in range(1, 256)
    ]
    tried = event_keys(events(*guesses)).hex()

    assert seen == table["event_hash"].to_list()
    assert seen[0] not in [tried[at : at + 32] for at in range(0, len(tried), 32)]


def test_a_pseudonym_is_stable_for_one_node_and_tells_nothing_across_nodes_or_fields() -> None:
    rows = [
        {"source.ip": "192.0.2.7", "source.account": account}
        for account in ("me@meadow.example", "me@meadow.example", "you@meadow.example")
    ]
    lane = Lane(R.CSIRT, SRC, ON)

    names, elsewhere = (
        release(ready(*rows), lane, secret=secret)["source.account"].to_list()
        for secret in (SECRET, b"another node")
    )

    assert names[0] == names[1] == pseudonym("source.account", "me@meadow.example")
    assert len({*names, *elsewhere}) == 4
    assert pseudonym("source.account", "x") != pseudonym("destination.account", "x")


@pytest.mark.parametrize("relation", sorted(COUNTED))
def test_figures_are_counts_by_day_state_class_and_family(relation: Relation) -> None:
    base = full_row("infected-system") | {"malware.name": "meadowbot"}
    later = base | {"time.source": "2026-06-17 23:59:59", "source.ip": "192.0.2.99"}
    other = base | {"time.source": "2026-06-18 00:00:00"}
    lane = Lane(relation, SRC, ON)

    table = release(ready(base, later, other), lane, secret=SECRET)

    state = base["source.geolocation.cc"]
    assert table.rows() == [
        (datetime(2026, 6, 17, tzinfo=UTC), "malicious-code", "infected-system", state,
         "meadowbot", 2),
        (datetime(2026, 6, 18, tzinfo=UTC), "malicious-code", "infected-system", state,
         "meadowbot", 1),
    ]  # fmt: skip
    for form in FORMATS:
        data = rendered(ready(base, later, other), lane, form)
        assert b"SECRET" not in data
        assert b"192.0.2." not in data


def test_figures_of_reports_with_and_without_a_time_add_up() -> None:
    rows = {"source.ip": "192.0.2.7"}
    lane = Lane(R.COORDINATOR, SRC, ON)
    timed, timeless = (
        release(ready(row), lane, secret=SECRET)
        for row in (rows | {"time.source": "2026-06-17 09:00:00"}, rows)
    )

    assert timed.schema == timeless.schema


# ── our own columns, explanations ────────────────────────────────────────────────────────


def test_a_report_cannot_speak_in_our_columns_names() -> None:
    forged = {"extra.because": "FORGED", "extra.attributable": "FORGED", "extra.report": "FORGED"}
    table = ready({"source.ip": "192.0.2.7"} | forged | {"extra.tag": "x"})

    line = rendered(table, Lane(R.NETWORK, SRC, ON), "intelmq-json")

    assert b"FORGED" not in line
    assert json.loads(line)["extra"] == {
        "because": "because of a test",
        "repeats": 0,
        "report": "report-1",
        "row": 1,
        "tag": "x",
    }


def test_only_the_reporter_learns_who_was_told_and_it_does_not_learn_why() -> None:
    told = {relation for relation in Relation if "extra.told" in own_of(relation)}
    reasoned = {relation for relation in Relation if "extra.because" in own_of(relation)}

    assert told == {R.REPORTER}
    assert reasoned == set(Relation) - {R.REPORTER}


def test_every_field_can_be_explained_with_purpose_and_basis() -> None:
    said = explain(
        Lane(R.BRAND, SRC, ON), "phishing", ["source.url", "source.ip", "extra.password"]
    )

    assert [(row["field"], row["act"], bool(row["purpose"])) for row in said] == [
        ("source.url", "keep", True),
        ("source.ip", "drop", False),
        ("extra.password", "never", True),
    ]
    assert said[1]["basis"] == "no rule opens this field"
    assert "passwords" in said[2]["purpose"]


@pytest.mark.parametrize(
    ("relation", "markings"),
    [
        (R.NETWORK, ["TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT"]),
        (R.LAW_ENFORCEMENT, ["TLP:CLEAR", "TLP:GREEN", "TLP:AMBER"]),
    ],
)
def test_a_marking_caps_who_receives(relation: Relation, markings: list[str]) -> None:
    assert may_receive(relation) == markings


def test_amber_strict_is_written_as_red_and_never_weaker() -> None:
    table = ready({"source.ip": "192.0.2.7"}, tlp=Tlp.AMBER_STRICT)

    assert release(table, Lane(R.NETWORK, SRC, ON), secret=SECRET)["tlp"].to_list() == ["RED"]


# ── extras as JSON ───────────────────────────────────────────────────────────────────────


@given(
    st.dictionaries(
        st.sampled_from(["extra.a", "extra.b", "extra.c.d", "extra.e"]),
        st.text(max_size=12),
        max_size=4,
    )
)
@SOME
def test_extras_come_back_from_their_json_as_they_were(extras: dict[str, str]) -> None:
    table = events({"source.ip": "192.0.2.7"} | extras)
    plain = {
        name.removeprefix(EXTRA): table[name][0]
        for name in sorted(extras)
        if table[name][0] is not None
    }

    members = as_members(table)
    said = members.select(json_object(list(extras)).alias("extra"))["extra"][0]

    assert (json.loads(said) if said else {}) == plain
    assert {n.removeprefix(EXTRA): member_value(members[n][0]) for n in extras} == plain


# ── anything at all ──────────────────────────────────────────────────────────────────────

some_rows = st.lists(
    st.tuples(st.sampled_from(KINDS), st.sets(st.sampled_from(sorted(FIELDS | EXTRAS)))),
    min_size=1,
    max_size=4,
)


@given(some_rows, st.sampled_from(LANES))
@SOME
def test_any_mixture_of_classes_and_fields_is_released_as_each_row_reads_alone(
    drawn: list[tuple[str, set[str]]], lane_of: tuple[Relation, Side]
) -> None:
    lane = Lane(*lane_of, ON)
    rows = [
        {name: value for name, value in full_row(kind).items() if name in names}
        | {"source.ip": "192.0.2.7", "classification.type": kind}
        for kind, names in drawn
    ]
    table = ready(*rows)

    released = release(table, lane, secret=SECRET)

    plain = [by_the_rules(row, lane) for row in table.iter_rows(named=True)]
    if lane.relation in COUNTED:
        assert released["extra.events"].sum() == len(rows)
        assert {tuple(row.values())[:-1] for row in plain} == {row[:-1] for row in released.rows()}
    else:
        assert as_released(released) == plain
    assert released.columns == list(columns_of(lane.relation, lane.on))


def test_a_delivery_in_csv_has_the_header_of_its_columns() -> None:
    table = ready(full_row("phishing"))
    lane = Lane(R.NETWORK, SRC, ON)

    (line,) = csv.DictReader(io.StringIO(rendered(table, lane, "idf-csv").decode()))

    assert tuple(line) == columns_of(R.NETWORK, ON)
    assert line["time.source"] == "2026-06-17T09:12:13+00:00"
    assert AT.date().isoformat() == line["time.source"][:10]
