"""A delivery comes in, the right line is warned, its neighbour is not, and how it went goes up."""

import re
from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest

from tests.desks.subscribers.conftest import NOON, Report
from tocsin.desks.response.models import Case
from tocsin.desks.subscribers.actions.attributing import look_up_runs, waiting_runs
from tocsin.desks.subscribers.actions.codes import say_clean, warned_on
from tocsin.desks.subscribers.actions.erasing import erase_bindings
from tocsin.desks.subscribers.actions.reporting import report_outcomes
from tocsin.desks.subscribers.actions.warning import (
    MOST,
    QUIET,
    TODAY,
    Terms,
    due_warnings,
    end_unseen,
    warn_due,
)
from tocsin.desks.subscribers.actions.ways import NO_CONTACT, NO_MAIL
from tocsin.desks.subscribers.models import Contact, Finding, LookUp, Warned
from tocsin.desks.subscribers.queries.wordings import House
from tocsin.node.store import Store
from tocsin.office import register
from tocsin.office.models import Receipt
from tocsin.office.people import letters
from tocsin.office.people.models import Letter
from tocsin.office.retention import retain

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
NINE = NOON - timedelta(hours=3)
TERMS = Terms(House("Meadow Net", "tocsin.meadow-net.example/subscribers/check"))
CODE = re.compile(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}")


def name_of(line: int) -> str:
    row = Contact.objects.filter(line=line).first()
    return row.name if row else ""


def found() -> list[tuple[str, str, int, str]]:
    """Whose, why not, how many events, where it stands."""
    rows = Finding.objects.order_by("first_at", "fate", "pk")
    return [(name_of(row.line), row.fate, row.events, row.state) for row in rows]


def warn(store: Store, at: datetime, terms: Terms = TERMS) -> list[tuple[str, str]]:
    """Who was warned or held, and why."""
    done = warn_due(terms=terms, by="test", at=at, store_folder=store.path)
    return [(name_of(one.finding.line), one.held) for one in done]


def sent() -> list[dict[str, str]]:
    return [letters.read(row) for row in Letter.objects.order_by("pk")]


def due(at: datetime, terms: Terms = TERMS) -> list[tuple[str, str]]:
    return [(name_of(one.finding.line), one.held) for one in due_warnings(terms=terms, at=at)]


def test_each_event_of_the_own_network_has_its_honest_fate(reported: Report) -> None:
    reported(
        ("192.0.2.30", 4000, NINE),
        ("192.0.2.30", 4001, NOON - timedelta(hours=2)),  # the very second it changed hands
        ("192.0.2.40", "", NINE + timedelta(minutes=1)),  # shared, and no port
        ("192.0.2.50", 4000, NINE + timedelta(minutes=2)),
        ("192.0.2.200", 4000, NINE),  # a neighbour's network
    )

    assert found() == [
        ("anna", "one line", 1, "seen"),
        ("", "not attributable", 1, "seen"),
        ("", "none", 1, "seen"),
        ("", "ambiguous", 1, "seen"),
    ]
    row = LookUp.objects.get()
    counts = (row.events, row.exact, row.ambiguous, row.nobody, row.not_attributable)
    assert counts == (4, 1, 1, 1, 1)
    assert [r.facts["exact"] for r in register.rows(action="subscribers:line:look_up")] == [1]


def test_a_run_is_looked_up_once_and_not_before_the_logs_reach_it(
    reported: Report, provider: Store
) -> None:
    reported(("192.0.2.31", 4000, NINE))

    assert look_up_runs(by="test", at=NOON, store_folder=provider.path) == []
    assert found() == [("carla", "one line", 1, "seen")]


def test_logs_that_do_not_reach_the_events_are_waited_for(provider: Store, route, tmp_path) -> None:
    path = tmp_path / "2026-11-22-event4_sinkhole-a.csv"
    path.write_text(
        "timestamp,src_ip,src_port,tag,infection\n"
        "2026-11-23 12:30:00,192.0.2.31,4000,sinkhole,quillworm\n"
    )
    at = NOON + timedelta(hours=1)
    LookUp.objects.all().delete()
    route(path, at=at)

    waits = look_up_runs(by="test", at=at, store_folder=provider.path)
    assert waiting_runs(at).count() == 1
    later = look_up_runs(by="test", at=at + timedelta(hours=6), store_folder=provider.path)

    assert (waits, [row.exact for row in later]) == ([], [1])
    assert waiting_runs(at).count() == 0


