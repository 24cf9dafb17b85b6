"""Contacts of parties that are no members: imported, looked at, found dead."""

from tocsin.office.contacts.bounced import dead_reason, mark_alive, mark_dead
from tocsin.office.contacts.importing import Change, import_contacts, preview_import
from tocsin.office.contacts.looking import Candidate, contact_rows, who_is_mailed
from tocsin.office.contacts.sources import KINDS, Gathered, gather

__all__ = [
    "KINDS",
    "Candidate",
    "Change",
    "Gathered",
    "contact_rows",
    "dead_reason",
    "gather",
    "import_contacts",
    "mark_alive",
    "mark_dead",
    "preview_import",
    "who_is_mailed",
]
