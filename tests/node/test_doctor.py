"""`tocsin doctor`: each test breaks one thing, sees it named, and mends it as it is told."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.db import connection, transaction

from tests.channels.smtp_server import SILENT, SmtpServer, certificate, tls_of
from tests.house.source import REPOSITORY
from tests.node.conftest import OVERLAY, PARTIES, SINKHOLE, Run, listing
from tests.skipping import not_on_this_database
from tocsin.node.doctor import confining
from tocsin.node.doctor import settings as doctor_settings
from tocsin.node.store import Store, open_store
from tocsin.office import deadlines, register
from tocsin.office.models import (
    Agreement,
    Delivery,
    Evidence,
    Job,
    Party,
    RegisterRow,
    Remit,
    Worker,
)
from tocsin.office.models import (
    Run as RunRow,
)
from tocsin.words.confinement import Held

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
Findings = dict[str, list[tuple[str, str, str]]]


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the settings of whoever runs the tests only the database counts."""
    for name in list(os.environ):
        if name.startswith("TOCSIN_") and name not in doctor_settings.known():
            monkeypatch.delenv(name)


def run_in(folder: Path, *words: object) -> None:
    """`tocsin` in a process of its own, on SQLite and with nothing set."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("TOCSIN", "DJANGO"))}
    env = {**clean, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    program = [sys.executable, "-m", "tocsin.node", *map(str, words)]
    done = subprocess.run(program, cwd=folder, env=env, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """On SQLite: a store with the sample parties, made once and copied."""
    folder = tmp_path_factory.mktemp("plain")
    run_in(folder, "parties", "import", PARTIES, "--store", "store")
    return folder / "store"


@pytest.fixture(scope="module")
def reported(plain: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a report, everything handed over into folders."""
    folder = tmp_path_factory.mktemp("reported")
    shutil.copytree(plain, folder / "store")
    run_in(folder, "route", SINKHOLE, "--overlay", OVERLAY, "--store", "store")
    return folder / "store"


@pytest.fixture
def place(request: pytest.FixtureRequest, tocsin: Run, tmp_path: Path) -> Store:
    """A store with the sample parties, that nobody has open."""
    store = Store(tmp_path / "tocsin-store")
    with_report = "routed" in request.fixturenames
    if connection.vendor == "sqlite":
        template = request.getfixturevalue("reported" if with_report else "plain")
        shutil.copytree(template, store.path)
        return store
    assert tocsin("parties", "import", PARTIES).code == 0
    if with_report:
        assert tocsin("route", SINKHOLE, "--overlay", OVERLAY).code == 0
    connection.close()
    return store


@pytest.fixture
def routed(place: Store) -> Store:
    """The same with one report, everything handed over into folders."""
    return place


@pytest.fixture
def doctor(tocsin: Run, place: Store) -> Callable[..., Findings]:
    """What is said per area: state, what, how to mend it. Afterwards the store is open again."""

    def ask(*words: str) -> Findings:
        said = tocsin("doctor", "--json", *words).json
        found: Findings = {}
        for one in said["findings"]:
            found.setdefault(one["area"], []).append((one["state"], one["what"], one["mend"]))
        return found

    return ask


@pytest.fixture
def opened(place: Store) -> Callable[[], Store]:
    """The store's database to write to, as a test that breaks something does."""
    return lambda: open_store(place.path)


def now() -> datetime:
    return datetime.now(UTC)


def said(found: Findings, area: str, state: str = "wrong") -> str:
    """What an area says in one state, with how to mend it."""
    rows = found.get(area, [])
    return "\n".join(f"{what} → {mend}" for s, what, mend in rows if s == state)


def is_fine(found: Findings, area: str) -> bool:
    return all(state == "ok" for state, _, _ in found.get(area, []))


# ── a sound one ──────────────────────────────────────────────────────────────────────────


