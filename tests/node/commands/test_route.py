"""`tocsin route`: what it prints, what it leaves behind, how it ends."""

import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import connection

from tests.node.conftest import OVERLAY, PARTIES, PHISH, SAMPLES, SINKHOLE, WITH_PARTIES
from tests.skipping import not_on_this_database
from tocsin.formats.catalogue import FORMATS
from tocsin.node.benchdata import write_reports
from tocsin.office.keys import public_text, signing_key
from tocsin.office.manifest import read_signed

KEYS = [
    "run",
    "read",
    "quarantined",
    "duplicates",
    "events",
    "unrouted",
    "held",
    "classes",
    "unrouted_by",
    "reports",
    "deliveries",
    "earlier",
    "seconds",
    "cpu_seconds",
    "peak_mib",
]
DELIVERY_KEYS = [
    "party",
    "name",
    "relation",
    "events",
    "rows",
    "format",
    "tlp",
    "path",
    "digest",
    "state",
    "error",
]
NASTY = b"red\x1b[31m\x07\xc2\x9b2J\xe2\x80\xae.csv"  # colour, bell, C1 escape, right-to-left


def is_plain(text: str) -> bool:
    """Nothing in it that could steer a terminal."""
    return all(c.isprintable() or c == "\n" for c in text)


def adds_up(facts) -> bool:
    return facts["read"] == facts["quarantined"] + facts["duplicates"] + facts["events"]


# ── the object that machines read ────────────────────────────────────────────────────────


def test_json_holds_the_promised_keys_and_its_numbers_add_up(spawn) -> None:
    done = spawn("route", SINKHOLE, PHISH, *WITH_PARTIES, "--json")
    facts = done.json

    assert done.ended == (0, "")
    assert list(facts) == KEYS
    assert [list(row) for row in facts["deliveries"]] == [DELIVERY_KEYS] * 12
    assert {name: facts[name] for name in KEYS[1:8]} == {
        "read": 38,
        "quarantined": 1,
        "duplicates": 1,
        "events": 36,
        "unrouted": 0,
        "held": 0,
        "classes": {"infected-system": 29, "phishing": 7},
    }
    assert adds_up(facts)
    assert min(facts["seconds"], facts["cpu_seconds"], facts["peak_mib"]) > 0


