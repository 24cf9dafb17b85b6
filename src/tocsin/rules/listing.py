"""What a listing of the shield covers, how long it may, and what warns of a mistake.

Terms and re-checks are this project's defaults. No primary text on the terms of national warning
lists is at hand: (unverified).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from tocsin.words.moments import DAY, as_utc


class Scope(StrEnum):
    """What is blocked, the widest first."""

    DOMAIN = "domain"  # the registrable domain and every name below it
    HOST = "host"  # one host name and every name below it
    URL = "url"  # one address: never blocked by name, only told


@dataclass(frozen=True)
class ScopeRule:
    """One row: what a scope stands for, when it is right, its term and its re-checks.

    `is_blocked_by_name`: whether it enters the outputs that see nothing but names.
    """

    scope: Scope
    covers: str
    when: str
    term: timedelta
    rechecks: tuple[timedelta, ...]
    why: str
    is_blocked_by_name: bool = True


# 180 days: six months at the most, whatever month they begin in.
_HALF_A_YEAR = 180 * DAY
# A link on a shared host or behind a shortener is taken down in days, and the same address can
# then be somebody else's; where it is still up, somebody looks and renews.
_A_FORTNIGHT = 14 * DAY
_EARLY = (DAY, 7 * DAY)
_LATER = (*_EARLY, 30 * DAY, 90 * DAY, 150 * DAY)

SCOPES: dict[Scope, ScopeRule] = {
    row.scope: row
    for row in (
        ScopeRule(
            Scope.DOMAIN,
            "the registrable domain and every name below it",
            "the whole domain serves the fraud: it was registered for it",
            _HALF_A_YEAR,
            _LATER,
            "whoever registered it can make any name below it, so that less would not protect",
        ),
        ScopeRule(
            Scope.HOST,
            "the host name and every name below it",
            "the fraud has a host of its own below a domain that serves others too",
            _HALF_A_YEAR,
            _LATER,
            "its neighbours under the same domain have done nothing",
        ),
        ScopeRule(
            Scope.URL,
            "this one address and no name",
            "shared hosting, shorteners, addresses without a name, pages broken into",
            _A_FORTNIGHT,
            _EARLY,
            "a block by name would take innocent pages on the same host with it",
            is_blocked_by_name=False,
        ),
    )
}


@dataclass(frozen=True)
class PathRule:
    """One row: where fraud lies on a site that was broken into, and whose place that is.

    `begins`: a segment of the path is this or, where it ends with a star, begins with it.
    """

    begins: str
    place: str


# This project's judgement, from how these programs lay out their folders; no list of a primary
# source is at hand. Whoever registers a name for fraud can use such a path too: then one address
# is listed, and the domain once a second host of it is.
BROKEN_INTO = (
    PathRule("wp-content", "WordPress keeps what its site uploads"),
    PathRule("wp-includes", "WordPress keeps its own program"),
    PathRule("wp-admin", "WordPress is administered"),
    PathRule("com_*", "Joomla keeps its extensions"),
    PathRule("cgi-bin", "a web server keeps its programs"),
    PathRule("~*", "one of many people on a server has pages"),
    PathRule(".*", "folders are hidden from whoever looks after the site"),
)


def broken_into(path: str) -> str | None:
    """Whose place a path is on a site that was broken into, in a sentence; None for others."""
    folders = path.partition("?")[0].lower().split("/")[:-1]
    for folder in folders:
        for row in BROKEN_INTO:
            wanted = row.begins.removesuffix("*")
            is_beginning = wanted != row.begins
            if folder == wanted or (is_beginning and folder.startswith(wanted)):
                return f"/{folder}/ is where {row.place}"
    return None


def expires_at(scope: Scope, *, listed_at: datetime) -> datetime:
    """When a listing ends by itself, in UTC, if nobody renews it."""
    return as_utc(listed_at) + SCOPES[scope].term


def rechecks_at(scope: Scope, *, listed_at: datetime) -> tuple[datetime, ...]:
    """When somebody looks again whether it is still what it was listed for, the first one first."""
    return tuple(as_utc(listed_at) + span for span in SCOPES[scope].rechecks)


class Caution(StrEnum):
    """The lists that stop a mistake: what is on one is no ordinary name."""

    ALWAYS_PASSES = "always_passes"
    PUBLIC_SUFFIX = "public_suffix"
    ESSENTIAL = "essential"
    GOVERNMENT = "government"
    TOP_SITE = "top_site"
    BRAND_OWN = "brand_own"
    MAILBOX = "mailbox"  # no list: it is read off the address


@dataclass(frozen=True)
class CautionRule:
    """One row. `said` is what an entry is, in a sentence; what is not overridable is final.

    `warns_of_urls`: whether it warns of one address as well, where no name is blocked.
    """

    caution: Caution
    holds: str
    said: str
    why: str
    is_overridable: bool = True
    warns_of_urls: bool = True


# In the order in which they are said, the final ones first.
CAUTIONS: dict[Caution, CautionRule] = {
    row.caution: row
    for row in (
        CautionRule(
            Caution.ALWAYS_PASSES,
            "emergency services, the provider's own portal, updates, checks of certificates",
            "a name that always passes",
            "people and machines need it when everything else fails",
            is_overridable=False,
        ),
        CautionRule(
            Caution.PUBLIC_SUFFIX,
            "suffixes under which anybody registers names",
            "a public suffix",
            "it would block everybody who has a name under it",
            is_overridable=False,
            warns_of_urls=False,
        ),
        CautionRule(
            Caution.ESSENTIAL,
            "services that people cannot do without: banks, hospitals, power, water, telephone",
            "an essential service",
            "a mistake harms more people than the fraud would",
        ),
        CautionRule(
            Caution.GOVERNMENT,
            "names of public bodies",
            "a name of a public body",
            "a public body is told before it is blocked",
        ),
        CautionRule(
            Caution.TOP_SITE,
            "the most visited sites",
            "one of the most visited sites",
            "many people visit it for its own sake",
            warns_of_urls=False,
        ),
        CautionRule(
            Caution.BRAND_OWN,
            "the real names of protected brands",
            "a brand's own name",
            "reports of real messages of the brand are the most common mistake",
        ),
        CautionRule(
            Caution.MAILBOX,
            "addresses that name somebody: a mailbox in the path or the query, however written",
            "what looks like somebody's mailbox",
            "whoever was to be cheated would stand in lists that anybody reads",
        ),
    )
}
