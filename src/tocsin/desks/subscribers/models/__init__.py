"""The nouns of the provider's desk."""

from tocsin.desks.subscribers.models.contact import Contact
from tocsin.desks.subscribers.models.source import BindingRun, LogImport, Source

__all__ = ["BindingRun", "Contact", "LogImport", "Source"]
