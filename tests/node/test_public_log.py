"""`/log/`: what anybody may read of the log, and nothing beside it."""

import pytest
from django.conf import settings as django_settings
from django.test import Client

from tocsin.ledger.trust import trust_in
from tocsin.ledger.verify import verify_copy
from tocsin.office import publiclog

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def log(store, at, monkeypatch):
    monkeypatch.setattr(django_settings, "STORE", store.path)
    publiclog.publish_due(
        store_folder=store.path,
        schedule=publiclog.Schedule(quantum=300),
        origin="cert.example/tocsin",
        by="worker",
        at=at,
    )
    return publiclog.open_log(store.path)


@pytest.fixture
def client() -> Client:
    return Client()


def body(answer) -> bytes:
    data = b"".join(answer.streaming_content)
    answer.close()
    return data


def test_a_copy_fetched_over_http_verifies_like_the_folder_itself(log, client, tmp_path) -> None:
    files = [path for path in log.public.rglob("*") if path.is_file()]
    for path in files:
        name = str(path.relative_to(log.public))
        data = body(client.get(f"/log/{name}"))
        copy = tmp_path / "copy" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(data)
    trust = trust_in(span.verifier for span in log.spans())

    assert verify_copy(tmp_path / "copy", trust).seen.checkpoint.size == 300


def test_what_moves_is_asked_again_and_what_cannot_move_is_kept(log, client) -> None:
    kept = {}
    for name in ("checkpoint", "keys", "tile/0/000", "tile/entries/001.p/44"):
        answer = client.get(f"/log/{name}")
        assert body(answer) == (log.public / name).read_bytes()
        kept[name] = answer["Cache-Control"]

    immutable = "public, max-age=31536000, immutable"
    assert kept == {
        "checkpoint": "no-cache",
        "keys": "no-cache",
        "tile/0/000": immutable,
        "tile/entries/001.p/44": immutable,
    }


@pytest.mark.parametrize(
    "path",
    [
        "leaves.bin",
        "lock",
        "../leaves.bin",
        "..%2fleaves.bin",
        "%2e%2e/keys/log",
        "tile/0/../../../leaves.bin",
        "tile/0",
        "tile/0/000/",
        "checkpoint/",
        "checkpoint%00",
        "//etc/passwd",
        "tile/0/999",
        "",
    ],
)
def test_nothing_beside_the_log_is_there(log, client, path) -> None:
    assert client.get(f"/log/{path}").status_code == 404


def test_the_log_is_read_and_never_written(log, client) -> None:
    before = (log.public / "checkpoint").read_bytes()

    assert client.post("/log/checkpoint", b"x", content_type="text/plain").status_code == 405
    assert (log.public / "checkpoint").read_bytes() == before
