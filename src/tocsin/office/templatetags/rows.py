"""What stands many times on a page, written row by row.

As nodes of a template each cell costs about ten times as much. Whatever is not a constant of this
file passes `format_html`, which escapes it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django import template
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from tocsin.office.templatetags.words import by_field, spoken

register = template.Library()
_NOTHING, _SELECTED = mark_safe(""), mark_safe(" selected")


@register.simple_tag
def facet_options(words: Mapping[str, int], chosen: Iterable[str]) -> SafeString:
    """The words of a filter with how many cases each would leave."""
    return format_html_join(
        "",
        '<option value="{}"{}>{} ({})</option>',
        (
            (word, _SELECTED if word in chosen else _NOTHING, spoken(word), n)
            for word, n in words.items()
        ),
    )


@register.simple_tag
def field_rows(rows: list[dict[str, Any]]) -> SafeString:
    """Rows turned on their side: a row for each field that any of them has."""
    return format_html_join(
        "",
        '<tr><th scope="row" class="is-name">{}</th>{}</tr>',
        ((name, _cells(values)) for name, values in by_field(rows)),
    )


def _cells(values: Iterable[Any]) -> SafeString:
    return format_html_join("", "<td>{}</td>", ((value,) for value in values))
