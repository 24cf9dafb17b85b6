"""Regulation (EU) 2021/784 on terrorist content online (TCO): clocks and lifecycles.

The articles were checked against the text of the Regulation. That days, weeks and months are
counted by Regulation 1182/71 is general Union law, read in excerpts: (unverified).
"""

from datetime import date, timedelta

from tocsin.rules.deadline import Counted, Deadline, Ends, Escalation
from tocsin.rules.lifecycle import Lifecycle, Step
from tocsin.rules.periods import Through, months, weeks, years
from tocsin.words.competences import Competence
from tocsin.words.roles import Role

_SINCE = date(2022, 6, 7)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_CLOCK, _1182 = Counted.CLOCK, Counted.REGULATION_1182_71
_PROVIDER = (Role.PLATFORM,)
_AUTHORITY = (Role.AUTHORITY, Role.LAW_ENFORCEMENT, Role.COURT)
_LATE_HOUR = (Escalation(timedelta(minutes=-15), Role.AUTHORITY),)
_BEFORE_HOUR = (timedelta(minutes=30), timedelta(minutes=15))
_BEFORE_DAYS = (24 * _HOUR, 6 * _HOUR)
_BEFORE_MONTHS = (30 * _DAY, 7 * _DAY)
_COMPLY, _ISSUE = Competence.TCO_COMPLY, Competence.TCO_ISSUE
_SCRUTINISE, _REQUEST = Competence.TCO_SCRUTINISE, Competence.TCO_REQUEST
_JUDGE, _RECORD = Competence.TCO_JUDGE, Competence.NODE_RECORD


def _remove(name: str, starts: str, basis: str) -> Deadline:
    """One hour, from receipt or from when what stood in the way has gone."""
    return Deadline(
        name,
        _PROVIDER,
        starts,
        _HOUR,
        _CLOCK,
        basis,
        "remove the content or disable access to it in all member states",
        _SINCE,
        reminders=_BEFORE_HOUR,
        escalations=_LATE_HOUR,
    )


DEADLINES = (
    Deadline(
        "tco:inform",
        _AUTHORITY,
        "the moment a first order to a provider is to be issued",
        12 * _HOUR,
        _CLOCK,
        "TCO 3(2)",
        "inform the provider of procedures and deadlines, unless it is a justified emergency",
        _SINCE,
        backwards=True,
        reminders=(2 * _HOUR,),
    ),
    Deadline(
        "tco:issue-first",
        _AUTHORITY,
        "a provider that never had an order is informed of procedures and deadlines",
        12 * _HOUR,
        _CLOCK,
        "TCO 3(2)",
        "issue the first order, unless it is a justified emergency",
        _SINCE,
        ends=Ends.NOT_BEFORE,
    ),
    _remove("tco:remove", "a removal order is received", "TCO 3(3)"),
    _remove("tco:remove-possible", "what made removal impossible has ceased", "TCO 3(7)"),
    _remove("tco:remove-clarified", "the clarification is received", "TCO 3(8)"),
    Deadline(
        "tco:scrutinise",
        _AUTHORITY,
        "the copy of a removal order is received",
        72 * _HOUR,
        _CLOCK,
        "TCO 4(3)",
        "reasoned decision, where the order seriously or manifestly infringes",
        _SINCE,
        reminders=_BEFORE_DAYS,
    ),
    Deadline(
        "tco:request-scrutiny",
        (Role.PLATFORM, Role.PUBLIC),
        "the order, or the information about the removal, is received",
        48 * _HOUR,
        _CLOCK,
        "TCO 4(4)",
        "reasoned request for scrutiny",
        _SINCE,
        reminders=(12 * _HOUR,),
    ),
    Deadline(
        "tco:decide-request",
        _AUTHORITY,
        "a request for scrutiny is received",
        72 * _HOUR,
        _CLOCK,
        "TCO 4(4)",
        "reasoned decision, infringement or not",
        _SINCE,
        reminders=_BEFORE_DAYS,
        escalations=(Escalation(-6 * _HOUR, Role.HOST),),
    ),
    Deadline(
        "tco:report-measures",
        _PROVIDER,
        "the decision that the provider is exposed is taken",
        months(3),
        _1182,
        "TCO 5(5)",
        "report on specific measures",
        _SINCE,
        reminders=_BEFORE_MONTHS,
    ),
    Deadline(
        "tco:report-measures-again",
        _PROVIDER,
        "the last report on specific measures is made, and the provider is still exposed",
        years(1),
        _1182,
        "TCO 5(5)",
        "report on specific measures",
        _SINCE,
        reminders=_BEFORE_MONTHS,
    ),
    Deadline(
        "tco:review-exposure",
        _AUTHORITY,
        "a provider asks for review of a decision on its exposure or measures",
        months(3),
        _1182,
        "TCO 5(7)",
        "reasoned decision",
        _SINCE,
        reminders=_BEFORE_MONTHS,
    ),
    Deadline(
        "tco:preserve",
        _PROVIDER,
        "the content is removed",
        months(6),
        _1182,
        "TCO 6",
        "keep content and related data; then erase, unless a review prolongs it",
        _SINCE,
        ends=Ends.NOT_BEFORE,
    ),
    Deadline(
        "tco:publish",
        _PROVIDER,
        "the calendar year ends",
        Through(2, 29),
        _1182,
        "TCO 7",
        "publish the transparency report: before 1 March",
        _SINCE,
        reminders=_BEFORE_MONTHS,
    ),
    Deadline(
        "tco:answer-complaint",
        _PROVIDER,
        "a complaint about a removal by specific measures is received",
        weeks(2),
        _1182,
        "TCO 10",
        "tell the outcome, with reasons where it is rejected",
        _SINCE,
        reminders=(3 * _DAY, _DAY),
    ),
    Deadline(
        "tco:end-silence",
        _AUTHORITY,
        "the decision not to disclose is taken",
        weeks(6),
        _1182,
        "TCO 11",
        "prolong it once by six weeks, or else the content provider is told",
        _SINCE,
        reminders=(7 * _DAY, _DAY),
    ),
    Deadline(
        "tco:end-silence-prolonged",
        _AUTHORITY,
        "the first six weeks of silence end, prolonged",
        weeks(6),
        _1182,
        "TCO 11",
        "the content provider is told: the silence ends by itself",
        _SINCE,
        reminders=(7 * _DAY, _DAY),
    ),
    Deadline(
        "tco:tell-commission",
        _AUTHORITY,
        "the calendar year ends",
        Through(3, 31),
        _1182,
        "TCO 21",
        "figures of the member state to the Commission",
        _SINCE,
        reminders=_BEFORE_MONTHS,
    ),
)

