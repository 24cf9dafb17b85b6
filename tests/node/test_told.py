"""What a run tells on a terminal: nothing is cut short in silence."""

from typing import Any

from tocsin.node.commands.told import show
from tocsin.node.console import counted, in_pieces, out


def facts(reports: int, deliveries: int, unrouted: int) -> dict[str, Any]:
    """The facts of a run of so many reports, deliveries, and networks without anybody."""
    return {
        "events": 100,
        "held": 0,
        "duplicates": 0,
        "quarantined": 0,
        "unrouted": unrouted,
        "earlier": 0,
        "seconds": 1.0,
        "cpu_seconds": 1.0,
        "peak_mib": 100.0,
        "reports": [
            {
                "file": f"report-{number}.csv",
                "format": "shadowserver",
                **dict.fromkeys(("read", "quarantined", "duplicates", "events"), 1),
                "notes": [f"note {note}" for note in range(8 if number == 0 else 0)],
                "unreadable": None,
            }
            for number in range(reports)
        ],
        "deliveries": [
            {
                "name": f"Party {number}",
                "relation": "network",
                "rows": 1,
                "events": 1,
                "format": "csv",
                "state": "ready",
                "error": "waits",
                "path": "",
            }
            for number in range(deliveries)
        ],
        "unrouted_by": [
            {"country": "BE", "network": f"AS{64496 + number}", "events": 1}
            for number in range(unrouted)
        ],
    }


def told(what: dict[str, Any]) -> str:
    with out.capture() as captured:
        show(what)
    return captured.get()


def test_what_is_cut_short_says_by_how_much() -> None:
    lines = [line.strip() for line in told(facts(43, 42, 12)).splitlines() if "more" in line]

    assert lines == [
        "… and 3 more: --json shows all",
        "… and 2 more notes: --json shows all",
        "… and 2 more: --json shows all",
        "… and 36 more notes: --json shows all",
        "… and 2 more: --json shows all",
    ]


def test_what_is_whole_says_nothing_of_more() -> None:
    assert "more" not in told({**facts(0, 6, 10), "reports": []})


def test_a_long_name_breaks_where_its_parts_end(monkeypatch) -> None:
    monkeypatch.setattr(out, "_width", 80)

    assert in_pieces("2026-06-17-event4_sinkhole-demo.csv", beside=50) == (
        "2026-06-17-event4_sinkhole-\ndemo.csv"
    )
    assert in_pieces("office:delivery:hand_over", beside=56) == "office:delivery:\nhand_over"
    assert in_pieces("short.csv", beside=50) == "short.csv"
    assert in_pieces("", beside=50) == ""
    assert "".join(in_pieces("x" * 200 + "-y", beside=50).split()) == "x" * 200 + "-y"


def test_one_of_a_thing_is_one_thing() -> None:
    assert [counted(count, "record") for count in (0, 1, 2, 1000)] == [
        *("0 records", "1 record", "2 records", "1,000 records"),
    ]
