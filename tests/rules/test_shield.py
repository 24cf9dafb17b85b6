"""A listing needs two people, an override a third, an appeal somebody who did not list it."""

from datetime import UTC, datetime, timedelta

import pytest

from tocsin.rules.lifecycle import NODE, Actor, Lifecycle, possible, take
from tocsin.rules.listing import CAUTIONS, SCOPES, Caution, Scope, expires_at, rechecks_at
from tocsin.rules.shield import (
    APPEAL,
    CAMPAIGN,
    DEADLINES,
    IN_FORCE,
    LISTING,
    SEPARATIONS,
    Taken,
    require_another_person,
    require_overrides,
)
from tocsin.words.competences import Competence
from tocsin.words.errors import Refused
from tocsin.words.roles import Role

AT = datetime(2026, 8, 31, 22, 30, tzinfo=UTC)
BANK = Actor(Role.BRAND, frozenset({Competence.SHIELD_PROPOSE}))
REVIEWER = Actor(Role.CSIRT, frozenset({Competence.SHIELD_PROPOSE, Competence.SHIELD_REVIEW}))
PROVIDER = Actor(Role.ISP, frozenset(Competence))


def walk(*steps: tuple[str, Actor]) -> str:
    state = LISTING.start
    for step, by in steps:
        state = take(LISTING, state, step, by)
    return state


def test_a_bank_approves_first_and_the_node_second() -> None:
    assert walk(("approve", BANK), ("confirm", REVIEWER)) == "listed"


def test_a_trusted_partner_is_never_the_second() -> None:
    with pytest.raises(Refused) as refused:
        walk(("approve", BANK), ("confirm", PROVIDER))

    assert str(refused.value) == (
        "listing: an isp cannot confirm while approved. Possible: override (by csirt or "
        "authority), confirm (by csirt or authority), reject (by csirt or authority), "
        "lapse (by the node itself)"
    )


def test_nothing_is_listed_without_two_steps() -> None:
    ways = [row for row in LISTING.steps if row.to in IN_FORCE and row.of not in IN_FORCE]

    assert [(row.of, row.name) for row in ways] == [("approved", "confirm")]
    assert not any(row.competence is Competence.NODE_RECORD for row in ways)


def test_a_renewal_needs_two_as_well_and_lets_it_stand_meanwhile() -> None:
    asked = walk(("approve", BANK), ("confirm", REVIEWER), ("renew", BANK))

    assert asked in IN_FORCE
    assert take(LISTING, asked, "confirm", REVIEWER) == "listed"
    assert take(LISTING, asked, "expire", NODE) == "expired"
    assert [row.name for row in possible(LISTING, asked, BANK)] == []


def refused(lifecycle: Lifecycle, step: str, person: str, *before: Taken) -> str:
    with pytest.raises(Refused) as found:
        require_another_person(lifecycle, step, person=person, before=before)
    return str(found.value)


def test_the_same_person_does_not_approve_twice() -> None:
    first = Taken("approve", "ada")

    require_another_person(LISTING, "confirm", person="bo", before=(first,))
    assert refused(LISTING, "confirm", "ada", first) == (
        "listing: a listing is approved by two different people. You took 'approve', so you "
        "cannot confirm. Possible: somebody else with shield.review"
    )
    assert "two different people" in refused(LISTING, "confirm", "ada", Taken("renew", "ada"))


def test_an_override_is_a_third_person_s() -> None:
    steps = (Taken("approve", "ada"), Taken("override", "cy"))

    require_another_person(LISTING, "confirm", person="bo", before=steps)
    assert "third person" in refused(LISTING, "override", "ada", *steps)
    assert "third person" in refused(LISTING, "confirm", "cy", *steps)


@pytest.mark.parametrize("step", ["take", "uphold", "dismiss"])
@pytest.mark.parametrize("before", ["approve", "override", "confirm", "renew"])
def test_nobody_judges_what_they_listed(step: str, before: str) -> None:
    require_another_person(APPEAL, step, person="bo", before=(Taken(before, "ada"),))
    assert "nobody decides" in refused(APPEAL, step, "ada", Taken(before, "ada"))


def test_who_rejected_or_withdrew_may_judge() -> None:
    require_another_person(APPEAL, "take", person="ada", before=(Taken("reject", "ada"),))


def test_every_separation_names_steps_that_there_are() -> None:
    cycles = {"listing": LISTING, "appeal": APPEAL}
    listing = {row.name for row in LISTING.steps}

    for row in SEPARATIONS:
        assert row.step in {step.name for step in cycles[row.noun].steps}
        assert set(row.after) <= listing


def test_an_open_warning_stops_a_listing_until_somebody_overrides_it() -> None:
    warned = {"top_site": "shop.example falls under shop.example, one of the most visited sites"}

    require_overrides({}, overridden=frozenset())
    require_overrides(warned, overridden=frozenset({"top_site"}))
    with pytest.raises(Refused, match="a third person overrides it with a reason, or reject"):
        require_overrides(warned, overridden=frozenset({"brand_own"}))


def test_a_listing_ends_by_itself_within_six_months_whatever_month_it_begins_in() -> None:
    for month in range(1, 13):
        listed = datetime(2026, month, 28, tzinfo=UTC)
        year, later = divmod(month + 5, 12)

        end = expires_at(Scope.DOMAIN, listed_at=listed)
        assert end <= datetime(2026 + year, later + 1, 28, tzinfo=UTC)
    assert expires_at(Scope.URL, listed_at=AT) == AT + timedelta(days=14)


@pytest.mark.parametrize("scope", Scope)
def test_a_listing_is_looked_at_again_before_it_ends_the_first_time_after_a_day(
    scope: Scope,
) -> None:
    looks = rechecks_at(scope, listed_at=AT)

    assert looks[0] == AT + timedelta(days=1)
    assert list(looks) == sorted(set(looks))
    assert looks[-1] < expires_at(scope, listed_at=AT)


def test_only_an_address_is_never_blocked_by_name() -> None:
    assert list(SCOPES) == list(Scope)
    assert [row.scope for row in SCOPES.values() if not row.is_blocked_by_name] == [Scope.URL]


def test_what_everybody_needs_and_whole_suffixes_can_be_overridden_by_nobody() -> None:
    assert list(CAUTIONS) == list(Caution)
    final = {row.caution for row in CAUTIONS.values() if not row.is_overridable}

    assert final == {Caution.ALWAYS_PASSES, Caution.PUBLIC_SUFFIX}


def test_both_approvals_and_the_detection_fit_before_the_last_victim() -> None:
    spans = {row.name: row.within for row in DEADLINES}
    detected = timedelta(hours=9)

    both = spans["shield:approve"], spans["shield:confirm"]
    assert all(isinstance(one, timedelta) for one in both)
    assert detected + sum((one for one in both if isinstance(one, timedelta)), timedelta()) < (
        CAMPAIGN
    )
