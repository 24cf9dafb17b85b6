"""Erase a person, an account or a report from every place, and prove it."""

from tocsin.office.erasure.erasing import PLACES, erase
from tocsin.office.erasure.place import Erasure, Order, Place, Recipient

__all__ = ["PLACES", "Erasure", "Order", "Place", "Recipient", "erase"]
