"""A change of authorisation, as a real FreeRADIUS takes it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.desks.subscribers.radius_server import SECRET, Radius, running
from tocsin.channels.radius import Answer, Answered, change, key_of, server_of, value_of
from tocsin.words.errors import Unusable

pytestmark = pytest.mark.enable_socket
NOW = datetime.now(UTC)
GARDEN = {key_of("Filter-Id"): b"tocsin-garden", key_of("26.9.1"): b"sub:policy=garden"}


@pytest.fixture(scope="module")
def radius(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radius]:
    with running(tmp_path_factory.mktemp("radius")) as server:
        yield server


def test_a_change_reaches_the_server_with_all_that_it_carries(radius: Radius) -> None:
    assert change(radius.server, "anna", GARDEN, at=NOW) == Answered(Answer.ACK)

    said = radius.received()[-1]
    assert {name: said[name] for name in ("User-Name", "Filter-Id", "Cisco-AVPair")} == {
        "User-Name": '"anna"',
        "Filter-Id": '"tocsin-garden"',
        "Cisco-AVPair": '"sub:policy=garden"',
    }
    assert {"Event-Timestamp", "Message-Authenticator"} <= set(said)


def test_a_refusal_says_its_cause(radius: Radius) -> None:
    causes = [change(radius.server, who, GARDEN, at=NOW).cause for who in ("nobody", "locked")]

    assert causes == [503, 506]
    assert change(radius.server, "locked", GARDEN, at=NOW).answer is Answer.NAK


def test_with_another_secret_nothing_is_answered_and_nothing_done(radius: Radius) -> None:
    stranger = replace(radius.server, secret=b"x" * 20, timeout=0.3, tries=1)
    before = len(radius.received())

    assert change(stranger, "anna", GARDEN, at=NOW) == Answered(Answer.NONE)
    assert "Message-Authenticator" in radius.log.read_text("utf-8", "replace")
    assert change(radius.server, "anna", GARDEN, at=NOW).answer is Answer.ACK
    assert len(radius.received()) - before <= 2


def test_settings_are_checked_one_by_one(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n")
    good: dict[str, object] = {"server": "192.0.2.1", "secret_file": str(secret)}

    assert server_of(good).secret == SECRET.encode()
    assert SECRET not in repr(server_of(good))
    for wrong in (
        {"server": "radius.example"},
        {"port": 0},
        {"timeout": 60},
        {"name": "User-Nam"},
        {"secret_file": str(tmp_path / "none")},
        {"secrt": "x"},
    ):
        with pytest.raises(Unusable):
            server_of({**good, **wrong})


@pytest.mark.parametrize("text", ["", "0", "26", "55", "80", "256", "26.0.1", "26.9.256", "x"])
def test_what_is_no_attribute_of_the_operators_is_refused(text: str) -> None:
    with pytest.raises(Unusable, match="no attribute"):
        key_of(text)


@pytest.mark.parametrize("value", ["", "x" * 300, -1, 2**32, 1.5, True, None, []])
def test_what_is_no_value_is_refused(value: object) -> None:
    with pytest.raises(Unusable):
        value_of(value)


def test_a_value_is_text_a_number_or_octets() -> None:
    assert [value_of(one) for one in ("open", 7, "0x0aFF")] == [b"open", b"\0\0\0\7", b"\x0a\xff"]
