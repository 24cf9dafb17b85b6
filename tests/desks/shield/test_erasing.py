"""What citizens sent lies sealed; an erasure opens it, takes the person out, and seals it again."""

from dataclasses import replace

import pytest
from django.apps import apps
from django.db import connection, models, transaction

from tocsin.desks.shield.actions.answering import ADDRESS
from tocsin.desks.shield.actions.appealing import file_appeal
from tocsin.desks.shield.actions.deciding import approve, step_listing
from tocsin.desks.shield.models import Appeal, Message
from tocsin.desks.shield.queries.appeals import SEALED as APPEAL
from tocsin.desks.shield.queries.messages import SEALED as MESSAGE
from tocsin.flow.subject import accounts
from tocsin.office.erasure import Order, erase, texts
from tocsin.office.erasure.place import Erasure, Place
from tocsin.office.people.sealing import seal, unseal

pytestmark = pytest.mark.django_db(transaction=True)  # an erasure commits
ANNA = "anna.miller@home.example"
SAID = f"Dear {ANNA}, your parcel waits: https://mybank-login.example/pay?id=7"


@pytest.fixture
def order(store, at) -> Order:
    return Order(
        subject=accounts([ANNA]), why="request 7", by="test", at=at, store_folder=store.path
    )


@pytest.fixture
def sent(send, people, store, at) -> tuple[Message, Appeal]:
    """Anna reports a message and appeals against a listing; somebody else reports one too."""
    message = send(SAID, answer_to=ANNA)
    send("https://other.example/", answer_to="ben@home.example")
    listed = approve(people("rita"), url="https://shop.example/", reason="x", basis="x", at=at)
    step_listing(people("ruth"), listed.uid, step="confirm", text="x", at=at)
    words = {"language": "en", "is_cleaned": False, "by": "public", "at": at}
    appeal = file_appeal(about="shop.example", text=f"It is mine, {ANNA}", answer_to=ANNA, **words)
    return message, appeal


def opened(row: Message | Appeal, purpose: str) -> tuple[str, str]:
    """What was written, and where the answer goes."""
    row.refresh_from_db()
    address = unseal(row.sealed_address, purpose=ADDRESS).decode() if row.sealed_address else ""
    return unseal(row.sealed, purpose=purpose).decode(), address


def test_a_person_goes_out_of_what_lies_sealed_and_the_rest_of_it_stays(sent, order) -> None:
    message, appeal = sent
    (other,) = Message.objects.exclude(pk=message.pk)
    before = opened(message, MESSAGE), opened(appeal, APPEAL), opened(other, MESSAGE)

    looked = erase(replace(order, dry_run=True))
    asked = [row for row in texts.found(order.subject) if row["record"].startswith("shield.")]

    assert asked == [
        {"record": "shield.Appeal", "id": appeal.uid.hex, "sealed": f"It is mine, {ANNA}"},
        {"record": "shield.Appeal", "id": appeal.uid.hex, "sealed_address": ANNA},
        {"record": "shield.Message", "id": message.uid.hex, "sealed": SAID},
        {"record": "shield.Message", "id": message.uid.hex, "sealed_address": ANNA},
    ]
    assert (opened(message, MESSAGE), opened(appeal, APPEAL), opened(other, MESSAGE)) == before

    done, again = erase(order), erase(order)

    assert [_in_texts(one).found for one in (looked, done, again)] == [4, 4, 0]
    assert done.is_complete
    assert opened(message, MESSAGE) == (SAID.replace(ANNA, "[erased]"), "")
    assert opened(appeal, APPEAL) == ("It is mine, [erased]", "")
    assert opened(other, MESSAGE) == ("https://other.example/", "ben@home.example")


def test_what_a_decision_empties_meanwhile_is_not_put_back(sent, order) -> None:
    message, _ = sent
    done: list[str] = []

    def decide(execute, sql, words, many, context):
        if not done and sql.startswith('UPDATE "shield_message"'):
            done.append(sql)
            Message.objects.filter(pk=message.pk).update(sealed=b"", sealed_address=b"")
        return execute(sql, words, many, context)

    with connection.execute_wrapper(decide):
        erased = erase(order)
    message.refresh_from_db()

    assert done
    assert (bytes(message.sealed), bytes(message.sealed_address)) == (b"", b"")
    assert _in_texts(erased).found == 2


def test_what_was_written_anew_meanwhile_is_opened_again_and_not_overwritten(sent, order) -> None:
    message, _ = sent
    hits = list(texts._sealed_hits(order.subject))
    Message.objects.filter(pk=message.pk).update(sealed=seal(b"corrected", purpose=MESSAGE))

    with transaction.atomic():
        taken = [hit.take_out(order.subject) for hit in hits if hit.row == message]
    assert taken == [False, True]
    assert opened(message, MESSAGE) == ("corrected", "")


def _in_texts(done: Erasure) -> Place:
    (place,) = [one for one in done.places if one.name == "database texts"]
    return place


def test_what_cannot_be_opened_is_named_and_the_erasure_is_not_called_complete(sent, order) -> None:
    message, _ = sent
    Message.objects.filter(pk=message.pk).update(sealed=seal(b"x", purpose="something else"))

    done = erase(order)

    place = _in_texts(done)
    (said,) = place.unsearched
    assert said.startswith("shield.Message.sealed: 1 sealed under another key than the store's")
    assert (place.found, done.is_complete) == (3, False)


# Keys, and what is no text of a person.
OTHERS = {
    "office.Evidence": {"key"},
    "office.LogBatch": {"leaves"},
    "office.RegisterRow": {"leaf_key", "leaf"},
    "shield.Entry": {"key"},
    "people.Letter": {"sealed"},  # gone when it is sent
    "subscribers.Outgoing": {"sealed"},  # gone when it is handed over, at most 72 hours
}


def test_every_sealed_field_of_every_table_is_opened_or_known_to_hold_no_text() -> None:
    named = {
        (f"{config.label}.{what.model}", what.field)
        for config in apps.get_app_configs()
        for what in getattr(config, "sealed_texts", ())
    }
    there = {
        (model._meta.label, field.name)
        for model in apps.get_models()
        if model.__module__.startswith("tocsin.")
        for field in model._meta.get_fields()
        if isinstance(field, models.BinaryField)
    }
    others = {(label, name) for label, names in OTHERS.items() for name in names}

    assert there == named | others
