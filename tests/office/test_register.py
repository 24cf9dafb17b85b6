"""The register: one row with the act, or neither; typed facts, a leaf, months that are closed."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from django.db import transaction

from tocsin.ledger import leaves
from tocsin.office import register
from tocsin.office.models import RegisterRow
from tocsin.office.register.periods import open_months
from tocsin.office.shapes import COUNT, FLAG, TEXT, TEXTS, TREE, Shape, shapes
from tocsin.words.errors import NotFound, Refused, Unusable

pytestmark = pytest.mark.django_db(transaction=True)

SUBJECT = UUID("8d1c2a9e-0000-4000-8000-000000000001")
MAKE = "office:webhook_secret:make"
RECEIPT = "office:receipt:add"
FORGET = "office:evidence:forget"


def write(action=MAKE, *, at, actor="ada", subject=None, **facts) -> RegisterRow:
    with transaction.atomic():
        return register.record(
            action=action, actor=actor, at=at, subject=subject, facts=facts or {"party": "meadow"}
        )


def forgotten(at, size, kind="machine-report") -> RegisterRow:
    facts = {"digest": "d" * 64, "evidence_class": kind, "size": size, "why": "due"}
    return write(FORGET, at=at, **facts)


# ── rows ─────────────────────────────────────────────────────────────────────────────────


def test_a_row_says_who_did_what_to_what_and_when(at) -> None:
    write(at=at, subject=SUBJECT, party="meadow")

    assert list(RegisterRow.objects.values_list("action", "actor", "at", "subject", "facts")) == [
        (MAKE, "ada", at, SUBJECT, {"party": "meadow"})
    ]


def test_a_moment_of_another_zone_is_the_same_moment_in_utc() -> None:
    row = write(at=datetime(2026, 11, 23, 10, 0, tzinfo=timezone(timedelta(hours=1))))

    assert row.at == datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def test_a_row_outside_the_transaction_of_its_act_is_refused(at) -> None:
    with pytest.raises(Unusable, match="a row commits with its action"):
        register.record(action=MAKE, actor="ada", at=at, facts={"party": "meadow"})

    assert not RegisterRow.objects.exists()


def test_when_the_act_fails_there_is_no_row(at) -> None:
    def act() -> None:
        with transaction.atomic():
            register.record(action=MAKE, actor="ada", at=at, facts={"party": "meadow"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        act()
    assert not RegisterRow.objects.exists()


@pytest.mark.parametrize("action", ["route", "a:b", "a:b:c:d", "A:b:c", "a:b:c\n", "a:b c:d", "::"])
def test_an_action_is_desk_noun_verb(action, at) -> None:
    with pytest.raises(Unusable, match="is no action"):
        write(action, at=at)


@pytest.mark.parametrize("value", [(1, 2), {1, 2}, float("nan"), 1.5, b"x", object(), {1: "x"}])
def test_a_fact_that_would_not_come_back_as_it_was_is_refused(value, at) -> None:
    with pytest.raises(Unusable, match="facts are text, whole numbers"):
        write(at=at, party=value)


def test_rows_are_found_by_action_actor_subject_and_time(at) -> None:
    hour = timedelta(hours=1)
    first = write(at=at)
    second = write(
        RECEIPT, at=at + hour, actor="bob", subject=SUBJECT, kind="acted", by="x", party="x"
    )

    assert list(register.rows()) == [first, second]
    assert list(register.rows(action=MAKE)) == [first]
    assert list(register.rows(actor="bob")) == [second]
    assert list(register.rows(subject=SUBJECT)) == [second]
    assert list(register.rows(since=at, until=at + hour)) == [first]


# ── typed facts ──────────────────────────────────────────────────────────────────────────


def test_an_action_that_no_shape_describes_is_refused(at) -> None:
    with pytest.raises(Unusable, match=r"no shape says which facts 'office:tea:make' states"):
        write("office:tea:make", at=at)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"kind": "acted", "by": "x"}, "party is missing"),
        ({"kind": "acted", "by": "x", "party": "x", "mood": "good"}, "mood is no fact of it"),
        ({"kind": 3, "by": "x", "party": "x"}, "kind is to be a text"),
        ({"kind": None, "by": "x", "party": "x"}, "kind is to be a text"),
    ],
)
def test_facts_that_do_not_fit_the_shape_are_refused(facts, said, at) -> None:
    with pytest.raises(Unusable, match=said):
        write(RECEIPT, at=at, **facts)


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (TEXT, ["", "x"], [1, None, True, ["x"]]),
        (COUNT, [0, -3, 1 << 60], [True, "1", None]),
        (FLAG, [True, False], [0, "yes", None]),
        (TEXTS, [[], ["a"]], ["a", [1], None]),
        (TREE, [{}, {"a": 1}, {"a": {"b": 2}}], [3, {"a": "b"}, {"a": [1]}, {"a": None}]),
        (TEXT.or_nothing(), [None, "x"], [1]),
    ],
)
def test_what_a_kind_of_fact_accepts(kind, good, bad) -> None:
    assert [kind.accepts(value) for value in good] == [True] * len(good)
    assert [kind.accepts(value) for value in bad] == [False] * len(bad)


def test_every_shape_counts_and_sums_only_facts_it_has() -> None:
    def wrong(shape: Shape) -> set[str]:
        known = {**shape.facts, **shape.may}
        sums = {name for name in shape.summed if known.get(name) is not COUNT}
        return sums | {name for name in shape.counted if known.get(name) is not TEXT}

    assert {action: wrong(shape) for action, shape in shapes().items() if wrong(shape)} == {}


def test_nothing_that_may_name_a_person_is_counted() -> None:
    never = {"why", "where", "actor", "by", "authority", "reference", "what", "party"}

    assert [action for action, shape in shapes().items() if never & set(shape.counted)] == []


def test_texts_that_no_database_takes_are_made_harmless(at) -> None:
    row = write(at=at, actor="a\0b", party="nul \0 and half a pair \ud800")
    row.refresh_from_db()

    assert (row.actor, row.facts) == ("a\ufffdb", {"party": "nul \ufffd and half a pair ?"})
    assert bytes(row.leaf) == register.leaf_of(row)


# ── the leaf ─────────────────────────────────────────────────────────────────────────────


def test_a_leaf_is_of_the_row_as_it_comes_back_from_the_database(at) -> None:
    uid = write(at=at + timedelta(microseconds=17), subject=SUBJECT, party="Žluťoučký kůň").uid
    row = RegisterRow.objects.get(uid=uid)

    sealed = {
        "id": row.uid.hex,
        "at": "2026-11-23T09:00:00Z",
        "actor": "ada",
        "action": MAKE,
        "subject": SUBJECT.hex,
        "facts": {"party": "Žluťoučký kůň"},
    }
    assert register.sealed(row) == sealed
    assert bytes(row.leaf) == leaves.leaf_of(sealed, bytes(row.leaf_key))


def test_the_same_facts_never_have_the_same_leaf(at) -> None:
    one, other = write(at=at), write(at=at)

    assert one.leaf != other.leaf
    assert len({bytes(one.leaf_key), bytes(other.leaf_key)}) == 2


def test_a_changed_fact_no_longer_fits_its_leaf(at) -> None:
    row = write(at=at)
    row.facts = {"party": "another"}

    assert register.leaf_of(row) != row.leaf


def test_when_the_facts_go_the_key_goes_and_the_leaf_stays(at) -> None:
    row = write(at=at)
    leaf = bytes(row.leaf)
    register.forget_key(row, at=at)
    row.refresh_from_db()

    assert (bytes(row.leaf), bytes(row.leaf_key), row.erased_at) == (leaf, b"", at)
    with pytest.raises(Refused, match="its facts were erased on 2026-11-23"):
        register.leaf_of(row)


# ── consultations ────────────────────────────────────────────────────────────────────────


def test_who_looked_at_personal_data_and_why_is_a_row(at) -> None:
    register.consult(noun="office:evidence", actor="ada", at=at, why="case 17", what="abc", shown=3)

    assert list(RegisterRow.objects.values_list("action", "actor", "facts")) == [
        ("office:evidence:consult", "ada", {"why": "case 17", "what": "abc", "shown": 3})
    ]


@pytest.mark.parametrize("why", ["", "  ", "\n"])
def test_looking_without_a_reason_is_refused(why, at) -> None:
    with pytest.raises(Unusable, match="needs a reason"):
        register.consult(noun="office:evidence", actor="ada", at=at, why=why)

    assert not RegisterRow.objects.exists()


# ── months ───────────────────────────────────────────────────────────────────────────────

NOVEMBER = datetime(2026, 11, 5, 12, 0, tzinfo=UTC)
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC)


def test_a_month_is_closed_with_its_counts_as_a_row_of_its_own() -> None:
    forgotten(NOVEMBER, 10)
    forgotten(NOVEMBER, 32, kind="citizen-message")
    write(at=NOVEMBER)
    write(at=DECEMBER)  # belongs to the next
    row = register.close_period("2026-11", at=DECEMBER, by="worker")

    assert row.facts == {
        "period": "2026-11",
        "since": "2026-11-01T00:00:00Z",
        "until": "2026-12-01T00:00:00Z",
        "rows": 3,
        "actions": {
            FORGET: {
                "rows": 2,
                "sum": {"size": 42},
                "by": {"evidence_class": {"citizen-message": 1, "machine-report": 1}},
            },
            MAKE: {"rows": 1},
        },
        "late": {},
    }
    assert (row.action, row.actor) == (register.PERIOD_CLOSED, "worker")
    assert bytes(row.leaf) == register.leaf_of(row)


def test_a_published_figure_stands_after_the_facts_were_erased() -> None:
    forgotten(NOVEMBER, 10)
    other = forgotten(NOVEMBER, 32)
    published = register.close_period("2026-11", at=DECEMBER, by="worker").facts["actions"]
    other.refresh_from_db()
    other.facts = {}
    other.save()
    register.forget_key(other, at=DECEMBER)
    closed, anew, erased = register.recompute("2026-11")

    assert closed.facts["actions"] == published
    assert anew["actions"][FORGET]["sum"] == {"size": 10}
    assert erased == 1


def test_where_nothing_was_erased_the_figure_is_recomputed_from_the_rows() -> None:
    forgotten(NOVEMBER, 10)
    write(at=NOVEMBER)
    row = register.close_period("2026-11", at=DECEMBER, by="worker")
    closed, anew, erased = register.recompute("2026-11")

    assert (closed, erased) == (row, 0)
    assert anew == {"actions": row.facts["actions"], "late": {}}


def test_closing_again_changes_nothing() -> None:
    forgotten(NOVEMBER, 10)
    first = register.close_period("2026-11", at=DECEMBER, by="worker")
    forgotten(NOVEMBER, 99)

    assert register.close_period("2026-11", at=DECEMBER, by="another") == first
    assert RegisterRow.objects.filter(action=register.PERIOD_CLOSED).count() == 1


def test_what_commits_late_is_counted_once_with_the_next_month() -> None:
    write(at=NOVEMBER)
    register.close_period("2026-11", at=DECEMBER, by="worker")
    write(at=NOVEMBER)  # its action began before midnight
    write(at=DECEMBER)
    row = register.close_period("2026-12", at=datetime(2027, 1, 1, tzinfo=UTC), by="worker")

    assert row.facts["actions"][MAKE] == {"rows": 1}
    assert row.facts["late"] == {MAKE: {"rows": 1}}


def test_a_month_that_is_not_over_or_not_the_next_is_refused() -> None:
    write(at=NOVEMBER)
    write(at=DECEMBER)
    january = datetime(2027, 1, 1, tzinfo=UTC)

    with pytest.raises(Refused, match="2026-11 is not over"):
        register.close_period("2026-11", at=DECEMBER - timedelta(microseconds=1), by="worker")
    with pytest.raises(Refused, match="2026-11 is not closed yet"):
        register.close_period("2026-12", at=january, by="worker")
    assert open_months(january) == ["2026-11", "2026-12"]
    register.close_period("2026-11", at=january, by="worker")
    assert open_months(january) == ["2026-12"]


@pytest.mark.parametrize("period", ["2026", "2026-13", "2026-1", "november", "2026-11-01"])
def test_what_is_no_month_is_refused(period) -> None:
    with pytest.raises(Unusable, match="is no month"):
        register.close_period(period, at=DECEMBER, by="worker")


def test_a_month_that_nobody_closed_has_no_figures() -> None:
    with pytest.raises(NotFound, match="2026-11 was not closed"):
        register.recompute("2026-11")
