"""One walk through every table of the law: whole, dated, founded, without two answers."""

from collections import defaultdict
from datetime import date, timedelta
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.flow.release import columns_of
from tocsin.rules import concern, disclosure, transfers
from tocsin.rules.concern import CONCERN, NEEDS_AGREEMENT, concerned, sides_of
from tocsin.rules.disclosure import (
    COUNTED,
    DISCLOSURE,
    MAY_RECEIVE,
    NEVER_PARTS,
    NEVER_WORDS,
    Act,
    Disclose,
    disclosed_fields,
    is_secret,
    rule,
)
from tocsin.words.classes import TYPES
from tocsin.words.countries import CODES
from tocsin.words.fields import EXTRA, FIELDS
from tocsin.words.markings import STRICTNESS, Tlp
from tocsin.words.relations import Relation, Side

ON = date(2026, 6, 17)
LAST = date.max
FIXED = settings(max_examples=200, deadline=None, derandomize=True)


# ── concern ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", TYPES)
def test_every_class_concerns_the_holder_the_state_and_the_reporter(kind: str) -> None:
    told = {row.relation for row in concerned(kind, "") if row.side is Side.SOURCE}

    assert told >= {Relation.NETWORK, Relation.CSIRT, Relation.REPORTER}


def test_every_row_of_concern_has_a_class_a_reason_and_stands_once() -> None:
    keys = [(row.type, row.side, row.relation, row.identifier) for row in CONCERN]

    assert len(keys) == len(set(keys))
    assert {row.type for row in CONCERN} == set(TYPES)
    assert [row for row in CONCERN if not row.why.strip()] == []


def test_every_relation_is_told_of_some_class_and_only_two_need_an_agreement() -> None:
    assert {row.relation for row in CONCERN} == set(Relation)
    assert NEEDS_AGREEMENT == COUNTED == {Relation.LAW_ENFORCEMENT, Relation.COORDINATOR}
    assert set(Relation) - concern.ACTING == NEEDS_AGREEMENT | {Relation.REPORTER}


def test_only_an_attack_concerns_the_destination() -> None:
    sides = {kind: sides_of(Relation.NETWORK, kind) for kind in TYPES}

    both = (Side.SOURCE, Side.DESTINATION)
    assert {kind for kind, found in sides.items() if found == both} == {"ddos", "dos"}
    assert set(sides.values()) == {both, (Side.SOURCE,)}


@pytest.mark.parametrize(
    ("identifier", "holders"),
    [
        ("", {Side.SOURCE, Side.DESTINATION}),
        ("amplification-ddos-victim", {Side.SOURCE}),
        ("honeypot-ddos", {Side.SOURCE}),
        ("ddos-participant", {Side.SOURCE}),
        ("honeypot-ddos-target", {Side.DESTINATION}),
    ],
)
def test_the_rows_of_an_identifier_stand_above_those_of_its_class(
    identifier: str, holders: set[Side]
) -> None:
    rows = concerned("ddos", identifier)

    assert {row.identifier for row in rows} == {identifier}
    assert {row.side for row in rows if row.relation is Relation.NETWORK} == holders


def test_an_identifier_that_no_row_names_changes_nothing() -> None:
    assert concerned("ddos", "mirai") == concerned("ddos", "")


# ── disclosure ───────────────────────────────────────────────────────────────────────────


def test_every_disclosure_names_a_field_a_purpose_a_basis_and_ends_after_it_began() -> None:
    for row in DISCLOSURE:
        assert row.field in FIELDS or row.field.startswith(EXTRA), row
        assert row.purpose, row
        assert row.basis, row
        assert row.type == "*" or row.type in TYPES, row
        assert row.relation in set(Relation), row
        assert row.act in set(Act), row
        assert row.until is None or row.since <= row.until, row


