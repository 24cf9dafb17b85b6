"""The database: texts that may name a person, field by field.

`SCRUBBED` texts are ours; the value is taken out of them. `NAMED` texts are somebody's own data
with a way of their own to be corrected; they are searched and the find is said, no more. A
desk names its texts in its `apps.py` (`personal_texts`, and `sealed_texts`: those are opened with
the store's key and sealed again). A test holds these lists to the models.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl
from django.apps import apps
from django.db import connection
from django.db.models import Manager, Model

from tocsin.flow.subject import Subject
from tocsin.office import register
from tocsin.office.erasure.place import Order, Place
from tocsin.office.models import RegisterRow
from tocsin.office.people.sealing import seal, unseal
from tocsin.office.sealed_texts import SealedText
from tocsin.words.errors import Unusable

SCRUBBED: dict[str, tuple[str, ...]] = {
    "office.Delivery": ("last_error", "delivered_to"),
    "office.Job": ("last_error",),
    "office.Receipt": ("detail",),
    "office.RegisterRow": ("facts",),
    "office.Run": ("counts", "error"),
    "people.Letter": ("last_error",),
}
NAMED: dict[str, tuple[str, ...]] = {
    "office.Agreement": ("reference", "basis"),
    "office.Contact": ("value",),
    "office.Evidence": ("hold_authority", "hold_reference"),
    "office.Party": ("name", "channel_address", "key"),
    "office.Remit": ("value",),
    "people.Invitation": ("email", "name"),
    "people.Person": ("email", "name"),
    "people.SharingGroup": ("name", "purpose"),
    "people.Token": ("name",),
}
_BATCH, _FEW = 5000, 200


def scrubbed() -> dict[str, tuple[str, ...]]:
    """Model to fields, those of the desks among them."""
    found = dict(SCRUBBED)
    for config in apps.get_app_configs():
        for model, fields in getattr(config, "personal_texts", {}).items():
            found[f"{config.label}.{model}"] = tuple(fields)
    return found


def named() -> dict[str, tuple[str, ...]]:
    """Model to fields of somebody's own data, those of the desks (`named_texts`) among them."""
    found = dict(NAMED)
    for config in apps.get_app_configs():
        for model, fields in getattr(config, "named_texts", {}).items():
            found[f"{config.label}.{model}"] = tuple(fields)
    return found


def erase(order: Order) -> Place:
    """Take the value out of our own texts; inside a transaction."""
    rows = 0
    for label, fields in sorted(scrubbed().items()):
        for row in _hits(label, fields, order.subject):
            rows += 1
            if not order.dry_run:
                for name in fields:
                    setattr(row, name, _without(getattr(row, name), order.subject))
                row.save(update_fields=fields)
                if isinstance(row, RegisterRow):
                    register.forget_key(row, at=order.at)
    sealed = [
        hit
        for hit in list(_sealed_hits(order.subject))  # all are read before one is written
        if order.dry_run or hit.text is None or hit.take_out(order.subject)
    ]
    found = rows + sum(hit.text is not None for hit in sealed)
    done = order.done if found else ""
    return Place("database texts", found, done=done, unsearched=tuple(_closed(sealed)))


@dataclass(frozen=True)
class _Hit:
    """A sealed field in which the value stands; `text` is None where it cannot be opened."""

    label: str
    row: Model
    what: SealedText
    text: str | None

    def take_out(self, subject: Subject) -> bool:
        """Seal it again without the value; what is one value goes as a whole.

        Of the row as it is by then: what a decision emptied since it was found stays empty. Whether
        there was still something to take out.
        """
        name, purpose = self.what.field, self.what.purpose
        row = _objects(self.label).select_for_update().filter(pk=self.row.pk).first()
        now = bytes(getattr(row, name)) if row is not None else b""
        text = unseal(now, purpose=purpose).decode() if now else ""
        if row is None or not subject.spans(text):
            return False
        kept = "" if self.what.is_whole else subject.scrub(text)
        data = seal(kept.encode(), purpose=purpose) if kept else b""
        # A database without row locks (SQLite) writes only where it is still what was read.
        return bool(_objects(self.label).filter(pk=row.pk, **{name: now}).update(**{name: data}))


