"""The keys that sign the public log: in the store's `keys/log/`, one file each, and their change.

The log signs with one Ed25519 key and, where the installed `cryptography` has it, one ML-DSA-44
key beside it. A new key is published with the old one, and announced in the log's file `keys`;
then the old one is retired and speaks for nothing larger.
"""

import os
import secrets
from datetime import datetime
from pathlib import Path

from django.db import transaction

from tocsin.flow import durable
from tocsin.ledger.checkpoints import Checkpoint
from tocsin.ledger.keys import Kind, Signer, check_name, has_ml_dsa, make_signer, read_secret
from tocsin.ledger.log import Log
from tocsin.ledger.trust import Span, Trust, convince
from tocsin.office import register
from tocsin.words.errors import NotFound, Refused, Unusable

_SEED = 32


def signers(keys_folder: Path, log: Log, *, origin: str) -> list[Signer]:
    """The keys in force, made where the log has none; raises `Unusable`, `Refused`.

    `origin` is the log's name; "" keeps the name it has or draws one that says nothing.
    """
    kept = _kept(keys_folder)
    if not kept:
        if log.spans():
            raise Unusable(
                f"{keys_folder / 'log'} holds no key, and the log is signed. Possible: restore "
                "the keys from the key backup"
            )
        name = origin or f"unnamed.invalid/{secrets.token_hex(8)}"
        return _make(keys_folder, name)
    if origin and kept[0].name != origin:
        raise Unusable(
            f"the log is {kept[0].name}, and the settings call it {origin}. A log keeps its name. "
            f"Possible: TOCSIN_LOG_ORIGIN={kept[0].name}"
        )
    retired = {span.verifier for span in log.spans() if span.until is not None}
    return [signer for signer in kept if signer.verifier not in retired]


def rotate(*, store_folder: Path, by: str, at: datetime) -> list[Signer]:
    """Publish with new keys beside those in force; these can be retired from then on."""
    log, folder = Log(store_folder / "log"), store_folder / "keys"
    before = signers(folder, log, origin="")
    log.published()  # nothing to rotate before there is something to trust
    made = _make(folder, before[0].name)
    with transaction.atomic():
        log.publish(signers=[*before, *made], at=at)
        _record("rotate", log.published(), [one.verifier.vkey for one in made], by=by, at=at)
    return made


def retire(key_id: str, *, store_folder: Path, by: str, at: datetime) -> Span:
    """End a key in force, by its id (8 hexadecimal digits); its file is unlinked.

    Raises `NotFound`, and `Refused` for the last one of its kind that a reader could trust.
    """
    log, folder = Log(store_folder / "log"), store_folder / "keys"
    held = signers(folder, log, origin="")
    named = [one for one in held if one.verifier.key_id.hex() == key_id.lower()]
    if not named:
        ids = ", ".join(one.verifier.key_id.hex() for one in held)
        raise NotFound(f"{key_id} is no key in force. Possible: {ids}")
    if not any(one.verifier.kind == named[0].kind for one in held if one != named[0]):
        raise Refused(
            f"{named[0].verifier.said} is the last of its kind. Possible: tocsin log keys rotate "
            "first"
        )
    with transaction.atomic():
        span = log.retire(named[0].verifier, signers=held, at=at)
        _record("retire", log.published(), [span.verifier.vkey], by=by, at=at)
    _path(folder, named[0]).unlink()
    return span


def check_own(log: Log) -> None:
    """Whether the published checkpoint is signed by keys that the log announces."""
    note = log.note()
    if note is not None:
        convince(note.data, Trust(log.spans()))


def _kept(keys_folder: Path) -> list[Signer]:
    files = sorted((keys_folder / "log").glob("*.key"))
    return [read_secret(path.read_text(encoding="ascii").strip()) for path in files]


def _make(keys_folder: Path, name: str) -> list[Signer]:
    check_name(name)
    kinds = [Kind.ED25519, *([Kind.ML_DSA_44] if has_ml_dsa() else [])]
    made = [make_signer(name, kind, secrets.token_bytes(_SEED)) for kind in kinds]
    for signer in made:
        path = _path(keys_folder, signer)
        before = os.umask(0o077)
        try:
            durable.write(path, f"{signer.secret}\n".encode("ascii"))
        finally:
            os.umask(before)
    return made


def _path(keys_folder: Path, signer: Signer) -> Path:
    kind = signer.kind.name.lower().replace("_", "-")
    return keys_folder / "log" / f"{kind}-{signer.verifier.key_id.hex()}.key"


def _record(verb: str, head: Checkpoint, vkeys: list[str], *, by: str, at: datetime) -> None:
    facts: dict[str, register.Fact] = {"size": head.size, "keys": [*vkeys]}
    register.record(action=f"office:log:{verb}", actor=by, at=at, facts=facts)
