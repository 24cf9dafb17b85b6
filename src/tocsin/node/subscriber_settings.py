"""The provider's desk: whether subscribers are warned, how many in a day, and when not.

TOCSIN_SUBSCRIBERS_WARN   on: the worker warns; without it nobody is written to but by
                          `tocsin subscribers warn --send`
TOCSIN_SUBSCRIBERS_MOST   warnings in 24 hours (default 1000)
TOCSIN_SUBSCRIBERS_QUIET  hours at which nobody is written to, 21:00-08:00 (default: none)
TOCSIN_SUBSCRIBERS_ZONE   the time zone of these hours, Europe/Brussels (default UTC)
TOCSIN_SUBSCRIBERS_RATE   codes that one address may check in an hour (default 20)
TOCSIN_SUBSCRIBERS_SMS_URL, TOCSIN_SUBSCRIBERS_SMS_TOKEN_FILE
                          the gateway for text messages, and the file of its token
TOCSIN_SUBSCRIBERS_PORTAL_URL, TOCSIN_SUBSCRIBERS_PORTAL_SECRET_FILE
                          the customer portal, and the file of the secret that signs for it
TOCSIN_SUBSCRIBERS_GATEWAY_ALLOW, TOCSIN_SUBSCRIBERS_GATEWAY_CA_FILE
                          networks of both that are no public ones, authorities
TOCSIN_SUBSCRIBERS_LETTERS  the folder in which the post room finds letters
TOCSIN_SUBSCRIBERS_STAGGER  days over which first warnings are spread (0 to 7, default 0)
TOCSIN_SUBSCRIBERS_MEASURES  on: lines are limited by adopted playbooks (default off)
TOCSIN_SUBSCRIBERS_MEASURES_FILE  by which way, and what is sent (TOML)
TOCSIN_SUBSCRIBERS_MEASURES_MOST  lines that may be limited in 24 hours (default 50)
TOCSIN_UPSTREAM_URL, TOCSIN_UPSTREAM_TOKEN_FILE
                          the node that delivers to us, and the file of its token: it hears what its
                          deliveries came to, as counts
TOCSIN_UPSTREAM_PORTS, TOCSIN_UPSTREAM_ALLOW, TOCSIN_UPSTREAM_CA_FILE
                          ports beside 443, networks that are no public ones, authorities
"""

import os
import re
from datetime import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ImproperlyConfigured

from tocsin.channels.gateway import Exits, Gateway, gateway_of
from tocsin.channels.measures import Measures, read_measures
from tocsin.channels.upstream import Upstream, upstream_of
from tocsin.rules.playbooks import Remedy
from tocsin.words.errors import Unusable

UPSTREAM = {
    "url": "TOCSIN_UPSTREAM_URL",
    "token_file": "TOCSIN_UPSTREAM_TOKEN_FILE",
    "ports": "TOCSIN_UPSTREAM_PORTS",
    "allow": "TOCSIN_UPSTREAM_ALLOW",
    "ca_file": "TOCSIN_UPSTREAM_CA_FILE",
}
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")


def read_subscribers() -> dict[str, Any]:
    """The settings, checked; raises `ImproperlyConfigured`, naming the one."""
    return {
        "send": _is_on("TOCSIN_SUBSCRIBERS_WARN"),
        "most": _whole("TOCSIN_SUBSCRIBERS_MOST", 1000),
        "quiet": _quiet(),
        "zone": _zone(),
        "rate": _whole("TOCSIN_SUBSCRIBERS_RATE", 20),
        "upstream": _upstream(),
        "exits": _exits(),
        "stagger": _stagger(),
        "measures": _measures(),
    }


def _word(name: str) -> str:
    return os.environ.get(name, "").strip()


def _is_on(name: str) -> bool:
    said = _word(name).lower() or "off"
    if said not in ("on", "off"):
        raise ImproperlyConfigured(f"{name}={said[:30]!r}: possible is on or off")
    return said == "on"


