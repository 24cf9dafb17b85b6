"""Who may fetch which list with a token: parties of its audience, by role or sharing group."""

from datetime import datetime

from tocsin.office.models import Party
from tocsin.office.people.actions import digest_of
from tocsin.office.people.viewer import Viewer, viewer_of_token
from tocsin.rules.audiences import AUDIENCES, Audience
from tocsin.words.roles import Role

FETCH = "shield:list:fetch"


def audience_for(token: str, name: str, *, at: datetime) -> bool:
    """Whether the party of a token is of an audience; False for a token that does not reach."""
    audience = AUDIENCES.get(name)
    if audience is None:
        return False
    viewer = viewer_of_token(digest_of(token), at=at)
    return viewer.may(FETCH) and any(_is_of(party, audience) for party in _parties(viewer))


def _parties(viewer: Viewer) -> list[Party]:
    held = viewer.parties_where(FETCH)
    return [party for party in viewer.parties if party.pk in held]


def _is_of(party: Party, audience: Audience) -> bool:
    groups = party.sharing_groups.filter(ended_at=None, name=audience.group)
    names = groups.values_list("name", flat=True)
    role = Role(party.role)
    return party.runs_node or audience.has(role, is_member=party.member, groups=list(names))
