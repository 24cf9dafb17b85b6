"""Writing mandates: given and ended.

An administrator reaches the people of their own party alone, and of these nobody who may do more
than they; the operator, on the command line, reaches everybody.
"""

from collections.abc import Collection
from datetime import datetime
from uuid import uuid4

from django.db import transaction

from tocsin.office import register
from tocsin.office.models import Party
from tocsin.office.people import notices
from tocsin.office.people.models import Mandate, Person
from tocsin.office.people.viewer import Viewer, running
from tocsin.words.competences import HELD_BY, Competence
from tocsin.words.errors import Refused, Unusable
from tocsin.words.moments import as_utc, iso
from tocsin.words.roles import SPOKEN, Role


def grant(
    person: Person,
    party: Party,
    *,
    competences: Collection[str],
    by: str,
    at: datetime,
    until: datetime | None = None,
) -> Mandate:
    """Give a mandate; raises `Unusable`, `Refused` for what the party's role cannot carry.

    One that runs and says the same stays, and nothing is written.
    """
    wanted = [str(one) for one in competences_of(competences, party)]
    with transaction.atomic():
        Person.objects.select_for_update().filter(pk=person.pk).first()  # one at a time
        end = as_utc(until) if until else None
        for known in running(at).filter(person=person, party=party, until=end):
            if known.competences == wanted:
                return known
        mandate = Mandate.objects.create(
            person=person,
            party=party,
            competences=wanted,
            since=as_utc(at),
            until=as_utc(until) if until else None,
            granted_by=by,
        )
        facts: dict[str, register.Fact] = {
            "person": person.uid.hex,
            "party": party.slug,
            "competences": [*wanted],
            "until": iso(until) if until else None,
        }
        register.record(
            action="office:mandate:grant", actor=by, at=at, subject=mandate.uid, facts=facts
        )
        notices.tell(
            person,
            notices.MANDATE_GIVEN,
            at=at,
            party=party.name,
            competences=", ".join(wanted),
        )
    return mandate


def end_mandate(
    mandate: Mandate,
    *,
    by: str,
    at: datetime,
    viewer: Viewer | None = None,
    told: bool = True,
) -> None:
    """End a mandate now, with its tokens and the invitations its holder sent; again: no change.

    With a `viewer` raises `Refused` for a mandate that is not theirs to end, and for the last
    administrator of a party. Whoever has no mandate left is signed out.
    """
    with transaction.atomic():
        party = Party.objects.select_for_update().get(pk=mandate.party_id)  # one at a time
        if viewer is not None:
            require_reach(viewer, mandate, at=at)
            _require_successor(mandate, at=at)
        if not Mandate.objects.filter(pk=mandate.pk, ended_at=None).update(ended_at=as_utc(at)):
            return
        mandate.tokens.filter(ended_at=None).update(ended_at=as_utc(at))
        person = mandate.person
        person.invitations.filter(party=party, accepted_at=None, withdrawn_at=None).update(
            withdrawn_at=as_utc(at)
        )
        _sign_out_without_mandate(person, at=at)
        facts: dict[str, register.Fact] = {"person": person.uid.hex, "party": party.slug}
        register.record(
            action="office:mandate:end", actor=by, at=at, subject=mandate.uid, facts=facts
        )
        if told:
            notices.tell(person, notices.MANDATE_ENDED, at=at, party=party.name)


def run_node(party: Party, *, by: str, at: datetime) -> None:
    """Say which party runs this node: its people handle the matters of all."""
    with transaction.atomic():
        Party.objects.filter(runs_node=True).exclude(pk=party.pk).update(runs_node=False)
        Party.objects.filter(pk=party.pk).update(runs_node=True)
        facts: dict[str, register.Fact] = {"party": party.slug}
        register.record(
            action="office:party:run_node", actor=by, at=at, subject=party.uid, facts=facts
        )


# ── what is refused ──────────────────────────────────────────────────────────────────────


def require_reach(viewer: Viewer, mandate: Mandate, *, at: datetime) -> None:
    """Raise `Refused` where somebody may not touch a mandate: of another party, or of a person
    who may do more there than they."""
    viewer.require("office:mandate:end", mandate.party_id)
    theirs = running(at).filter(person=mandate.person_id, party=mandate.party_id)
    held = {word for one in theirs for word in one.competences}
    require_held(viewer, mandate.party, held | set(mandate.competences))


def require_held(viewer: Viewer, party: Party, competences: Collection[str]) -> None:
    """Raise `Refused` for competences that somebody does not hold at a party themselves."""
    beyond = sorted(set(competences) - viewer.competences_at(party))
    if beyond:
        held = ", ".join(sorted(viewer.competences_at(party)))
        raise Refused(
            f"{', '.join(beyond)} is more than you may do at {party.name} yourself. Possible: "
            f"{held or 'ask its administrator'}"
        )


def competences_of(words: Collection[str], party: Party) -> list[Competence]:
    """The competences meant, in order; raises `Unusable`, `Refused` for the party's role."""
    known = {str(one): one for one in Competence}
    unknown = sorted(set(words) - set(known))
    if unknown or not words:
        raise Unusable(
            f"{', '.join(unknown) or 'nothing'} is no competence. Possible: "
            f"{', '.join(sorted(str(one) for one in Competence if HELD_BY[one]))}"
        )
    wanted = sorted({known[word] for word in words})
    role = Role(party.role)
    refused = [str(one) for one in wanted if role not in HELD_BY[one]]
    if refused:
        able = sorted(str(one) for one in Competence if role in HELD_BY[one])
        raise Refused(
            f"{', '.join(refused)} cannot be held at {party.slug}, {SPOKEN[role]}. Possible: "
            f"{', '.join(able)}"
        )
    return wanted


def _require_successor(mandate: Mandate, *, at: datetime) -> None:
    """A party keeps somebody who can administer it and can sign in."""
    administer = str(Competence.PARTY_ADMINISTER)
    if administer not in mandate.competences:
        return
    others = running(at).filter(party=mandate.party).exclude(pk=mandate.pk)
    if not any(administer in other.competences for other in others):
        raise Refused(
            f"{mandate.party.name} would have nobody left who administers it. Possible: invite a "
            "successor first; the operator of the node can end it all the same"
        )


def _sign_out_without_mandate(person: Person, *, at: datetime) -> None:
    if not running(at).filter(person=person).exists():
        person.session_mark = uuid4()
        person.save(update_fields=["session_mark"])
