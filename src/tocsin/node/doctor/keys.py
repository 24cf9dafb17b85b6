"""The keys: there, readable by this user alone, of the right kind, and those that signed before."""

import base64
import json
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from tocsin.node.doctor.finding import Case, Finding
from tocsin.node.doctor.words import named, ok, wrong
from tocsin.words.errors import TocsinError

AREA = "keys"
RESTORE = "restore it from the backup of the keys"


def look(case: Case) -> Iterator[Finding]:
    """Files alone; nothing is made where a key is missing."""
    folder = case.store.keys
    if not folder.is_dir():
        return  # the store says so
    found = [*_rights(folder), *_kinds(folder)]
    yield from found or [ok(AREA, f"{len(_files(folder))} files, for this user alone")]


def look_at_use(case: Case) -> Iterator[Finding]:
    """Keys that the database says there must be."""
    yield from [*_signer(case), *_webhooks(case)]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _rights(folder: Path) -> Iterator[Finding]:
    open_ = [path for path in _files(folder) if stat.S_IMODE(path.stat().st_mode) & 0o077]
    if open_:
        paths = " ".join(str(path) for path in open_)
        yield wrong(AREA, f"others may read {named(p.name for p in open_)}", f"chmod 600 {paths}")
    unreadable = [path for path in _files(folder) if not os.access(path, os.R_OK)]
    if unreadable:
        mend = "run it as the user of the store, or chown the file"
        yield wrong(AREA, f"this user may not read {named(p.name for p in unreadable)}", mend)


def _kinds(folder: Path) -> Iterator[Finding]:
    if not (folder / "django-secret").is_file():
        mend = f"{RESTORE}; without one, the next command makes another and ends all sessions"
        yield wrong(AREA, "django-secret is lost", mend)
    elif _is_empty(folder / "django-secret"):
        yield wrong(AREA, "django-secret is empty", RESTORE)
    for path in sorted(folder.glob("*.key")):
        if path.stat().st_size != 32:
            yield wrong(AREA, f"{path.name} holds {path.stat().st_size} bytes, not 32", RESTORE)
    yield from _fault(lambda: _public(folder))
    yield from _fault(lambda: _own_openpgp(folder))


def _is_empty(path: Path) -> bool:
    return not path.stat().st_size


def _fault(look: Callable[[], object]) -> Iterator[Finding]:
    try:
        look()
    except TocsinError as fault:
        what, _, mend = str(fault).partition(" Possible: ")
        yield wrong(AREA, what.rstrip("."), mend or RESTORE)
    except PermissionError:
        return  # said above


def _public(folder: Path) -> str:
    """The public half of the key that signs manifests; "" where there is none."""
    from tocsin.office import keys

    if not (folder / "manifest-signing.pem").is_file():
        return ""
    return keys.public_text(keys.signing_key(folder))


def _own_openpgp(folder: Path) -> None:
    from tocsin.channels import openpgp

    openpgp.require_signer(str(folder / "openpgp.asc"))


def _signer(case: Case) -> Iterator[Finding]:
    """The key that would sign next is the one that signed last."""
    from tocsin.office.models import Delivery

    for delivery in Delivery.objects.order_by("-pk")[:20]:
        signed_by = _signed_by(case.store.path / delivery.manifest_path)
        if not signed_by:
            continue
        try:
            ours = _public(case.store.keys)
        except (TocsinError, OSError):
            return  # said above
        if not ours:
            yield wrong(AREA, "manifest-signing.pem is lost; it signed before", RESTORE)
        elif ours != signed_by:
            yield wrong(
                AREA,
                f"manifests were signed by key {signed_by[:16]}…, now there is {ours[:16]}…",
                f"{RESTORE}, or tell all parties the new public key",
            )
        return


def _signed_by(path: Path) -> str:
    try:
        return str(json.loads(path.read_bytes())["signature"]["public_key"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""  # handed over long ago, and dropped


def _webhooks(case: Case) -> Iterator[Finding]:
    from tocsin.office.models import Party

    slugs = list(
        Party.objects.filter(active=True, channel="webhook").values_list("slug", flat=True)
    )
    for slug in slugs:
        path = case.store.keys / "webhooks" / f"{slug}.secret"
        try:
            lines = path.read_text(encoding="ascii").split()
        except FileNotFoundError:
            mend = f"tocsin parties webhook-secret {slug}"
            yield wrong(AREA, f"{slug} takes webhooks and has no secret", mend)
            continue
        except (OSError, ValueError):
            lines = []
        if not lines or not all(_is_secret(line) for line in lines):
            mend = f"{RESTORE}, or: rm {path} && tocsin parties webhook-secret {slug}"
            yield wrong(AREA, f"the webhook secret of {slug} cannot be used", mend)


def _is_secret(line: str) -> bool:
    """As Standard Webhooks writes one: 24 bytes or more."""
    from tocsin.channels.webhook import PREFIX

    try:
        return len(base64.b64decode(line.removeprefix(PREFIX), validate=True)) >= 24
    except ValueError:
        return False
