"""The shield's zones: whether the hidden primary serves what was decided last."""

from collections.abc import Iterator
from datetime import timedelta

from tocsin.node.doctor.finding import Case, Finding
from tocsin.node.doctor.words import note, ok, wrong
from tocsin.words.errors import Undelivered

AREA = "zones"
LATE = timedelta(minutes=1)


def look(case: Case) -> Iterator[Finding]:
    """Asks the primary for the serial of each zone; changes none."""
    from django.conf import settings

    words = settings.SHIELD
    if not words["socket"]:
        return
    if case.quick:
        yield note(AREA, "the name server was not asked", "tocsin doctor without --quick")
        return
    for audience, origin in words["zones"].items():
        yield from _zone(case, audience, origin, words["socket"])


def _zone(case: Case, audience: str, origin: str, socket: str) -> Iterator[Finding]:
    from tocsin.channels import knot
    from tocsin.desks.shield.queries.published import waiting_since

    try:
        serial = knot.read_serial(knot.Primary(origin, socket))
    except Undelivered as fault:
        what, _, mend = str(fault).partition(" Possible: ")
        yield wrong(AREA, what.rstrip("."), mend)
        return
    since = waiting_since(serial, audience)
    if since is not None and case.at - since > LATE:
        lag = int((case.at - since).total_seconds() // 60)
        what = f"{origin} is {lag:,} min behind the list: what was decided since is not in it"
        mend = "start tocsin worker; where it runs, the job publish-zone says what stops it"
        yield wrong(AREA, what, mend)
    else:
        yield ok(AREA, f"{origin} serves what was decided last")
