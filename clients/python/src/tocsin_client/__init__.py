"""Report to a Tocsin node, fetch what it tells you, answer it."""

from tocsin_client.client import Client
from tocsin_client.connection import Problem, Unreachable
from tocsin_client.nouns import Case, Delivery, Entry, Party, Receipt, Report, Told

__all__ = [
    "Case",
    "Client",
    "Delivery",
    "Entry",
    "Party",
    "Problem",
    "Receipt",
    "Report",
    "Told",
    "Unreachable",
]
