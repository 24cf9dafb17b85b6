"""Yesterday's database opened by today's program: every row is there and of use."""

import hashlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import pytest
from django.core.management.color import no_style
from django.db import connection, models
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from tests.conftest import on_database
from tests.node.conftest import OVERLAY, SINKHOLE, Run, tocsin
from tocsin.channels.folder import CHANNEL as FOLDER
from tocsin.node.store import OURS, Store, _turn_over, open_store
from tocsin.office import evidence, outbox, publiclog, register, sealed_file
from tocsin.office.backup import rows
from tocsin.office.models import Contact, Delivery, RegisterRow
from tocsin.office.parties import directory, export_parties

__all__ = ["tocsin"]

Key = tuple[str, str]
REPORT, FILE = b"a report of old", b'"time","ip"\n"2026-06-17","192.0.2.7"\n'
DIGEST = hashlib.sha256(REPORT).hexdigest()


def states() -> dict[str, list[Key]]:
    """Every state that a database of ours can have had before today's, by its last migration."""
    graph = MigrationLoader(None).graph
    steps: list[Key] = []
    for node in graph.leaf_nodes():
        steps += [key for key in graph.forwards_plan(node) if key not in steps and key[0] in OURS]
    steps.sort(key=lambda key: len(graph.forwards_plan(key)))
    found = {}
    for count in range(1, len(steps)):
        last = {app: (app, name) for app, name in steps[:count]}
        found[f"{steps[count - 1][0]}.{steps[count - 1][1]}"] = sorted(last.values())
    return found


STATES = states()


# ── a database of the past ───────────────────────────────────────────────────────────────


KINDS: list[tuple[type[models.Field], Callable[[int, datetime], Any]]] = [
    (models.UUIDField, lambda number, _: UUID(int=number)),
    (models.DateTimeField, lambda number, at: at + timedelta(seconds=number)),
    (models.DateField, lambda number, _: date(2026, 1, 1) + timedelta(days=number)),
    (models.BooleanField, lambda number, _: bool(number % 2)),
    (models.IntegerField, lambda number, _: number),
    (models.BinaryField, lambda number, _: bytes([number]) * 32),
]


def value_of(field: Any, number: int, at: datetime) -> Any:
    """Something that fits a field and that no other row has."""
    if isinstance(field, models.JSONField):
        return [f"ä{number}"] if field.get_default() == [] else {"ä": number}
    for kind, make in KINDS:
        if isinstance(field, kind):
            return make(number, at)
    return f"{field.name}-{number}"[: field.max_length or None]


def party(number: int, _: Store) -> dict[str, Any]:
    """One that can be told something."""
    words = {"role": "isp", "country": "BE", "language": "en", "channel": "folder"}
    words |= {"channel_address": f"party-{number}", "format": "idf-csv", "interval": "each"}
    return words | {"active": True, "member": True, "slug": f"party-{number}", "key": ""}


def remit(number: int, _: Store) -> dict[str, Any]:
    """An address of its own."""
    return {"kind": "prefix", "value": f"192.0.2.{number}/32", "relation": "network"}


def agreement(_: int, __: Store) -> dict[str, Any]:
    """What opens figures to the police."""
    return {"relation": "law_enforcement", "classes": ["phishing"], "until": None}


def contact(number: int, _: Store) -> dict[str, Any]:
    """A mailbox that lives."""
    return {"kind": "email", "value": f"abuse-{number}@example.net", "dead_at": None}


def delivery(number: int, store: Store) -> dict[str, Any]:
    """One that waits, with its file."""
    path = f"deliveries/old/{number}.csv"
    (store.path / path).parent.mkdir(parents=True, exist_ok=True)
    (store.path / path).write_bytes(FILE)
    (store.path / f"{path}.json").write_bytes(b"{}")
    words = {"state": "ready", "channel": "folder", "path": path, "parcel": "", "ticket": ""}
    words |= {"manifest_path": f"{path}.json", "lease_until": None, "lease_owner": ""}
    words |= {"digest": hashlib.sha256(FILE).hexdigest(), "size": len(FILE), "attempt": 0}
    return words | {"manifest_digest": hashlib.sha256(b"{}").hexdigest()}


