"""QR codes in pictures: the texts they hold.

A picture is opened by its own header, judged by its size in pixels, and only then decoded.
Whoever has no picture to look at need not import this file, which loads both libraries.
"""

import io
import warnings

import zxingcpp
from PIL import Image

from tocsin.formats.mail.limits import IMAGES_LEFT, LIMITS, Tally

KINDS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
CODES = zxingcpp.barcode_formats_from_str("QRCode,MicroQRCode")
_SIDE = 1600  # pixels; a code that a telephone reads survives it


def texts_in(pictures: list[bytes], tally: Tally) -> list[str]:
    """What the codes in these pictures say."""
    found: list[str] = []
    for data in pictures[: LIMITS.images]:
        try:
            found += _read(data)
        # Pillow raises whatever a broken picture makes its decoders raise.
        except Exception:
            tally.say(IMAGES_LEFT)
    if len(pictures) > LIMITS.images:
        tally.say(IMAGES_LEFT)
    return found


def _read(data: bytes) -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(data), formats=KINDS) as picture:
            if picture.width * picture.height > LIMITS.pixels:
                raise ValueError("too many pixels")
            picture.draft("L", (_SIDE, _SIDE))
            grey = flat(picture)
    grey.thumbnail((_SIDE, _SIDE))
    return [code.text for code in zxingcpp.read_barcodes(grey, formats=CODES)]


def flat(picture: Image.Image) -> Image.Image:
    """Grey, and white where it is transparent."""
    if "transparency" not in picture.info and "A" not in picture.getbands():
        return picture.convert("L")
    clear = picture.convert("RGBA")
    paper = Image.new("RGBA", clear.size, "white")
    paper.alpha_composite(clear)
    return paper.convert("L")
