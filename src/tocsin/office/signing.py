"""Signed facts: one JSON object and the node's signature over it (Ed25519, RFC 8032).

`{"<name>": …, "signature": …}` with sorted keys, so that the same facts have the same bytes
wherever they were written. Signed is the object in its canonical form: keys sorted, no white
space, UTF-8; it holds text, whole numbers, truth values, lists, objects and null only.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from tocsin.office.keys import public_text
from tocsin.words.errors import Unreadable


def sealed(facts: Mapping[str, Any], key: Ed25519PrivateKey, *, name: str) -> bytes:
    """The facts with their signature, as the bytes that are written; one line per fact."""
    signature = {
        "algorithm": "ed25519",
        "public_key": public_text(key),
        "value": key.sign(_canonical(facts)).hex(),
    }
    lines = [f"  {_text(fact)}: {_text(value)}" for fact, value in sorted(facts.items())]
    body = ",\n".join(lines)
    return f'{{"{name}": {{\n{body}\n}},\n"signature": {_text(signature)}}}\n'.encode()


def read_signed(data: bytes, *, public_key: str, name: str) -> dict[str, Any]:
    """The facts if `public_key` (64 hexadecimal digits) signed them; raises `Unreadable`."""
    try:
        whole = json.loads(data)
        facts, signature = whole[name], whole["signature"]
        if signature["public_key"] != public_key:
            raise Unreadable(f"{name}: signed by another key than the one given")
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public_key))
        key.verify(bytes.fromhex(signature["value"]), _canonical(facts))
    except (ValueError, KeyError, TypeError, RecursionError) as fault:
        raise Unreadable(f"{name}: not a signed {name} ({fault})") from fault
    except InvalidSignature:
        raise Unreadable(f"{name}: the signature does not fit; it was changed") from None
    return dict(facts)


def verify_export(folder: Path, *, public_key: str) -> dict[str, Any]:
    """The facts of an exported folder, if bytes and signature fit; raises `Unreadable`."""
    try:
        data = (folder / "custody.json").read_bytes()
        facts = read_signed(data, public_key=public_key, name="custody")
        file = facts["file"]
        with (folder / str(file["name"])).open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except (OSError, KeyError, TypeError) as fault:
        raise Unreadable(f"{folder}: no whole export of evidence ({fault})") from fault
    if digest != file["sha256"]:
        raise Unreadable(f"{folder}: the bytes have another digest than the one that was signed")
    return facts


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _canonical(facts: Mapping[str, Any]) -> bytes:
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()
