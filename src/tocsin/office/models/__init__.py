"""The nouns of the office, one file each; every docstring says purpose, basis and retention."""

from tocsin.office.models.agreement import Agreement
from tocsin.office.models.contact import Contact
from tocsin.office.models.delivery import Delivery
from tocsin.office.models.evidence import Evidence
from tocsin.office.models.party import Party
from tocsin.office.models.receipt import Receipt
from tocsin.office.models.register_row import RegisterRow
from tocsin.office.models.remit import Remit
from tocsin.office.models.run import Run
from tocsin.office.models.window_segment import WindowSegment

__all__ = [
    "Agreement",
    "Contact",
    "Delivery",
    "Evidence",
    "Party",
    "Receipt",
    "RegisterRow",
    "Remit",
    "Run",
    "WindowSegment",
]
