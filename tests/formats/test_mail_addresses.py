"""Addresses in texts, pages and pictures: found, respelt, unwrapped, each told once."""

import base64
import io
import struct

import numpy as np
import pytest
import zxingcpp
from PIL import Image

from tests.formats.mails import EVIL, mail, page, parts, urls
from tests.formats.reading import read
from tocsin.formats.mail import limits, phishing
from tocsin.formats.mail.addresses import addresses_of_text, host_of, respelt

FORMAT = phishing.FORMAT


# ── addresses ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("hxxps://evil[.]example/a", "https://evil.example/a"),
        ("hXXp[:]//evil(.)example", "http://evil.example"),
        ("http[://]evil{.}example/", "http://evil.example/"),
        ("www.evil.example", "http://www.evil.example"),
        ("evil[dot]example/pay", "http://evil.example/pay"),
        ("//evil.example/x", "https://evil.example/x"),
        ("https:\\\\evil.example\\x", "https://evil.example/x"),
        ("http:/evil.example", "http://evil.example"),
        ("http://evil.example/\u202ex", "http://evil.example/%E2%80%AEx"),
        ("mailto:x@evil.example", ""),
        ("javascript:alert(1)", ""),
        ("cid:logo", ""),
    ],
)
def test_an_address_is_put_back_into_its_own_spelling(written: str, meant: str) -> None:
    assert respelt(written) == meant


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("(see http://evil.example/a_(b)).", ["http://evil.example/a_(b)"]),
        ("<https://evil.example/x>,", ["https://evil.example/x"]),
        ("evil.example and x@evil.example", []),
        ("at evil[.]example, or 192[.]0[.]2[.]7/x", ["evil[.]example", "192[.]0[.]2[.]7/x"]),
    ],
)
def test_addresses_are_found_in_running_text(text: str, found: list[str]) -> None:
    assert addresses_of_text(text) == found


def test_a_host_in_other_letters_is_told_in_ascii() -> None:
    assert host_of("http://b\u00fccher.example/") == "xn--bcher-kva.example"
    assert host_of("http://bank.example@evil.example:8080/") == "evil.example"
    assert host_of("http://[2001:db8::1]:80/") == "2001:db8::1"
    assert host_of("http:///x") == ""


def test_links_forms_frames_and_refreshes_lead_somewhere_pictures_do_not() -> None:
    html = (
        "<html xmlns='http://www.w3.org/1999/xhtml'><meta http-equiv=refresh content='0; "
        "url=http://a.example/'><a href=http://b.example/>x</a><FORM ACTION='http://c.example/'>"
        "<iframe src='http://d.example/'></iframe><button formaction='http://e.example/'>"
        "<img src='http://bank.example/logo.png'><link href='http://bank.example/style.css'>"
        "<!-- <a href='http://bank.example/'> --><a href='//f.example'></a>"
    )

    assert urls(page(html)) == [f"http://{name}.example/" for name in "abcde"] + [
        "https://f.example"
    ]


@pytest.mark.parametrize(
    "before",
    [
        "<td x=a'>",
        "<td x='>'>",
        "<td x=\"'>\" y='\">'>",
        "<td 'x>",
        "<td x = a\"b'>",
        "<td x='a'b'>",
        "</td '>",
        "<!doctype '>",
        "<!-- ' > -->",
    ],
)
def test_a_tag_ends_where_a_browser_ends_it(before: str) -> None:
    assert urls(page(f"{before}<a href='{EVIL}'>x</a>")) == [EVIL]


def test_the_name_that_a_link_shows_is_told_and_not_accused() -> None:
    data = parts(
        b"\nwww.bank.example/login <http://evil.example/x>",
        b"Content-Type: text/html\n\n<a href='http://evil.example/x'>www.bank.example/login</a>",
        kind="alternative",
    )
    out = read(FORMAT, data)

    assert [(row["source.url"], row["extra.link_text_mismatch"]) for row in out.rows] == [
        (EVIL, "www.bank.example")
    ]


@pytest.mark.parametrize(
    ("wrapped", "by"),
    [
        (
            (
                "https://eur02.safelinks.protection.outlook.com/?url=http%3A%2F%2Fevil.example%2Fx"
                "&data=05%7Cida%40post.example"
            ),
            "safelinks.protection.outlook.com",
        ),
        ("https://urldefense.com/v3/__http://evil.example/x__;!!abc", "urldefense.com"),
        (
            "https://urldefense.proofpoint.com/v2/url?u=http-3A__evil.example_x&d=1",
            "urldefense.proofpoint.com",
        ),
        ("https://linkprotect.cudasvc.com/url?a=http%3a%2f%2fevil.example%2fx", "linkprotect"),
    ],
)
def test_the_wrapping_of_the_recipients_protection_is_taken_off(wrapped: str, by: str) -> None:
    found = read(FORMAT, page(f'<a href="{wrapped}">x</a>')).rows

    assert [row["source.url"] for row in found] == [EVIL]
    assert str(found[0]["extra.wrapped_by"]).startswith(by)


def test_a_redirector_of_the_sender_stays_as_it_is() -> None:
    url = "https://track.example/r?url=http%3A%2F%2Fevil.example%2F"

    assert urls(mail(url)) == [url]


# ── codes in pictures ────────────────────────────────────────────────────────────────────


def picture(text: str, kind: str = "PNG") -> bytes:
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode)
    image = Image.fromarray(np.array(zxingcpp.write_barcode_to_image(code, scale=4)))
    out = io.BytesIO()
    image.convert("L").save(out, kind)
    return out.getvalue()


def with_picture(data: bytes, kind: str = "image/png") -> bytes:
    head = f"Content-Type: {kind}\nContent-Transfer-Encoding: base64\n\n".encode()
    return parts(b"\nhttp://a.example/", head + base64.encodebytes(data))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
def test_a_code_in_a_picture_is_read(kind: str) -> None:
    assert urls(with_picture(picture(EVIL, kind), "image/x")) == ["http://a.example/", EVIL]


def test_a_code_in_a_picture_inside_the_page_is_read() -> None:
    source = base64.b64encode(picture(EVIL)).decode()

    assert urls(page(f"<img src='data:image/png;base64,{source}'>")) == [EVIL]


def bomb() -> bytes:
    """A PNG that says it is 30,000 pixels wide and high."""
    data = bytearray(picture(EVIL))
    data[16:24] = struct.pack(">II", 30_000, 30_000)
    return bytes(data)


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", bomb(), picture(EVIL)[:99]])
def test_a_broken_or_huge_picture_is_said_and_costs_no_row(data: bytes) -> None:
    out = read(FORMAT, with_picture(data or b"x"))

    assert [row["source.url"] for row in out.rows] == ["http://a.example/"]
    assert out.counts == {limits.IMAGES_LEFT: 1}
