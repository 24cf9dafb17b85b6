"""Reports by API: in once, worked, and shown to whom they concern."""

import base64
import hashlib
from typing import Any

from tests.node.api.conftest import NAME, OTHER, PROVIDER, report
from tocsin.desks.response.models import Intake
from tocsin.office.models import Evidence, RegisterRow

BOTS = report("192.0.2.7", "192.0.2.8", "198.51.100.9")


def add(caller: Any, data: bytes = BOTS, query: str = f"?name={NAME}", **headers: str) -> Any:
    return caller("POST", f"/reports{query}", data, headers=headers)


def test_a_report_is_taken_in_worked_and_told_of(desk, provider, work) -> None:
    added = add(desk)
    assert added.status_code == 202, added.content
    waiting = added.json()
    assert (waiting["state"], waiting["sha256"]) == (
        "waiting",
        hashlib.sha256(BOTS).hexdigest(),
    )
    assert added["Location"] == f"/api/v1/reports/{waiting['id']}"

    work()

    done = desk.json(f"/reports/{waiting['id']}")
    assert (done["state"], done["read"], done["quarantined"], done["duplicates"]) == (
        "done",
        3,
        0,
        0,
    )
    parties = {row["party"] for row in done["deliveries"]}
    assert PROVIDER in parties
    mine = provider.json("/deliveries")["items"]
    assert [row["party"] for row in mine] == [PROVIDER]
    file = provider("GET", f"/deliveries/{mine[0]['id']}/file")
    assert b"192.0.2.7" in b"".join(file.streaming_content)
    assert file["Content-Disposition"].startswith("attachment;")
    assert not file.cookies


def test_a_reporter_sees_its_own_report_and_no_other_party_by_name(provider, other, work) -> None:
    mine = add(provider).json()["id"]
    work()

    seen = provider.json(f"/reports/{mine}")

    assert {row["party"] for row in seen["deliveries"]} <= {PROVIDER}
    assert sum(row["parties"] for row in seen["told"]) >= 1
    assert other("GET", f"/reports/{mine}").status_code == 404
    assert other.json("/reports") == {"items": [], "next": None}


def test_the_same_key_takes_nothing_in_twice_and_other_bytes_are_refused(provider) -> None:
    first = add(provider, **{"Idempotency-Key": "a-7"}).json()["id"]
    again = add(provider, **{"Idempotency-Key": "a-7"}).json()["id"]
    refused = add(provider, report("192.0.2.9"), **{"Idempotency-Key": "a-7"})

    assert first == again
    assert refused.status_code == 422
    assert "came before, with other bytes" in refused.json()["detail"]
    assert Intake.objects.count() == 1


def test_two_parties_may_use_the_same_key(provider, other) -> None:
    first = add(provider, **{"Idempotency-Key": "k"}).json()["id"]
    second = add(other, **{"Idempotency-Key": "k"}).json()["id"]

    assert first != second


def test_bytes_that_hash_otherwise_are_refused_and_not_kept(provider) -> None:
    right = base64.b64encode(hashlib.sha256(BOTS).digest()).decode()
    wrong = base64.b64encode(hashlib.sha256(b"x").digest()).decode()

    for name in ("Content-Digest", "Repr-Digest"):
        refused = add(provider, **{name: f"sha-256=:{wrong}:"})
        assert (refused.status_code, refused["Content-Type"]) == (422, "application/problem+json")
    assert (Intake.objects.count(), Evidence.objects.count()) == (0, 0)
    assert add(provider, **{"Repr-Digest": f"sha-256=:{right}:"}).status_code == 202
    for text in ("sha-256=abc", "sha-256=:YQ==:", "sha-256=::"):
        assert add(provider, **{"Content-Digest": text}).status_code == 422
    assert add(provider, **{"Content-Digest": "md5=:YQ==:"}).status_code == 202


