"""`tocsin bench`: the figures it promises, and the page they go to."""

from tocsin.node.commands.bench_page import (
    BEGIN,
    CASES_BEGIN,
    END,
    LOG,
    SUBSCRIBERS,
    WEB,
    write_cases,
    write_document,
)

FACTS = {
    "bench": "route",
    "size": 100_000,
    "executor": "pool",
    "window": 100_000,
    "seconds": 2.5,
    "cpu_seconds": 4.0,
    "peak_mib": 512.4,
    "rate_per_second": 40_000,
    "cpu_us_per_item": 40.0,
    "deliveries": 725,
}


def test_the_benchmark_prints_the_promised_keys(spawn, tmp_path) -> None:
    done = spawn("bench", "route", "--rows", "2000", "--json")
    facts = done.json

    assert done.ended == (0, "")
    assert list(facts) == [
        "bench",
        "size",
        "executor",
        "window",
        "seconds",
        "cpu_seconds",
        "peak_mib",
        "rate_per_second",
        "cpu_us_per_item",
        "bytes_per_item",
        "events",
        "duplicates",
        "unrouted",
        "deliveries",
        "delivered_rows",
    ]
    assert (facts["bench"], facts["size"], facts["events"] + facts["duplicates"]) == (
        "route",
        2000,
        2000,
    )
    assert list(tmp_path.iterdir()) == []


def test_a_second_report_meets_the_window_of_the_first(spawn, tmp_path) -> None:
    words = ("--rows", "1000", "--again", "--keep", "work", "--executor", "pool")
    done = spawn("bench", "route", *words)

    assert done.ended == (0, "")
    assert "pool, window open" in done.out
    assert len(list((tmp_path / "work" / "store" / "window").iterdir())) == 2


def test_too_few_rows_are_a_usage_error(tocsin) -> None:
    assert tocsin("bench", "route", "--rows", "10").code == 2


def test_the_page_gets_the_new_figures_and_keeps_its_words(tmp_path) -> None:
    page = tmp_path / "benchmarks.md"
    page.write_text(f"# Benchmarks\n\nHow.\n\n{BEGIN}\nold\n{END}\n\nMore.\n")
    write_document(page, [FACTS])
    text = page.read_text()

    assert text.startswith(f"# Benchmarks\n\nHow.\n\n{BEGIN}\n")
    assert text.endswith(f"{END}\n\nMore.\n")
    assert "old" not in text
    assert "| 100,000 | pool, window open | 2.5 | 4.0 | 40.0 | 40,000 | 512 | 725 |" in text


def test_a_page_that_is_not_there_is_made(tmp_path) -> None:
    write_document(tmp_path / "benchmarks.md", [FACTS])

    assert (tmp_path / "benchmarks.md").read_text().startswith(f"# Benchmarks\n\n{BEGIN}\n")


def test_the_benchmark_of_the_log_prints_the_promised_keys(spawn, tmp_path) -> None:
    done = spawn("bench", "log", "--rows", "2000", "--json")
    facts = done.json

    assert done.ended == (0, "")
    assert list(facts)[:7] == [
        "bench",
        "size",
        "seconds",
        "cpu_seconds",
        "peak_mib",
        "rate_per_second",
        "cpu_us_per_item",
    ]
    assert (facts["bench"], facts["size"], facts["batch"]) == ("log", 2000, 1000)
    assert [name for name, value in facts.items() if name != "bench" and value < 0] == []
    assert list(tmp_path.iterdir()) == []


def test_the_log_of_a_benchmark_can_be_kept_and_is_not_written_over(spawn, tmp_path) -> None:
    done = spawn("bench", "log", "--rows", "1000", "--keep", "work")

    assert done.ended == (0, "")
    assert "durable appends a second, 1,000 at once" in done.out
    assert (tmp_path / "work" / "public" / "checkpoint").is_file()
    assert spawn("bench", "log", "--rows", "1000", "--keep", "work").code == 2


def test_the_page_gets_the_figures_of_the_log_beside_the_others(spawn, tmp_path) -> None:
    page = tmp_path / "benchmarks.md"
    write_document(page, [FACTS])
    facts = spawn("bench", "log", "--rows", "1000", "--json").json
    for _ in range(2):
        LOG.write(page, facts)
    text = page.read_text()

    assert (text.count(LOG.begin), text.count(BEGIN)) == (1, 1)
    assert f"| {facts['rate_per_second']:,} | 50,000 |" in text
    assert "| 100,000 | pool, window open |" in text


def test_the_benchmark_of_cases_opens_and_joins_and_gets_onto_the_page(spawn, tmp_path) -> None:
    facts = spawn("bench", "cases", "--rows", "1000", "--json").json
    page = tmp_path / "benchmarks.md"
    write_document(page, [FACTS])
    write_cases(page, [facts])
    text = page.read_text()

    assert list(facts) == [
        "bench",
        "size",
        "seconds",
        "cpu_seconds",
        "peak_mib",
        "rate_per_second",
        "cpu_us_per_item",
        "opened",
        "again_cpu_us_per_item",
        "again_opened",
        "again_joined",
    ]
    assert (facts["bench"], facts["size"]) == ("cases", 1000)
    assert facts["opened"] > 700
    assert facts["again_joined"] > 100
    assert (text.count(CASES_BEGIN), text.count(BEGIN)) == (1, 1)
    assert f"| 1,000 | {facts['cpu_us_per_item']:.2f} | {facts['opened']:,} |" in text


def test_the_benchmark_of_the_pages_serves_them_and_gets_onto_the_page(spawn, tmp_path) -> None:
    words = ("--rows", "1000", "--events", "1000", "--seconds", "1")
    facts = spawn("bench", "web", *words, "--json").json

    assert (facts["bench"], facts["size"], facts["events"]) == ("web", 1000, 1000)
    assert min(facts["list_pages"], facts["case_pages"]) > 0
    page = tmp_path / "benchmarks.md"
    WEB.write(page, facts)
    WEB.write(page, facts)
    text = page.read_text("utf-8")
    assert text.count(WEB.begin) == text.count("| lists of 50 cases per CPU-second |") == 1
    assert "1,000 cases, 1,000 events, 8 clients" in text


def test_whose_line_it_was_is_measured_with_all_figures_of_the_page(spawn, tmp_path) -> None:
    done = spawn("bench", "subscribers", "--rows", "1000", "--records", "20000", "--json")
    facts = done.json

    assert done.ended == (0, "")
    assert {key for key, _, _ in SUBSCRIBERS.rows} <= set(facts)
    assert sum(facts["outcomes"].values()) == 1000
    assert facts["outcomes"]["exact"] > 800
    page = tmp_path / "benchmarks.md"
    SUBSCRIBERS.write(page, facts)
    assert "1,000 events" in page.read_text()
