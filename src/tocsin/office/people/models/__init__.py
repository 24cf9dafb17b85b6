"""People, their mandates and their tokens; every docstring says purpose, basis and retention."""

from tocsin.office.people.models.invitation import Invitation
from tocsin.office.people.models.letter import Letter
from tocsin.office.people.models.limit import Limit
from tocsin.office.people.models.mandate import Mandate
from tocsin.office.people.models.person import Person, canonical
from tocsin.office.people.models.sharing_group import SharingGroup
from tocsin.office.people.models.token import Token

__all__ = [
    "Invitation",
    "Letter",
    "Limit",
    "Mandate",
    "Person",
    "SharingGroup",
    "Token",
    "canonical",
]
