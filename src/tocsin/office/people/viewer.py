"""Who looks: a person or a program with the mandates that run at this moment.

Everything a page or a call shows or does is asked of a `Viewer`. Nobody signed in is a viewer
without mandates; what it may do is nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q, QuerySet

from tocsin.office.models import Party
from tocsin.office.people.models import Mandate, Person, Token
from tocsin.office.permissions import PERMISSIONS, Reach
from tocsin.office.prepared import A_KEY, A_MOMENT, Prepared
from tocsin.words.competences import HELD_BY, Competence
from tocsin.words.errors import Refused
from tocsin.words.moments import as_utc


def running(at: datetime) -> QuerySet[Mandate]:
    """The mandates that run at a moment, of people and parties that are active."""
    at = as_utc(at)
    return Mandate.objects.filter(
        Q(until=None) | Q(until__gt=at),
        since__lte=at,
        ended_at=None,
        person__is_active=True,
        party__active=True,
    ).select_related("party", "person")


@dataclass(frozen=True)
class Viewer:
    """Somebody, as of one moment. `scopes` None means all that the mandates open."""

    name: str = ""
    person: Person | None = None
    mandates: tuple[Mandate, ...] = ()
    scopes: frozenset[str] | None = None
    _granted: dict[str, frozenset[int]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def is_known(self) -> bool:
        """Whether anybody signed in who has a mandate."""
        return bool(self.mandates)

    @property
    def parties(self) -> tuple[Party, ...]:
        """The parties somebody acts for, each once."""
        return tuple({mandate.party_id: mandate.party for mandate in self.mandates}.values())

    def competences_at(self, party: Party | int) -> frozenset[str]:
        """What somebody may do at a party, as words."""
        key = party if isinstance(party, int) else party.pk
        held = [_held(mandate) for mandate in self.mandates if mandate.party_id == key]
        return frozenset(str(one) for some in held for one in some)

    def parties_where(self, permission: str) -> frozenset[int]:
        """Keys of the parties for whose own matters a permission is held."""
        if permission not in self._granted:
            self._granted[permission] = frozenset(
                mandate.party_id for mandate in self.mandates if self._grants(mandate, permission)
            )
        return self._granted[permission]

    def may(self, permission: str, party: Party | int | None = None) -> bool:
        """Whether it may, at all or in the matters of one party.

        The party that runs this node reaches the matters of all where the table says so.
        """
        held = self.parties_where(permission)
        if not held or party is None:
            return bool(held)
        key = party if isinstance(party, int) else party.pk
        return key in held or self.reaches_all(permission)

    def reaches_all(self, permission: str) -> bool:
        """Whether the permission opens every party's matters: the node's own people."""
        if PERMISSIONS[permission].reach is not Reach.NODE:
            return False
        held = self.parties_where(permission)
        return any(party.runs_node and party.pk in held for party in self.parties)

    def require(self, permission: str, party: Party | int | None = None) -> None:
        """Raise `Refused` where it may not."""
        if not self.may(permission, party):
            needs = " or ".join(sorted(PERMISSIONS[permission].competences))
            raise Refused(f"{permission} needs a mandate with {needs}")

    def _grants(self, mandate: Mandate, permission: str) -> bool:
        row = PERMISSIONS[permission]
        if self.scopes is not None and (row.people_only or permission not in self.scopes):
            return False
        if row.reach is Reach.NODE and not mandate.party.runs_node:
            return False
        return bool(row.competences & _held(mandate))


def _held(mandate: Mandate) -> frozenset[Competence]:
    """Competences of a mandate that its party's role can still carry."""
    from_words: Iterable[str] = mandate.competences
    role = mandate.party.role
    return frozenset(
        _KNOWN[word] for word in from_words if word in _KNOWN and role in HELD_BY[_KNOWN[word]]
    )


_KNOWN = {one.value: one for one in Competence}


NOBODY = Viewer()
_mandates = Prepared(
    lambda at, person: (
        running(at)
        .filter(person=person)
        .select_related(None)
        .select_related("party")
        .order_by("party__slug", "pk")
    ),
    A_MOMENT,
    A_KEY,
)


def viewer_of(person: Person | None, *, at: datetime) -> Viewer:
    """A person who signed in, with the mandates that run."""
    if person is None or not person.is_active:
        return NOBODY
    mandates = tuple(_mandates(as_utc(at), person.pk))
    for mandate in mandates:
        mandate.person = person  # who is known already is not read again
    return Viewer(name=person.actor, person=person, mandates=mandates)


def viewer_of_token(digest: str, *, at: datetime) -> Viewer:
    """A program, by the SHA-256 of its token; nobody for one that is wrong, old or ended."""
    token = Token.objects.filter(digest=digest, ended_at=None, expires_at__gt=as_utc(at)).first()
    if token is None:
        return NOBODY
    mandates = tuple(running(at).filter(pk=token.mandate_id))
    if not mandates:
        return NOBODY
    return Viewer(
        name=f"token:{token.uid.hex}",
        person=mandates[0].person,
        mandates=mandates,
        scopes=frozenset(token.scopes),
    )


def scopes_of(mandate: Mandate) -> list[str]:
    """The permissions a token under this mandate can have, in alphabetical order."""
    viewer = Viewer(mandates=(mandate,))
    return [name for name, row in PERMISSIONS.items() if not row.people_only and viewer.may(name)]
