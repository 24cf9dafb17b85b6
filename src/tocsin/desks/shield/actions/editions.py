"""Editions of the list: a number for each time that something came or went, and none twice."""

from datetime import datetime

from django.db.models import Max

from tocsin.desks.shield.models import Edition, Listing, Term
from tocsin.formats.rpz import next_serial
from tocsin.words.moments import as_utc


def new_edition(*, at: datetime, is_whole: bool = False) -> int:
    """The next version, inside the transaction of what changes; others wait until it is over.

    The first row is the lock: it is there before anything is listed.
    """
    Edition.objects.get_or_create(version=1, defaults={"at": as_utc(at), "is_whole": True})
    Edition.objects.select_for_update().get(version=1)
    last = Edition.objects.order_by("-version")[0].version
    version = next_serial(last, at=at)
    Edition.objects.create(version=version, at=as_utc(at), is_whole=is_whole)
    return version


def begin_term(listing: Listing, *, at: datetime) -> int:
    """A listing goes out, or goes on under another term; the version it is in."""
    version = new_edition(at=at)
    listing.terms.filter(removed_in=None).update(removed_in=version)
    number = Term.objects.aggregate(last=Max("number"))["last"] or 0
    if listing.listed_at is None or listing.expires_at is None:
        raise ValueError("a listing that goes out has a beginning and an end")
    Term.objects.create(
        listing=listing,
        number=number + 1,
        scope=listing.scope,
        value=listing.value,
        over_https=listing.over_https,
        listed_at=listing.listed_at,
        expires_at=listing.expires_at,
        added_in=version,
    )
    return version


def end_term(listing: Listing, *, at: datetime) -> int:
    """A listing goes from all outputs; the version without it."""
    version = new_edition(at=at)
    listing.terms.filter(removed_in=None).update(removed_in=version)
    return version
