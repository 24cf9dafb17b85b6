"""Cases merged, split and redirected: nothing is lost, and nobody reads what is not theirs."""

import pytest

from tests.desks.people import desk, viewer
from tests.desks.test_cases import report
from tocsin.desks.response.actions import (
    Post,
    answer,
    comment,
    consult_case,
    merge,
    redirect,
    split,
)
from tocsin.desks.response.actions.hearing import tell_cases
from tocsin.desks.response.models import Case, Sighting
from tocsin.desks.response.queries import case_for, cases_for
from tocsin.office import receipts
from tocsin.office.models import Deadline, Delivery
from tocsin.words.errors import NotFound, Refused, Unusable
from tocsin.words.moments import DAY

pytestmark = pytest.mark.usefixtures("parties")


@pytest.fixture
def post(store) -> Post:
    return Post(store.path, "node.example")


def of(slug: str, **words: object) -> Case:
    return Case.objects.get(party__slug=slug, **words)


def test_merged_cases_count_and_list_as_one_and_take_what_is_seen_again(
    route, store, at, tmp_path
) -> None:
    route(
        report(tmp_path, "a.csv", "192.0.2.7"),
        report(tmp_path, "b.csv", "192.0.2.8", infection="heronbot"),
    )
    analyst = desk(at)
    into, other = of("meadow-net", family="quillworm"), of("meadow-net", family="heronbot")

    merge(analyst, into.uid, [other.uid], note="one device", at=at)
    route(
        report(tmp_path, "c.csv", "192.0.2.9", infection="heronbot"),
        at=at + DAY,
    )

    into.refresh_from_db()
    other.refresh_from_db()
    assert (into.events, other.events, other.state, other.merged_into) == (3, 1, "merged", into)
    seen = consult_case(analyst, into.uid, why="test", at=at, store_folder=store.path)
    assert {row["source.ip"] for row in seen.rows} == {"192.0.2.7", "192.0.2.8", "192.0.2.9"}
    provider = viewer("meadow-net", "response.answer", at=at)
    assert [case.reference for case in cases_for(provider).rows] == [into.reference]


def test_cases_of_two_parties_are_not_merged_and_none_of_several_is(route, at, tmp_path) -> None:
    route(report(tmp_path, "a.csv", "192.0.2.7", "192.0.2.200"))
    analyst, mine, other = desk(at), of("meadow-net"), of("brook-telecom")

    with pytest.raises(Refused, match="is not told to Meadow Net as network"):
        merge(analyst, mine.uid, [other.uid], at=at)
    provider = viewer("meadow-net", "response.answer", at=at)
    with pytest.raises(Refused, match="needs a mandate with"):
        merge(provider, mine.uid, [other.uid], at=at)
    with pytest.raises(NotFound):
        merge(provider, other.uid, [mine.uid], at=at)

    assert {case.state for case in Case.objects.all()} == {"new"}


def test_a_split_takes_its_events_along(route, store, at, tmp_path) -> None:
    route(report(tmp_path, "a.csv", "192.0.2.7", "192.0.2.8", "192.0.2.70"))
    analyst, case = desk(at), of("meadow-net")

    part = split(analyst, case.uid, within="192.0.2.64/26", at=at, store_folder=store.path)

    case.refresh_from_db()
    assert (case.events, part.events, part.about, part.within) == (
        2,
        1,
        "192.0.2.0/25",
        "192.0.2.64/26",
    )
    assert sum(row.events for row in Sighting.objects.filter(case__in=(case, part))) == 3
    listed = [
        [
            row["source.ip"]
            for row in consult_case(
                analyst, one.uid, why="test", at=at, store_folder=store.path
            ).rows
        ]
        for one in (case, part)
    ]
    assert listed == [["192.0.2.7", "192.0.2.8"], ["192.0.2.70"]]
    with pytest.raises(Refused, match="0 of the 2 events"):
        split(analyst, case.uid, within="198.51.100.0/24", at=at, store_folder=store.path)
    with pytest.raises(Unusable, match="no network and no domain"):
        split(analyst, case.uid, within="192.0.2.7/24", at=at, store_folder=store.path)


def test_a_redirected_case_begins_anew_and_its_new_party_reads_nothing_from_before(
    route, store, at, tmp_path, post
) -> None:
    route(report(tmp_path, "a.csv", "192.0.2.7"))
    analyst, case = desk(at), of("meadow-net")
    first = viewer("meadow-net", "response.answer", at=at)
    second = viewer("brook-telecom", "response.answer", at=at)
    answer(first, case.uid, step="disown", note="sold in June to secret-buyer", at=at)
    assert Deadline.objects.get(rule="response:review").met_at is None

    redirect(analyst, case.uid, to="brook-telecom", note="check the hand-over", at=at, post=post)

    with pytest.raises(NotFound):
        case_for(first, case.uid)
    seen = case_for(second, case.uid)
    assert [(row.kind, row.text) for row in seen.entries] == [("mail", "")]
    assert (seen.case.state, seen.case.party.slug) == ("new", "brook-telecom")
    assert Deadline.objects.get(rule="response:review").met_at == at
    notice = Delivery.objects.get(relation="notice")
    assert "192.0.2.7" not in (store.path / notice.path).read_text()
    shown = consult_case(second, case.uid, at=at, store_folder=store.path)
    assert [row["source.ip"] for row in shown.rows] == ["192.0.2.7"]

    Delivery.objects.filter(pk=notice.pk).update(state="delivered", delivered_at=at)
    tell_cases(by="test", at=at)
    assert of("brook-telecom").state == "told"
    with pytest.raises(Refused, match="cannot redirect while told"):
        redirect(analyst, case.uid, to="harbour-online", at=at, post=post)


def test_what_the_desk_writes_goes_out_by_mail_and_the_answer_comes_back_into_the_thread(
    route, at, tmp_path, post
) -> None:
    route(report(tmp_path, "a.csv", "192.0.2.7"))
    analyst, case = desk(at), of("meadow-net")
    provider = viewer("meadow-net", "response.answer", at=at)

    entry = comment(analyst, case.uid, text="Which line is it?", at=at, post=post)
    receipts.add_receipt(
        entry.delivery,
        kind="received",
        by="meadow-net",
        actor="worker",
        at=at + DAY,
        detail={"message_id": "<3@meadow-net.example>", "sent_at": ""},
    )

    thread = case_for(provider, case.uid).entries
    assert [(row.kind, row.direction, row.step, row.text) for row in thread] == [
        ("comment", "out", "", "Which line is it?"),
        ("mail", "in", "", ""),
        ("step", "", "tell", ""),
        ("step", "", "acknowledge", ""),
    ]
