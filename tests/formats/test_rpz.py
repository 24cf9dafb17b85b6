"""The zone of the shield, byte for byte."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.formats.listings import AT, EDITION, SAMPLE, row, table
from tocsin.formats.listed import changes, in_force, listed
from tocsin.formats.rpz import (
    Garden,
    Zone,
    is_newer,
    next_serial,
    write_changes,
    write_update,
    write_zone,
)
from tocsin.words.errors import Unusable

ZONE = Zone(
    "block.shield.example",
    "ns.shield.example",
    "hostmaster.shield.example",
    garden=Garden("warning.shield.example"),
)
HEAD = """\
$ORIGIN block.shield.example.
$TTL 30
@ SOA ns.shield.example. hostmaster.shield.example. 7 60 30 604800 30
@ NS ns.shield.example.
"""


def test_a_name_and_all_below_it_are_led_to_the_warning_or_nowhere_where_https_is() -> None:
    text = write_zone(SAMPLE, zone=ZONE, edition=EDITION).decode()

    assert text == HEAD + (
        "evil.example CNAME warning.shield.example.\n"
        "*.evil.example CNAME warning.shield.example.\n"
        "login.other.example CNAME .\n"
        "*.login.other.example CNAME .\n"
    )


def test_what_passes_comes_first_and_nothing_at_or_below_it_is_blocked() -> None:
    rows = table(
        row("evil.example"),
        row("x.ok.example"),
        row("ok.example"),
        row("notok.example"),
        row("help.evil.example"),
    )

    text = write_zone(
        rows, zone=ZONE, edition=EDITION, passes=["ok.example", "help.evil.example"]
    ).decode()

    assert text == HEAD + (
        "help.evil.example CNAME rpz-passthru.\n"
        "*.help.evil.example CNAME rpz-passthru.\n"
        "ok.example CNAME rpz-passthru.\n"
        "*.ok.example CNAME rpz-passthru.\n"
        "evil.example CNAME warning.shield.example.\n"
        "*.evil.example CNAME warning.shield.example.\n"
        "notok.example CNAME warning.shield.example.\n"
        "*.notok.example CNAME warning.shield.example.\n"
    )


@pytest.mark.parametrize("further", [0, 100])
def test_few_and_many_that_pass_are_told_apart_the_same(further: int) -> None:
    rows = table(row("evil.example"), row("a.ok.example"), row("notok.example"), row("ok.example"))
    passes = ["ok.example", *(f"p{n}.example" for n in range(further))]

    text = write_zone(rows, zone=ZONE, edition=EDITION, passes=passes).decode()

    blocked = [line.split()[0] for line in text.splitlines() if "warning" in line]
    assert blocked == ["evil.example", "*.evil.example", "notok.example", "*.notok.example"]


def test_a_garden_of_addresses_answers_with_them() -> None:
    garden = Garden(addresses=("192.0.2.1", "2001:DB8::1"))
    zone = Zone(ZONE.origin, ZONE.name_server, ZONE.mailbox, garden=garden)

    assert write_zone(table(row("evil.example")), zone=zone, edition=EDITION).decode() == HEAD + (
        "evil.example A 192.0.2.1\n"
        "*.evil.example A 192.0.2.1\n"
        "evil.example AAAA 2001:db8::1\n"
        "*.evil.example AAAA 2001:db8::1\n"
    )


def test_without_a_garden_and_where_one_row_says_https_the_name_is_not_there() -> None:
    zone = Zone(ZONE.origin, ZONE.name_server, ZONE.mailbox)
    rows = table(row("evil.example"))
    both = table(row("evil.example", number=1), row("evil.example", over_https=True, number=2))
    nothing = HEAD + "evil.example CNAME .\n*.evil.example CNAME .\n"

    assert write_zone(rows, zone=zone, edition=EDITION).decode() == nothing
    assert write_zone(both, zone=ZONE, edition=EDITION).decode() == nothing


def test_an_empty_list_is_a_zone_too() -> None:
    assert write_zone(listed([]), zone=ZONE, edition=EDITION).decode() == HEAD


def test_a_name_too_long_for_this_zone_is_refused_even_where_it_is_a_name() -> None:
    longest = f"{'a' * 60}." * 3 + "b" * (253 - 2 - 21 - 183)
    rows = table(row(longest))

    assert write_zone(rows, zone=ZONE, edition=EDITION)
    with pytest.raises(Unusable, match="longer than the 230 characters that the zone has room for"):
        write_zone(table(row(f"{longest}b")), zone=ZONE, edition=EDITION)


@pytest.mark.parametrize(
    ("garden", "fault"),
    [
        (Garden("warning.shield.example\n$INCLUDE /etc/passwd"), "is no name"),
        (Garden(addresses=("192.0.2.256",)), "walled garden: "),
    ],
)
def test_a_garden_that_is_none_is_refused(garden: Garden, fault: str) -> None:
    with pytest.raises(Unusable, match=fault):
        Zone(ZONE.origin, ZONE.name_server, ZONE.mailbox, garden=garden)


def test_a_name_that_passes_is_checked_as_well() -> None:
    with pytest.raises(Unusable, match="is no name"):
        write_zone(SAMPLE, zone=ZONE, edition=EDITION, passes=["ok.example\n@ NS evil.example."])


def test_changes_are_one_transaction_that_takes_out_first() -> None:
    rows = table(
        row("gone.example", added_in=6, removed_in=7),
        row("ok.example", added_in=6, removed_in=7),
        row("new.example", added_in=7, over_https=True),
        row("old.example", added_in=6),
    )

    text = write_changes(
        changes(rows, since=6, version=7), zone=ZONE, edition=EDITION, passes=["ok.example"]
    ).decode()

    assert text.splitlines() == [
        "zone-begin block.shield.example.",
        "zone-unset block.shield.example. gone.example",
        "zone-unset block.shield.example. *.gone.example",
        "zone-set block.shield.example. new.example 30 CNAME .",
        "zone-set block.shield.example. *.new.example 30 CNAME .",
        (
            "zone-set block.shield.example. @ 30 SOA ns.shield.example. hostmaster.shield.example. "
            "7 60 30 604800 30"
        ),
        "zone-commit block.shield.example.",
    ]


def test_an_answer_that_another_row_changes_takes_the_place_of_the_old_one() -> None:
    """Listed over HTTP, then over HTTPS as well, then no more: each owner has one answer."""
    rows = table(
        row("pair.example", number=1, added_in=5, scope="domain"),
        row("pair.example", number=2, added_in=6, removed_in=7, scope="host", over_https=True),
    )

    def told(since: int) -> list[str]:
        delta = changes(rows, since=since, version=since + 1)
        text = write_changes(delta, zone=ZONE, edition=EDITION).decode()
        return [line.removeprefix("zone-") for line in text.splitlines()[1:-2]]

    at, garden = "block.shield.example.", "CNAME warning.shield.example."
    assert told(5) == [
        f"unset {at} pair.example",
        f"unset {at} *.pair.example",
        f"set {at} pair.example 30 CNAME .",
        f"set {at} *.pair.example 30 CNAME .",
    ]
    assert told(6) == [
        f"unset {at} pair.example",
        f"unset {at} *.pair.example",
        f"set {at} pair.example 30 {garden}",
        f"set {at} *.pair.example 30 {garden}",
    ]


def test_a_row_that_changes_no_answer_is_no_change() -> None:
    rows = table(
        row("pair.example", number=1, added_in=5, over_https=True),
        row("pair.example", number=2, added_in=6, scope="host"),
    )

    text = write_update(changes(rows, since=5, version=6), zone=ZONE, edition=EDITION).decode()

    assert [line.split()[:2] for line in text.splitlines()] == [
        ["zone", "block.shield.example."],
        ["update", "add"],  # the serial
        ["send"],
    ]


Answers = dict[str, set[str]]
GARDENS = (Garden(), Garden("warning.shield.example"), Garden(addresses=("192.0.2.1", "::1")))
PASSES = ("ok.example", "help.pair.example")
LISTED = ("pair.example", "www.pair.example", "a.help.pair.example", "x.ok.example", "b.example")
TERMS = st.lists(
    st.tuples(
        st.sampled_from(LISTED),
        st.sampled_from(["domain", "host", "url"]),
        st.booleans(),
        st.integers(1, 5),
        st.one_of(st.none(), st.integers(1, 4)),
    ),
    max_size=9,
)


def answers(text: bytes) -> Answers:
    """The owners of a zone file with their records; without the apex."""
    found: Answers = {}
    for line in text.decode().splitlines()[2:]:
        owner, record = line.split(" ", 1)
        found.setdefault(owner, set()).add(record)
    return {owner: records for owner, records in found.items() if owner != "@"}


def applied(zone: Answers, commands: bytes) -> Answers:
    """A zone after a transaction, or an update; a CNAME beside another record is refused."""
    found = {owner: set(records) for owner, records in zone.items()}
    for line in commands.decode().replace("update delete", "zone-unset .").splitlines():
        words = line.replace("update add", "zone-set .").split(" ", 4)
        owner = words[2].removesuffix(f".{ZONE.origin}.") if len(words) > 2 else ""
        if words[0] == "zone-unset":
            del found[owner]  # what is not there is not unset
        elif words[0] == "zone-set" and not words[4].startswith("SOA"):
            found.setdefault(owner, set()).add(words[4])
    for owner, records in found.items():
        assert len(records) == 1 or not any("CNAME" in one for one in records), owner
    return found


@given(
    TERMS,
    st.integers(0, 5),
    st.integers(0, 5),
    st.sampled_from(GARDENS),
    st.sampled_from(((), PASSES)),
)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_the_old_zone_with_a_delta_is_the_new_zone(
    terms: list[tuple[str, str, bool, int, int | None]],
    one: int,
    other: int,
    garden: Garden,
    passes: tuple[str, ...],
) -> None:
    zone = replace(ZONE, garden=garden)
    rows = table(
        *(
            row(
                f"http://{name}/" if scope == "url" else name,
                scope=scope,
                over_https=over_https,
                number=number,
                added_in=added,
                removed_in=added + lasts if lasts else None,
            )
            for number, (name, scope, over_https, added, lasts) in enumerate(terms)
        )
    )
    since, version = min(one, other), max(one, other)
    old, new = (
        answers(write_zone(in_force(rows, version=v, at=AT), zone=zone, edition=EDITION,
                           passes=passes))
        for v in (since, version)
    )  # fmt: skip
    delta = changes(rows, since=since, version=version)

    for write in (write_changes, write_update):
        assert applied(old, write(delta, zone=zone, edition=EDITION, passes=passes)) == new


# ── serials ──────────────────────────────────────────────────────────────────────────────

SERIALS = st.integers(0, 2**32 - 1)


@given(SERIALS, st.integers(0, 2**32 - 1))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_a_serial_always_follows_the_one_before_and_is_never_zero(
    previous: int, seconds: int
) -> None:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    serial = next_serial(previous, at=at)

    assert 0 < serial < 2**32
    assert is_newer(serial, previous)
    assert not is_newer(previous, serial)


def test_a_serial_is_the_second_or_one_more() -> None:
    now = int(AT.timestamp())

    assert [next_serial(before, at=AT) for before in (None, now - 9, now, now + 5)] == [
        now,
        now,
        now + 1,
        now + 6,
    ]
    assert next_serial(2**32 - 1, at=datetime(1970, 1, 1, tzinfo=UTC)) == 1