def test_a_report_that_is_larger_than_the_node_takes_is_413(provider, settings) -> None:
    settings.UPLOAD_LIMIT = 20

    refused = add(provider)

    assert refused.status_code == 413
    assert refused.json()["title"] == "Content Too Large" or refused.json()["status"] == 413
    assert not Intake.objects.exists()


def test_a_form_with_a_file_is_taken_too(provider) -> None:
    line = b"--x\r\n"
    head = f'Content-Disposition: form-data; name="file"; filename="{NAME}"\r\n\r\n'.encode()
    body = line + head + BOTS + b"\r\n--x--\r\n"

    added = provider("POST", "/reports", body, content_type="multipart/form-data; boundary=x")

    assert added.status_code == 202, added.content
    assert (added.json()["name"], added.json()["size"]) == (NAME, len(BOTS))


def test_what_cannot_be_is_refused_in_words(provider, desk) -> None:
    cases = {
        "?tlp=mauve": 422,
        "?format=no-such": 422,
        "?classification=nonsense": 422,
        "?purpose=guess": 422,
        f"?name={'x' * 300}": 422,
    }
    assert {query: add(provider, query=query).status_code for query in cases} == cases
    assert add(provider, b"").status_code == 411
    empty = provider("POST", "/reports", b"", headers={"Content-Length": "0"})
    assert (empty.status_code, "is empty" in empty.json()["detail"]) == (422, True)
    assert add(provider, query="?purpose=preview").status_code == 403
    assert add(desk, query="?purpose=preview").status_code == 202


def test_a_report_that_cannot_be_read_fails_with_its_reason(provider, work) -> None:
    mine = add(provider, b"\x00\x01 no report", "?name=x.bin").json()["id"]
    work()

    seen = provider.json(f"/reports/{mine}")

    assert seen["state"] == "failed"
    assert seen["error"]


def test_every_report_has_a_register_row_that_names_the_token(provider) -> None:
    mine = add(provider).json()["id"]

    row = RegisterRow.objects.get(action="response:intake:add")

    assert (row.subject.hex, row.actor.startswith("token:"), row.facts["party"]) == (
        mine,
        True,
        PROVIDER,
    )


def test_lists_come_page_by_page_without_loss_or_repeat(provider, other) -> None:
    wanted = [add(provider, query=f"?name={n}.csv").json()["id"] for n in range(5)]
    add(other)

    seen, cursor = [], ""
    while True:
        page = provider.json(f"/reports?limit=2&cursor={cursor}")
        seen += [row["id"] for row in page["items"]]
        if len(seen) == 2:  # what comes in meanwhile moves nothing
            add(provider, query="?name=late.csv")
        if not (cursor := page["next"]):
            break

    assert seen == wanted[::-1]
    assert provider("GET", "/reports?cursor=forged").status_code == 422
    first = provider.json("/reports?limit=2")["next"]
    assert provider("GET", f"/deliveries?cursor={first}").status_code == 422
    assert provider("GET", f"/reports?state=done&cursor={first}").status_code == 422
    assert provider("GET", "/reports?limit=501").status_code == 422


def test_what_did_not_change_is_304(provider) -> None:
    add(provider)
    first = provider("GET", "/reports")
    again = provider("GET", "/reports", headers={"If-None-Match": first["ETag"]})
    add(provider)
    changed = provider("GET", "/reports", headers={"If-None-Match": first["ETag"]})

    assert (again.status_code, again.content) == (304, b"")
    assert changed.status_code == 200
    assert first["Cache-Control"] == "private, no-cache"
    assert OTHER not in first.content.decode()


def test_lists_cost_the_same_however_long(provider, django_assert_num_queries) -> None:
    for n in range(3):
        add(provider, query=f"?name={n}.csv")
    provider.json("/reports")
    with django_assert_num_queries(_COST):
        provider.json("/reports?limit=1")
    for n in range(9):
        add(provider, query=f"?name=m{n}.csv")
    with django_assert_num_queries(_COST):
        provider.json("/reports?limit=100")


_COST = 4  # the token, its mandate, when it was used, the page
