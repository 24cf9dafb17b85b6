"""The nouns of the response desk, one file each."""

from tocsin.desks.response.models.arrival import Arrival, Reading
from tocsin.desks.response.models.case import Case, Tag
from tocsin.desks.response.models.clean_up import CleanUp
from tocsin.desks.response.models.entry import Entry
from tocsin.desks.response.models.feedback import Feedback
from tocsin.desks.response.models.filter import SavedFilter
from tocsin.desks.response.models.intake import Intake
from tocsin.desks.response.models.notification import Notification, Submission
from tocsin.desks.response.models.report import Report
from tocsin.desks.response.models.sighting import Sighting
from tocsin.desks.response.models.upload import Upload

__all__ = [
    "Arrival",
    "Case",
    "CleanUp",
    "Entry",
    "Feedback",
    "Intake",
    "Notification",
    "Reading",
    "Report",
    "SavedFilter",
    "Sighting",
    "Submission",
    "Tag",
    "Upload",
]
