"""Opening a store: made private, brought up to date, refused where it cannot work."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from tests.skipping import not_on_this_database
from tocsin.node.store import FOLDERS, LAYOUT, Store, open_store
from tocsin.office.models import Run
from tocsin.words.errors import Unusable

pytestmark = pytest.mark.usefixtures("own_database")


def mode(path: Path) -> str:
    return oct(stat.S_IMODE(path.stat().st_mode))


def test_a_new_store_has_all_its_folders_for_its_user_alone(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")

    made = {path.name: mode(path) for path in store.path.iterdir() if path.is_dir()}
    assert made == dict.fromkeys(FOLDERS, "0o700")
    assert mode(store.path) == "0o700"
    assert mode(store.keys / "django-secret") == "0o600"


def test_a_new_store_can_be_written_at_once_and_is_empty(tmp_path: Path) -> None:
    open_store(tmp_path / "store")

    assert list(Run.objects.all()) == []


def test_two_stores_in_one_process_do_not_see_each_other(tmp_path, at) -> None:
    if connection.vendor != "sqlite":
        not_on_this_database(
            "on PostgreSQL the database is named by TOCSIN_DATABASE_URL, not by the store"
        )
    open_store(tmp_path / "one")
    Run.objects.create(kind="route", at=at, started_at=at)
    open_store(tmp_path / "two")
    in_two = Run.objects.count()
    open_store(tmp_path / "one")

    assert (in_two, Run.objects.count()) == (0, 1)


def test_sqlite_survives_a_power_cut_and_forgets_what_is_erased(tmp_path: Path) -> None:
    if connection.vendor != "sqlite":
        not_on_this_database("pragmas are SQLite's")
    open_store(tmp_path / "store")

    with connection.cursor() as cursor:
        pragmas = {
            name: cursor.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "secure_delete")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1}


def test_the_secret_stays_the_same_from_one_opening_to_the_next(tmp_path: Path) -> None:
    first = (open_store(tmp_path / "store").keys / "django-secret").read_text()
    second = (open_store(tmp_path / "store").keys / "django-secret").read_text()

    assert (first == second, len(first) > 60) == (True, True)


def test_a_store_with_a_newer_layout_is_refused(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    (store.path / "layout").write_text("2\n")

    with pytest.raises(Unusable, match=f"has layout '2', this Tocsin knows layouts up to {LAYOUT}"):
        open_store(store.path)


def test_a_store_with_a_migration_of_a_newer_tocsin_is_refused(tmp_path: Path) -> None:
    if connection.vendor != "sqlite":
        not_on_this_database("would mark the shared test database as newer")
    open_store(tmp_path / "store")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO django_migrations (app, name, applied) "
            "VALUES ('office', '9999_the_future', '2027-01-01')"
        )

    with pytest.raises(Unusable, match=r"newer Tocsin \(it has office.9999_the_future\)"):
        open_store(tmp_path / "store")


def test_a_file_in_the_place_of_the_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("not a folder")

    with pytest.raises(Unusable, match=r"cannot be used: File exists\. Possible: name a folder"):
        open_store(tmp_path / "store")


def test_a_database_that_is_none_is_refused(tmp_path: Path) -> None:
    if connection.vendor != "sqlite":
        not_on_this_database("the database is no file")
    store = Store(tmp_path / "store")
    store.make_folders()
    (store.path / "tocsin.sqlite3").write_bytes(b"this is a letter, not a database" * 200)

    with pytest.raises(Unusable, match="the database cannot be read"):
        open_store(store.path)


def test_a_fresh_process_opens_a_store_without_any_setting(tmp_path: Path) -> None:
    """As the command line does: nothing set up yet, no environment."""
    program = (
        "from pathlib import Path; from tocsin.node.store import open_store;"
        "open_store(Path('fresh')); from tocsin.office.models import Run;"
        "from django.conf import settings;"
        "print(Run.objects.count(), len(settings.SECRET_KEY) > 60)"
    )
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("TOCSIN", "DJANGO"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path,
        env={**clean, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("0 True\n", "")
