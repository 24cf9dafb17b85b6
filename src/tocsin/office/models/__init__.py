"""The nouns of the office, one file each; every docstring says purpose, basis and retention."""

from tocsin.office.models.agreement import Agreement
from tocsin.office.models.contact import Contact
from tocsin.office.models.deadline import Deadline
from tocsin.office.models.delivery import Delivery
from tocsin.office.models.evidence import Evidence
from tocsin.office.models.job import Job
from tocsin.office.models.log_batch import LogBatch
from tocsin.office.models.party import Party
from tocsin.office.models.receipt import Receipt
from tocsin.office.models.register_row import RegisterRow
from tocsin.office.models.remit import Remit
from tocsin.office.models.run import Run
from tocsin.office.models.window_segment import WindowSegment
from tocsin.office.models.worker import Worker

__all__ = [
    "Agreement",
    "Contact",
    "Deadline",
    "Delivery",
    "Evidence",
    "Job",
    "LogBatch",
    "Party",
    "Receipt",
    "RegisterRow",
    "Remit",
    "Run",
    "WindowSegment",
    "Worker",
]