def test_a_sound_installation_has_nothing_wrong_and_ends_with_0(tocsin: Run, routed: Store) -> None:
    asked = tocsin("doctor", "--json")

    assert [one for one in asked.json["findings"] if one["state"] == "wrong"] == []
    assert (asked.code, asked.json["wrong"], asked.err) == (0, 0, "")
    assert {one["area"] for one in asked.json["findings"]} >= {
        *("software", "time zones", "settings", "store", "keys", "networks", "database"),
        *("parties", "channels", "runs", "deliveries", "workers", "jobs", "deadlines"),
        *("register", "public log", "retention", "clock", "leftovers"),
    }


def test_nothing_is_changed_by_looking(tocsin: Run, routed: Store) -> None:
    before = listing(routed.path)
    for words in ((), ("--quick",)):
        tocsin("doctor", *words)

    assert listing(routed.path) == before


def test_it_fits_a_terminal_of_80_columns(tocsin: Run, place: Store, monkeypatch) -> None:
    from tocsin.node import console

    monkeypatch.setattr(console.out, "_width", 80)
    monkeypatch.setenv("TOCSIN_SMPT_HOST", "mail.cert.example")
    shown = tocsin("doctor").out.splitlines()

    assert [line for line in shown[1:] if len(line) > 80] == []
    assert "wrong settings    nobody reads TOCSIN_SMPT_HOST" in shown
    assert "                  → TOCSIN_SMTP_HOST is its name" in shown
    assert shown[-1].startswith("1 thing is wrong")


# ── store ────────────────────────────────────────────────────────────────────────────────


