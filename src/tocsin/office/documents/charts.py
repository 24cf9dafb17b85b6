"""Charts: SVG made on the server, with a title, a description and the same figures as a table.

Colours are classes of the house's stylesheet, sizes are presentation attributes: a page that allows
no inline style shows them, in light, dark and print.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import uuid4

from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

_WIDTH = 720
_BAR, _GAP, _LABEL, _NUMBER = 18, 8, 210, 70
_HEIGHT, _FOOT, _HEAD = 180, 26, 16
_LONGEST = 34  # letters of a label that fit into its place

Cell = str | int
Row = tuple[Cell, ...]


@dataclass(frozen=True)
class Chart:
    """A picture and the table that says the same; `rows` are as wide as `heads`."""

    title: str
    says: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    svg: SafeString

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to see."""
        return not any(cell for row in self.rows for cell in row if isinstance(cell, int))


def bars(title: str, rows: Sequence[tuple[str, int]], *, heads: tuple[str, str]) -> Chart:
    """One bar a row, in the order given."""
    most = max((value for _, value in rows), default=0) or 1
    says = _largest(rows)
    height = len(rows) * (_BAR + _GAP) + _GAP
    room = _WIDTH - _LABEL - _NUMBER
    drawn = format_html_join(
        "",
        '<g><text class="tocsin-chart__text" x="{}" y="{}" font-size="14" text-anchor="end">{}'
        '</text><rect class="tocsin-chart__bar" x="{}" y="{}" width="{}" height="{}"/>'
        '<text class="tocsin-chart__text" x="{}" y="{}" font-size="14">{}</text></g>',
        (
            (
                _LABEL - 8,
                (y := _GAP + number * (_BAR + _GAP)) + 14,
                _short(label),
                _LABEL,
                y,
                (width := _scaled(value, most, room)),
                _BAR,
                _LABEL + width + 6,
                y + 14,
                number_format(value, force_grouping=True),
            )
            for number, (label, value) in enumerate(rows)
        ),
    )
    svg = framed(title, says, drawn, width=_WIDTH, height=height)
    return Chart(title, says, heads, tuple(rows), svg)


def columns(title: str, rows: Sequence[tuple[date, int]], *, heads: tuple[str, str]) -> Chart:
    """One column a day, oldest first."""
    most = max((value for _, value in rows), default=0)
    labels = [(f"{day:%Y-%m-%d}", value) for day, value in rows]
    says = _largest(labels)
    step = _WIDTH / max(1, len(rows))
    foot = _HEAD + _HEIGHT
    drawn = format_html_join(
        "",
        '<rect class="tocsin-chart__bar" x="{}" y="{}" width="{}" height="{}"/>',
        (
            (
                round(number * step + 1, 1),
                round(foot - (tall := _scaled(value, most or 1, _HEIGHT)), 1),
                round(max(1.0, step - 2), 1),
                tall,
            )
            for number, (_, value) in enumerate(rows)
        ),
    )
    svg = framed(title, says, drawn + _axis(labels, most), width=_WIDTH, height=foot + _FOOT)
    return Chart(title, says, heads, tuple(labels), svg)


Share = tuple[int, float, float, float]  # day, share, lower and upper bound, 0 to 1


def shares(
    title: str, own: Sequence[Share], peers: Sequence[Share], *, days: int, heads: tuple[str, ...]
) -> Chart:
    """Shares that fall from 1 by steps: `own` as a line, the range of `peers` as a band behind it.

    The table has a row for each day on which `own` falls: the day, the share, its bounds and, where
    there are peers, theirs.
    """
    ranges = {day: (low, middle, high) for day, middle, low, high in peers}
    rows = [_share_row(one, ranges) for one in own]
    says = _("Of what was seen, %(share)s was still seen after %(days)s days.") % {
        "share": percent(own[-1][1] if own else 1.0),
        "days": own[-1][0] if own else 0,
    }
    drawn = format_html(
        "{}{}{}", _band(peers, days), _steps([(day, share) for day, share, *_ in own], days),
        _frame_of_shares(days),
    )  # fmt: skip
    svg = framed(title, says, drawn, width=_WIDTH, height=_HEAD + _HEIGHT + _FOOT)
    return Chart(title, says, heads if peers else heads[:3], tuple(rows), svg)


