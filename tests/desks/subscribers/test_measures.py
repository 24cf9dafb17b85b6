"""A line is limited where two people let that happen, and whoever is on it gets out again."""

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client

from tests.channels.receiver import LOOPBACK, Authority, Receiver, Said
from tests.desks.subscribers.conftest import NOON, Report
from tests.desks.subscribers.radius_server import Radius, running
from tests.desks.subscribers.test_warning import CODE, DAY, NINE, TERMS, sent, warn
from tocsin.channels.measures import Measures, read_measures
from tocsin.desks.subscribers.actions.adopting import adopted, approve, propose, withdraw
from tocsin.desks.subscribers.actions.codes import say_clean
from tocsin.desks.subscribers.actions.erasing import erase_bindings
from tocsin.desks.subscribers.actions.measures import (
    Released,
    release,
    release_by_code,
    release_due,
    tell_network,
)
from tocsin.desks.subscribers.actions.warning import Terms, end_unseen
from tocsin.desks.subscribers.models import Adoption, Contact, Finding, Measure
from tocsin.desks.subscribers.queries.wordings import words_in
from tocsin.node.store import Store
from tocsin.office import register
from tocsin.rules.playbooks import ADOPTABLE, Remedy, playbook_for
from tocsin.words.errors import NotFound, Refused, Unusable

pytestmark = [pytest.mark.django_db, pytest.mark.enable_socket]
ENGLISH = words_in("en").texts
KINDS = tuple(Remedy)
SWITCHES = """
[radius]
server = "127.0.0.1"
port = {port}
secret_file = "{secret}"
timeout = 1

[measures."walled garden"]
by = "radius"
in = {{"Filter-Id" = "garden-in"}}
out = {{"Filter-Id" = "garden-out"}}

[measures."dns filter"]
by = "radius"
in = {{"26.9.1" = "dns=filtered"}}
out = {{"26.9.1" = "dns=open"}}
"""


@pytest.fixture(scope="module")
def radius(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Radius]:
    with running(tmp_path_factory.mktemp("radius")) as server:
        yield server


@pytest.fixture
def measures(radius: Radius, tmp_path: Path) -> Measures:
    path = tmp_path / "measures.toml"
    path.write_text(SWITCHES.format(port=radius.server.port, secret=radius.secret_file))
    found = read_measures(str(path), kinds=KINDS)
    assert found is not None
    return found


@pytest.fixture
def terms(measures: Measures) -> Terms:
    return replace(TERMS, measures=measures)


def let_in(name: str = "garden") -> None:
    propose(name, by="paula", at=NOON - DAY)
    approve(name, by="quinn", at=NOON - DAY)


def tell(measures: Measures, at: datetime = NOON) -> tuple[int, int, int]:
    """How many lines were limited, lifted, and not yet."""
    return tell_network(measures=measures, by="test", at=at)


def codes() -> list[str]:
    return [CODE.findall(letter["text"])[0] for letter in sent()]


def stands() -> list[tuple[str, str]]:
    return list(Measure.objects.values_list("state", "how"))


def garden(reported: Report, store: Store, terms: Terms, at: datetime = NOON) -> str:
    """Bruno's line is seen, warned and limited; the code of the warning."""
    reported(("192.0.2.30", 4000, at - timedelta(hours=1)), at=at)
    warn(store, at, terms)
    assert terms.measures is not None
    tell(terms.measures, at)
    return codes()[-1]


# ── two people ───────────────────────────────────────────────────────────────────────────


def test_without_an_adoption_a_line_is_warned_and_never_limited(
    reported: Report, provider: Store, terms: Terms, measures: Measures
) -> None:
    propose("garden", by="paula", at=NOON)
    garden(reported, provider, terms)

    assert (len(sent()), Measure.objects.count(), tell(measures)) == (1, 0, (0, 0, 0))
    assert ENGLISH["protected"][:40] not in sent()[0]["text"]


def test_a_playbook_with_measures_takes_two_people(provider: Store) -> None:
    propose("garden", by="paula", at=NOON)
    for by in ("paula", "Paula"):
        with pytest.raises(Refused, match="a second person"):
            approve("garden", by=by, at=NOON)
    assert adopted() == frozenset()
    approve("garden", by="quinn", at=NOON)
    assert adopted() == {("garden", 1)}

    for act in (propose, approve):
        with pytest.raises(Refused, match="already"):
            act("garden", by="rosa", at=NOON)
    withdraw("garden", by="paula", at=NOON)
    assert adopted() == frozenset()
    with pytest.raises(NotFound, match="adopt propose garden"):
        approve("garden", by="quinn", at=NOON)
    with pytest.raises(NotFound, match="Possible: garden-thing, garden"):
        propose("infected", by="paula", at=NOON)
    done = [row.action for row in register.rows() if row.action.startswith("subscribers:playbook")]
    assert sorted(done) == [
        f"subscribers:playbook:{verb}" for verb in ("approve", "propose", "withdraw")
    ]


