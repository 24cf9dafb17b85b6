"""What a list's file is, signed by the node: whoever has the file checks it without the node."""

import hashlib
from pathlib import Path
from typing import Any

from tocsin.desks.shield.queries.published import File, etag_of
from tocsin.office import keys, signing
from tocsin.words.errors import Unreadable
from tocsin.words.moments import iso

SIGNATURE = ".sig"
NAME = "list"
_MEDIA_TYPE = "application/json"


def signature_of(file: File, audience: str, form: str, *, store_folder: Path) -> File:
    """The facts of one file (audience, form, version, digest) with the node's signature."""
    facts = {
        "audience": audience,
        "form": form,
        "version": file.version,
        "made_at": iso(file.edition.made_at),
        "title": file.edition.title,
        "bytes": len(file.data),
        "sha256": hashlib.sha256(file.data).hexdigest(),
    }
    data = signing.sealed(facts, keys.signing_key(store_folder / "keys"), name=NAME)
    return File(data, _MEDIA_TYPE, file.edition, etag_of(data))


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
