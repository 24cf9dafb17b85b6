"""From register to public log: every row once, nothing told, whatever is killed or restored."""

import shutil
from datetime import timedelta

import pytest
from django.db import transaction

from tocsin.ledger.leaves import read_row
from tocsin.ledger.proofs import check_proof, read_proof
from tocsin.ledger.trust import Trust, trust_in
from tocsin.office import log_keys, publiclog, register
from tocsin.office.models import LogBatch, RegisterRow
from tocsin.words.errors import NotFound, Refused, Unproven, Unusable

pytestmark = pytest.mark.django_db(transaction=True)

SLOT = timedelta(minutes=5)
SCHEDULE = publiclog.Schedule(every=SLOT, quantum=8)
ORIGIN = "cert.example/tocsin"


@pytest.fixture
def act(at):
    """Writes register rows."""

    def write(count: int = 1) -> list[RegisterRow]:
        with transaction.atomic():
            return [
                register.record(
                    action="office:webhook_secret:make",
                    actor="ada",
                    at=at,
                    facts={"party": f"p{n}"},
                )
                for n in range(count)
            ]

    return write


@pytest.fixture
def publish(store, at):
    """Publishes the batch of a slot, the first one at `at`."""

    def run(slot: int = 0, origin: str = ORIGIN):
        return publiclog.publish_due(
            store_folder=store.path,
            schedule=SCHEDULE,
            origin=origin,
            by="worker",
            at=at + slot * SLOT,
        )

    return run


@pytest.fixture
def log(store):
    return publiclog.open_log(store.path)


def trust_of(log) -> Trust:
    return trust_in(span.verifier for span in log.spans())


def proves(row: RegisterRow, store, trust: Trust) -> int:
    """The size of the log that a row is proved to be in, from what anybody is given."""
    proof, facts = publiclog.proof_of(row, store_folder=store.path)
    return check_proof(read_proof(proof), read_row(facts).leaf, trust).checkpoint.size


# ── publishing ───────────────────────────────────────────────────────────────────────────


def test_every_row_is_proved_offline_with_the_log_s_key_alone(act, publish, store, log) -> None:
    rows = act(3)
    assert publish().size == 8
    for row in rows:
        row.refresh_from_db()

    trust = trust_of(log)
    assert [proves(row, store, trust) for row in rows] == [8, 8, 8]
    assert len({row.position for row in rows}) == 3
    assert log.published().origin == ORIGIN


def test_a_slot_has_one_batch_and_an_empty_one_has_padding(act, publish, log) -> None:
    sizes = []
    for slot in (0, 0, 1, 2, 2, 3):
        if slot == 2:
            act()
        made = publish(slot)
        sizes.append(made.size if made else None)

    assert sizes == [8, None, 16, 24, None, 32]
    assert log.size == 32


def test_more_rows_than_a_step_holds_take_the_next_step_of_the_ladder(act, publish) -> None:
    act(9)
    first = publish().size
    act(33)

    assert (first, publish(1).size) == (32, 32 + 128)


def test_rows_from_before_there_were_leaves_get_theirs(act, publish, store, log) -> None:
    (row,) = act()
    RegisterRow.objects.update(leaf=b"", leaf_key=b"")
    publish()
    row.refresh_from_db()

    assert proves(row, store, trust_of(log)) == 8


def test_positions_are_drawn_and_not_counted(act, publish) -> None:
    found = set()
    for slot in range(12):
        (row,) = act()
        publish(slot)
        row.refresh_from_db()
        found.add(row.position % 8)

    assert len(found) > 2


def test_erased_facts_leave_the_log_whole_and_prove_nothing(act, publish, store, log, at) -> None:
    gone, stays = act(2)
    publish()
    for row in (gone, stays):
        row.refresh_from_db()
    register.forget_key(gone, at=at)
    publish(1)

    with pytest.raises(Refused, match="its facts were erased"):
        publiclog.proof_of(gone, store_folder=store.path)
    assert proves(stays, store, trust_of(log)) == 16


def test_a_row_that_is_not_published_yet_says_when(act, store) -> None:
    (row,) = act()

    with pytest.raises(NotFound, match="no place in the log yet"):
        publiclog.proof_of(row, store_folder=store.path)


# ── what goes wrong ──────────────────────────────────────────────────────────────────────


def test_a_crash_between_database_and_files_is_made_up_for(act, publish, store, log, at) -> None:
    (row,) = act()
    publiclog.sequence(log, schedule=SCHEDULE, by="worker", at=at)

    assert log.size == 0
    assert publish().size == 8
    row.refresh_from_db()
    assert proves(row, store, trust_of(log)) == 8
    assert publish() is None