def test_digests_fit_the_files_on_disk_and_manifests_the_deliveries(tocsin, tmp_path) -> None:
    facts = tocsin("route", SINKHOLE, *WITH_PARTIES, "--out", "out", "--json").json
    key = public_text(signing_key(tmp_path / "tocsin-store" / "keys"))
    for row in facts["deliveries"]:
        path = Path(row["path"])
        manifest = read_signed(path.with_suffix(".manifest.json").read_bytes(), public_key=key)
        assert path.parent == tmp_path / "out" / row["party"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == row["digest"]
        assert {name: manifest["file"][name] for name in ("sha256", "rows", "name")} == {
            "sha256": row["digest"],
            "rows": row["rows"],
            "name": path.name,
        }
        assert manifest["events"] == row["events"]


def test_who_gets_figures_is_told_rows_and_the_events_they_count(tocsin) -> None:
    facts = tocsin("route", SINKHOLE, *WITH_PARTIES, "--json").json
    police = [row for row in facts["deliveries"] if row["party"] == "cybercrime-unit"]

    assert [(row["events"], row["rows"]) for row in police] == [(29, 9)]


def test_numbers_add_up_again_when_everything_is_a_repeat_or_unreadable(tocsin, tmp_path) -> None:
    tocsin("route", SINKHOLE, *WITH_PARTIES)
    (tmp_path / "noise.csv").write_bytes(os.urandom(5000))
    facts = tocsin("route", SINKHOLE, "noise.csv", *WITH_PARTIES, "--json").json

    assert adds_up(facts)
    assert (facts["read"], facts["duplicates"], facts["deliveries"]) == (31, 30, [])


def test_a_pool_prints_the_same_but_for_run_and_figures(spawn) -> None:
    found = [
        spawn("route", SINKHOLE, *WITH_PARTIES, "--json", "--store", name, "--executor", name).json
        for name in ("in-process", "pool")
    ]
    seen = [
        (
            {name: facts[name] for name in KEYS[1:9]},
            [[row[name] for name in DELIVERY_KEYS[:7]] for row in facts["deliveries"]],
        )
        for facts in found
    ]

    assert seen[0] == seen[1]


# ── the tables that people read ──────────────────────────────────────────────────────────


def test_people_read_what_came_of_each_report_and_who_was_told(spawn, tmp_path) -> None:
    done = spawn("route", SINKHOLE, *WITH_PARTIES, "--out", "out")

    assert done.ended == (0, "")
    assert [line.rstrip() for line in done.out.splitlines()[:5]] == [
        "Reports",
        "file                                 format        read  quarantined  repeats  events",
        "2026-06-17-event4_sinkhole-demo.csv  shadowserver    31            1        1      29",
        (
            "  note 2026-06-17-event4_sinkhole-demo.csv: 1 row names a network where an address is "
            "expected"
        ),
        "  note what was set aside, and why: tocsin quarantine",
    ]
    assert "Brook Telecom               network             7  idf-csv       delivered" in done.out
    assert "  files and manifests: out/PARTY/" in done.out


def test_a_second_run_says_that_all_was_told_before(tocsin) -> None:
    tocsin("route", SINKHOLE, *WITH_PARTIES)
    again = tocsin("route", SINKHOLE, *WITH_PARTIES)

    assert again.ended == (0, "")
    assert (
        "All that could be used was told before within 24 hours; nothing goes out again."
        in again.out
    )


def test_a_red_report_says_that_it_went_to_nobody(tocsin) -> None:
    done = tocsin("route", SINKHOLE, *WITH_PARTIES, "--tlp", "red")

    assert (done.code, done.err) == (0, "")
    assert "29 events marked TLP:RED: kept, sent to nobody." in done.out


@pytest.mark.parametrize("how", [(), ("--json",)])
def test_a_file_name_never_steers_the_terminal(spawn, tmp_path, how) -> None:
    name = os.fsencode(tmp_path) + b"/" + NASTY
    Path(os.fsdecode(name)).write_bytes(SINKHOLE.read_bytes())
    done = spawn("route", os.fsdecode(NASTY), *WITH_PARTIES, *how)

    assert done.ended == (0, "")
    assert is_plain(done.out)
    if how:
        assert done.json["reports"][0]["file"] == NASTY.decode()


def test_a_file_name_that_is_no_utf_8_is_shown_as_its_bytes(spawn, tmp_path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.csv")).write_bytes(SINKHOLE.read_bytes())
    facts = spawn("route", os.fsdecode(b"\xff.csv"), *WITH_PARTIES, "--json").json

    assert facts["reports"][0]["file"] == "\\xff.csv"


def test_what_is_inside_a_report_never_steers_the_terminal(tocsin, tmp_path) -> None:
    report = tmp_path / "2026-06-17-scan_rdp-x.csv"
    report.write_bytes(
        b"timestamp,ip,port,colour\x1b[31m\n2026-06-17 01:00:00,192.0.2.7\x1b]0;owned\x07,80,x\n"
    )
    said = [tocsin("route", report, *WITH_PARTIES), tocsin("quarantine")]

    assert [done.code for done in said] == [0, 0]
    assert all(is_plain(done.out) for done in said)


# ── how it ends ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (["nope.csv"], 4, "tocsin: no such file: nope.csv\n"),
        (["."], 4, "tocsin: . is a folder. Possible: name files, such as ./*.csv\n"),
        (
            [SINKHOLE],
            2,
            (
                "tocsin: no party is on file, so nobody could be told. "
                "Possible: --parties FILE, or tocsin parties import FILE\n"
            ),
        ),
        (
            [SINKHOLE, "--tlp", "purple"],
            2,
            (
                "tocsin: 'purple' is no TLP marking. "
                "Possible: TLP:CLEAR, TLP:GREEN, TLP:AMBER, TLP:AMBER+STRICT, TLP:RED\n"
            ),
        ),
        (
            [SINKHOLE, "--executor", "ray"],
            2,
            "tocsin: no executor 'ray'. Possible: in-process, pool\n",
        ),
        (
            [SINKHOLE, "--format", "xml"],
            2,
            f"tocsin: no format 'xml'. Possible: {', '.join(FORMATS)}\n",
        ),
        (
            [SINKHOLE, "--parties", "nope.toml"],
            4,
            "tocsin: no such party file: nope.toml\n",
        ),
        (
            [SINKHOLE, "--parties", PARTIES, "--overlay", "nope.csv"],
            4,
            "tocsin: no such overlay: nope.csv\n",
        ),
    ],
)
def test_a_wrong_word_ends_with_one_sentence_and_its_code(tocsin, words, code, complaint) -> None:
    assert tocsin("route", *words).ended == (code, complaint)


