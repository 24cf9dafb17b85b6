"""Warnings by text message, letter and customer portal; nobody goes silently unwarned."""

import base64
import csv
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.channels.receiver import LOOPBACK, Authority, Receiver, Said
from tests.desks.subscribers.conftest import NOON, Report
from tests.desks.subscribers.test_warning import CODE, DAY, NINE, TERMS, sent
from tocsin.channels.gateway import Exits, Gateway, gateway_of
from tocsin.desks.subscribers.actions.codes import warned_on
from tocsin.desks.subscribers.actions.warning import Terms, due_warnings, warn_due
from tocsin.desks.subscribers.actions.ways import (
    NO_MAIL,
    NO_PHONE,
    phone_of,
    possible,
    send_outgoing,
)
from tocsin.desks.subscribers.models import Contact, Finding, Outgoing, Warned
from tocsin.desks.subscribers.queries.wordings import House, languages, short_text
from tocsin.formats.short_message import MOST_PARTS, is_basic, parts_of
from tocsin.node.store import Store
from tocsin.office import register
from tocsin.rules.playbooks import PLAYBOOKS, Way
from tocsin.words.errors import Unusable

TOKEN = "sms_0123456789abcdef"
SECRET = bytes(range(32))


@dataclass(frozen=True)
class Town:
    """A gateway for text messages, a portal and a post room on this machine."""

    exits: Exits
    receiver: Receiver
    letters: Path
    store: Store

    @property
    def heard(self) -> list[dict[str, Any]]:
        return [json.loads(one.body) for one in self.receiver.requests]

    def answers(self, *statuses: int) -> None:
        self.receiver.answers[:] = [Said(status) for status in statuses]

    def warn(self, at=NOON, **exits: Any) -> Terms:
        """Warn whoever is due, by these ways alone."""
        terms = replace(TERMS, exits=Exits(**exits))
        warn_due(terms=terms, by="test", at=at, store_folder=self.store.path)
        return terms

    def send(self, at=NOON, exits: Exits | None = None) -> tuple[int, int]:
        return send_outgoing(exits=exits or self.exits, by="test", at=at)


@pytest.fixture
def gateways(tmp_path: Path, loopback: None) -> Iterator[tuple[Gateway, Gateway, Receiver]]:
    authority = Authority(tmp_path)
    receiver = Receiver(authority.context("127.0.0.1"))
    (tmp_path / "token").write_text(TOKEN + "\n")
    (tmp_path / "secret").write_text("whsec_" + base64.b64encode(SECRET).decode())
    facts = {"allow": LOOPBACK, "ca_file": str(authority.path)}
    base = f"https://127.0.0.1:{receiver.port}"
    sms = gateway_of({**facts, "url": f"{base}/sms", "token_file": str(tmp_path / "token")})
    portal = gateway_of({**facts, "url": f"{base}/portal", "secret_file": str(tmp_path / "secret")})
    assert sms is not None
    assert portal is not None
    yield sms, portal, receiver
    receiver.close()


@pytest.fixture
def town(
    db: None,
    provider: Store,
    gateways: tuple[Gateway, Gateway, Receiver],
    tmp_path: Path,
    reported: Report,
) -> Town:
    """Dora, who has a telephone and no mail, is seen."""
    sms, portal, receiver = gateways
    folder = tmp_path / "post"
    Contact.objects.filter(name="dora").update(phone="0049 30 555-0100")
    reported(("192.0.2.40", 1500, NINE))
    return Town(Exits(sms, portal, folder), receiver, folder, provider)


def test_a_text_message_has_the_code_and_no_other_personal_fact(town: Town) -> None:
    town.warn(sms=town.exits.sms)
    assert (Outgoing.objects.count(), sent()) == (1, [])
    kept = str(Outgoing.objects.values())
    assert not [word for word in ("dora", "5550100") if word in kept]
    key = Outgoing.objects.get().uid.hex
    assert town.send() == (1, 0)

    (request,) = town.receiver.requests
    (words,) = town.heard
    assert request.path == "/sms"
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["idempotency-key"] == f'"{key}"'
    (code,) = CODE.findall(words["text"])
    assert words == {
        "to": "+49305550100",
        "text": f"Meadow Net: a device on your line needs your attention. Code {code}. Genuine? "
        "Type tocsin.meadow-net.example/subscribers/check yourself or call us.",
    }
    assert warned_on(code, at=NOON, store_folder=town.store.path) == NOON
    assert Outgoing.objects.count() == 0
    assert Warned.objects.get().way == "sms"
    assert town.send() == (0, 0)


