"""Documents as PDF: tagged, fetching nothing, harmless whatever stands in them."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils.html import format_html
from pypdf import PdfReader

from tocsin.office.documents import pdf as documents
from tocsin.words.errors import Unusable

needs_pango = pytest.mark.skipif(
    not documents.is_installed(), reason=f"needs Pango: apt-get install {documents.PANGO}"
)
SECRET = "kestrel"
PAGE = '<html lang="en"><head><title>A case</title>{}</head><body>{}</body></html>'
HOSTILE = (
    "\"'><script>alert()</script><img src=x onerror=alert()>",
    "</p><h1>Acquitted</h1>",
    "\u202ecod.exe\u2066x",
    "a\x00b\x07c\x85d",
    "</style><style>*{display:none}</style>",
    "x" * 10_000,
    "ἀβγ шлях שלום سلام",
)


def read(data: bytes) -> str:
    """The text of all pages, with words that were cut at the end of a line put together."""
    return "".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)


@pytest.fixture
def happened() -> Iterator[list[str]]:
    """What the interpreter saw opened, looked up or connected to: files and addresses."""
    seen, on = [], [True]

    def hook(event: str, words: tuple) -> None:
        if on and event in ("open", "urllib.Request", "socket.connect", "socket.getaddrinfo"):
            seen.append(f"{event} {words[0]}")

    sys.addaudithook(hook)  # nobody can take one away again: it is told to stop
    yield seen
    on.clear()


@needs_pango
def test_a_document_is_tagged_and_says_title_and_language():
    made = PdfReader(io.BytesIO(documents.pdf(PAGE.format("", "<h1>One</h1><p>Two</p>"))))
    root = made.trailer["/Root"]

    assert root["/Lang"] == "en"
    assert root["/MarkInfo"]["/Marked"]
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert root["/StructTreeRoot"]["/K"]
    assert made.metadata.title == "A case"
    assert b'pdfuaid:part="1"' in root["/Metadata"].get_data()


def page_that_asks(folder: Path) -> str:
    """For everything a page can ask for, of this machine, the network and itself."""
    style, picture = folder / "secret.css", folder / "secret.svg"
    style.write_text(f'body::after {{ content: "{SECRET}" }}')
    picture.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="200" height="50"><text y="20">{SECRET}'
        "</text></svg>"
    )
    ways = [style.as_uri(), f"data:text/css,body::before{{content:'{SECRET}'}}"]
    ways += [f"{scheme}://192.0.2.7/x.css" for scheme in ("http", "https", "ftp")]
    ways += [f"{style}", "x.css", "//192.0.2.7/x.css"]
    seen = [picture.as_uri(), "data:image/svg+xml,%3Csvg/%3E", "http://[2001:db8::1]/x.png"]
    head = "".join(f'<link rel="stylesheet" href="{one}">' for one in ways)
    head += "".join(f'<style>@import "{one}";</style>' for one in ways)
    head += f'<style>@font-face {{ font-family: x; src: url("{seen[0]}") }}</style>'
    head += f'<link rel="attachment" href="{style.as_uri()}">'
    body = "".join(
        f'<img src="{one}" alt="x"><object data="{one}"></object><embed src="{one}">'
        f'<div style="background: url({one}); content: url({one}); list-style: url({one})">y</div>'
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        f'<image href="{one}" xlink:href="{one}" width="9" height="9"/><use href="{one}#a"/></svg>'
        for one in seen
    )
    return PAGE.format(head, f"<p>Here</p>{body}")


@needs_pango
def test_no_address_of_a_page_is_followed(tmp_path, happened):
    html = page_that_asks(tmp_path)
    happened.clear()
    data = documents.pdf(html)

    assert SECRET not in read(data)
    assert "Here" in read(data)
    assert [one for one in happened if "192.0.2" in one or "2001:db8" in one] == []
    assert [one for one in happened if str(tmp_path) in one or "urllib" in one] == []
    assert PdfReader(io.BytesIO(data)).attachments == {}


@needs_pango
def test_the_same_page_would_be_followed_by_the_library_alone(tmp_path):
    """So that the test above could fail."""
    import weasyprint

    local = page_that_asks(tmp_path).replace("192.0.2.7", "nowhere.invalid")
    data = weasyprint.HTML(string=local).write_pdf()

    assert read(data).count(SECRET) > 1


@needs_pango
@pytest.mark.parametrize("word", HOSTILE)
def test_what_somebody_wrote_is_text_and_reads_back(word):
    said = format_html("<h1>{}</h1><p>{}</p><p>End.</p>", word, word)
    data = documents.pdf(PAGE.format("", said))
    text = read(data)

    assert text.rstrip().endswith("End.")
    assert not {*"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\x00\x07"} & {*text}
    for active in (b"/JavaScript", b"/JS", b"/Launch", b"/OpenAction", b"/URI", b"/EmbeddedFile"):
        assert active not in data
    if len(word) == 10_000:
        assert text.count("x") == 20_000
    if "script" in word:
        assert "<script>alert()</script>" in "".join(text.split("\n"))


def test_where_it_cannot_be_drawn_the_error_says_what_installs_it(monkeypatch):
    monkeypatch.setattr(documents, "_DRAWS", ("libnowhere.so.0",))
    documents.is_installed.cache_clear()
    try:
        with pytest.raises(Unusable, match=r"Possible: pip install 'tocsin\[pdf\]', and Pango"):
            documents.pdf("<p>x</p>")
    finally:
        monkeypatch.undo()
        documents.is_installed.cache_clear()