@pytest.mark.parametrize(
    ("data", "code", "complaint"),
    [
        (b"\xff\xfe\x00", 3, "cannot be read as UTF-8 text"),
        (b"[[party]\n", 2, "the party file is no TOML"),
        (b'[[party]]\nid = "x"\n', 2, "is missing"),
        ('[[party]]\nname = "Köln'.encode("latin-1"), 3, "cannot be read as UTF-8 text"),
    ],
)
def test_a_wrong_party_file_says_what_is_wrong_with_it(
    tocsin, tmp_path, data, code, complaint
) -> None:
    (tmp_path / "p.toml").write_bytes(data)
    done = tocsin("route", SINKHOLE, "--parties", "p.toml")

    assert (done.code, complaint in done.err, done.out) == (code, True, "")


def test_no_file_at_all_is_a_usage_error(tocsin) -> None:
    done = tocsin("route")

    assert (done.code, "Missing argument" in done.err) == (2, True)


def test_a_mistyped_name_leaves_no_store_behind(tocsin, tmp_path) -> None:
    tocsin("route", "reprot.csv", *WITH_PARTIES)

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_read_ends_with_3_and_the_others_are_routed(tocsin, tmp_path) -> None:
    (tmp_path / "noise.csv").write_bytes(os.urandom(5000))
    done = tocsin("route", "noise.csv", SINKHOLE, *WITH_PARTIES, "--json")

    assert (done.code, done.err, done.json["events"]) == (3, "", 29)


def test_random_bytes_never_end_in_a_traceback(tocsin, tmp_path) -> None:
    seeds = [os.urandom(400), b"\x1f\x8b" + os.urandom(400), b"PK\x03\x04" + os.urandom(400)]
    heads = [SINKHOLE.read_bytes()[:700] + os.urandom(300), b'"' * 3000, b",\n" * 500]
    for number, data in enumerate([*seeds, *heads]):
        (tmp_path / f"{number}.csv").write_bytes(data)
    done = tocsin("route", *(f"{number}.csv" for number in range(6)), *WITH_PARTIES, "--json")

    assert (done.code, done.err) == (3, "")
    assert adds_up(done.json)


def test_a_party_folder_that_is_a_file_leaves_the_deliveries_waiting(tocsin, tmp_path) -> None:
    block_folders(tmp_path / "out")
    done = tocsin("route", SINKHOLE, *WITH_PARTIES, "--out", "out", "--json")

    assert (done.code, done.err) == (7, "")
    assert {row["state"] for row in done.json["deliveries"]} == {"ready"}
    assert {"a link or a file stands in the way" in row["error"] for row in done.json["deliveries"]}
    assert {path.read_text() for path in (tmp_path / "out").iterdir()} == {"a letter"}


def block_folders(out: Path) -> None:
    """A file where each party's folder would be."""
    out.mkdir()
    for slug in re.findall(r'^id = "(.+)"', PARTIES.read_text("utf-8"), re.MULTILINE):
        (out / slug).write_text("a letter")


def test_a_delivery_that_is_parked_ends_with_7_and_says_why(tocsin, tmp_path) -> None:
    text = PARTIES.read_text("utf-8").replace('country = "PT"\nlang', 'country = "US"\nlang')
    (tmp_path / "p.toml").write_text(text, "utf-8")
    done = tocsin("route", SINKHOLE, "--parties", "p.toml", "--overlay", OVERLAY)

    assert done.code == 7
    assert "no basis for a transfer of personal data to US is on file" in " ".join(done.out.split())


