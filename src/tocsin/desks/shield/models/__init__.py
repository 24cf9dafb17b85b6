"""The nouns of the shield."""

from tocsin.desks.shield.models.appeal import Appeal
from tocsin.desks.shield.models.arrival import Arrival, Reading
from tocsin.desks.shield.models.claim import Claim
from tocsin.desks.shield.models.edition import Edition, Term
from tocsin.desks.shield.models.grounds import Grounds
from tocsin.desks.shield.models.group import Group
from tocsin.desks.shield.models.listing import Act, Listing
from tocsin.desks.shield.models.look import Look
from tocsin.desks.shield.models.message import Message, Sighting
from tocsin.desks.shield.models.name import Name
from tocsin.desks.shield.models.name_list import Entry, NameList
from tocsin.desks.shield.models.notice import Announcement, Notice
from tocsin.desks.shield.models.recheck import Recheck
from tocsin.desks.shield.models.visit import Visit

__all__ = [
    "Act",
    "Announcement",
    "Appeal",
    "Arrival",
    "Claim",
    "Edition",
    "Entry",
    "Grounds",
    "Group",
    "Listing",
    "Look",
    "Message",
    "Name",
    "NameList",
    "Notice",
    "Reading",
    "Recheck",
    "Sighting",
    "Term",
    "Visit",
]
