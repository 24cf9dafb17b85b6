"""Texts that a desk keeps sealed in the database: what they are, for erasure and for whoever asks.

A desk names its own in `sealed_texts` of its `apps.py`; a test holds the list to the models.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class SealedText:
    """One field, and the purpose that it is sealed for (`office.people.sealing`).

    `is_whole`: it is one value, such as an address, of which a part would be of no use.
    """

    model: str
    field: str
    purpose: str
    is_whole: bool = False
