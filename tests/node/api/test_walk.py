"""Every call of the API, one after the other: its scope, who is let in, and what nobody is told."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.desks.test_cases import make
from tests.node.api.conftest import NAME, OTHER, PROVIDER, report, token_of
from tocsin.desks.response.models import Case, Entry, Intake, Upload
from tocsin.node.api.site import api
from tocsin.office.models import Delivery, Party, Receipt
from tocsin.office.permissions import PERMISSIONS

SECRET = "kestrel-seven"
CALLS = sorted((method, path, scope) for method, path, scope in api.scopes() if scope)
UNKNOWN = "0123456789abcdef0123456789abcdef"
BODIES: dict[tuple[str, str], Any] = {
    ("post", "/deliveries/{uid}/receipts"): {"kind": "received"},
    ("post", "/cases/{uid}/answers"): {"step": "acknowledge"},
    ("post", "/cases/{uid}/comments"): {"text": "x"},
    ("put", "/cases/{uid}/assignment"): {"person": None},
    ("post", "/cases/{uid}/closing"): {"note": "x"},
    ("post", "/reports/{uid}/answers"): {"text": "x"},
    ("post", "/notifications/{uid}/steps"): {"step": "warn", "text": "x"},
}
HEADERS = {"Upload-Offset": "0", "Upload-Complete": "?0"}


def ask(caller: Any, method: str, path: str, uid: str = UNKNOWN) -> Any:
    """One call with words that it takes."""
    words: dict[str, Any] = {"headers": HEADERS} if method == "patch" else {}
    if method == "patch":
        words["content_type"] = "application/partial-upload"
    body = BODIES.get((method, path), b"x" if method in ("patch", "post") else b"")
    named = path.replace("{uid}", uid).replace("{name}", "tag")
    query = "?target=192.0.2.7" if path == "/lookup" else ""
    return caller(method.upper(), named + query, body, **words)


def content(response: Any) -> bytes:
    return b"".join(response.streaming_content) if response.streaming else response.content


def test_every_call_has_a_scope_of_the_table_and_the_description_names_it(caller) -> None:
    bare = [(method, path) for method, path, scope in api.scopes() if scope is None]
    described = caller().json("/openapi.json")

    assert bare == []
    assert described["openapi"].startswith("3.1")
    assert {
        (method, path.removeprefix("/api/v1")): tuple(call["x-scopes"])
        for path, calls in described["paths"].items()
        for method, call in calls.items()
    } == {(method, path): scope.permissions for method, path, scope in CALLS}
    assert len(CALLS) > 20
    for _, _, scope in CALLS:
        assert set(scope.permissions) <= set(PERMISSIONS)


@pytest.mark.parametrize(("method", "path"), [call[:2] for call in CALLS])
def test_nobody_gets_in_without_a_token(caller, method: str, path: str) -> None:
    for token in ("", "tocsin_wrong", " "):
        response = ask(caller(token), method, path)

        assert response.status_code == 401, path
        assert response["Content-Type"] == "application/problem+json"
        assert response["WWW-Authenticate"].startswith("Bearer")
        if method != "head":
            assert response.json()["status"] == 401


def test_a_signed_in_browser_gets_nothing(caller, node) -> None:
    from tocsin.office.people.models import Person

    token_of(PROVIDER, "response.answer")
    browser = caller()
    browser.client.force_login(
        Person.objects.get(email=f"ada@{PROVIDER}.example"),
        backend="allauth.account.auth_backends.AuthenticationBackend",
    )

    assert browser("GET", "/reports").status_code == 401


def test_a_token_opens_its_scopes_and_no_more(caller, node) -> None:
    narrow = caller(token_of(PROVIDER, "response.answer", scopes=("response:case:read_own",)))

    for method, path, scope in CALLS:
        response = ask(narrow, method, path)
        if "response:case:read_own" in scope.permissions:
            assert response.status_code in (200, 404), path
        else:
            assert response.status_code == 403, path
            assert method == "head" or scope.permissions[0] in response.json()["detail"]


@pytest.fixture
def planted(node, desk, other, work) -> dict[str, str]:
    """The other party's report, delivery, case and upload, all of them with the secret."""
    at = datetime.now(UTC)
    mine = other("POST", f"/reports?name={SECRET}-{NAME}", report("198.51.100.9", tag=SECRET))
    work()
    party = Party.objects.get(slug=OTHER)
    told = Delivery.objects.filter(party=party).first()
    if told is None:
        told = _delivery(party, node, at)
    Delivery.objects.filter(pk=told.pk).update(
        delivered_to=f"/out/{SECRET}", last_error=SECRET, ticket=SECRET
    )
    Receipt.objects.create(delivery=told, kind="acted", at=at, by=OTHER, detail={"note": SECRET})
    case = make(
        OTHER, at, reference="KEST-RELS-EVEN", about=SECRET, because=SECRET, sample=[[SECRET]]
    )
    Case.objects.filter(pk=case.pk).update(told_in=told)
    Entry.objects.create(case=case, kind="comment", at=at, by=OTHER, text=SECRET)
    begun = other("POST", f"/uploads?name={SECRET}&length=9").json()["id"]
    owed = other("POST", "/notifications", incident(OTHER, SECRET, at)).json()["id"]
    return {
        "reports": mine.json()["id"],
        "deliveries": told.uid.hex,
        "cases": case.uid.hex,
        "uploads": begun,
        "notifications": owed,
    }


