"""Notifications on pages: an entity sees its own, a CSIRT what was submitted, others nothing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client

from tests.desks.pages import same, somebody, text
from tests.desks.test_cases import make
from tocsin.desks.response.models import Notification
from tocsin.office.models import Deadline, Party, RegisterRow
from tocsin.words.moments import iso

NOT_THERE = "00000000-0000-0000-0000-000000000000"
LIST, NEW = "/response/notifications/", "/response/notifications/new"


@pytest.fixture
def now() -> datetime:
    """Pages ask the real clock."""
    return datetime.now(UTC).replace(second=0, microsecond=0)


@pytest.fixture(autouse=True)
def node(parties: None, store: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """This node and the party that runs it."""
    monkeypatch.setattr(django_settings._wrapped, "SECRET_KEY", "x" * 60)  # a suite has no store
    settings.STORE = store.path
    Party.objects.filter(slug="csirt-be").update(runs_node=True)


@pytest.fixture
def entity(now: datetime) -> Client:
    """Somebody of an operator who notifies its incidents."""
    return somebody("meadow-net", "nis2.notify", "response.answer", at=now, name="nia")


@pytest.fixture
def receiver(now: datetime) -> Client:
    """Somebody of the node's CSIRT who receives them."""
    return somebody("csirt-be", "nis2.receive", at=now, name="rik")


def begun(client: Client, at: datetime, **words: str) -> Notification:
    """One that an entity began on the page."""
    facts = {
        "party": "meadow-net",
        "lifecycle": "incident",
        "subject": "billing is down",
        "aware_at": (at - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M"),
        **words,
    }
    answer = client.post(NEW, facts)
    assert answer.status_code == 302, text(answer)
    return Notification.objects.get(uid=answer.headers["Location"].rsplit("/")[-1])


def page(row: Notification) -> str:
    return f"{LIST}{row.uid}"


def send(client: Client, row: Notification, step: str, **words: str) -> Any:
    return client.post(f"{page(row)}/step", {"step": step, **words})


WARNING = {"malicious": "yes", "cross_border": "no", "text": "intrusion suspected"}


def test_an_incident_goes_from_the_first_form_to_the_final_report(entity, receiver, now) -> None:
    row = begun(entity, now)
    safe = now + timedelta(hours=22)

    listed = text(entity.get(LIST))
    assert f"early warning {safe:%Y-%m-%d %H:%M} {safe:%Y-%m-%d %H:%M}" in listed
    assert "(unverified)" in listed
    assert "There is none here." in text(receiver.get(LIST))

    send(entity, row, "warn", **WARNING)
    send(entity, row, "notify", text="severe, 40 000 customers", indicators="192.0.2.7")
    asked = text(receiver.get(page(row)))
    assert "Suspected of unlawful or malicious acts: yes" in asked
    assert "intrusion suspected" in asked
    assert "Others could now: progress (by isp, platform, registry, brand)" in asked

    send(receiver, row, "ask", text="which systems?")
    send(entity, row, "update", text="billing alone")
    final = {"text": "all of it", "cause": "stolen password", "measures": "new passwords"}
    send(entity, row, "report", **final)

    row.refresh_from_db()
    said = [(one.step, one.party.slug) for one in row.submissions.select_related("party")]
    assert (row.state, said) == (
        "reported",
        [
            ("warn", "meadow-net"),
            ("notify", "meadow-net"),
            ("ask", "csirt-be"),
            ("update", "meadow-net"),
            ("report", "meadow-net"),
        ],
    )
    assert set(Deadline.objects.values_list("state", flat=True)) == {"met"}
    assert "Nothing: it has ended." in text(entity.get(page(row)))
    assert "There is none here." in text(entity.get(LIST))
    assert row.reference in text(entity.get(f"{LIST}?state=ended"))


def test_what_is_not_possible_now_is_refused_in_words(entity, receiver, now) -> None:
    row = begun(entity, now)

    early = send(entity, row, "report", text="x", cause="x", measures="x")
    assert early.status_code == 422
    assert "cannot report while aware. Possible: warn (by isp" in text(early)
    empty = send(entity, row, "warn", malicious="yes", cross_border="no", text=" ")
    assert (empty.status_code, "What is known: This field is required." in text(empty)) == (
        422,
        True,
    )
    unknown = send(entity, row, "dance", text="x")
    assert (unknown.status_code, "there is no step 'dance'" in text(unknown)) == (422, True)

    send(entity, row, "warn", **WARNING)
    foreign = send(receiver, row, "notify", text="x")
    assert (foreign.status_code, "needs a mandate with nis2.notify" in text(foreign)) == (422, True)
    row.refresh_from_db()
    assert row.state == "warned"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"aware_at": "2999-01-01T00:00"}, "nobody is aware of an incident before it is"),
        ({"aware_at": "yesterday"}, "Enter a valid date/time."),
        ({"party": "brook-telecom"}, "Select a valid choice"),
        ({"lifecycle": "secret"}, "Select a valid choice"),
        ({"subject": " "}, "This field is required."),
        ({"subject": "x" * 201}, "at most 200 characters"),
    ],
)
def test_a_beginning_that_cannot_be_is_explained_and_nothing_is_written(
    entity, now, words, said
) -> None:
    facts = {"party": "meadow-net", "lifecycle": "incident", "subject": "x"}
    answer = entity.post(NEW, {**facts, "aware_at": now.strftime("%Y-%m-%dT%H:%M"), **words})

    assert (answer.status_code, said in text(answer)) == (422, True)
    assert not Notification.objects.exists()


