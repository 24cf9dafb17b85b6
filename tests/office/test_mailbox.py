"""What comes back by mail: brought to its deliveries, counted once, its text not kept."""

import json

import pytest

from tests.channels.test_mailbox import ANSWER, BOUNCE, OURS
from tocsin.office import digests, mailbox, receipts, register
from tocsin.office.models import Contact, Delivery, Party, Receipt, Run
from tocsin.words.errors import NotFound, Undelivered, Unusable

pytestmark = pytest.mark.django_db


@pytest.fixture
def delivery(at) -> Delivery:
    """Two deliveries of one message to Meadow Net; the first."""
    run = Run.objects.create(kind="route", at=at, started_at=at)
    party = Party.objects.create(
        slug="meadow-net",
        name="Meadow Net",
        role="isp",
        channel="mail",
        channel_address="Abuse@meadow-net.example",
        format="idf-csv",
        created_at=at,
        updated_at=at,
    )
    made = [
        Delivery.objects.create(
            run=run,
            party=party,
            relation=relation,
            format="idf-csv",
            channel="mail",
            path=f"{relation}.csv",
            digest="",
            size=1,
            rows=1,
            manifest_path="",
            manifest_digest="",
            tlp="TLP:AMBER",
            state="delivered",
            parcel=OURS,
            ticket="7F3K-9QWZ-2M4H",
            next_attempt_at=at,
            created_at=at,
            idempotency_key=relation,
        )
        for relation in ("network", "csirt")
    ]
    return made[0]


def read(*texts: str, at) -> dict[str, int]:
    return dict(mailbox.read_returned([text.encode() for text in texts], by="ada", at=at))


def test_an_answer_is_a_receipt_for_all_it_answers_without_its_text(delivery, at) -> None:
    counts = read(ANSWER, at=at)

    detail = {"message_id": "<77@meadow-net.example>", "sent_at": "2026-11-23T09:30:00Z"}
    assert counts == {"answer": 1}
    assert (
        list(Receipt.objects.values_list("kind", "by", "at", "detail"))
        == [("received", "meadow-net", at, detail)] * 2
    )
    kept = json.dumps([row.facts for row in register.rows()] + [detail])
    assert [secret for secret in ("192.0.2.7", "jo@", "thank") if secret in kept] == []


def test_an_answer_without_our_id_is_found_by_its_ticket(delivery, at) -> None:
    counts = read(ANSWER.replace(OURS, "0" * 32), at=at)

    assert (counts, Receipt.objects.count()) == ({"answer": 1}, 2)


def test_a_bounce_is_a_receipt_and_marks_the_mailbox_as_dead(delivery, at) -> None:
    counts = read(BOUNCE, at=at)

    assert counts == {"bounce": 1, "dead": 1}
    assert (
        list(Receipt.objects.values_list("kind", "by", "detail"))
        == [
            (
                "bounced",
                "mail server",
                {
                    "message_id": "<4Sh1Z2@mx.example>",
                    "mailbox": "abuse@meadow-net.example",
                    "status": "5.1.1",
                },
            )
        ]
        * 2
    )
    dead = Contact.objects.get()
    assert (dead.dead_at, dead.dead_reason) == (at, "mail came back with 5.1.1")
    with pytest.raises(Undelivered, match=r"found dead: Abuse@meadow-net\.example"):
        digests.mailboxes_of(delivery.party)


@pytest.mark.parametrize(
    ("named", "dead"),
    [
        ("Abuse@MEADOW-NET.example", {"Abuse@meadow-net.example"}),
        ("ABUSE@meadow-net.example", {"Abuse@meadow-net.example", "abuse@meadow-net.example"}),
    ],
)
def test_of_two_mailboxes_that_differ_in_capitals_the_one_that_is_named_is_dead(
    delivery, at, named, dead
) -> None:
    """RFC 5321 2.4: before the @ capitals are its host's affair; a server on the way may shout."""
    for value in ("Abuse@meadow-net.example", "abuse@meadow-net.example"):
        Contact.objects.create(party=delivery.party, kind="email", value=value)
    told = "Original-Recipient: rfc822;abuse@meadow-net.example"
    assert told in BOUNCE
    read(BOUNCE.replace(told, f"Original-Recipient: rfc822;{named}"), at=at)

    assert set(Contact.objects.exclude(dead_at=None).values_list("value", flat=True)) == dead


def test_a_full_mailbox_bounces_and_lives(delivery, at) -> None:
    counts = read(BOUNCE.replace("5.1.1", "5.2.2"), at=at)

    assert (counts, Contact.objects.count()) == ({"bounce": 1}, 0)


def test_a_forged_bounce_silences_nobody_else(delivery, at) -> None:
    brook = Party.objects.get()
    brook.pk, brook.slug, brook.uid = None, "brook", receipts.find_delivery(delivery.uid.hex).uid
    brook.channel_address = "abuse@brook.example"
    brook.save()
    counts = read(BOUNCE.replace("buse@meadow-net.example", "buse@brook.example"), at=at)

    assert (counts, Contact.objects.count()) == ({"bounce": 1}, 0)


def test_the_same_mailbox_twice_changes_nothing(delivery, at) -> None:
    read(BOUNCE, ANSWER, at=at)
    rows = register.rows().count()
    counts = read(BOUNCE, ANSWER, at=at)

    assert (counts, register.rows().count()) == ({"repeat": 2}, rows)


def test_automatic_answers_and_strangers_count_for_nothing(delivery, at) -> None:
    stranger = ANSWER.replace(OURS, "0" * 32).replace("7f3k", "0000")
    counts = read(f"Auto-Submitted: auto-replied\n{ANSWER}", stranger, "no mail at all", at=at)

    assert counts == {"automatic": 1, "stranger": 2}
    assert not Receipt.objects.exists()
    assert not register.rows().exists()


# ── written down by hand ─────────────────────────────────────────────────────────────────


def test_what_a_party_says_on_the_telephone_is_written_down_once(delivery, at) -> None:
    words = {"kind": "cured", "by": "meadow-net", "actor": "ada", "at": at}
    first = receipts.add_receipt(delivery, **words)
    again = receipts.add_receipt(delivery, **words)

    assert (first is None, again) == (False, None)
    assert [(r.action, r.actor, r.subject, r.facts) for r in register.rows()] == [
        (
            "office:receipt:add",
            "ada",
            delivery.uid,
            {"kind": "cured", "by": "meadow-net", "party": "meadow-net"},
        )
    ]


def test_a_delivery_is_found_by_the_beginning_of_its_id(delivery) -> None:
    uid = str(delivery.uid)

    assert receipts.find_delivery(uid) == receipts.find_delivery(uid[:10].upper()) == delivery
    with pytest.raises(Unusable, match=r"is no delivery id\. Possible: at least 6"):
        receipts.find_delivery(uid[:4])
    with pytest.raises(Unusable, match="is no delivery id"):
        receipts.find_delivery("zzzzzzzz")
    with pytest.raises(NotFound, match="there is no delivery"):
        receipts.find_delivery("0" * 31 + "1")


def test_a_kind_that_there_is_not_is_refused(delivery, at) -> None:
    with pytest.raises(Unusable, match="Possible: received, acted, cured, not_ours"):
        receipts.add_receipt(delivery, kind="maybe", by="x", actor="ada", at=at)
