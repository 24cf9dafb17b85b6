"""Looking for a person: every spelling of the value, and nothing that only looks like it."""

from ipaddress import IPv6Address, ip_address

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.flow.subject import GONE, accounts, addresses, ids
from tocsin.words.errors import Unusable

PERSON = addresses(["192.0.2.7", "2001:DB8::7"])
LINE = addresses(["192.0.2.0/28", "2001:db8:1::/48"])
ANNA = accounts(["anna@example.org", "rené"])
REPORT = "0f" * 16


@pytest.mark.parametrize(
    "text",
    [
        "192.0.2.7",
        "192.0.2.7/32",
        "192[.]0[.]2[.]7",
        "192(.)0(.)2(.)7",
        "192.000.002.007",
        "host-192-0-2-7.isp.example",
        "ip_192_0_2_7",
        "7.2.0.192.in-addr.arpa",
        "http://192.0.2.7/24/x",
        "::ffff:192.0.2.7",
        "::FFFF:C000:0207",
        "2001:db8::7",
        "2001:0DB8:0:0:0:0:0:0007",
        "2001:db8::7/128",
        "[2001:db8::7]:443",
        "u=2001%3Adb8%3A%3a7&",
        "ip:2001:db8::7",
        "2001:db8::7: refused.",
        f"{IPv6Address('2001:db8::7').reverse_pointer}.",
    ],
)
def test_an_address_is_found_however_it_is_written(text):
    assert len(PERSON.spans(text)) == 1
    assert PERSON.spans_in(f"é {text}".encode()) != []
    assert PERSON.spans(PERSON.scrub(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "192.0.2.77",
        "1192.0.2.7",
        "1.192.0.2.7",  # an OID
        "192.0.2.7.5",
        "192.0.2.0/24",  # a network around it
        "AS64500 held 192.0.2.7–192.0.2.255",  # one end of a range
        "AS64500 held 192.0.2.0–192.0.2.7",
        "2001:db8::77",
        "2001:db8::/32",
        "2026-11-23 09:00:07",
        "ffff:ff:ff",
    ],
)
def test_what_only_looks_like_it_is_left_alone(text):
    assert PERSON.spans(text) == []
    assert PERSON.spans_in(text.encode()) == []


@pytest.mark.parametrize(
    ("text", "is_in"),
    [
        ("192.0.2.0", True),
        ("192.0.2.15", True),
        ("192.0.2.16", False),
        ("192.0.2.8/30", True),
        ("192.0.2.0/24", False),
        ("192-0-2-9", True),
        ("3.2.0.192.in-addr.arpa", True),
        ("2001:db8:1:2::9", True),
        ("2001:db8:1:2::/64", True),
        ("2001:db8:2::1", False),
    ],
)
def test_a_network_means_all_addresses_in_it_and_no_larger_network(text, is_in):
    assert bool(LINE.spans(text)) is is_in


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.ip_addresses(), st.ip_addresses(), st.text(max_size=20), st.text(max_size=20))
def test_an_address_is_found_in_any_text_and_no_other_is(mine, other, before, after):
    subject = addresses([str(mine)])

    assert subject.spans(f"{before} {mine} {after}") != []
    assert bool(subject.spans(f"|{other}|")) is (_same(mine) == _same(other))


def _same(address):
    return getattr(address, "ipv4_mapped", None) or address


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.ip_addresses(v=6))
def test_every_spelling_of_an_ipv6_address_is_it(address):
    subject = addresses([address.exploded.upper()])

    assert subject.spans(address.compressed) == [(0, len(address.compressed))]
    assert ip_address(subject.values[0]) == _same(address)


@pytest.mark.parametrize(
    ("text", "is_in"),
    [
        ("mailto:anna@example.org.", True),
        ("ANNA@EXAMPLE.ORG", True),
        ("u=anna%40example.org&x", True),
        ("x\\nanna@example.org", True),
        ("joanna@example.org", False),
        ("anna@example.org.uk", False),
        ("rené", True),
        ("ren\\u00e9", True),
        ("ren%C3%A9", True),
        ("renée", False),
    ],
)
def test_an_account_is_its_whole_name(text, is_in):
    assert bool(ANNA.spans(text)) is is_in


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_an_account_is_found_in_bytes_of_either_encoding(encoding):
    assert ANNA.spans_in("x rené y".encode(encoding)) != []


def test_the_id_of_a_report_is_found_with_dashes_and_without():
    subject = ids("report", ["0F0F0F0F-0f0f-0f0f-0f0f-0f0f0f0f0f0f"])

    assert subject.values == (REPORT,)
    assert [bool(subject.spans(t)) for t in (REPORT, f'"{REPORT}"', f"a{REPORT}")] == [1, 1, 0]


def test_a_row_counts_when_any_of_its_texts_or_bytes_names_the_person():
    table = pl.DataFrame(
        {
            "ip": ["192.0.2.7", "192.0.2.77", None, "2001:0db8::7"],
            "extra": [None, '{"a":"192.0.2.8"}', '{"a":"see 192.0.2.7"}', None],
            "raw": [b"", b"\xff 192.0.2.7", None, b""],
            "port": [1, 2, 3, 4],
        }
    )

    assert PERSON.rows(table).to_list() == [True, True, True, True]
    assert PERSON.rows(table.select("ip", "port")).to_list() == [True, False, False, True]
    assert PERSON.rows(table.clear()).to_list() == []


def test_scrubbing_leaves_the_rest_of_a_text():
    text = "::ffff:192.0.2.7 and 192.0.2.77, 2001:db8::7!"

    assert PERSON.scrub(text) == f"{GONE} and 192.0.2.77, {GONE}!"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: addresses(["example.org"]), "is no address and no network"),
        (lambda: addresses(["10.0.0.0/8"]), "is wider than /16, which is nobody's line"),
        (lambda: addresses(["2001::/16"]), "is wider than /32"),
        (lambda: accounts(["ab"]), "shorter than 3 characters"),
        (lambda: ids("report", ["abc"]), "is no id of a report"),
    ],
)
def test_what_cannot_be_looked_for_is_refused(make, said):
    with pytest.raises(Unusable, match=said):
        make()
