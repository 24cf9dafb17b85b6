"""Letters in pictures: read by tesseract, a program of the distribution, as a process of its own.

The picture is decoded here as for codes, and the program sees nothing but grey pixels, in a process
that is confined as far as the machine allows (`words.confinement`): without privileges, files and
network, with limits of time, memory and output. Where the program is absent, nothing is
read and whoever asks is told. What is read is a guess: `l` and `1` look alike to it as well.
"""

import csv
import io
import os
import re
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from PIL import Image, ImageOps, ImageStat

from tocsin.formats.mail.addresses import addresses_of_text
from tocsin.formats.mail.codes import KINDS, flat
from tocsin.formats.mail.limits import LIMITS
from tocsin.words.confinement import PROGRAMS, Limits, Wanted, command
from tocsin.words.errors import Unreadable

PROGRAM = "tesseract"
SECONDS = 30  # of the clock and of the CPU, for one picture
_MEMORY = 1024**3
_OUTPUT = 2 * 1024**2
_NARROW, _WIDEST = (
    1400,
    2600,
)  # pixels; letters of a small screenshot are read better twice as large
_LEAST = 1  # confidence in percent; addresses are no words to it, and rarely certain
_DARK = 110  # mean grey of a dark screen, which is turned round
_BROKEN = re.compile(r"(?:https?://|www\.|\S+\.\S+/)\S*\Z", re.IGNORECASE)
_GOES_ON = re.compile(r"[./?=&%0-9-]")


@dataclass(frozen=True)
class Line:
    """One line of a picture; `confidence` of its least certain word, in percent."""

    text: str
    confidence: int


def program() -> str | None:
    """Where the program is; None where it is not installed."""
    return shutil.which(PROGRAM)


def letters_in(picture: bytes, *, program: str, languages: str = "eng") -> list[Line]:
    """The lines in a picture; raises `Unreadable` for what is none, and where a limit is hit."""
    grey = _prepared(picture)
    head = f"P5 {grey.width} {grey.height} 255\n".encode()
    said = _run([program, "stdin", "stdout", "-l", languages, "--psm", "6", "tsv"],
                head + grey.tobytes())  # fmt: skip
    return list(_lines(said.decode("utf-8", "replace")))


def addresses_of(lines: list[Line]) -> list[str]:
    """Every address on the lines, and what one becomes that the next line seems to go on with."""
    texts = [line.text for line in lines]
    for line, following in pairwise(lines):
        word = following.text.split(" ", 1)[0]
        found = _BROKEN.search(line.text)
        if found and _GOES_ON.search(word) and "://" not in word:
            texts.append(found[0] + word)
    return list(dict.fromkeys(one for text in texts for one in addresses_of_text(text)))


def _prepared(picture: bytes) -> Image.Image:
    """Grey, dark on light, of a size at which letters are read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(picture), formats=KINDS) as opened:
                _require_small(opened)
                grey = flat(opened)
    except Unreadable:
        raise
    except Exception as fault:  # Pillow raises whatever a broken picture makes its decoders raise
        raise Unreadable(f"no picture that can be read ({type(fault).__name__})") from None
    if grey.width < _NARROW:
        grey = grey.resize((grey.width * 2, grey.height * 2), Image.Resampling.LANCZOS)
    grey.thumbnail((_WIDEST, _WIDEST * 3))
    return ImageOps.invert(grey) if ImageStat.Stat(grey).mean[0] < _DARK else grey


def _require_small(picture: Image.Image) -> None:
    if picture.width * picture.height > LIMITS.pixels:
        raise Unreadable(
            f"a picture of {picture.width} by {picture.height} pixels. Possible: at most "
            f"{LIMITS.pixels:,} in all"
        )


def _run(words: list[str], data: bytes) -> bytes:
    """What a program writes, under limits of time, memory, output and open files."""
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(  # noqa: S603 words of ours; the picture goes in as pixels
            command(_wanted(words[0]), words),
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": os.defpath, "OMP_THREAD_LIMIT": "1", "LC_ALL": "C.UTF-8"},
            start_new_session=True,
        )
        try:
            process.communicate(data, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise Unreadable(f"letters: not read within {SECONDS} seconds") from None
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if process.returncode:
            raise Unreadable(f"letters: the program ended with {process.returncode}")
        output.seek(0)
        return output.read(_OUTPUT)


def _wanted(program: str) -> Wanted:
    """The program and its data are read, nothing is written but what it says, no network."""
    limits = Limits(memory=_MEMORY, seconds=SECONDS, file=_OUTPUT)
    return Wanted((*PROGRAMS, os.path.realpath(program)), network=False, limits=limits)


def _lines(table: str) -> Iterator[Line]:
    """Words of one line together, in the program's own order."""
    rows = csv.DictReader(io.StringIO(table), delimiter="\t", quoting=csv.QUOTE_NONE)
    words: dict[tuple[str, ...], list[tuple[str, float]]] = {}
    for row in rows:
        text, confidence = (row.get("text") or "").strip(), _number(row.get("conf"))
        if text and confidence >= _LEAST:
            place = tuple(row.get(name) or "" for name in ("block_num", "par_num", "line_num"))
            words.setdefault(place, []).append((text[:500], confidence))
    for found in words.values():
        yield Line(" ".join(text for text, _ in found), int(min(sure for _, sure in found)))


def _number(text: str | None) -> float:
    try:
        return float(text or "-1")
    except ValueError:
        return -1.0
