"""Viewers for tests: people with mandates, as they would come to a page."""

from datetime import datetime

from tocsin.office.models import Party
from tocsin.office.people.models import Mandate, Person
from tocsin.office.people.viewer import Viewer, viewer_of


def viewer(slug: str, *competences: str, at: datetime, name: str = "ada") -> Viewer:
    """Somebody of a party with these competences."""
    party = Party.objects.get(slug=slug)
    address = f"{name}@{slug}.example"
    person, _ = Person.objects.get_or_create(email=address, defaults={"name": name.title()})
    Mandate.objects.create(
        person=person, party=party, competences=[*competences], since=at, granted_by="test"
    )
    return viewer_of(person, at=at)


def desk(at: datetime, *, slug: str = "csirt-be", name: str = "dora") -> Viewer:
    """Somebody of the party that runs this node, who handles cases."""
    Party.objects.filter(slug=slug).update(runs_node=True)
    return viewer(slug, "response.handle", at=at, name=name)
