"""Digests: one message per party and interval, the same one however often it is repeated."""

import csv
import hashlib
import io
import json
import threading
from collections import Counter
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from uuid import UUID, uuid5

import pytest
from django.db import connection

from tocsin.channels.channel import Channel, Handed, NobodyThere, Parcel
from tocsin.office import digests, outbox, register
from tocsin.office.models import Contact, Delivery, Party, Receipt, Run
from tocsin.office.parties import export_parties, import_parties, read_parties
from tocsin.words.errors import Undelivered, Unusable
from tocsin.words.moments import DAY

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)
ROOM = 1_000_000


class Postman:
    """A channel that gathers and does as it is told."""

    def __init__(self, *answers: Handed | Exception) -> None:
        self.answers = list(answers)
        self.sent: list[Parcel] = []
        self.channel = Channel(
            "mail", check_address=lambda _: None, send=self.send, gathers=lambda _: ROOM
        )

    def send(self, parcel: Parcel) -> Handed:
        self.sent.append(parcel)
        answer = self.answers.pop(0) if self.answers else Handed("there")
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def party(at) -> Party:
    return Party.objects.create(
        uid=UUID(int=7),
        slug="meadow-net",
        name="Meadow Net",
        role="isp",
        country="BE",
        language="nl",
        channel="mail",
        channel_address="abuse@meadow-net.example",
        format="idf-csv",
        created_at=at,
        updated_at=at,
    )


@pytest.fixture
def queued(party, store, at):
    """Queues a delivery of some rows, as a run would."""

    def queue(key: str, *, run: str = "run", moment=at, to=None, rows=None, **words) -> Delivery:
        made, _ = Run.objects.get_or_create(
            uid=uuid5(UUID(int=0), run), defaults={"kind": "route", "at": at, "started_at": at}
        )
        rows = rows or [row()]
        body = written(rows)
        facts = {
            "from": "tocsin",
            "events": len(rows),
            "classes": {
                kind: sum(r[CLASS] == kind for r in rows) for kind in {r[CLASS] for r in rows}
            },
        }
        manifest = json.dumps({"manifest": facts}).encode()
        for name, data in ((f"{key}.csv", body), (f"{key}.json", manifest)):
            (store.deliveries / name).write_bytes(data)
        return outbox.queue(
            **{
                "run": made,
                "party": to or party,
                "uid": uuid5(UUID(int=1), key),
                "idempotency_key": key,
                "relation": "network",
                "path": f"deliveries/{key}.csv",
                "digest": hashlib.sha256(body).hexdigest(),
                "size": len(body),
                "rows": len(rows),
                "first_at": moment - 2 * HOUR,
                "last_at": moment - HOUR,
                "manifest_path": f"deliveries/{key}.json",
                "manifest_digest": hashlib.sha256(manifest).hexdigest(),
                "tlp": "TLP:AMBER",
                "at": moment,
                **words,
            }
        )

    return queue


CLASS = "classification.type"


def row(kind="infected-system", family="mirai", because="", attributable="") -> dict[str, str]:
    return {
        CLASS: kind,
        "malware.name": family,
        "extra.because": because or "192.0.2.0/25 is in the remit of Meadow Net (manual)",
        "extra.attributable": attributable,
    }


