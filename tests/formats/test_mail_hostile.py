"""Broken and hostile mail: read as far as it goes, within limits, at a cost that is bounded."""

import base64
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.formats.mails import EVIL, SAMPLES, SLOW, mail, parts, sample, urls
from tests.formats.reading import Read, read
from tocsin.formats.catalogue import FORMATS
from tocsin.formats.mail import limits, phishing
from tocsin.formats.mail.limits import LIMITS, Tally
from tocsin.formats.mail.message import read_message
from tocsin.words.errors import Unreadable

FORMAT = phishing.FORMAT


# ── broken mail ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "data",
    [
        mail(EVIL.encode("utf-16-le"), Content_Type="text/plain; charset=utf-16-le"),
        mail(EVIL, Content_Type="text/plain; charset=klingon"),
        mail(EVIL, Content_Type="text/plain; charset=hex"),
        mail(EVIL, Content_Type="multipart/mixed"),
        mail(f"--b\n\n{EVIL}", Content_Type="multipart/mixed"),
        mail(EVIL, Content_Type='multipart/mixed; boundary="gone"'),
        mail(f"--b\n\n{EVIL}\n", Content_Type="multipart/mixed; boundary=b"),
        mail(
            base64.encodebytes(EVIL.encode()).replace(b"\n", b"!!\n"),
            Content_Transfer_Encoding="base64",
        ),
        mail(EVIL, Subject="\u202egnip\0").replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf\n" + mail(EVIL),
        b"X-Odd: \xff\xfe\x80\nno colon here\n" + mail(EVIL),
    ],
)
def test_broken_mail_is_read_as_far_as_it_goes(data: bytes) -> None:
    assert urls(data) == [EVIL]


def test_every_limit_is_said() -> None:
    texts = [b"\nhttp://a.example/ x", *[b"\nx"] * 600]
    files = [b"Content-Type: application/pdf\n\nx"] * 60
    many = "".join(f"http://x{n}.example/\n" for n in range(600))
    said = [
        read(FORMAT, data).counts
        for data in (
            parts(*texts),
            parts(texts[0], *files),
            mail(many),
            mail("http://a.example/ " + "x" * 3_000_000),
            b"X-A: b\n" * 1100 + mail(EVIL),
        )
    ]

    assert said == [
        {limits.PARTS_LEFT: 1},
        {limits.ATTACHMENTS_LEFT: 1},
        {limits.ADDRESSES_LEFT: 1},
        {limits.TEXT_LEFT: 1},
        {limits.HEADERS_LEFT: 1},
    ]


def test_a_message_a_thousand_levels_deep_is_read_twenty_deep() -> None:
    tally = Tally()
    read_message(SLOW["parts in parts"](50_000), tally)

    assert tally.counts == {limits.DEPTH_LEFT: 1}


def test_a_message_over_the_limit_is_unreadable() -> None:
    with pytest.raises(Unreadable, match=r"^file: a message over 25 MiB\. Possible: "):
        read(FORMAT, mail("x" * LIMITS.message))


@pytest.mark.parametrize(
    "data",
    [
        b"timestamp,ip,url\n2026-11-23 09:00:00,192.0.2.1,http://a.example/\n",
        b'{"source.ip": "192.0.2.1"}\n',
        b"http://a.example/\nhttp://b.example/\n",
        b"From: a table\n1,2\n",
    ],
)
def test_tables_and_lists_are_not_taken_for_mail(data: bytes) -> None:
    assert not phishing.sniff(data, "x.eml")
    with pytest.raises(Unreadable, match=r"^file: no message: "):
        read(FORMAT, data)


# ── hostile mail ─────────────────────────────────────────────────────────────────────────

LETTERS = sorted(
    path for kind in ("arf", "phishing-mail", "mbox") for path in (SAMPLES / kind).iterdir()
)


def attempt(data: bytes) -> list[Read]:
    """Read bytes with each mail format; anything but Unreadable and Fault is an error."""
    done = []
    for name in ("mbox", "arf", "phishing-mail"):
        try:
            done.append(read(FORMATS[name], data))
        except Unreadable as error:
            assert str(error).startswith("file: ")  # noqa: PT017
    return done


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_letter_bent_anywhere_gives_rows_faults_or_unreadable(data: st.DataObject) -> None:
    bent = bytearray(data.draw(st.sampled_from(LETTERS)).read_bytes())
    for _ in range(data.draw(st.integers(0, 12))):
        at = data.draw(st.integers(0, len(bent) - 1))
        bent[at] ^= 1 << data.draw(st.integers(0, 7))
    cut = data.draw(st.integers(1, len(bent)))
    start = data.draw(st.integers(0, len(bent)))

    attempt(bytes(bent[:cut]) + bytes(bent[start : start + 400]))


HEADER_TOKENS = [b"From: ", b"Received: from ", b"Date: ", b"Subject: ", b"Fwd: ", b"x@y.example"]
MIME_TOKENS = [b"Content-Type: ", b"multipart/mixed; boundary=", b"--", b"b", b"message/rfc822"]
MIME_TOKENS += [b"text/html", b"; charset=", b"utf-7", b"base64", b"Content-Transfer-Encoding: "]
REPORT_TOKENS = [b"Feedback-Type: abuse\n", b"message/feedback-report", b"*0*=", b"=?utf-8?b?"]
PAGE_TOKENS = [b"<a href=", b'"', b"'", b">", b"http://", b"evil.example", b"[.]", b"&#55296;"]
ODD_TOKENS = [b"\0", b"\xff", b"\xe2\x80\xae", b"+2AA-", b"\xc3", b"&", b"%", b"=", b";", b"?="]
LINE_TOKENS = [b"\n", b"\r\n", b"\n\n", b"(", b")", b"[", b"]", b"_", b" "]
TOKENS = st.sampled_from(
    HEADER_TOKENS + MIME_TOKENS + REPORT_TOKENS + PAGE_TOKENS + ODD_TOKENS + LINE_TOKENS
)


@settings(max_examples=200, deadline=None)
@given(body=st.lists(TOKENS | st.binary(max_size=4), max_size=120).map(b"".join))
def test_letters_made_of_dangerous_pieces_give_rows_faults_or_unreadable(body: bytes) -> None:
    attempt(b"From: a@b.example\nSubject: x\n" + body)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_an_outlook_file_bent_anywhere_gives_rows_or_a_fault(data: st.DataObject) -> None:
    bent = bytearray(sample("phishing-mail/outlook-attached.msg"))
    for _ in range(data.draw(st.integers(1, 20))):
        # Most of what matters is in the header, the tables and the directory.
        at = data.draw(st.integers(0, 200) | st.integers(0, len(bent) - 1))
        bent[at] = data.draw(st.sampled_from([0, 1, 2, 254, 255]) | st.integers(0, 255))

    attempt(bytes(bent))


def spent(data: bytes) -> float:
    """Seconds of CPU for one message, the best of three."""
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        attempt(data)
        best = min(best, time.process_time() - start)
    return best


@pytest.mark.parametrize("kind", SLOW)
def test_a_letter_twice_as_long_costs_about_twice_as_much(kind: str) -> None:
    once, twice = spent(SLOW[kind](150_000)), spent(SLOW[kind](300_000))

    # Quadratic cost is four times as much; what takes a few milliseconds is not measured.
    assert twice < 3 * once + 0.05
