"""What others say of the public log: cosigned, stamped, and shouted about when they disagree."""

import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.channels.stamping import stamping
from tests.channels.test_witness import running
from tests.ledger.keys import QUANTUM, WITNESS
from tocsin.channels import time_stamp, witness_server
from tocsin.channels.outbound import Policy
from tocsin.channels.public_addresses import read_networks
from tocsin.ledger.policy import read_policy
from tocsin.ledger.trust import Trust, convince
from tocsin.ledger.witness import Alarm, Witness
from tocsin.office import publiclog, register, witnessing
from tocsin.office.models import Delivery, LogBatch, Party
from tocsin.words.errors import NotFound, Undelivered, Unproven, Unreadable

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("loopback")]

SCHEDULE = publiclog.Schedule(quantum=8)
SLOT = SCHEDULE.every


@pytest.fixture
def publish(store, at):
    def run(slot: int = 0):
        return publiclog.publish_due(
            store_folder=store.path,
            schedule=SCHEDULE,
            origin="cert.example/tocsin",
            by="worker",
            at=at + slot * SLOT,
        )

    return run


@pytest.fixture
def witnessed(tmp_path, store, at, publish):
    """A witness that watches this log, and the settings that name it."""
    publish()
    alarms: list[Alarm] = []
    witness = Witness(tmp_path / "witness")
    witness.make([WITNESS, QUANTUM])
    witness.watch(publiclog.open_log(store.path).spans()[0].verifier)
    app = witness_server.application(witness, clock=lambda: at, shout=alarms.append)
    with running(witness_server.Server(0, app)) as server:
        port = server.server_address[1]
        policy = tmp_path / "policy"
        url = f"http://127.0.0.1:{port}"
        policy.write_text(
            f"witness one {WITNESS.verifier.vkey} {url}\n"
            f"witness two {QUANTUM.verifier.vkey} {url}\n"
            "group both all one two\nquorum both\n"
        )
        yield settings_of(policy=policy, ports=port), alarms


def settings_of(*, ports: int, **log: object) -> dict[str, dict[str, str]]:
    return {
        "log": {name: str(value) for name, value in log.items()},
        "node": {"name": "Sample CSIRT"},
        "webhook": {"allow": "127.0.0.0/8", "ports": str(ports)},
    }


def ask(store, settings, at) -> str | None:
    return witnessing.ask_witnesses(store_folder=store.path, settings=settings, by="worker", at=at)


def test_every_witness_of_the_policy_cosigns_what_is_published(
    witnessed, store, at, publish
) -> None:
    settings, alarms = witnessed
    said = [ask(store, settings, at), ask(store, settings, at)]
    publish(1)
    said.append(ask(store, settings, at))
    log = publiclog.open_log(store.path)
    policy = read_policy(Path(settings["log"]["policy"]).read_bytes())
    seen = convince(log.note().data, Trust(log.spans(), policy))

    assert said == ["2 cosignatures at 8 leaves", None, "2 cosignatures at 16 leaves"]
    assert {row.verifier for row in seen.witnesses} == {WITNESS.verifier, QUANTUM.verifier}
    assert alarms == []


def test_a_log_that_was_rolled_back_is_shouted_about_once_a_day(
    witnessed, store, at, publish
) -> None:
    settings, alarms = witnessed
    words = {"channel": "folder", "format": "idf-csv", "created_at": at, "updated_at": at}
    Party.objects.create(slug="csirt", name="CSIRT", role="csirt", runs_node=True, **words)
    shutil.copytree(store.path / "log", store.path / "before")
    publish(1)
    ask(store, settings, at)
    shutil.rmtree(store.path / "log")
    (store.path / "before").rename(store.path / "log")
    for _ in range(3):
        with pytest.raises(Unproven, match="this log was rolled back, or somebody else signs"):
            ask(store, settings, at)
    with pytest.raises(Unproven):
        ask(store, settings, at + timedelta(days=1))

    rows = list(register.rows(action=witnessing.ALARM))
    assert [row.facts["day"] for row in rows] == ["2026-11-23", "2026-11-24"]
    assert len(alarms) > 0
    notices = Delivery.objects.filter(relation="notice", party__slug="csirt")
    assert notices.count() == 2
    text = (store.path / notices[0].path).read_text()
    assert text.startswith("Alarm: a witness knows another history of the public log\n")