def test_files_that_are_older_than_the_database_are_filled_up(act, publish, store, log) -> None:
    act(2)
    publish()
    shutil.copytree(store.path / "log", store.path / "older")
    (row,) = act()
    publish(1)
    shutil.rmtree(store.path / "log")
    (store.path / "older").rename(store.path / "log")

    assert publish(2).size == 24
    row.refresh_from_db()
    assert proves(row, store, trust_of(log)) == 24


def test_files_that_lost_more_than_the_database_remembers_are_refused(
    act, publish, store, at
) -> None:
    act()
    publish()
    shutil.rmtree(store.path / "log")
    LogBatch.objects.update(leaves=b"")

    health = publiclog.health(store_folder=store.path, schedule=SCHEDULE, at=at)
    assert "the log's files lost 8 leaves" in health.problems[0]
    with pytest.raises(Unproven, match="the log's files lost leaves"):
        publish(1)


def test_a_database_older_than_the_log_goes_on_behind_it_and_says_so(act, publish, log) -> None:
    act()
    publish()
    publish(1)
    LogBatch.objects.filter(start=8).delete()  # an older backup of the database
    (row,) = act()

    assert publish(2).size == 24
    row.refresh_from_db()
    assert row.position >= 16
    assert register.rows(action="office:log:skip").get().facts == {"known": 8, "shown": 16}


def test_leaves_leave_the_database_when_they_are_old(act, publish, at) -> None:
    act()
    publish()
    publish(1 + 31 * 24 * 12)

    assert [bool(batch.leaves) for batch in LogBatch.objects.order_by("start")] == [False, True]


def test_a_log_keeps_its_name(act, publish) -> None:
    act()
    publish()

    with pytest.raises(Unusable, match="A log keeps its name"):
        publish(1, origin="another.example/log")
    assert publish(1, origin="").size == 16


def test_a_node_without_a_name_draws_one_that_says_nothing(publish, log) -> None:
    publish(origin="")

    assert log.published().origin.startswith("unnamed.invalid/")


def test_a_log_whose_keys_are_gone_is_not_given_new_ones(publish, store) -> None:
    publish()
    shutil.rmtree(store.keys / "log")

    with pytest.raises(Unusable, match="restore the keys from the key backup"):
        publish(1)


def test_private_keys_are_for_their_owner_alone(publish, store) -> None:
    publish()

    files = sorted((store.keys / "log").iterdir())
    assert [path.name.rpartition("-")[0] for path in files] == ["ed25519", "ml-dsa-44"]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


# ── keys ─────────────────────────────────────────────────────────────────────────────────


def test_keys_change_without_a_break_in_trust(act, publish, store, log, at) -> None:
    (row,) = act()
    publish()
    old = trust_of(log)
    made = log_keys.rotate(store_folder=store.path, by="ada", at=at)
    row.refresh_from_db()
    assert proves(row, store, old) == 8
    for span in old.spans:
        log_keys.retire(span.verifier.key_id.hex(), store_folder=store.path, by="ada", at=at)
    publish(1)

    with pytest.raises(Unproven):
        proves(row, store, old)
    assert proves(row, store, trust_in(one.verifier for one in made)) == 16
    assert len(list((store.keys / "log").iterdir())) == 2
    assert [row.action for row in register.rows(actor="ada", action="office:log:rotate")] != []


def test_the_last_key_is_not_retired(publish, store, log, at) -> None:
    publish()
    key = log.spans()[0].verifier

    with pytest.raises(Refused, match="is the last of its kind"):
        log_keys.retire(key.key_id.hex(), store_folder=store.path, by="ada", at=at)
    with pytest.raises(NotFound, match="is no key in force"):
        log_keys.retire("00000000", store_folder=store.path, by="ada", at=at)


# ── health ───────────────────────────────────────────────────────────────────────────────


def test_a_log_that_nobody_publishes_is_noticed(act, publish, store, at) -> None:
    publish()
    act()

    def problems(after: timedelta) -> tuple[str, ...]:
        return publiclog.health(store_folder=store.path, schedule=SCHEDULE, at=at + after).problems

    assert problems(2 * SLOT) == ()
    assert "nothing was published for three slots" in problems(4 * SLOT)[0]


def test_a_tampered_checkpoint_is_noticed(act, publish, store, log, at) -> None:
    act()
    publish()
    path = log.public / "checkpoint"
    path.write_text(path.read_text().replace("\n8\n", "\n9\n", 1))

    health = publiclog.health(store_folder=store.path, schedule=SCHEDULE, at=at)
    assert "does not hold" in health.problems[0]
