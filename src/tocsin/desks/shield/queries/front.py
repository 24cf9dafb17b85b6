"""What waits for somebody at the shield, as cards."""

from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tocsin.desks.shield.models import Group, Listing
from tocsin.desks.shield.queries.appeals import open_appeals
from tocsin.desks.shield.queries.rechecks import due_rechecks, missed_rechecks
from tocsin.office.front import Card
from tocsin.office.people.viewer import Viewer


def cards(viewer: Viewer, *, at: datetime) -> list[Card]:
    """Groups, second pairs of eyes, appeals and re-checks that wait."""
    found: list[Card] = []
    if viewer.may("shield:message:read"):
        count = Group.objects.filter(state=Group.State.OPEN).count()
        said = _("Groups of messages that nobody decided on yet.")
        found.append(Card(_("To look at"), count, said, reverse("shield:queue")))
    if viewer.may("shield:listing:review"):
        count = Listing.objects.filter(state__in=("approved", "renewing")).count()
        url = f"{reverse('shield:listings')}?state=pending"
        said = _("Somebody approved them; somebody else confirms.")
        found.append(Card(_("To confirm"), count, said, url, is_urgent=bool(count)))
    if viewer.may("shield:appeal:review"):
        count = open_appeals().count()
        said = _("Somebody says that a listing is wrong.")
        found.append(
            Card(_("Appeals"), count, said, reverse("shield:appeals"), is_urgent=bool(count))
        )
    if viewer.may("shield:listing:review"):
        count, missed = due_rechecks(at=at).count(), missed_rechecks(at=at).count()
        said = (
            ngettext(
                "%(n)s re-check was missed: nobody looked in time.",
                "%(n)s re-checks were missed: nobody looked in time.",
                missed,
            )
            % {"n": missed}
            if missed
            else _("Listings to be looked at again: still fraud, cleaned, or gone.")
        )
        url = reverse("shield:rechecks")
        found.append(Card(_("Re-checks"), count, said, url, is_urgent=bool(missed)))
    return found