def test_another_history_of_the_same_size_is_shouted_about(witnessed, store, at, publish) -> None:
    settings, _ = witnessed
    ask(store, settings, at)
    shutil.rmtree(store.path / "log")
    LogBatch.objects.all().delete()
    publish()

    with pytest.raises(Unproven, match="two histories"):
        ask(store, settings, at)
    assert register.rows(action=witnessing.ALARM).count() == 1


def test_a_witness_that_is_away_is_no_alarm(witnessed, store, at, tmp_path) -> None:
    policy = tmp_path / "away"
    policy.write_text(f"witness one {WITNESS.verifier.vkey} http://127.0.0.1:9\nquorum one\n")
    with pytest.raises(Undelivered):
        ask(store, settings_of(policy=policy, ports=9), at)

    assert not register.rows(action=witnessing.ALARM).exists()


def test_a_policy_that_is_not_there_is_named(witnessed, store, at, tmp_path) -> None:
    with pytest.raises(NotFound, match="TOCSIN_LOG_POLICY="):
        ask(store, settings_of(policy=tmp_path / "none", ports=9), at)


def test_without_witnesses_nothing_is_asked(publish, store, at) -> None:
    publish()

    assert ask(store, settings_of(ports=443), at) is None


# ── time stamps ──────────────────────────────────────────────────────────────────────────


@pytest.fixture
def authority(tmp_path):
    pytest.importorskip("rfc3161_client", reason="needs the extra time-stamps")
    with stamping(tmp_path / "tsa") as made:
        yield made


def test_the_checkpoint_is_stamped_once_a_size_and_openssl_agrees(
    publish, store, authority, tmp_path
) -> None:
    publish()
    settings = settings_of(
        ports=authority.port, time_stamps=authority.url, time_stamp_roots=authority.roots
    )
    said = witnessing.stamp_log(store_folder=store.path, settings=settings)
    again = witnessing.stamp_log(store_folder=store.path, settings=settings)
    log = publiclog.open_log(store.path)
    stamp, text = log.public / "stamps" / "8.tsr", tmp_path / "text"
    text.write_text(log.note().text)
    command = ["openssl", "ts", "-verify", "-data", text, "-in", stamp, "-CAfile", authority.roots]
    judged = subprocess.run(command, capture_output=True, text=True, check=False)

    assert said.startswith("stamped 8 leaves at 20")
    assert again is None
    assert (judged.returncode, judged.stdout.strip()) == (0, "Verification: OK")
    at = time_stamp.check_stamp(stamp.read_bytes(), text.read_bytes(), roots=authority.roots)
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=5)


def test_a_stamp_of_other_bytes_or_of_another_authority_does_not_hold(
    publish, store, authority, tmp_path
) -> None:
    policy = Policy(
        plain=True, ports=frozenset({authority.port}), allow=read_networks("127.0.0.0/8")
    )
    stamp = time_stamp.ask_stamp(authority.url, b"these", roots=authority.roots, policy=policy)
    with stamping(tmp_path / "other") as other:
        with pytest.raises(Unproven, match="does not hold"):
            time_stamp.check_stamp(stamp.data, b"these", roots=other.roots)
        with pytest.raises(Unproven, match="does not hold"):
            time_stamp.ask_stamp(authority.url, b"these", roots=other.roots, policy=policy)
    with pytest.raises(Unproven, match="does not hold"):
        time_stamp.check_stamp(stamp.data, b"those", roots=authority.roots)
    with pytest.raises(Unreadable, match="is no time stamp"):
        time_stamp.check_stamp(b"no stamp", b"these", roots=authority.roots)
