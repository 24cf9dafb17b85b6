"""What a desk shows at the front: its place in the navigation and its cards on the home page.

A desk names them in its `apps.py`: `front` is a `Section`; `home_cards` the dotted name of a
function from a viewer and a moment to cards. Nobody is shown what they may not open.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from django.apps import AppConfig, apps
from django.conf import settings
from django.urls import get_script_prefix, get_urlconf, reverse
from django.utils.functional import Promise
from django.utils.module_loading import import_string

if TYPE_CHECKING:  # the models are not there yet when an `apps.py` is read
    from tocsin.office.people.viewer import Viewer

Text = str | Promise


@dataclass(frozen=True)
class Entry:
    """A page of a section: its name, its route, and permissions of which any opens it."""

    name: Text
    route: str
    permissions: tuple[str, ...]

    def is_open(self, viewer: "Viewer") -> bool:
        """Whether somebody may open it."""
        return any(viewer.may(permission) for permission in self.permissions)


@dataclass(frozen=True)
class Section:
    """A desk in the navigation, with its pages."""

    name: Text
    entries: tuple[Entry, ...]

    def open_to(self, viewer: "Viewer") -> tuple[Entry, ...]:
        """The pages that somebody may open."""
        return tuple(entry for entry in self.entries if entry.is_open(viewer))


@dataclass(frozen=True)
class Card:
    """What waits for somebody: how many, and where."""

    name: Text
    count: int
    says: Text
    url: str
    is_urgent: bool = False


def is_run(config: AppConfig) -> bool:
    """Whether this node runs a desk; what is no desk is always there."""
    return ".desks." not in config.name or config.name in settings.DESKS_RUN


def sections() -> Iterator[Section]:
    """Of every application that has a place at the front: the desks, then what they share."""
    for config in sorted(apps.get_app_configs(), key=lambda one: ".desks." not in one.name):
        if is_run(config) and isinstance(section := getattr(config, "front", None), Section):
            yield section


def cards_for(viewer: "Viewer", *, at: datetime) -> list[Card]:
    """What waits for somebody, desk by desk; without what is empty."""
    found: list[Card] = []
    for config in apps.get_app_configs():
        if is_run(config) and (named := getattr(config, "home_cards", "")):
            make: Callable[..., list[Card]] = import_string(named)
            found += [card for card in make(viewer, at=at) if card.count]
    return found


def url_of(entry: Entry) -> str:
    """Where a page of a section is."""
    return _url_of(entry.route, get_urlconf(), get_script_prefix())


@cache
def _url_of(route: str, urls: str | None, prefix: str) -> str:  # noqa: ARG001  of these it depends
    return reverse(route)
