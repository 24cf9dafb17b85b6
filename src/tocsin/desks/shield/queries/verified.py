"""Checking a list that somebody fetched: no store, no database, no settings of a node."""

import hashlib
from typing import Any

from tocsin.office import signing
from tocsin.words.errors import Unreadable

NAME = "list"


def verify_list(data: bytes, signature: bytes, *, public_key: str) -> dict[str, Any]:
    """The facts of a file if the node signed them and they are of these bytes.

    Raises `Unreadable`.
    """
    facts = signing.read_signed(signature, public_key=public_key, name=NAME)
    if facts.get("sha256") != hashlib.sha256(data).hexdigest():
        raise Unreadable(
            "the file has another digest than the one that was signed: it was changed, or it is "
            "of another edition. Possible: fetch both again"
        )
    return facts
