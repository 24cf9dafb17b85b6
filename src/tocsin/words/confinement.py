"""What a process may do: as little as its machine lets it give up, root or not.

A reader of strangers' bytes (the fetcher, the program that reads letters) gives up its user where
that is root, new privileges, the network where it needs none (a network namespace with nothing in
it), and with Landlock all files but those it names (Linux 5.13), TCP (6.7), the signals and
abstract sockets of others (6.12). What a machine does not offer is left out and said: `confine`
answers what holds, `offered` asks a process that ends with the question.

As a process of its own, `python -m tocsin.words.confinement`, it confines itself as the JSON in its
first argument says and becomes the program that follows; without one it writes down what holds.
"""

import ctypes
import json
import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

NOBODY = 65534  # by number: its group is called otherwise elsewhere
# What any program of a distribution needs to be loaded.
PROGRAMS = (
    *("/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache"),
    *("/dev/null", "/dev/zero", "/dev/urandom"),
)
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
# landlock_create_ruleset, _add_rule, _restrict_self: one number on every architecture
_CREATE, _ADD, _RESTRICT = 444, 445, 446
_ASK_VERSION, _BENEATH = 1, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_FOLDER = 1, 1 << 1, 1 << 2, 1 << 3
# By version of Landlock, every right over files that it can take away (linux/landlock.h).
_FILES = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_BIND, _CONNECT, _TCP_SINCE = 1, 2, 4
_SCOPED, _SCOPED_SINCE = 3, 6  # abstract sockets of others, and their signals
_PATIENCE = 20  # seconds for a process that only asks


@dataclass(frozen=True)
class Limits:
    """What a process may use at most; bytes, seconds, numbers."""

    memory: int
    seconds: int
    file: int = 0
    files: int = 32
    processes: int | None = None  # counted over all of a user's, so none for what has to fork


@dataclass(frozen=True)
class Wanted:
    """What a process keeps: paths it reads, the network or not, its limits."""

    read: tuple[str, ...] = ()
    network: bool = False
    limits: Limits | None = None


@dataclass(frozen=True)
class Held:
    """What holds of it. `files`: the version of Landlock, 0 where there is none."""

    user: bool = False
    privileges: bool = False
    files: int = 0
    network: bool = False

    @property
    def missing(self) -> list[str]:
        """What this machine does not confine, in words; `user` is not missed where files are."""
        words = []
        if not self.files:
            words.append("files (Landlock, Linux 5.13 or later)")
        if not self.network:
            words.append("the network (network namespaces of users)")
        if not self.privileges:
            words.append("new privileges")
        return words


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("rights", ctypes.c_uint64), ("folder", ctypes.c_int32))


def confine(wanted: Wanted) -> Held:
    """This process from now on, and whatever it becomes; what the machine lacks is left out."""
    libc = ctypes.CDLL(None, use_errno=True)
    is_alone = not wanted.network and os.geteuid() == 0 and libc.unshare(_CLONE_NEWNET) == 0
    is_nobody = _become_nobody()
    if not wanted.network and not is_alone:  # a user without rank needs a namespace of users first
        is_alone = libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0
    is_kept_down = libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    version = _close_files(libc, wanted) if is_kept_down else 0
    if wanted.limits:
        _limit(wanted.limits)
    return Held(is_nobody, is_kept_down, version, is_alone)


def _become_nobody() -> bool:
    """False where this is not root, or root of a namespace that knows nobody else."""
    if os.geteuid() != 0:
        return False
    try:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    except OSError:
        return False
    return True


def _close_files(libc: ctypes.CDLL, wanted: Wanted) -> int:
    """All but what is named, which is read and run and never written; the version, or 0."""
    version: int = libc.syscall(_CREATE, None, ctypes.c_size_t(0), _ASK_VERSION)
    if version < 1:
        return 0
    rights = _FILES[max(one for one in _FILES if one <= version)]
    ports = (_BIND if wanted.network else _BIND | _CONNECT) if version >= _TCP_SINCE else 0
    scoped = _SCOPED if version >= _SCOPED_SINCE else 0
    said = _Ruleset(rights, ports, scoped)
    size = 24 if version >= _SCOPED_SINCE else 16 if version >= _TCP_SINCE else 8
    rules = libc.syscall(_CREATE, ctypes.byref(said), ctypes.c_size_t(size), 0)
    if rules < 0:
        return 0
    try:
        for path in wanted.read:
            _open_up(libc, rules, path)
        return version if libc.syscall(_RESTRICT, rules, 0) == 0 else 0
    finally:
        os.close(rules)


def _open_up(libc: ctypes.CDLL, rules: int, path: str) -> None:
    """One path, with all below it; what is not there is not opened."""
    with suppress(OSError):
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            rights = _READ_FILE | _EXECUTE | (_READ_FOLDER if Path(path).is_dir() else 0)
            rights |= _WRITE_FILE if path == os.devnull else 0
            rule = _Beneath(rights, place)
            libc.syscall(_ADD, rules, _BENEATH, ctypes.byref(rule), 0)
        finally:
            os.close(place)


def _limit(limits: Limits) -> None:
    for kind, most in (
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_CPU, limits.seconds),
        (resource.RLIMIT_FSIZE, limits.file),
        (resource.RLIMIT_NOFILE, limits.files),
        (resource.RLIMIT_NPROC, limits.processes),
        (resource.RLIMIT_CORE, 0),
    ):
        if most is not None:
            with suppress(ValueError):  # it is lower already
                resource.setrlimit(kind, (most, most))


# ── as a process ─────────────────────────────────────────────────────────────────────────


def command(wanted: Wanted, program: Sequence[str] = ()) -> list[str]:
    """How a program is run confined; without one, what holds is written down as JSON."""
    words = json.dumps(asdict(wanted))
    return [sys.executable, "-I", "-m", "tocsin.words.confinement", words, *program]


@cache
def offered() -> Held:
    """What this machine lets this user confine, tried out in a process that ends with it."""
    try:
        done = subprocess.run(  # noqa: S603 words of ours
            command(Wanted(read=PROGRAMS)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_PATIENCE,
            check=True,
            cwd="/",
            env={"PATH": os.defpath},
        )
        return Held(**json.loads(done.stdout))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError):
        return Held()  # such as where a filter ends whoever asks


def main() -> None:
    """Confine, and become the program."""
    said = json.loads(sys.argv[1])
    limits = Limits(**said["limits"]) if said["limits"] else None
    held = confine(Wanted(tuple(said["read"]), said["network"], limits))
    if len(sys.argv) > 2:
        os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 no shell
    sys.stdout.write(json.dumps(asdict(held)))


if __name__ == "__main__":
    main()
