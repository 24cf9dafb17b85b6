"""The response desk: the life of a case, what a party answers, and by when.

None of these spans is law. They are this project's defaults for what an operator agrees with its
parties; an agreement on file may set others. The reasons given are findings of studies, not
duties: docs/explanation/clocks.md.
"""

from datetime import date, timedelta

from tocsin.rules.deadline import Counted, Deadline, Ends, Escalation
from tocsin.rules.lifecycle import Lifecycle, Step
from tocsin.rules.periods import days, working_days
from tocsin.words.competences import Competence
from tocsin.words.roles import Role

_AGREED = "agreement: service levels of the response desk (this project's default)"
_TOLD = "NIS2 11(3)(b) (unverified)"
_SINCE = date(2026, 1, 1)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_DESK = (Role.CSIRT,)
_CONCERNED = (Role.ISP, Role.PLATFORM, Role.REGISTRY, Role.BRAND)
_1182 = Counted.REGULATION_1182_71
_ANSWER, _HANDLE = Competence.RESPONSE_ANSWER, Competence.RESPONSE_HANDLE
_RECORD = Competence.NODE_RECORD

DEADLINES = (
    Deadline(
        "response:tell",
        _DESK,
        "a report is received",
        4 * _HOUR,
        Counted.CLOCK,
        _AGREED,
        "tell everyone concerned",
        _SINCE,
        reminders=(_HOUR,),
        escalations=(Escalation(timedelta(), Role.COORDINATOR),),
    ),
    # A phishing campaign reaches its last victim 21 hours after it began (Oest et al., 2020).
    Deadline(
        "response:tell-phishing",
        _DESK,
        "a report of phishing is received",
        _HOUR,
        Counted.CLOCK,
        _AGREED,
        "tell everyone concerned",
        _SINCE,
        reminders=(timedelta(minutes=30),),
        escalations=(Escalation(timedelta(), Role.COORDINATOR),),
    ),
    Deadline(
        "response:acknowledge",
        _CONCERNED,
        "the party is told",
        working_days(2),
        _1182,
        _AGREED,
        "say that it was received",
        _SINCE,
        reminders=(_DAY,),
        escalations=(Escalation(timedelta(), Role.CSIRT),),
    ),
    # A walled garden had 92 % of customers clean in 14 days (Çetin et al., NDSS 2019).
    Deadline(
        "response:cure",
        _CONCERNED,
        "the party is told",
        days(14),
        _1182,
        _AGREED,
        "say that it is cured, not theirs or wrong",
        _SINCE,
        reminders=(7 * _DAY, 2 * _DAY),
        escalations=(Escalation(7 * _DAY, Role.CSIRT),),
    ),
    Deadline(
        "response:review",
        _DESK,
        "a party says that it is not theirs or wrong",
        working_days(3),
        _1182,
        _AGREED,
        "tell the right party, or withdraw",
        _SINCE,
        reminders=(_DAY,),
    ),
    Deadline(
        "response:answer-reporter",
        _DESK,
        "a report is received",
        working_days(5),
        _1182,
        _AGREED,
        "tell the reporter what became of it",
        _SINCE,
        reminders=(_DAY,),
    ),
    Deadline(
        "response:close",
        _DESK,
        "it was last seen, and the case is cured",
        days(30),
        _1182,
        _AGREED,
        "close the case as not seen again",
        _SINCE,
        ends=Ends.NOT_BEFORE,
    ),
)

# An open case takes what is seen again within this time of its last sighting; later it is a new
# case. As long as the clock of a cure, so that what came back too soon stands with what was said.
SEEN_AGAIN_WITHIN = 14 * _DAY

_OPEN = ("new", "told", "acknowledged", "acted", "cured", "not_ours", "false_positive", "reopened")
_WAITING = ("told", "acknowledged", "acted")


def _answers(name: str, to: str, states: tuple[str, ...]) -> tuple[Step, ...]:
    return tuple(Step(name, state, to, _ANSWER, _AGREED) for state in states)


CASE = Lifecycle(
    noun="case",
    states=(*_OPEN, "closed", "merged"),
    start="new",
    ends=("closed", "merged"),
    steps=(
        Step("tell", "new", "told", _RECORD, _TOLD),
        Step("tell", "reopened", "told", _RECORD, _TOLD),
        *_answers("acknowledge", "acknowledged", ("told",)),
        *_answers("act", "acted", ("told", "acknowledged")),
        *_answers("cure", "cured", _WAITING),
        *_answers("disown", "not_ours", _WAITING),
        *_answers("dispute", "false_positive", _WAITING),
        Step("redirect", "not_ours", "new", _HANDLE, _AGREED),
        Step("uphold", "not_ours", "told", _HANDLE, _AGREED),
        Step("uphold", "false_positive", "told", _HANDLE, _AGREED),
        *(
            Step("see_again", state, "reopened", _RECORD, _AGREED)
            for state in ("acted", "cured", "closed")
        ),
        *(Step("close", state, "closed", _HANDLE, _AGREED) for state in _OPEN),
        *(Step("merge", state, "merged", _HANDLE, _AGREED) for state in (*_OPEN, "closed")),
    ),
)

_CORRECTABLE = ("delivered", "received", "acted", "not_ours", "false_positive")

# What a party says of one delivery. It may correct itself: each answer stays on file.
FEEDBACK = Lifecycle(
    noun="delivery",
    states=(*_CORRECTABLE, "cured"),
    start="delivered",
    ends=("cured", "not_ours", "false_positive"),
    steps=(
        *_answers("receive", "received", ("delivered",)),
        *_answers("act", "acted", ("delivered", "received", "not_ours", "false_positive")),
        *_answers("cure", "cured", _CORRECTABLE),
        *_answers("disown", "not_ours", ("delivered", "received", "acted", "false_positive")),
        *_answers("dispute", "false_positive", ("delivered", "received", "acted", "not_ours")),
    ),
)
