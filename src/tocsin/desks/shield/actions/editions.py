"""Editions of the lists: a number for each time that something came or went, and none twice."""

from datetime import datetime

from django.db.models import Max

from tocsin.desks.shield.models import Edition, Listing, Term
from tocsin.formats.rpz import next_serial
from tocsin.rules.audiences import AUDIENCES, audiences_of
from tocsin.words.markings import Tlp
from tocsin.words.moments import as_utc


def new_edition(audience: str, *, at: datetime, is_whole: bool = False) -> int:
    """The next version of an audience's list, inside the transaction of what changes.

    Others wait until it is over. The first row is the lock: it is there before anything is listed.
    """
    first = {"at": as_utc(at), "is_whole": True}
    Edition.objects.get_or_create(audience=audience, version=1, defaults=first)
    Edition.objects.select_for_update().get(audience=audience, version=1)
    last = Edition.objects.filter(audience=audience).order_by("-version")[0].version
    version = next_serial(last, at=at)
    Edition.objects.create(audience=audience, version=version, at=as_utc(at), is_whole=is_whole)
    return version


def new_editions(*, at: datetime, is_whole: bool) -> None:
    """The next version of every list: what stands in all of them changed."""
    for audience in AUDIENCES:
        new_edition(audience, at=at, is_whole=is_whole)


def begin_term(listing: Listing, *, at: datetime) -> None:
    """A listing goes out to its audiences, or goes on under another term."""
    if listing.listed_at is None or listing.expires_at is None:
        raise ValueError("a listing that goes out has a beginning and an end")
    for audience in audiences_of(Tlp(listing.tlp)):
        version = new_edition(audience, at=at)
        terms = Term.objects.filter(audience=audience)
        terms.filter(listing=listing, removed_in=None).update(removed_in=version)
        Term.objects.create(
            listing=listing,
            audience=audience,
            number=(terms.aggregate(last=Max("number"))["last"] or 0) + 1,
            scope=listing.scope,
            value=listing.value,
            over_https=listing.over_https,
            listed_at=listing.listed_at,
            expires_at=listing.expires_at,
            added_in=version,
        )


def end_term(listing: Listing, *, at: datetime) -> None:
    """A listing goes from all outputs that it stood in."""
    for audience in audiences_of(Tlp(listing.tlp)):
        version = new_edition(audience, at=at)
        rows = Term.objects.filter(listing=listing, audience=audience, removed_in=None)
        rows.update(removed_in=version)
