"""Notifications by API: begun, submitted, received, and refused in words."""

from datetime import UTC, datetime, timedelta

from tests.desks.test_cases import make
from tests.node.api.conftest import DESK, OTHER, PROVIDER, token_of
from tests.node.api.test_walk import incident
from tocsin.office.models import RegisterRow
from tocsin.words.moments import iso


def test_an_entity_notifies_and_the_csirt_asks(caller, provider) -> None:
    at = datetime.now(UTC).replace(microsecond=0)
    receives = caller(token_of(DESK, "nis2.receive"))
    case = make(PROVIDER, at, reference="AAAA-AAAA-AAAA")
    begun = provider(
        "POST", "/notifications", {**incident(PROVIDER, "mail is down", at), "case": case.uid.hex}
    )
    assert begun.status_code == 201, begun.content
    whole = begun.json()
    path = f"/notifications/{whole['id']}"
    owed = [(row["rule"], row["due_at"], row["latest_at"]) for row in whole["deadlines"]]
    early, late = iso(at + timedelta(hours=24)), iso(at + timedelta(hours=72))
    assert owed == [("nis2:warn", early, early), ("nis2:notify", late, late)]
    assert (whole["state"], whole["steps"]) == ("aware", ["warn", "notify", "drop"])
    assert receives.json("/notifications")["items"] == []

    sent = provider("POST", f"{path}/steps", {"step": "notify", "text": "severe"})
    assert (sent.status_code, sent.json()["state"]) == (201, "notified")
    assert [row["reference"] for row in receives.json("/notifications")["items"]] == [
        whole["reference"]
    ]
    assert receives.json("/notifications?state=aware")["items"] == []
    asked = receives("POST", f"{path}/steps", {"step": "ask", "text": "which systems?"}).json()
    assert [(one["step"], one["party"], one["text"]) for one in asked["submissions"]] == [
        ("notify", PROVIDER, "severe"),
        ("ask", DESK, "which systems?"),
    ]
    assert receives.json(path)["steps"] == []
    looked = RegisterRow.objects.filter(action="response:notification:consult").order_by("at")
    assert [row.facts for row in looked] == [
        {"why": "receives notifications", "what": "list", "shown": 1},
        {"why": "receives notifications", "shown": 2},
    ]


def test_what_cannot_be_is_refused_in_words(provider) -> None:
    at = datetime.now(UTC)
    ahead = incident(PROVIDER, "x", at + timedelta(days=1))
    bare = {**incident(PROVIDER, "x", at), "aware_at": "2026-01-01T00:00:00"}
    foreign = make(OTHER, at, reference="BBBB-BBBB-BBBB").uid.hex
    refusals = [
        (ahead, 422, "nobody is aware of an incident before it is"),
        (bare, 422, "has no time zone"),
        (incident(OTHER, "x", at), 404, f"there is no party {OTHER}"),
        ({**incident(PROVIDER, "x", at), "case": foreign}, 404, f"there is no case {foreign}"),
        ({**incident(PROVIDER, "x", at), "case": "7"}, 404, "there is no case 7"),
    ]
    for body, status, said in refusals:
        answer = provider("POST", "/notifications", body)
        assert (answer.status_code, said in answer.json()["detail"]) == (status, True), said

    uid = provider("POST", "/notifications", incident(PROVIDER, "x", at)).json()["id"]
    early = provider("POST", f"/notifications/{uid}/steps", {"step": "report", "text": "x"})
    assert (early.status_code, "cannot report while aware" in early.json()["detail"]) == (403, True)
