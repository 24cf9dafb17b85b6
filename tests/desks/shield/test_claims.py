"""Appeals by a name that the public list has not: heard where a list for some alone has it, and the
appellant can learn from nothing which of the two it was."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.desks.shield.conftest import BASIS, LURE
from tocsin.desks.shield.actions.appealing import step_appeal
from tocsin.desks.shield.actions.claiming import appeal_by, take_claims
from tocsin.desks.shield.actions.deciding import approve, step_listing
from tocsin.desks.shield.models import Appeal, Claim, Listing
from tocsin.desks.shield.queries.figures import figures
from tocsin.desks.shield.queries.listings import in_force_over
from tocsin.desks.shield.queries.warning import words_in
from tocsin.office.models import Deadline, RegisterRow
from tocsin.office.people.models import Letter
from tocsin.office.people.viewer import Viewer
from tocsin.words.errors import NotFound, Unusable

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HIDDEN = "http://hidden-lure.example/login"
ABSENT = "http://absent-shop.example/login"


@pytest.fixture
def web(settings: Any, db: None) -> Any:
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.SECURE_SSL_REDIRECT = False
    with time_machine.travel(NOW, tick=False):
        yield Client()


@pytest.fixture
def hidden(people: Callable[[str], Viewer]) -> Listing:
    row = approve(people("rita"), url=HIDDEN, reason="codes", basis=BASIS, tlp="TLP:AMBER", at=NOW)
    return step_listing(people("rolf"), row.uid, step="confirm", text="", at=NOW)


def filed(about: str, *, answer_to: str = "", at: datetime = NOW) -> str:
    return appeal_by(
        about=about, text="it is my shop", answer_to=answer_to, language="en", is_cleaned=False,
        by="public", at=at,
    )  # fmt: skip


def test_whoever_asks_cannot_tell_what_is_listed_for_some_from_what_is_not(
    web: Client, hidden: Listing
):
    """Status, page, statements and rows are the same, before and after the worker."""
    _filing(web, "http://before.example/")  # the first one begins the hour's count
    known = [_filing(web, url) for url in (HIDDEN, ABSENT)]
    assert known[0] == known[1]

    references = list(Claim.objects.order_by("pk").values_list("reference", flat=True))[1:]
    before = [_outcome(web, one) for one in references]
    assert take_claims(by="worker", at=NOW) == 3
    after = [_outcome(web, one) for one in references]
    step_appeal_of(hidden)

    assert before[0] == before[1] == after[0] == after[1]
    assert [_outcome(web, one) for one in references] == before
    assert words_in("en").texts["appeal_unlisted"] in before[0]


def _filing(web: Client, about: str) -> tuple[Any, ...]:
    given = {"about": about, "text": "it is my shop", "answer_to": "ada@example.org"}
    newest = RegisterRow.objects.count()
    with CaptureQueriesContext(
        connection,
    ) as asked:
        got = web.post("/shield/appeal", given)
    verbs = [
        [word for word in one["sql"].split(" ", 3)[:3] if not word.startswith('"s')]
        for one in asked.captured_queries
    ]
    rows = [
        (row.action, row.actor, row.facts) for row in RegisterRow.objects.order_by("pk")[newest:]
    ]
    claim = Claim.objects.latest("pk")
    sizes = len(bytes(claim.sealed)) > 0, len(bytes(claim.sealed_about)) > 0
    return got.status_code, verbs, rows, sizes, Letter.objects.count()


def _outcome(web: Client, reference: str) -> str:
    page = web.get(f"/shield/outcome/{reference}")
    assert page.status_code == 200
    return page.content.decode().replace(reference, "REFERENCE")


def step_appeal_of(listing: Listing) -> None:
    """What a reviewer would do, as far as an appellant could see it."""
    row = Appeal.objects.get(listing=listing)
    row.state, row.outcome = "taken", "words of a reviewer"
    row.save()


def test_what_a_list_for_some_has_is_decided_by_somebody_who_did_not_list_it(
    people: Callable[[str], Viewer], hidden: Listing
):
    later = NOW + timedelta(minutes=2)
    filed(f"https://{hidden.value}/x")
    take_claims(by="worker", at=later)

    row = Appeal.objects.get()
    assert (row.listing, row.filed_at, row.state) == (hidden, NOW, "filed")
    clock = Deadline.objects.get(matter=row.uid)
    assert (clock.rule, clock.started_at) == ("shield:decide-appeal", NOW)
    for step in ("take", "uphold"):
        step_appeal(people("rosa"), row.uid, step=step, text="so it is", at=later)
    assert not in_force_over(HIDDEN, at=later).exists()
    assert take_claims(by="worker", at=later) == 0  # each is looked at once


def test_what_no_list_has_troubles_nobody_and_nothing_of_it_is_kept(db: None, store: Any):
    filed(ABSENT, answer_to="ada@example.org")
    take_claims(by="worker", at=NOW)

    claim = Claim.objects.get()
    assert Appeal.objects.count() == 0
    assert (Deadline.objects.count(), Letter.objects.count()) == (0, 0)
    assert (bytes(claim.sealed), bytes(claim.sealed_about), claim.taken_at) == (b"", b"", NOW)
    assert [row.action for row in RegisterRow.objects.filter(subject=claim.uid)] == [
        *("shield:claim:file", "shield:claim:take"),
    ]
    assert figures(least=1).open_appeals in (None, 0)


def test_what_everybody_sees_listed_is_appealed_as_ever(
    people: Callable[[str], Viewer], hidden: Listing
):
    row = approve(people("rita"), url=LURE, reason="codes", basis=BASIS, at=NOW)
    step_listing(people("rolf"), row.uid, step="confirm", text="", at=NOW)

    reference = filed("mybank-login.example")

    assert Appeal.objects.get().reference == reference
    assert Claim.objects.count() == 0


@pytest.mark.parametrize("about", ["AAAA-BBBB-CCCC", "no name", "localhost", "a b.example", "\0"])
def test_what_is_neither_a_reference_nor_a_name_is_said_to_be_none(
    db: None, store: Any, about: str
):
    with pytest.raises(NotFound):
        filed(about)
    assert Claim.objects.count() == 0


def test_a_claim_needs_a_text(db: None, store: Any):
    with pytest.raises(Unusable, match="why it is wrong"):
        appeal_by(about=ABSENT, text=" ", answer_to="", language="en", is_cleaned=False,
                  by="public", at=NOW)  # fmt: skip
    assert Claim.objects.count() == 0
