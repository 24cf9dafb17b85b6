"""Listings: those somebody may see, one with its history, and what anybody may know."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet

from tocsin.desks.shield.models import Act, Announcement, Appeal, Group, Listing
from tocsin.desks.shield.queries.steps import listing_steps
from tocsin.flow.domains import parents
from tocsin.flow.mailboxes import without_mailboxes
from tocsin.flow.urls import read_url
from tocsin.office.people.viewer import Viewer
from tocsin.rules import lifecycle
from tocsin.rules.audiences import PUBLIC
from tocsin.rules.lifecycle import Step
from tocsin.rules.shield import IN_FORCE, LISTING
from tocsin.words.errors import NotFound
from tocsin.words.roles import Role

READ, READ_OWN = "shield:listing:read", "shield:listing:read_own"
PROPOSE, REVIEW = "shield:listing:propose", "shield:listing:review"
PER_PAGE = 50
STATES = LISTING.states


@dataclass(frozen=True)
class ListingFile:
    """One listing with its history, its appeals, what may be done with it now, and who was told."""

    listing: Listing
    acts: tuple[Act, ...]
    appeals: tuple[Appeal, ...]
    steps: tuple[Step, ...]
    announcements: tuple[Announcement, ...] = ()
    withheld: tuple[tuple[str, str], ...] = ()  # steps that would be refused, and why


def visible_listings(viewer: Viewer) -> QuerySet[Listing]:
    """The node's people see all, a partner what it proposed."""
    if viewer.may(READ):
        return Listing.objects.all()
    return Listing.objects.filter(party__in=viewer.parties_where(READ_OWN))


def find_listing(viewer: Viewer, uid: UUID | str) -> Listing:
    """One that somebody may see; raises `NotFound`."""
    try:
        wanted = uid if isinstance(uid, UUID) else UUID(uid)
    except ValueError:
        raise NotFound(f"there is no listing {uid}") from None
    row = visible_listings(viewer).select_related("group", "party").filter(uid=wanted).first()
    if row is None:
        raise NotFound(f"there is no listing {uid}")
    return row


def listing_for(viewer: Viewer, uid: UUID | str) -> ListingFile:
    """One with everything; raises `NotFound`."""
    row = find_listing(viewer, uid)
    acts = tuple(row.acts.filter(noun="listing").select_related("person"))
    mine = viewer.may(READ)
    appeals = tuple(row.appeals.all()) if mine else ()
    steps = listing_steps(viewer, actor_of(viewer), row)
    told = row.announcements.prefetch_related("notices__party", "notices__delivery")
    return ListingFile(
        row, acts, appeals, steps.offered, tuple(told) if mine else (), steps.withheld
    )


def list_listings(viewer: Viewer, *, state: str, text: str, page: int) -> Page[Listing]:
    """One page, the last changed first."""
    rows = visible_listings(viewer)
    if state in STATES:
        rows = rows.filter(state=state)
    elif state == "in_force":
        rows = rows.filter(state__in=IN_FORCE)
    elif state == "pending":
        rows = rows.filter(state__in=("proposed", "approved", "renewing"))
    if text:
        rows = rows.filter(Q(value__icontains=text) | Q(reference__iexact=text.strip()))
    return Paginator(rows, PER_PAGE).get_page(page)


def actor_of(viewer: Viewer) -> lifecycle.Actor:
    """Somebody as the lifecycle's tables ask for it: for the node's party where they act for it."""
    mandates = sorted(viewer.mandates, key=lambda row: (not row.party.runs_node, row.pk))
    if not mandates:
        return lifecycle.Actor(None, frozenset())
    party = mandates[0].party
    held = viewer.competences_at(party)
    known = {one for step in LISTING.steps for one in (step.competence,) if str(one) in held}
    if viewer.scopes is not None:
        known = {one for one in known if _opened(viewer, str(one))}
    if not party.runs_node:  # the second is always a reviewer of the node
        known = {one for one in known if str(one) == "shield.propose"}
    return lifecycle.Actor(Role(party.role), frozenset(known))


def _opened(viewer: Viewer, competence: str) -> bool:
    names = {"shield.propose": PROPOSE, "shield.review": REVIEW}
    return competence in names and viewer.may(names[competence])


def queue() -> QuerySet[Group]:
    """What waits for a first or a second pair of eyes, the most urgent first."""
    return Group.objects.filter(state__in=(Group.State.OPEN, Group.State.WAITING))


# ── what anybody may know ────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Known:
    """What anybody may know of an address: the listing that covers it, or None."""

    asked: str
    host: str
    listing: Listing | None


def check(text: str, *, at: datetime) -> Known:
    """Whether a name or an address is listed for everybody, by itself or under a name.

    What is listed for some audience alone is nobody else's to know. Raises `Unreadable`.
    """
    found = in_force_over(text, at=at).filter(tlp=PUBLIC.most.value)
    return Known(text.strip()[:300], read_url(text.strip()).host, found.first())


def in_force_over(text: str, *, at: datetime) -> QuerySet[Listing]:
    """All in force that covers a name or an address, for whomever it is, the oldest first.

    Raises `Unreadable`.
    """
    landing = read_url(text.strip())
    names = [landing.host] if landing.is_address else parents(landing.host)
    rows = Listing.objects.filter(state__in=IN_FORCE, expires_at__gt=at)
    spelled = [one.text[:2000] for one in (landing, without_mailboxes(landing))]
    by_name = Q(scope__in=("domain", "host"), value__in=[*names])
    found = rows.filter(by_name | Q(scope="url", value__in=spelled))
    return found.order_by("listed_at", "pk")
