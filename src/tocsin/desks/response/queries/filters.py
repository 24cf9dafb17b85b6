"""Which cases a list shows: words out of a form or an address, checked one by one."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Q

from tocsin.desks.response.models import Tag
from tocsin.office.people.viewer import Viewer
from tocsin.rules.response import CASE
from tocsin.words.classes import TYPES
from tocsin.words.countries import CODES
from tocsin.words.errors import Unusable
from tocsin.words.moments import DAY

MOST_WORDS = 50  # of one filter, and letters of a text by four
ENDED = ("closed", "merged")
OPEN = tuple(state for state in CASE.states if state not in ENDED)
ME, NOBODY_YET = "me", "nobody"


@dataclass(frozen=True)
class Filters:
    """All must fit; of one filter with several words any. Empty: no filter.

    `states` are those of `rules.response.CASE`, or `open` for all that are not at their end;
    without any, merged cases are left out. `parties` are short names, `assigned` is `me`, `nobody`
    or a person's id. `since` and `until` are days (UTC) on which a case was last seen.
    """

    states: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    parties: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    about: str = ""
    tags: tuple[str, ...] = ()
    assigned: str = ""
    text: str = ""
    since: str = ""
    until: str = ""

    @classmethod
    def read(cls, words: Mapping[str, Sequence[str] | str]) -> "Filters":
        """Out of a query string (`QueryDict.lists()` as a dictionary); other keys are left alone.

        Raises `Unusable` for a word that is none.
        """
        given: dict[str, Any] = {}
        for field in fields(cls):
            found = words.get(field.name, ())
            texts = [found] if isinstance(found, str) else [str(one) for one in found]
            texts = [text.strip() for text in texts if text.strip()]
            _require_few(field.name, texts)
            if texts:
                given[field.name] = texts[-1] if field.default == "" else tuple(texts)
        filters = cls(**given)
        filters.check()
        return filters

    def words(self) -> dict[str, list[str]]:
        """The same as plain values, to keep or to put into an address."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: [v] if isinstance(v, str) else [*v] for name, v in found.items() if v}

    def check(self) -> None:
        """Raise `Unusable` for words that no case can have."""
        _require(self.states, (*CASE.states, "open"), "state")
        _require(self.kinds, tuple(TYPES), "class")
        _require(self.countries, tuple(CODES), "country")
        for day in (self.since, self.until):
            _day(day)
        if self.assigned not in ("", ME, NOBODY_YET):
            _person(self.assigned)

    def conditions(self, viewer: Viewer, *, is_desk: bool, but: Collection[str] = ()) -> Q:
        """As a condition on cases; `but` leaves some filters out, for their own counts.

        What only the desk sees (tags, who is assigned) hides everything from anyone else: a party
        must not find out by asking.
        """
        desk_only = (self.tags or self.assigned) and not is_desk
        if desk_only:
            return Q(pk__in=())
        wanted = Q()
        for name, condition in _CONDITIONS.items():
            value = getattr(self, name)
            if name not in but and (value or name == "states"):
                wanted &= condition(value, viewer)
        if self.text and "text" not in but:
            wanted &= _text(self.text, is_desk=is_desk)
        return wanted


def _require_few(name: str, texts: list[str]) -> None:
    if len(texts) > MOST_WORDS or any(len(text) > 4 * MOST_WORDS for text in texts):
        raise Unusable(
            f"{name}: too much at once. Possible: {MOST_WORDS} words of {4 * MOST_WORDS} letters"
        )
    if any("\0" in text for text in texts):
        raise Unusable(f"{name}: no text")


def _require(words: Sequence[str], known: Sequence[str], noun: str) -> None:
    for word in words:
        if word not in known:
            some = ", ".join(sorted(known)[:12])
            raise Unusable(f"{word!r} is no {noun}. Possible: {some}")


def _day(text: str) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.strptime(f"{text} +0000", "%Y-%m-%d %z")
    except ValueError:
        raise Unusable(f"{text!r} is no day. Possible: 2026-11-23") from None


def _person(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise Unusable(f"{text!r} is nobody. Possible: me, nobody, or a person's id") from None


def _in_state(states: tuple[str, ...], _viewer: Viewer) -> Q:
    if not states:
        return ~Q(state="merged")
    every = {*states, *(OPEN if "open" in states else ())} - {"open"}
    return Q(state__in=sorted(every))


def _assigned(text: str, viewer: Viewer) -> Q:
    if text == NOBODY_YET:
        return Q(assigned=None)
    if text == ME:
        return Q(assigned=viewer.person) if viewer.person else Q(pk__in=())
    return Q(assigned__uid=_person(text))


def _until(text: str, _viewer: Viewer) -> Q:
    day = _day(text)
    return Q(seen_at__lt=day + DAY) if day and day.year < 9999 else Q()


_CONDITIONS: dict[str, Callable[[Any, Viewer], Q]] = {
    "states": _in_state,
    "kinds": lambda words, _: Q(kind__in=words),
    "parties": lambda words, _: Q(party__slug__in=words),
    "countries": lambda words, _: Q(party__country__in=words),
    "about": lambda text, _: Q(about__iexact=text),
    # A condition of its own per tag: any of them, without counting a case twice.
    "tags": lambda words, _: Q(pk__in=_tagged(words)),
    "assigned": _assigned,
    "since": lambda text, _: Q(seen_at__gte=_day(text)),
    "until": _until,
}


def _tagged(words: Sequence[str]) -> Any:
    return Tag.objects.filter(name__in=words).values("case_id")


def _text(text: str, *, is_desk: bool) -> Q:
    wanted = (
        Q(reference__icontains=text)
        | Q(about__icontains=text)
        | Q(family__icontains=text)
        | Q(kind__icontains=text)
        | Q(party__name__icontains=text)
    )
    return wanted | Q(pk__in=_tagged([text])) if is_desk else wanted
