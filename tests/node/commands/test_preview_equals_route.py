"""A preview of a file says what a run then does: same parties of every source, same window."""

from pathlib import Path
from random import Random

import pytest

from tests.node.conftest import OVERLAY, PARTIES, SAMPLES, listing

CONTACTS = SAMPLES / "contacts"
RIPE = sorted(CONTACTS.glob("ripe.db.*"))
HEADER = "time.source,source.ip,source.fqdn,source.port,classification.type,tlp,extra.tag\n"
NETWORKS = ("192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:1::", "2001:db8:2::", "3fff:10::")
NAMES = ("shop.hillside.example", "www.lantern-bank.example", "a.registry.example", "")
KINDS = ("infected-system", "phishing", "scanner", "ddos", "no such class", "test")
MADE_ANEW = ("run", "seconds", "cpu_seconds", "peak_mib")
SAME_OF_A_DELIVERY = ("party", "name", "relation", "events", "rows", "format", "tlp")


def row(random: Random) -> str:
    """One event; sometimes nobody's, sometimes none at all."""
    address = f"{random.choice(NETWORKS)}{random.randrange(0, 256)}"
    if random.random() < 0.05:
        return "yesterday,not an address,,,phishing,,\n"
    fields = (
        f"2026-06-17T{random.randrange(24):02}:00:00Z",
        address if random.random() < 0.8 else "",
        random.choice(NAMES),
        str(random.randrange(1, 70_000)) if random.random() < 0.5 else "",
        random.choice(KINDS),
        random.choice(("", "", "green", "red")),
        "x",
    )
    return ",".join(fields) + "\n"


def write(path: Path, rows: list[str]) -> Path:
    path.write_text(HEADER + "".join(rows))
    return path


def on_file(tocsin, random: Random) -> None:
    """Parties of several sources, with remits that came from another source than the party's."""
    tocsin("parties", "import", PARTIES)
    tocsin("contacts", "import", "ripe", *RIPE)
    if random.random() < 0.7:
        tocsin("contacts", "import", "csv", CONTACTS / "contacts.csv", "--date", "2026-06-02")
    if random.random() < 0.5:
        tocsin("contacts", "dead", "abuse@hillside-hosting.example", "--why", "550 no such user")
    from tocsin.office.models import Party, Remit

    Remit.objects.create(
        party=Party.objects.get(slug="meadow-net"),
        kind="prefix",
        value=f"203.0.113.{random.randrange(8) * 32}/27",
        relation="network",
        source="ripe",
    )
    Party.objects.filter(slug="brook-telecom").update(channel="mail")
    Party.objects.filter(slug="csirt-pt").update(country="")  # no basis: what is for it is parked


def foreseen(facts) -> dict[str, object]:
    """What a preview and a run must have in common."""
    told = [
        [delivery[name] for name in SAME_OF_A_DELIVERY] + [delivery["state"] == "parked"]
        for delivery in facts["deliveries"]
    ]
    rest = {"deliveries", "quarantine", "quarantine_hint", *MADE_ANEW}
    return {**{name: value for name, value in facts.items() if name not in rest}, "told": told}


@pytest.mark.parametrize("seed", range(6))
def test_what_a_preview_says_is_what_the_run_then_does(tocsin, tmp_path, seed) -> None:
    random = Random(seed)
    on_file(tocsin, random)
    rows = [row(random) for _ in range(300)]
    earlier = write(tmp_path / "earlier.csv", random.sample(rows, 120))
    report = write(tmp_path / "report.csv", [*random.sample(rows, 200), *rows[:20]])
    tocsin("route", earlier, "--overlay", OVERLAY)
    words = (report, "--overlay", OVERLAY, "--json")
    seen, ran = tocsin("preview", *words), tocsin("route", *words)

    assert seen.code == ran.code
    assert foreseen(seen.json) == foreseen(ran.json)
    assert ran.json["duplicates"] > 20
    assert len(ran.json["deliveries"]) > 8


def test_a_remit_that_came_from_another_source_is_seen(tocsin, tmp_path) -> None:
    on_file(tocsin, Random(1))
    from tocsin.office.models import Remit

    Remit.objects.filter(party__slug="meadow-net").exclude(source="ripe").delete()
    report = write(
        tmp_path / "report.csv",
        [f"2026-06-17T09:00:00Z,203.0.113.{n},,,scanner,,x\n" for n in range(256)],
    )
    seen = tocsin("preview", report, "--overlay", OVERLAY, "--json").json

    told = {(one["party"], one["relation"]): one["rows"] for one in seen["deliveries"]}
    assert told["meadow-net", "network"] == 32


@pytest.mark.parametrize("target", ["report.csv", "192.0.2.7"])
def test_a_party_file_is_supposed_on_top_of_what_is_on_file_and_leaves_nothing(
    tocsin, spawn, tmp_path, target
) -> None:
    write(tmp_path / "report.csv", ["2026-06-17T09:00:00Z,192.0.2.7,,1,scanner,,x\n"])
    renamed = tmp_path / "parties.toml"
    renamed.write_text(
        PARTIES.read_text("utf-8").replace('name = "Meadow Net"', 'name = "Heath Net"'), "utf-8"
    )
    spawn("parties", "import", PARTIES)
    spawn("contacts", "import", "ripe", *RIPE)
    before = listing(tmp_path / "tocsin-store")
    words = (target, "--overlay", OVERLAY, "--json")
    supposed = spawn("preview", *words, "--parties", renamed).json
    after = listing(tmp_path / "tocsin-store")
    plain = spawn("preview", *words).json

    key = "deliveries" if target == "report.csv" else "told"
    names = [{one["name"] for one in facts[key]} for facts in (supposed, plain)]
    assert [names[0] - names[1], names[1] - names[0]] == [{"Heath Net"}, {"Meadow Net"}]
    assert set(after) == set(before)


def test_on_postgresql_a_preview_writes_nothing_into_the_database(
    spawn, postgres_url, tmp_path
) -> None:
    """It has no file of its own there: what a preview wrote would stay."""
    import psycopg

    renamed = tmp_path / "parties.toml"
    renamed.write_text(
        PARTIES.read_text("utf-8").replace('name = "Meadow Net"', 'name = "Heath Net"'), "utf-8"
    )
    report = write(tmp_path / "report.csv", ["2026-06-17T09:00:00Z,192.0.2.7,,1,scanner,,x\n"])
    env = {"TOCSIN_DATABASE_URL": postgres_url}
    spawn("parties", "import", PARTIES, **env)
    seen = [
        spawn("preview", report, "--overlay", OVERLAY, "--json", *more, **env).json["deliveries"]
        for more in ((), ("--parties", renamed))
    ]
    with psycopg.connect(postgres_url) as connection:
        names = connection.execute("SELECT name FROM office_party ORDER BY name").fetchall()
        counted = [
            connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("office_run", "office_evidence", "office_delivery", "response_report")
        ]

    told = [{row["name"] for row in rows} & {"Meadow Net", "Heath Net"} for rows in seen]
    assert told == [{"Meadow Net"}, {"Heath Net"}]
    assert ("Heath Net",) not in names
    assert counted == [0, 0, 0, 0]