def test_what_a_gateway_did_not_take_is_tried_again_under_the_same_key(town: Town) -> None:
    town.warn(sms=town.exits.sms)
    town.answers(503, 401, 200)

    assert town.send() == (0, 1)
    assert town.send() == (0, 0)  # not at once
    assert "it answered 503" in Outgoing.objects.get().last_error
    assert town.send(NOON + timedelta(hours=1)) == (0, 1)
    assert town.send(NOON + timedelta(hours=2)) == (1, 0)
    assert len({one.headers["idempotency-key"] for one in town.receiver.requests}) == 1
    assert len(town.heard) == 3


def test_a_refused_number_goes_by_the_next_way_with_the_same_code(town: Town) -> None:
    town.warn(sms=town.exits.sms, portal=town.exits.portal)
    town.answers(422, 200)

    assert town.send() == (1, 1)
    short, long = town.heard
    assert CODE.findall(short["text"]) == [long["code"]]
    assert Warned.objects.get().way == "portal"
    facts = register.rows(action="subscribers:line:fall_back").get().facts
    assert facts == {"way": "sms", "instead": "portal"}


def test_who_could_be_reached_by_no_way_counts_as_not_warned_and_is_due_again(town: Town) -> None:
    terms = town.warn(sms=town.exits.sms)
    town.answers(422)
    town.send()

    row, warned = Finding.objects.get(), Warned.objects.get()
    assert (row.state, row.taken, row.warned_at) == ("seen", 0, None)
    assert warned.failed_at == NOON
    later = NOON + DAY + timedelta(minutes=1)
    assert [one.way for one in due_warnings(terms=terms, at=later)] == ["sms"]


def test_after_three_days_without_the_gateway_it_is_no_warning(town: Town) -> None:
    town.warn(sms=town.exits.sms)
    town.answers(503)
    assert town.send(NOON + timedelta(hours=73)) == (0, 1)

    assert (Outgoing.objects.count(), Finding.objects.get().state) == (0, "seen")


def test_a_portal_hears_whose_line_it_is_and_can_check_who_says_so(town: Town) -> None:
    town.warn(portal=town.exits.portal)
    assert town.send() == (1, 0)

    (request,) = town.receiver.requests
    (words,) = town.heard
    assert (request.path, words["subscriber"], words["language"]) == ("/portal", "dora", "en")
    assert words["code"] in words["text"]
    id_, moment = request.headers["webhook-id"], request.headers["webhook-timestamp"]
    signed = hmac.new(SECRET, f"{id_}.{moment}.".encode() + request.body, hashlib.sha256)
    assert request.headers["webhook-signature"] == (
        f"v1,{base64.b64encode(signed.digest()).decode()}"
    )
    assert "authorization" not in request.headers


def test_the_post_room_finds_a_file_and_a_row_once(town: Town) -> None:
    town.warn(letters=town.letters)
    row = Outgoing.objects.get()
    assert town.send() == (1, 0)
    # A crash before the row was taken away: it is sent once more.
    Outgoing.objects.bulk_create([row])
    assert town.send() == (1, 0)

    name = f"2026-11-23-{row.uid.hex}.txt"
    assert sorted(path.name for path in town.letters.iterdir()) == [name, "2026-11-23.csv"]
    with (town.letters / "2026-11-23.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["file", "subscriber", "language", "written"],
            [name, "dora", "en", "2026-11-23"],
        ]
    text = (town.letters / name).read_text()
    assert text.startswith("Meadow Net: a device on your line needs your attention\n\nDear")
    assert len(CODE.findall(text)) == 1


