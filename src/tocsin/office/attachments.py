"""A document made for one request: an attachment that no browser opens as a page."""

from django.http import HttpResponse


def attachment(data: bytes, *, name: str, media_type: str, etag: str = "") -> HttpResponse:
    """`data` to be saved under `name`; kept by no cache between here and whoever asked."""
    response = HttpResponse(data, content_type=media_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'; sandbox"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-cache" if etag else "private, no-store"
    if etag:
        response["ETag"] = etag
    return response
