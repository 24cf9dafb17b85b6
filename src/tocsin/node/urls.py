"""Every route: accounts, the office's pages, and those of each desk."""

from importlib.util import find_spec

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from tocsin.node import pages
from tocsin.node.api.site import api
from tocsin.node.files import file
from tocsin.node.metrics import metrics
from tocsin.node.public_log import public_log
from tocsin.node.security_txt import security_txt


def _of_desks() -> list[URLResolver]:
    """`/response/` and so on: a desk that is run and has a `urls.py` is there."""
    return [
        path(f"{desk.rpartition('.')[2]}/", include(f"{desk}.urls"))
        for desk in settings.DESKS_RUN
        if find_spec(f"{desk}.urls")
    ]


urlpatterns: list[URLPattern | URLResolver] = [
    path("", pages.home, name="home"),
    path("healthz", pages.healthz, name="healthz"),
    path("readyz", pages.readyz, name="readyz"),
    path("accessibility", pages.accessibility, name="accessibility"),
    path(".well-known/security.txt", security_txt, name="security_txt"),
    path("metrics", metrics, name="metrics"),
    path("files/<str:ticket>", file, name="file"),
    path("log/<path:path>", public_log, name="public_log"),
    path("api/v1/", api.urls),
    path("account/", include("tocsin.node.account_urls")),
    path("people/", include("tocsin.office.people.urls")),
    path("parties/", include("tocsin.office.parties.urls")),
    path("language/setlang/", pages.choose_language, name="set_language"),
    *_of_desks(),
]
