"""The clock: whether this machine's agrees with what is written and with the database's."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from tocsin.node.doctor.finding import Case, Finding
from tocsin.node.doctor.words import ago, note, ok, wrong
from tocsin.words.moments import iso

AREA = "clock"
MEND = "let a time service set it (chrony, systemd-timesyncd), here and where the database runs"
SLACK = timedelta(minutes=2)
NOTED, OFF = timedelta(seconds=1), timedelta(seconds=30)  # a worker takes no lease beyond it


def look(case: Case) -> Iterator[Finding]:
    """Rows from the future were written by a clock that was ahead, or this one is behind."""
    from tocsin.office.models import RegisterRow
    from tocsin.office.worker import clock_ahead

    found = []
    newest = RegisterRow.objects.order_by("-pk").values_list("at", flat=True)[:100]
    ahead = [at for at in newest if at > case.at + SLACK]
    if ahead:
        what = f"the register has rows of {iso(max(ahead))}, {ago(max(ahead) - case.at)} from now"
        found.append(wrong(AREA, what, MEND))
    skew = clock_ahead(datetime.now(UTC))  # not that of the case, which is seconds old by now
    if abs(skew) > NOTED:
        which = "ahead of" if skew > timedelta(0) else "behind"
        what = f"it is {abs(skew.total_seconds()):,.0f} s {which} the database's"
        found.append((wrong if abs(skew) > OFF else note)(AREA, what, MEND))
    yield from found or [ok(AREA, "it agrees with what is written")]
