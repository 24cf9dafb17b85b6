"""Clocks of Regulation (EU) 2023/1543 on European Production and Preservation Orders.

Articles 4 to 28 were read; that periods are counted by Regulation 1182/71 is an inference and
(unverified), so each day stands twice: safe and latest.
"""

from datetime import date, timedelta

from tocsin.rules.deadline import Counted, Deadline, Ends, Escalation
from tocsin.rules.periods import Through, days, working_days
from tocsin.words.roles import Role

_SINCE = date(2026, 8, 18)  # art. 34(2)
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_PROVIDER = (Role.PLATFORM, Role.ISP, Role.REGISTRY)
_ISSUER = (Role.COURT, Role.LAW_ENFORCEMENT, Role.AUTHORITY)
_ENFORCER = (Role.AUTHORITY, Role.COURT)
_1182 = Counted.REGULATION_1182_71
_LATE = (Escalation(timedelta(), Role.AUTHORITY),)
_BEFORE_DAYS = (3 * _DAY, _DAY)
_BEFORE_HOURS = (4 * _HOUR, _HOUR)

DEADLINES = (
    Deadline(
        "ee:produce",
        _PROVIDER,
        "a production order is received",
        days(10),
        _1182,
        "e-Evidence 10(2), 10(3)",
        "produce the data; with a notification at the end of the ten days if nobody refused",
        _SINCE,
        reminders=_BEFORE_DAYS,
        escalations=_LATE,
    ),
    Deadline(
        "ee:produce-emergency",
        _PROVIDER,
        "a production order in an emergency is received",
        8 * _HOUR,
        _1182,
        "e-Evidence 10(4)",
        "produce the data",
        _SINCE,
        reminders=_BEFORE_HOURS,
        escalations=(Escalation(-_HOUR, Role.AUTHORITY),),
    ),
    Deadline(
        "ee:refuse",
        _ENFORCER,
        "the notification of a production order is received",
        days(10),
        _1182,
        "e-Evidence 12(1)",
        "raise a ground for refusal",
        _SINCE,
        reminders=_BEFORE_DAYS,
    ),
    Deadline(
        "ee:refuse-emergency",
        _ENFORCER,
        "the notification of a production order in an emergency is received",
        96 * _HOUR,
        _1182,
        "e-Evidence 10(4), 12(1)",
        "raise a ground for refusal; the issuer then deletes or restricts",
        _SINCE,
        reminders=(24 * _HOUR, 4 * _HOUR),
    ),
    Deadline(
        "ee:clarify",
        _ISSUER,
        "the provider asks for clarification (Annex III)",
        days(5),
        _1182,
        "e-Evidence 10(6), 11(5)",
        "answer the provider",
        _SINCE,
        reminders=(_DAY,),
    ),
    Deadline(
        "ee:preserve",
        _PROVIDER,
        "a preservation order is received",
        days(60),
        _1182,
        "e-Evidence 11(1)",
        "keep the data; not longer without an extension or a confirmed request",
        _SINCE,
        ends=Ends.NOT_BEFORE,
    ),
    Deadline(
        "ee:preserve-extended",
        _PROVIDER,
        "the sixty days of preservation end, extended by Annex VI",
        days(30),
        _1182,
        "e-Evidence 11(1)",
        "keep the data for the extension",
        _SINCE,
        ends=Ends.NOT_BEFORE,
    ),
    Deadline(
        "ee:object",
        _PROVIDER,
        "a production order that conflicts with the law of a third country is received",
        days(10),
        _1182,
        "e-Evidence 17(2)",
        "reasoned objection",
        _SINCE,
        reminders=_BEFORE_DAYS,
    ),
    Deadline(
        "ee:recognise",
        _ENFORCER,
        "the issuing authority asks for enforcement",
        working_days(5),
        _1182,
        "e-Evidence 16(2)",
        "decide on recognition",
        _SINCE,
        reminders=(_DAY,),
    ),
    Deadline(
        "ee:reply",
        _ISSUER,
        "the enforcing authority consults before refusing to recognise",
        working_days(5),
        _1182,
        "e-Evidence 16(7)",
        "reply to the enforcing authority",
        _SINCE,
        reminders=(_DAY,),
    ),
    Deadline(
        "ee:validate",
        _ISSUER,
        "an order in an emergency is issued without validation",
        48 * _HOUR,
        _1182,
        "e-Evidence 4(5)",
        "have it validated, or else withdraw it and delete or restrict the data",
        _SINCE,
        reminders=(24 * _HOUR, 4 * _HOUR),
    ),
    Deadline(
        "ee:statistics",
        (Role.HOST,),
        "the calendar year ends",
        Through(3, 31),
        _1182,
        "e-Evidence 28(2)",
        "statistics of the state to the Commission",
        _SINCE,
        reminders=(30 * _DAY, 7 * _DAY),
    ),
)
