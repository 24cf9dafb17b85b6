"""Erase a person from every place of a store, and say of every place what was found.

Order matters to whoever is cut off half-way: the window's keys are worked out and taken out
before the rows they come from go, copies are kept before originals are destroyed, and every
step that ran finds nothing to do the second time. The register row is written last.
"""

import hmac
import shutil
from dataclasses import replace
from pathlib import Path

from django.apps import apps
from django.db import transaction
from django.utils.module_loading import import_string

from tocsin.flow import erasure as flow
from tocsin.flow.subject import Ids
from tocsin.office import keys, leftovers, register
from tocsin.office.alone import alone
from tocsin.office.backup import known_backups, staging
from tocsin.office.erasure import deliveries, reports, texts
from tocsin.office.erasure.place import Erasure, Order, Place, Recipient
from tocsin.office.models import WindowSegment
from tocsin.words.errors import Refused, Unusable

# Every folder of a store (node.store.FOLDERS) and the place it is reported as; a test compares.
PLACES: dict[str, str] = {
    "events": "event store",
    "evidence": "evidence",
    "deliveries": "deliveries",
    "window": "deduplication window",
    "quarantine": "quarantine",
    "spool": "spool and leftovers",
    "keys": "keys",
    "networks": "routing snapshot",
    "log": "public log",
    "bindings": "bindings of addresses",
}
BACKUPS = (
    "backups of the store made before this erasure still hold what was erased, for as long as "
    "their archives of keys live: make a new one (tocsin backup), then delete those archives, or "
    "let them run out (--keep-keys). After restoring one of them, repeat this erasure before "
    "anything else. Copies of the disk or of a database server, made in other ways, are yours to "
    "find"
)
PEOPLE = (
    "somebody who signs in here under that name still does: tocsin people close ADDRESS ends that"
)
HANDED_OVER = (
    "files that were handed over belong to their recipients, in the folder `out` of the store too: "
    "tell those named that the data were erased (GDPR art. 19)"
)


def erase(order: Order) -> Erasure:
    """Erase, or with `dry_run` look; raises `Busy`, and `Refused` where `why` names the person."""
    require_reason(order, "an erasure")
    with alone(order.store_folder), deliveries.standing_still(order):
        order.progress("searching the event store", 0)
        found = flow.erase_events(
            _folder(order, "events"), order.subject, at=order.at, dry_run=True
        )
        seen = reports.look(order)
        order.progress("erasing" if not order.dry_run else "counting", 0)
        places = [
            _erase_window(order, found.keys + seen.keys),
            _erase_events(order, found),
            reports.erase(order, seen),
        ]
        place, recipients = deliveries.erase(order)
        places += [place, _erase_quarantined(order), _empty_spool(order), _erase_bindings(order)]
        places += _check(order, places)
        if not order.dry_run and (left := reports.check(order, seen)):
            places = [replace(p, left=left) if p.name == "evidence" else p for p in places]
        with transaction.atomic():
            places += _erase_texts(order)
            if not order.dry_run:
                _record(order, places, recipients)
    asked = "" if order.dry_run else texts.forget_pages()
    places.append(_check_database(order))
    return Erasure(
        order.subject.kind,
        len(order.subject.values),
        tuple(sorted(places, key=lambda place: _ORDER.index(place.name))),
        recipients,
        (
            *filter(None, (asked, _people(order), BACKUPS)),
            *_opened_by(),
            *([HANDED_OVER] if recipients else []),
        ),
        order.dry_run,
    )


def _people(order: Order) -> str:
    """An account here is no row of a report: a command of its own closes it."""
    return PEOPLE if order.subject.kind == "account" else ""


def _opened_by() -> list[str]:
    """The archives of keys that the register knows of, and that may still be there."""
    known = [path for _, path in known_backups()]
    more = [f"and {len(known) - _NAMED:,} older ones"] if len(known) > _NAMED else []
    return [f"to delete: {', '.join([*known[:_NAMED], *more])}"] if known else []


_NAMED = 10

_ORDER = (
    *PLACES.values(),
    "database texts",
    "parties and contacts",
    "database files",
    "search index",
    "other files in the store",
)


def require_reason(order: Order, what: str) -> None:
    """Raise `Unusable` without a reason, `Refused` for one that names the person."""
    if not order.why.strip():
        raise Unusable(f"{what} needs a reason. Possible: --why 'request of 2026-11-20, file 17'")
    if order.subject.spans(order.why):
        raise Refused(
            "the reason names the person of the request, and the register keeps reasons. "
            "Possible: --why with the reference of the request"
        )


def _folder(order: Order, name: str) -> Path:
    return order.store_folder / name


def _erase_events(order: Order, found: flow.Erased) -> Place:
    if not order.dry_run:
        events = _folder(order, "events")
        flow.erase_events(events, order.subject, at=order.at, only=found.files)
    done = f"{order.done} from {len(found.files)} files" if found.rows else ""
    return Place(PLACES["events"], found.rows, "events", done)