def test_no_two_disclosures_answer_the_same_question_on_the_same_day() -> None:
    rows: dict[tuple[object, ...], list[Disclose]] = defaultdict(list)
    for row in DISCLOSURE:
        rows[row.relation, row.side, row.type, row.field].append(row)
    overlapping = [
        (one, other)
        for same in rows.values()
        for one, other in combinations(same, 2)
        if one.since <= (other.until or LAST) and other.since <= (one.until or LAST)
    ]

    assert overlapping == []


def test_every_relation_that_is_told_of_a_side_sees_something_of_it() -> None:
    told = {(row.relation, row.side) for row in CONCERN}
    seen = {(row.relation, row.side) for row in DISCLOSURE}

    assert seen == told


def test_a_coarse_address_has_a_network_to_stand_in_and_pseudonyms_hide_texts_only() -> None:
    coarse = {row.field for row in DISCLOSURE if row.act is Act.COARSEN}

    assert coarse == {"source.ip", "destination.ip", "time.source"}
    assert {row.field for row in DISCLOSURE if row.act is Act.PSEUDONYMISE} == {"source.account"}


def test_figures_hold_no_personal_field() -> None:
    for relation in COUNTED:
        assert set(disclosed_fields(relation, ON)) == {
            "classification.taxonomy",
            "classification.type",
            "malware.name",
            "source.geolocation.cc",
            "time.source",
        }


def test_no_disclosure_is_valid_before_its_first_day_or_after_its_last() -> None:
    first = min(row.since for row in DISCLOSURE)

    for relation in Relation:
        assert disclosed_fields(relation, first - timedelta(days=1)) == ()


def test_every_disclosed_field_has_a_column_in_the_delivery() -> None:
    for relation in Relation:
        assert set(disclosed_fields(relation, ON)) - set(columns_of(relation, ON)) == set()


def test_an_unknown_column_goes_to_the_holder_of_the_source_address_alone() -> None:
    opened = {
        (relation, side)
        for relation in Relation
        for side in Side
        for kind in TYPES
        if rule(relation, side, kind, "extra.nobody_has_seen_this", ON).act is not Act.DROP
    }

    assert opened == {(Relation.NETWORK, Side.SOURCE)}


def test_a_field_without_a_row_is_dropped_and_the_ruling_says_so() -> None:
    ruling = rule(Relation.BRAND, Side.SOURCE, "phishing", "source.ip", ON)

    assert (ruling.act, ruling.row) == (Act.DROP, None)
    assert ruling.because == "withheld: no rule discloses this field to this relation"


def test_a_row_of_the_class_stands_above_the_row_of_all_classes(monkeypatch) -> None:
    every = Disclose(Relation.BRAND, "*", "comment", Act.KEEP, "p", "b")
    exact = Disclose(Relation.BRAND, "phishing", "comment", Act.DROP, "p", "b")
    over = Disclose(Relation.BRAND, "*", "output", Act.KEEP, "p", "b", until=ON - timedelta(days=1))
    monkeypatch.setattr(disclosure, "DISCLOSURE", (every, exact, over))
    disclosure._valid.cache_clear()
    rule.cache_clear()
    try:
        said = [
            rule(Relation.BRAND, Side.SOURCE, kind, field, ON).row
            for kind, field in (("phishing", "comment"), ("spam", "comment"), ("spam", "output"))
        ]
    finally:
        disclosure._valid.cache_clear()
        rule.cache_clear()

    assert said == [exact, every, None]


# ── never ────────────────────────────────────────────────────────────────────────────────

SECRET_COLUMNS = (
    "password",
    "PASSWORD",
    "passwd",
    "smtp_pass",
    "pwd",
    "pin",
    "userpass",
    "http_postdata",
    "http_request",
    "request_raw",
    "payload",
    "raw_packet",
    "set_cookie",
    "authorization",
    "proxy_authorization",
    "community",
    "snmp.community",
    "access_token",
    "accessToken",
    "api-key",
    "private_key",
    "client_secret",
    "sessionid",
    "credentials",
)


