"""A store that has lost a part says so, and goes on only when told to."""

import shutil
from pathlib import Path

import pytest
from django.db import connection

from tests.skipping import not_on_this_database
from tocsin.node.store import KEPT, open_store
from tocsin.words.errors import Unusable

pytestmark = pytest.mark.usefixtures("own_database")


@pytest.mark.parametrize("name", KEPT)
def test_a_lost_folder_is_named_and_nothing_is_made_in_its_place(name: str, tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    shutil.rmtree(store.path / name)

    with pytest.raises(Unusable, match=f"has lost its folder {name}. Possible: restore it"):
        open_store(store.path)
    assert not (store.path / name).exists()


def test_whoever_makes_an_empty_folder_goes_on_without_what_was_in_it(tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    shutil.rmtree(store.window)
    store.window.mkdir()

    assert open_store(store.path) == store


def test_a_lost_database_is_named(tmp_path: Path) -> None:
    if connection.vendor != "sqlite":
        not_on_this_database("the database is no file")
    store = open_store(tmp_path / "store")
    for path in store.path.glob("tocsin.sqlite3*"):
        path.unlink()

    with pytest.raises(Unusable, match="has lost its database"):
        open_store(store.path)
