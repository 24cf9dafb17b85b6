"""A map of Europe of one square a state: 27 member states and the four of EFTA.

It shows no border, so that it disputes none; Malta is as large as Germany; every square can be
reached by keyboard, and its number stands in it.
"""

from collections.abc import Callable, Mapping

from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tocsin.office.documents.charts import Chart, framed

_SIDE, _GAP = 64, 4
_STEPS = 5

# Column and row of each square, roughly where the state lies.
PLACES: dict[str, tuple[int, int]] = {
    "IS": (0, 0), "NO": (4, 0), "SE": (5, 0), "FI": (6, 0),
    "DK": (4, 1), "EE": (7, 1),
    "IE": (0, 2), "BE": (2, 2), "NL": (3, 2), "DE": (4, 2), "PL": (5, 2), "LT": (6, 2),
    "LV": (7, 2),
    "FR": (2, 3), "LU": (3, 3), "CZ": (4, 3), "SK": (5, 3),
    "CH": (2, 4), "LI": (3, 4), "AT": (4, 4), "HU": (5, 4), "RO": (6, 4),
    "PT": (0, 5), "ES": (1, 5), "IT": (3, 5), "SI": (4, 5), "HR": (5, 5), "BG": (6, 5),
    "MT": (3, 6), "GR": (6, 6), "CY": (7, 6),
}  # fmt: skip
NAMES = {
    "AT": gettext_lazy("Austria"),
    "BE": gettext_lazy("Belgium"),
    "BG": gettext_lazy("Bulgaria"),
    "CH": gettext_lazy("Switzerland"),
    "CY": gettext_lazy("Cyprus"),
    "CZ": gettext_lazy("Czechia"),
    "DE": gettext_lazy("Germany"),
    "DK": gettext_lazy("Denmark"),
    "EE": gettext_lazy("Estonia"),
    "ES": gettext_lazy("Spain"),
    "FI": gettext_lazy("Finland"),
    "FR": gettext_lazy("France"),
    "GR": gettext_lazy("Greece"),
    "HR": gettext_lazy("Croatia"),
    "HU": gettext_lazy("Hungary"),
    "IE": gettext_lazy("Ireland"),
    "IS": gettext_lazy("Iceland"),
    "IT": gettext_lazy("Italy"),
    "LI": gettext_lazy("Liechtenstein"),
    "LT": gettext_lazy("Lithuania"),
    "LU": gettext_lazy("Luxembourg"),
    "LV": gettext_lazy("Latvia"),
    "MT": gettext_lazy("Malta"),
    "NL": gettext_lazy("Netherlands"),
    "NO": gettext_lazy("Norway"),
    "PL": gettext_lazy("Poland"),
    "PT": gettext_lazy("Portugal"),
    "RO": gettext_lazy("Romania"),
    "SE": gettext_lazy("Sweden"),
    "SI": gettext_lazy("Slovenia"),
    "SK": gettext_lazy("Slovakia"),
}


def tile_map(
    title: str,
    counts: Mapping[str, int],
    *,
    heads: tuple[str, str],
    link: Callable[[str], str] | None = None,
) -> Chart:
    """Counts by country (ISO 3166-1 alpha-2); `link` gives the address behind a square.

    What lies elsewhere stands in the table alone, under its code.
    """
    most = max((counts.get(code, 0) for code in PLACES), default=0)
    drawn = format_html_join(
        "", "{}", ((_tile(code, counts.get(code, 0), most, link),) for code in PLACES)
    )
    width, height = (
        (max(place[axis] for place in PLACES.values()) + 1) * (_SIDE + _GAP) for axis in (0, 1)
    )
    elsewhere = sum(value for code, value in counts.items() if code not in PLACES)
    says = _("%(inside)s in member states and EFTA, %(elsewhere)s elsewhere.") % {
        "inside": number_format(sum(counts.values()) - elsewhere, force_grouping=True),
        "elsewhere": number_format(elsewhere, force_grouping=True),
    }
    rows = tuple(
        (_name(code), n) for code, n in sorted(counts.items(), key=lambda i: (-i[1], i[0]))
    )
    svg = framed(title, says, drawn, width=width, height=height)
    # Squares that are links are no picture: their names must be read one by one.
    svg = SafeString(svg.replace('role="img"', 'role="group"', 1)) if link else svg
    return Chart(title, says, heads, rows, svg)


def _name(code: str) -> str:
    return str(NAMES.get(code, code or _("unknown")))


def _tile(code: str, count: int, most: int, link: Callable[[str], str] | None) -> SafeString:
    column, row = PLACES[code]
    x, y = column * (_SIDE + _GAP), row * (_SIDE + _GAP)
    step = -(-count * _STEPS // most) if most else 0
    number = number_format(count, force_grouping=True)
    square = format_html(
        '<rect class="tocsin-tile__square" x="{}" y="{}" width="{}" height="{}" rx="4"/>'
        '<text class="tocsin-tile__text" x="{}" y="{}" font-size="18" font-weight="600" '
        'text-anchor="middle">{}</text>'
        '<text class="tocsin-tile__text" x="{}" y="{}" font-size="15" '
        'text-anchor="middle">{}</text>',
        x + 2,
        y + 2,
        _SIDE,
        _SIDE,
        x + 2 + _SIDE // 2,
        y + 28,
        code,
        x + 2 + _SIDE // 2,
        y + 50,
        number,
    )
    if link is None or not count:
        return format_html('<g class="tocsin-tile is-{}">{}</g>', step, square)
    return format_html(
        '<a class="tocsin-tile is-{}" href="{}">{}<title>{}</title></a>',
        step,
        link(code),
        square,
        _name(code),
    )
