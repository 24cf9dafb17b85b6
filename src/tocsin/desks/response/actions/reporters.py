"""Feedback to reporters: who wants it gets a notice a day, with counts alone."""

from datetime import datetime
from pathlib import Path

from django.db import transaction
from django.utils.translation import gettext as _

from tocsin.desks.response.actions.owing import note_told
from tocsin.desks.response.models import Feedback
from tocsin.desks.response.queries.fates import Fate, answered_since
from tocsin.office import notices, register, sentences
from tocsin.office.people.viewer import Viewer
from tocsin.office.templatetags.words import number, spoken
from tocsin.words.errors import NotFound
from tocsin.words.moments import DAY, as_utc, iso

WISH = "response:feedback:change_own"


def want_feedback(viewer: Viewer, party: str, *, wanted: bool, at: datetime) -> None:
    """Say for a party of one's own whether it wants notices of what became of its reports.

    Raises `NotFound` for a party that is not one's own.
    """
    mine = viewer.parties_where(WISH)
    chosen = next((row for row in viewer.parties if row.slug == party and row.pk in mine), None)
    if chosen is None:
        raise NotFound(f"there is no party {party}")
    with transaction.atomic():
        Feedback.objects.update_or_create(
            party=chosen,
            defaults={"wanted": wanted},
            create_defaults={"wanted": wanted, "told_until": as_utc(at)},
        )
        facts: dict[str, register.Fact] = {"party": chosen.slug, "wanted": wanted}
        register.record(
            action="response:feedback:change",
            actor=viewer.name,
            at=at,
            subject=chosen.uid,
            facts=facts,
        )


def tell_reporters(*, by: str, at: datetime, store_folder: Path, node: str) -> list[str]:
    """A notice to each party that wants one and whose reports were answered since the last.

    At most one a day; the short names of those told. Again: nobody.
    """
    due = Feedback.objects.filter(wanted=True, told_until__lte=as_utc(at) - DAY)
    told = []
    for key in list(due.filter(party__active=True).values_list("pk", flat=True)):
        with transaction.atomic():
            row = (
                Feedback.objects.select_for_update(of=("self",)).select_related("party").get(pk=key)
            )
            if row.told_until <= as_utc(at) - DAY and _tell(row, by, at, store_folder, node):
                told.append(row.party.slug)
    return told


def _tell(row: Feedback, by: str, at: datetime, store_folder: Path, node: str) -> bool:
    """Whether there was something to tell; what was not waits for the next day."""
    since, row.told_until = row.told_until, as_utc(at)
    fate = answered_since(row.party, since, as_utc(at))
    row.save(update_fields=["told_until"])
    if not fate.total:
        return False
    with sentences.speaking(row.party.language):
        subject = _("What became of your reports (cases answered or closed: %(n)s)")
        subject, text = subject % {"n": number(fate.total)}, _text(fate, since, at)
    notices.queue_notice(
        party=row.party,
        about=f"feedback:{iso(at)}",
        subject=subject,
        text=text,
        facts={"cases": fate.total},
        at=at,
        store_folder=store_folder,
        node=node,
    )
    note_told(row.party, since, as_utc(at), by=by, at=at)
    facts: dict[str, register.Fact] = {"party": row.party.slug, "cases": fate.total}
    register.record(
        action="response:feedback:tell", actor=by, at=at, subject=row.party.uid, facts=facts
    )
    return True


def _text(fate: Fate, since: datetime, at: datetime) -> str:
    lines = [
        _("%(state)s: cases %(cases)s, events %(events)s")
        % {
            "state": spoken(state),
            "cases": number(fate.cases[state]),
            "events": number(fate.events[state]),
        }
        for state in sorted(fate.cases)
    ]
    return "\n".join(
        [
            _("Cases of your reports that were answered or closed from %(since)s to %(until)s:")
            % {"since": iso(since), "until": iso(at)},
            "",
            *lines,
            "",
            _("Sign in to see each report. Who was told of what is not part of this notice."),
        ]
    )
