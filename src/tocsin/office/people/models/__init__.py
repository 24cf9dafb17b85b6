"""People, their mandates and their tokens; every docstring says purpose, basis and retention."""

from tocsin.office.people.models.mandate import Mandate
from tocsin.office.people.models.person import Person, canonical
from tocsin.office.people.models.token import Token

__all__ = ["Mandate", "Person", "Token", "canonical"]
