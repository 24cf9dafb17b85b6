"""Notification of incidents under Directive (EU) 2022/2555 (NIS2), art. 23(4) and art. 30.

A directive binds the states: what an entity owes is what its state has enacted, which may be
stricter. The article was read in copies that agree with each other, not in the Official Journal;
every row is (unverified), and `since` is the day by which the states had to apply their law.
"""

from datetime import date, timedelta

from tocsin.rules.deadline import Counted, Deadline, Escalation
from tocsin.rules.lifecycle import Lifecycle, Step
from tocsin.rules.periods import months
from tocsin.words.competences import Competence
from tocsin.words.roles import Role

_ENTITY = (Role.ISP, Role.PLATFORM, Role.REGISTRY, Role.BRAND)
_SINCE = date(2024, 10, 18)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_NOTIFY, _RECEIVE = Competence.NIS2_NOTIFY, Competence.NIS2_RECEIVE
_A, _B, _C, _D, _E = (f"NIS2 23(4)({point}) (unverified)" for point in "abcde")
_VOLUNTARY = "NIS2 30 (unverified)"

DEADLINES = (
    Deadline(
        name="nis2:warn",
        owed_by=_ENTITY,
        starts="the entity becomes aware of a significant incident",
        within=24 * _HOUR,
        counted=Counted.CLOCK,
        basis=_A,
        does="early warning",
        since=_SINCE,
        reminders=(12 * _HOUR, 4 * _HOUR),  # no escalation: nobody but the entity knows of it yet
    ),
    Deadline(
        name="nis2:notify",
        owed_by=_ENTITY,
        starts="the entity becomes aware of a significant incident",
        within=72 * _HOUR,
        counted=Counted.CLOCK,
        basis=_B,
        does="incident notification with a first assessment",
        since=_SINCE,
        reminders=(24 * _HOUR, 6 * _HOUR),
        escalations=(Escalation(timedelta(), Role.CSIRT),),
    ),
    Deadline(
        name="nis2:report",
        owed_by=_ENTITY,
        starts="the incident notification is submitted",
        within=months(1),
        counted=Counted.REGULATION_1182_71,
        basis=_D,
        does="final report, or a progress report while the incident lasts (point e)",
        since=_SINCE,
        reminders=(7 * _DAY, _DAY),
        escalations=(Escalation(timedelta(), Role.CSIRT),),
    ),
    Deadline(
        name="nis2:report-handled",
        owed_by=_ENTITY,
        starts="a lasting incident has been handled",
        within=months(1),
        counted=Counted.REGULATION_1182_71,
        basis=_E,
        does="final report after a progress report",
        since=_SINCE,
        reminders=(7 * _DAY, _DAY),
        escalations=(Escalation(timedelta(), Role.CSIRT),),
    ),
)

# Intermediate reports are owed on request and without a span of their own (point c).
NOTIFICATION = Lifecycle(
    noun="incident notification",
    states=("aware", "warned", "notified", "asked", "lasting", "handled", "reported", "dropped"),
    start="aware",
    ends=("reported", "dropped"),
    steps=(
        Step("warn", "aware", "warned", _NOTIFY, _A),
        Step("notify", "aware", "notified", _NOTIFY, _B),
        Step("notify", "warned", "notified", _NOTIFY, _B),
        Step("ask", "notified", "asked", _RECEIVE, _C),
        Step("update", "asked", "notified", _NOTIFY, _C),
        Step("progress", "notified", "lasting", _NOTIFY, _E),
        Step("progress", "asked", "lasting", _NOTIFY, _E),
        Step("handle", "lasting", "handled", _NOTIFY, _E),
        Step("report", "notified", "reported", _NOTIFY, _D),
        Step("report", "asked", "reported", _NOTIFY, _D),
        Step("report", "handled", "reported", _NOTIFY, _E),
        Step("drop", "aware", "dropped", _NOTIFY, "NIS2 23(3): not significant (unverified)"),
        Step("drop", "warned", "dropped", _NOTIFY, "NIS2 23(3): not significant (unverified)"),
    ),
)

VOLUNTARY = Lifecycle(
    noun="voluntary notification",
    states=("drafted", "sent", "acknowledged", "closed", "dropped"),
    start="drafted",
    ends=("closed", "dropped"),
    steps=(
        Step("send", "drafted", "sent", _NOTIFY, _VOLUNTARY),
        Step("drop", "drafted", "dropped", _NOTIFY, _VOLUNTARY),
        Step("acknowledge", "sent", "acknowledged", _RECEIVE, _VOLUNTARY),
        Step("close", "acknowledged", "closed", _RECEIVE, _VOLUNTARY),
    ),
)
