"""What a list's file is, signed by the node: whoever has the file checks it without the node."""

import hashlib
from pathlib import Path

from tocsin.desks.shield.queries.published import File, etag_of
from tocsin.desks.shield.queries.verified import NAME
from tocsin.office import keys, signing
from tocsin.words.moments import iso

SIGNATURE = ".sig"
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
