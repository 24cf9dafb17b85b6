"""What the desk does with cases by API: assign, comment, tag, close; and who is looked up."""

from datetime import UTC, datetime

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.desks.test_cases import make
from tests.node.api.conftest import DESK, PROVIDER
from tocsin.desks.response.models import Case
from tocsin.office.models import RegisterRow
from tocsin.office.parties import export_parties, import_parties
from tocsin.office.people.models import Person


def told(reference: str = "AAAA-AAAA-AAAA") -> Case:
    """A case of the provider, as it was told of it."""
    return make(PROVIDER, datetime.now(UTC), reference=reference)


def actions() -> list[str]:
    rows = RegisterRow.objects.filter(action__startswith="response:case:").order_by("pk")
    return [row.action.removeprefix("response:case:") for row in rows]


def test_a_case_is_assigned_to_somebody_of_the_desk_and_to_nobody_again(desk) -> None:
    case, mine = told(), Person.objects.get(email=f"ada@{DESK}.example").uid.hex
    path = f"/cases/{case.uid.hex}/assignment"

    assert desk("PUT", path, {"person": mine}).json()["assigned"] == mine
    assert desk.json(f"/cases/{case.uid.hex}")["assigned"] == mine
    assert desk("PUT", path, {"person": None}).json()["assigned"] is None
    stranger = desk("PUT", path, {"person": "0" * 32})
    assert (stranger.status_code, "nobody of the desk" in stranger.json()["detail"]) == (422, True)
    assert actions() == ["assign", "assign"]


def test_a_comment_of_the_desk_reaches_the_party_and_one_for_itself_does_not(
    desk, provider
) -> None:
    path = f"/cases/{told().uid.hex}"
    shared = desk("POST", f"{path}/comments", {"text": "is it still open?"})
    inner = desk("POST", f"{path}/comments", {"text": "call them", "for_desk": True})
    back = provider("POST", f"{path}/comments", {"text": "no"})

    assert [one.status_code for one in (shared, inner, back)] == [201, 201, 201]
    said = [
        [(entry["party"], entry["audience"], entry["text"]) for entry in seen["entries"]]
        for seen in (desk.json(path), provider.json(path))
    ]
    asked = (DESK, "party", "is it still open?")
    assert said == [
        [asked, (DESK, "desk", "call them"), (PROVIDER, "party", "no")],
        [asked, (PROVIDER, "party", "no")],
    ]
    refused = provider("POST", f"{path}/comments", {"text": "x", "for_desk": True})
    assert (refused.status_code, actions()) == (403, ["comment"] * 3)


def test_a_tag_is_put_on_once_and_taken_off_and_the_party_sees_none(desk, provider) -> None:
    path = f"/cases/{told().uid.hex}"
    for _ in range(2):
        assert desk("PUT", f"{path}/tags/quillworm").json()["tags"] == ["quillworm"]
    assert provider.json(path)["tags"] == []
    assert desk("DELETE", f"{path}/tags/quillworm").json()["tags"] == []
    long = desk("PUT", f"{path}/tags/{'x' * 41}")
    assert (long.status_code, "at most 40 letters" in long.json()["detail"]) == (422, True)
    assert actions() == ["tag", "untag"]


def test_a_case_is_closed_with_a_note_and_not_twice(desk, provider) -> None:
    path = f"/cases/{told().uid.hex}"
    closed = desk("POST", f"{path}/closing", {"note": "thank you"})

    assert (closed.status_code, closed.json()["state"]) == (201, "closed")
    assert provider.json(path)["entries"][-1]["text"] == "thank you"
    again = desk("POST", f"{path}/closing", {"note": ""})
    assert (again.status_code, "cannot close while closed" in again.json()["detail"]) == (403, True)


# ── the look-up ──────────────────────────────────────────────────────────────────────────


def looked_up(desk) -> str:
    """Why the provider would be told."""
    told = desk.json("/lookup?target=192.0.2.7")["told"]
    (because,) = {one["because"] for one in told if one["party"] == PROVIDER}
    return because


def test_the_parties_are_read_once_for_many_look_ups_and_again_when_one_changed(desk) -> None:
    before = looked_up(desk)
    assert before.startswith("192.0.2.0/25 is in the remit of Meadow Net")
    with CaptureQueriesContext(connection) as asked:
        assert looked_up(desk) == before
    assert [one["sql"] for one in asked if 'FROM "office_remit"' in one["sql"]] == []

    text = export_parties().replace("192.0.2.0/25", "192.0.2.0/26")
    import_parties(text, by="test", at=datetime.now(UTC))
    assert looked_up(desk).startswith("192.0.2.0/26 is in the remit of Meadow Net")