def test_a_folder_that_cannot_be_written_is_tried_again(town: Town, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    town.warn(letters=town.letters)

    assert town.send(exits=Exits(letters=tmp_path / "file" / "post")) == (0, 1)
    assert "the folder of letters" in Outgoing.objects.get().last_error
    assert town.send(NOON + timedelta(hours=1)) == (1, 0)


def test_without_any_way_a_line_is_held_and_it_is_said_why(town: Town) -> None:
    def held(**exits: Any) -> list[str]:
        terms = replace(TERMS, exits=Exits(**exits))
        return [one.held for one in due_warnings(terms=terms, at=NOON)]

    assert held() == [NO_MAIL]
    Contact.objects.update(phone="030 555 0100")  # of which country?
    assert held(sms=town.exits.sms) == [f"{NO_MAIL}; {NO_PHONE}"]
    assert held(letters=town.letters) == [""]


def test_every_playbook_writes_a_mail_first_and_then_a_text_message() -> None:
    for row in PLAYBOOKS:
        assert [step.way for step in row.steps[:2]] == [Way.MAIL, Way.SMS]
        assert {way for step in row.steps for way in step.ways} == set(Way)


def test_a_second_warning_goes_by_text_message_where_a_telephone_is_known(town: Town) -> None:
    (playbook,) = [row for row in PLAYBOOKS if row.name == "infected"]
    with_mail = Contact(email="dora@home.example", phone="+49305550100")
    without = Contact(email="dora@home.example")
    second = playbook.steps[1].ways

    assert possible(second, town.exits, with_mail)[0][:2] == [Way.SMS, Way.MAIL]
    assert possible(second, town.exits, without)[0][0] == Way.MAIL
    assert possible(second, Exits(), with_mail) == ([Way.MAIL], "")


def test_a_line_that_is_erased_takes_what_is_on_its_way_along(town: Town) -> None:
    town.warn(sms=town.exits.sms)
    Finding.objects.all().delete()

    assert (Outgoing.objects.count(), town.send()) == (0, (0, 0))


def test_words_under_a_lost_key_are_no_warning(town: Town) -> None:
    town.warn(sms=town.exits.sms)
    Outgoing.objects.update(sealed=b"x" * 60)

    assert town.send() == (0, 1)
    assert (town.heard, Finding.objects.get().state) == ([], "seen")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("+49 (30) 555-0100", "+49305550100"),
        ("0049305550100", "+49305550100"),
        ("030 555 0100", ""),
        ("+49 30 555 0100 ext. 7", ""),
        ("", ""),
        ("+1", ""),
    ],
)
def test_a_telephone_number_needs_its_country(written: str, read: str) -> None:
    assert phone_of(Contact(phone=written)) == read


def test_a_text_message_fits_in_every_language() -> None:
    long = House("M" * 300, "tocsin.meadow-net.example/subscribers/check")
    usual = House("Meadow Net", "abuse.meadow-net.example/subscribers/check")
    for code in languages():
        for house in (long, usual, House("Meadow Net"), House("Meadow Net", "x" * 200)):
            text = short_text("7F3K-9QWZ-2M4H", language=code, house=house)
            assert 1 <= len(parts_of(text)) <= MOST_PARTS, code
            assert "7F3K-9QWZ-2M4H" in text, code
            assert text.startswith(house.provider[:20]), code
    for house in (usual, House("Meadow Net")):
        text = short_text("7F3K-9QWZ-2M4H", language="en", house=house)
        assert is_basic(text), text
        assert len(parts_of(text)) == 1, text


def test_settings_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    (tmp_path / "short").write_text("whsec_c2hvcnQ=")
    for facts, why in (
        ({"url": "http://sms.example/", "token_file": "x"}, "only https"),
        ({"url": "https://sms.example/", "token_file": str(tmp_path / "none")}, "a token"),
        ({"url": "https://sms.example/", "secret_file": str(tmp_path / "short")}, "a secret"),
    ):
        with pytest.raises(Unusable, match=why):
            gateway_of(facts)
    assert gateway_of({}) is None
