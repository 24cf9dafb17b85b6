"""The clocks of the desk: of cases, one per delivery that told of them; of reports, their answer.

Who is told of five hundred infections in one message owes one answer by one day, and gets one
reminder. Clocks run for members alone: nobody else has agreed to them.
"""

from datetime import datetime
from uuid import UUID

from tocsin.desks.response.models import Case
from tocsin.office import deadlines
from tocsin.office.models import Deadline, Delivery, Party
from tocsin.rules import response
from tocsin.rules.calendar import PublicHolidays, country
from tocsin.rules.deadline import in_force
from tocsin.words.errors import NotFound
from tocsin.words.moments import as_utc, read_zone
from tocsin.words.roles import Role

ACKNOWLEDGE, CURE, REVIEW = "response:acknowledge", "response:cure", "response:review"
ANSWER_REPORTER = "response:answer-reporter"
UNANSWERED = ("new", "told", "reopened")
UNMENDED = (*UNANSWERED, "acknowledged", "acted")
DENIED = ("not_ours", "false_positive")
_NOWHERE = "BE"  # where the Union's own institutions count their days


def place_of(party: Party | None) -> tuple[str, PublicHolidays]:
    """Zone and holidays of a party's country; a country that is not on file counts as Brussels."""
    code = party.country if party else ""
    try:
        row = country(code)
    except NotFound:
        row = country(_NOWHERE)
    return row.zone, PublicHolidays(row.code)


def start(name: str, matter: UUID, owing: Party | None, *, by: str, at: datetime) -> None:
    """Start a clock of the response desk for a delivery, or for what was brought in."""
    zone, holidays = place_of(owing)
    rule = in_force(response.DEADLINES, name, on=as_utc(at).date())
    if owing is not None and (not owing.member or Role(owing.role) not in rule.owed_by):
        return
    deadlines.start(
        rule,
        matter=matter,
        party=owing,
        started_at=at,
        zone=read_zone(zone),
        holidays=holidays,
        by=by,
        at=at,
    )


def told(delivery: Delivery, *, by: str, at: datetime) -> None:
    """The party was told: it owes an answer, and later a remedy."""
    for name in (ACKNOWLEDGE, CURE):
        start(name, delivery.uid, delivery.party, by=by, at=at)


def answered(case: Case, *, by: str, at: datetime) -> None:
    """Stop the clocks of a delivery when the last of its cases is answered, mended or reviewed."""
    if case.told_in is not None:
        settle(case.told_in, by=by, at=at)
        if case.state in DENIED and not _is_running(case.told_in):
            start(REVIEW, case.told_in.uid, desk(), by=by, at=at)


def settle(delivery: Delivery, *, by: str, at: datetime) -> None:
    """Stop every clock of a delivery that none of its cases keeps running."""
    states = set(Case.objects.filter(told_in=delivery).values_list("state", flat=True).distinct())
    for name, waiting in ((ACKNOWLEDGE, UNANSWERED), (CURE, UNMENDED), (REVIEW, DENIED)):
        if not states & set(waiting):
            deadlines.meet(delivery.uid, name, by=by, at=at)


def _is_running(delivery: Delivery) -> bool:
    return Deadline.objects.filter(matter=delivery.uid, rule=REVIEW, met_at=None).exists()


def desk() -> Party | None:
    """The party that runs this node."""
    return Party.objects.filter(runs_node=True).first()