def test_a_version_that_was_not_adopted_does_not_hold(provider: Store) -> None:
    Adoption.objects.create(
        playbook="garden", version=99, proposed_by="paula", proposed_at=NOON,
        approved_by="quinn", approved_at=NOON,
    )  # fmt: skip
    found = playbook_for("infected-system", "", on=NOON.date(), adopted=adopted())

    assert found is not None
    assert found.name == "infected"


def test_each_row_with_a_measure_says_its_basis_and_its_evidence() -> None:
    for row in ADOPTABLE:
        assert "2015/2120" in row.basis
        assert ("92 %" in row.source) is row.name.startswith("garden")
        assert any(step.measure for step in row.steps)


# ── set ──────────────────────────────────────────────────────────────────────────────────


def test_the_line_is_limited_with_a_warning_that_says_how_to_get_out(
    reported: Report, provider: Store, terms: Terms, radius: Radius
) -> None:
    let_in()
    before = len(radius.received())
    garden(reported, provider, terms)

    said = radius.received()[before:]
    assert [(one["User-Name"], one["Filter-Id"]) for one in said] == [('"bruno"', '"garden-in"')]
    assert ENGLISH["protected"].format(check=TERMS.house.check) in sent()[0]["text"]
    row = Measure.objects.get()
    assert (row.state, row.set_at, row.line) == ("set", NOON, row.finding.line)
    acts = [one for one in register.rows() if one.action.startswith("subscribers:measure")]
    assert sorted((one.action.rpartition(":")[2], one.facts["kind"]) for one in acts) == [
        ("ask", "walled garden"),
        ("set", "walled garden"),
    ]
    assert tell(terms.measures) == (0, 0, 0)  # type: ignore[arg-type]


def test_an_essential_line_is_never_limited(
    reported: Report, provider: Store, terms: Terms, measures: Measures
) -> None:
    let_in()
    reported(("192.0.2.31", 4000, NINE), ("192.0.2.30", 4000, NOON - timedelta(hours=1)))
    warn(provider, NOON, terms)
    assert len(sent()) == 2
    Contact.objects.filter(name="bruno").update(is_essential=True)  # after the warning

    assert tell(measures) == (0, 0, 1)
    assert stands() == [("failed", "")]
    assert Measure.objects.get().last_error == "the line is essential now"


@pytest.mark.parametrize("change", [{"is_on": False}, {"most": 0}, {"switches": {}}])
def test_nothing_is_limited_beyond_what_the_operator_lets_happen(
    reported: Report, provider: Store, terms: Terms, measures: Measures, change: dict[str, Any]
) -> None:
    let_in()
    garden(reported, provider, replace(terms, measures=replace(measures, **change)))

    assert (len(sent()), Measure.objects.count()) == (1, 0)
    assert ENGLISH["protected"][:40] not in sent()[0]["text"]


def test_what_the_network_refuses_is_tried_again_and_given_up_after_three_days(
    reported: Report, provider: Store, terms: Terms, measures: Measures
) -> None:
    let_in()
    Contact.objects.filter(name="bruno").update(name="locked")
    garden(reported, provider, terms)

    row = Measure.objects.get()
    assert (row.state, row.last_error) == ("failed", "radius 127.0.0.1: nak, Error-Cause 506")
    assert tell(measures) == (0, 0, 0)  # not at once
    Contact.objects.filter(name="locked").update(name="bruno")
    assert tell(measures, NOON + timedelta(minutes=2)) == (1, 0, 0)
    assert stands() == [("set", "")]
    Measure.objects.update(state="failed", set_at=None)
    assert release_due(by="test", at=NOON + 3 * DAY) == 1
    assert tell(measures, NOON + 3 * DAY) == (0, 1, 0)
    assert stands() == [("lifted", "not set")]


def test_a_session_that_is_gone_holds_no_limit(
    reported: Report, provider: Store, terms: Terms, measures: Measures
) -> None:
    let_in()
    code = garden(reported, provider, terms)
    Contact.objects.filter(name="bruno").update(name="nobody")
    release_by_code(code, by="public", at=NOON, store_folder=provider.path)

    assert tell(measures) == (0, 1, 0)


