"""Reading people: who acts for a party, what was offered, which tokens there are."""

from datetime import datetime
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.db.models import Count, Q, QuerySet

from tocsin.office.models import Party
from tocsin.office.people.actions.tokens import digest_of
from tocsin.office.people.models import Invitation, Mandate, SharingGroup, Token
from tocsin.office.people.viewer import Viewer, running
from tocsin.words.competences import HELD_BY, Competence
from tocsin.words.errors import NotFound
from tocsin.words.moments import as_utc
from tocsin.words.roles import Role

A_PAGE = 50
_NOTHING = "there is nothing here, or it is not yours to see"


def administered(viewer: Viewer) -> list[Party]:
    """The parties whose people somebody administers."""
    keys = viewer.parties_where("office:person:read")
    return [party for party in viewer.parties if party.pk in keys]


def administered_party(viewer: Viewer, slug: str) -> Party:
    """One of them; raises `NotFound`, whether it is there or not."""
    for party in administered(viewer):
        if party.slug == slug:
            return party
    raise NotFound(_NOTHING)


def people_of(party: Party, *, at: datetime, page: str | None = None) -> Page[Mandate]:
    """The mandates that run at a party, with their people, page by page."""
    rows = running(at).filter(party=party).order_by("person__name", "pk")
    return Paginator(rows, A_PAGE).get_page(page)


def invitations_of(party: Party, *, at: datetime) -> QuerySet[Invitation]:
    """What was offered and not yet taken up, the newest first."""
    return party.invitations.filter(
        accepted_at=None, withdrawn_at=None, expires_at__gt=as_utc(at)
    ).select_related("invited_by")


def tokens_of_party(party: Party, *, at: datetime, page: str | None = None) -> Page[Token]:
    """The tokens of a party that still open something."""
    rows = _live(at).filter(mandate__party=party).select_related("mandate__person")
    return Paginator(rows, A_PAGE).get_page(page)


def tokens_of(viewer: Viewer, *, at: datetime) -> QuerySet[Token]:
    """One's own tokens that still open something."""
    return _live(at).filter(mandate__person=viewer.person).select_related("mandate__party")


def mandate_to_end(viewer: Viewer, uid: UUID, *, at: datetime) -> Mandate:
    """A mandate that runs at a party one administers; raises `NotFound`."""
    keys = viewer.parties_where("office:mandate:end")
    found = running(at).filter(uid=uid, party__in=keys).first()
    if found is None:
        raise NotFound(_NOTHING)
    return found


def own_mandate(viewer: Viewer, uid: UUID) -> Mandate:
    """A mandate of one's own that runs; raises `NotFound`."""
    for mandate in viewer.mandates:
        if mandate.uid == uid:
            return mandate
    raise NotFound(_NOTHING)


def invitation_to_withdraw(viewer: Viewer, uid: UUID) -> Invitation:
    """An invitation of a party one administers; raises `NotFound`."""
    keys = viewer.parties_where("office:person:invite")
    found = Invitation.objects.filter(uid=uid, party__in=keys).select_related("party").first()
    if found is None:
        raise NotFound(_NOTHING)
    return found


def token_to_end(viewer: Viewer, uid: UUID) -> Token:
    """A token of one's own or of a party one administers; raises `NotFound`."""
    keys = viewer.parties_where("office:mandate:end")
    mine = Q(mandate__person=viewer.person) | Q(mandate__party__in=keys)
    rows = Token.objects.select_related("mandate__party", "mandate__person")
    found = rows.filter(mine, uid=uid).first()
    if found is None:
        raise NotFound(_NOTHING)
    return found


def invitation_by_secret(secret: str, *, at: datetime) -> Invitation:
    """What a link stands for; raises `NotFound` for one that is wrong, used, old or withdrawn."""
    rows = Invitation.objects.filter(
        digest=digest_of(secret), accepted_at=None, withdrawn_at=None, expires_at__gt=as_utc(at)
    )
    found = rows.select_related("party", "invited_by").first()
    if found is None or not found.party.active:
        raise NotFound("this invitation was used, withdrawn, or is too old")
    return found


def competences_to_give(viewer: Viewer, party: Party) -> list[str]:
    """What somebody may give a colleague: what they hold, as far as the party's role carries it."""
    role = Role(party.role)
    held = viewer.competences_at(party)
    return sorted(str(one) for one in Competence if role in HELD_BY[one] and str(one) in held)


def groups(viewer: Viewer) -> QuerySet[SharingGroup]:
    """Every sharing group that runs, with how many parties are in it; none for whoever may not."""
    rows = SharingGroup.objects.filter(ended_at=None).annotate(size=Count("members"))
    return rows if viewer.may("office:sharing_group:read") else rows.none()


def group_of(viewer: Viewer, uid: UUID) -> SharingGroup:
    """One group; raises `NotFound`."""
    found = groups(viewer).filter(uid=uid).first()
    if found is None:
        raise NotFound(_NOTHING)
    return found


def members_of(uid: UUID | None) -> frozenset[int]:
    """Keys of the parties in a group: nobody for one that is empty, ended or unknown."""
    if uid is None:
        return frozenset()
    rows = SharingGroup.objects.filter(uid=uid, ended_at=None, members__active=True)
    return frozenset(rows.values_list("members", flat=True))


def _live(at: datetime) -> QuerySet[Token]:
    mandates = running(at)
    return Token.objects.filter(
        ended_at=None, expires_at__gt=as_utc(at), mandate__in=mandates.values("pk")
    )
