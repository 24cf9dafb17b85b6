"""Forwarded messages to a queue: what belongs together, how bad it looks and why, what comes first.

A group is a registrable domain, or one address where the host is everybody's (`flow.scope`).
Groups that share a lure are one campaign. The score orders the queue and lists nothing.

Messages (one row for each address in a message):

    message     String  whose row it is
    url         String  where it leads, as written
    subject     String  or null
    reporter    String  a pseudonym: who reported, or null
    received_at Datetime(us, UTC)
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import polars as pl

from tocsin.flow.domains import parents, registrable_domain
from tocsin.flow.scope import Lists, cautions_of, why_no_name
from tocsin.flow.urls import Landing, read_url
from tocsin.match.names import Brands, Likeness
from tocsin.rules.listing import Caution
from tocsin.rules.shield import CAMPAIGN
from tocsin.words.errors import Unreadable
from tocsin.words.moments import as_utc

_MOMENT = pl.Datetime("us", "UTC")
MESSAGES: dict[str, pl.DataType | type[pl.DataType]] = {
    "message": pl.String,
    "url": pl.String,
    "subject": pl.String,
    "reporter": pl.String,
    "received_at": _MOMENT,
}
# Points are this project's judgement; what they rest on is in docs/reference/shield.md.
_POINTS = {
    Likeness.REAL_NAME_BELOW: 40,
    Likeness.HOMOGRAPH: 40,
    Likeness.TYPO: 25,
    Likeness.SAME: 25,
    Likeness.COMBINED: 20,
    Likeness.BELOW: 20,
}
_ON_A_LIST, _ADDRESS, _SHORTENED, _MANY_HYPHENS, _LONG, _SCRIPT, _DEEP = 30, 15, 5, 8, 5, 8, 5
_REPORTERS = ((100, 30), (10, 20), (3, 10), (2, 5))  # this many or more: so many points
_REAL = -60  # a brand's own name: most likely a message that is genuine
_RECENT = timedelta(hours=1)
_LATE = 0.1  # what a campaign counts for that is older than campaigns last
_SHORTEST_LURE = 8  # shorter subjects (`hello`) hold nothing together
_HOSTS_LOOKED_AT = 50  # of one group: the sender chooses how many there are


@dataclass(frozen=True)
class Known:
    """What a node knows beforehand: brands, lists of names, and what other lists say.

    `elsewhere`: a name or an address, and a sentence for each list that holds it.
    """

    brands: Brands
    lists: Lists = field(default_factory=Lists)
    elsewhere: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Queue:
    """Groups, the most urgent first, and the addresses that lead nowhere.

    groups: `group` (domain or URL), `campaign` (Int64, equal where a lure is shared), `landing`
    and `lure` (the most frequent), `hosts`, `messages`, `reporters`, `recent_reporters` (UInt32),
    `first_at`, `last_at`, `last_victim_at`, `score` (Int64), `reasons` (List(String)), `urgency`
    (Float64). `rows`: message, group.
    """

    groups: pl.DataFrame
    rows: pl.DataFrame
    unreadable: tuple[str, ...]


def triage(messages: pl.DataFrame, *, known: Known, at: datetime) -> Queue:
    """Groups of messages in the order in which people should look at them."""
    places, unreadable = _places(messages["url"].drop_nulls().unique(), known.lists)
    rows = messages.join(places, on="url").with_columns(lure=_lure(pl.col("subject")))
    groups = _grouped(rows, at=as_utc(at))
    judged = _judged(rows, groups, known)
    campaigns = _campaigns(rows)
    found = groups.join(judged, on="group").join(campaigns, on="group")
    age = (pl.lit(as_utc(at)) - pl.col("first_at")) / CAMPAIGN
    left = (1.0 - age).clip(_LATE, 1.0)
    urgency = pl.col("score").clip(0) * (1 + pl.col("recent_reporters")) * left
    ordered = found.with_columns(
        last_victim_at=pl.col("first_at") + CAMPAIGN, urgency=urgency
    ).sort("urgency", "score", "group", descending=[True, True, False])
    return Queue(ordered, rows.select("message", "group").unique(maintain_order=True), unreadable)


def _places(urls: pl.Series, lists: Lists) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Each distinct URL once: where it leads, and the group that this makes."""
    found: list[tuple[str, str, str, str]] = []
    bad: list[str] = []
    for url in urls.sort():
        try:
            landing = read_url(url)
        except Unreadable:
            bad.append(url)
            continue
        found.append((url, landing.host, landing.text, group_of(landing, lists)))
    columns = dict.fromkeys(("url", "host", "landing", "group"), pl.String)
    return pl.DataFrame(found, schema=columns, orient="row"), tuple(bad)


def group_of(landing: Landing, lists: Lists) -> str:
    """The registrable domain, or the address where the host is everybody's."""
    if why_no_name(landing, lists):
        return landing.text
    return registrable_domain(landing.host) or landing.text


def _lure(subject: pl.Expr) -> pl.Expr:
    """The skeleton of a subject: without answers, numbers, signs; null where little is left."""
    plain = (
        subject.str.normalize("NFKC")
        .str.to_lowercase()
        .str.replace_all(r"^\s*((re|fwd?|aw|wg|tr|rv|sv|vs|antw|odp|vb|r|i)\s*:\s*)+", "")
        .str.replace_all(r"\p{N}+", "#")
        .str.replace_all(r"[^\p{L}#]+", " ")
        .str.strip_chars()
        .str.slice(0, 200)
    )
    return pl.when(plain.str.len_chars() >= _SHORTEST_LURE).then(plain)


