"""A PostgreSQL of its own for tests: made, started, stopped, gone.

As a program it runs a command with TOCSIN_DATABASE_URL set to an empty database of such a server:

    python -m tests.postgres pytest --touching-database

It listens on a socket in a folder of its own and on no port. Sorting is that of a language (ICU),
not of bytes, as on many servers: what relies on an order must say so itself.
"""

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

USER = "tocsin"
INSTALL = "needs PostgreSQL 15 or later: apt-get install postgresql"
# Nothing here has to outlive a power cut; a process that is killed loses nothing by it.
QUICK = (
    *("fsync=off", "synchronous_commit=off", "full_page_writes=off"),
    *("wal_level=minimal", "max_wal_senders=0", "shared_buffers=64MB"),
    "listen_addresses=",
)


def programs() -> Path | None:
    """The folder of the newest server on this machine; None where there is none."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3])
    )
    on_path = shutil.which("initdb")
    if found:
        return found[-1].parent
    return Path(on_path).resolve().parent if on_path else None


@dataclass(frozen=True)
class Server:
    """A running server, by the address of one of its databases."""

    address: str
    numbers: Iterator[int] = field(default_factory=count)

    def url(self, name: str) -> str:
        """The address of a database as TOCSIN_DATABASE_URL says it."""
        return urlsplit(self.address)._replace(path=f"/{name}").geturl()

    def make(self, template: str = "template0") -> str:
        """A new database, empty or as the template is; returns its name."""
        name = f"made_{os.getpid()}_{next(self.numbers)}"
        self.run(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def drop(self, name: str) -> None:
        """Take a database away, whoever is still connected to it."""
        self.run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def run(self, statement: str) -> list[Any]:
        """One statement outside any transaction."""
        import psycopg

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            done = connection.execute(statement.encode())
            return done.fetchall() if done.description else []


@contextmanager
def server() -> Iterator[Server]:
    """A server for as long as this lasts; raises `LookupError` with what would install one."""
    binaries = programs()
    if binaries is None:
        raise LookupError(INSTALL)
    folder = Path(tempfile.mkdtemp(prefix="tocsin-pg-", dir="/tmp"))
    person = _unprivileged(folder)
    try:
        _initialise(binaries, folder, person)
        with _started(binaries, folder, person):
            yield _of(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _of(folder: Path) -> Server:
    return Server(f"postgres://{USER}@/postgres?host={folder}")


def _unprivileged(folder: Path) -> dict[str, Any]:
    """The server refuses to be root: then it is nobody, and the folder nobody's."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _initialise(binaries: Path, folder: Path, person: dict[str, Any]) -> None:
    words = ["--auth=trust", f"--username={USER}", "--no-sync", "--encoding=UTF8", "--locale=C",
             "--locale-provider=icu", "--icu-locale=en", "--no-instructions"]  # fmt: skip
    done = subprocess.run(
        [binaries / "initdb", *words, "-D", folder / "data"],
        cwd=folder, capture_output=True, text=True, check=False, **person,
    )  # fmt: skip
    if done.returncode:
        raise LookupError(f"initdb failed: {done.stderr.strip()}")


@contextmanager
def _started(binaries: Path, folder: Path, person: dict[str, Any]) -> Iterator[None]:
    words = [word for setting in QUICK for word in ("-c", setting)]
    program = [binaries / "postgres", "-D", folder / "data", "-k", folder, *words]
    if setpriv := shutil.which("setpriv"):  # it ends with us, even if we are killed
        program = [setpriv, "--pdeathsig", "INT", *program]
    log = folder / "log"
    with log.open("wb") as said:
        process = subprocess.Popen(program, cwd=folder, stdout=said, stderr=said, **person)
    try:
        _await(process, folder, log)
        yield
    finally:
        process.send_signal(2)  # SIGINT: a fast shutdown
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await(process: subprocess.Popen[bytes], folder: Path, log: Path) -> None:
    import psycopg

    for _ in range(300):
        if process.poll() is not None:
            break
        try:
            _of(folder).run("SELECT 1")
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise LookupError(f"the server did not start: {log.read_text('utf-8', 'replace')[-2000:]}")


def main(command: Sequence[str]) -> int:
    """Run a command with a database; its exit code, or 0 where no server can be had."""
    try:
        with server() as running:
            url = running.url(running.make())
            done = subprocess.run(
                [shutil.which(command[0]) or command[0], *command[1:]],
                env={**os.environ, "TOCSIN_DATABASE_URL": url},
                check=False,
            )
            return done.returncode
    except LookupError as fault:
        sys.stderr.write(f"skipped: {fault}\n")
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
