"""`tocsin quarantine`: the very bytes that could not be used, and why."""

import base64

from tests.node.conftest import SAMPLES, SINKHOLE, WITH_PARTIES

BROKEN = SAMPLES / "shadowserver" / "2026-06-17-event4_sinkhole-broken.csv"
WHY = ("--why", "mending the feed", "--by", "Ada")
LINES = BROKEN.read_bytes().splitlines(keepends=True)


def test_records_are_listed_with_run_file_line_and_reason(spawn) -> None:
    run = spawn("route", BROKEN, *WITH_PARTIES, "--json").json["run"]
    done = spawn("quarantine")

    assert done.ended == (0, "")
    lines = [line.split() for line in done.out.splitlines()]
    assert lines[0] == ["2", "records", "in", "quarantine"]
    assert [line[:3] for line in lines[2:4]] == [
        [run[:8], BROKEN.name, "3"],
        [run[:8], BROKEN.name, "4"],
    ]


def test_json_holds_the_exact_bytes(tocsin) -> None:
    tocsin("route", BROKEN, *WITH_PARTIES)
    rows = tocsin("quarantine", "--json", *WHY).json

    assert [list(row) for row in rows] == 2 * [
        ["report", "file", "line", "reason", "run", "raw_base64"]
    ]
    assert [base64.b64decode(row["raw_base64"]) for row in rows] == LINES[2:4]


def test_an_export_is_the_exact_bytes_one_record_after_the_other(tocsin, tmp_path) -> None:
    tocsin("route", BROKEN, *WITH_PARTIES)
    done = tocsin("quarantine", "--export", "bad.csv", *WHY)

    assert (done.ended, done.out) == ((0, ""), "2 records written to bad.csv\n")
    assert (tmp_path / "bad.csv").read_bytes() == b"".join(LINES[2:4])


def test_one_run_is_enough_for_who_wants_no_more(tocsin) -> None:
    first = tocsin("route", BROKEN, *WITH_PARTIES, "--json").json["run"]
    tocsin("route", SINKHOLE, *WITH_PARTIES)

    assert len(tocsin("quarantine", "--json", *WHY).json) == 3
    assert {
        row["file"] for row in tocsin("quarantine", "--run", first[:8], "--json", *WHY).json
    } == {BROKEN.name}
    assert tocsin("quarantine", "--run", "none").ended == (
        4,
        "tocsin: no record of run none is in quarantine. Possible: tocsin quarantine\n",
    )


def test_many_records_are_cut_short_for_people_and_not_for_machines(tocsin, tmp_path) -> None:
    report = tmp_path / "2026-06-17-scan_rdp-bad.csv"
    report.write_text("timestamp,ip,port\n" + "no,no,no\n" * 60)
    tocsin("route", report, *WITH_PARTIES)

    assert "… and 10 more; --json lists all" in tocsin("quarantine").out
    assert len(tocsin("quarantine", "--json", *WHY).json) == 60


def test_an_export_that_cannot_be_written_says_so(tocsin) -> None:
    tocsin("route", BROKEN, *WITH_PARTIES)

    assert tocsin("quarantine", "--export", ".", *WHY).ended == (2, "tocsin: .: Is a directory\n")
    assert tocsin("quarantine", "--export", "no/where", *WHY).ended == (
        4,
        "tocsin: no/where: No such file or directory\n",
    )


def test_without_a_store_there_is_no_quarantine(tocsin, tmp_path) -> None:
    done = tocsin("quarantine", "--store", "nowhere")

    assert (done.code, done.out, list(tmp_path.iterdir())) == (4, "", [])


def test_files_that_are_lost_are_told_from_a_quarantine_that_is_empty(tocsin, tmp_path) -> None:
    run = tocsin("route", BROKEN, *WITH_PARTIES, "--json").json["run"]
    (kept,) = (tmp_path / "tocsin-store" / "quarantine").glob("*.parquet")
    kept.unlink()
    done = tocsin("quarantine")

    assert (done.code, done.out) == (4, "")
    assert done.err.startswith(
        f"tocsin: 2 records of 1 run ({run[:8]}) were set aside and are not in quarantine any more"
    )


def test_a_quarantine_that_is_empty_says_that_all_could_be_used(tocsin, tmp_path) -> None:
    report = tmp_path / SINKHOLE.name
    lines = SINKHOLE.read_bytes().splitlines(keepends=True)
    report.write_bytes(b"".join(lines[:2]))
    tocsin("route", report, *WITH_PARTIES)

    assert tocsin("quarantine").out == (
        "Nothing is in quarantine: every record that came in could be used.\n"
    )


def test_whoever_takes_the_bytes_is_written_down_with_a_reason(tocsin, tmp_path) -> None:
    tocsin("route", BROKEN, *WITH_PARTIES)
    refused = [tocsin("quarantine", *how) for how in (("--json",), ("--export", "bad.csv"))]
    tocsin("quarantine", "--json", *WHY)
    looked = ("--action", "office:quarantine:consult", "--why", "test", "--json")

    assert [one.code for one in refused] == [2, 2]
    assert "Possible: --why" in refused[0].err
    assert not (tmp_path / "bad.csv").exists()
    assert [(row["actor"], row["facts"]) for row in tocsin("register", "list", *looked).json] == [
        ("Ada", {"why": "mending the feed", "what": "all", "shown": 2})
    ]


def test_one_record_is_a_record(tocsin, tmp_path) -> None:
    report = tmp_path / BROKEN.name
    report.write_bytes(b"".join(LINES[:3]))
    tocsin("route", report, *WITH_PARTIES)

    assert tocsin("quarantine").out.splitlines()[0].rstrip() == "1 record in quarantine"
    assert tocsin("quarantine", "--export", "x", *WHY).out == "1 record written to x\n"