def test_no_store_at_all_is_said_and_none_is_made(tocsin: Run, tmp_path: Path) -> None:
    asked = tocsin("doctor", "--store", "elsewhere")

    assert asked.code == 10
    assert "there is no store at" in asked.out
    assert "→ name it with --store or TOCSIN_STORE, or make one: tocsin" in asked.out
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_stores_place_is_said(tocsin: Run, tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("not a store")

    assert "is no folder" in tocsin("doctor", "--store", "letter").out


@pytest.mark.parametrize("name", ["window", "keys", "evidence"])
def test_a_lost_folder_is_named_and_made_as_it_says(name: str, doctor, place: Store) -> None:
    (place.path / name).rename(place.path / f"{name}-away")
    found = doctor()
    _, what, mend = next(row for row in found["store"] if row[0] == "wrong")

    assert what == f"its folder {name} is lost"
    assert mend.endswith(f"mkdir -m 700 {place.path / name}")
    (place.path / name).mkdir(mode=0o700)
    assert is_fine(doctor(), "store")


def test_half_a_store_is_said_and_made_whole_as_it_says(tocsin: Run, tmp_path: Path) -> None:
    Store(tmp_path / "tocsin-store").make_folders()
    half = tocsin("doctor")

    assert (half.code, "was begun and never finished" in half.out) == (10, True)
    assert tocsin("parties", "import", PARTIES).code == 0
    assert "begun" not in tocsin("doctor").out


def test_a_store_of_a_newer_tocsin_is_said(doctor, place: Store) -> None:
    (place.path / "layout").write_text("9\n")

    assert "it has layout '9'" in said(doctor(), "store")


def test_a_restore_that_did_not_end_is_said(doctor, place: Store) -> None:
    (place.path / ".restoring").touch()

    assert "did not end → the same tocsin restore again" in said(doctor(), "store")


def test_rights_for_others_are_named_with_the_command(doctor, place: Store) -> None:
    place.keys.chmod(0o755)
    found = said(doctor(), "store")

    assert found == f"others on this machine may look into {place.keys} → chmod 700 {place.keys}"
    place.keys.chmod(0o700)
    assert is_fine(doctor(), "store")


@pytest.mark.parametrize(
    ("held", "state", "what"),
    [
        (
            Held(user=True, privileges=True, files=7, network=True),
            "ok",
            "no files but programs (Landlock 7), no network",
        ),
        (
            Held(privileges=True, files=3),
            "note",
            "is not kept from the network (network namespaces",
        ),
        (Held(), "note", "is not kept from files (Landlock, Linux 5.13 or later) and the network"),
    ],
)
def test_what_keeps_readers_of_strangers_bytes_in_is_said(
    doctor, monkeypatch, held: Held, state: str, what: str
) -> None:
    monkeypatch.setattr(confining, "offered", lambda: held)  # another kernel

    assert what in said(doctor("--quick"), "confinement", state)


def test_a_folder_of_another_user_is_named(doctor, place: Store) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root gives files away: run the tests as root")
    os.chown(place.window, 65534, 65534)

    assert "window belongs to another user than the store (root)" in said(doctor(), "store")
    os.chown(place.window, 0, 0)


def test_a_store_that_may_not_be_looked_into_is_said(spawn: Run, tmp_path: Path) -> None:
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root and setpriv: apt-get install util-linux")
    made = spawn("parties", "import", PARTIES)
    assert made.code == 0
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    asked = spawn("doctor", before=nobody)

    assert asked.code == 10
    assert "this user may not look into" in asked.out
    assert "→ run it as root" in asked.out
    assert "Traceback" not in asked.out + asked.err


def test_what_a_crash_left_is_counted_and_goes_as_it_says(tocsin: Run, doctor, place) -> None:
    left = place.spool / "cut-off.parquet"
    left.write_bytes(b"x" * 2**20)
    os.utime(left, (0, 0))

    assert said(doctor(), "leftovers", "note") == (
        "1 file of 1.0 MiB that a crash left → tocsin retain"
    )
    assert tocsin("retain").code == 0
    assert is_fine(doctor(), "leftovers")


# ── database ─────────────────────────────────────────────────────────────────────────────


def test_a_lost_database_is_said_and_none_is_made(doctor, place: Store) -> None:
    if connection.vendor != "sqlite":
        not_on_this_database("the database is no file")
    database = place.path / "tocsin.sqlite3"
    database.rename(place.path / "away")

    assert f"{database} is not there" in said(doctor(), "database")
    assert not database.exists()
    (place.path / "away").rename(database)
    assert is_fine(doctor(), "database")


def test_a_damaged_database_is_said(doctor, place: Store) -> None:
    if connection.vendor != "sqlite":
        not_on_this_database("the database is no file")
    database = place.path / "tocsin.sqlite3"
    with database.open("r+b") as file:
        file.seek(8192)
        file.write(os.urandom(64 * 1024))

    assert "tocsin restore" in said(doctor(), "database")


def test_a_database_that_is_none_is_said(doctor, place: Store) -> None:
    if connection.vendor != "sqlite":
        not_on_this_database("the database is no file")
    (place.path / "tocsin.sqlite3").write_bytes(b"this is a letter, not a database" * 200)

    assert "it cannot be read" in said(doctor(), "database")


def test_a_server_that_is_away_is_said_within_seconds(spawn: Run, tmp_path: Path) -> None:
    address = "postgres://tocsin@127.0.0.1:1/tocsin"
    spawn("parties", "import", PARTIES, TOCSIN_DATABASE_URL="")
    asked = spawn("doctor", TOCSIN_DATABASE_URL=address)

    assert (asked.code, asked.err) == (10, "")
    assert "it cannot be reached" in asked.out
    assert "start the server, or correct TOCSIN_DATABASE_URL" in asked.out


def test_an_address_of_a_database_that_is_none_is_said(spawn: Run) -> None:
    spawn("parties", "import", PARTIES)
    asked = spawn("doctor", TOCSIN_DATABASE_URL="mysql://somewhere/else")

    assert (asked.code, asked.err) == (10, "")
    assert "TOCSIN_DATABASE_URL cannot be used" in asked.out


def test_a_schema_of_before_and_one_of_a_newer_version_are_said(doctor, opened) -> None:
    if connection.vendor != "sqlite":
        not_on_this_database("would change the database that other tests are copied from")
    opened()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app='office' AND name >= '0003'")
    before = said(doctor(), "database")
    opened_raw(opened)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) "
            "VALUES ('office', '9999_the_future', '2027-01-01')"
        )
    after = said(doctor(), "database")

    assert "its schema is older than this Tocsin" in before
    assert after == "it was written by a newer Tocsin (office.9999_the_future) → use that version"


