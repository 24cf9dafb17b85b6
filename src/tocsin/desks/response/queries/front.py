"""What waits for somebody at this desk, as cards."""

from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from tocsin.desks.response.models import Intake
from tocsin.desks.response.queries.cases import my_open_work
from tocsin.desks.response.queries.deliveries import visible_deliveries
from tocsin.desks.response.queries.notifications import visible_notifications
from tocsin.desks.response.queries.reports import ANSWER_REPORTER, visible_intakes
from tocsin.office.front import Card
from tocsin.office.models import Deadline, Delivery
from tocsin.office.people.viewer import Viewer
from tocsin.words.moments import as_utc

SOON = timedelta(hours=48)
_LATELY = timedelta(days=7)
NOTIFICATIONS = ("response:notification:read", "response:notification:read_own")
DELIVERIES = ("response:delivery:read", "response:delivery:read_own")


def piles() -> dict[str, tuple[str, str]]:
    """Name and explanation of each pile of `my_open_work`."""
    return {
        "mine": (_("Assigned to me"), _("Open cases that you follow.")),
        "to_review": (_("Denied by the party"), _("It says that it is not theirs, or wrong.")),
        "reopened": (_("Seen again"), _("Cases that came back after they were mended.")),
        "not_told": (_("Nobody told yet"), _("New cases whose delivery is not on its way.")),
        "to_close": (_("Cured, not closed"), _("Wait until nothing is seen any more.")),
        "to_answer": (_("Waiting for your answer"), _("You were told and have not answered.")),
        "to_mend": (_("Waiting to be cured"), _("You said that you received it, or acted.")),
    }


def cards(viewer: Viewer, *, at: datetime) -> list[Card]:
    """Cases, clocks, deliveries and reports that wait; those with nothing in them too."""
    notified = _notifications(viewer, at=at)
    if not viewer.may("response:case:read") and not viewer.may("response:case:read_own"):
        return notified
    named = piles()
    found = [
        Card(
            *_card(named[pile.name], pile.total),
            url=f"{reverse('response:cases')}?{urlencode(pile.filters.words(), doseq=True)}",
        )
        for pile in my_open_work(viewer, most=1)
    ]
    found += [*notified, _clocks(viewer, at=at)]
    if any(viewer.may(permission) for permission in DELIVERIES):
        found.append(_parked(viewer))
    if viewer.may("response:report:read") or viewer.may("response:report:read_own"):
        found.append(_failed(viewer, at=at))
    if viewer.may("response:report:answer"):
        found.append(_reporters())
    return found


def _notifications(viewer: Viewer, *, at: datetime) -> list[Card]:
    """Incidents of which something is owed soon: for whoever owes it, and whoever receives it."""
    if not any(viewer.may(permission) for permission in NOTIFICATIONS):
        return []
    soon = _owed_of_incidents(viewer).filter(due_at__lt=as_utc(at) + SOON)
    says, url = _("Due within 48 hours, or past."), reverse("response:notifications")
    count = soon.values("matter").distinct().order_by().count()
    return [Card(_("Incidents to notify"), count, says, url, is_urgent=True)]


def _card(named: tuple[str, str], count: int) -> tuple[str, int, str]:
    return named[0], count, named[1]


def _clocks(viewer: Viewer, *, at: datetime) -> Card:
    soon = clocks_for(viewer).filter(due_at__lt=as_utc(at) + SOON)
    return Card(
        _("Deadlines soon"),
        soon.count(),
        _("Due within 48 hours, or past."),
        f"{reverse('response:start')}#deadlines",
        is_urgent=True,
    )


def _parked(viewer: Viewer) -> Card:
    parked = visible_deliveries(viewer).filter(state=Delivery.State.PARKED)
    url = f"{reverse('response:deliveries')}?state=parked"
    return Card(
        _("Deliveries parked"),
        parked.count(),
        _("Could not be handed over; they wait for somebody."),
        url,
        is_urgent=True,
    )


def _reporters() -> Card:
    waiting = _running().filter(rule=ANSWER_REPORTER)
    url = f"{reverse('response:reports')}?state=unanswered"
    says = _("They brought a report in and wait to hear what became of it.")
    return Card(_("Reporters to answer"), waiting.count(), says, url)


def _failed(viewer: Viewer, *, at: datetime) -> Card:
    lately = visible_intakes(viewer).filter(received_at__gte=as_utc(at) - _LATELY)
    failed = lately.filter(state=Intake.State.FAILED)
    url = f"{reverse('response:reports')}?state=failed"
    return Card(_("Reports that failed"), failed.count(), _("Of the last seven days."), url)


def clocks_for(viewer: Viewer) -> QuerySet[Deadline]:
    """The running clocks of what somebody may see, the soonest first."""
    cases = Q(rule__startswith="response:")
    if not viewer.may("response:case:read"):
        cases &= Q(party_id__in=viewer.parties_where("response:case:read_own"))
    rows = _running().filter(cases) | _owed_of_incidents(viewer)
    return rows.select_related("party").order_by("due_at", "pk")


def _owed_of_incidents(viewer: Viewer) -> QuerySet[Deadline]:
    seen = visible_notifications(viewer).values("uid")
    return _running().filter(rule__startswith="nis2:", matter__in=seen)


def _running() -> QuerySet[Deadline]:
    return Deadline.objects.filter(met_at=None).exclude(state=Deadline.State.WITHDRAWN)