def sealed_evidence(number: int, store: Store) -> dict[str, Any]:
    """The first one has its file; a digest without key stands for each of the others."""
    if number > 1:
        return {"key": b""}
    path = evidence.path_of(DIGEST, store_folder=store.path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as target:
        sealed = sealed_file.seal(io.BytesIO(REPORT), target, key=b"k" * 32)
    sizes = {"size": sealed.size, "stored_size": sealed.stored_size}
    return {"digest": DIGEST, "key": b"k" * 32, "erased_at": None, **sizes}


def register_row(number: int, _: Store) -> dict[str, Any]:
    """As the oldest ones were: no leaf, no key, facts without a shape."""
    words = {"action": "response:report:route", "facts": {"reports": ["x"], "rows": number}}
    return words | {"leaf": b"", "leaf_key": b"", "position": None, "period": ""}


# What rows must say to be of use, in the words of every version.
MEANT: dict[str, Callable[[int, Store], dict[str, Any]]] = {
    "office.agreement": agreement,
    "office.contact": contact,
    "office.delivery": delivery,
    "office.evidence": sealed_evidence,
    "office.party": party,
    "office.registerrow": register_row,
    "office.remit": remit,
    "office.run": lambda _, __: {"kind": "route", "state": "done"},
}


def fill(apps: Any, store: Store, at: datetime) -> None:
    """Three rows of every table of that day."""
    for model in by_need(apps):
        fields = model._meta.concrete_fields
        for number in (1, 2, 3):
            words = {
                field.attname: number if field.is_relation else value_of(field, number, at)
                for field in fields
            }
            known = {field.attname for field in fields}
            said = MEANT.get(model._meta.label_lower, lambda _, __: {})(number, store)
            words |= {name: value for name, value in said.items() if name in known}
            model._base_manager.create(**words)


def by_need(apps: Any) -> Iterator[type[models.Model]]:
    """Tables of ours, those that others point to first."""
    left = [model for model in apps.get_models() if model._meta.app_label in OURS]
    made: set[str] = set()
    while left:
        for model in left:
            needed = {
                field.related_model._meta.label_lower
                for field in model._meta.concrete_fields
                if field.is_relation and field.related_model is not model
            }
            if needed <= made or not {one._meta.label_lower for one in left} & needed:
                yield model
                made.add(model._meta.label_lower)
                left.remove(model)
                break


def make_old(store: Store, url: str, state: list[Key], at: datetime) -> dict[str, list[dict]]:
    """A store as a Tocsin of that state left it; what is in its tables."""
    store.make_folders()
    _turn_over(store, url)
    executor = MigrationExecutor(connection)
    executor.migrate(state)
    apps = executor.loader.project_state(state).apps
    fill(apps, store, at)
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), list(apps.get_models())):
            cursor.execute(statement)
    written = {m._meta.label_lower: content(m) for m in by_need(apps)}
    (store.path / "layout").write_text("1\n")
    connection.close()
    return written


def content(model: type[models.Model]) -> list[dict[str, Any]]:
    """The rows of a table, each by the names of its columns."""
    columns, *lines = map(json.loads, rows.lines(model, using="default"))
    return [dict(zip(columns, line, strict=True)) for line in lines]


# ── today ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def past(own_database: None, another, tmp_path: Path, at: datetime) -> Iterator[Callable[..., Any]]:
    """`past(state)`: a store of that state, not opened yet, and what was written into it."""
    with on_database(another()):

        def make(state: list[Key]) -> tuple[Store, dict[str, list[dict]]]:
            store = Store(tmp_path / "old")
            return store, make_old(store, os.environ.get("TOCSIN_DATABASE_URL", ""), state, at)

        yield make


