"""The vocabulary: what can be read, what is refused, what stands above what."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tocsin.words.classes import SPELLINGS, TAXONOMY, TYPES, taxonomy_of
from tocsin.words.countries import CODES, MEMBER_STATES
from tocsin.words.errors import TocsinError, Unusable
from tocsin.words.fields import FIELDS, Kind, is_field
from tocsin.words.markings import STRICTNESS, TO_IDF, Tlp, read_tlp, strictest
from tocsin.words.moments import as_utc, iso, read_moment, stamp


def test_every_type_belongs_to_one_taxonomy_and_both_spellings_are_read() -> None:
    assert len(TYPES) == sum(len(kinds) for kinds in TAXONOMY.values())
    assert {kind: taxonomy_of(kind) for kind in TYPES} == TYPES
    assert set(SPELLINGS.values()) <= TYPES.keys()
    assert taxonomy_of("unauthorized-use-of-resources") == "fraud"
    assert taxonomy_of("never heard of") == "other"


def test_idf_has_its_89_event_keys_and_extras_need_a_name() -> None:
    assert len(FIELDS) == 89 - 1  # the last one, `extra`, holds what `extra.<name>` are
    assert (is_field("source.ip"), is_field("extra.tag")) == (True, True)
    assert (is_field("extra."), is_field("extra"), is_field("source")) == (False, False, False)
    assert set(FIELDS.values()) == set(Kind)


def test_the_strictest_marking_governs_and_idf_never_says_less() -> None:
    order = [Tlp.CLEAR, Tlp.GREEN, Tlp.AMBER, Tlp.AMBER_STRICT, Tlp.RED]
    said = {"WHITE": Tlp.CLEAR, "GREEN": Tlp.GREEN, "AMBER": Tlp.AMBER, "RED": Tlp.RED}

    assert sorted(Tlp, key=STRICTNESS.__getitem__) == order
    assert strictest(Tlp.AMBER, Tlp.CLEAR, Tlp.AMBER_STRICT, Tlp.GREEN) is Tlp.AMBER_STRICT
    assert [STRICTNESS[said[TO_IDF[tlp]]] >= STRICTNESS[tlp] for tlp in Tlp] == [True] * 5


@pytest.mark.parametrize(
    ("text", "marking"),
    [
        ("amber", Tlp.AMBER),
        ("TLP:AMBER+STRICT", Tlp.AMBER_STRICT),
        ("tlp:amber + strict", Tlp.AMBER_STRICT),
        ("WHITE", Tlp.CLEAR),
        (" TLP:white ", Tlp.CLEAR),
        ("red", Tlp.RED),
    ],
)
def test_a_marking_is_read_in_its_usual_spellings(text: str, marking: Tlp) -> None:
    assert read_tlp(text) is marking


@pytest.mark.parametrize("text", ["", "TLP:", "purple", "AMBER-STRICT", "TLP:TLP:RED", "RED RED"])
def test_what_is_no_marking_is_refused_with_the_possible_ones(text: str) -> None:
    with pytest.raises(Unusable) as refused:
        read_tlp(text)

    assert str(refused.value) == (
        f"{text!r} is no TLP marking. "
        "Possible: TLP:CLEAR, TLP:GREEN, TLP:AMBER, TLP:AMBER+STRICT, TLP:RED"
    )


def test_moments_are_utc_and_one_without_a_zone_is_refused() -> None:
    warsaw = datetime(2026, 6, 17, 11, 0, 59, 999999, tzinfo=timezone(timedelta(hours=2)))

    assert as_utc(warsaw) == datetime(2026, 6, 17, 9, 0, 59, 999999, tzinfo=UTC)
    assert (iso(warsaw), stamp(warsaw)) == ("2026-06-17T09:00:59Z", "20260617T090059Z")
    assert read_moment("2026-06-17T11:00:00+02:00") == datetime(2026, 6, 17, 9, 0, tzinfo=UTC)
    for text in ("2026-06-17T09:00:00", "yesterday", ""):
        with pytest.raises(Unusable):
            read_moment(text)


def test_the_member_states_are_27_countries_and_greece_is_gr() -> None:
    assert len(MEMBER_STATES) == len(set(MEMBER_STATES)) == 27
    assert set(MEMBER_STATES) <= CODES
    assert {"EL", "UK"}.isdisjoint(CODES)


def test_every_error_has_an_exit_code_of_its_own() -> None:
    codes = [kind.exit_code for kind in TocsinError.__subclasses__()]

    assert sorted(codes) == list(range(2, 2 + len(codes)))
