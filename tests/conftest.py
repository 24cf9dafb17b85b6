"""What every test may use: a fixed moment, a store of its own, a database of its own."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_socket
from django.conf import settings
from django.db import connections

from tests.skipping import pytest_make_collect_report, pytest_runtest_makereport
from tocsin.node.store import Store, use_database

__all__ = ["pytest_make_collect_report", "pytest_runtest_makereport"]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """SQLite in a file and not in memory: WAL, locks and several connections as in use."""
    default = settings.DATABASES["default"]
    if default["ENGINE"].endswith("sqlite3"):
        test = connections["default"].settings_dict["TEST"]
        test["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


@pytest.fixture
def at() -> datetime:
    """The moment at which tests happen."""
    return datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """The folders of a store; its database is the one of the test."""
    made = Store(tmp_path / "store")
    made.make_folders()
    return made


@pytest.fixture
def own_database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """For tests that call `open_store` (the command line does): each store its own database.

    On PostgreSQL all stores share the database that the settings name: the test one.
    """
    monkeypatch.setenv("TOCSIN_STORE", "")  # so that it is put back afterwards
    monkeypatch.setattr(settings, "STORE", None)
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        blocker = request.getfixturevalue("django_db_blocker")
        before = connections["default"].settings_dict
        with blocker.unblock():
            yield
            connections["default"].close()
        use_database(before)
    else:
        request.getfixturevalue("transactional_db")
        yield


@pytest.fixture
def loopback() -> Iterator[None]:
    """Opens sockets to this machine itself and to nothing else; for channels and servers."""
    pytest_socket.enable_socket()
    pytest_socket.socket_allow_hosts(["127.0.0.1", "::1"], allow_unix_socket=True)
    yield
    pytest_socket.disable_socket(allow_unix_socket=True)