def opened_raw(opened: Callable[[], Store]) -> None:
    """Django on the store, without bringing it up to date."""
    from tocsin.node.store import set_up_django

    set_up_django(Store(Path("tocsin-store").absolute()))


# ── keys ─────────────────────────────────────────────────────────────────────────────────


def test_a_key_that_others_may_read_is_named_with_the_command(doctor, routed: Store) -> None:
    key = routed.keys / "manifest-signing.pem"
    key.chmod(0o644)
    found = said(doctor(), "keys")

    assert found == f"others may read manifest-signing.pem → chmod 600 {key}"
    key.chmod(0o600)
    assert is_fine(doctor(), "keys")


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("pseudonyms.key", b"short", "pseudonyms.key holds 5 bytes, not 32"),
        ("manifest-signing.pem", b"no key", "manifest-signing.pem holds no key that can be read"),
        ("django-secret", b"", "django-secret is empty"),
    ],
)
def test_a_key_of_the_wrong_kind_is_named(name, data, what, doctor, routed: Store) -> None:
    key = routed.keys / name
    key.touch(mode=0o600)
    before = key.read_bytes()
    key.write_bytes(data)

    assert what in said(doctor(), "keys")
    key.write_bytes(before or bytes(32))
    assert is_fine(doctor(), "keys")


def test_a_signing_key_that_did_not_sign_the_last_manifest_is_said(doctor, routed: Store) -> None:
    key = routed.keys / "manifest-signing.pem"
    before = key.read_bytes()
    key.unlink()
    lost = said(doctor(), "keys")
    from tocsin.office import keys

    keys.signing_key(routed.keys)
    other = said(doctor(), "keys")

    assert "manifest-signing.pem is lost; it signed before → restore it" in lost
    assert "manifests were signed by key" in other
    key.write_bytes(before)
    assert is_fine(doctor(), "keys")


def test_a_webhook_without_a_secret_is_named_and_made_as_it_says(
    tocsin: Run, doctor, opened, place
) -> None:
    opened()
    Party.objects.filter(slug="meadow-net").update(
        channel="webhook", channel_address="https://hooks.example/"
    )
    asked = said(doctor("--quick"), "keys")

    command = "tocsin parties webhook-secret meadow-net"
    assert asked == f"meadow-net takes webhooks and has no secret → {command}"
    assert tocsin(*command.split()[1:]).code == 0
    assert is_fine(doctor("--quick"), "keys")
    (place.keys / "webhooks" / "meadow-net.secret").write_text("whsec_short\n")
    assert "the webhook secret of meadow-net cannot be used" in said(doctor("--quick"), "keys")


# ── settings ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("TOCSIN_SMPT_HOST", "TOCSIN_SMTP_HOST"),
        ("TOCSIN_STOER", "TOCSIN_STORE"),
        ("TOCSIN_WEBHOOKS_ALLOW", "TOCSIN_WEBHOOK_ALLOW"),
        ("TOCSIN_NODENAME", "TOCSIN_NODE_NAME"),
    ],
)
def test_a_setting_that_was_mistyped_is_named_with_what_was_meant(
    typed, meant, doctor, monkeypatch
) -> None:
    monkeypatch.setenv(typed, "x")
    found = said(doctor(), "settings")

    assert found == f"nobody reads {typed} → {meant} is its name"
    monkeypatch.delenv(typed)
    assert is_fine(doctor(), "settings")


