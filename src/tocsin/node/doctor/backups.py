"""Backups: when the last one was made."""

from collections.abc import Iterator
from datetime import timedelta

from tocsin.node.doctor.finding import Case, Finding
from tocsin.node.doctor.words import ago, note, ok, wrong

AREA = "backups"
OLD = timedelta(days=7)
MADE = "office:backup:make"


def look(case: Case) -> Iterator[Finding]:
    """By the register, where the backup command writes itself down."""
    from tocsin.office import register
    from tocsin.office.models import RegisterRow
    from tocsin.office.shapes import shapes

    if MADE not in shapes():
        return
    last = register.rows(action=MADE).order_by("-at").first()
    if last is None:
        if RegisterRow.objects.exists():
            yield note(AREA, "none was ever made", "tocsin backup FOLDER --keys FOLDER")
        return
    age = case.at - last.at
    what = f"the last one was made {ago(age)} ago"
    yield wrong(AREA, what, "tocsin backup FOLDER --keys FOLDER") if age > OLD else ok(AREA, what)