def _whole(name: str, default: int) -> int:
    text = _word(name) or str(default)
    if text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= 1_000_000:
        return int(text)
    raise ImproperlyConfigured(f"{name}={text[:30]!r}: possible is 1 to 1000000")


def _quiet() -> tuple[time, time] | None:
    text = _word("TOCSIN_SUBSCRIBERS_QUIET")
    if not text:
        return None
    found = _HOURS.fullmatch(text)
    hours = [int(one) for one in found.groups()] if found else []
    if not found or hours[:2] == hours[2:]:
        raise ImproperlyConfigured(
            f"TOCSIN_SUBSCRIBERS_QUIET={text[:30]!r}: possible is 21:00-08:00"
        )
    return time(hours[0], hours[1]), time(hours[2], hours[3])


def _zone() -> ZoneInfo:
    name = _word("TOCSIN_SUBSCRIBERS_ZONE") or "UTC"
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # of a name that is a path, or none there
        raise ImproperlyConfigured(
            f"TOCSIN_SUBSCRIBERS_ZONE={name[:60]!r} is no time zone. Possible: Europe/Brussels"
        ) from None


def _exits() -> Exits:
    sms = _gateway("TOCSIN_SUBSCRIBERS_SMS_URL", "TOCSIN_SUBSCRIBERS_SMS_TOKEN_FILE")
    portal = _gateway("TOCSIN_SUBSCRIBERS_PORTAL_URL", "TOCSIN_SUBSCRIBERS_PORTAL_SECRET_FILE")
    folder = _word("TOCSIN_SUBSCRIBERS_LETTERS")
    if folder and not Path(folder).is_absolute():
        raise ImproperlyConfigured(
            f"TOCSIN_SUBSCRIBERS_LETTERS={folder[:80]!r}: possible is a whole path, /srv/letters"
        )
    return Exits(sms, portal, Path(folder) if folder else None)


def _gateway(address: str, shown_by: str) -> Gateway | None:
    facts = {
        "url": _word(address),
        "secret_file" if "SECRET" in shown_by else "token_file": _word(shown_by),
        "allow": _word("TOCSIN_SUBSCRIBERS_GATEWAY_ALLOW"),
        "ca_file": _word("TOCSIN_SUBSCRIBERS_GATEWAY_CA_FILE"),
    }
    if facts["url"] and not _word(shown_by):
        raise ImproperlyConfigured(f"{address} needs {shown_by}")
    try:
        return gateway_of(facts)
    except Unusable as fault:
        raise ImproperlyConfigured(f"{address}: {fault}") from fault


def _stagger() -> int:
    text = _word("TOCSIN_SUBSCRIBERS_STAGGER") or "0"
    if text not in tuple("01234567"):
        raise ImproperlyConfigured(
            f"TOCSIN_SUBSCRIBERS_STAGGER={text[:30]!r}: possible is 0 to 7 days"
        )
    return int(text)


def _measures() -> Measures | None:
    path, is_on = _word("TOCSIN_SUBSCRIBERS_MEASURES_FILE"), _is_on("TOCSIN_SUBSCRIBERS_MEASURES")
    if is_on and not path:
        raise ImproperlyConfigured(
            "TOCSIN_SUBSCRIBERS_MEASURES=on needs TOCSIN_SUBSCRIBERS_MEASURES_FILE"
        )
    most = _whole("TOCSIN_SUBSCRIBERS_MEASURES_MOST", 50)
    try:
        return read_measures(path, kinds=tuple(Remedy), most=most, is_on=is_on)
    except Unusable as fault:
        raise ImproperlyConfigured(f"TOCSIN_SUBSCRIBERS_MEASURES_FILE: {fault}") from fault


def _upstream() -> Upstream | None:
    try:
        return upstream_of({key: _word(name) for key, name in UPSTREAM.items()})
    except Unusable as fault:
        raise ImproperlyConfigured(f"TOCSIN_UPSTREAM_…: {fault}") from fault
