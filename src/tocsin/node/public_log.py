"""`/log/`: the public log as files, exactly as they lie in the store (C2SP tlog-tiles)."""

import re
from pathlib import Path

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

# Nothing but what a log consists of has a name here; no path can leave the folder.
_FILE = re.compile(
    r"checkpoint|keys|stamps/[0-9]{1,19}\.tsr"
    r"|tile/(?:entries|[0-9]{1,2})(?:/x[0-9]{3}){0,6}/[0-9]{3}(?:\.p/[0-9]{1,3})?"
)
_YEAR = 365 * 24 * 3600


@require_safe
def public_log(_request: HttpRequest, path: str) -> HttpResponseBase:
    """One file of the log; anybody may read it, from any page."""
    if not _FILE.fullmatch(path):
        raise Http404
    try:
        file = (Path(settings.STORE) / "log" / "public" / path).open("rb")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise Http404 from None
    moves = path in ("checkpoint", "keys")
    kind = "text/plain; charset=utf-8" if moves else "application/octet-stream"
    response = FileResponse(file, content_type=kind)
    # A tile never changes under its name; the checkpoint and the keys do.
    response["Cache-Control"] = "no-cache" if moves else f"public, max-age={_YEAR}, immutable"
    response["Access-Control-Allow-Origin"] = "*"
    del response["Content-Disposition"]
    return response
