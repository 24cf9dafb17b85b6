"""Uploads that break off and go on."""

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.node.api.conftest import NAME, report
from tocsin.desks.response.actions.upload import CutShort, append, expire_uploads
from tocsin.desks.response.models import Intake, Upload
from tocsin.office.api.digest_fields import Expected, read_digests

BYTES = report(*(f"192.0.2.{n}" for n in range(1, 50)))
DIGEST = base64.b64encode(hashlib.sha256(BYTES).digest()).decode()
PARTIAL = "application/partial-upload"


def begin(caller: Any, query: str = "", **headers: str) -> dict[str, Any]:
    response = caller("POST", f"/uploads?name={NAME}{query}", headers=headers)
    assert response.status_code == 201, response.content
    assert response["Location"] == f"/api/v1/uploads/{response.json()['id']}"
    return response.json()


def send(
    caller: Any, uid: str, data: bytes, offset: int, *, last: bool = False, **words: str
) -> Any:
    headers = {"Upload-Offset": str(offset), "Upload-Complete": "?1" if last else "?0", **words}
    return caller("PATCH", f"/uploads/{uid}", data, headers=headers, content_type=PARTIAL)


def test_a_report_comes_in_three_pieces_and_is_worked(provider, work) -> None:
    digest = {"Repr-Digest": f"sha-256=:{DIGEST}:"}
    uid = begin(provider, f"&length={len(BYTES)}", **digest)["id"]

    first = send(provider, uid, BYTES[:100], 0)
    second = send(provider, uid, BYTES[100:1000], 100)
    head = provider("HEAD", f"/uploads/{uid}")
    last = send(provider, uid, BYTES[1000:], 1000, last=True)

    assert (first["Upload-Offset"], second["Upload-Offset"]) == ("100", "1000")
    assert (head.status_code, head["Upload-Offset"], head["Upload-Complete"]) == (204, "1000", "?0")
    assert head["Upload-Length"] == str(len(BYTES))
    assert "max-size=" in head["Upload-Limit"]
    assert last.status_code == 202, last.content
    assert (last.json()["size"], last.json()["name"]) == (len(BYTES), NAME)
    work()
    assert provider.json(f"/reports/{last.json()['id']}")["read"] == 49


def test_a_piece_that_does_not_begin_where_the_bytes_end_is_refused(provider) -> None:
    uid = begin(provider)["id"]
    send(provider, uid, BYTES[:100], 0)

    refused = send(provider, uid, BYTES[50:], 50)

    assert refused.status_code == 409
    said = refused.json()
    assert said["type"].endswith("#mismatching-upload-offset")
    assert (said["expected-offset"], said["provided-offset"]) == (100, 50)
    assert provider("HEAD", f"/uploads/{uid}")["Upload-Offset"] == "100"


def test_the_last_piece_said_again_gives_the_same_report(provider) -> None:
    uid = begin(provider)["id"]
    once = send(provider, uid, BYTES, 0, last=True).json()["id"]

    again = send(provider, uid, BYTES, 0, last=True)

    assert again.json()["id"] == once
    assert provider.json(f"/uploads/{uid}")["report"] == once
    assert Intake.objects.count() == 1


def test_a_piece_that_breaks_off_stays_as_far_as_it_came(provider, node) -> None:
    uid = begin(provider)["id"]
    row, line = Upload.objects.get(), iter([BYTES[:100], b""])
    common = {"size": 5000, "limit": 10_000, "store_folder": node.path}

    with pytest.raises(CutShort, match="100 of 5,000 bytes"):
        append(row, lambda _: next(line), offset=0, expected=Expected("", {}), **common)
    digest = read_digests(f"sha-256=:{DIGEST}:", field="Content-Digest")
    line = iter([BYTES[100:200], b""])
    with pytest.raises(CutShort):
        append(row, lambda _: next(line), offset=100, expected=digest, **common)

    assert provider("HEAD", f"/uploads/{uid}")["Upload-Offset"] == "100"
    assert send(provider, uid, BYTES[100:], 100, last=True).status_code == 202


