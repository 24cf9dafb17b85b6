"""The concerned are told of a listing, and those who were told, that it was withdrawn.

What is owed is written with the step that causes it; the worker tells within seconds, by the
house's way: an event, concern, release, XARF 4, the outbox. Nothing of who reported is in it.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from uuid import uuid5

from django.db import transaction
from django.db.models import Q

from tocsin.channels.name_server import Resolver, address_of
from tocsin.desks.shield.models import Announcement, Listing, Notice
from tocsin.flow.compiled import Compiled
from tocsin.flow.networks import Networks, load_networks, snapshot_in
from tocsin.flow.remits import Recipient
from tocsin.flow.telling import Told, events_of, tell, tell_again, without_people
from tocsin.flow.urls import read_url
from tocsin.formats import xarf
from tocsin.formats.format import Format
from tocsin.office import keys, register
from tocsin.office.models import Delivery, Party, Run
from tocsin.office.parties.compiled import compiled_parties
from tocsin.office.telling import queue_rows, take_back
from tocsin.rules.shield import IN_FORCE
from tocsin.words.errors import Undelivered, Unusable
from tocsin.words.markings import Tlp, strictest
from tocsin.words.moments import as_utc, iso
from tocsin.words.relations import Relation

FEED = "Phishing shield"
RUN = "shield"
MOST = 50  # announcements in one go
NO_NAME = "this node has no name and no mailbox: TOCSIN_NODE_NAME, TOCSIN_NODE_CONTACT"
_LISTED, _WITHDRAWN = Announcement.Kind.LISTED, Announcement.Kind.WITHDRAWN
_LONGEST_BECAUSE = 500


def owe_notice(listing: Listing, *, at: datetime) -> None:
    """The concerned are to be told that it is listed; within the transaction of the step."""
    Announcement.objects.get_or_create(
        listing=listing, kind=_LISTED, defaults={"owed_at": as_utc(at)}
    )


def owe_retraction(listing: Listing, *, at: datetime) -> None:
    """Those who were told are to be told that it was withdrawn; nobody where nobody was."""
    told = Announcement.objects.select_for_update().filter(listing=listing, kind=_LISTED).first()
    if told is None:
        return
    if told.told_at is None:  # it did not go out: then nobody needs to know
        told.delete()
        return
    Announcement.objects.get_or_create(
        listing=listing, kind=_WITHDRAWN, defaults={"owed_at": as_utc(at)}
    )


@dataclass(frozen=True)
class Desk:
    """What telling needs of the node: its store, its name, who reports, networks laid over.

    Where a name leads is looked up at `resolver`; without one nothing is.
    """

    store_folder: Path
    node: str
    sender: xarf.Sender | None
    overlay: Path | None = None
    resolver: Resolver | None = None

    @property
    def format(self) -> Format:
        """XARF with the name of who reports."""
        return xarf.with_sender(self.sender) if self.sender else xarf.FORMAT

    @cached_property
    def networks(self) -> Networks:
        """Which network and which state an address belongs to."""
        return load_networks(snapshot_in(self.store_folder / "networks"), self.overlay)

    @cached_property
    def secret(self) -> bytes:
        """Keys the names of events, so that nobody can guess what they stand for."""
        return keys.secret(self.store_folder / "keys", "pseudonyms")


def tell_concerned(desk: Desk, *, by: str, at: datetime) -> list[str]:
    """Tell what is owed, each in a transaction of its own; a sentence for each. Of a listing that
    ended before anybody was told, nobody is."""
    owed = Announcement.objects.filter(told_at=None)
    if desk.sender is None:
        owed = owed.filter(_late(at))
        Announcement.objects.filter(told_at=None, problem="").update(problem=NO_NAME)
    said = []
    for key in list(owed.values_list("pk", flat=True)[:MOST]):
        with transaction.atomic():
            rows = Announcement.objects.select_for_update(skip_locked=True, of=("self",))
            row = rows.select_related("listing").filter(pk=key, told_at=None).first()
            if row is None:
                continue
            if _is_late(row, at):
                row.delete()
                said.append(f"told nobody of {row.listing.reference}, which is over")
            else:
                said.append(_tell(row, desk, by=by, at=at))
    return said


def _late(at: datetime) -> Q:
    """Announcements of what is no longer listed; the job that ends it may be behind."""
    is_over = ~Q(listing__state__in=IN_FORCE) | Q(listing__expires_at__lte=as_utc(at))
    return Q(kind=_LISTED) & is_over


def _is_late(row: Announcement, at: datetime) -> bool:
    return Announcement.objects.filter(_late(at), pk=row.pk).exists()


def _tell(row: Announcement, desk: Desk, *, by: str, at: datetime) -> str:
    compiled = compiled_parties(at=at)
    tlp = strictest(Tlp.AMBER, Tlp(row.listing.tlp))
    try:
        everybody = _concerned(row, desk, compiled, tlp, by=by, at=at)
    except Unusable as fault:
        everybody, row.problem = [], str(fault)[:300]
    else:
        row.problem = ""
    run = Run.objects.create(
        kind=RUN,
        state=Run.State.DONE,
        at=as_utc(at),
        started_at=as_utc(at),
        finished_at=as_utc(at),
        counts={"deliveries": len(everybody)},
    )
    for told in everybody:
        _notify(row, told, compiled.recipients[told.party], (desk, run, tlp), by=by, at=at)
    row.told_at = as_utc(at)
    row.save(update_fields=["told_at", "problem"])
    return f"told {len(everybody)} that {row.listing.reference} was {row.kind}"


def _notify(
    row: Announcement,
    told: Told,
    recipient: Recipient,
    way: tuple[Desk, Run, Tlp],
    *,
    by: str,
    at: datetime,
) -> None:
    """One party: the delivery, the notice on the listing's page, the row of the register."""
    desk, run, tlp = way
    party = Party.objects.get(slug=recipient.party)
    delivery = queue_rows(
        told,
        recipient=recipient,
        party=party,
        format_=desk.format,
        uid=uuid5(row.uid, f"{party.slug}:{told.relation.value}"),
        run=run,
        tlp=tlp,
        at=at,
        store_folder=desk.store_folder,
        node=desk.node,
    )
    Notice.objects.create(
        announcement=row,
        party=party,
        delivery=delivery,
        relation=told.relation.value,
        because=told.because[:_LONGEST_BECAUSE],
        at=as_utc(at),
    )
    facts: dict[str, register.Fact] = {
        "kind": row.kind,
        "party": party.slug,
        "relation": told.relation.value,
        "delivery": delivery.uid.hex,
        "digest": delivery.digest,
    }
    register.record(
        action="shield:listing:notify", actor=by, at=at, subject=row.listing.uid, facts=facts
    )