def test_the_right_line_is_warned_in_plain_words_and_its_neighbour_is_not(
    reported: Report, provider: Store
) -> None:
    reported(("192.0.2.30", 4000, NOON - timedelta(hours=1)))

    assert warn(provider, NOON) == [("bruno", "")]
    (letter,) = sent()
    assert letter["to"] == "bruno@home.example"
    assert letter["subject"] == "Meadow Net: a device on your line needs your attention"
    text = letter["text"]
    assert "first on 2026-11-23 11:00, last on 2026-11-23 11:00 (UTC)" in text
    assert "Kind of device: camera" in text
    assert "Known as: quillworm" in text
    assert "http" not in text
    assert not [word for word in ("192.0.2", "bruno", "anna") if word in text]
    (code,) = CODE.findall(text)
    assert code not in str(Warned.objects.values())
    warned = register.rows(action="subscribers:line:warn").get()
    assert warned.facts == {
        "kind": "infected-system",
        "playbook": "infected",
        "version": 2,
        "step": 1,
        "way": "mail",
    }
    assert due(NOON + DAY) == []  # it was not seen again


def test_a_look_at_what_is_due_writes_to_nobody(reported: Report, provider: Store) -> None:
    reported(("192.0.2.31", 4000, NINE), ("192.0.2.40", 1500, NINE), ("192.0.2.40", 3000, NINE))

    assert sorted(due(NOON)) == [("", NO_CONTACT), ("carla", ""), ("dora", NO_MAIL)]
    assert (Letter.objects.count(), Warned.objects.count()) == (0, 0)


def test_quiet_hours_the_days_limit_and_one_warning_a_day_hold_back(
    reported: Report, provider: Store
) -> None:
    reported(("192.0.2.31", 4000, NINE), ("192.0.2.30", 4000, NINE))
    reported(("192.0.2.31", 4000, NINE), at=NOON + timedelta(minutes=1), infection="heronbot")
    night = replace(TERMS, quiet=(time(11), time(13)))
    one = replace(TERMS, most=1)

    assert {why for _, why in due(NOON, night)} == {QUIET}
    held = [why for _, why in due(NOON, one)]
    assert (held.count(""), set(held) <= {"", MOST, TODAY}) == (1, True)
    assert sorted(due(NOON)) == [("anna", ""), ("carla", ""), ("carla", TODAY)]
    warn(provider, NOON)
    assert len(sent()) == 2
    warn(provider, NOON + DAY + timedelta(seconds=1))
    assert [letter["to"] for letter in sent()][2:] == ["carla@home.example"]


def test_a_night_that_goes_over_midnight_is_quiet_on_both_sides() -> None:
    night = replace(TERMS, quiet=(time(21), time(8)))

    assert [night.is_quiet(NOON.replace(hour=h)) for h in (20, 21, 7, 8)] == [
        *(False, True),
        *(True, False),
    ]


def test_who_is_seen_again_is_warned_again_after_the_wait(
    reported: Report, provider: Store
) -> None:
    reported(("192.0.2.31", 4000, NINE))
    warn(provider, NOON)
    reported(("192.0.2.31", 4000, NOON + 2 * DAY), at=NOON + 3 * DAY)

    assert due(NOON + 3 * DAY) == []
    assert due(NOON + 7 * DAY) == [("carla", "")]
    warn(provider, NOON + 7 * DAY)
    assert "Nous vous avons écrit à ce sujet le 2026-11-23." in sent()[1]["text"]
    assert Finding.objects.get().taken == 2


def test_a_code_says_that_a_warning_is_ours_and_nothing_of_whom(
    reported: Report, provider: Store
) -> None:
    reported(("192.0.2.31", 4000, NINE))
    warn(provider, NOON)
    (code,) = CODE.findall(sent()[0]["text"])

    def on(text: str) -> datetime | None:
        return warned_on(text, at=NOON + DAY, store_folder=provider.path)

    assert on(code) == NOON
    assert on(f"  {code.replace('-', ' ').lower()} ") == NOON
    assert [on("AAAA-BBBB-CCCC"), on(""), on(code[:-1])] == [None] * 3
    assert Warned.objects.get().asked_at == NOON + DAY


def test_the_subscribers_word_cures_and_a_later_sighting_says_that_it_is_back(
    reported: Report, provider: Store
) -> None:
    reported(("192.0.2.31", 4000, NINE))
    warn(provider, NOON)
    (code,) = CODE.findall(sent()[0]["text"])

    def clean(text: str, at: datetime) -> bool:
        return say_clean(text, by="public", at=at, store_folder=provider.path)

    assert not clean("AAAA-BBBB-CCCC", NOON)
    assert clean(code, NOON + DAY)
    assert not clean(code, NOON + DAY)  # it is over already
    row = Finding.objects.get()
    assert (row.state, row.cure, row.cured_at) == ("cured", Finding.Cure.SAID, NOON + DAY)

    # A late report of what was seen before says nothing new; one of what came after does.
    reported(("192.0.2.31", 4001, NOON + timedelta(hours=1)), at=NOON + 2 * DAY)
    assert Finding.objects.get().state == "cured"
    reported(("192.0.2.31", 4002, NOON + 3 * DAY), at=NOON + 4 * DAY)
    row = Finding.objects.get()
    assert (row.state, row.returned, row.taken) == ("seen", 1, 0)