_OURS = "this project's choice: nothing has been issued yet"

ORDER = Lifecycle(
    noun="removal order",
    states=(
        *("drafted", "assessed", "issued", "received", "impossible", "unclear", "removed"),
        *("final", "ceased", "reinstated", "void", "dropped"),
    ),
    start="drafted",
    ends=("final", "reinstated", "void", "dropped"),
    steps=(
        Step("assess", "drafted", "assessed", _ISSUE, "TCO 1(3)"),
        Step("drop", "drafted", "dropped", _ISSUE, _OURS),
        Step("drop", "assessed", "dropped", _ISSUE, _OURS),
        Step("issue", "assessed", "issued", _ISSUE, "TCO 3(1), 3(4), 3(5), 4(1)"),
        Step("receive", "issued", "received", _RECORD, "TCO 3(5)"),
        Step("comply", "received", "removed", _COMPLY, "TCO 3(3), 3(6)"),
        Step("excuse", "received", "impossible", _COMPLY, "TCO 3(7)"),
        Step("resume", "impossible", "received", _COMPLY, "TCO 3(7)"),
        Step("query", "received", "unclear", _COMPLY, "TCO 3(8)"),
        Step("clarify", "unclear", "received", _ISSUE, "TCO 3(8)"),
        *(
            Step("find_infringement", state, "void", _SCRUTINISE, "TCO 4(6)")
            for state in ("issued", "received", "impossible", "unclear")
        ),
        Step("find_infringement", "removed", "ceased", _SCRUTINISE, "TCO 4(6)"),
        Step("annul", "removed", "ceased", _JUDGE, "TCO 9"),
        Step("reinstate", "ceased", "reinstated", _COMPLY, "TCO 4(7)"),
        Step("finalise", "removed", "final", _ISSUE, "TCO 3(9)"),
    ),
)

SCRUTINY = Lifecycle(
    noun="scrutiny of a removal order",
    states=("copied", "requested", "intended", "infringing", "sound", "lapsed"),
    start="copied",
    ends=("infringing", "sound", "lapsed"),
    steps=(
        Step("request", "copied", "requested", _REQUEST, "TCO 4(4)"),
        Step("announce", "copied", "intended", _SCRUTINISE, "TCO 4(5)"),
        Step("announce", "requested", "intended", _SCRUTINISE, "TCO 4(5)"),
        Step("find_infringement", "intended", "infringing", _SCRUTINISE, "TCO 4(3), 4(4)"),
        Step("find_none", "requested", "sound", _SCRUTINISE, "TCO 4(4)"),
        Step("find_none", "intended", "sound", _SCRUTINISE, "TCO 4(3), 4(4)"),
        Step("lapse", "copied", "lapsed", _RECORD, "TCO 4(3): 72 hours without a decision"),
    ),
)

COMPLAINT = Lifecycle(
    noun="complaint",
    states=("filed", "upheld", "reinstated", "rejected"),
    start="filed",
    ends=("reinstated", "rejected"),
    steps=(
        Step("uphold", "filed", "upheld", _COMPLY, "TCO 10"),
        Step("reinstate", "upheld", "reinstated", _COMPLY, "TCO 10"),
        Step("reject", "filed", "rejected", _COMPLY, "TCO 10"),
    ),
)
