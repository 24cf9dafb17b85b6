"""Running clocks: reminded once, escalated once, met or passed, whatever dies in between."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from tocsin.channels import folder
from tocsin.office import deadlines, leases, outbox, register
from tocsin.office.models import Deadline, Delivery, Party
from tocsin.rules.calendar import PublicHolidays
from tocsin.rules.deadline import Counted, Escalation
from tocsin.rules.deadline import Deadline as Rule
from tocsin.words.roles import Role

pytestmark = pytest.mark.django_db(transaction=True)

MATTER = UUID("8d1c2a9e-0000-4000-8000-000000000017")
HOUR = timedelta(hours=1)
# The night in which the clocks of Europe go back: 24 hours are 24 hours.
STARTED = datetime(2026, 10, 24, 20, 0, tzinfo=UTC)
# As NIS2 has it, and the CSIRT is told when it passes: rows of the tables may change, clocks not.
WARN = Rule(
    name="test:warn",
    owed_by=(Role.ISP,),
    starts="the entity becomes aware of a significant incident",
    within=24 * HOUR,
    counted=Counted.CLOCK,
    basis="NIS2 23(4)(a) (unverified)",
    does="early warning",
    since=date(2024, 10, 18),
    reminders=(12 * HOUR, 4 * HOUR),
    escalations=(Escalation(timedelta(), Role.CSIRT),),
)


@pytest.fixture(autouse=True)
def chain(at) -> dict[str, Party]:
    """A provider that owes, its CSIRT, and the CSIRT of another state."""
    words = {"channel": "folder", "format": "idf-csv", "created_at": at, "updated_at": at}
    named = [("meadow-net", "isp", "BE"), ("csirt-be", "csirt", "BE"), ("csirt-at", "csirt", "AT")]
    return {
        slug: Party.objects.create(
            slug=slug, name=slug.title(), role=role, country=country, **words
        )
        for slug, role, country in named
    }


@pytest.fixture
def clock(chain) -> Deadline:
    return deadlines.start(
        WARN,
        matter=MATTER,
        party=chain["meadow-net"],
        started_at=STARTED,
        zone=ZoneInfo("Europe/Brussels"),
        holidays=PublicHolidays("BE"),
        by="ada",
        at=STARTED,
    )


@pytest.fixture
def ring(store):
    """Lets everything ring that is due at a moment; says what was queued for whom."""

    def at_moment(moment: datetime, owner: str = "w1") -> list[str]:
        before = set(Delivery.objects.values_list("pk", flat=True))
        deadlines.remind([WARN], owner=owner, at=moment, store_folder=store.path, node="n")
        new = Delivery.objects.exclude(pk__in=before).order_by("pk")
        return sorted(new.values_list("party__slug", flat=True))

    return at_moment


def test_a_clock_of_hours_runs_through_the_night_in_which_clocks_go_back(clock) -> None:
    assert clock.due_at == STARTED + 24 * HOUR
    assert clock.next_attempt_at == STARTED + 12 * HOUR
    facts = register.rows(action="office:deadline:start").get().facts
    assert (facts["rule"], facts["party"], facts["due"]) == (
        "test:warn",
        "meadow-net",
        "2026-10-25T20:00:00Z",
    )


def test_whoever_owes_is_reminded_and_when_it_passes_the_csirt_of_its_state_is_told(
    clock, ring
) -> None:
    told = {hours: ring(STARTED + hours * HOUR) for hours in (1, 12, 13, 20, 23, 24, 25)}

    assert told == {
        1: [],
        12: ["meadow-net"],
        13: [],
        20: ["meadow-net"],
        23: [],
        24: ["csirt-be"],
        25: ["meadow-net"],
    }
    clock.refresh_from_db()
    assert (clock.state, clock.next_attempt_at) == (Deadline.State.PASSED, None)
    assert [row.facts["told"] for row in register.rows(action="office:deadline:remind")] == [
        ["meadow-net"],
        ["meadow-net"],
        ["csirt-be"],
        ["meadow-net"],
    ]


def test_after_a_long_absence_a_clock_rings_once_for_all_that_was_missed(clock, ring) -> None:
    assert ring(STARTED + 48 * HOUR) == ["csirt-be", "meadow-net"]
    assert ring(STARTED + 49 * HOUR) == []


def test_what_is_done_in_time_rings_no_more(clock, ring) -> None:
    met = deadlines.meet(MATTER, "test:warn", by="bob", at=STARTED + 3 * HOUR)

    assert met.state == Deadline.State.MET
    assert ring(STARTED + 30 * HOUR) == []
    assert register.rows(action="office:deadline:meet").get().facts["is_late"] is False
    assert deadlines.meet(MATTER, "test:warn", by="bob", at=STARTED + 4 * HOUR) is None


def test_what_is_done_late_is_written_down_as_late(clock, ring) -> None:
    ring(STARTED + 30 * HOUR)
    met = deadlines.meet(MATTER, "test:warn", by="bob", at=STARTED + 31 * HOUR)

    assert (met.state, met.met_at) == (Deadline.State.PASSED, STARTED + 31 * HOUR)
    assert register.rows(action="office:deadline:meet").get().facts["is_late"] is True
    assert not deadlines.overdue(STARTED + 32 * HOUR).exists()


def test_a_withdrawn_clock_is_silent_and_says_why(clock, ring) -> None:
    assert deadlines.withdraw(MATTER, why="no incident", by="bob", at=STARTED) == 1
    assert ring(STARTED + 30 * HOUR) == []
    assert register.rows(action="office:deadline:withdraw").get().facts["why"] == "no incident"
    assert deadlines.withdraw(MATTER, why="again", by="bob", at=STARTED) == 0


def test_the_same_start_again_is_the_same_clock(clock, chain) -> None:
    again = deadlines.start(
        WARN,
        matter=MATTER,
        party=chain["meadow-net"],
        started_at=STARTED,
        zone=ZoneInfo("Europe/Brussels"),
        holidays=PublicHolidays("BE"),
        by="ada",
        at=STARTED,
    )

    assert again == clock
    assert register.rows(action="office:deadline:start").count() == 1


def test_a_worker_that_dies_while_a_clock_rings_loses_and_doubles_nothing(clock, ring) -> None:
    moment = STARTED + 12 * HOUR
    leases.take(Deadline.objects.all(), owner="dead", at=moment)

    assert ring(moment + timedelta(minutes=9)) == []
    assert ring(moment + timedelta(minutes=10), "w2") == ["meadow-net"]
    assert ring(moment + timedelta(minutes=11), "w3") == []


def test_what_is_owed_and_what_is_overdue_can_be_asked(clock) -> None:
    assert list(deadlines.due_before(STARTED + 25 * HOUR)) == [clock]
    assert list(deadlines.due_before(STARTED + 24 * HOUR)) == []
    assert list(deadlines.overdue(STARTED + 24 * HOUR)) == []
    assert list(deadlines.overdue(STARTED + 25 * HOUR)) == [clock]


def test_a_notice_reaches_the_folder_with_a_manifest_and_the_law(
    clock, ring, store, tmp_path
) -> None:
    moment = STARTED + 12 * HOUR
    ring(moment)
    (tmp_path / "out").mkdir()
    (outcome,) = outbox.deliver_due(
        owner="w1",
        at=moment,
        channels={"folder": folder.CHANNEL},
        store_folder=store.path,
        settings={"folder": {"root": str(tmp_path / "out")}},
    )

    assert outcome.state == "delivered"
    text = next((tmp_path / "out" / "meadow-net").glob("notice-*.txt")).read_text()
    assert text == (
        "Deadline is due: test:warn, 2026-10-25T20:00:00Z\n"
        "\n"
        "You owe this by 2026-10-25T20:00:00Z: early warning\n"
        "\n"
        "Started: 2026-10-24T20:00:00Z (the entity becomes aware of a significant incident)\n"
        "Safe date: 2026-10-25T20:00:00Z\n"
        "Latest legal date: 2026-10-25T20:00:00Z\n"
        "Basis: NIS2 23(4)(a) (unverified)\n"
        f"Matter: {MATTER}\n"
    )
    assert len(list((tmp_path / "out" / "meadow-net").glob("*.manifest.json"))) == 1


def test_a_reminder_is_in_the_language_of_the_party(clock, ring, store) -> None:
    Party.objects.update(language="fr")
    ring(STARTED + 12 * HOUR)

    text = (store.path / Delivery.objects.get().path).read_text("utf-8")
    assert text == (
        "Échéance à venir\u00a0: test:warn, 2026-10-25T20:00:00Z\n"
        "\n"
        "Vous devez ceci avant le 2026-10-25T20:00:00Z\u00a0: alerte précoce\n"
        "\n"
        "Début\u00a0: 2026-10-24T20:00:00Z (l’entité prend connaissance d’un incident important)\n"
        "Date sûre\u00a0: 2026-10-25T20:00:00Z\n"
        "Dernière date légale\u00a0: 2026-10-25T20:00:00Z\n"
        "Fondement\u00a0: NIS2 23(4)(a) (non vérifié)\n"
        f"Affaire\u00a0: {MATTER}\n"
    )
