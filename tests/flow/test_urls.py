"""Where a URL leads, however it hides it."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tocsin.flow.urls import LONGEST, Landing, read_host, read_url
from tocsin.words.errors import Unreadable

FIXED = settings(max_examples=300, deadline=None, derandomize=True)


@pytest.mark.parametrize(
    ("text", "leads_to"),
    [
        ("https://bank.example@evil.example/x", "https://evil.example/x"),
        ("https://bank.example:pw@x@evil.example/", "https://evil.example/"),
        ("http:\\\\evil.example\\a", "http://evil.example/a"),
        ("http:evil.example", "http://evil.example/"),
        ("https:////evil.example//a", "https://evil.example//a"),
        ("HTTPS://BÜCHER.Example.:8443/P?q#part", "https://xn--bcher-kva.example:8443/P?q"),
        ("https://evil.example:443/", "https://evil.example/"),
        ("evil.example:8080/a", "http://evil.example:8080/a"),
        ("  ht\ntps://ev\til.example\r\n", "https://evil.example/"),
        ("http://faß.example/", "http://xn--fa-hia.example/"),
        ("http://ｅｖｉｌ。example/", "http://evil.example/"),
        ("http://%65vil.example/", "http://evil.example/"),
        ("http://a_b.evil.example/", "http://a_b.evil.example/"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("http://3221225985/", "http://192.0.2.1/"),
        ("http://0300.0.02.01/", "http://192.0.2.1/"),
        ("http://192.0.513/", "http://192.0.2.1/"),
        ("[2001:DB8:0::1]:81/x", "http://[2001:db8::1]:81/x"),
        ("http://x.example?a=1", "http://x.example/?a=1"),
    ],
)
def test_a_url_leads_where_a_browser_would_go(text: str, leads_to: str) -> None:
    assert read_url(text).text == leads_to


@pytest.mark.parametrize(
    "text",
    [
        "",
        "http://",
        "javascript:alert(1)",
        "mailto:ada@name.example",
        "ftp://name.example/",
        "http://a..b/",
        "http://.example/",
        "http://a b.example/",
        "http://256.0.0.1/",
        "http://1.2.3.4.5/",
        "http://0x/g.09",
        "http://08.0.0.1/",
        "http://4294967296/",
        "http://[::1%25eth0]/",
        "http://[::1/",
        "http://name.example:0/",
        "http://name.example:65536/",
        "http://name.example:x/",
        f"http://{'a' * 64}.example/",
        f"http://{'a.' * 127}example/",
        "http://%ff.example/",
        "http://\ud800.example/",
        "http://xn--\u0301.example/",
        "http://" + "9" * 5000,
        "a" * (LONGEST + 1),
    ],
)
def test_what_leads_nowhere_is_refused(text: str) -> None:
    if text == "http://0x/g.09":  # a host of its own: 0x is zero
        assert read_url(text).host == "0.0.0.0"
        return
    with pytest.raises(Unreadable, match="Possible: "):
        read_url(text)


@given(st.text(max_size=60))
@example("http://\x00/")
@example("//a@b@[::]:1?#")
@FIXED
def test_any_text_is_read_or_refused_and_what_was_read_reads_the_same_again(text: str) -> None:
    try:
        found = read_url(text)
    except Unreadable:
        return

    assert read_url(found.text) == found
    assert found.host.isascii()
    assert found.host == found.host.lower()
    assert found.path.startswith("/")


LABELS = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
NAMES = st.builds(lambda labels: ".".join([*labels, "example"]), st.lists(LABELS, max_size=3))
DISGUISES = st.tuples(
    st.sampled_from(["http://", "HTTPS://", "https:\\\\", "\thttp:/"]),
    st.sampled_from(["", "bank.example@", "a:b@", "https%3A@"]),
    st.sampled_from(["", ".", ":8080", ".:80"]),
    st.sampled_from(["", "/", "/@bank.example", "\\x", "?u=http://bank.example", "#@bank.example"]),
)


@given(NAMES, DISGUISES, st.sampled_from([str.upper, str.lower, str.title]))
@FIXED
def test_no_disguise_changes_the_host(
    name: str, disguise: tuple[str, str, str, str], written: Callable[[str], str]
) -> None:
    scheme, user, end, path = disguise

    found = read_url(f"{scheme}{user}{written(name)}{end}{path}")

    assert (found.host, found.is_address) == (name, False)


@given(st.ip_addresses(), st.sampled_from(["plain", "hex", "number"]))
@FIXED
def test_an_address_is_one_in_every_spelling(
    address: IPv4Address | IPv6Address, spelling: str
) -> None:
    written = f"[{address}]" if address.version == 6 else str(address)
    if address.version == 4 and spelling != "plain":
        written = hex(int(address)) if spelling == "hex" else str(int(address))

    host, is_address = read_host(written)

    assert (ip_address(host), is_address) == (address, True)


def test_a_landing_says_its_port_only_where_it_is_unusual() -> None:
    shown = Landing("http", str(IPv4Address("192.0.2.1")), 443, "/", is_address=True)

    assert shown.text == "http://192.0.2.1:443/"