def test_a_line_is_limited_once_whatever_is_found_on_it(
    reported: Report, provider: Store, terms: Terms, measures: Measures
) -> None:
    let_in()
    garden(reported, provider, terms)
    later = NOON + DAY + timedelta(minutes=1)
    reported(("192.0.2.30", 4000, later - timedelta(hours=1)), at=later, infection="heronbot")
    warn(provider, later, terms)

    assert (len(sent()), Measure.objects.count()) == (2, 1)
    assert ENGLISH["protected"][:40] in sent()[1]["text"]
    done = release_by_code(codes()[1], by="public", at=later, store_folder=provider.path)
    assert (done, tell(measures, later)) == (Released.DONE, (0, 1, 0))


def test_a_dns_filter_goes_the_same_way_with_its_own_attributes(
    reported: Report, provider: Store, terms: Terms, radius: Radius
) -> None:
    let_in("names")
    garden(reported, provider, terms)

    assert radius.received()[-1]["Cisco-AVPair"] == '"dns=filtered"'
    assert Measure.objects.get().kind == "dns filter"


# ── out ──────────────────────────────────────────────────────────────────────────────────


def test_the_subscriber_gets_out_twice_and_then_calls(
    reported: Report, provider: Store, terms: Terms, measures: Measures, radius: Radius
) -> None:
    let_in()
    came = []
    for week in range(3):
        at = NOON + week * 14 * DAY
        code = garden(reported, provider, terms, at)
        came.append(release_by_code(code, by="public", at=at, store_folder=provider.path))
        tell(measures, at)

    assert came == [Released.DONE, Released.DONE, Released.USED_UP]
    assert stands() == [("lifted", "self"), ("lifted", "self"), ("set", "")]
    filters = [one.get("Filter-Id") for one in radius.received()][-5:]
    assert filters == ['"garden-in"', '"garden-out"'] * 2 + ['"garden-in"']
    # Nor does the word that it is put right open it a third time.
    say_clean(codes()[-1], by="public", at=at, store_folder=provider.path)
    assert release_due(by="test", at=at) == 0
    # Somebody at the telephone does.
    (row,) = release(codes()[-1], why="call 17", by="test", at=at, store_folder=provider.path)
    assert (row.how, tell(measures, at)) == ("assisted", (0, 1, 0))


def test_a_release_over_the_telephone_has_a_reason(
    reported: Report, provider: Store, terms: Terms
) -> None:
    let_in()
    garden(reported, provider, terms)
    row = Measure.objects.get()

    def lift(reference: str, why: str = "call 17") -> list[Measure]:
        return release(reference, why=why, by="test", at=NOON, store_folder=provider.path)

    with pytest.raises(Unusable, match="a release needs a reason"):
        lift(row.uid.hex, " ")
    for other in ("AAAA-BBBB-CCCC", "", "00000000-0000-0000-0000-000000000000", "\0"):
        with pytest.raises(NotFound, match="no measure to lift"):
            lift(other)
    assert [one.pk for one in lift(row.uid.hex)] == [row.pk]
    last = register.rows(action="subscribers:measure:release").get()
    assert last.facts == {"kind": "walled garden", "how": "assisted", "why": "call 17"}


def test_it_ends_by_itself_after_thirty_days_even_where_taking_was_switched_off(
    reported: Report, provider: Store, terms: Terms, measures: Measures
) -> None:
    let_in()
    garden(reported, provider, terms)
    off = replace(measures, is_on=False)

    assert release_due(by="test", at=NOON + 30 * DAY - timedelta(seconds=1)) == 0
    assert release_due(by="test", at=NOON + 30 * DAY) == 1
    assert tell(off, NOON + 30 * DAY) == (0, 1, 0)
    assert stands() == [("lifted", "automatic")]


def test_it_ends_when_the_line_is_clean(
    reported: Report, provider: Store, terms: Terms, measures: Measures
) -> None:
    let_in()
    garden(reported, provider, terms)
    later = NOON + 15 * DAY
    reported(("192.0.2.31", 4000, later - timedelta(hours=1)), at=later)
    assert release_due(by="test", at=later) == 0
    end_unseen(by="test", at=later)

    assert release_due(by="test", at=later) == 1
    assert tell(measures, later) == (0, 1, 0)
    assert stands() == [("lifted", "cured")]


def test_what_no_network_was_told_of_is_lifted_with_the_word(
    reported: Report, provider: Store, terms: Terms, measures: Measures
) -> None:
    let_in()
    reported(("192.0.2.30", 4000, NOON - timedelta(hours=1)))
    warn(provider, NOON, terms)
    release_by_code(codes()[0], by="public", at=NOON, store_folder=provider.path)

    assert stands() == [("lifted", "self")]
    assert tell(measures) == (0, 0, 0)


