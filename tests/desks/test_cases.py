"""Cases: who sees them, who may do what, and what comes of it."""

from datetime import datetime
from pathlib import Path

import pytest

from tests.desks.conftest import SAMPLES
from tests.desks.people import desk, viewer
from tocsin.desks.response.actions import answer, assign, close, comment
from tocsin.desks.response.models import Case, Entry
from tocsin.desks.response.queries import Filters, case_for, cases_for, my_open_work
from tocsin.office.models import Delivery, Party
from tocsin.office.people.viewer import NOBODY
from tocsin.rules.concern import ACTING
from tocsin.rules.response import SEEN_AGAIN_WITHIN
from tocsin.words.errors import NotFound, Refused, Unusable
from tocsin.words.moments import DAY

V4 = "192.0.2.0/25"
DEMO = sorted((SAMPLES / "demo").glob("*.csv"))
pytestmark = pytest.mark.usefixtures("parties")


def report(folder: Path, name: str, *addresses: str, infection: str = "quillworm") -> Path:
    """A sinkhole report with one row per address."""
    path = folder / f"2026-11-22-event4_sinkhole-{name}"
    rows = [f"2026-11-22 09:00:00,{ip},4000,sinkhole,{infection}\n" for ip in addresses]
    path.write_text("timestamp,src_ip,src_port,tag,infection\n" + "".join(rows))
    return path


def make(slug: str, at: datetime, *, reference: str, **words: object) -> Case:
    values = {
        "reference": reference,
        "key": reference,
        "party": Party.objects.get(slug=slug),
        "relation": "network",
        "side": "source",
        "kind": "infected-system",
        "about": "AS64496",
        "about_kind": "asn",
        "told_as": f"network:source:{slug}",
        "seen_at": at,
        "opened_at": at,
        "changed_at": at,
        "tlp": "AMBER",
        "state": "told",
        **words,
    }
    return Case.objects.create(**values)


def test_a_party_sees_its_own_cases_the_desk_sees_all_and_nobody_none(at) -> None:
    mine = make("meadow-net", at, reference="AAAA-AAAA-AAAA")
    other = make("brook-telecom", at, reference="BBBB-BBBB-BBBB")
    provider = viewer("meadow-net", "response.answer", at=at)

    assert [case.reference for case in cases_for(provider).rows] == [mine.reference]
    assert {case.reference for case in cases_for(desk(at)).rows} == {
        mine.reference,
        other.reference,
    }
    assert cases_for(NOBODY).rows == []
    with pytest.raises(NotFound, match="there is no case"):
        case_for(provider, other.uid)
    with pytest.raises(NotFound, match="there is no case"):
        answer(provider, other.uid, step="cure", at=at)


def test_a_party_answers_and_the_desk_closes(at) -> None:
    case = make("meadow-net", at, reference="AAAA-AAAA-AAAA")
    provider, analyst = viewer("meadow-net", "response.answer", at=at), desk(at)

    answer(provider, case.uid, step="acknowledge", at=at)
    answer(provider, case.uid, step="cure", note="line cleaned", at=at)
    with pytest.raises(Refused, match="response:case:handle needs a mandate"):
        close(provider, case.uid, at=at)
    assign(analyst, case.uid, person=analyst.person.uid, at=at)
    comment(analyst, case.uid, text="for us alone", for_desk=True, at=at)
    close(analyst, case.uid, note="thank you", at=at)

    seen = case_for(provider, case.uid)
    assert [(row.kind, row.step, row.text) for row in seen.entries] == [
        ("step", "acknowledge", ""),
        ("step", "cure", "line cleaned"),
        ("step", "close", "thank you"),
    ]
    assert [row.text for row in case_for(analyst, case.uid).entries][2:] == [
        "assigned to Dora",
        "for us alone",
        "thank you",
    ]
    assert (seen.case.state, seen.steps) == ("closed", ())
    assert Entry.objects.filter(party__slug="meadow-net").count() == 2


def test_what_is_open_is_in_piles(at) -> None:
    make("meadow-net", at, reference="AAAA-AAAA-AAAA")
    make("meadow-net", at, reference="BBBB-BBBB-BBBB", state="acknowledged")
    provider = viewer("meadow-net", "response.answer", at=at)

    piles = my_open_work(provider)

    assert [(pile.name, pile.total) for pile in piles] == [("to_answer", 1), ("to_mend", 1)]


def test_a_filter_that_there_is_not_is_refused() -> None:
    with pytest.raises(Unusable, match="'sunny' is no state"):
        Filters.read({"states": ["sunny"]})


# ── made by a run ────────────────────────────────────────────────────────────────────────


def test_a_run_makes_a_case_of_each_thing_a_party_was_told_of(route) -> None:
    route(*DEMO)

    provider = Case.objects.filter(party__slug="meadow-net").order_by("kind", "family", "about")
    assert [(c.kind, c.family, c.about, c.events, c.severity, c.state) for c in provider] == [
        ("infected-system", "dustloader", V4, 1, "", "new"),
        ("infected-system", "heronbot", V4, 1, "", "new"),
        ("infected-system", "quillworm", V4, 5, "", "new"),
        ("phishing", "phish-url", V4, 1, "", "new"),
        ("vulnerable-system", "open-rdp", V4, 4, "critical", "new"),
        ("vulnerable-system", "open-rdp", "2001:db8:1::/48", 1, "high", "new"),
    ]


def test_a_case_counts_what_its_delivery_tells_and_keeps_a_few_of_its_rows(route) -> None:
    route(*DEMO)

    acting = Delivery.objects.filter(relation__in=[*ACTING])
    assert {delivery.uid: delivery.rows for delivery in acting} == {
        delivery.uid: sum(case.events for case in Case.objects.filter(told_in=delivery))
        for delivery in acting
    }
    assert {len(case.sample) for case in Case.objects.all()} == {1}
    case = Case.objects.get(party__slug="meadow-net", family="dustloader")
    assert [row["source.ip"] for row in case.sample] == ["192.0.2.117"]
    assert not Case.objects.exclude(relation__in=[*ACTING]).exists()  # figures make no case


def test_what_is_seen_again_joins_and_a_case_that_was_mended_is_reopened(
    route, at, tmp_path
) -> None:
    first = route(report(tmp_path, "a.csv", "192.0.2.7"))
    provider = viewer("meadow-net", "response.answer", at=at)
    (case,) = cases_for(provider).rows
    answer(provider, case.uid, step="act", note="blocked", at=at)

    again = route(report(tmp_path, "b.csv", "192.0.2.8"), at=at + 2 * DAY)

    (case,) = Case.objects.filter(party__slug="meadow-net")
    assert (case.events, case.state, case.reopened) == (2, "reopened", 1)
    assert [row.step for row in case_for(provider, case.uid).entries] == [
        "tell",
        "act",
        "see_again",
    ]
    told = [row.uid for row in (*again.deliveries, *first.deliveries) if row.party == case.party]
    assert [row.uid for row in case_for(provider, case.uid).deliveries] == told


def test_after_the_window_what_is_seen_is_a_new_case(route, at, tmp_path) -> None:
    route(report(tmp_path, "a.csv", "192.0.2.7"))
    route(report(tmp_path, "b.csv", "192.0.2.7"), at=at + SEEN_AGAIN_WITHIN + DAY)

    cases = Case.objects.filter(party__slug="meadow-net").order_by("pk")
    assert [(case.events, case.state) for case in cases] == [(1, "new"), (1, "new")]
