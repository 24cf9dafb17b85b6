"""What every page is given."""

from typing import Any

from django.http import HttpRequest

from tocsin import __version__
from tocsin.node.identity import read_identity
from tocsin.node.navigation import navigation


def page(request: HttpRequest) -> dict[str, Any]:
    """The viewer, the navigation, the nonce of scripts, the node's name and the version."""
    return {
        "viewer": getattr(request, "viewer", None),
        "navigation": navigation(request),
        "csp_nonce": getattr(request, "csp_nonce", ""),
        "node_name": read_identity().name,
        "version": __version__,
    }