def _sealed_hits(subject: Subject) -> Iterator[_Hit]:
    """What desks keep sealed until they answered (`sealed_texts` of a desk), opened one by one."""
    for config in apps.get_app_configs():
        for what in getattr(config, "sealed_texts", ()):
            label = f"{config.label}.{what.model}"
            rows = _objects(label).exclude(**{what.field: b""}).order_by("pk")
            for row in rows.iterator(chunk_size=_FEW):
                try:
                    text = unseal(bytes(getattr(row, what.field)), purpose=what.purpose).decode()
                except Unusable:
                    yield _Hit(label, row, what, None)
                    continue
                if subject.spans(text):
                    yield _Hit(label, row, what, text)


def _closed(hits: Iterable[_Hit]) -> Iterator[str]:
    """What could not be opened, so that nobody knows whose it is."""
    names = (f"{hit.label}.{hit.what.field}" for hit in hits if hit.text is None)
    for name, count in sorted(Counter(names).items()):
        yield (
            f"{name}: {count:,} sealed under another key than the store's; restore "
            "keys/django-secret of this store from its backup, then again"
        )


def look_at_others(order: Order) -> Place:
    """Where a party's own entries name the value: they are the party's to correct."""
    theirs = [
        f"{label} {row}"
        for label, fields in sorted(named().items())
        for row in _hits(label, fields, order.subject)
    ]
    way = "left: correct them with tocsin parties import, tocsin subscribers contacts"
    note = f"{way} ({len(theirs)})" if theirs else ""
    return Place("parties and contacts", len(theirs), done="left" if theirs else "", note=note)


def found(subject: Subject) -> Iterator[dict[str, Any]]:
    """Every field in which the value stands, in our own texts and in what parties say."""
    lists = {**scrubbed(), **named()}
    for label, fields in sorted(lists.items()):
        for row in _hits(label, fields, subject):
            for name in fields:
                if subject.spans(_joined(row, (name,))):
                    yield {"record": label, "id": _name(row), name: getattr(row, name)}
    for hit in _sealed_hits(subject):
        if hit.text is not None:
            yield {"record": hit.label, "id": _name(hit.row), hit.what.field: hit.text}


def _name(row: Model) -> str:
    uid = getattr(row, "uid", None)
    return uid.hex if uid is not None else str(row.pk)


def _hits(label: str, fields: tuple[str, ...], subject: Subject) -> Iterator[Model]:
    """Rows in one of whose fields the value stands."""
    manager = _objects(label)
    keys = manager.order_by("pk").values_list("pk", flat=True)
    for start in range(0, len(keys), _BATCH):
        rows = list(manager.filter(pk__in=keys[start : start + _BATCH]).order_by("pk"))
        texts = pl.Series([_joined(row, fields) for row in rows], dtype=pl.String)
        for at in subject.column(texts).arg_true().to_list():
            yield rows[at]


def _objects(label: str) -> Manager[Model]:
    manager: Manager[Model] = apps.get_model(label)._default_manager  # noqa: SLF001 Django's way
    return manager


def _joined(row: Model, fields: tuple[str, ...]) -> str:
    values = [getattr(row, name) for name in fields]
    return "\n".join(
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        for value in values
    )


def _without(value: Any, subject: Subject) -> Any:
    if isinstance(value, str):
        return subject.scrub(value)
    if isinstance(value, list):
        return [_without(item, subject) for item in value]
    if isinstance(value, dict):
        return {_without(key, subject): _without(item, subject) for key, item in value.items()}
    return value


def forget_pages() -> str:
    """Make SQLite let go of the pages as they were; what a person must do on PostgreSQL."""
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return ""
    return (
        "PostgreSQL keeps changed rows in its pages and its write-ahead log: run VACUUM FULL on "
        "office_registerrow, office_delivery, office_receipt, office_run and response_report, and "
        "let archived log segments run out"
    )
