"""Whose mailbox stands in an address is found however it is written, and nothing else is."""

import base64
import time
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tocsin.flow.mailboxes import holds_mailbox, without_mailboxes
from tocsin.flow.urls import LONGEST, read_url

ADA = "ada@example.net"
NOTE = '{"mail": "ada@example.net", "n": 7}'
HOST = "https://evil.example"


def base64_of(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def in_digits(text: str) -> str:
    return text.encode().hex()


def in_percent(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


def trimmed(url: str) -> str:
    return without_mailboxes(read_url(url)).text


@pytest.mark.parametrize(
    ("url", "without"),
    [
        (f"{HOST}/pay?m={ADA}", "/pay?m=x"),
        (f"{HOST}/pay?id=7&m={ADA}&lang=fr", "/pay?id=7&m=x&lang=fr"),
        (f"{HOST}/pay?m=ada%40example.net", "/pay?m=x"),
        (f"{HOST}/pay?m=ada%2540example%252Enet", "/pay?m=x"),
        (f"{HOST}/pay?m=%61%64%61%40%65xample%2Enet", "/pay?m=x"),
        (f"{HOST}/pay?m=ada%2Bbank%40example.net", "/pay?m=x"),
        (f"{HOST}/u/{ADA}/login", "/u/x/login"),
        (f"{HOST}/{ADA}", "/x"),
        (f"{HOST}/?{ADA}", "/?x"),
        (f"{HOST}/?jürgen@example.net", "/?x"),
        (f"{HOST}/?m=ada@xn--bcher-kva.xn--p1ai", "/?m=x"),
        (f"{HOST}/?go=https%3A%2F%2Fnext.example%2F%3Fm%3Dada%40example.net",
         "/?go=https%3A%2F%2Fnext.example%2F%3Fm%3Dx"),
        (f"{HOST}/pay?t={base64_of(ADA)}", "/pay?t=x"),
        (f"{HOST}/pay?t={base64_of('a@b.example')}", "/pay?t=x"),  # with two signs of padding
        (f"{HOST}/pay?t={quote(base64_of('a@b.example'))}", "/pay?t=x"),
        (f"{HOST}/{base64_of(ADA).rstrip('=')}/login", "/x/login"),
        (f"{HOST}/user-{base64_of(ADA)}/login", "/x/login"),
        (f"{HOST}/?d={base64_of(NOTE)}", "/?d=x"),
        (f"{HOST}/?d={base64_of(base64_of(ADA))}", "/?d=x"),
        (f"{HOST}/?d={ADA.encode().hex()}", "/?d=x"),
    ],
)  # fmt: skip
def test_a_mailbox_is_found_however_it_is_written(url: str, without: str):
    assert trimmed(url) == HOST + without
    assert holds_mailbox(read_url(url))
    assert not holds_mailbox(read_url(HOST + without))


@pytest.mark.parametrize("part", ["#", "#m=", "#/"])
def test_what_stands_behind_the_hash_is_of_no_address(part: str):
    for mailbox in (ADA, base64_of(ADA)):
        assert read_url(f"{HOST}/pay{part}{mailbox}").text == f"{HOST}/pay"


@pytest.mark.parametrize(
    "url",
    [
        f"{HOST}/pay?id=7",
        "https://ada@evil.example/pay",  # a user: no part of the address
        "https://evil.example/@somebody/post",
        "https://evil.example/maps/@50.84,4.35,12z",
        "https://evil.example/npm/library@1.2.3/dist.js",
        "https://evil.example/photo@2x",
        "https://evil.example/?session=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "https://evil.example/?token=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abcDEF123_-x",
        "https://evil.example/?d=" + base64_of("nobody is named here at all"),
        "https://evil.example/wp-content/uploads/2026/11/verification-required-now/",
    ],
)
def test_what_names_nobody_stays_as_it_is(url: str):
    landing = read_url(url)
    assert without_mailboxes(landing) is landing


@given(
    some.from_regex(r"[a-z0-9][a-z0-9._+-]{0,20}", fullmatch=True),
    some.sampled_from([str, base64_of, in_digits, in_percent]),
    some.sampled_from(["/{}", "/?m={}", "/a/{}/b", "/?a=1&m={}&b=2"]),
)  # fmt: skip
def test_no_spelling_of_a_mailbox_is_left(local: str, spelled, form: str):
    mailbox = f"{local}@example.net"
    text = trimmed(HOST + form.format(spelled(mailbox)))

    assert spelled(mailbox) not in text
    assert text.startswith(HOST)


@given(some.text(max_size=300))
def test_any_text_is_borne_and_once_is_enough(text: str):
    landing = read_url(f"{HOST}/?{text.encode('utf-8', 'replace').decode()}")
    once = without_mailboxes(landing)
    assert without_mailboxes(once) == once


@pytest.mark.parametrize("piece", ["a", "%2525", "a@", "%40", "YWRh", "a@a.", "a-", "@"])
def test_long_and_hostile_addresses_take_no_time(piece: str):
    url = f"{HOST}/?" + piece * ((LONGEST - 40) // len(piece))
    before = time.process_time()
    without_mailboxes(read_url(url))
    assert time.process_time() - before < 0.5