def test_a_setting_that_is_like_no_other_is_a_note(doctor, monkeypatch) -> None:
    monkeypatch.setenv("TOCSIN_BRASS_BAND", "1")

    assert "nobody reads TOCSIN_BRASS_BAND" in said(doctor(), "settings", "note")


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"TOCSIN_NODE_CONTACT": "nobody"}, "TOCSIN_NODE_CONTACT"),
        ({"TOCSIN_LOG_INTERVAL": "7"}, "TOCSIN_LOG_INTERVAL='7' cannot be used → 60 to 86400"),
        ({"TOCSIN_WEBHOOK_ALLOW": "10.0.0.1/8"}, "'10.0.0.1/8' is no network"),
        ({"TOCSIN_SMTP_HOST": "mail.cert.example"}, "TOCSIN_SMTP_FROM must be a mail address"),
        (
            {
                "TOCSIN_SMTP_HOST": "mail.cert.example",
                "TOCSIN_SMTP_FROM": "tocsin@cert.example",
                "TOCSIN_SMTP_STARTTLS": "maybe",
            },
            "TOCSIN_SMTP_STARTTLS='maybe'",
        ),
    ],
)
def test_a_setting_that_cannot_work_is_said(settings, what, doctor, monkeypatch) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)

    assert what in said(doctor("--quick"), "settings")


def test_every_setting_that_is_documented_is_known() -> None:
    page = (REPOSITORY / "docs" / "reference" / "settings.md").read_text("utf-8")
    documented = set(re.findall(r"^\| `(TOCSIN_\w+)` \|", page, re.MULTILINE))
    assert documented <= doctor_settings.known()


# ── parties, channels, networks ──────────────────────────────────────────────────────────


def test_nobody_on_file_is_said(tocsin: Run, doctor, opened) -> None:
    opened()
    Party.objects.update(active=False)

    assert said(doctor(), "parties").endswith("→ tocsin parties import FILE")
    assert tocsin("parties", "import", PARTIES).code == 0
    assert said(doctor(), "parties") == ""


def test_a_party_that_cannot_be_written_to_is_said_and_its_dead_mailbox_too(
    tocsin: Run, doctor, opened
) -> None:
    opened()
    party = Party.objects.get(slug="meadow-net")
    Party.objects.filter(pk=party.pk).update(channel="mail", channel_address="")
    dead = now() - DAY
    party.contacts.filter(kind="email").update(dead_at=dead, dead_reason="550 no such user")
    found = doctor("--quick")

    assert "party meadow-net: no mail address that lives" in said(found, "parties")
    assert "1 mailbox found dead: abuse@meadow-net.example" in said(found, "parties", "note")
    assert "no mail server is set, and 1 party takes mail" in said(found, "channels")
    assert tocsin("contacts", "alive", "abuse@meadow-net.example", "--why", "rang").code == 0
    assert said(doctor("--quick"), "parties") == ""


def test_agreements_that_ran_out_or_soon_will_and_what_never_matches_are_notes(
    doctor, opened
) -> None:
    opened()
    party = Party.objects.get(slug="meadow-net")
    today = now().date()
    words = {"party": party, "relation": "law_enforcement", "basis": "b", "classes": ["*"]}
    for reference, days in (("12/24", -3), ("13/24", 20), ("14/24", 200)):
        since = date(2024, 1, 1)
        until = today + timedelta(days=days)
        Agreement.objects.create(reference=reference, since=since, until=until, **words)
    renewed = said(doctor(), "parties", "note")
    opened()
    Agreement.objects.filter(party=party).exclude(reference="12/24").delete()
    Remit.objects.create(party=party, kind="country", value="BE", relation="coordinator")
    lonely = said(doctor(), "parties", "note")

    assert "12/24" not in renewed
    assert f"agreement 12/24 of meadow-net ran out on {today - timedelta(days=3)}" in lonely
    assert "remits that never match, for want of an agreement in force: meadow-net" in lonely


