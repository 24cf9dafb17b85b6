"""The navigation: sections of the desks and the office, as far as a viewer may open them."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from tocsin.office.front import Entry, Text, sections, url_of
from tocsin.office.people.viewer import NOBODY, Viewer


@dataclass(frozen=True)
class Item:
    """One link; `is_here` where it, or a page below it, is shown."""

    name: Text
    url: str
    is_here: bool


@dataclass(frozen=True)
class Navigation:
    """The links of all sections, and those of the section that is shown."""

    sections: tuple[Item, ...] = ()
    pages: tuple[Item, ...] = ()
    name: Text = ""


def navigation(request: HttpRequest) -> Navigation:
    """For one request; nothing for nobody."""
    viewer: Viewer = getattr(request, "viewer", NOBODY)
    if not viewer.is_known:
        return Navigation()
    here, items = (
        request.path,
        [Item(_("My work"), reverse("home"), request.path == reverse("home"))],
    )
    pages: tuple[Item, ...] = ()
    name: Text = ""
    for section in sections():
        entries = section.open_to(viewer)
        if not entries:
            continue
        shown = _pages(entries, here)
        is_here = any(item.is_here for item in shown)
        items.append(Item(section.name, shown[0].url, is_here))
        if is_here:
            pages, name = shown, section.name
    return Navigation(tuple(items), pages, name)


def _pages(entries: tuple[Entry, ...], here: str) -> tuple[Item, ...]:
    """Of pages of which one lies below another, the longest address is the one that is shown."""
    urls = [url_of(entry) for entry in entries]
    fitting = [url for url in urls if here.startswith(url)]
    longest = max(fitting, key=len, default="")
    return tuple(
        Item(entry.name, url, url == longest) for entry, url in zip(entries, urls, strict=True)
    )