# ── whom, and of what ────────────────────────────────────────────────────────────────────


def _concerned(
    row: Announcement, desk: Desk, compiled: Compiled, tlp: Tlp, *, by: str, at: datetime
) -> list[Told]:
    name = blake2b(row.listing.uid.bytes, key=blake2b(desk.secret).digest(), digest_size=16)
    words = _event(row, desk)
    events = events_of([words], hashes=[name.hexdigest()], tlp=tlp, at=as_utc(at))
    on = as_utc(at).date()
    if row.kind == _LISTED:
        return tell(events, compiled=compiled, networks=desk.networks, on=on, secret=desk.secret)
    return [
        tell_again(
            events,
            networks=desk.networks,
            compiled=compiled,
            party=number,
            relation=Relation(notice.relation),
            because=_retraction(notice, row.listing),
            on=on,
            secret=desk.secret,
        )
        for notice, number in _told_before(row, compiled, by=by, at=at)
    ]


def _told_before(
    row: Announcement, compiled: Compiled, *, by: str, at: datetime
) -> list[tuple[Notice, int]]:
    """Those whom the listing reached, or may have reached; what did not leave yet never will."""
    numbers = {recipient.party: n for n, recipient in enumerate(compiled.recipients)}
    before = Notice.objects.filter(
        announcement__listing=row.listing, announcement__kind=_LISTED
    ).select_related("party", "delivery")
    found = []
    for notice in before:
        delivery: Delivery | None = notice.delivery
        if delivery is not None and take_back(delivery, by=by, at=at):
            continue
        if notice.party is not None and notice.party.slug in numbers:
            found.append((notice, numbers[notice.party.slug]))
    return found


def _retraction(notice: Notice, listing: Listing) -> str:
    return (
        f"retraction: you were told on {iso(notice.at)} that {listing.value[:200]} was listed; "
        "the listing was withdrawn, and nothing more is asked of you"
    )


def _address(listing: Listing, desk: Desk) -> str:
    """Where it answers: as the URL says, as was reported, or as the operator's resolver says."""
    if listing.address or desk.resolver is None:
        return listing.address or ""
    try:
        return address_of(read_url(listing.url).host, desk.resolver) or ""
    except Undelivered:
        return ""  # its network is not told; everybody else need not wait


def _event(row: Announcement, desk: Desk) -> dict[str, str]:
    """The listing as an event; a retraction is of no class that anybody would act upon."""
    listing, is_listed = row.listing, row.kind == _LISTED
    words = {
        "classification.type": "phishing" if is_listed else "other",
        "classification.identifier": "listing" if is_listed else "retraction",
        "time.source": iso(row.owed_at),
        "source.url": without_people(listing.url),
        "source.ip": _address(listing, desk),
        "event_description.target": listing.brand,
        "feed.provider": FEED,
        "extra.listing": listing.reference,
        "extra.listing_state": row.kind,
        "extra.listing_scope": listing.scope,
        "extra.listing_reason": listing.reason if is_listed else "",
    }
    return {name: text for name, text in words.items() if text}