def test_xarf_without_a_name_is_said_and_mended_by_the_settings(
    doctor, opened, monkeypatch
) -> None:
    opened()
    Party.objects.filter(slug="meadow-net").update(format="xarf")

    asked = said(doctor(), "parties")
    assert asked.endswith("meadow-net → TOCSIN_NODE_NAME and TOCSIN_NODE_CONTACT")
    monkeypatch.setenv("TOCSIN_NODE_NAME", "CERT Example")
    monkeypatch.setenv("TOCSIN_NODE_CONTACT", "abuse@cert.example")
    assert said(doctor(), "parties") == ""


@pytest.fixture
def mail(loopback: None, monkeypatch) -> Iterator[SmtpServer]:
    """A mail server that the settings name."""
    with SmtpServer().running() as server:
        for name, value in server.settings.items():
            monkeypatch.setenv(f"TOCSIN_SMTP_{name.upper()}", value)
        yield server


def test_the_mail_server_is_greeted_and_nothing_is_sent(doctor, mail: SmtpServer) -> None:
    found = doctor()

    assert said(found, "channels", "ok").startswith(f"mail server 127.0.0.1:{mail.port} answers")
    assert [word.split()[0] for word in mail.commands] == ["ehlo", "QUIT"]
    assert mail.seen == []


@pytest.mark.parametrize(
    ("answers", "starttls", "what"),
    [
        ({"CONNECT": "554 go away"}, "off", "answers 554"),
        ({"CONNECT": SILENT}, "off", "does not answer within 5 seconds"),
        ({}, "require", "offers no STARTTLS"),
    ],
)
def test_a_mail_server_that_does_not_take_us_is_said(
    answers, starttls, what, doctor, mail: SmtpServer
) -> None:
    mail.answers |= answers
    os.environ["TOCSIN_SMTP_STARTTLS"] = starttls  # which the fixture puts back

    assert what in said(doctor(), "channels")


def test_a_mail_server_is_greeted_over_tls(doctor, mail: SmtpServer, tmp_path, monkeypatch) -> None:
    file = certificate(tmp_path)
    mail.tls = tls_of(file)
    monkeypatch.setenv("TOCSIN_SMTP_STARTTLS", "require")
    untrusted = said(doctor(), "channels")
    monkeypatch.setenv("TOCSIN_SMTP_CA_FILE", str(file))

    assert "no secure connection" in untrusted
    assert "answers" in said(doctor(), "channels", "ok")


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("https://127.0.0.1/", "it leads to 127.0.0.1, which is refused"),
        ("https://[::ffff:10.0.0.1]/", "which is refused"),
        ("https://198.51.100.7:8443/", "port 8443 is not open here"),
        ("", "webhook without an address: meadow-net"),
    ],
)
def test_a_webhook_that_is_refused_is_said(address, what, doctor, opened, loopback) -> None:
    opened()
    Party.objects.filter(slug="meadow-net").update(channel="webhook", channel_address=address)
    found = doctor()

    assert what in said(found, "channels") + said(found, "parties")


def test_the_age_of_the_routing_snapshot_is_said(doctor, place: Store) -> None:
    shutil.copytree(Path(doctor_settings.__file__).parents[2] / "data", place.networks,
                    dirs_exist_ok=True)  # fmt: skip
    about = place.networks / "snapshot.json"
    stated = {}
    for days in (10, 100, 400):
        day = (now() - timedelta(days=days)).date().isoformat()
        about.write_text(f'{{"date": "{day}"}}')
        stated[days] = [(state, mend) for state, _, mend in doctor()["networks"]]
    about.write_text("{")

    update = "tocsin networks update"
    assert stated == {10: [("ok", "")], 100: [("note", update)], 400: [("wrong", update)]}
    assert "cannot be read → tocsin networks update" in said(doctor(), "networks")


