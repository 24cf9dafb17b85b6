"""Writing sharing groups: made, joined, left, ended."""

from datetime import datetime

from django.db import transaction

from tocsin.office import register
from tocsin.office.models import Party
from tocsin.office.people.models import SharingGroup
from tocsin.office.people.viewer import Viewer
from tocsin.words.errors import Refused, Unusable
from tocsin.words.moments import as_utc

CHANGE = "office:sharing_group:change"


def make_group(*, name: str, purpose: str, viewer: Viewer, at: datetime) -> SharingGroup:
    """A group without members: nothing is shared with anybody by it; raises `Unusable`."""
    viewer.require(CHANGE)
    for word, text, longest in (("name", name, 100), ("purpose", purpose, 300)):
        if not text.strip() or not text.isprintable() or len(text) > longest:
            raise Unusable(f"the {word} of a group is one line, at most {longest} characters")
    with transaction.atomic():
        if SharingGroup.objects.filter(name=name.strip()).exists():
            raise Refused(f"there is a group called {name.strip()}. Possible: another name")
        group = SharingGroup.objects.create(
            name=name.strip(), purpose=purpose.strip(), created_at=as_utc(at)
        )
        _record("make", group, "", viewer=viewer, at=at)
    return group


def add_member(group: SharingGroup, party: Party, *, viewer: Viewer, at: datetime) -> None:
    """Let a party into a group; again: changes nothing. Raises `Refused` for an ended group."""
    _change(group, party, "add", viewer=viewer, at=at)


def remove_member(group: SharingGroup, party: Party, *, viewer: Viewer, at: datetime) -> None:
    """Take a party out of a group, at once; again: changes nothing."""
    _change(group, party, "remove", viewer=viewer, at=at)


def end_group(group: SharingGroup, *, viewer: Viewer, at: datetime) -> None:
    """End a group: from now on nobody is in it; again: changes nothing."""
    viewer.require(CHANGE)
    with transaction.atomic():
        ended = SharingGroup.objects.filter(pk=group.pk, ended_at=None).update(ended_at=as_utc(at))
        if ended:
            _record("end", group, "", viewer=viewer, at=at)


def _change(group: SharingGroup, party: Party, verb: str, *, viewer: Viewer, at: datetime) -> None:
    viewer.require(CHANGE)
    with transaction.atomic():
        current = SharingGroup.objects.select_for_update().get(pk=group.pk)
        if current.ended_at is not None:
            raise Refused(f"{group.name} has ended. Possible: make another group")
        is_member = current.members.filter(pk=party.pk).exists()
        if is_member is (verb == "add"):
            return
        getattr(current.members, verb)(party)
        _record(verb, group, party.slug, viewer=viewer, at=at)


def _record(verb: str, group: SharingGroup, party: str, *, viewer: Viewer, at: datetime) -> None:
    facts: dict[str, register.Fact] = {"party": party or None}
    register.record(
        action=f"office:sharing_group:{verb}",
        actor=viewer.name,
        at=at,
        subject=group.uid,
        facts=facts,
    )
