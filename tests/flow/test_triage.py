"""Thousands of messages become a queue: what belongs together, the worst and newest first."""

import time
from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.flow.scope import Lists
from tocsin.flow.triage import MESSAGES, Known, judge, triage
from tocsin.match.names import Brand, Brands
from tocsin.rules.listing import Caution

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
KNOWN = Known(
    Brands([Brand("My Bank", ("mybank",), ("mybank.example",))]),
    Lists(
        shared_hosting=frozenset({"pages.example"}),
        shorteners=frozenset({"sho.example"}),
        cautions={Caution.BRAND_OWN: frozenset({"mybank.example"})},
    ),
    elsewhere={"evil.test": ("on a list of others since 2026-11-20",)},
)
COUNT = iter(range(10**6))


def message(
    url: str, *, subject: str | None = None, reporter: str | None = "r1", minutes: int = 90
) -> dict[str, object]:
    return {
        "message": f"m{next(COUNT)}",
        "url": url,
        "subject": subject,
        "reporter": reporter,
        "received_at": AT - timedelta(minutes=minutes),
    }


def queue(*rows: dict[str, object]) -> pl.DataFrame:
    return triage(pl.DataFrame(rows, schema=MESSAGES), known=KNOWN, at=AT).groups


def groups(*rows: dict[str, object]) -> list[str]:
    return queue(*rows)["group"].to_list()


def test_a_group_is_a_domain_or_one_address_where_the_host_is_everybody_s() -> None:
    found = queue(
        message("https://a.mybank-login.test/1", reporter="r1"),
        message("https://b.mybank-login.test/2", reporter="r2", minutes=30),
        message("https://x.pages.example/ada"),
        message("https://x.pages.example/bo"),
        message("http://sho.example/q"),
        message("http://3221225985/"),
    )

    assert sorted(found["group"]) == [
        "http://192.0.2.1/",
        "http://sho.example/q",
        "https://x.pages.example/ada",
        "https://x.pages.example/bo",
        "mybank-login.test",
    ]
    assert found.row(0, named=True) == {
        "group": "mybank-login.test",
        "hosts": 2,
        "messages": 2,
        "reporters": 2,
        "recent_reporters": 1,
        "first_at": AT - timedelta(minutes=90),
        "last_at": AT - timedelta(minutes=30),
        "landing": "https://a.mybank-login.test/1",
        "lure": None,
        "score": 25,
        "reasons": [
            "2 people reported it",
            "My Bank: mybank-login is mybank with something beside it",
        ],
        "campaign": found["campaign"][0],
        "last_victim_at": AT + timedelta(hours=19, minutes=30),
        "urgency": 25 * 2 * (1 - 1.5 / 21),
    }


def test_what_shares_a_lure_is_one_campaign_whatever_its_numbers_and_answers() -> None:
    found = queue(
        message("https://one.test/", subject="FW: Your parcel 4711 waits!"),
        message("https://two.test/", subject="AW: Fwd: your parcel no longer — see below"),
        message("https://three.test/", subject="Your  parcel 12 waits"),
        message("https://four.test/", subject="hello"),
        message("https://five.test/", subject="Re: Hello"),
    )
    campaign = dict(found.select("group", "campaign").iter_rows())

    assert campaign["one.test"] == campaign["three.test"]
    assert len(set(campaign.values())) == 4


def test_a_thousand_reports_of_one_person_are_one_reporter() -> None:
    flood = [message("https://flood-mybank.test/", minutes=5) for _ in range(1000)]
    several = [message("https://real-mybank.test/", reporter=f"r{n}", minutes=5) for n in range(3)]

    assert groups(*flood, *several) == ["real-mybank.test", "flood-mybank.test"]


def test_a_campaign_that_is_nearly_over_waits_behind_one_that_begins() -> None:
    assert groups(
        message("https://old-mybank.test/", minutes=20 * 60),
        message("https://new-mybank.test/", minutes=61),
    ) == ["new-mybank.test", "old-mybank.test"]


def test_a_brand_s_own_name_is_last_and_says_why() -> None:
    found = queue(
        *(message("https://www.mybank.example/", reporter=f"r{n}") for n in range(12)),
        message("https://unknown.test/"),
    )

    assert found.filter(pl.col("group") == "mybank.example").select("score", "reasons").row(0) == (
        -40,
        [
            "12 people reported it",
            "www.mybank.example falls under mybank.example, a brand's own name",
        ],
    )


def test_reasons_are_told_for_the_shape_of_a_name_and_for_other_lists() -> None:
    host = f"a-b-c-d.{'x' * 40}.xn--bcher-kva.www.evil.test"

    assert judge("evil.test", [host], KNOWN) == [
        (30, "on a list of others since 2026-11-20"),
        (8, "3 hyphens in the name"),
        (8, "letters of another script in the name"),
        (5, f"a name of {len(host)} characters"),
        (5, "6 labels in the name"),
    ]


def test_addresses_that_lead_nowhere_are_told_and_stop_nothing() -> None:
    rows = [message("javascript:x"), message("https://evil.test/"), message("http://a..b/")]
    found = triage(pl.DataFrame(rows, schema=MESSAGES), known=KNOWN, at=AT)

    assert found.unreadable == ("http://a..b/", "javascript:x")
    assert found.groups["group"].to_list() == ["evil.test"]


def test_no_message_is_an_empty_queue() -> None:
    assert queue().height == 0


URLS = st.sampled_from(
    ["https://a.test/", "http://b.a.test/x", "https://c.test/", "http://sho.example/1", "http://"]
)
ROWS = st.lists(
    st.builds(
        message,
        URLS,
        subject=st.sampled_from([None, "your parcel waits", "your invoice is here"]),
        reporter=st.sampled_from([None, "r1", "r2"]),
        minutes=st.integers(-10, 3000),
    ),
    max_size=12,
)


@given(ROWS)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_no_message_is_lost_or_counted_twice(rows: list[dict[str, object]]) -> None:
    found = triage(pl.DataFrame(rows, schema=MESSAGES), known=KNOWN, at=AT)

    readable = {row["message"] for row in rows if row["url"] != "http://"}
    assert set(found.rows["message"]) == readable
    assert found.groups["messages"].sum() == len(readable)
    assert found.groups["urgency"].is_sorted(descending=True)


def test_three_thousand_messages_take_a_tenth_of_what_thirty_thousand_may() -> None:
    rows = [
        message(f"https://x{n % 700}-mybank.test/{n}", reporter=f"r{n}", minutes=n % 1500)
        for n in range(3000)
    ]
    table = pl.DataFrame(rows, schema=MESSAGES)

    began = time.process_time()
    triage(table, known=KNOWN, at=AT)

    assert time.process_time() - began < 60
