"""Reading parties as somebody may see them."""

from dataclasses import dataclass
from pathlib import Path

from django.core.paginator import Page, Paginator
from django.db.models import Count, Q, QuerySet

from tocsin.office.models import Contact, Party, Remit
from tocsin.office.people.viewer import Viewer
from tocsin.words.errors import NotFound

A_PAGE = 50
MOST_ROWS = 200  # of remits and contacts on the page of a party


@dataclass(frozen=True)
class Sought:
    """What a list of parties is narrowed to; "" is all."""

    text: str = ""
    role: str = ""
    country: str = ""
    member: str = ""
    state: str = "active"


def parties(viewer: Viewer, sought: Sought, *, page: str | None = None) -> Page[Party]:
    """The parties somebody may see, by short name, page by page."""
    return Paginator(_narrowed(visible(viewer), sought).order_by("slug"), A_PAGE).get_page(page)


def visible(viewer: Viewer) -> QuerySet[Party]:
    """All of them for the node's own people, one's own for everybody else."""
    rows = Party.objects.all()
    if viewer.reaches_all("office:party:read"):
        return rows
    return rows.filter(pk__in=viewer.parties_where("office:party:read_own"), active=True)


def party(viewer: Viewer, slug: str) -> Party:
    """One of them; raises `NotFound`, whether it is there or not."""
    found = visible(viewer).filter(slug=slug).first()
    if found is None:
        raise NotFound("there is no such party, or it is not yours to see")
    return found


def contacts_of(party: Party) -> QuerySet[Contact]:
    """Its contacts, those of its own source first."""
    return party.contacts.order_by("kind", "value", "purpose")[:MOST_ROWS]


def remits_of(party: Party) -> tuple[int, list[Remit]]:
    """How many remits it has, and the first of them."""
    rows = party.remits.order_by("relation", "kind", "value")
    return rows.count(), list(rows[:MOST_ROWS])


def countries(viewer: Viewer) -> list[str]:
    """The countries of the parties somebody may see."""
    rows = visible(viewer).exclude(country="").order_by("country")
    return list(rows.values_list("country", flat=True).distinct())


def counts(viewer: Viewer) -> dict[str, int]:
    """How many are members and how many are known only by their contact."""
    rows = visible(viewer).filter(active=True)
    return rows.aggregate(
        members=Count("pk", filter=Q(member=True)), contacts=Count("pk", filter=Q(member=False))
    )


def has_secret(party: Party, keys_folder: Path) -> int:
    """How many secrets sign a party's webhooks: 0, 1, or 2 while it changes over."""
    path = keys_folder / "webhooks" / f"{party.slug}.secret"
    try:
        return len(path.read_text(encoding="ascii").split())
    except (OSError, UnicodeDecodeError):
        return 0


def _narrowed(rows: QuerySet[Party], sought: Sought) -> QuerySet[Party]:
    text = sought.text.strip()
    if text:
        rows = rows.filter(
            Q(slug__icontains=text) | Q(name__icontains=text) | Q(channel_address__icontains=text)
        )
    if sought.role:
        rows = rows.filter(role=sought.role)
    if sought.country:
        rows = rows.filter(country=sought.country)
    if sought.member:
        rows = rows.filter(member=sought.member == "yes")
    return rows if sought.state == "all" else rows.filter(active=sought.state != "retired")
