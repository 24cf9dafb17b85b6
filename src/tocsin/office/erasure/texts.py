"""The database: texts that may name a person, field by field.

`SCRUBBED` texts are ours; the value is taken out of them. `NAMED` texts are somebody's own data
with a way of their own to be corrected; they are searched and the find is said, no more. A
desk names its texts in its `apps.py` (`personal_texts`). A test holds these lists to the models.
"""

import json
from collections.abc import Iterator
from typing import Any

import polars as pl
from django.apps import apps
from django.db import connection
from django.db.models import Manager, Model

from tocsin.flow.subject import Subject
from tocsin.office import register
from tocsin.office.erasure.place import Order, Place
from tocsin.office.models import RegisterRow

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
_BATCH = 5000


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
    done = order.done if rows else ""
    return Place("database texts", rows, done=done, unsearched=tuple(_sealed()))


def _sealed() -> Iterator[str]:
    """What lies sealed until a desk has answered (`sealed_texts` of a desk): said, not read."""
    for config in apps.get_app_configs():
        for model, field in getattr(config, "sealed_texts", ()):
            label = f"{config.label}.{model}"
            if count := _objects(label).exclude(**{field: b""}).count():
                yield f"{label}.{field}: {count:,} sealed until answered; answer them, then again"


def look_at_others(order: Order) -> Place:
    """Where a party's own entries name the value: they are the party's to correct."""
    theirs = [
        f"{label} {row}"
        for label, fields in sorted(named().items())
        for row in _hits(label, fields, order.subject)
    ]
    note = f"left: correct them with tocsin parties import ({len(theirs)})" if theirs else ""
    return Place("parties and contacts", len(theirs), done="left" if theirs else "", note=note)


def found(subject: Subject) -> Iterator[dict[str, Any]]:
    """Every field in which the value stands, in our own texts and in what parties say."""
    lists = {**scrubbed(), **named()}
    for label, fields in sorted(lists.items()):
        for row in _hits(label, fields, subject):
            for name in fields:
                if subject.spans(_joined(row, (name,))):
                    yield {"record": label, "id": _name(row), name: getattr(row, name)}


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