def incident(party: str, subject: str, at: datetime) -> dict[str, str]:
    """What begins a notification."""
    aware_at = at.isoformat()
    return {"party": party, "lifecycle": "incident", "subject": subject, "aware_at": aware_at}


def _delivery(party: Party, node: Any, at: datetime) -> Delivery:
    for name in ("d.csv", "d.manifest.json"):
        (node.deliveries / name).write_text(f'{{"manifest": {{"{SECRET}": 1}}}}')
    return Delivery.objects.create(
        party=party,
        relation="network",
        format="idf-csv",
        channel="folder",
        path="deliveries/d.csv",
        digest="0" * 64,
        size=1,
        rows=1,
        manifest_path="deliveries/d.manifest.json",
        manifest_digest="0" * 64,
        tlp="TLP:AMBER",
        state="delivered",
        next_attempt_at=at,
        idempotency_key=SECRET,
        created_at=at,
    )


def test_a_foreign_id_is_not_there_like_any_other(planted, provider, other) -> None:
    reached = 0
    for method, path, scope in CALLS:
        if "{uid}" not in path:
            continue
        noun = path.split("/")[1]
        if noun not in planted:  # of another desk: tests/security plants one of everything
            continue
        foreign = ask(provider, method, path, planted[noun])
        unknown = ask(provider, method, path, UNKNOWN)
        odd = ask(provider, method, path, "no-id")
        if all(name.endswith((":handle", "_all", "report:answer")) for name in scope.permissions):
            assert foreign.status_code == 403, path
            continue
        reached += 1
        assert (foreign.status_code, unknown.status_code, odd.status_code) == (404,) * 3, path
        if method != "head":
            assert content(foreign).replace(planted[noun].encode(), b"") == content(
                unknown
            ).replace(UNKNOWN.encode(), b""), path
    assert reached > 10
    assert Upload.objects.count() == 1
    case = Case.objects.get(uid=planted["cases"])
    assert (case.state, case.entries.count(), Receipt.objects.count()) == ("told", 1, 1)


def test_no_answer_to_one_party_holds_anything_of_another(provider, other, planted) -> None:
    lists = [path for method, path, _ in CALLS if method == "get" and "{uid}" not in path]
    said = {path: content(ask(provider, "get", path)) for path in lists}
    theirs = b"".join(content(ask(other, "get", path)) for path in lists)

    assert SECRET.encode() in theirs  # it could leak
    for path, answer in said.items():
        assert SECRET.encode() not in answer, path
        for uid in planted.values():
            assert uid.encode() not in answer, path
    for query in (f"?text={SECRET}", f"?party={OTHER}", f"?about={SECRET}"):
        assert provider.json(f"/cases{query}")["items"] == []
    assert provider.json(f"/deliveries?party={OTHER}")["items"] == []


def test_what_one_party_is_told_is_the_same_with_and_without_the_matters_of_others(
    provider, request
) -> None:
    lists = [path for method, path, _ in CALLS if method == "get" and "{uid}" not in path]
    provider("POST", f"/reports?name={NAME}", report("192.0.2.7"))
    said = request.getfixturevalue("work")()
    assert [line.partition(" ")[2] for line in said] == ["routed"]
    before = {path: ask(provider, "get", path) for path in lists}
    request.getfixturevalue("planted")
    after = {path: ask(provider, "get", path) for path in lists}

    assert provider.json("/reports")["items"][0]["state"] == "done"
    for path in lists:
        assert content(before[path]) == content(after[path]), path
        assert before[path].get("ETag") == after[path].get("ETag"), path
    assert Intake.objects.count() == 2


def test_what_django_answers_by_itself_is_a_problem_too(provider, caller) -> None:
    for method, path, status in (
        ("GET", "/no-such-call", 404),
        ("DELETE", "/reports", 405),
        ("GET", "/reports/", 404),
    ):
        response = provider(method, path)
        assert (response.status_code, response["Content-Type"]) == (
            status,
            "application/problem+json",
        ), path
        assert response.json()["status"] == status
    assert provider("DELETE", "/reports")["Allow"]
    bad = provider("POST", "/cases/x/answers", b"{", content_type="application/json")
    assert (bad.status_code, bad["Content-Type"]) == (400, "application/problem+json")


def test_a_slip_of_ours_says_nothing_of_itself(provider, monkeypatch) -> None:
    def fail(*_words: Any, **_named: Any) -> None:
        raise RuntimeError(SECRET)

    provider.client.raise_request_exception = False
    monkeypatch.setattr("tocsin.desks.response.api.figures.figures_for", fail)

    response = provider("GET", "/figures")

    assert (response.status_code, response["Content-Type"]) == (500, "application/problem+json")
    assert SECRET not in response.content.decode()


def test_too_many_calls_are_429_and_say_when_again(provider, other, settings) -> None:
    settings.API_RATE = 3

    said = [provider("GET", "/party").status_code for _ in range(4)]
    refused = provider("GET", "/party")

    assert said == [200, 200, 200, 429]
    assert (refused["Content-Type"], 1 <= int(refused["Retry-After"]) <= 20) == (
        "application/problem+json",
        True,
    )
    assert other("GET", "/party").status_code == 200


def test_an_ended_token_opens_nothing(caller, node) -> None:
    from tocsin.office.people.actions import end_token
    from tocsin.office.people.models import Token

    mine = caller(token_of(PROVIDER, "response.answer"))
    assert mine("GET", "/party").status_code == 200
    assert Token.objects.get().last_used_at is not None

    end_token(Token.objects.get(), by="test", at=datetime.now(UTC))

    assert mine("GET", "/party").status_code == 401
