"""The body of a request: read block by block, never as a whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.http import UnreadablePostError
from ninja import Field, Schema

from tocsin.desks.response.actions.take_in import LONGEST_MAPPING, Brought, mapping_text
from tocsin.desks.response.actions.upload import CutShort, Read, TooLarge, copy, upload_folder
from tocsin.office.api import Called
from tocsin.office.api.digest_fields import read_digests
from tocsin.words.errors import Unusable
from tocsin.words.markings import read_tlp

MULTIPART = "multipart/form-data"


class Describes(Schema):
    """How a report is to be read."""

    name: str = Field("report", max_length=200, description="the name of the file")
    tlp: str = Field("amber", max_length=20, description="TLP marking; a row may be stricter")
    format: str = Field("", max_length=40, description="its format; without it, recognised")
    classification: str = Field(
        "", max_length=60, description="RSIT type of rows that name none: phishing, spam, …"
    )

    def brought(self, purpose: str = "route", mapping: str = "") -> Brought:
        """The same, checked; raises `Unusable`."""
        return Brought(read_tlp(self.tlp), self.format, self.classification, purpose, mapping)


class NoLength(Unusable):
    """A body whose length nobody said."""

    problem_status = 411


def size_of(request: Called) -> int:
    """How long the body is to be; raises `NoLength`, `TooLarge`."""
    text = request.headers.get("Content-Length", "")
    if not (text.isascii() and text.isdigit()):
        raise NoLength("the request does not say its Content-Length. Possible: say it")
    if int(text) > settings.UPLOAD_LIMIT:
        raise TooLarge(settings.UPLOAD_LIMIT)
    return int(text)


def reader(request: Called) -> Read:
    """Reads the body; a line that breaks is its end, and whoever counts finds out."""

    def read(size: int) -> bytes:
        try:
            return bytes(request.read(size))
        except (UnreadablePostError, OSError):
            return b""

    return read


@contextmanager
def body_as_file(request: Called) -> Iterator[tuple[Path, str]]:
    """The report as a file, and the name it came with; gone afterwards.

    Raises `TooLarge`, `CutShort` and, where a digest was given that it has not, `Unusable`.
    """
    if request.content_type == MULTIPART:
        with _form_as_file(request) as found:
            yield found
        return
    size = size_of(request)
    expected = [
        read_digests(request.headers.get(name), field=name)
        for name in ("Content-Digest", "Repr-Digest")
    ]
    with NamedTemporaryFile(dir=upload_folder(Path(settings.STORE)), suffix=".body") as file:
        meters = [one.meters() for one in expected]
        every = {f"{i} {name}": m for i, ms in enumerate(meters) for name, m in ms.items()}
        come = copy(
            reader(request), cast("BinaryIO", file), most=settings.UPLOAD_LIMIT, meters=every
        )
        if come < size:
            raise CutShort(f"{come:,} of {size:,} bytes came, then the line broke")
        _require_some(come)
        for one, fed in zip(expected, meters, strict=True):
            one.require(fed)
        file.flush()
        yield Path(file.name), ""


@contextmanager
def _form_as_file(request: Called) -> Iterator[tuple[Path, str]]:
    size_of(request)
    files = request.FILES  # Django writes them to disk as they come (node.uploads)
    if getattr(request, "upload_refused", False):
        raise TooLarge(settings.UPLOAD_LIMIT)
    if sorted(files) not in (["file"], ["file", "mapping"]):
        raise Unusable(
            "the form holds not exactly one file. Possible: one part named file, and one named "
            "mapping for CSV of any kind"
        )
    sent: Any = files["file"]
    _require_some(sent.size or 0)
    yield Path(sent.temporary_file_path()), sent.name or ""


def mapping_of(request: Called) -> str:
    """The part `mapping` of a form, as text; "" without one. Raises `Unusable`."""
    if request.content_type != MULTIPART or "mapping" not in request.FILES:
        return ""
    sent: Any = request.FILES["mapping"]
    return mapping_text(sent.read(LONGEST_MAPPING + 1))


def _require_some(size: int) -> None:
    if not size:
        raise Unusable("the report is empty. Possible: the file as the body, or as part `file`")
