"""Letters in pictures, read by the distribution's tesseract in a process of its own."""

import io
import os
import time
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont

from tocsin.formats.mail import letters
from tocsin.formats.mail.letters import Line, addresses_of, letters_in
from tocsin.words.errors import Unreadable

INSTALL = "needs tesseract: apt-get install tesseract-ocr"
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
SMS = ("Your parcel waits. Pay 1.99 EUR at", "https://parcel-fee.example/pay?id=7", "The Post")


def picture(*lines: str, size: int = 18, paper: str = "white", ink: str = "black") -> bytes:
    """A screenshot of these lines."""
    image = Image.new("RGB", (820, 40 + 40 * len(lines)), paper)
    draw = ImageDraw.Draw(image)
    for at, line in enumerate(lines):
        draw.text((20, 20 + 40 * at), line, font=ImageFont.truetype(FONT, size), fill=ink)
    data = io.BytesIO()
    image.save(data, "PNG")
    return data.getvalue()


@pytest.fixture
def program() -> str:
    if (found := letters.program()) is None:
        pytest.skip(INSTALL)
    return found


@pytest.mark.parametrize(
    "look",
    [{}, {"size": 12}, {"size": 32}, {"paper": "black", "ink": "white"}, {"paper": "#d2f8c6"}],
)
def test_an_address_in_a_screenshot_is_found(program: str, look: dict[str, Any]):
    lines = letters_in(picture(*SMS, **look), program=program)

    assert lines[0].text == SMS[0]
    assert addresses_of(lines) == [SMS[1]]
    assert all(0 < line.confidence <= 100 for line in lines)


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (("pay at https://mybank-", "login.example/pay now"), "https://mybank-login.example/pay"),
        (("see www.evil.example/a", "1b2c3"), "www.evil.example/a1b2c3"),
    ],
)
def test_an_address_that_a_line_breaks_is_put_together(lines: tuple[str, ...], found: str):
    assert found in addresses_of([Line(text, 90) for text in lines])


def test_a_word_on_the_next_line_is_no_part_of_an_address():
    lines = [Line("https://evil.example/pay", 90), Line("Thank you", 90)]
    assert addresses_of(lines) == ["https://evil.example/pay"]


@pytest.mark.parametrize("data", [b"", b"\x89PNG\r\n\x1a\n", b"GIF89a" + b"\xff" * 50, b"<svg/>"])
def test_what_is_no_picture_is_said_so(data: bytes):
    with pytest.raises(Unreadable, match="no picture that can be read"):
        letters_in(data, program="/nowhere")


def test_a_picture_of_too_many_pixels_is_not_decoded():
    data = io.BytesIO()
    Image.new("1", (20_000, 4000)).save(data, "PNG")
    with pytest.raises(Unreadable):
        letters_in(data.getvalue(), program="/nowhere")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["/bin/sleep", "30"], "not read within"),
        (["/bin/sh", "-c", "cat >/dev/null; exec tail /dev/zero"], "ended with|not read within"),
        (["/bin/sh", "-c", "cat >/dev/null; cat /dev/zero"], "ended with|not read within"),
        (["/bin/sh", "-c", "exit 3"], "ended with 3"),
    ],
    ids=["time", "memory", "output", "fault"],
)
def test_a_program_that_runs_wild_is_stopped(monkeypatch, words: list[str], said: str):
    monkeypatch.setattr(letters, "SECONDS", 3)
    began = time.monotonic()
    with pytest.raises(Unreadable, match=said):
        letters._run(words, b"x" * 10)
    assert time.monotonic() - began < 15


def test_the_program_has_no_word_of_the_environment_and_no_privileges(monkeypatch):
    monkeypatch.setenv("TOCSIN_SECRET", "swordfish")
    said = letters._run(["/bin/sh", "-c", "cat >/dev/null; env; id -u; pwd"], b"x").decode()

    assert "swordfish" not in said
    assert said.splitlines()[-1] == "/"
    if os.geteuid() == 0:
        assert said.splitlines()[-2] != "0"