def _erase_window(order: Order, wanted: bytes) -> Place:
    gone = 0
    for segment in WindowSegment.objects.order_by("pk") if wanted else ():
        path = order.store_folder / segment.path
        if not path.exists():
            continue
        count, left = flow.forget_keys(path, wanted, dry_run=order.dry_run)
        gone += count
        if count and not order.dry_run:
            WindowSegment.objects.filter(pk=segment.pk).update(keys=left)
    return Place(PLACES["window"], gone, "keys", order.done if gone else "")


def _erase_quarantined(order: Order) -> Place:
    folder = _folder(order, "quarantine")
    gone = flow.erase_quarantined(folder, order.subject, dry_run=order.dry_run)
    return Place(PLACES["quarantine"], gone.rows, "records", order.done if gone.rows else "")


def _empty_spool(order: Order) -> Place:
    """What a run that was cut off left behind, whoever it is about: the run makes it anew."""
    strays = leftovers.find(order.store_folder)
    if not order.dry_run:
        staging.drop(order.store_folder)  # a backup under way must not keep what goes now
        leftovers.remove(order.store_folder, strays)
        for path in _folder(order, "spool").iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    done = ("would be removed" if order.dry_run else "removed") if strays else ""
    return Place(PLACES["spool"], len(strays), "leftover files", done)


def _erase_bindings(order: Order) -> Place:
    """`erase_files` in a desk's `apps.py` takes a subject out of files that it alone can read."""
    found = 0
    for config in apps.get_app_configs():
        if name := getattr(config, "erase_files", ""):
            found += import_string(name)(
                order.subject.kind, order.subject.values,
                at=order.at, store_folder=order.store_folder, dry_run=order.dry_run,
            )  # fmt: skip
    return Place(PLACES["bindings"], found, "rows", order.done if found else "")


def _erase_texts(order: Order) -> list[Place]:
    if isinstance(order.subject, Ids):  # the id of a report names nobody
        _tell_desks(order)
        return []
    return [texts.erase(order), texts.look_at_others(order)]


def _tell_desks(order: Order) -> None:
    """`reports_erased` in a desk's `apps.py` names what ends with reports, in this transaction."""
    if order.dry_run or order.subject.kind != "report":
        return
    named = [getattr(config, "reports_erased", "") for config in apps.get_app_configs()]
    for name in filter(None, named):
        import_string(name)(order.subject.values, by=order.by, at=order.at)


# ── proof ────────────────────────────────────────────────────────────────────────────────


def _check(order: Order, places: list[Place]) -> list[Place]:
    """Open every file of every folder again; what was found already gets its proof."""
    extra = []
    for folder, name in PLACES.items():
        checked = _checked(order, folder)
        order.progress("opening every file again", checked.files)
        for number, place in enumerate(places):
            if place.name == name:
                left = 0 if order.dry_run else len(checked.left)
                places[number] = replace(place, files=max(place.files, checked.files), left=left)
                break
        else:
            extra.append(
                Place(name, len(checked.left), "files", "", checked.files, len(checked.left))
            )
    return [*extra, _other_files(order), Place("search index", note="there is none yet")]


def _checked(order: Order, folder: str) -> flow.Checked:
    checked = flow.check_files(_folder(order, folder), order.subject)
    if isinstance(order.subject, Ids):  # manifests name reports, and nobody
        named = tuple(name for name in checked.left if not name.endswith(".json"))
        return replace(checked, left=named)
    return checked


def _other_files(order: Order) -> Place:
    """What else lies in the store folder: deliveries handed over (`out`), files of a person's."""
    known = {*PLACES, "tocsin.sqlite3", "tocsin.sqlite3-wal", "tocsin.sqlite3-shm"}
    checked = flow.Checked()
    for path in sorted(order.store_folder.iterdir()):
        if path.is_dir() and path.name not in known:
            checked += flow.check_files(path, order.subject)
    note = f"not ours to change: {', '.join(checked.left[:5])}" if checked.left else ""
    found = len(checked.left)
    name = "other files in the store"
    return Place(name, found, "files", "left" if found else "", checked.files, note=note)


def _check_database(order: Order) -> Place:
    """The database's files as they lie there; texts were searched row by row before."""
    files = sorted(order.store_folder.glob("tocsin.sqlite3*"))
    left = 0
    if not order.dry_run and not isinstance(order.subject, Ids):
        left = sum(flow.holds(path, order.subject) for path in files)
    note = "" if files else "no file here: the database is another server's"
    return Place("database files", unit="files", files=len(files), left=left, note=note)


# ── register ─────────────────────────────────────────────────────────────────────────────


def _record(order: Order, places: list[Place], recipients: tuple[Recipient, ...]) -> None:
    secret = keys.secret(order.store_folder / "keys", "erasures")
    seals: list[register.Fact] = [
        hmac.digest(secret, f"{order.subject.kind}:{value}".encode(), "sha256").hex()
        for value in order.subject.values
    ]
    facts: dict[str, register.Fact] = {
        "kind": order.subject.kind,
        "values_hmac": seals,
        "why": order.why,
        "places": {
            place.name: {"found": place.found, "files": place.files, "left": place.left}
            for place in places
        },
        "held": [text for place in places for text in place.held],
        "unsearched": len([text for place in places for text in place.unsearched]),
        "recipients": [*sorted({one.party for one in recipients})],
    }
    register.record(action="office:subject:erase", actor=order.by, at=order.at, facts=facts)
