"""What a decision rests on: read off the messages before they are erased, and shown afterwards."""

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tocsin.desks.shield.models import Grounds, Group, Listing, Message
from tocsin.desks.shield.queries.covering import is_within
from tocsin.desks.shield.queries.known import known_of
from tocsin.desks.shield.queries.messages import inert, is_message
from tocsin.flow.triage import judge
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
    """Everything at this moment, as plain JSON; texts and files are still there."""
    group = listing.group
    return {
        "addresses": _addresses(listing, group),
        "because": listing.because,
        "first_at": iso(group.first_at) if group else None,
        "last_at": iso(group.last_at) if group else None,
        "letters": _letters(group, store_folder) if group else [],
        "messages": group.messages if group else 0,
        "overridden": list(listing.overridden),
        "public": _public(listing, group) if group else {},
        "reasons": list(group.reasons) if group else [],
        "reporters": group.reporters if group else 0,
        "scope": listing.scope,
        "score": group.score if group else 0,
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


def _public(listing: Listing, group: Group) -> dict[str, Any]:
    """Counts and reasons of what lies under the listing's own value, and nothing of the others.

    Those of other lists may be confidential: that there is one is said, without whose.
    """
    rows = group.sightings.exclude(url="").values_list(
        "message_id", "message__reporter", "url", "host"
    )
    seen = [row for row in rows if _is_of(listing, row[2], row[3])]
    places = {(url, host) for _, _, url, host in seen} | {_place(listing.url)}
    known = known_of(sorted(url for url, _ in places))
    silent = dict.fromkeys(known.elsewhere, (ON_A_LIST,))
    hosts = sorted(host for _, host in places if host)
    name = listing.url if listing.scope == "url" else listing.value
    before = _public_of(listing.grounds.first())  # who reported is forgotten with a decision
    said = [why for _, why in judge(name, hosts, replace(known, elsewhere=silent))]
    return {
        "is_on_a_list": ON_A_LIST in said,
        "messages": max(before.get("messages", 0), len({row[0] for row in seen})),
        "reasons": [why for why in said if why != ON_A_LIST],
        "reporters": max(before.get("reporters", 0), len({row[1] for row in seen})),
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


def _addresses(listing: Listing, group: Group | None) -> list[str]:
    if group is None:
        return [listing.url]
    urls = group.sightings.exclude(url="").order_by("url").values_list("url", flat=True)
    return list(dict.fromkeys([listing.url, *urls.distinct()[:MOST_ADDRESSES]]))[:MOST_ADDRESSES]


def _letters(group: Group, store_folder: Path) -> list[dict[str, Any]]:
    """Of each file its digest, and of a mail the headers that name no recipient."""
    seen = Message.objects.filter(sightings__group=group).exclude(evidence=None).distinct()
    found = []
    for message in seen.select_related("evidence").order_by("received_at", "pk")[:MOST_LETTERS]:
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