# ── what goes on ─────────────────────────────────────────────────────────────────────────


def test_a_run_that_was_cut_off_is_said(tocsin: Run, doctor, opened) -> None:
    opened()
    at = now() - HOUR
    RunRow.objects.create(kind="route", at=at, started_at=at, counts={"files": ["0" * 64]})

    found = said(doctor(), "runs")
    assert "was cut off; nothing of it was told → tocsin route with the same files again" in found
    assert tocsin("route", SINKHOLE, "--overlay", OVERLAY).code == 0
    assert said(doctor(), "runs") == ""
    assert "failed" in said(doctor(), "runs", "note")


def test_deliveries_that_wait_or_were_given_up_are_said_with_the_reason(
    tocsin: Run, doctor, opened, routed
) -> None:
    opened()
    first, second = Delivery.objects.order_by("pk")[:2]
    old = now() - 3 * HOUR
    words = {"state": "ready", "attempt": 3, "created_at": old}
    Delivery.objects.filter(pk=first.pk).update(
        last_error="folder: no wind", next_attempt_at=now() - HOUR, **words
    )
    Delivery.objects.filter(pk=second.pk).update(state="parked", last_error="410 Gone")
    found = said(doctor(), "deliveries")

    waits, gone = found.splitlines()
    assert waits == (
        f"1 waits for up to 3 hours: {first.party.slug} (folder: no wind) → tocsin deliver, or "
        "start tocsin worker"
    )
    assert gone.startswith(f"1 was given up: {second.party.slug} (410 Gone) → mend that, then ")
    assert tocsin("deliver", "--resume", gone.rpartition(" ")[2]).code == 0
    assert is_fine(doctor(), "deliveries")


def test_a_delivery_whose_file_is_gone_is_said(doctor, opened, routed) -> None:
    opened()
    row = Delivery.objects.order_by("pk").first()
    Delivery.objects.filter(pk=row.pk).update(state="ready")
    (routed.path / row.path).unlink()

    assert f"files to hand over are gone: {row.path}" in said(doctor(), "deliveries")


def test_nobody_who_works_while_something_is_due_is_said(
    tocsin: Run, doctor, opened, routed
) -> None:
    idle = said(doctor(), "workers", "note")
    opened()
    Delivery.objects.update(state="ready", next_attempt_at=now() - HOUR)
    due = Delivery.objects.count()
    found = said(doctor(), "workers")

    assert idle.startswith("nobody works; nothing is due just now")
    assert found.startswith(f"nobody works, and {due} deliveries are due → start tocsin worker")
    assert tocsin("worker", "--once").code == 0
    assert said(doctor(), "workers") == ""


def test_workers_are_counted_and_one_that_fell_silent_is_named(doctor, opened) -> None:
    from tocsin import __version__

    opened()
    words = {"started_at": now() - DAY, "version": __version__}
    Worker.objects.create(owner="here:1:a", seen_at=now(), **words)
    Worker.objects.create(owner="gone:2:b", seen_at=now() - HOUR, **words)
    Worker.objects.create(owner="ended:3:c", seen_at=now() - HOUR, stopped_at=now(), **words)
    found = doctor()

    assert said(found, "workers", "ok").startswith("1 worker: here:1:a")
    assert said(found, "workers", "note").startswith("gone:2:b has said nothing for 60 minutes")
    opened()
    Worker.objects.filter(owner="here:1:a").update(version="0.0.1")
    assert "they run another version than" in said(doctor(), "workers")


def test_jobs_that_are_late_or_fail_are_said_with_the_error(tocsin: Run, doctor, opened) -> None:
    opened()
    Job.objects.create(name="remind", next_attempt_at=now() - HOUR)
    Job.objects.create(
        name="publish-log", next_attempt_at=now(), last_error="the witness shouts. Possible: listen"
    )
    found = said(doctor(), "jobs").splitlines()

    assert found == [
        "publish-log fails: the witness shouts. → listen",
        "remind is 60 minutes late → start tocsin worker",
    ]
    assert tocsin("worker", "--once").code == 0
    assert is_fine(doctor(), "jobs")


