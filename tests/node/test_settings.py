"""Where the database is said to be."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from tocsin.node.settings import postgres, secret_key

WORDS = ("NAME", "USER", "PASSWORD", "HOST", "PORT")


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgres://ada:p%40ss@db.example:5433/toc", ("toc", "ada", "p@ss", "db.example", "5433")),
        ("postgresql://db.example/toc", ("toc", "", "", "db.example", "")),
        ("postgres://ada@/toc?host=/run/Postgres", ("toc", "ada", "", "/run/Postgres", "")),
    ],
)
def test_a_postgres_address_is_taken_apart(url, words) -> None:
    assert tuple(postgres(url)[word] for word in WORDS) == words


def test_what_secures_the_line_reaches_the_driver_and_nothing_else_is_passed_over() -> None:
    url = "postgres://ada@db.example/toc"
    secured = postgres(f"{url}?sslmode=verify-full&sslrootcert=/etc/ssl/db.pem")

    assert secured["OPTIONS"] == {"sslmode": "verify-full", "sslrootcert": "/etc/ssl/db.pem"}
    assert postgres(url)["OPTIONS"] == {}
    with pytest.raises(ImproperlyConfigured, match="asks for ssl, which nobody reads"):
        postgres(f"{url}?ssl=true")


@pytest.mark.parametrize("url", ["mysql://ada@db.example/toc", "postgres://db.example", "toc"])
def test_any_other_address_is_refused_without_showing_its_password(url) -> None:
    with pytest.raises(ImproperlyConfigured, match="Possible: postgres://user:password@host:port"):
        postgres(url)


def test_a_store_without_key_has_none_and_not_a_known_one(tmp_path: Path) -> None:
    assert secret_key(tmp_path) == ""


def test_opening_a_store_with_an_unusable_address_says_so(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; from tocsin.node.store import open_store\n"
        "from tocsin.words.errors import Unusable\n"
        "try: open_store(Path('s'))\n"
        "except Unusable as fault: print(fault)"
    )
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("TOCSIN", "DJANGO"))}
    paths = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**clean, "PYTHONPATH": paths, "TOCSIN_DATABASE_URL": "mysql://ada:secret@db/x"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "TOCSIN_DATABASE_URL cannot be used. Possible: postgres://user" in done.stdout
    assert "secret" not in done.stdout
