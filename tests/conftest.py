"""What every test may use: a fixed moment, a store of its own, a database of its own."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_socket
from django.conf import settings
from django.db import connections

from tests import postgres, ready
from tests.skipping import pytest_make_collect_report, pytest_runtest_makereport
from tocsin.node import store as store_module
from tocsin.node.store import Store, open_store, use_database

__all__ = ["pytest_make_collect_report", "pytest_runtest_makereport"]


URL = "TOCSIN_DATABASE_URL"
# The longest first. One process has a whole file, so that the last ones should be short.
LONG = (
    *("tests/faults/test_killed.py", "tests/node/commands/test_worker.py"),
    *("tests/faults/", "tests/node/commands/test_bench.py", "tests/node/commands/test_route.py"),
    *("tests/security/test_reading.py", "tests/security/", "tests/office/test_backup.py"),
    *("tests/journeys/", "tests/node/commands/", "tests/desks/"),
)
# Not run on PostgreSQL: the database has no part in what these promise, or it is always SQLite.
SAME_ON_ANY = (
    # a browser, markup, letters and documents
    *("tests/security/test_pages_in_a_browser.py", "tests/security/test_names.py"),
    *("tests/security/test_documents.py", "tests/journeys/test_pages.py"),
    *("tests/desks/shield/test_warning.py", "tests/node/commands/test_shield_page.py"),
    *("tests/node/test_accounts_passkeys.py", "tests/node/test_translations.py"),
    # how often a page asks, and that nothing is changed by asking
    *("tests/security/test_number_of_queries.py", "tests/security/test_reading.py"),
    # stores to try something in, and benchmarks, whose database is always SQLite
    *("tests/node/commands/test_demo.py", "tests/node/commands/test_bench"),
    # how reports are read, what is routed where, and what is verified without a store
    *("tests/node/commands/test_formats_in.py", "tests/node/commands/test_broken_reports.py"),
    *("tests/node/commands/test_networks.py", "tests/node/commands/test_log_verify.py"),
)
TOUCHING = {"db", "transactional_db", "own_database", "database_url"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--touching-database` for the pass on PostgreSQL (`make test-postgres`)."""
    text = "only the tests that touch the database of the node"
    parser.addoption("--touching-database", action="store_true", help=text)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What lasts longest first, so that no process is left alone with it at the end; and
    leave out what would be the same on any database.
    """
    items.sort(key=_place)
    if not config.getoption("--touching-database"):
        return
    touching = [item for item in items if _touches(item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in touching])
    items[:] = touching


def _place(item: pytest.Item) -> int:
    """Where it stands among what is long; behind all of it, if it is not."""
    at = (place for place, name in enumerate(LONG) if item.nodeid.startswith(name))
    return next(at, len(LONG))


def _touches(item: pytest.Item) -> bool:
    if item.nodeid.startswith(SAME_ON_ANY):
        return False
    fixtures = getattr(item, "fixturenames", ())
    return bool(TOUCHING.intersection(fixtures)) or item.get_closest_marker("django_db") is not None


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """SQLite in a file and not in memory: WAL, locks and several connections as in use.

    Elsewhere each process of the suite has a database of its own name, made from the one
    template that nobody can be connected to.
    """
    default = settings.DATABASES["default"]
    if default["ENGINE"].endswith("sqlite3"):
        test = connections["default"].settings_dict["TEST"]
        test["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")
    else:
        connections["default"].settings_dict["TEST"]["TEMPLATE"] = "template0"


@pytest.fixture(scope="session", autouse=True)
def _new_stores_are_copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the database lies that new stores of this process begin as."""
    path = tmp_path_factory.mktemp("ready") / "ready.sqlite3"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store_module, "_migrate", ready.copying(path, store_module._migrate))
        yield path


@pytest.fixture(scope="session")
def ready_database(
    _new_stores_are_copies: Path, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A migrated SQLite, for the stores of processes of their own."""
    if not _new_stores_are_copies.exists():
        with django_db_blocker.unblock(), on_database(""):
            open_store(tmp_path_factory.mktemp("first") / "store")
    return _new_stores_are_copies


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


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """The server that TOCSIN_DATABASE_URL names, or one of our own; skips where there is none."""
    if url := os.environ.get(URL):
        yield postgres.Server(url)
        return
    try:
        with postgres.server() as running:
            yield running
    except LookupError as fault:
        pytest.skip(str(fault))


@pytest.fixture
def postgres_url(postgres_server: postgres.Server) -> Iterator[str]:
    """The address of an empty PostgreSQL database, whatever the suite runs on."""
    name = postgres_server.make()
    yield postgres_server.url(name)
    postgres_server.drop(name)


@pytest.fixture(scope="session")
def template(
    postgres_server: postgres.Server, django_db_blocker: Any, tmp_path_factory: Any
) -> Iterator[str]:
    """A PostgreSQL database that is up to date; copies of it cost a twentieth of making one."""
    name = postgres_server.make()
    with django_db_blocker.unblock(), on_database(postgres_server.url(name)):
        open_store(tmp_path_factory.mktemp("template") / "store")
    yield name
    postgres_server.drop(name)


@pytest.fixture
def migrated_url(postgres_server: postgres.Server, template: str) -> Iterator[str]:
    """The address of a PostgreSQL database that is up to date, whatever the suite runs on."""
    name = postgres_server.make(template)
    yield postgres_server.url(name)
    postgres_server.drop(name)


@contextmanager
def on_database(url: str) -> Iterator[None]:
    """This process, and those it starts, on a database: "" is the SQLite of each store."""
    before, store = connections["default"].settings_dict, settings.STORE
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOCSIN_STORE", "")  # so that it is put back afterwards
        patch.setenv(URL, url)
        settings.STORE = None  # so that whatever is opened next is turned over to
        try:
            yield
        finally:
            use_database(before)
            settings.STORE = store


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database for the stores of this test, on the server that the suite runs on.

    "" on SQLite, where each store has its own. On PostgreSQL all stores of a test share it.
    """
    if not os.environ.get(URL):
        yield ""
        return
    server = request.getfixturevalue("postgres_server")
    name = server.make(request.getfixturevalue("template"))
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def another(request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """`another()`: an empty database for one more store; "" on SQLite, as each has its own."""
    made: list[str] = []

    def make() -> str:
        if not os.environ.get(URL):
            return ""
        server = request.getfixturevalue("postgres_server")
        made.append(server.make())
        return str(server.url(made[-1]))

    yield make
    for name in made:
        request.getfixturevalue("postgres_server").drop(name)


@pytest.fixture
def clean_env(database_url: str) -> dict[str, str]:
    """For a process of its own: no setting but the database of this test."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TOCSIN", "DJANGO"))}
    paths = os.pathsep.join(path for path in sys.path if path)
    return {**kept, "PYTHONPATH": paths, **({URL: database_url} if database_url else {})}


@pytest.fixture
def own_database(database_url: str, django_db_blocker: Any) -> Iterator[None]:
    """For tests that call `open_store`, as the command line does: nothing is shared with others."""
    with django_db_blocker.unblock(), on_database(database_url):
        yield


@pytest.fixture
def loopback() -> Iterator[None]:
    """Opens sockets to this machine itself and to nothing else; for channels and servers."""
    pytest_socket.enable_socket()
    pytest_socket.socket_allow_hosts(["127.0.0.1", "::1"], allow_unix_socket=True)
    yield
    pytest_socket.disable_socket(allow_unix_socket=True)