def test_a_piece_with_another_digest_leaves_nothing(provider, node) -> None:
    uid = begin(provider)["id"]
    send(provider, uid, BYTES[:100], 0)

    refused = send(provider, uid, b"other bytes", 100, **{"Content-Digest": f"sha-256=:{DIGEST}:"})

    assert refused.status_code == 422
    assert provider("HEAD", f"/uploads/{uid}")["Upload-Offset"] == "100"


def test_a_whole_with_another_digest_or_length_is_no_report(provider) -> None:
    digest = {"Repr-Digest": f"sha-256=:{DIGEST}:"}
    uid = begin(provider, **digest)["id"]
    short = begin(provider, "&length=4000")["id"]

    wrong = send(provider, uid, b"other bytes", 0, last=True)
    early = send(provider, short, b"x", 0, last=True)

    assert (wrong.status_code, early.status_code) == (422, 422)
    assert "1 of 4000 bytes" in early.json()["detail"]
    assert not Intake.objects.exists()


def test_no_more_comes_in_than_was_said_or_is_taken(provider, settings) -> None:
    settings.UPLOAD_LIMIT = 1000
    uid = begin(provider, "&length=10")["id"]
    open_end = begin(provider)["id"]

    assert send(provider, uid, b"x" * 11, 0).status_code == 413
    assert provider("HEAD", f"/uploads/{uid}")["Upload-Offset"] == "0"
    assert send(provider, open_end, b"x" * 900, 0).status_code == 200
    assert send(provider, open_end, b"x" * 101, 900).status_code == 413
    assert provider("POST", "/uploads?length=1001").status_code == 413


def test_the_same_key_gives_the_same_upload_and_another_party_another(provider, other) -> None:
    key = {"Idempotency-Key": "k"}

    assert begin(provider, **key)["id"] == begin(provider, **key)["id"]
    assert begin(other, **key)["id"] != begin(provider, **key)["id"]
    assert other("HEAD", f"/uploads/{begin(provider, **key)['id']}").status_code == 404


def test_an_upload_is_cancelled_or_ends_after_a_day_with_its_bytes(provider, node) -> None:
    uid, old = begin(provider)["id"], begin(provider)["id"]
    send(provider, uid, BYTES, 0)
    send(provider, old, BYTES, 0)
    folder = node.path / "spool" / "uploads"
    assert len(list(folder.iterdir())) == 2

    assert provider("DELETE", f"/uploads/{uid}").status_code == 204
    assert provider("GET", f"/uploads/{uid}").status_code == 404
    late = datetime.now(UTC) + timedelta(days=1, seconds=1)
    assert expire_uploads(at=late, store_folder=node.path) == 1

    assert (list(folder.iterdir()), Upload.objects.count()) == ([], 0)


def test_no_party_fills_the_disk_with_what_it_never_ends(provider, other) -> None:
    for _ in range(20):
        begin(provider)

    refused = provider("POST", "/uploads?name=x")

    assert (refused.status_code, "under way" in refused.json()["detail"]) == (403, True)
    assert other("POST", "/uploads?name=x").status_code == 201


def test_what_is_no_piece_is_refused(provider) -> None:
    uid = begin(provider)["id"]
    path, ok = f"/uploads/{uid}", {"Upload-Offset": "0"}

    assert provider("PATCH", path, b"x", headers=ok, content_type="text/plain").status_code == 422
    for offset in ("", "-1", "1e3", "٣", "9" * 40):
        bad = provider("PATCH", path, b"x", headers={"Upload-Offset": offset}, content_type=PARTIAL)
        assert bad.status_code == 422, offset
    odd = {**ok, "Upload-Complete": "yes"}
    assert provider("PATCH", path, b"x", headers=odd, content_type=PARTIAL).status_code == 422
    assert provider("HEAD", path)["Upload-Offset"] in ("0", "1")
