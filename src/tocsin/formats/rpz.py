"""A response policy zone: what a resolver answers differently (draft-vixie-dnsop-dns-rpz-00).

A name and everything below it are two owners, `evil.example` and `*.evil.example`. The answer is
NXDOMAIN (`CNAME .`) for what is served over HTTPS, where no warning page could be shown, and the
walled garden for the rest. What always passes comes first (`CNAME rpz-passthru.`), and nothing at
or below it is blocked.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address

import polars as pl

from tocsin.formats.listed import BY_NAME, Delta, Edition, refuse_misfits
from tocsin.words.errors import Unusable
from tocsin.words.moments import as_utc

_SERIALS = 2**32
_FEW = 32
_UNTOUCHED = "CNAME rpz-passthru."
_NXDOMAIN = "CNAME ."
MEDIA_TYPE = "text/dns"  # RFC 4027


@dataclass(frozen=True)
class Garden:
    """Where people are led who would have been cheated: a name, or addresses. Neither: nowhere."""

    name: str = ""
    addresses: tuple[str, ...] = ()

    def records(self) -> list[str]:
        """The answers, as type and data."""
        if self.name:
            return [f"CNAME {self.name}."]
        addresses = [ip_address(text) for text in self.addresses]
        return [f"{'A' if one.version == 4 else 'AAAA'} {one}" for one in addresses] or [_NXDOMAIN]


@dataclass(frozen=True)
class Zone:
    """Where the zone stands; names without a final dot. Times in seconds.

    `ttl` is how long a resolver's clients keep an answer that was changed: the longest that a
    withdrawn listing lives on.
    """

    origin: str
    name_server: str
    mailbox: str  # hostmaster.shield.example
    garden: Garden = Garden()
    ttl: int = 30
    refresh: int = 60
    retry: int = 30
    expire: int = 7 * 24 * 3600

    def __post_init__(self) -> None:
        names = [self.origin, self.name_server, self.mailbox]
        refuse_misfits(pl.Series([*names, *([self.garden.name] if self.garden.name else [])]))
        try:
            self.garden.records()
        except ValueError as error:
            raise Unusable(f"walled garden: {error}. Possible: 192.0.2.1, 2001:db8::1") from None


def next_serial(previous: int | None, *, at: datetime) -> int:
    """A serial that follows `previous` (RFC 1982): the seconds of the moment, or one more.

    Zero is left out: some servers take it for no serial.
    """
    now = int(as_utc(at).timestamp()) % _SERIALS
    if previous is None or is_newer(now, previous):
        return now or 1
    return (previous + 1) % _SERIALS or 1


def is_newer(serial: int, previous: int) -> bool:
    """Whether a serial follows another in the arithmetic of RFC 1982."""
    return 0 < (serial - previous) % _SERIALS < _SERIALS // 2


def write_zone(
    table: pl.DataFrame, *, zone: Zone, edition: Edition, passes: Iterable[str] = ()
) -> bytes:
    """The whole zone as text (RFC 1035 section 5). `table`: what is in force; see `listed`.

    `edition.version` is the serial. Raises `Unusable` for a name that would break the zone.
    """
    passing = sorted(set(passes))
    refuse_misfits(pl.Series(passing, dtype=pl.String), below=zone.origin)
    blocked = _blocked(table, zone, passing)
    owners = pl.concat_str("name", pl.lit(" "), "answer", pl.lit("\n*."), "name", pl.lit(" "))
    lines = blocked.select(pl.concat_str(owners, "answer").alias("line"))["line"]
    body = lines.str.join("\n").item() if lines.len() else ""
    passed = [f"{owner} {_UNTOUCHED}" for name in passing for owner in (name, f"*.{name}")]
    return "\n".join([*_head(zone, edition), *passed, *([body] if body else []), ""]).encode()


def _head(zone: Zone, edition: Edition) -> list[str]:
    return [
        f"$ORIGIN {zone.origin}.",
        f"$TTL {zone.ttl}",
        f"@ {_soa(zone, edition)}",
        f"@ NS {zone.name_server}.",
    ]


def _soa(zone: Zone, edition: Edition) -> str:
    times = f"{zone.refresh} {zone.retry} {zone.expire} {zone.ttl}"
    return f"SOA {zone.name_server}. {zone.mailbox}. {edition.version} {times}"


def _blocked(table: pl.DataFrame, zone: Zone, passing: list[str]) -> pl.DataFrame:
    """Columns `name`, `answer`, a row for each record of a name; without what passes."""
    names = (
        table.lazy()
        .filter(pl.col("scope").is_in(BY_NAME))
        .select(name="value", over_https="over_https")
        .group_by("name")
        .agg(pl.col("over_https").any())
        .sort("name")
        .collect()
    )
    refuse_misfits(names["name"], below=zone.origin)
    if passing:
        names = names.filter(~_at_or_below(names["name"], passing))
    answers = pl.DataFrame({"over_https": False, "answer": zone.garden.records()})
    answers = pl.concat([answers, pl.DataFrame({"over_https": [True], "answer": [_NXDOMAIN]})])
    if len(answers) == 2:  # one record each: no join needed, and it takes most of the time
        garden, nxdomain = answers["answer"]
        answer = pl.when("over_https").then(pl.lit(nxdomain)).otherwise(pl.lit(garden))
        return names.select("name", answer=answer)
    return names.join(answers, on="over_https", maintain_order="left").select("name", "answer")


def _at_or_below(names: pl.Series, entries: list[str]) -> pl.Series:
    """Whether each name is an entry or below one; label by label where entries are many."""
    if len(entries) <= _FEW:
        name = pl.concat_str(pl.lit("."), "name")
        hits = [name.str.ends_with(f".{entry}") for entry in entries]
        return names.alias("name").to_frame().select(pl.any_horizontal(hits)).to_series()
    wanted = pl.Series(entries)
    found, rest = names.is_in(wanted.implode()), names
    while rest.is_not_null().any():
        rest = rest.str.extract(r"^[^.]*\.(.*)$", 1)
        found |= rest.is_in(wanted.implode()).fill_null(value=False)
    return found


# ── changes ──────────────────────────────────────────────────────────────────────────────


def write_changes(
    delta: Delta, *, zone: Zone, edition: Edition, passes: Iterable[str] = ()
) -> bytes:
    """The commands of a transaction of Knot DNS (`knotc`), one a line, for a primary server.

    Owners that went, or have another answer, are unset whole: no record of an older answer stays.
    """
    went, came = _owners(delta, zone, passes)
    origin = f"{zone.origin}."
    lines = [f"zone-begin {origin}"]
    lines += [f"zone-unset {origin} {owner}" for owner in went]
    lines += [f"zone-set {origin} {owner} {zone.ttl} {answer}" for owner, answer in came]
    lines += [f"zone-set {origin} @ {zone.ttl} {_soa(zone, edition)}", f"zone-commit {origin}"]
    return "\n".join([*lines, ""]).encode()


def write_update(
    delta: Delta, *, zone: Zone, edition: Edition, passes: Iterable[str] = ()
) -> bytes:
    """The same as one dynamic update (RFC 2136), in the words of nsupdate(1): all or nothing.

    One message for all changes: with a million names a server takes it sooner than a transaction.
    """
    went, came = _owners(delta, zone, passes)
    origin = f"{zone.origin}."
    lines = [f"zone {origin}"]
    lines += [f"update delete {owner}.{origin}" for owner in went]
    lines += [f"update add {owner}.{origin} {zone.ttl} {answer}" for owner, answer in came]
    lines += [f"update add {origin} {zone.ttl} {_soa(zone, edition)}", "send"]
    return "\n".join([*lines, ""]).encode()


def _owners(
    delta: Delta, zone: Zone, passes: Iterable[str]
) -> tuple[list[str], list[tuple[str, str]]]:
    """Owners to unset, and owners to set with their answers; exact and below each.

    An owner has one answer, whatever number of rows list its name: so each one that a change
    touches is looked at before and after with all its rows, and only what differs is written.
    """
    passing = sorted(set(passes))
    before = _blocked(pl.concat([delta.removed, delta.stayed]), zone, passing)
    after = _blocked(pl.concat([delta.added, delta.stayed]), zone, passing)
    was, now = (_answers(one) for one in (before, after))
    went = [name for name in was if was[name] != now.get(name)]
    came = [(name, one) for name in now if was.get(name) != now[name] for one in now[name]]
    unset = [owner for name in went for owner in (name, f"*.{name}")]
    return unset, [(owner, one) for name, one in came for owner in (name, f"*.{name}")]


def _answers(blocked: pl.DataFrame) -> dict[str, tuple[str, ...]]:
    """Each name with all its answers, in the order of the names."""
    found: dict[str, tuple[str, ...]] = {}
    for name, answer in blocked.iter_rows():
        found[name] = (*found.get(name, ()), answer)
    return found


def write_whole(
    table: pl.DataFrame,
    *,
    zone: Zone,
    edition: Edition,
    passes: Iterable[str] = (),
    unset: Iterable[str] = (),
) -> bytes:
    """The whole zone as one transaction of Knot DNS; `unset` are the owners that it has now.

    Owners are unset and set again in one transaction, so that only what differs is a change.
    """
    origin, text = f"{zone.origin}.", write_zone(table, zone=zone, edition=edition, passes=passes)
    lines = [f"zone-begin {origin}", *(f"zone-unset {origin} {owner}" for owner in unset)]
    for record in text.decode().splitlines()[2:]:  # after $ORIGIN and $TTL
        owner, rest = record.split(" ", 1)
        lines.append(f"zone-set {origin} {owner} {zone.ttl} {rest}")
    return "\n".join([*lines, f"zone-commit {origin}", ""]).encode()
