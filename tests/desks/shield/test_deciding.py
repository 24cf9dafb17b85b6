"""Two different people list; a third overrides; somebody else judges; all in the register."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.desks.people import viewer
from tests.desks.shield.conftest import BASIS, LURE
from tocsin.desks.shield.actions.appealing import file_appeal, step_appeal
from tocsin.desks.shield.actions.deciding import approve, reject_group, step_listing
from tocsin.desks.shield.actions.ending import end_due
from tocsin.desks.shield.actions.naming import add_names
from tocsin.desks.shield.models import Act, Appeal, Group, Listing, Message, Name, Term
from tocsin.desks.shield.queries.appeals import appeal_for
from tocsin.desks.shield.queries.listings import check, listing_for
from tocsin.desks.shield.queries.published import changes_since, current, newest
from tocsin.office.models import Deadline, Evidence, Party, RegisterRow
from tocsin.office.people.letters import read
from tocsin.office.people.models import Letter
from tocsin.office.people.viewer import Viewer
from tocsin.rules.lifecycle import steps_from
from tocsin.rules.shield import LISTING
from tocsin.words.errors import NotFound, Refused, Unusable

People = Callable[[str], Viewer]
Send = Callable[..., Message]
MINUTE = timedelta(minutes=1)


def approved(by: Viewer, at: datetime, *, url: str = LURE, group: Group | None = None) -> Listing:
    uid = group.uid if group else None
    return approve(by, url=url, reason="asks for codes", basis=BASIS, group=uid, at=at)


def listed(people: People, at: datetime, *, url: str = LURE, group: Group | None = None) -> Listing:
    row = approved(people("rita"), at, url=url, group=group)
    return step_listing(people("rolf"), row.uid, step="confirm", text="", at=at + MINUTE)


def test_what_two_people_agree_on_is_listed_for_half_a_year(people: People, at: datetime, group):
    row = listed(people, at, group=group)

    assert (row.scope, row.value, row.state) == ("domain", "mybank-login.example", "listed")
    assert row.because == "mybank-login.example is the site of mybank-login.example itself"
    assert row.expires_at == at + MINUTE + timedelta(days=180)
    assert current(at=at + 2 * MINUTE)["value"].to_list() == ["mybank-login.example"]
    assert check("www.mybank-login.example", at=at + 2 * MINUTE).listing == row
    assert check("neighbour.example", at=at + 2 * MINUTE).listing is None


def test_the_same_person_is_no_second_pair_of_eyes(people: People, at: datetime, group):
    rita = people("rita")
    row = approved(rita, at, group=group)

    with pytest.raises(Refused, match=r"approved by two different people\. You took 'approve'"):
        step_listing(rita, row.uid, step="confirm", text="", at=at)
    assert Term.objects.count() == 0
    assert newest() is None


def test_a_partner_may_be_the_first_and_never_the_second(people: People, at: datetime, group):
    pia = viewer("meadow-net", "shield.propose", at=at, name="pia")
    row = approved(pia, at)

    with pytest.raises(Refused, match="an isp cannot confirm while approved"):
        step_listing(pia, row.uid, step="confirm", text="", at=at)
    assert [step.name for step in listing_for(pia, row.uid).steps] == []
    rolf = people("rolf")
    assert step_listing(rolf, row.uid, step="confirm", text="", at=at).state == "listed"


def test_who_only_reviews_elsewhere_is_no_reviewer_of_the_node(people: People, at: datetime, group):
    Party.objects.filter(slug="meadow-net").update(role="csirt")
    stranger = viewer("meadow-net", "shield.propose", "shield.review", at=at, name="stan")
    row = approved(people("rita"), at, group=group)

    with pytest.raises(NotFound):
        step_listing(stranger, row.uid, step="confirm", text="", at=at)


def test_a_warning_waits_for_a_third_person_and_a_final_one_for_nobody(
    people: People, at: datetime, send: Send
):
    rita, rolf, rosa = people("rita"), people("rolf"), people("rosa")
    add_names(rita, kind="essential", values="mybank-login.example", at=at)
    add_names(rita, kind="always_passes", values="emergency.example", at=at)
    row = approved(rita, at)

    with pytest.raises(Refused, match=r"an essential service\. Possible: a third person"):
        step_listing(rolf, row.uid, step="confirm", text="", at=at)
    with pytest.raises(Refused, match="third person's"):
        step_listing(rita, row.uid, step="override", text="sure", at=at)
    step_listing(rosa, row.uid, step="override", text="it was sold to them", at=at)
    with pytest.raises(Refused, match="third person's"):
        step_listing(rosa, row.uid, step="confirm", text="", at=at)
    assert step_listing(rolf, row.uid, step="confirm", text="", at=at).state == "listed"
    with pytest.raises(Refused, match="Nobody can override that"):
        approved(rita, at, url="https://www.emergency.example/")
    assert RegisterRow.objects.filter(action="shield:listing:override").count() == 1


def test_a_name_that_came_to_pass_since_it_was_approved_is_not_confirmed(
    people: People, at: datetime, group
):
    row = approved(people("rita"), at, group=group)
    add_names(people("rosa"), kind="always_passes", values="mybank-login.example", at=at)

    with pytest.raises(Refused, match="Nobody can override that"):
        step_listing(people("rolf"), row.uid, step="confirm", text="", at=at)


def test_an_address_on_shared_hosting_is_never_a_name(people: People, at: datetime):
    add_names(people("rita"), kind="shared_hosting", values="pages.example", at=at)
    row = listed(people, at, url="https://shop.pages.example/login")

    assert (row.scope, row.value) == ("url", "https://shop.pages.example/login")
    assert check("shop.pages.example", at=at + 2 * MINUTE).listing is None
    with pytest.raises(
        Refused, match=r"would be too wide: pages\.example hosts pages of everybody"
    ):
        approve(
            people("rita"),
            url="https://other.pages.example/x",
            scope="host",
            reason="x",
            basis=BASIS,
            at=at,
        )


def test_two_hosts_of_fraud_make_a_domain_of_fraud(people: People, at: datetime):
    first = listed(people, at, url="https://login.both.example/")
    second = listed(people, at, url="https://pay.both.example/")

    assert (first.scope, first.value) == ("host", "login.both.example")
    assert (second.scope, second.value) == ("domain", "both.example")
    assert second.because.startswith("2 hosts of both.example serve fraud")


def test_a_reason_and_a_legal_basis_are_needed(people: People, at: datetime, group):
    rita = people("rita")

    with pytest.raises(Unusable, match="a legal basis is needed"):
        approve(rita, url=LURE, reason="x", basis=" ", at=at)
    with pytest.raises(Unusable, match="a reason is needed"):
        reject_group(rita, group.uid, reason="", at=at)


def test_reporters_are_told_once_and_then_forgotten(people: People, at: datetime, send: Send):
    message = send(
        answer_to="cora@reader.example",
        data=b"From: a@b.example\nSubject: Pay now\n"
        b"To: cora@reader.example\n\nhttps://mybank-login.example/pay\n",
    )
    group = Group.objects.get(key="mybank-login.example")
    assert Evidence.objects.get().key
    listed(people, at, group=group)
    message.refresh_from_db()

    words = [read(letter) for letter in Letter.objects.all()]
    assert [word["to"] for word in words] == ["cora@reader.example"]
    assert message.reference in words[0]["subject"]
    assert "people who follow the address are now protected" in words[0]["text"]
    kept = (message.state, bytes(message.sealed), bytes(message.sealed_address), message.reporter)
    assert kept == ("listed", b"", b"", "")
    assert message.evidence is None
    assert not Evidence.objects.get().key
    assert not message.sightings.exclude(subject="").exists()


def test_an_appeal_is_decided_by_who_did_not_list_it_and_the_listing_goes_at_once(
    people: People, at: datetime, group
):
    row = listed(people, at, group=group)
    version = newest().version
    later = at + timedelta(hours=2)
    appeal = file_appeal(
        about="http://WWW.mybank-login.example/",
        text="it is my shop",
        by="public",
        at=later,
        answer_to="owner@shop.example",
        language="en",
        is_cleaned=False,
    )

    for lister in (people("rita"), people("rolf")):
        with pytest.raises(Refused, match="nobody decides an appeal against a listing that they"):
            step_appeal(lister, appeal.uid, step="take", text="", at=later)
    judge = people("rosa")
    step_appeal(judge, appeal.uid, step="take", text="", at=later)
    step_appeal(judge, appeal.uid, step="uphold", text="a shop indeed", at=later)
    row.refresh_from_db()
    appeal.refresh_from_db()
    delta = changes_since(version, version=newest().version)
    assert (row.state, appeal.state, appeal.outcome) == ("withdrawn", "upheld", "a shop indeed")
    assert delta.removed["value"].to_list() == ["mybank-login.example"]
    assert current(at=later).is_empty()
    assert bytes(appeal.sealed) == bytes(appeal.sealed_address) == b""
    assert [read(one)["to"] for one in Letter.objects.all()] == ["owner@shop.example"]


def test_who_is_told_to_be_right_is_listed_no_more_by_any_listing(people: People, at: datetime):
    """Listed twice, once for providers alone, and below it by host: an appeal by name ends all."""
    lister, second, judge, other = (people(name) for name in ("rita", "rolf", "rosa", "rudi"))

    def enlist(url: str, by: Any, confirmer: Any, **words: Any) -> Listing:
        row = approve(by, url=url, reason="codes", basis=BASIS, at=at, **words)
        return step_listing(confirmer, row.uid, step="confirm", text="", at=at)

    rows = [
        enlist("http://pair.example/pay", lister, second),
        enlist("https://pair.example/pay", lister, other, scope="host"),
        enlist("https://www.pair.example/", lister, second, scope="host", tlp="TLP:AMBER"),
    ]
    beside = enlist("https://far.pair.example/", lister, second, scope="host")
    words = {"answer_to": "", "language": "en", "is_cleaned": False, "by": "public", "at": at}
    appeal = file_appeal(about="www.pair.example", text="it is my shop", **words)  # type: ignore[arg-type]

    with pytest.raises(Refused, match=f"also listed as {rows[1].reference}.*Possible: somebody"):
        step_appeal(other, appeal.uid, step="take", text="", at=at)
    step_appeal(judge, appeal.uid, step="take", text="", at=at)
    file = appeal_for(judge, appeal.uid, at=at)
    assert {one.reference for one in file.also} | {appeal.listing.reference} == {
        row.reference for row in rows
    }
    step_appeal(judge, appeal.uid, step="uphold", text="a shop indeed", at=at)

    for row in (*rows, beside):
        row.refresh_from_db()
    appeal.refresh_from_db()
    assert [row.state for row in (*rows, beside)] == [*["withdrawn"] * 3, "listed"]
    assert check("https://www.pair.example/x", at=at).listing is None
    assert (appeal.state, bytes(appeal.sealed_about)) == ("upheld", b"")


def test_an_appeal_by_reference_ends_the_twin_of_that_listing(people: People, at: datetime):
    rows = []
    for words in (
        {"url": "http://pair.example/"},
        {"url": "https://pair.example/", "scope": "host"},
    ):
        row = approve(people("rita"), reason="codes", basis=BASIS, at=at, **words)
        rows.append(step_listing(people("rolf"), row.uid, step="confirm", text="", at=at))
    appeal = file_appeal(about=rows[1].reference.lower(), text="mine", by="public", at=at,
                         answer_to="", language="en", is_cleaned=False)  # fmt: skip

    for step in ("take", "uphold"):
        step_appeal(people("rosa"), appeal.uid, step=step, text="so it is", at=at)

    assert check("pair.example", at=at).listing is None
    assert current(at=at).is_empty()


def test_an_appeal_against_what_is_not_listed_is_refused(people: People, at: datetime):
    with pytest.raises(NotFound, match="is not listed"):
        file_appeal(about="neighbour.example", text="x", by="public", at=at,
                    answer_to="", language="en", is_cleaned=False)  # fmt: skip
    assert Appeal.objects.count() == 0


def test_a_term_ends_by_itself_and_a_proposal_lapses(people: People, at: datetime, group):
    row = listed(people, at, group=group)
    other = approved(people("rita"), at, url="https://other-bank.example/")
    day = timedelta(days=1)

    assert end_due(by="worker", at=at + 6 * day) == (0, 0)
    assert end_due(by="worker", at=at + 8 * day) == (0, 1)
    assert end_due(by="worker", at=at + 181 * day) == (1, 0)
    assert end_due(by="worker", at=at + 182 * day) == (0, 0)
    assert [Listing.objects.get(pk=one.pk).state for one in (row, other)] == ["expired", "rejected"]
    assert current(at=at + 181 * day).is_empty()


def test_another_term_needs_two_people_again(people: People, at: datetime, group):
    row = listed(people, at, group=group)
    later = at + timedelta(days=100)
    rita = people("rita")
    step_listing(rita, row.uid, step="renew", text="still there", at=later)

    with pytest.raises(Refused, match="two different people"):
        step_listing(rita, row.uid, step="confirm", text="", at=later)
    row = step_listing(people("rolf"), row.uid, step="confirm", text="", at=later)
    assert row.expires_at == later + timedelta(days=180)
    assert current(at=later).height == 1


def test_a_group_that_is_rejected_opens_again_with_the_next_message(
    people: People, at: datetime, send: Send, group
):
    first = Message.objects.get()
    reject_group(people("rita"), group.uid, reason="a real shop", at=at)
    first.refresh_from_db()
    assert first.state == "rejected"
    send(at=at + MINUTE)
    group.refresh_from_db()

    assert (group.state, group.first_at) == ("open", at + MINUTE)


def test_what_is_listed_already_answers_the_next_reporter_at_once(
    people: People, at: datetime, send: Send, group
):
    listed(people, at, group=group)
    second = send("look: https://www.mybank-login.example/other", at=at + 2 * MINUTE)
    second.refresh_from_db()

    assert second.state == "listed"
    assert Group.objects.get(pk=group.pk).state == "listed"


def test_clocks_run_and_stop_with_the_steps(people: People, at: datetime, group):
    listed(people, at, group=group)

    states = {row.rule: row.state for row in Deadline.objects.all()}
    assert states == {
        "shield:approve": "met",
        "shield:confirm": "met",
        "shield:lapse": "withdrawn",
        "shield:recheck": "ready",
    }


def test_every_step_has_its_act_and_its_row_of_the_register(people: People, at: datetime, group):
    row = listed(people, at, group=group)

    acts = [(act.step, act.state, act.person.name) for act in Act.objects.filter(listing=row)]
    assert acts == [("approve", "approved", "Rita"), ("confirm", "listed", "Rolf")]
    rows = RegisterRow.objects.filter(subject=row.uid, action__startswith="shield:")
    assert list(rows.values_list("action", flat=True)) == [
        "shield:listing:approve",
        "shield:listing:confirm",
        "shield:grounds:keep",
        "shield:term:begin",
    ]
    assert {step.name for step in steps_from(LISTING, "listed")} >= {"renew", "withdraw"}
    assert Name.objects.count() == 0
