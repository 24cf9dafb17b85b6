"""What the response desk can be asked."""

from tocsin.desks.response.queries.cases import (
    CaseFile,
    Page,
    Work,
    case_for,
    cases_for,
    facets_for,
    figures_for,
    find_case,
    my_open_work,
    steps_for,
    thread_of,
    visible_cases,
)
from tocsin.desks.response.queries.fates import Fate, fate_for, fates_of, feedback_wanted
from tocsin.desks.response.queries.filters import Filters
from tocsin.desks.response.queries.notifications import (
    NotificationFile,
    notification_for,
    notifications_for,
)
from tocsin.desks.response.queries.preview import Preview, Shown, Told, as_event, look_up, preview
from tocsin.desks.response.queries.quarantine import gone_from_quarantine, quarantined

__all__ = [
    "CaseFile",
    "Fate",
    "Filters",
    "NotificationFile",
    "Page",
    "Preview",
    "Shown",
    "Told",
    "Work",
    "as_event",
    "case_for",
    "cases_for",
    "facets_for",
    "fate_for",
    "fates_of",
    "feedback_wanted",
    "figures_for",
    "find_case",
    "gone_from_quarantine",
    "look_up",
    "my_open_work",
    "notification_for",
    "notifications_for",
    "preview",
    "quarantined",
    "steps_for",
    "thread_of",
    "visible_cases",
]