def written(rows: list[dict[str, str]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


@pytest.fixture
def deliver(store):
    """Runs the outbox once with this postman."""

    def run(postman: Postman, at, **words):
        return outbox.deliver_due(
            owner=words.pop("owner", "worker-1"),
            at=at,
            channels={"mail": postman.channel},
            store_folder=store.path,
            settings={},
            **words,
        )

    return run


def names(parcel: Parcel) -> list[str]:
    return [piece.name for piece in parcel.pieces]


# ── what travels together ────────────────────────────────────────────────────────────────


def test_what_one_run_has_for_a_party_is_one_message(queued, deliver, at) -> None:
    queued("one")
    queued("two", relation="csirt")
    postman = Postman()
    outcomes = deliver(postman, at)

    assert [names(parcel) for parcel in postman.sent] == [
        ["one.csv", "one.json", "two.csv", "two.json"]
    ]
    assert [(o.party, o.state, o.delivered_to) for o in outcomes] == [
        ("meadow-net", "delivered", "there")
    ] * 2
    assert [r.action for r in register.rows()] == ["office:delivery:hand_over"] * 2


def test_two_runs_are_two_messages_of_two_tickets(queued, deliver, at) -> None:
    first, second = queued("one"), queued("two", run="another")
    postman = Postman()
    deliver(postman, at)

    for delivery in (first, second):
        delivery.refresh_from_db()
    assert [names(parcel)[0] for parcel in postman.sent] == ["one.csv", "two.csv"]
    assert first.ticket != second.ticket


def test_a_day_is_one_message_when_it_is_over(queued, deliver, party, at) -> None:
    Party.objects.update(interval="daily")
    queued("one")
    queued("two", run="another", moment=at + 3 * HOUR)
    queued("next", run="third", moment=at + DAY)
    postman = Postman()
    late = deliver(postman, at.replace(hour=23, minute=59))
    deliver(postman, at.replace(hour=0) + DAY)

    assert late == []
    assert [names(parcel)[::2] for parcel in postman.sent] == [["one.csv", "two.csv"]]


def test_an_hour_is_one_message_when_it_is_over(queued, deliver, at) -> None:
    Party.objects.update(interval="hourly")
    queued("one")
    queued("two", run="another", moment=at + HOUR / 2)
    postman = Postman()
    early = deliver(postman, at + HOUR - timedelta(seconds=1))
    deliver(postman, at + HOUR)

    assert early == []
    assert [names(parcel)[::2] for parcel in postman.sent] == [["one.csv", "two.csv"]]


def test_two_days_that_waited_are_two_messages_and_two_tickets(queued, deliver, at) -> None:
    Party.objects.update(interval="daily")
    queued("one")
    queued("two", moment=at + DAY)
    postman = Postman()
    deliver(postman, at + 5 * DAY)

    assert len({parcel.letter.reference for parcel in postman.sent}) == 2


def test_when_it_goes_out_can_be_said_before(queued, at) -> None:
    delivery = queued("one")
    due = []
    for interval in digests.INTERVALS:
        delivery.party.interval = interval
        due.append(digests.due_at(delivery))

    assert due == [at, at + HOUR, at.replace(hour=0) + DAY]


def test_a_message_holds_no_more_than_there_is_room(queued, deliver, at) -> None:
    for key in ("one", "two", "three"):
        queued(key, size=ROOM // 2 - digests.FOR_MANIFEST)
    queued("whale", size=ROOM * 3)
    postman = Postman()
    deliver(postman, at)

    assert [names(parcel)[::2] for parcel in postman.sent] == [
        ["one.csv", "two.csv"],
        ["three.csv"],
        ["whale.csv"],
    ]


def test_further_messages_of_a_ticket_hang_on_the_first(queued, deliver, at) -> None:
    for key in ("one", "two"):
        queued(key, size=ROOM)
    postman = Postman()
    deliver(postman, at)

    first, second = (parcel.letter for parcel in postman.sent)
    assert (first.reference, first.after) == (second.reference, "")
    assert second.after == first.message != second.message


def test_parties_do_not_share_a_message_or_a_ticket(queued, deliver, party, at) -> None:
    brook = Party.objects.get()
    brook.pk, brook.slug, brook.uid = None, "brook", UUID(int=8)
    brook.save()
    queued("one")
    queued("two", to=brook)
    postman = Postman()
    deliver(postman, at)

    assert [parcel.party for parcel in postman.sent] == ["meadow-net", "brook"]
    assert len({parcel.letter.reference for parcel in postman.sent}) == 2


def test_a_ticket_has_no_letter_that_can_be_misread_and_no_sequence(queued) -> None:
    tickets = [digests.ticket_of(queued(f"k{n}", run=f"run {n}")) for n in range(50)]

    assert len(set(tickets)) == 50
    assert all(len(ticket) == 14 and not set(ticket) & set("ILOU") for ticket in tickets)
    assert tickets != sorted(tickets)


# ── repeats ──────────────────────────────────────────────────────────────────────────────


def test_a_repeat_is_the_same_message_whatever_came_meanwhile(queued, deliver, at) -> None:
    queued("one")
    queued("two", relation="csirt")
    postman = Postman(Undelivered("421 busy", lasting=False))
    failed = deliver(postman, at)
    queued("late", relation="brand")  # of the same run, as no run would
    again = failed[0].next_attempt_at
    deliver(postman, again)

    before, *after = postman.sent
    assert {o.next_attempt_at for o in failed} == {again}
    assert [names(p)[::2] for p in after] == [["late.csv"], ["one.csv", "two.csv"]]
    assert (after[1].letter, after[1].pieces) == (before.letter, before.pieces)
    assert sorted(Delivery.objects.values_list("attempt", flat=True)) == [1, 2, 2]


def test_a_worker_that_died_leaves_a_message_that_goes_out_the_same(queued, deliver, at) -> None:
    queued("one")
    queued("two", relation="csirt")
    claimed = outbox.claim(owner="dead", at=at, rooms={"mail": ROOM})
    postman = Postman()
    during = deliver(postman, at + outbox.LEASE / 2)
    deliver(postman, at + outbox.LEASE)

    assert (len(claimed), during) == (2, [])
    assert [p.letter.message for p in postman.sent] == [claimed[0].parcel]
    assert [row.attempt for row in Delivery.objects.all()] == [2, 2]


def test_what_was_parked_together_is_resumed_together(queued, deliver, at) -> None:
    first = queued("one")
    queued("two", relation="csirt")
    postman = Postman(Undelivered("550 no", lasting=True))
    parked = deliver(postman, at)
    outbox.resume(first.uid, by="ada", at=at)
    deliver(postman, at)

    assert [o.state for o in parked] == ["parked", "parked"]
    assert postman.sent[0].letter == postman.sent[1].letter
    assert not outbox.parked().exists()


def test_a_slow_receiver_leaves_the_rest_to_the_next_claim(
    queued, deliver, at, monkeypatch
) -> None:
    for n in range(3):
        queued(f"k{n}", run=f"run {n}")
    clock = iter(range(0, 10_000, 200))
    monkeypatch.setattr(outbox, "time", SimpleNamespace(monotonic=lambda: float(next(clock))))
    postman = Postman()
    first = deliver(postman, at)

    assert [o.state for o in first] == ["delivered"]
    assert sorted(Delivery.objects.values_list("state", "attempt", "lease_until")) == [
        ("delivered", 1, None),
        ("ready", 0, None),
        ("ready", 0, None),
    ]


def test_only_the_channels_named_are_worked(queued, deliver, at) -> None:
    queued("one")

    assert deliver(Postman(), at, over=["folder"]) == []
    assert len(deliver(Postman(), at, over=["mail"])) == 1


def test_workers_side_by_side_never_share_out_a_message(queued, party, at) -> None:
    for number in range(12):
        party.pk, party.slug, party.uid = None, f"party-{number}", UUID(int=100 + number)
        party.save(force_insert=True)
        for key in ("a", "b", "c"):
            queued(f"{number}-{key}", to=party)
    taken: list[list[str]] = []

    def work(owner: str) -> None:
        try:
            while rows := outbox.claim(owner=owner, at=at, limit=2, rooms={"mail": ROOM}):
                taken.append([row.idempotency_key for row in rows])
        finally:
            connection.close()

    workers = [threading.Thread(target=work, args=(f"worker-{n}",)) for n in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)

    assert Counter(key for keys in taken for key in keys) == Counter(
        f"{number}-{key}" for number in range(12) for key in ("a", "b", "c")
    )
    assert {n for keys in taken for n in Counter(k[:-2] for k in keys).values()} == {3}


# ── to whom ──────────────────────────────────────────────────────────────────────────────


def test_the_address_of_the_party_file_comes_first_then_living_contacts(party, at) -> None:
    def contact(value, **words):
        Contact.objects.create(party=party, kind="email", value=value, **words)

    contact("noc@meadow-net.example", purpose="noc")
    contact("abuse-desk@meadow-net.example", purpose="abuse")
    contact("ripe@meadow-net.example", purpose="abuse", source="ripe")
    contact("old@meadow-net.example", purpose="abuse", dead_at=at)
    own = digests.mailboxes_of(party)
    party.channel_address = ""

    assert own == "abuse@meadow-net.example"
    assert digests.mailboxes_of(party) == "abuse-desk@meadow-net.example"


def test_a_party_without_a_living_mailbox_is_parked_with_the_reason(
    queued, deliver, party, at
) -> None:
    Contact.objects.create(
        party=party, kind="email", value="abuse@Meadow-Net.Example", dead_at=at, source="bounce"
    )
    queued("one")
    outcome = deliver(Postman(), at)[0]

    assert outcome.state == "parked"
    assert "no mail address that lives (found dead: abuse@meadow-net.example)" in outcome.error


def test_capitals_count_before_the_at_sign_and_not_behind_it(party, at) -> None:
    """RFC 5321 2.4: a local part is case sensitive, a domain is not."""
    party.channel_address = "Jo@meadow-net.example,jo@Meadow-Net.example"
    Contact.objects.create(party=party, kind="email", value="jo@meadow-net.EXAMPLE", dead_at=at)

    assert digests.mailboxes_of(party) == "Jo@meadow-net.example"


def test_a_mailbox_that_is_refused_as_no_more_is_dead_like_one_that_bounced(
    queued, deliver, party, at
) -> None:
    queued("one"), queued("two")
    gone = {"abuse@meadow-net.example": "550 5.1.1 user unknown"}
    done = deliver(Postman(NobodyThere("nobody", lasting=True, gone=gone)), at)
    dead = Contact.objects.get()

    said = "nobody; marked dead: abuse@meadow-net.example"
    assert [(row.state, row.error) for row in done] == [("parked", said)] * 2
    assert (dead.value, dead.dead_at) == ("abuse@meadow-net.example", at)
    assert dead.dead_reason == "the mail server answered 550 5.1.1 user unknown"
    assert (
        list(Receipt.objects.values_list("kind", "by", "detail"))
        == [
            (
                "bounced",
                "mail server",
                {"mailbox": "abuse@meadow-net.example", "status": "550 5.1.1 user unknown"},
            )
        ]
        * 2
    )
    assert sorted(row.action for row in register.rows()) == [
        "office:contact:mark_dead",
        *["office:delivery:park"] * 2,
        *["office:receipt:add"] * 2,
    ]


def test_where_another_mailbox_lives_the_delivery_goes_there_next(
    queued, deliver, party, at
) -> None:
    party.channel_address = ""
    party.save()
    for value, purpose in (("abuse@meadow-net.example", "abuse"), ("noc@meadow-net.example", "")):
        Contact.objects.create(party=party, kind="email", value=value, purpose=purpose)
    queued("one")
    gone = {"abuse@meadow-net.example": "550 5.1.1 user unknown"}
    postman = Postman(NobodyThere("nobody", lasting=True, gone=gone))
    first = deliver(postman, at)[0]
    second = deliver(postman, at + timedelta(hours=1))[0]

    assert (first.state, second.state) == ("ready", "delivered")
    assert first.error == (
        "nobody; marked dead: abuse@meadow-net.example; next it goes to noc@meadow-net.example"
    )
    assert [one.address for one in postman.sent] == [
        "abuse@meadow-net.example",
        "noc@meadow-net.example",
    ]


def test_of_several_mailboxes_the_one_that_is_no_more_is_dead_and_the_rest_have_it(
    queued, deliver, party, at
) -> None:
    party.channel_address = "abuse@meadow-net.example,old@meadow-net.example"
    party.save()
    queued("one")
    gone = {"old@meadow-net.example": "551 no such user"}
    done = deliver(Postman(Handed("abuse@meadow-net.example", gone=gone)), at)[0]

    assert (done.state, done.delivered_to) == (
        "delivered",
        "abuse@meadow-net.example; marked dead: old@meadow-net.example",
    )
    assert digests.mailboxes_of(party) == "abuse@meadow-net.example"


def test_a_refusal_that_says_nothing_of_the_mailbox_kills_nobody(
    queued, deliver, party, at
) -> None:
    queued("one")
    done = deliver(Postman(NobodyThere("554 5.7.1 blocked", lasting=True, gone={})), at)[0]

    assert (done.state, done.error, Contact.objects.count()) == ("parked", "554 5.7.1 blocked", 0)


# ── what is said ─────────────────────────────────────────────────────────────────────────


def test_the_digest_says_what_why_how_far_and_how_to_answer(queued, deliver, at) -> None:
    bots = [row()] * 3 + [row(family="andromeda")] + [row(family="", attributable="no: shared")]
    phish = [row("phishing", "", "bank.example is under .example")]
    queued("one", rows=bots + phish)
    postman = Postman()
    deliver(postman, at)

    letter = postman.sent[0].letter
    digest = hashlib.sha256(written(bots + phish)).hexdigest()
    assert letter.subject == "6 events for Meadow Net"
    assert letter.language == "en"
    assert (
        letter.text
        == f"""\
Tocsin has security reports that concern Meadow Net. What you may see of
them is attached: rows for your systems, and a signed manifest for each
file.

What was seen
  as holder of the network, from 2026-11-23 07:00 to 2026-11-23 08:00 (UTC)
          5  infected-system
              3  mirai
              1  no family named
              1  andromeda
          1  phishing

Why you
  192.0.2.0/25 is in the remit of Meadow Net (manual) (5)
  bank[.]example is under .example (1)

How far it can be told whose it was
  1 of 6 rows cannot be tied to one line: the address is shared and no
  source port was reported. They begin with "no" in extra.attributable.

The files
  one.csv
    SHA-256 {digest}

How to answer. Reply to this message and leave [Tocsin {letter.reference}] in
the subject. Quote event_hash for single rows: acted on, clean again, not
yours, or wrong. A wrong address or another format: say so too.

Marked TLP:AMBER. Who may see it beyond you is said by the Traffic Light
Protocol 2.0 (https://www.first.org/tlp/).

This message was made by a machine. It accuses nobody: systems in these
reports are mostly those of victims.
"""
    )


def test_a_digest_is_in_the_language_of_the_party(queued, deliver, party, at) -> None:
    Party.objects.update(language="fr-BE")
    queued("one", rows=[row()] * 1200)
    postman = Postman()
    deliver(postman, at)

    letter = postman.sent[0].letter
    assert (letter.subject, letter.language) == (
        "1\u00a0200 événements pour Meadow Net",
        "fr",
    )
    assert (
        "Pourquoi vous\n  192.0.2.0/25 fait partie du périmètre de Meadow Net (manual) "
        "(1\u00a0200)" in letter.text
    )
    assert "Le Traffic Light Protocol 2.0 (https://www.first.org/tlp/)" in letter.text


def test_a_file_that_cannot_be_read_is_told_of_by_its_manifest(queued, deliver, store, at) -> None:
    queued("one", rows=[row()] * 2)
    (store.deliveries / "one.csv").write_bytes(b"\x00\xff")
    postman = Postman()
    deliver(postman, at)

    assert "          2  infected-system\n" in postman.sent[0].letter.text


def test_what_a_report_says_cannot_break_the_lines(queued, deliver, at) -> None:
    queued("one", rows=[row(family="a\nb\x1b[31m", because="x\r\nSubject: forged")])
    postman = Postman()
    deliver(postman, at)

    text = postman.sent[0].letter.text
    assert all(c.isprintable() or c == "\n" for c in text)
    assert "x Subject: forged" in text


# ── the party file ───────────────────────────────────────────────────────────────────────

FILE = """
[[party]]
id = "meadow-net"
name = "Meadow Net"
role = "isp"
key = "{key}"
[party.delivery]
channel = "mail"
format = "idf-csv"
address = "abuse@meadow-net.example"
interval = "daily"
"""


@pytest.fixture
def key() -> str:
    pgp = pytest.importorskip("pysequoia", reason="needs the extra: pip install tocsin[openpgp]")
    return str(pgp.Tsk.generate("Meadow Net").extract_certificate())


def test_interval_and_key_are_read_from_a_file_and_come_out_as_they_are(
    key: str, at, tmp_path: Path
) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "meadow.asc").write_text(key)
    import_parties(FILE.format(key="keys/meadow.asc"), by="ada", at=at, folder=tmp_path)
    again = import_parties(export_parties(), by="ada", at=at)

    party = Party.objects.get()
    assert (party.interval, party.key) == ("daily", key.strip() + "\n")
    assert again.unchanged == ("meadow-net",)


def test_a_key_that_is_none_is_refused(key: str, tmp_path: Path) -> None:
    pgp = pytest.importorskip("pysequoia")
    (tmp_path / "secret.asc").write_text(str(pgp.Tsk.generate("Meadow Net")))
    said = {}
    for name in ("missing.asc", "secret.asc"):
        with pytest.raises(Unusable) as refusal:
            read_parties(FILE.format(key=name), folder=tmp_path)
        said[name] = str(refusal.value).removeprefix("party 'meadow-net', key: ")

    assert said == {
        "missing.asc": f"there is no file {tmp_path}/missing.asc. "
        "Possible: the armoured key itself",
        "secret.asc": "is a private key. Possible: the public half alone; renew the key",
    }


def test_an_interval_is_for_mail_alone() -> None:
    with pytest.raises(Unusable, match="'daily' is for mail; over folder each delivery goes by"):
        read_parties(
            FILE.replace('"mail"', '"folder"')
            .replace('key = "{key}"\n', "")
            .replace('address = "abuse@meadow-net.example"\n', "")
        )
