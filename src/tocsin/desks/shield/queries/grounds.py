"""What a decision rests on: read off the messages before they are erased, and shown afterwards."""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tocsin.desks.shield.models import Grounds, Group, Listing, Message, Sighting
from tocsin.desks.shield.queries.covering import is_within
from tocsin.desks.shield.queries.known import known_of
from tocsin.desks.shield.queries.messages import inert, is_message
from tocsin.flow.triage import judge, of_reporters
from tocsin.flow.urls import read_url
from tocsin.formats.idf import Unfit
from tocsin.formats.mail.headers import Headers
from tocsin.formats.mail.limits import Tally
from tocsin.formats.mail.lure import lures_of
from tocsin.formats.mail.message import read_message
from tocsin.office import evidence
from tocsin.words.errors import TocsinError, Unreadable
from tocsin.words.moments import iso

MOST_ADDRESSES, MOST_LETTERS = 50, 20
ON_A_LIST = "on another list"
# Of a sender only the domain: the mailbox may be that of somebody whose account was broken into.
_DOMAINS = {"from": "from", "reply_to": "reply-to", "return_path": "return-path"}


@dataclass(frozen=True)
class Public:
    """What anybody may know of it: of what is listed alone, and no list by its name.

    No address below a host, no header, no digest.
    """

    messages: int
    reporters: int
    reasons: tuple[str, ...]
    hosts: tuple[str, ...]
    is_on_a_list: bool


def grounds_of(listing: Listing, *, store_folder: Path) -> dict[str, Any]:
    """Of what is covered everything at this moment, as plain JSON; texts and files are still there.

    What else the group holds is no ground of this decision, and waits for one of its own.
    """
    group = listing.group
    seen = _seen(listing, group) if group else []
    public = _public(listing, seen) if group else {}
    judged = _judged(listing, seen, public["reporters"]) if group else []
    return {
        "addresses": _addresses(listing, seen),
        "because": listing.because,
        "first_at": iso(min(one.at for one in seen)) if seen else None,
        "last_at": iso(max(one.at for one in seen)) if seen else None,
        "letters": _letters(seen, store_folder),
        "messages": public.get("messages", 0),
        "overridden": list(listing.overridden),
        "public": public,
        "reasons": [why for _, why in judged],
        "reporters": public.get("reporters", 0),
        "scope": listing.scope,
        "score": sum(points for points, _ in judged),
        "url": listing.url,
        "value": listing.value,
        "warnings": dict(listing.warnings),
    }


def canonical(facts: dict[str, Any]) -> bytes:
    """The bytes that the digest is of."""
    return json.dumps(facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest_of(facts: dict[str, Any]) -> str:
    """SHA-256 of the canonical JSON."""
    return hashlib.sha256(canonical(facts)).hexdigest()


def public_grounds(listing: Listing) -> Public | None:
    """Of the newest decision; None where none was frozen."""
    row: Grounds | None = listing.grounds.first()
    if row is None:
        return None
    facts = _public_of(row)
    places = [_place(str(one)) for one in row.facts["addresses"]]
    hosts = {host for url, host in places if _is_of(listing, url, host)}
    return Public(
        facts.get("messages", 0),
        facts.get("reporters", 0),
        tuple(facts.get("reasons", ())),
        tuple(inert(one) for one in sorted(hosts - {""})),
        facts.get("is_on_a_list", False),
    )


def _seen(listing: Listing, group: Group) -> list[Sighting]:
    """Where people of a group were led to what is listed."""
    rows = group.sightings.exclude(url="").select_related("message").order_by("pk")
    return [row for row in rows if _is_of(listing, row.url, row.host)]


def _judged(listing: Listing, seen: list[Sighting], reporters: int) -> list[tuple[int, str]]:
    """Points and reasons as triage says them, of what is listed alone."""
    places = {(one.url, one.host) for one in seen} | {_place(listing.url)}
    known = known_of(sorted(url for url, _ in places))
    name = listing.url if listing.scope == "url" else listing.value
    hosts = sorted({host for _, host in places if host})
    return [*of_reporters(reporters), *judge(name, hosts, known)]


def _public(listing: Listing, seen: list[Sighting]) -> dict[str, Any]:
    """Counts and reasons of what lies under the listing's own value, and nothing of the others.

    Those of other lists may be confidential: that there is one is said, without whose.
    """
    places = {(one.url, one.host) for one in seen} | {_place(listing.url)}
    known = known_of(sorted(url for url, _ in places))
    silent = dict.fromkeys(known.elsewhere, (ON_A_LIST,))
    hosts = sorted(host for _, host in places if host)
    name = listing.url if listing.scope == "url" else listing.value
    before = _public_of(listing.grounds.first())  # who reported is forgotten with a decision
    said = [why for _, why in judge(name, hosts, replace(known, elsewhere=silent))]
    return {
        "is_on_a_list": ON_A_LIST in said,
        "messages": max(before.get("messages", 0), len({one.message_id for one in seen})),
        "reasons": [why for why in said if why != ON_A_LIST],
        "reporters": max(before.get("reporters", 0), len({one.message.reporter for one in seen})),
    }


def _public_of(row: Grounds | None) -> dict[str, Any]:
    """Nothing where they were kept before it was told apart."""
    said: dict[str, Any] = row.facts.get("public", {}) if row else {}
    return said


def _is_of(listing: Listing, url: str, host: str) -> bool:
    return is_within(listing.scope, listing.value, url=url, host=host)


def _place(url: str) -> tuple[str, str]:
    """An address and its host, without a port."""
    try:
        return url, read_url(url).host
    except Unreadable:
        return url, ""


def _addresses(listing: Listing, seen: list[Sighting]) -> list[str]:
    urls = sorted({one.url for one in seen})
    return list(dict.fromkeys([listing.url, *urls]))[:MOST_ADDRESSES]


def _letters(seen: list[Sighting], store_folder: Path) -> list[dict[str, Any]]:
    """Of each file its digest, and of a mail the headers that name no recipient."""
    keys = {one.message_id for one in seen if one.message.evidence_id is not None}
    rows = Message.objects.filter(pk__in=keys).select_related("evidence")
    found = []
    for message in rows.order_by("received_at", "pk")[:MOST_LETTERS]:
        kept = message.evidence
        if kept is None:
            continue
        data = b""
        if kept.key:
            data = b"".join(evidence.read(kept.digest, store_folder=store_folder))
        found.append(
            {
                "digest": kept.digest,
                "headers": _headers(data),
                "received_at": iso(message.received_at),
                "size": kept.size,
            }
        )
    return found


def _headers(data: bytes) -> dict[str, str]:
    if not data or not is_message(data):
        return {}
    try:
        lures = lures_of(read_message(data, Tally()), Tally())
    except (Unfit, TocsinError):
        return {}
    return _reduced(lures[0].headers)


def _reduced(headers: Headers) -> dict[str, str]:
    said = {
        name: min(headers.addresses(field)).rpartition("@")[2][:253]
        for name, field in _DOMAINS.items()
        if headers.addresses(field)
    }
    for part in headers.first("dkim-signature").split(";"):
        name, _, value = part.strip().partition("=")
        if name == "d":
            said["dkim"] = value.strip()[:253]
    if date := headers.first("date"):
        said["date"] = date[:60]
    return said
