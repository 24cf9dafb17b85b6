"""Plain lists: every way to write an indicator, and everything that is none."""

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.formats.reading import read
from tocsin.flow.normalise import normalise
from tocsin.flow.tables import ROW
from tocsin.formats.constants import with_constants
from tocsin.formats.indicators import FORMAT, FURTHER, read_indicator, sniff

URL, NAME, IP, PORT = "source.url", "source.fqdn", "source.ip", "source.port"


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("https://login.example/x?a=1,2#b", {URL: "https://login.example/x?a=1,2#b"}),
        ("hxxps://login[.]example/x", {URL: "https://login.example/x"}),
        ("hXXp[:]//login(.)example", {URL: "http://login.example"}),
        ("HXXPS[://]login{.}example", {URL: "httpS://login.example"}),
        ("http://[2001:db8::7]:8080/x", {URL: "http://[2001:db8::7]:8080/x"}),
        ("fxp://files[.]example/a", {URL: "ftp://files.example/a"}),
        ("login[.]example/x", {URL: "http://login.example/x"}),
        ("login.example:8080/x", {URL: "http://login.example:8080/x"}),
        ("192.0.2.7/login.php", {URL: "http://192.0.2.7/login.php"}),
        ("Login.Example.", {NAME: "login.example"}),
        ("login[dot]example", {NAME: "login.example"}),
        ("login[.example", {NAME: "login.example"}),
        ("_dmarc.login.example", {NAME: "_dmarc.login.example"}),
        ("bücher.example", {NAME: "xn--bcher-kva.example"}),
        ("login.xn--p1ai", {NAME: "login.xn--p1ai"}),
        ("login.example:443", {NAME: "login.example", PORT: "443"}),
        ("192.0.2.7", {IP: "192.0.2.7"}),
        ("192[.]0[.]2[.]7", {IP: "192.0.2.7"}),
        ("192.0.2.7:8080", {IP: "192.0.2.7", PORT: "8080"}),
        ("2001:DB8::7", {IP: "2001:db8::7"}),
        ("2001[:]db8[::]7", {IP: "2001:db8::7"}),
        ("[2001:db8::7]:443", {IP: "2001:db8::7", PORT: "443"}),
        ("192.0.2.0/28", {"source.network": "192.0.2.0/28"}),
        ("2001:db8::/32", {"source.network": "2001:db8::/32"}),
        (
            "someone[at]mail[.]example",
            {"source.account": "someone@mail.example", NAME: "mail.example"},
        ),
    ],
)
def test_an_indicator_is_read_as_what_it_stands_for(text: str, columns: dict[str, str]) -> None:
    assert dict(read_indicator(text)) == columns
    assert sniff(text.encode(), "list.txt")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            "not an indicator",
            (
                "'not an indicator': several words; "
                "one URL, domain, address or network stands on a line"
            ),
        ),
        ("*.wild.example", "'*.wild.example': a wildcard names no host; write the domain itself"),
        ("192.0.2.300", "'192.0.2.300': no IPv4 address; it has four parts from 0 to 255"),
        (
            "192.0.2.0/33",
            "'192.0.2.0/33': no network; its prefix is 0 to 32 and each part 0 to 255",
        ),
        ("localhost", "'localhost': no URL, domain, address or network"),
        ("javascript://x", "'javascript://x': no URL of a kind that is reported"),
        ("a.example:99999", "'a.example:99999': no URL, domain, address or network"),
        ("fe80::1%eth0", "'fe80::1%eth0': no URL, domain, address or network"),
    ],
)
def test_a_line_that_is_none_says_why(line: str, reason: str) -> None:
    out = read(FORMAT, f"192.0.2.7\n{line}\n".encode())

    assert [(fault.row, fault.reason, fault.raw) for fault in out.faults] == [
        (2, reason, f"{line}\n".encode())
    ]
    assert out.rows == [{ROW: 1, IP: "192.0.2.7"}]


def test_comments_and_empty_lines_are_nothing_and_further_fields_are_counted() -> None:
    text = "# list\n\n; of\r\n// mine\n192.0.2.7, seen today\n'login.example' # by a customer\n"

    out = read(FORMAT, text.encode())

    assert out.rows == [{ROW: 5, IP: "192.0.2.7"}, {ROW: 6, NAME: "login.example"}]
    assert (out.faults, out.counts) == ([], {FURTHER: 1})


def test_the_class_comes_from_the_operator_and_there_is_no_time() -> None:
    phishing = with_constants(FORMAT, [("classification.type", "phishing")])

    done = normalise(read(phishing, b"login.example\n192.0.2.7\n").parsed[0])

    assert done.events["classification.type"].to_list() == ["phishing", "phishing"]
    assert "time.source" not in done.events.columns
    assert done.faults == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "From: a@b.example\n",
        "ip\n192.0.2.7\n",
        "One line of prose.\n",
        "192.0.2.7\0\n",
    ],
)
def test_what_is_no_list_is_not_taken_for_one(text: str) -> None:
    assert not sniff(text.encode(), "list.txt")


WORDS = (
    "hxxp http :// [:]// [.] . (.) [dot] a example 192 0 : :: @ [at] / [ ] , ; # * é ß xn-- \ud7ff"
)
PIECES = st.sampled_from([*WORDS.split(), " ", "\t", "\r", "\n"])


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=30).map("".join))
@example("xn--\xe9.example")
@example("[::")
@example("a" * 70 + ".é.example")
def test_any_pieces_give_rows_or_faults(text: str) -> None:
    out = read(FORMAT, text.encode())

    lines = [line for line in text.split("\n") if line.strip(" \r")]
    assert len(out.rows) + len(out.faults) <= len(lines)
    for one in out.parsed:
        normalise(one)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_give_rows_or_faults(data: bytes) -> None:
    out = read(FORMAT, data)

    assert all(fault.reason.isascii() for fault in out.faults)


@pytest.mark.parametrize(
    "filler", [" ", ".", "[.]", "a.", "@", "[at]", ":", "[", "a", "/", ",", "é", "#"]
)
def test_a_long_line_costs_no_more_than_its_length(filler: str) -> None:
    line = ("a" + filler * (1_000_000 // len(filler)) + "b\n").encode()
    begun = time.process_time()

    out = read(FORMAT, line)

    assert len(out.rows) + len(out.faults) >= 1
    assert time.process_time() - begun < 5
