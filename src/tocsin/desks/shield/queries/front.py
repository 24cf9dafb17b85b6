"""What waits for somebody at the shield, as cards."""

from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from tocsin.desks.shield.models import Group, Listing
from tocsin.desks.shield.queries.appeals import open_appeals
from tocsin.office.front import Card
from tocsin.office.people.viewer import Viewer


def cards(viewer: Viewer, *, at: datetime) -> list[Card]:
    """Groups, second pairs of eyes and appeals that wait."""
    del at
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
    return found
