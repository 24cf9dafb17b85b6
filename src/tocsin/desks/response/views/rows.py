"""The rows of a list of cases, written row by row.

A list of fifty cases is some nine hundred cells. As nodes of a template each costs about 17 µs to
find and write, which is more than all the rest of the page; here each costs about one.
Everything that is not a constant of this file passes `format_html`, which escapes it.
"""

from collections.abc import Iterable, Mapping

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from tocsin.desks.response.models import Case
from tocsin.office.templatetags.words import moment, mood, number, spoken

_TICK = (
    '<td class="is-check"><input class="tocsin-check" type="checkbox" name="case"'
    ' value="{}" aria-label="{}"></td>'
)
_ROW = (
    '<tr>{}<th scope="row" class="is-moment"><a class="govuk-link" href="{}{}">{}</a></th>'
    '<td>{}{}</td><td class="is-name">{}</td>{}<td class="is-number">{}</td>'
    '<td class="is-moment">{}</td><td>{}</td>{}</tr>'
)
_NOTHING = mark_safe("")


def case_rows(
    cases: Iterable[Case],
    tags: Mapping[int, list[str]] | None = None,
    *,
    tick: bool = False,
    party: bool = True,
) -> SafeString:
    """The rows of a table of cases; `tags` by the key of a case add who works on it."""
    above, state = reverse("response:cases"), _States()
    return format_html_join(
        "\n",
        _ROW,
        (
            (
                format_html(_TICK, case.uid.hex, case.reference) if tick else _NOTHING,
                above,
                case.uid,
                case.reference,
                case.about,
                _beside("tocsin-because", case.family) if case.family else _NOTHING,
                case.kind,
                format_html("<td>{}</td>", case.party.name) if party else _NOTHING,
                number(case.events),
                moment(case.seen_at),
                state[case.state],
                _NOTHING if tags is None else _work(case, tags),
            )
            for case in cases
        ),
    )


class _States(dict[str, SafeString]):
    """How each state is shown: a page has many rows and few states."""

    def __missing__(self, state: str) -> SafeString:
        shown = format_html(
            '<span class="tocsin-state tocsin-state--{}">{}</span>', mood(state), spoken(state)
        )
        self[state] = shown
        return shown


def _work(case: Case, tags: Mapping[int, list[str]]) -> SafeString:
    """Who has it and how it is tagged."""
    name = case.assigned.name if case.assigned else ""
    words = format_html_join(
        "", "{}", ((_beside("tocsin-tag", word),) for word in tags.get(case.pk, ()))
    )
    return format_html("<td>{}{}</td>", name, words)


def _beside(sort: str, text: str) -> SafeString:
    return format_html(' <span class="{}">{}</span>', sort, text)