def test_nobody_else_can_tell_that_there_is_one(entity, receiver, now) -> None:
    row = begun(entity, now)
    other = somebody("brook-telecom", "nis2.notify", at=now, name="olaf")
    desk = somebody("csirt-be", "response.handle", at=now, name="dora")

    for client in (other, receiver):  # the CSIRT: nothing was submitted yet
        hidden = client.get(page(row))
        missing = client.get(f"{LIST}{NOT_THERE}")
        assert (hidden.status_code, missing.status_code) == (404, 404)
        assert same(hidden).replace(str(row.uid), "X") == same(missing).replace(NOT_THERE, "X")
        hidden, missing = (
            client.post(f"{LIST}{uid}/step", {"step": "warn", **WARNING})
            for uid in (row.uid, NOT_THERE)
        )
        assert (hidden.status_code, missing.status_code) == (404, 404)
        assert same(hidden).replace(str(row.uid), "X") == same(missing).replace(NOT_THERE, "X")
        assert row.subject not in text(client.get(f"{LIST}?state=all"))
    assert {desk.get(path).status_code for path in (LIST, NEW, page(row))} == {403}
    assert not RegisterRow.objects.filter(action="response:notification:consult").exists()


def test_a_look_is_written_down_once_with_how_much_it_showed(entity, receiver, now) -> None:
    row = begun(entity, now)
    send(entity, row, "warn", **WARNING)
    RegisterRow.objects.filter(action="response:notification:consult").delete()

    receiver.get(LIST)
    receiver.get(page(row))
    receiver.get(f"{LIST}?state=ended")  # shows none, so there is nothing to write down

    rows = RegisterRow.objects.filter(action="response:notification:consult").order_by("at")
    why = "receives notifications"
    assert [(one.subject, one.facts) for one in rows] == [
        (None, {"why": why, "what": "list: open, page 1", "shown": 1}),
        (row.uid, {"why": why, "shown": 1}),
    ]


def test_one_is_notified_from_a_case_of_ones_own_and_no_other(entity, receiver, now) -> None:
    case = make("meadow-net", now, reference="AAAA-AAAA-AAAA")
    other = make("brook-telecom", now, reference="BBBB-BBBB-BBBB")

    assert f"{NEW}?case={case.uid}" in entity.get(f"/response/cases/{case.uid}").content.decode()
    form = text(entity.get(f"{NEW}?case={case.uid}"))
    assert "From case AAAA-AAAA-AAAA AS64496" in form
    assert entity.get(f"{NEW}?case={other.uid}").status_code == 404
    assert entity.get(f"{NEW}?case=rubbish").status_code == 404

    row = begun(entity, now, case=str(case.uid))
    assert row.case == case
    assert row.reference in text(entity.get(f"/response/cases/{case.uid}"))
    send(entity, row, "warn", **WARNING)
    assert "AAAA-AAAA-AAAA" not in text(receiver.get(page(row)))  # it may see no case
    desk = somebody("csirt-be", "response.handle", at=now, name="dora")
    assert row.reference not in text(desk.get(f"/response/cases/{case.uid}"))


def test_who_owes_one_soon_sees_it_among_what_waits(entity, receiver, now) -> None:
    row = begun(entity, now)

    assert "Incidents to notify" in text(entity.get("/"))
    clocks = list(Deadline.objects.filter(matter=row.uid))
    assert {iso(one.due_at) for one in clocks} == {
        iso(now + timedelta(hours=22)),
        iso(now + timedelta(hours=70)),
    }
    assert page(row) in entity.get("/response/").content.decode()
    assert "Incidents to notify" not in text(receiver.get("/"))
    assert LIST in receiver.get("/").content.decode()  # in its navigation


def test_a_name_that_is_markup_stays_text(entity, now) -> None:
    row = begun(entity, now, subject="<script>alert(1)</script>")
    send(entity, row, "warn", **{**WARNING, "text": "<img src=x onerror=alert(1)>"})

    for path in (LIST, page(row)):
        shown = entity.get(path).content.decode()
        assert "<script>alert" not in shown
        assert "<img src=x" not in shown
