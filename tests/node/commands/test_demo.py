"""`tocsin demo`: the whole way on bundled reports, as often as one likes."""

import re
from pathlib import Path


def test_the_demo_runs_twice_in_a_row_and_tells_the_same_story(spawn, tmp_path) -> None:
    done = [spawn("demo") for _ in range(2)]
    told = [said.out[said.out.index("What happened") :] for said in done]
    stories, doors = zip(*(text.split("See it in a browser") for text in told), strict=True)
    passwords = [re.findall(r"@\S+ +(\S{16}) ", text) for text in doors]

    assert [said.ended for said in done] == [(0, ""), (0, "")]
    assert stories[0] == stories[1]
    assert [len(drawn) for drawn in passwords] == [2, 2]
    assert len({word for drawn in passwords for word in drawn}) == 4
    assert [line for line in STORY if line not in " ".join(stories[0].split())] == []
    assert len(list((tmp_path / "demo-output" / "out").iterdir())) == 12


STORY = [
    "56 records were read; 2 could not be used and went to quarantine with the reason;",
    "53 events were located and told to 12 parties.",
    "1 event reached nobody who could act:",
    "The police got counts under an agreement, no address.",
    "For instance, the first line for Meadow Net: time.source 2026-06-17T01:05:27+00:00",
    "extra.because 192.0.2.0/25 is in the remit of Meadow Net (manual)",
]


def test_the_commands_it_proposes_work(spawn, tmp_path) -> None:
    out = spawn("demo").out
    proposed = [line.split() for line in out.splitlines() if line.startswith("  tocsin ")]
    endless = {"YOUR-REPORT.csv", "serve"}
    done = [spawn(*words[1:]) for words in proposed if not endless & set(words)]

    names = ["preview", "preview", "quarantine", "route", "serve"]
    assert [words[1] for words in proposed] == names
    assert [said.ended for said in done] == 3 * [(0, "")]


def test_a_folder_that_is_not_its_own_is_refused_and_left_as_it_is(tocsin, tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("Dear Sir")
    done = tocsin("demo", "--in", "letters")

    assert done.ended == (
        5,
        (
            "tocsin: letters is not empty and was not made by the demo. "
            "Possible: --in ANOTHER-FOLDER\n"
        ),
    )
    assert [path.name for path in (tmp_path / "letters").iterdir()] == ["dear.txt"]


def test_what_somebody_put_beside_a_demo_survives_the_next(tocsin, tmp_path: Path) -> None:
    tocsin("demo")
    (tmp_path / "demo-output" / "my-notes.txt").write_text("keep")

    assert tocsin("demo").code == 0
    assert (tmp_path / "demo-output" / "my-notes.txt").read_text() == "keep"


def test_a_file_in_the_place_of_its_folder_is_refused(tocsin, tmp_path: Path) -> None:
    (tmp_path / "demo-output").write_text("a letter")

    assert tocsin("demo").ended == (2, "tocsin: demo-output: File exists\n")
