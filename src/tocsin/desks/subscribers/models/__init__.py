"""The nouns of the provider's desk."""

from tocsin.desks.subscribers.models.contact import Contact
from tocsin.desks.subscribers.models.finding import Finding, LookUp, Warned
from tocsin.desks.subscribers.models.measure import Adoption, Measure
from tocsin.desks.subscribers.models.outgoing import Outgoing
from tocsin.desks.subscribers.models.source import BindingRun, LogImport, Source

__all__ = [
    "Adoption",
    "BindingRun",
    "Contact",
    "Finding",
    "LogImport",
    "LookUp",
    "Measure",
    "Outgoing",
    "Source",
    "Warned",
]
