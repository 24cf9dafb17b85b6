"""What a command cost, its children included."""

import os
import subprocess
import sys

import pytest

from tocsin.node.meter import Meter, tree_pss_mib

EAT = "x = b'x' * (60 << 20); print('full', flush=True); input()"
WORK = "for n in range(3_000_000): pass"


def test_the_memory_of_a_child_counts_while_it_lives() -> None:
    before = tree_pss_mib(os.getpid())
    if not before:
        pytest.skip("there is no /proc/PID/smaps_rollup here")
    with subprocess.Popen(
        [sys.executable, "-c", EAT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        during = tree_pss_mib(os.getpid())
        child.communicate(b"\n")

    assert during - before > 40
    assert tree_pss_mib(child.pid) == 0.0


def test_the_work_of_a_child_counts_once_it_has_ended() -> None:
    with Meter() as meter:
        subprocess.run([sys.executable, "-c", WORK], check=True)

    assert meter.cpu_seconds > 0.02
    assert meter.seconds > 0.02
    assert meter.peak_mib > 1
