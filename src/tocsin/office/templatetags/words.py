"""How pages say the house's words: moments, numbers, states, what is done to a field."""

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django import template
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tocsin.office import sentences
from tocsin.office.documents import charts
from tocsin.office.permissions import PERMISSIONS
from tocsin.office.ways import way
from tocsin.rules import nis2, response
from tocsin.rules.acts import DEADLINES
from tocsin.rules.lifecycle import spoken as as_spoken
from tocsin.words.competences import HELD_BY, Competence
from tocsin.words.moments import as_utc
from tocsin.words.relations import Relation, RemitKind, Side
from tocsin.words.roles import SPOKEN

register = template.Library()

# The acts that a desk shows; another act is added here with its desk.
_LIFECYCLES = (nis2.NOTIFICATION, nis2.VOLUNTARY, response.CASE, response.FEEDBACK)
_DEADLINES = (*nis2.DEADLINES, *response.DEADLINES)
_GIVEN = ("keep", "coarsen", "pseudonymise", "counted")
_ACTS: dict[str, Promise] = {
    "keep": _("given"),
    "coarsen": _("coarsened"),
    "pseudonymise": _("pseudonym"),
    "counted": _("counted"),
    "drop": _("withheld"),
    "never": _("never given"),
}
# Which states are good, bad or wait for somebody; the word itself is always there too.
_MOODS = {
    "good": ("cured", "closed", "delivered", "done", "read", "met", "answered"),
    "bad": ("parked", "failed", "unreadable", "passed", "reopened", "not_ours", "false_positive"),
    "wait": ("new", "told", "waiting", "ready", "acknowledged", "acted", "running"),
}
_SPOKEN: dict[str, Promise] = {
    "24h": _("24 h"),
    "30d": _("30 days"),
    "7d": _("7 days"),
    "acknowledged": _("acknowledged"),
    "acted": _("acted on"),
    "answered": _("answered"),
    "brand": _("brand"),
    "closed": _("closed"),
    "coordinator": _("coordinator"),
    "csirt": _("csirt"),
    "cured": _("cured"),
    "daily": _("once a day"),
    "delivered": _("delivered"),
    "each": _("at each report"),
    "email": _("mail"),
    "failed": _("failed"),
    "false_positive": _("wrong"),
    "hourly": _("once an hour"),
    "law_enforcement": _("law enforcement"),
    "merged": _("merged"),
    "network": _("network"),
    "new": _("new"),
    "not_ours": _("not theirs"),
    "opened": _("opened"),
    "parked": _("parked"),
    "phone": _("telephone"),
    "platform": _("platform"),
    "quarantined": _("with quarantined rows"),
    "read": _("read"),
    "ready": _("on its way"),
    "received": _("received"),
    "registry": _("registry"),
    "reopened": _("seen again"),
    "reporter": _("reporter"),
    "told": _("told"),
    "unreadable": _("unreadable"),
    "unrouted": _("with unrouted events"),
    "waiting": _("waiting"),
    "web": _("web page"),
    "withdrawn": _("withdrawn"),
}


@register.filter
def moment(value: datetime | None) -> str:
    """`2026-11-23 09:00`, UTC; the column says so."""
    return as_utc(value).strftime("%Y-%m-%d %H:%M") if value else "–"


@register.filter
def number(value: Any) -> str:
    """Grouped as the language does."""
    return number_format(value or 0, force_grouping=True)


@register.filter
def percent(share: float) -> str:
    """`93 %` of 0.93."""
    return charts.percent(share)


@register.filter
def spoken(value: Any) -> str:
    """A word of a table as people read it, in their language."""
    word = str(value)
    if word in _SPOKEN:
        return str(_SPOKEN[word])
    return gettext(text) if (text := as_spoken(word)) in _words_of_tables() else text


@register.filter
def who(competence: Competence) -> str:
    """Whose people can be given a competence."""
    return ", ".join(spoken(SPOKEN[role]) for role in HELD_BY[competence]) or gettext("the node")


@register.filter
def said(text: str) -> str:
    """A sentence of the rooms below in the language of the page."""
    return sentences.said(str(text or ""))


@cache
def _words_of_tables() -> frozenset[str]:
    """States, steps, roles, relations: the words of `words` and `rules` that pages show."""
    words = {as_spoken(word) for one in _LIFECYCLES for word in (*one.states, one.noun)}
    words |= {as_spoken(step.name) for one in _LIFECYCLES for step in one.steps}
    names = (*Relation, *RemitKind, *Side)
    return frozenset(words | set(SPOKEN.values()) | {as_spoken(name.value) for name in names})


def table_words() -> tuple[str, ...]:
    """Every text of a table that pages show and that no page can mark itself."""
    rows = {text for row in _DEADLINES for text in (row.does, row.starts)}
    does = {row.does for row in PERMISSIONS.values()}
    return tuple(sorted(_words_of_tables() | rows | does))


@register.simple_tag(name="way")
def way_tag(route: str, uid: UUID) -> str:
    """`{% way 'response:case' case.uid %}`: `url` for what a page links many times."""
    return way(route, uid)


@register.filter
def mood(value: Any) -> str:
    """`good`, `bad`, `wait`, or nothing: the colour of a state."""
    return next((name for name, words in _MOODS.items() if str(value) in words), "plain")


@register.filter
def act(value: str) -> str:
    """What is done to a field."""
    return str(_ACTS.get(value, value))


@register.filter
def given(fields: Mapping[str, list[str]]) -> list[str]:
    """The fields that leave, of fields by what is done to them."""
    return [name for done, names in fields.items() if done in _GIVEN for name in names]


@register.filter
def tlp_colour(value: str) -> str:
    """`amber` of `TLP:AMBER+STRICT`."""
    return str(value).removeprefix("TLP:").partition("+")[0].lower()


@register.filter
def duty(rule: str) -> str:
    """What a deadline asks for, in the words of its rule."""
    return gettext(_duties()[rule]) if rule in _duties() else rule


@cache
def _duties() -> dict[str, str]:
    return {row.name: row.does for row in DEADLINES}


@register.filter
def of(words: Mapping[str, Any], name: str) -> Any:
    """What stands under a name; nothing where there is none."""
    return words.get(name, ())


@register.filter
def by_field(rows: list[dict[str, Any]]) -> list[tuple[str, list[Any]]]:
    """Rows turned on their side: each field that any of them has, with its value in each."""
    names = dict.fromkeys(name for row in rows for name, value in row.items() if value is not None)
    return [(name, [_or_nothing(row.get(name)) for row in rows]) for name in names]


def _or_nothing(value: Any) -> Any:
    return "" if value is None else value


@register.filter
def columns(rows: list[dict[str, Any]]) -> list[str]:
    """The names of which any row has a value, in the order in which they come."""
    return [name for name, _values in by_field(rows)]


@register.filter
def cells(rows: list[dict[str, Any]]) -> list[list[Any]]:
    """Every row, as wide as `columns`."""
    names = columns(rows)
    return [[_or_nothing(row.get(name)) for name in names] for row in rows]
