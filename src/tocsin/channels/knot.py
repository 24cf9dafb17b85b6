"""Knot DNS as hidden primary: a zone changed in one transaction over its control socket.

`knotc` reads the commands of a transaction from a pipe, one a line (knotc(8), 3.2), and says `OK`
or `error: …` for each. A transaction that fails is aborted, and the zone stays as it was. Nothing
is ever reloaded from a file: Knot keeps the zone in its journal, tells its secondaries (NOTIFY)
and gives them what changed (IXFR).
"""

import re
import subprocess
from dataclasses import dataclass
from shutil import which

from tocsin.words.errors import Undelivered, Unusable

TIMEOUT = 600.0  # seconds: a million names in one transaction take a while
_SOA = re.compile(r"\sSOA\s+\S+\s+\S+\s+(\d+)\s")
_NAME = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})+")
_FAULT = re.compile(r"^error: *(.*)$", re.MULTILINE)
_NO_NODE = ("(no such node in zone found)",)
_EMPTY = (*_NO_NODE, "(zone is empty)")
# What is gone is gone, and what is there is there: the same transaction again says so.
_SAME = (*_NO_NODE, "(such record already exists in zone)")
_NOT_OPEN = ("(no active transaction)",)
_OWNER = re.compile(r"^\[\S+\] (\S+) ", re.MULTILINE)


@dataclass(frozen=True)
class Primary:
    """A zone at a Knot DNS: its name without a final dot, the control socket of the server."""

    zone: str
    socket: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.zone):
            raise Unusable(f"zone {self.zone!r} is no name. Possible: rpz.shield.example")


def read_serial(primary: Primary) -> int | None:
    """The serial that is served; None where the zone is empty. Raises `Undelivered`."""
    said = _ask(primary, f"zone-read {primary.zone}. @ SOA\n", fine=_EMPTY)
    found = _SOA.search(said)
    return int(found[1]) if found else None


def read_owners(primary: Primary) -> list[str]:
    """Every owner of the zone but its apex, relative to it; raises `Undelivered`."""
    said = _ask(primary, f"zone-read {primary.zone}.\n", fine=_EMPTY)
    end = f".{primary.zone}."
    return sorted({one.removesuffix(end) for one in _OWNER.findall(said) if one.endswith(end)})


def publish(primary: Primary, commands: bytes) -> None:
    """Run one transaction, `zone-begin` to `zone-commit`; raises `Undelivered`.

    Knot goes on after a command that failed, and would commit the rest: so the commit is asked
    for once all others were taken.
    """
    text = commands.decode("ascii")
    rest, commit = text.rstrip("\n").rsplit("\n", 1)
    if not commit.startswith("zone-commit "):
        raise Undelivered("Knot DNS: a transaction ends with zone-commit", lasting=True)
    # What a worker that died left open would stand in the way.
    _ask(primary, f"zone-abort {primary.zone}.\n", fine=_NOT_OPEN)
    try:
        _ask(primary, f"{rest}\n", fine=_SAME)
        _ask(primary, f"{commit}\n")
    except Undelivered:
        _run(primary, f"zone-abort {primary.zone}.\n")
        raise


def behind(primary: Primary, serial: int, version: int) -> Undelivered:
    """The zone is ahead of what is to be published: secondaries would not take a step back."""
    return Undelivered(
        f"Knot DNS, zone {primary.zone}: it serves {serial}, which is newer than {version}; was "
        "the database restored from a backup? Possible: list or withdraw something, or purge the "
        "zone (knotc zone-purge) and its secondaries",
        lasting=False,
    )


def _ask(primary: Primary, commands: str, *, fine: tuple[str, ...] = ()) -> str:
    """What Knot says; raises `Undelivered` for an error that is not among what is `fine`."""
    said, errors = _run(primary, commands)
    faults = [one for one in _FAULT.findall(said + errors) if not any(ok in one for ok in fine)]
    if faults:
        raise Undelivered(
            f"Knot DNS, zone {primary.zone}: {faults[0][:300]}. Possible: look at its log; is the "
            "zone in its configuration, and may this user use its control socket?",
            lasting=False,
        )
    return said


def _run(primary: Primary, commands: str) -> tuple[str, str]:
    program = which("knotc") or which("knotc", path="/usr/sbin:/sbin:/usr/local/sbin")
    if program is None:
        raise Undelivered("knotc is not installed. Possible: apt-get install knot", lasting=False)
    try:
        done = subprocess.run(  # noqa: S603 - no shell, no word of a stranger in the arguments
            [program, "-s", primary.socket],
            input=commands,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    except (subprocess.TimeoutExpired, OSError) as fault:
        raise Undelivered(f"knotc at {primary.socket}: {fault}", lasting=False) from fault
    return done.stdout, done.stderr