@pytest.mark.parametrize("column", SECRET_COLUMNS)
def test_a_column_named_for_a_secret_is_released_to_nobody(column: str) -> None:
    acts = {
        rule(relation, side, kind, EXTRA + column, ON).act
        for relation in Relation
        for side in Side
        for kind in TYPES
    }

    assert acts == {Act.NEVER}


@given(
    before=st.text("abcdefghijklmnopqrstuvwxyz0123456789_.", max_size=12),
    part=st.sampled_from(NEVER_PARTS),
    after=st.text("abcdefghijklmnopqrstuvwxyz0123456789_.", max_size=12),
    asked=st.tuples(
        st.sampled_from(Relation), st.sampled_from(Side), st.sampled_from(sorted(TYPES))
    ),
)
@FIXED
def test_never_beats_everything_wherever_the_word_stands(
    before: str, part: str, after: str, asked: tuple[Relation, Side, str]
) -> None:
    for name in (before + part + after, (before + part + after).upper()):
        assert rule(*asked, EXTRA + name, ON).act is Act.NEVER


@given(
    words=st.lists(st.sampled_from(["a", "snmp", "4", "shopping", "spinning"]), max_size=3),
    secret=st.sampled_from(sorted(NEVER_WORDS)),
    mark=st.sampled_from("_.-"),
    data=st.data(),
)
@FIXED
def test_a_short_word_is_secret_as_a_word_and_not_as_letters(
    words: list[str], secret: str, mark: str, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(words)))

    assert is_secret(EXTRA + mark.join([*words[:at], secret, *words[at:]])) is True
    assert is_secret(EXTRA + mark.join(["n", *words])) is False


def test_only_extras_can_be_secret_and_no_row_opens_one() -> None:
    assert [name for name in FIELDS if is_secret(name)] == []
    assert [row for row in DISCLOSURE if is_secret(row.field)] == []


# ── markings ─────────────────────────────────────────────────────────────────────────────


def test_red_is_sent_to_nobody_and_a_stricter_marking_never_reaches_more() -> None:
    ordered = sorted(MAY_RECEIVE, key=STRICTNESS.__getitem__)

    assert set(ordered) == set(Tlp)
    assert MAY_RECEIVE[Tlp.RED] == frozenset()
    for weaker, stricter in pairwise(ordered):
        assert MAY_RECEIVE[stricter] <= MAY_RECEIVE[weaker]


def test_amber_strict_stays_with_the_organisations_concerned() -> None:
    assert MAY_RECEIVE[Tlp.AMBER] - MAY_RECEIVE[Tlp.AMBER_STRICT] == COUNTED
    assert MAY_RECEIVE[Tlp.CLEAR] == set(Relation)


# ── transfers ────────────────────────────────────────────────────────────────────────────


def test_every_country_has_one_answer_and_adequacy_ends_after_it_began() -> None:
    countries = [row.country for row in transfers.ADEQUATE]

    assert len(countries) == len(set(countries))
    assert set(countries) | set(transfers.EEA) <= CODES
    assert set(countries).isdisjoint(transfers.EEA)
    assert [row for row in transfers.ADEQUATE if row.until and row.since > row.until] == []


@pytest.mark.parametrize(
    ("country", "basis"),
    [
        ("BE", "no transfer: the recipient is inside the European Economic Area"),
        ("NO", "no transfer: the recipient is inside the European Economic Area"),
        ("CH", "GDPR 45: adequacy decision of 2000-07-26 (unverified)"),
        ("RU", None),
        ("", None),
        ("be", None),
    ],
)
def test_a_transfer_needs_a_basis_on_file(country: str, basis: str | None) -> None:
    assert transfers.transfer_basis(country, ON) == basis


def test_an_adequacy_decision_says_nothing_of_the_day_before_it() -> None:
    assert transfers.transfer_basis("KR", date(2021, 12, 16)) is None
    assert transfers.transfer_basis("KR", date(2021, 12, 17)) is not None