def test_a_run_while_another_is_under_way_ends_with_6(spawn, tocsin, tmp_path) -> None:
    tocsin("parties", "import", PARTIES)
    with (tmp_path / "tocsin-store" / ".route.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = spawn("route", SINKHOLE)

    assert done.code == 6
    assert "a run, an erasure or a retention is under way in" in done.err


def test_a_store_that_is_a_file_ends_with_2(spawn, tmp_path) -> None:
    (tmp_path / "store").write_text("a letter")
    done = spawn("route", SINKHOLE, *WITH_PARTIES, "--store", "store")

    assert done.code == 2
    assert "cannot be used: File exists. Possible: name a folder" in done.err


NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


@pytest.fixture
def as_nobody(spawn):
    """Runs as a user who may do nothing; needs root and setpriv."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root and setpriv: apt-get install util-linux")
    if spawn("--version", before=NOBODY).code:
        pytest.skip("the user nobody may not read this Python or this checkout")
    return lambda *words: spawn(*words, before=NOBODY, HOME="/nonexistent")


def test_a_store_that_may_not_be_written_ends_with_8(as_nobody, tmp_path) -> None:
    tmp_path.chmod(0o755)
    done = as_nobody("route", SINKHOLE, *WITH_PARTIES, "--store", "store")

    assert done.code == 8
    assert "is not writable. Possible: give this user the right to write" in done.err


@pytest.fixture
def small_disk(tmp_path):
    """A disk, and a function that leaves so many bytes free on it."""
    disk = tmp_path / "disk"
    disk.mkdir()

    def leave(free: int) -> None:
        size = shutil.disk_usage(disk).used + free
        subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)

    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root to mount a small disk")
    command = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", str(disk)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small disk is not allowed here (a container without the right)")
    yield disk, leave
    subprocess.run(["umount", str(disk)], check=True)


def test_on_a_full_disk_nothing_is_lost_and_the_same_command_goes_on(spawn, small_disk) -> None:
    if connection.vendor != "sqlite":
        not_on_this_database("without the database a run fits on this disk")
    disk, leave = small_disk
    spawn("parties", "import", PARTIES, "--store", disk / "store")
    leave(150_000)  # the evidence and no more
    words = ("route", SINKHOLE, "--overlay", OVERLAY, "--store", disk / "store", "--json")
    full = spawn(*words)
    leave(16_000_000)
    again = spawn(*words)

    assert full.ended == (
        8,
        (
            "tocsin: the disk is full; nothing was lost. "
            "Possible: make room, then the same command again\n"
        ),
    )
    assert (again.code, again.json["events"], len(again.json["deliveries"])) == (0, 29, 9)


@pytest.mark.parametrize("executor", ["in-process", "pool"])
def test_ctrl_c_stops_without_a_traceback_and_the_next_run_goes_on(
    spawn, tmp_path, executor, clean_env
) -> None:
    reports = write_reports(tmp_path, 40_000)
    words = ["route", *map(str, reports), *map(str, WITH_PARTIES), "--executor", executor, "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "tocsin.node", *words],
        cwd=tmp_path,
        env=clean_env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as process:
        spool = tmp_path / "tocsin-store" / "spool"
        while not (spool.exists() and list(spool.glob("*/events-*"))) and process.poll() is None:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    again = spawn(*words)

    assert (process.returncode, out) == (130, "")
    assert err.strip() == "tocsin: stopped; what was under way is taken up again next time"
    assert (again.code, again.json["read"]) == (0, 40_000)


def test_deliveries_that_waited_go_out_with_the_next_run(tocsin, tmp_path) -> None:
    """The folder was full or away; the second run comes when the first attempt's wait is over."""
    block_folders(tmp_path / "out")
    tocsin("route", SINKHOLE, *WITH_PARTIES, "--out", "out")
    shutil.rmtree(tmp_path / "out")
    from tocsin.office.models import Delivery

    Delivery.objects.update(next_attempt_at="2026-01-01T00:00:00Z")
    done = tocsin("route", SAMPLES / "idf-csv" / "events.csv", *WITH_PARTIES, "--out", "out")

    assert (done.code, done.err) == (0, "")
    assert "Of earlier runs, 9 deliveries that waited went out." in done.out
