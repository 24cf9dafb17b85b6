"""A witness: every answer of C2SP tlog-witness, what it keeps, and what it shouts about."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger.die_at import AT, leaves
from tests.ledger.keys import LOG, QUANTUM, WITNESS, signer
from tocsin.ledger.checkpoints import Checkpoint, read_body
from tocsin.ledger.log import Log
from tocsin.ledger.merkle import EMPTY, leaf_hash
from tocsin.ledger.notes import Note, check_note, read_note, read_signatures, sign_note
from tocsin.ledger.witness import PLAIN, SIZE, Request, Witness, read_request
from tocsin.words.errors import NotFound, Refused, Unreadable, Unusable


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    made = Witness(tmp_path / "witness")
    made.make([WITNESS, QUANTUM])
    made.watch(LOG.verifier)
    return made


@pytest.fixture
def log(tmp_path: Path) -> Log:
    return Log(tmp_path / "log")


def grow(log: Log, count: int, first: int | None = None) -> None:
    start = log.size
    log.append(leaves(start if first is None else first, count), start=start)
    log.publish(signers=[LOG], at=AT)


def ask(witness: Witness, log: Log, old: int, *, proof=None, at=AT):
    """Submit the published checkpoint; the proof is the right one if none is given."""
    note = log.note()
    size = read_body(note.text).size
    hashes = log.consistency(old, size) if proof is None and old <= size else proof or []
    return witness.add_checkpoint(Request(old, tuple(hashes), note.data).data, at=at)


def test_a_log_that_only_grows_is_cosigned_with_every_key(witness, log):
    for old, count in ((0, 5), (5, 300), (305, 1)):
        grow(log, count)
        answer = ask(witness, log, old)

        assert (answer.status, answer.media_type, answer.alarm) == (200, PLAIN, None)
        note = Note(log.note().text, read_signatures(answer.body))
        signed = check_note(note, [WITNESS.verifier, QUANTUM.verifier])
        assert {row.verifier: row.at for row in signed} == {
            WITNESS.verifier: AT,
            QUANTUM.verifier: AT,
        }
    assert witness.alarms() == []


def test_the_same_checkpoint_again_is_cosigned_again(witness, log):
    grow(log, 5)
    ask(witness, log, 0)
    answer = ask(witness, log, 5, at=AT + timedelta(hours=1))

    note = Note(log.note().text, read_signatures(answer.body))
    assert check_note(note, [WITNESS.verifier])[0].at == AT + timedelta(hours=1)


def test_an_empty_log_can_be_cosigned(witness, log):
    log.publish(signers=[LOG], at=AT)
    assert ask(witness, log, 0).status == 200
    grow(log, 3)

    assert ask(witness, log, 0).status == 200


def test_a_log_that_is_not_watched_is_404(witness, tmp_path):
    note = sign_note(Checkpoint("other.example", 0, EMPTY).text, [signer("other.example")], at=AT)

    assert witness.add_checkpoint(Request(0, (), note.data).data, at=AT).status == 404


def test_a_checkpoint_that_the_log_did_not_sign_is_403(witness):
    text = Checkpoint(LOG.name, 0, EMPTY).text
    stranger = sign_note(text, [signer(number=9)], at=AT)
    spoilt = sign_note(text, [LOG], at=AT).data[:-10] + b"AAAAAAA==\n"

    assert witness.add_checkpoint(Request(0, (), stranger.data).data, at=AT).status == 403
    assert witness.add_checkpoint(Request(0, (), spoilt).data, at=AT).status in {400, 403}
    forged = read_note(sign_note(text, [LOG], at=AT).data)
    bad = Note(Checkpoint(LOG.name, 1, leaf_hash(b"x")).text, forged.signatures)
    assert witness.add_checkpoint(Request(0, (), bad.data).data, at=AT).status == 403


def test_an_old_size_above_the_new_one_is_400(witness, log):
    grow(log, 5)

    assert ask(witness, log, 6, proof=[]).status == 400


def test_another_old_size_is_409_with_the_size_that_was_cosigned(witness, log):
    grow(log, 5)
    assert ask(witness, log, 3).body == "0\n"
    ask(witness, log, 0)
    grow(log, 5)
    answer = ask(witness, log, 0)

    assert (answer.status, answer.body, answer.media_type) == (409, "5\n", SIZE)
    assert witness.alarms() == []


def test_a_proof_that_does_not_hold_is_422_and_shouted_until_one_holds(witness, log):
    grow(log, 5)
    ask(witness, log, 0)
    first = log.note().data.decode()
    grow(log, 5)
    answer = ask(witness, log, 5, proof=[bytes(32)])

    assert answer.status == 422
    assert [row.kind for row in witness.alarms()] == ["unproven"]
    assert (answer.alarm.kept, answer.alarm.shown) == (first, log.note().data.decode())
    assert ask(witness, log, 5, proof=[bytes(32)]).alarm is None
    assert ask(witness, log, 5).status == 200
    assert witness.alarms() == []


def test_a_proof_where_none_belongs_is_422(witness, log):
    grow(log, 5)

    assert ask(witness, log, 0, proof=[bytes(32)]).status == 422
    ask(witness, log, 0)
    assert ask(witness, log, 5, proof=[bytes(32)]).status == 422


def test_two_histories_of_one_size_are_proved_by_what_is_kept(witness, log, tmp_path):
    grow(log, 5)
    ask(witness, log, 0)
    other = Log(tmp_path / "other")
    grow(other, 5, first=100)

    for old, media_type in ((5, PLAIN), (0, SIZE)):
        answer = ask(witness, other, old, proof=[])
        assert (answer.status, answer.media_type) == (409, media_type)
    (alarm,) = witness.alarms()
    assert alarm.kind == "split"
    assert "two histories, one size" in alarm.said
    for text in (alarm.kept, alarm.shown):
        assert check_note(read_note(text.encode()), [LOG.verifier])
    assert read_body(read_note(alarm.kept.encode()).text).size == 5
    assert alarm.kept != alarm.shown


def test_a_larger_log_with_another_past_is_refused_and_shouted_about(witness, log, tmp_path):
    grow(log, 5)
    ask(witness, log, 0)
    other = Log(tmp_path / "other")
    grow(other, 9, first=100)

    assert ask(witness, other, 5).status == 422
    assert [row.kind for row in witness.alarms()] == ["unproven"]


def test_a_log_that_was_rolled_back_is_refused_and_shouted_about(witness, log, tmp_path):
    grow(log, 9)
    ask(witness, log, 0)
    restored = Log(tmp_path / "restored")
    grow(restored, 4)
    answer = ask(witness, restored, 0)

    assert (answer.status, answer.body, answer.alarm.kind) == (409, "9\n", "rolled-back")
    assert "cosigned at 9, shown at 4" in answer.alarm.said


def test_an_old_checkpoint_that_was_once_cosigned_is_no_alarm(witness, log):
    grow(log, 4)
    ask(witness, log, 0)
    old = log.note().data
    grow(log, 5)
    ask(witness, log, 4)

    assert witness.add_checkpoint(Request(0, (), old).data, at=AT).status == 409
    assert witness.alarms() == []


def test_many_at_once_never_roll_the_witness_back(witness, log):
    """Requests of growing sizes at the same time: whoever is cosigned, sizes only rise."""
    notes = []
    for _ in range(12):
        grow(log, 3)
        notes.append(log.note())

    def submit(note) -> int:
        old = 0
        for _ in range(40):
            size = read_body(note.text).size
            proof = tuple(log.consistency(old, size)) if old <= size else ()
            answer = witness.add_checkpoint(Request(min(old, size), proof, note.data).data, at=AT)
            if answer.media_type != SIZE or int(answer.body) > size:
                return answer.status
            old = int(answer.body)
        return 0

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(submit, notes))

    assert set(answers) <= {200, 409}
    assert answers[-1] == 200
    past = next((witness.folder / "seen").glob("*.past")).read_text().split("\n")
    sizes = [int(line.split()[0]) for line in past if line]
    assert sizes == sorted(set(sizes))
    assert len(sizes) == answers.count(200)
    # who came late, with a state in between, may be told apart from a rollback by nobody
    assert {row.kind for row in witness.alarms()} <= {"rolled-back"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"old 0\n",
        b"old 0\n\n",
        b"old x\n\nnote",
        b"old -1\n\nnote",
        b"old 01\n\nnote",
        b"old  1\n\nnote",
        b"new 0\n\nnote",
        b"old 0\nnothash\n\nnote",
        b"old 0\n" + b"A" * 43 + b"=\n" * 64 + b"\nnote",
        b"old 0\n\nno note at all",
        b"\xff\n\nnote",
        b"old 0\n\n" + b"x" * 300_000,
        b"old 99999999999999999999\n\nnote",
    ],
)
def test_a_request_that_is_none_is_400(witness, data):
    assert witness.add_checkpoint(data, at=AT).status == 400


@given(st.binary(max_size=400))
def test_hostile_requests_are_unreadable_and_nothing_else(data):
    try:
        read_request(data)
    except Unreadable:
        return


def test_a_request_is_read_as_it_is_written(log):
    grow(log, 5)
    request = Request(3, (bytes(32), leaf_hash(b"")), log.note().data)

    assert read_request(request.data) == request


def test_a_witness_keeps_its_keys_and_has_cosigning_ones(witness, tmp_path):
    assert [row.verifier for row in witness.signers()] == [WITNESS.verifier, QUANTUM.verifier]
    assert (witness.folder / "keys").stat().st_mode & 0o777 == 0o600
    assert not witness.watch(LOG.verifier)
    with pytest.raises(Refused, match="is a witness already"):
        witness.make([WITNESS])
    with pytest.raises(Unusable, match="cosigning keys"):
        Witness(tmp_path / "x").make([LOG])
    with pytest.raises(NotFound, match="is no witness"):
        Witness(tmp_path / "y").signers()


# ── an explained alarm ───────────────────────────────────────────────────────────────────


@pytest.fixture
def rolled_back(witness, log, tmp_path):
    """A log that was restored from a backup, and the alarm about it."""
    grow(log, 9)
    ask(witness, log, 0)
    restored = Log(tmp_path / "restored")
    grow(restored, 4)
    return ask(witness, restored, 0).alarm


def test_an_alarm_that_is_explained_is_put_aside_with_who_says_so(witness, rolled_back):
    words = {"why": "their restore of 20 November", "by": "Ada"}
    settled = witness.settle(rolled_back.name[:8], **words, at=AT)
    (kept,) = (witness.folder / "alarms" / "settled").iterdir()
    said = json.loads(kept.read_bytes())

    assert settled == rolled_back
    assert witness.alarms() == []
    assert said.pop("settled") == {"at": AT.isoformat(), **words}
    assert said == {**vars(rolled_back), "proof": list(rolled_back.proof)}


def test_the_same_contradiction_again_is_a_new_alarm(witness, rolled_back, tmp_path):
    witness.settle(rolled_back.name, why="their restore", by="Ada", at=AT)
    ask(witness, Log(tmp_path / "restored"), 0)

    assert [row.kind for row in witness.alarms()] == ["rolled-back"]


def test_a_proof_against_a_log_is_explained_by_nothing(witness, log, tmp_path):
    grow(log, 4)
    ask(witness, log, 0)
    other = Log(tmp_path / "other")
    grow(other, 4, first=100)
    (alarm,) = (ask(witness, other, 4).alarm,)

    with pytest.raises(Refused, match="a proof against it"):
        witness.settle(alarm.name, why="a mistake", by="Ada", at=AT)
    assert witness.alarms() == [alarm]


@pytest.mark.parametrize(
    ("name", "why", "fault"),
    [("", "x", NotFound), ("ffffffffffff", "x", NotFound), (None, " ", Unusable)],
)
def test_an_alarm_is_settled_by_its_name_and_a_reason(witness, rolled_back, name, why, fault):
    with pytest.raises(fault):
        witness.settle(rolled_back.name if name is None else name, why=why, by="Ada", at=AT)
    assert witness.alarms() == [rolled_back]