def test_what_is_overdue_or_due_soon_is_said(doctor, opened) -> None:
    from zoneinfo import ZoneInfo

    from tocsin.rules import acts
    from tocsin.rules.calendar import PublicHolidays
    from tocsin.rules.deadline import in_force

    opened()
    rule = in_force(acts.DEADLINES, "nis2:notify", on=now().date())
    matters = {}
    for hours in (-5, 5, 50):
        matters[hours] = uuid4()
        deadlines.start(
            rule,
            matter=matters[hours],
            party=Party.objects.get(slug="meadow-net"),
            started_at=now() + hours * HOUR - rule.within,
            zone=ZoneInfo("Europe/Brussels"),
            holidays=PublicHolidays("BE"),
            by="test",
            at=now(),
        )
    found = doctor()

    assert f"by meadow-net, matter {str(matters[-5])[:8]}" in said(found, "deadlines")
    assert said(found, "deadlines", "note").startswith("1 is due within a day, nis2:notify")
    opened()
    deadlines.withdraw(matters[-5], why="no incident", by="test", at=now())
    assert said(doctor(), "deadlines") == ""


def test_a_month_that_stays_open_is_said_and_closed_as_it_says(tocsin: Run, doctor, opened) -> None:
    opened()
    last_month = now().replace(day=1) - DAY
    month = last_month.strftime("%Y-%m")
    facts: dict[str, register.Fact] = {"party": "north-isp"}
    with transaction.atomic():
        register.record(action="office:party:add", actor="test", at=last_month, facts=facts)
    found = said(doctor(), "register")

    assert found.startswith(f"months that are over and not closed: {month}")
    assert tocsin("register", "close", month).code == 0
    assert said(doctor(), "register") == ""


def test_a_public_log_that_lost_its_files_is_said(tocsin: Run, doctor, place) -> None:
    assert tocsin("worker", "--once").code == 0
    assert is_fine(doctor(), "public log")
    shutil.rmtree(place.path / "log")

    assert said(doctor(), "public log") != ""


def test_the_age_of_the_last_backup_is_said(tocsin: Run, doctor, opened, tmp_path) -> None:
    never = said(doctor(), "backups", "note")
    made = tocsin("backup", tmp_path / "backups", "--keys", tmp_path / "backup-keys")
    fresh = doctor()
    opened()
    RegisterRow.objects.filter(action="office:backup:make").update(at=now() - 9 * DAY)
    old = said(doctor(), "backups")

    assert made.code == 0
    assert never == "none was ever made → tocsin backup FOLDER --keys FOLDER"
    assert is_fine(fresh, "backups")
    assert old.startswith("the last one was made 9 days ago")


def test_what_is_kept_longer_than_it_may_be_is_said_and_dropped_as_it_says(
    tocsin: Run, doctor, opened, routed
) -> None:
    opened()
    Evidence.objects.update(keep_until=now() - 5 * DAY)
    found = said(doctor(), "retention")

    assert found == (
        "1 file of evidence should have been dropped by now → tocsin retain, once a day"
    )
    assert tocsin("retain").code == 0
    assert is_fine(doctor(), "retention")


def test_rows_from_the_future_are_said(doctor, opened) -> None:
    opened()
    newest = RegisterRow.objects.order_by("-pk").first()
    RegisterRow.objects.filter(pk=newest.pk).update(at=now() + 3 * HOUR)

    assert "the register has rows of" in said(doctor(), "clock")
    opened()
    RegisterRow.objects.filter(pk=newest.pk).update(at=now())
    assert is_fine(doctor(), "clock")
