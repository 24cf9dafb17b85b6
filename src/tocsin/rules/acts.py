"""All deadlines and lifecycles of the house, act by act: what the worker and the pages read."""

from tocsin.rules import evidence, nis2, response, shield, tco
from tocsin.rules.deadline import Deadline
from tocsin.rules.lifecycle import Lifecycle

DEADLINES: tuple[Deadline, ...] = (
    *evidence.DEADLINES,
    *nis2.DEADLINES,
    *response.DEADLINES,
    *shield.DEADLINES,
    *tco.DEADLINES,
)

LIFECYCLES: tuple[Lifecycle, ...] = (
    nis2.NOTIFICATION,
    nis2.VOLUNTARY,
    response.CASE,
    response.FEEDBACK,
    shield.APPEAL,
    shield.LISTING,
    tco.COMPLAINT,
    tco.ORDER,
    tco.SCRUTINY,
)
