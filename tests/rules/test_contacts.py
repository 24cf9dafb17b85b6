"""Whose word counts, and what is no contact at all."""

import re

import pytest

from tocsin.rules.contacts import (
    LAST_RANK,
    PLACEHOLDERS,
    PRECEDENCE,
    is_holderless,
    rank_of,
    why_no_contact,
)


def test_what_a_person_wrote_stands_above_every_import_and_an_unknown_source_below() -> None:
    assert [rank_of(name) for name in ("manual", "ti", "ripe", "rdap", "csv", "hearsay")] == [
        0,
        1,
        2,
        2,
        3,
        LAST_RANK,
    ]
    assert [row.source for row in PRECEDENCE if row.rank == 0] == ["manual"]


def test_every_row_says_why_and_stands_once() -> None:
    assert [row for row in (*PRECEDENCE, *PLACEHOLDERS) if not row.why] == []
    assert [row for row in PLACEHOLDERS if not row.basis] == []
    assert len({row.source for row in PRECEDENCE}) == len(PRECEDENCE)
    assert [row.pattern for row in PLACEHOLDERS if not re.compile(row.pattern)] == []


@pytest.mark.parametrize(
    "address",
    [
        "removed@lacnic.net",
        "unread@ripe.net",
        "unread@TEST.ripe.net",
        "REDACTED FOR PRIVACY",
        "redacted@registry.example",
        "Please query the RDDS service",
        "abuse@example.com",
        "abuse@mail.Example.ORG",
        "abuse@host.invalid",
        "abuse@localhost",
        "no-reply@meadow-net.example",
        "noreply+abuse@meadow-net.example",
        "none@meadow-net.example",
        "email@domain.tld",
        "",
        "@meadow-net.example",
        "abuse",
        "abuse@meadow-net",
        "abuse@192.0.2.7",
        "abuse@[192.0.2.7]",
        "abuse@-meadow.example",
        "abuse@meadow..example",
        "ab use@meadow.example",
        "abuse@meadow.example\r\nBcc: all@meadow.example",
        "abuse@meadow.example,other@meadow.example",
        "<abuse@meadow.example>",
        "a..b@meadow.example",
        "å@meadow.example",
        "x" * 65 + "@meadow.example",
        "a@" + "x" * 63 + "." + "y" * 63 + "." + "z" * 63 + "." + "w" * 63 + ".example",
    ],
)
def test_nobody_is_reached_there(address: str) -> None:
    assert why_no_contact(address) != ""


@pytest.mark.parametrize(
    "address",
    [
        "abuse@meadow-net.example",
        "CERT@Team.Meadow-Net.example",
        "abuse+ripe@xn--wgv71a.example",
        "o'neill@brook.example",
        "abuse@meadow.xn--p1ai",
        "testing@latest.example",
    ],
)
def test_somebody_is_reached_there(address: str) -> None:
    assert why_no_contact(address) == ""


def test_entries_that_name_no_holder_are_known_by_their_name() -> None:
    names = ["NON-RIPE-NCC-MANAGED-ADDRESS-BLOCK", "iana-blk", "ERX-NETBLOCK", "MEADOW-NET"]

    assert [is_holderless(name) for name in names] == [True, True, True, False]
