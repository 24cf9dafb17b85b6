"""Parties: whether anybody is told anything, and can be reached."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from tocsin.node.doctor.finding import Case, Finding
from tocsin.node.doctor.words import many, named, note, ok, wrong
from tocsin.words.errors import TocsinError

AREA = "parties"
SOON = timedelta(days=30)
IMPORT = "correct the party file, then tocsin parties import FILE"


def look(case: Case) -> Iterator[Finding]:
    """Members; agreements; contacts that died."""
    from tocsin.office.models import Party

    active = Party.objects.filter(active=True)
    if not active.exists():
        yield wrong(AREA, "no party is on file, so nobody is told", "tocsin parties import FILE")
        return
    found = [*_unreachable(active), *_agreements(case), *_never(case), *_dead(), *_xarf(active)]
    yield from found or [ok(AREA, f"{many(active.count(), 'party', 'parties')}, all reachable")]


def _unreachable(active: Any) -> Iterator[Finding]:
    """By the very function that a delivery asks for its mailboxes."""
    from tocsin.office.digests import mailboxes_of

    for party in active.filter(channel="mail").prefetch_related("contacts"):
        try:
            mailboxes_of(party)
        except TocsinError as fault:
            what, _, mend = str(fault).partition(" Possible: ")
            yield wrong(AREA, what.rstrip("."), mend)
    silent = active.filter(channel="webhook", channel_address="").values_list("slug", flat=True)
    if silent:
        what = f"webhook without an address: {named(silent)}"
        yield wrong(AREA, what, IMPORT)


def _agreements(case: Case) -> Iterator[Finding]:
    from tocsin.office.models import Agreement

    today = case.at.date()
    for row in Agreement.objects.filter(party__active=True, until__lte=today + SOON):
        if row.until is None or _is_renewed(row):
            continue
        verb = "ran out" if row.until < today else "runs out"
        what = f"agreement {row.reference} of {row.party.slug} {verb} on {row.until}"
        yield note(AREA, what, f"renew it, then {IMPORT.partition('then ')[2]}")


def _is_renewed(row: Any) -> bool:
    later = type(row).objects.filter(party=row.party, relation=row.relation)
    return bool(later.exclude(pk=row.pk).exclude(until__lte=row.until).exists())


def _never(case: Case) -> Iterator[Finding]:
    """Remits that only an agreement opens, where none is in force."""
    from django.db.models import Q

    from tocsin.office.models import Agreement, Remit
    from tocsin.rules.concern import NEEDS_AGREEMENT

    today = case.at.date()
    in_force = Agreement.objects.filter(Q(until=None) | Q(until__gte=today), since__lte=today)
    opened = set(in_force.values_list("party_id", "relation"))
    closed = Remit.objects.filter(relation__in=[word.value for word in NEEDS_AGREEMENT])
    rows = closed.filter(party__active=True).values_list("party_id", "relation", "party__slug")
    names = sorted({slug for party, relation, slug in rows if (party, relation) not in opened})
    if names:
        what = f"remits that never match, for want of an agreement in force: {named(names)}"
        yield note(AREA, what, IMPORT)


def _dead() -> Iterator[Finding]:
    from tocsin.office.models import Contact

    dead = Contact.objects.filter(party__active=True, dead_at__isnull=False)
    values = list(dead.order_by("value").values_list("value", flat=True).distinct())
    if values:
        what = f"{many(len(values), 'mailbox', 'mailboxes')} found dead: {named(values)}"
        yield note(AREA, what, "ask for another; tocsin contacts list --dead")


def _xarf(active: Any) -> Iterator[Finding]:
    from tocsin.node.identity import read_identity

    try:
        is_named = read_identity().sender is not None
    except TocsinError:
        return  # the settings say so
    wanted = active.filter(format="xarf").values_list("slug", flat=True)
    if wanted and not is_named:
        what = f"XARF needs this node's name and mailbox, and nobody set them: {named(wanted)}"
        yield wrong(AREA, what, "TOCSIN_NODE_NAME and TOCSIN_NODE_CONTACT")
