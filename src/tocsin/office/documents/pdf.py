"""Documents as PDF (tagged, PDF/UA-1), by WeasyPrint; an extra: `pip install tocsin[pdf]`.

It draws with Pango, which the distribution has. Nothing is fetched: no address in a document is
followed, neither of the network nor of this machine nor one that holds its own data.
"""

import logging
from ctypes import CDLL
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from tocsin.office.documents.plain import plain
from tocsin.words.errors import Unusable

if TYPE_CHECKING:
    from collections.abc import Callable

MEDIA_TYPE = "application/pdf"
PANGO = "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core"
MISSING = (
    "PDF is not installed here. Possible: pip install 'tocsin[pdf]', and Pango "
    f"(on Debian: apt-get install {PANGO})"
)
_DRAWS = ("libpango-1.0.so.0", "libpangoft2-1.0.so.0", "libharfbuzz-subset.so.0")


@cache
def is_installed() -> bool:
    """Whether the library is here, and what it draws with; importing it takes a second."""
    if find_spec("weasyprint") is None:
        return False
    try:
        for name in _DRAWS:
            CDLL(name)
    except OSError:
        return False
    return True


def require_installed() -> None:
    """Raise `Unusable` with what installs it where it is not there."""
    if not is_installed():
        raise Unusable(MISSING)


def pdf(html: str) -> bytes:
    """A whole HTML page, with its own style, as PDF; raises `Unusable` where it is not installed.

    `html` has a language and a title, which a tagged document needs. Characters that turn what is
    read are shown as such, wherever they come from.
    """
    require_installed()
    import weasyprint as library  # noqa: PLC0415 an extra, and a second to import

    # It makes the whole process take pictures that are cut short; readers of reports must not.
    vars(library.images)["ImageFile"].LOAD_TRUNCATED_IMAGES = False
    logging.getLogger("weasyprint").setLevel(logging.CRITICAL)  # it repeats what it draws
    page = library.HTML(string=plain(html), base_url=None, url_fetcher=_fetcher(library))
    data: bytes = page.write_pdf(pdf_variant="pdf/ua-1", pdf_tags=True)
    return data


def _fetcher(library: Any) -> "Callable[..., Any]":
    """Refuses every address there is."""

    class Refuses(library.urls.URLFetcher):  # type: ignore[misc]
        def fetch(self, url: str, headers: Any = None) -> Any:  # noqa: ARG002 as the library calls it
            raise ValueError("a document fetches nothing")

    return Refuses()
