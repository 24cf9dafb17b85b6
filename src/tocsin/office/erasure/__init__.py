"""Erase a person, an account or a report from every place, and prove it; or export it."""

from tocsin.office.erasure.erasing import PLACES, erase
from tocsin.office.erasure.exporting import Export, export
from tocsin.office.erasure.place import Erasure, Order, Place, Recipient

__all__ = ["PLACES", "Erasure", "Export", "Order", "Place", "Recipient", "erase", "export"]