def _grouped(rows: pl.DataFrame, *, at: datetime) -> pl.DataFrame:
    """Counts and moments of each group; who reports a hundred times is one reporter."""
    is_recent = pl.col("received_at") > at - _RECENT
    most = {name: _most_frequent(rows, name) for name in ("landing", "lure")}
    counted = rows.group_by("group").agg(
        hosts=pl.col("host").n_unique(),
        messages=pl.col("message").n_unique(),
        reporters=pl.col("reporter").fill_null("").n_unique(),
        recent_reporters=pl.col("reporter").fill_null("").filter(is_recent).n_unique(),
        first_at=pl.col("received_at").min(),
        last_at=pl.col("received_at").max(),
    )
    return counted.join(most["landing"], on="group", how="left").join(
        most["lure"], on="group", how="left"
    )


def _most_frequent(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """The value that most rows of a group have; of equals the first in the alphabet."""
    counted = rows.drop_nulls(name).group_by("group", name).len()
    ranked = counted.sort("group", "len", name, descending=[False, True, False])
    return ranked.unique("group", keep="first", maintain_order=True).select("group", name)


# ── what hangs together ──────────────────────────────────────────────────────────────────


def _campaigns(rows: pl.DataFrame) -> pl.DataFrame:
    """Groups that share a lure, directly or through others, under one number."""
    edges = rows.select("group", "lure").unique().sort("group", "lure")
    above: dict[str, str] = {}
    first: dict[str, str] = {}
    for group, lure in edges.iter_rows():
        above.setdefault(group, group)
        if lure is not None:
            _unite(above, first.setdefault(lure, group), group)
    roots = {group: _root(above, group) for group in above}
    numbers = {root: number for number, root in enumerate(dict.fromkeys(roots.values()), 1)}
    found = [(group, numbers[root]) for group, root in roots.items()]
    return pl.DataFrame(found, schema={"group": pl.String, "campaign": pl.Int64}, orient="row")


def _root(above: dict[str, str], group: str) -> str:
    while above[group] != group:
        above[group] = above[above[group]]
        group = above[group]
    return group


def _unite(above: dict[str, str], one: str, other: str) -> None:
    low, high = sorted((_root(above, one), _root(above, other)))
    above[high] = low


# ── how bad it looks ─────────────────────────────────────────────────────────────────────


def _judged(rows: pl.DataFrame, groups: pl.DataFrame, known: Known) -> pl.DataFrame:
    hosts = rows.group_by("group").agg(pl.col("host").unique().sort().head(_HOSTS_LOOKED_AT))
    found = []
    for group, names, reporters in (
        hosts.join(groups, on="group").select("group", "host", "reporters").iter_rows()
    ):
        points = [*of_reporters(reporters), *judge(group, names, known)]
        found.append((group, sum(n for n, _ in points), [why for _, why in points]))
    return pl.DataFrame(
        found,
        schema={"group": pl.String, "score": pl.Int64, "reasons": pl.List(pl.String)},
        orient="row",
    )


def judge(group: str, hosts: Iterable[str], known: Known) -> list[tuple[int, str]]:
    """Points with a reason each, for a domain or an address and the hosts seen under it."""
    points: dict[str, int] = {}
    for host in hosts:
        for number, why in _of_host(host, group, known):
            points.setdefault(why, number)
    by_kind = sorted(((n, why) for why, n in points.items()), key=lambda one: -abs(one[0]))
    return by_kind[:10]


def of_reporters(count: int) -> list[tuple[int, str]]:
    points = next((points for least, points in _REPORTERS if count >= least), 0)
    return [(points, f"{count} people reported it")] if points else []


def _of_host(host: str, group: str, known: Known) -> list[tuple[int, str]]:
    landing = read_url(group)
    if shared := why_no_name(landing, known.lists):
        points = _ADDRESS if landing.is_address else _SHORTENED
        found = [(points, f"{shared}; only the address can be listed")]
    else:
        found = _of_shape(host)
    domain = registrable_domain(host)
    likes = known.brands.alike(host, domain)[:3]
    found += [(_POINTS[like.kind], f"{like.brand}: {like.because}") for like in likes]
    found += _of_lists(_places_of(host, domain, group, is_shared=bool(shared)), known)
    warned = cautions_of(host, lists=known.lists, is_name=False)
    own = warned.get(Caution.BRAND_OWN)
    return [*found, *([(_REAL, own)] if own else [])]


def _places_of(host: str, domain: str | None, group: str, *, is_shared: bool) -> list[str]:
    """What a list may hold of a host: of a shared one, its own name and the address alone."""
    if is_shared or domain is None:
        return [host, group]
    return [one for one in parents(host) if len(one) >= len(domain)]


def _of_lists(places: list[str], known: Known) -> list[tuple[int, str]]:
    """The first list counts; further ones are said, and often copies of it."""
    said = [one for place in dict.fromkeys(places) for one in known.elsewhere.get(place, ())]
    return [(0 if at else _ON_A_LIST, one) for at, one in enumerate(dict.fromkeys(said))]


def _of_shape(host: str) -> list[tuple[int, str]]:
    """What the name itself looks like."""
    found = []
    # punycode has hyphens of its own
    hyphens = sum(one.count("-") for one in host.split(".") if not one.startswith("xn--"))
    if hyphens >= 3:
        found.append((_MANY_HYPHENS, f"{hyphens} hyphens in the name"))
    if len(host) > 50:
        found.append((_LONG, f"a name of {len(host)} characters"))
    if "xn--" in host:
        found.append((_SCRIPT, "letters of another script in the name"))
    if host.count(".") >= 4:
        found.append((_DEEP, f"{host.count('.') + 1} labels in the name"))
    return found
