"""A store whose database is on a server: opened by several at once, never mistaken for another."""

import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import OperationalError

from tests.conftest import on_database
from tests.node.conftest import PARTIES, Run
from tocsin.node.faults import as_expected
from tocsin.node.store import open_store
from tocsin.office.models import Party
from tocsin.words.errors import Busy, Unusable

OPEN = "import sys; from pathlib import Path; from tocsin.node.store import open_store; "
OPEN += "open_store(Path(sys.argv[1])); from tocsin.office.models import Party; "
OPEN += "print(Party.objects.count())"


@pytest.fixture
def env(clean_env: dict[str, str], postgres_url: str) -> dict[str, str]:
    """For processes that work on one empty PostgreSQL database."""
    return clean_env | {"TOCSIN_DATABASE_URL": postgres_url}


@pytest.fixture
def on_postgres(env, postgres_url, django_db_blocker):
    """This process on the same database."""
    with django_db_blocker.unblock(), on_database(postgres_url):
        yield


def test_four_processes_that_open_an_empty_database_at_once_all_find_it_ready(
    env, tmp_path: Path
) -> None:
    children = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", OPEN, str(tmp_path / f"store-{number}")],
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    said = [(*child.communicate(timeout=120), child.returncode) for child in children]

    assert said == [("0\n", "", 0)] * 4


def test_a_store_with_a_database_of_its_own_is_not_opened_on_a_server(
    own_database, on_postgres, tmp_path: Path
) -> None:
    open_store(tmp_path / "store", scratch=True)

    with pytest.raises(
        Unusable, match=r"has its own database tocsin\.sqlite3, and TOCSIN_DATABASE"
    ):
        open_store(tmp_path / "store")


def test_what_is_tried_out_leaves_the_database_of_the_node_alone(
    spawn: Run, postgres_url: str, on_postgres, tmp_path: Path
) -> None:
    """The demo, a preview and a benchmark, where the settings name the node's own database."""
    at = {"TOCSIN_DATABASE_URL": postgres_url}
    spawn("parties", "import", PARTIES, "--store", "node", **at)
    few = tmp_path / "few.toml"
    few.write_text("[[party]]\n" + PARTIES.read_text("utf-8").split("[[party]]\n")[1], "utf-8")

    tried = [
        spawn("demo", **at),
        spawn("preview", "192.0.2.7", "--parties", few, "--store", "none", **at),
        spawn("bench", "route", "--rows", "1000", **at),
    ]

    assert [done.ended for done in tried] == [(0, "")] * 3
    open_store(tmp_path / "node")
    assert Party.objects.filter(active=True).count() == 13
    assert not Party.objects.filter(slug__startswith="bench").exists()


def test_a_server_that_goes_away_is_said_to_have_and_what_is_possible(
    own_database, on_postgres, postgres_server, postgres_url: str, tmp_path: Path
) -> None:
    open_store(tmp_path / "store")
    name = urlsplit(postgres_url).path[1:]
    postgres_server.run(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    )
    with pytest.raises(OperationalError) as raised:
        list(Party.objects.all())

    known = as_expected(raised.value)
    assert type(known) is Busy
    assert "Possible: the same command again once it is back" in str(known)


def test_a_text_that_is_too_long_is_said_to_be(tocsin: Run, on_postgres) -> None:
    tocsin("parties", "import", PARTIES)
    done = tocsin("retain", "--by", "x" * 300)

    assert (done.code, "Traceback" in done.err) == (2, False)
    assert "Possible: a shorter text" in done.err.replace("\n", " ")


def test_a_server_that_is_away_is_said_to_be_and_what_to_check(spawn: Run, tmp_path: Path) -> None:
    url = f"postgres://ada:hunter2@/tocsin?host={tmp_path}"
    done = spawn("parties", "import", PARTIES, TOCSIN_DATABASE_URL=url)

    assert done.code == 2
    assert "the database cannot be opened" in done.err
    assert "Possible: check TOCSIN_DATABASE_URL" in done.err
    assert "hunter2" not in done.err
