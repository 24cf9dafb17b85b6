"""What the node above is told: one word and a sentence of counts, over its API."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.channels.receiver import LOOPBACK, Authority, Received, Receiver, Said
from tocsin.channels.upstream import Upstream, add_receipt, find_delivery, upstream_of
from tocsin.words.errors import Undelivered, Unusable

DIGEST = "a" * 64
UID = "b" * 32
TOKEN = "tocsin_0123456789abcdef"


@dataclass(frozen=True)
class World:
    """A node above on this machine, and what leads there."""

    above: Upstream
    receiver: Receiver

    def says(self, text: object, status: int = 200) -> None:
        body = text if isinstance(text, bytes) else json.dumps(text).encode()
        self.receiver.answers.append(Said(status, {}, body))

    @property
    def heard(self) -> Received:
        return self.receiver.requests[-1]


@pytest.fixture
def world(tmp_path: Path, loopback: None) -> Iterator[World]:
    authority = Authority(tmp_path)
    receiver = Receiver(authority.context("127.0.0.1"))
    (tmp_path / "token").write_text(TOKEN + "\n")
    above = upstream_of(
        {
            "url": f"https://127.0.0.1:{receiver.port}/",
            "token_file": str(tmp_path / "token"),
            "ports": str(receiver.port),
            "allow": LOOPBACK,
            "ca_file": str(authority.path),
        }
    )
    assert above is not None
    yield World(above, receiver)
    receiver.close()


def test_a_delivery_is_found_by_the_digest_of_its_file(world: World) -> None:
    world.says({"items": [{"id": UID, "sha256": DIGEST}], "next": None})

    assert find_delivery(world.above, DIGEST) == UID
    assert world.heard.path == f"/api/v1/deliveries?sha256={DIGEST}&limit=1"
    assert world.heard.headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize(
    "answer",
    [{"items": []}, {"items": None}, {}, {"items": [7]}, {"items": [{"id": "../../other"}]}],
)
def test_an_answer_that_names_none_is_none(world: World, answer: object) -> None:
    world.says(answer)

    assert find_delivery(world.above, DIGEST) == ""


def test_a_receipt_is_a_word_and_a_sentence(world: World) -> None:
    world.says({"kind": "cured"}, 201)

    add_receipt(world.above, UID, kind="cured", note="lines 1, clean 1" + "x" * 500)

    assert world.heard.path == f"/api/v1/deliveries/{UID}/receipts"
    body = json.loads(world.heard.body)
    assert (sorted(body), body["kind"], len(body["note"])) == (["kind", "note"], "cured", 200)


@pytest.mark.parametrize(
    ("status", "body", "fault"),
    [
        (401, b"{}", "it answered 401 \\(the token is not known there\\)"),
        (403, b"{}", "it answered 403 \\(the token may not do this there\\)"),
        (302, b"{}", "it answered 302"),
        (500, b"", "it answered 500"),
        (200, b"<html>", "what it answered is no JSON object"),
        (200, b"[" * 60_000, "what it answered is no JSON object"),
    ],
)
def test_what_goes_wrong_is_passing_and_said_without_the_token(
    world: World, status: int, body: bytes, fault: str
) -> None:
    world.says(body, status)

    with pytest.raises(Undelivered, match=fault) as caught:
        find_delivery(world.above, DIGEST)
    assert not caught.value.lasting
    assert TOKEN not in f"{caught.value} {world.above!r}"


def test_settings_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKEN)
    good = {"url": "https://csirt.example", "token_file": str(token)}

    assert upstream_of({}) is None
    assert upstream_of(good) is not None
    for more, fault in (
        ({"url": "http://csirt.example"}, "only https"),
        ({"token_file": str(tmp_path / "none")}, "does not hold the token"),
        ({"ports": "0"}, "no ports"),
        ({"allow": "everybody"}, "everybody"),
    ):
        with pytest.raises(Unusable, match=fault):
            upstream_of({**good, **more})
    with pytest.raises(Unusable, match="no SHA-256"):
        find_delivery(Upstream("https://csirt.example", TOKEN), "../x")