def percent(share: float) -> str:
    """`93 %` as the language writes it, none of it lost to rounding up to 100 or down to 0."""
    whole = round(share * 100)
    shown = 1 if whole == 0 < share else 99 if whole == 100 and share < 1 else whole
    return _("%(number)s %%") % {"number": shown}


def _share_row(one: Share, peers: dict[int, tuple[float, float, float]]) -> Row:
    day, share, low, high = one
    row = (day, percent(share), f"{percent(low)} – {percent(high)}")
    if not peers:
        return row
    lower, _middle, upper = peers.get(day, peers[max(peers)])
    return (*row, f"{percent(lower)} – {percent(upper)}")


def _place(day: float, share: float, days: int) -> str:
    x = round(min(day, days) / days * _WIDTH, 1)
    return f"{x},{round(_HEAD + (1 - share) * _HEIGHT, 1)}"


def _steps(points: Sequence[tuple[int, float]], days: int) -> SafeString:
    found, now = [_place(0, 1.0, days)], 1.0
    for day, share in points:
        found += [_place(day, now, days), _place(day, share, days)]
        now = share
    found.append(_place(days, now, days))
    return format_html('<polyline class="tocsin-chart__curve" points="{}"/>', " ".join(found))


def _band(peers: Sequence[Share], days: int) -> SafeString:
    if not peers:
        return mark_safe("")
    over = [_place(day, high, days) for day, _, _, high in peers]
    under = [_place(day, low, days) for day, _, low, _ in reversed(peers)]
    return format_html('<polygon class="tocsin-chart__band" points="{}"/>', " ".join(over + under))


def _frame_of_shares(days: int) -> SafeString:
    foot = _HEAD + _HEIGHT
    return format_html(
        '<line class="tocsin-chart__line" x1="0" x2="{}" y1="{}" y2="{}"/>'
        '<text class="tocsin-chart__text" x="0" y="12" font-size="14">{}</text>'
        '<text class="tocsin-chart__text" x="0" y="{}" font-size="14">0</text>'
        '<text class="tocsin-chart__text" x="{}" y="{}" font-size="14" text-anchor="end">{}</text>',
        _WIDTH,
        foot,
        foot,
        percent(1.0),
        foot + 18,
        _WIDTH,
        foot + 18,
        _("%(days)s days") % {"days": days},
    )


def framed(title: str, says: str, drawn: SafeString, *, width: int, height: int) -> SafeString:
    """A picture with its name and description, as screen readers read them."""
    key = uuid4().hex[:8]
    return format_html(
        '<svg class="tocsin-chart" viewBox="0 0 {} {}" role="img" focusable="false" '
        'aria-labelledby="chart-t{} chart-d{}"><title id="chart-t{}">{}</title>'
        '<desc id="chart-d{}">{}</desc>{}</svg>',
        width,
        height,
        key,
        key,
        key,
        title,
        key,
        says,
        drawn,
    )


def _axis(labels: Sequence[tuple[str, int]], most: int) -> SafeString:
    foot = _HEAD + _HEIGHT
    first, last = (labels[0][0], labels[-1][0]) if labels else ("", "")
    return format_html(
        '<line class="tocsin-chart__line" x1="0" x2="{}" y1="{}" y2="{}"/>'
        '<text class="tocsin-chart__text" x="0" y="12" font-size="14">{}</text>'
        '<text class="tocsin-chart__text" x="0" y="{}" font-size="14">{}</text>'
        '<text class="tocsin-chart__text" x="{}" y="{}" font-size="14" text-anchor="end">{}</text>',
        _WIDTH,
        foot,
        foot,
        _("most: %(number)s") % {"number": number_format(most, force_grouping=True)},
        foot + 18,
        first,
        _WIDTH,
        foot + 18,
        last,
    )


def _largest(rows: Sequence[tuple[str, int]]) -> str:
    """The one sentence that the picture says."""
    total = sum(value for _, value in rows)
    if not total:
        return _("Nothing to show.")
    label, value = max(rows, key=lambda row: row[1])
    return _("%(total)s in all; the most, %(value)s, for %(label)s.") % {
        "total": number_format(total, force_grouping=True),
        "value": number_format(value, force_grouping=True),
        "label": label,
    }


def _scaled(value: int, most: int, room: int) -> float:
    """What is not nothing is seen."""
    return round(max(2.0, value / most * room), 1) if value else 0


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST else label[: _LONGEST - 1] + "…"
