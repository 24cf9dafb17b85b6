"""What a reader of strangers' bytes can do no more, with and without root, on the machine as it is.

The process runs as the very user who owns the store: what keeps it out is no permission of a file.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import create_server

import pytest

from tocsin.words import confinement
from tocsin.words.confinement import (
    NOBODY,
    PROGRAMS,
    Held,
    Limits,
    Wanted,
    command,
    offered,
)

AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
SECRET = "swordfish"
CLOSED = Wanted(PROGRAMS)
Run = Callable[..., str]

pytestmark = [
    pytest.mark.usefixtures("loopback"),
    pytest.mark.skipif(
        os.geteuid() != 0 or shutil.which("setpriv") is None,
        reason="needs root and setpriv: apt-get install util-linux",
    ),
]
with_landlock = pytest.mark.skipif(
    offered().files == 0, reason="needs Landlock (Linux 5.13), which this kernel does not offer"
)
with_namespaces = pytest.mark.skipif(
    not offered().network, reason="needs network namespaces of users, which are forbidden here"
)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A folder of the very user that the process runs as."""
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    place = tmp_path / "store"
    place.mkdir(mode=0o700)
    (place / "django-secret").write_text(SECRET)
    for path in (place / "django-secret", place):
        os.chown(path, NOBODY, NOBODY)
    return place


@pytest.fixture(params=["root", "no root"])
def run(request: pytest.FixtureRequest) -> Run:
    """Run a shell's line confined, started by root or by nobody; what it says."""
    before = AS_NOBODY if request.param == "no root" else ()

    def start(line: str, wanted: Wanted = CLOSED) -> str:
        done = subprocess.run(
            [*before, *command(wanted, ["/bin/bash", "-c", line])],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
        )
        return str(done.stdout)

    return start


@pytest.fixture
def server() -> Iterator[int]:
    with create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def call(port: int) -> str:
    """A line that connects, and says what came of it."""
    return f"(exec 3<>/dev/tcp/127.0.0.1/{port}) 2>&1 && echo connected"


@with_landlock
def test_the_files_of_its_own_user_are_neither_read_nor_written(run: Run, store: Path):
    said = run(
        f"id -u >/dev/null && id -u; cat {store}/django-secret; ls {store}; echo x > {store}/new; "
        f"echo x > /tmp/tocsin-was-here; rm {store}/django-secret; cat /etc/passwd; echo done"
    )

    assert said.splitlines()[0] == str(NOBODY)
    assert said.splitlines()[-1] == "done"
    assert SECRET not in said
    assert "root:" not in said
    assert said.count("Permission denied") == 6
    assert [path.name for path in store.iterdir()] == ["django-secret"]
    assert not Path("/tmp/tocsin-was-here").exists()


@with_landlock
def test_the_process_that_started_it_is_not_looked_into(run: Run):
    said = run("cat /proc/$PPID/environ /proc/self/environ; echo done")

    assert said.splitlines()[-1] == "done"
    assert "PATH=" not in said


@with_namespaces
def test_what_needs_no_network_has_none(run: Run, server: int):
    without, with_it = run(call(server)), run(call(server), Wanted(PROGRAMS, network=True))

    assert "connected" not in without
    assert "Permission denied" in without or "Network is unreachable" in without
    assert with_it.strip() == "connected"


@with_landlock
@with_namespaces
def test_where_namespaces_are_forbidden_the_rest_holds_and_what_is_missing_is_said(
    store: Path, server: int
):
    python = shutil.which("python3", path="/usr/bin:/bin")
    if python is None:
        pytest.skip("needs a python3 that anybody may run: apt-get install python3-minimal")
    none_left = (
        "for one in net user; do echo 0 >/proc/sys/user/max_${one}_namespaces || exit 9; done; "
        'exec "$@"'
    )
    words = (*AS_NOBODY, "unshare", "--user", "--map-root-user", "/bin/sh", "-c", none_left, "sh")
    words = (*words, python, "-I", confinement.__file__, command(CLOSED)[-1])
    asked = subprocess.run(words, capture_output=True, text=True, check=True, cwd="/")
    held = Held(**json.loads(asked.stdout))
    line = f"cat {store}/django-secret; {call(server)}"
    tried = subprocess.run(
        [*words, "/bin/bash", "-c", line], capture_output=True, text=True, check=False, cwd="/"
    )

    assert (held.privileges, held.files > 0, held.network) == (True, True, False)
    assert held.missing == ["the network (network namespaces of users)"]
    assert SECRET not in tried.stdout
    assert ("connected" in tried.stdout) == (held.files < 4)  # TCP is closed since Linux 6.7


def test_new_privileges_and_limits_hold(run: Run):
    limits = Limits(memory=512 * 1024**2, seconds=7, file=4096, files=20)
    said = run("grep NoNewPrivs /proc/self/status; ulimit -t; ulimit -v; ulimit -n; ulimit -c",
               Wanted((*PROGRAMS, "/proc"), limits=limits))  # fmt: skip

    assert said.split() == ["NoNewPrivs:", "1", "7", str(512 * 1024), "20", "0"]


def test_a_machine_that_offers_nothing_is_said_to():
    assert Held().missing == [
        "files (Landlock, Linux 5.13 or later)",
        "the network (network namespaces of users)",
        "new privileges",
    ]
