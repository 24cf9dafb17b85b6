"""What every page is given."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language

from tocsin import __version__
from tocsin.node.identity import read_identity
from tocsin.node.navigation import navigation
from tocsin.words.languages import SOURCE


def page(request: HttpRequest) -> dict[str, Any]:
    """The viewer, the navigation, the nonce of scripts, names, version, languages."""
    return {
        "viewer": getattr(request, "viewer", None),
        "navigation": navigation(request),
        "csp_nonce": getattr(request, "csp_nonce", ""),
        "node_name": read_identity().name,
        "version": __version__,
        "languages": settings.LANGUAGES,
        "translated": settings.TRANSLATIONS.get(get_language() or SOURCE),
    }
