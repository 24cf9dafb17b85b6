"""Whom a stranger tells of a flaw in this installation: `/.well-known/security.txt`."""

from collections.abc import Iterator

from tocsin.node.doctor.finding import Case, Finding
from tocsin.node.doctor.words import ago, note, ok, wrong
from tocsin.node.security_txt import LONGEST, SOON, read_security_txt
from tocsin.words.errors import Unusable

AREA = "security"


def look(case: Case) -> Iterator[Finding]:
    """There, in time, and no longer than anybody looks after it."""
    try:
        found = read_security_txt()
    except Unusable as fault:
        what, _, mend = str(fault).partition(" Possible: ")
        yield wrong(AREA, what.rstrip("."), mend)
        return
    if found is None:
        what = "nobody is named who is told of a flaw in this installation"
        yield note(AREA, what, "TOCSIN_SECURITY_CONTACT and TOCSIN_SECURITY_EXPIRES")
        return
    day = found.expires_at.date().isoformat()
    left = found.expires_at - case.at
    if left.total_seconds() <= 0:
        what = f"expired on {day}; who finds a flaw does not rely on it"
        yield wrong(AREA, what, "see that the contact still works, then TOCSIN_SECURITY_EXPIRES")
    elif left <= SOON:
        what = f"expires on {day}, in {ago(left)}"
        yield note(AREA, what, "see that the contact still works, then TOCSIN_SECURITY_EXPIRES")
    elif left > LONGEST:
        what = f"expires on {day}, more than a year from now (RFC 9116 2.5.5)"
        yield note(AREA, what, "TOCSIN_SECURITY_EXPIRES within a year")
    else:
        yield ok(AREA, f"{', '.join(found.contacts)}, until {day}")
