"""The shield's figures for everybody: how often it was wrong, how fast it is."""

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from tocsin.desks.shield.queries.figures import Figures, as_json, figures
from tocsin.desks.shield.views.doors import now, open_to_all, too_often
from tocsin.office.documents.charts import Chart, bars
from tocsin.office.limits import may_try

SPANS = {
    "5 minutes": gettext_lazy("5 minutes"),
    "15 minutes": gettext_lazy("15 minutes"),
    "30 minutes": gettext_lazy("30 minutes"),
    "1 hour": gettext_lazy("1 hour"),
    "2 hours": gettext_lazy("2 hours"),
    "4 hours": gettext_lazy("4 hours"),
    "12 hours": gettext_lazy("12 hours"),
    "1 day": gettext_lazy("1 day"),
    "3 days": gettext_lazy("3 days"),
    "7 days": gettext_lazy("7 days"),
    "longer": gettext_lazy("longer than 7 days"),
}


@open_to_all("shield-figures")
@require_safe
def figures_page(request: HttpRequest) -> HttpResponseBase:
    """By month: false positives, time to list and to withdraw, appeals."""
    if not may_try("shield-figures", request, most=settings.SHIELD["rate"] * 60, at=now()):
        return too_often(request)
    found = figures(least=settings.SHIELD["least"])
    rows = [(one, _spoken(one.to_list), _spoken(one.to_withdraw)) for one in found.months]
    whole = (found.whole, _spoken(found.whole.to_list), _spoken(found.whole.to_withdraw))
    said = {"figures": found, "rows": [*rows, whole] if rows else [], "chart": _chart(found)}
    return render(request, "shield/figures.html", said)


@open_to_all("shield-figures-call")
@require_safe
def figures_call(request: HttpRequest) -> HttpResponseBase:
    """The same for programs, as JSON; an hour has so many calls."""
    if not may_try("shield-figures-call", request, most=settings.SHIELD["rate"] * 60, at=now()):
        return too_often(request)
    return JsonResponse(as_json(figures(least=settings.SHIELD["least"])))


def _spoken(took: object) -> dict[str, object] | None:
    if took is None:
        return None
    words = vars(took)
    return {**words, "median": SPANS[words["median"]], "p90": SPANS[words["p90"]]}


def _chart(found: Figures) -> Chart:
    rows = [(one.period, one.listings) for one in reversed(found.months)]
    shown = [(period, count) for period, count in rows if count is not None]
    return bars(_("Listings by month"), shown, heads=(_("Month"), _("Listings")))
