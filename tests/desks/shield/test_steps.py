"""A page offers what would not be refused, mends before it prolongs, and says why not the rest."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.desks.pages import signed_in
from tests.desks.people import viewer
from tests.desks.shield.conftest import BASIS, LURE
from tocsin.desks.shield.actions.appealing import file_appeal, step_appeal
from tocsin.desks.shield.actions.deciding import approve, step_listing
from tocsin.desks.shield.actions.naming import add_names
from tocsin.desks.shield.models import Group, Listing, Message
from tocsin.desks.shield.queries.appeals import appeal_for
from tocsin.desks.shield.queries.listings import listing_for
from tocsin.office.people.viewer import Viewer
from tocsin.words.errors import Refused

People = Callable[[str], Viewer]
MINUTE = timedelta(minutes=1)
APPEAL = {"answer_to": "", "language": "en", "is_cleaned": False, "by": "public"}


def approved(people: People, at: datetime, **words: Any) -> Listing:
    return approve(people("rita"), url=LURE, reason="asks for codes", basis=BASIS, at=at, **words)


def offered(who: Viewer, row: Listing) -> list[str]:
    return [step.name for step in listing_for(who, row.uid).steps]


def withheld(who: Viewer, row: Listing) -> list[str]:
    return [name for name, _why in listing_for(who, row.uid).withheld]


def page(who: Viewer, path: str, settings: Any) -> str:
    settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT = ["testserver"], False
    assert who.person is not None
    return signed_in(who.person).get(path).content.decode()


def test_who_approved_is_offered_no_confirmation_and_told_whose_it_is(
    people: People, at: datetime, settings: Any
):
    row = approved(people, at)
    said = page(people("rita"), f"/shield/listings/{row.uid}", settings)

    assert (offered(people("rita"), row), withheld(people("rita"), row)) == (
        ["reject"],
        ["confirm"],
    )
    assert (offered(people("rolf"), row), withheld(people("rolf"), row)) == (
        ["confirm", "reject"],
        [],
    )
    assert 'value="confirm"' not in said
    assert "a listing is approved by two different people. You took &#x27;approve&#x27;" in said


def test_an_override_is_offered_where_there_is_a_warning_and_to_whom_it_is_not_refused(
    people: People, at: datetime
):
    row = approved(people, at)
    assert "override" not in offered(people("rosa"), row)
    with pytest.raises(Refused, match="no warning to override"):
        step_listing(people("rosa"), row.uid, step="override", text="sure", at=at)

    add_names(people("rita"), kind="essential", values=row.value, at=at)  # since the approval
    assert offered(people("rosa"), row) == ["override", "reject"]
    assert withheld(people("rosa"), row) == ["confirm"]
    assert offered(people("rita"), row) == ["reject"]
    step_listing(people("rosa"), row.uid, step="override", text="it was sold to them", at=at)
    assert offered(people("rosa"), row) == ["reject"]
    assert offered(people("rolf"), row) == ["confirm", "reject"]
    done = step_listing(people("rolf"), row.uid, step="confirm", text="", at=at)
    assert (done.state, done.overridden, [*done.warnings]) == (
        "listed",
        ["essential"],
        ["essential"],
    )


def test_withdrawing_stands_before_renewing(people: People, at: datetime):
    row = approved(people, at)
    row = step_listing(people("rolf"), row.uid, step="confirm", text="", at=at)
    assert offered(people("rosa"), row) == ["withdraw", "renew"]

    row = step_listing(people("rosa"), row.uid, step="renew", text="still there", at=at + MINUTE)
    assert offered(people("rosa"), row) == ["decline", "withdraw"]
    assert offered(people("rolf"), row) == ["confirm", "decline", "withdraw"]


def test_whoever_listed_it_is_offered_no_step_of_its_appeal(
    people: People, at: datetime, settings: Any
):
    row = approved(people, at)
    step_listing(people("rolf"), row.uid, step="confirm", text="", at=at)
    appeal = file_appeal(about=row.value, text="it is mine", at=at, **APPEAL)  # type: ignore[arg-type]
    mine, other = (
        appeal_for(people(name), appeal.uid, at=at + MINUTE) for name in ("rolf", "rosa")
    )
    said = page(people("rolf"), f"/shield/appeals/{appeal.uid}", settings)

    assert ([one.name for one in mine.steps], [one for one, _ in mine.withheld]) == ([], ["take"])
    assert ([one.name for one in other.steps], other.withheld) == (["take"], ())
    assert 'name="step"' not in said
    assert "nobody decides an appeal against a listing that they approved" in said
    step_appeal(people("rosa"), appeal.uid, step="take", text="", at=at + MINUTE)


def test_a_partner_is_offered_what_is_a_partners(people: People, at: datetime):
    pia = viewer("meadow-net", "shield.propose", at=at, name="pia")
    row = approve(pia, url=LURE, reason="asks for codes", basis=BASIS, at=at)

    assert (offered(pia, row), withheld(pia, row)) == ([], [])
    step_listing(people("rolf"), row.uid, step="confirm", text="", at=at)
    row.refresh_from_db()
    assert offered(pia, row) == ["renew"]


def test_the_queue_says_its_reasons_beside_the_name(
    people: People, at: datetime, send: Callable[..., Message], settings: Any
):
    send(f"{LURE} or http://192.0.2.9/login")
    reason = str(Group.objects.exclude(reasons=[]).order_by("-score").first().reasons[0])  # type: ignore[union-attr]
    said = page(people("rita"), "/shield/", settings)

    assert said.index(">Leads to</th>") < said.index(">Reasons</th>") < said.index(">Clock</th>")
    assert f'class="is-reason">{reason}' in said
