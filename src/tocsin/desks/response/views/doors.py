"""What every page of the desk shares: where one is, tables as files."""

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from tocsin.words.moments import iso, stamp

MOST_EXPORTED = 100_000
# What a spreadsheet would take for a formula, as in `formats.idf_csv`.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
Row = Sequence[Any]


def store_folder() -> Path:
    """Where this node keeps its files."""
    return Path(settings.STORE)


def crumbs(*way: tuple[str, str]) -> list[tuple[str, str]]:
    """From the first page to the one above this: name and address; none on the first ones."""
    return [(_("Response"), reverse("response:start")), *way] if way else []


def page_number(request: HttpRequest) -> int:
    """Out of `?page=`; anything else is the first."""
    text = request.GET.get("page", "1")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 1


def query_without(request: HttpRequest, *names: str) -> str:
    """The query string without some of its words, to add others to."""
    words = request.GET.copy()
    for name in names:
        words.pop(name, None)
    return words.urlencode()


# ── tables as files ──────────────────────────────────────────────────────────────────────


def exported(
    form: str, name: str, heads: Sequence[str], rows: Iterable[Row], *, at: Any
) -> HttpResponse | StreamingHttpResponse:
    """A table as CSV or JSON lines, sent while it is read."""
    written = _csv(heads, rows) if form == "csv" else _json(heads, rows)
    kinds = {"csv": "text/csv; charset=utf-8", "json": "application/x-ndjson"}
    ending = "csv" if form == "csv" else "ndjson"
    response = StreamingHttpResponse(written, content_type=kinds[form])
    response["Content-Disposition"] = f'attachment; filename="{name}-{stamp(at)}.{ending}"'
    return response


class _Line:
    """What `csv.writer` writes to: it gives each line back."""

    def write(self, text: str) -> str:
        return text


def _csv(heads: Sequence[str], rows: Iterable[Row]) -> Iterator[bytes]:
    writer = csv.writer(_Line())
    yield writer.writerow(heads).encode()
    for row in rows:
        yield writer.writerow([safe(_plain(cell)) for cell in row]).encode()


def _json(heads: Sequence[str], rows: Iterable[Row]) -> Iterator[bytes]:
    for row in rows:
        facts = dict(zip(heads, map(_plain, row), strict=True))
        yield (json.dumps(facts, ensure_ascii=False, default=str) + "\n").encode()


def _plain(value: Any) -> Any:
    return iso(value) if hasattr(value, "tzinfo") else value


def safe(value: Any) -> Any:
    """A text that a spreadsheet would run is written with an apostrophe before it."""
    is_run = isinstance(value, str) and value.startswith(_FORMULA)
    return f"'{value}" if is_run else value