def test_a_measure_goes_with_its_finding(reported: Report, provider: Store, terms: Terms) -> None:
    let_in()
    garden(reported, provider, terms)
    erase_bindings("account", ["bruno"], at=NOON, store_folder=provider.path, dry_run=False)

    assert (Finding.objects.count(), Measure.objects.count()) == (0, 0)


# ── the page ─────────────────────────────────────────────────────────────────────────────


def test_the_page_lifts_it_and_tells_nothing_of_whose_line(
    reported: Report, provider: Store, terms: Terms, measures: Measures, settings: Any
) -> None:
    let_in()
    code = garden(reported, provider, terms)
    settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT = ["testserver"], False
    settings.STORE = provider.path
    settings.SUBSCRIBERS = {**settings.SUBSCRIBERS, "measures": measures}
    cache.clear()
    client = Client()

    def said(text: str) -> str:
        return client.post("/subscribers/check", {"code": text, "release": "1"}).content.decode()

    with time_machine.travel(NOON, tick=False):
        assert ENGLISH["page_no"] in said("AAAA-BBBB-CCCC")
        page = said(code)
        assert ENGLISH["garden_title"] in client.get("/subscribers/check?limited").content.decode()
    assert ENGLISH["garden_released"] in page
    assert not [word for word in ("bruno", "192.0.2", "quillworm") if word in page]
    assert tell(measures) == (0, 1, 0)
    settings.SUBSCRIBERS = {**settings.SUBSCRIBERS, "measures": None}
    assert ENGLISH["garden_release"] not in client.get("/subscribers/check").content.decode()


# ── the webhook, the file ────────────────────────────────────────────────────────────────


@pytest.fixture
def hook(tmp_path: Path) -> Iterator[tuple[Measures, Receiver]]:
    authority = Authority(tmp_path)
    receiver = Receiver(authority.context("127.0.0.1"))
    secret, path = tmp_path / "secret", tmp_path / "measures.toml"
    secret.write_text("whsec_" + base64.b64encode(bytes(range(32))).decode())
    path.write_text(
        f'[webhook]\nurl = "https://127.0.0.1:{receiver.port}/lines"\n'
        f'secret_file = "{secret}"\nallow = "{LOOPBACK}"\nca_file = "{authority.path}"\n'
        '[measures."port block"]\nby = "webhook"\n'
    )
    found = read_measures(str(path), kinds=KINDS)
    assert found is not None
    yield found, receiver
    receiver.close()


def test_a_webhook_hears_the_measure_the_line_and_on_or_off(
    reported: Report, provider: Store, hook: tuple[Measures, Receiver]
) -> None:
    measures, receiver = hook
    receiver.answers[:] = [Said(503), Said(200), Said(200)]
    reported(("192.0.2.30", 4000, NOON - timedelta(hours=1)))
    Measure.objects.create(
        finding=Finding.objects.get(), line=Finding.objects.get().line, kind="port block",
        asked_at=NOON, next_attempt_at=NOON,
    )  # fmt: skip
    assert tell(measures) == (0, 0, 1)
    assert tell(measures, NOON + timedelta(minutes=2)) == (1, 0, 0)
    release_due(by="test", at=NOON + 31 * DAY)
    assert tell(measures, NOON + 31 * DAY) == (0, 1, 0)

    heard = [json.loads(one.body) for one in receiver.requests]
    on, off = ({"measure": "port block", "subscriber": "bruno", "state": s} for s in ("on", "off"))
    assert heard == [on, on, off]
    assert [{"webhook-id", "webhook-signature"} <= set(r.headers) for r in receiver.requests] == [
        True
    ] * 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x", "cannot be read as TOML"),
        ("[radios]", "no table 'radios'"),
        ("radius = 1", "radius is a table"),
        ('[measures.wall]\nby = "radius"', "no measure 'wall'"),
        ('[measures."walled garden"]\nby = "mail"', "possible is by"),
        ('[measures."walled garden"]\nby = "webhook"', "there is no table"),
        ('[measures."walled garden"]\nby = "radius"', "attributes for in and for out"),
        ('[webhook]\nurl = "http://hook.example/"\nsecret_file = "x"', "only https"),
        ('[webhook]\nurl = "https://hook.example/"', "secret_file are needed"),
    ],
)
def test_a_file_that_cannot_work_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "measures.toml"
    path.write_text(text)
    with pytest.raises(Unusable, match=said):
        read_measures(str(path), kinds=KINDS)