@pytest.mark.parametrize("name", STATES)
def test_every_row_of_an_older_database_is_there_and_of_use(name: str, past, at, tmp_path) -> None:
    store, written = past(STATES[name])
    open_store(store.path)

    from django.apps import apps

    for label, before in written.items():
        model = apps.get_model(label)
        key = model._meta.pk.attname
        after = {row[key]: row for row in content(model)}
        kept = {column for column in before[0] if column in after[before[0][key]]}
        assert [{column: row[column] for column in kept} for row in before] == [
            {column: after[row[key]][column] for column in kept} for row in before
        ], label
    check_use(store, tmp_path / "out", at)


def check_use(store: Store, out: Path, at: datetime) -> None:
    """Parties are found, deliveries go out, evidence opens, old rows of the register get leaves."""
    known = directory(at=at)
    assert [one.party for one in known.recipients] == ["party-1", "party-2", "party-3"]
    assert len(known.remits) == 3
    assert export_parties().count("[[party]]") == 3
    assert b"".join(evidence.read(DIGEST, store_folder=store.path)) == REPORT
    assert Contact.objects.filter(dead_at=None).count() == 3

    out.mkdir()
    waiting = Delivery.objects.filter(state="ready").count()
    handed = outbox.deliver_due(
        owner="test",
        at=at + timedelta(days=1),
        channels={"folder": FOLDER},
        store_folder=store.path,
        settings={"folder": {"root": str(out)}},
    )
    assert [one.state for one in handed] == ["delivered"] * waiting == ["delivered"] * 3
    assert sorted(path.name for path in out.rglob("*.csv")) == ["1.csv", "2.csv", "3.csv"]

    old = RegisterRow.objects.filter(action="response:report:route").order_by("pk")
    assert [bytes(row.leaf) for row in old] == [b""] * 3
    log = publiclog.open_log(store.path)
    publiclog.sequence(log, schedule=publiclog.Schedule(), by="test", at=at)
    assert [len(bytes(row.leaf)) for row in old.all()] == [32] * 3
    assert [register.leaf_of(row) == bytes(row.leaf) for row in old.all()] == [True] * 3
    assert None not in old.values_list("position", flat=True)


def test_the_oldest_store_routes_a_report_as_any_other(past, tocsin: Run, tmp_path) -> None:
    store, _ = past(next(iter(STATES.values())))
    done = tocsin(
        "route", SINKHOLE, "--overlay", OVERLAY, "--store", store.path, "--out", "out", "--json"
    )

    assert done.ended == (0, "")
    assert done.json["events"] > 20


OPEN = """
import sys
from pathlib import Path
from tocsin.node.store import Store, open_store, set_up_django
set_up_django(Store(Path(sys.argv[1])))
from django.db.models.signals import pre_migrate
pre_migrate.connect(lambda **_: print("migrating", flush=True), weak=False)
open_store(Path(sys.argv[1]))
"""


def test_an_upgrade_that_was_killed_never_happened_and_is_made_when_the_store_is_opened(
    past, clean_env, tmp_path: Path, at: datetime
) -> None:
    state = next(iter(STATES.values()))
    store, written = past(state)
    random = Random(20261123)
    env = clean_env | {"TOCSIN_DATABASE_URL": os.environ.get("TOCSIN_DATABASE_URL", "")}
    found = []
    for _ in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", OPEN, str(store.path)], env=env, stdout=subprocess.PIPE
        ) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"migrating\n"
            time.sleep(random.uniform(0.0, 0.7))
            child.kill()
        if child.returncode == 0:
            break
        found.append(sorted(MigrationLoader(connection).applied_migrations))
    open_store(store.path)

    assert [one for one in found if one != state] == []
    assert len(found) > 1
    assert {label: len(rows_) for label, rows_ in written.items()} == dict.fromkeys(written, 3)
    check_use(store, tmp_path / "out", at)