def test_what_is_not_seen_again_is_over_only_where_reports_still_come_in(
    reported: Report, provider: Store
) -> None:
    reported(("192.0.2.31", 4000, NINE))
    warn(provider, NOON)
    later = NOON + 15 * DAY

    assert end_unseen(by="test", at=later) == 0  # nobody looked since
    reported(("192.0.2.30", 4000, later - timedelta(hours=1)), at=later)
    assert end_unseen(by="test", at=later) == 1
    assert [(row[0], row[3]) for row in found()] == [("carla", "cured"), ("bruno", "seen")]


def test_receipts_go_up_with_counts_and_without_a_name(reported: Report, provider: Store) -> None:
    reported(("192.0.2.31", 4000, NINE), ("192.0.2.30", 4000, NINE))

    assert report_outcomes(by="test", at=NOON) == []
    warn(provider, NOON)
    assert report_outcomes(by="test", at=NOON) == [
        "acted: lines 2, warned 2, clean 0, events without a line 0"
    ]
    assert report_outcomes(by="test", at=NOON) == []
    for letter in sent():
        (code,) = CODE.findall(letter["text"])
        say_clean(code, by="public", at=NOON + DAY, store_folder=provider.path)
    report_outcomes(by="test", at=NOON + DAY)

    last = Receipt.objects.order_by("pk").last()
    assert last is not None
    assert (last.kind, last.by, last.detail) == (
        "cured",
        "meadow-net",
        {
            "note": "lines 2, warned 2, clean 2, events without a line 0",
            "lines": 2,
            "warned": 2,
            "clean": 2,
            "unattributed": 0,
        },
    )
    assert {case.state for case in Case.objects.filter(party__slug="meadow-net")} == {"cured"}


def test_what_no_line_can_be_said_for_is_never_reported_as_cured(
    reported: Report, provider: Store
) -> None:
    reported(("192.0.2.31", 4000, NINE), ("192.0.2.40", "", NINE))
    warn(provider, NOON)
    (code,) = CODE.findall(sent()[0]["text"])
    say_clean(code, by="public", at=NOON, store_folder=provider.path)

    assert report_outcomes(by="test", at=NOON) == [
        "acted: lines 1, warned 1, clean 1, events without a line 1"
    ]


def test_erasing_a_line_takes_its_findings_and_warnings_with_it(
    reported: Report, provider: Store
) -> None:
    reported(("192.0.2.31", 4000, NINE), ("192.0.2.30", 4000, NINE))
    warn(provider, NOON)
    words = {"at": NOON, "store_folder": provider.path}

    looked = erase_bindings("account", ["carla"], dry_run=True, **words)
    assert (looked, Finding.objects.count()) == (2, 2)  # a binding and a finding
    erase_bindings("account", ["carla"], dry_run=False, **words)

    assert [row[0] for row in found()] == ["anna"]
    assert Warned.objects.count() == 1


def test_findings_are_kept_for_half_a_year_after_the_last_change(
    reported: Report, provider: Store
) -> None:
    reported(("192.0.2.31", 4000, NINE))
    warn(provider, NOON)

    retain(at=NOON + 179 * DAY, by="test", store_folder=provider.path)
    assert Finding.objects.count() == 1
    retain(at=NOON + 180 * DAY, by="test", store_folder=provider.path)
    assert (Finding.objects.count(), Warned.objects.count()) == (0, 0)


def test_a_subscriber_is_written_to_in_their_language_or_in_english(
    reported: Report, provider: Store
) -> None:
    Contact.objects.filter(name="anna").update(language="de-AT")
    Contact.objects.filter(name="carla").update(language="xx")
    reported(("192.0.2.31", 4000, NINE), ("192.0.2.30", 4000, NINE))
    warn(provider, NOON)

    by_name = {letter["to"].partition("@")[0]: letter for letter in sent()}
    assert by_name["anna"]["subject"].startswith("Meadow Net: Ein Gerät an Ihrem Anschluss")
    assert by_name["anna"]["text"].startswith("Dieser Text wurde maschinell übersetzt")
    assert by_name["carla"]["text"].startswith("Dear customer,")
