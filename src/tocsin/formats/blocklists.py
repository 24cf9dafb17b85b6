"""The shield's list in the forms that resolvers, proxies, browsers and sensors take.

Each form writes what it has a place for and nothing wider: an address never becomes its host. A
form that knows names alone leaves addresses out; one that knows no names below a name says so in
its first lines.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

import polars as pl

from tocsin.formats.listed import SCHEMA, Delta, Edition, names_of, urls_of
from tocsin.words.moments import as_utc

# Suricata: sid is 32 bits wide, and below 1,000,000,000 others number theirs.
FIRST_SID = 1_000_000_000
_SHOWN = [name for name in SCHEMA if name not in ("number", "added_in", "removed_in")]
_MOMENT = "%Y-%m-%dT%H:%M:%SZ"
# Letters that mean something in an adblock filter (https://adguard.com/kb: basic rules).
_FILTER_SIGNS = r"[*^|$,]"


@dataclass(frozen=True)
class ListFormat:
    """One form of the list: what it is called, how it is written."""

    name: str
    media_type: str
    extension: str
    write: Callable[[pl.DataFrame, Edition], bytes]
    says: str  # for whom it is
    holds_addresses: bool


def _comments(edition: Edition, sign: str, *further: str) -> list[str]:
    """What stands above the list in forms that have comments; one line each, whatever is in it."""
    made = as_utc(edition.made_at).strftime(_MOMENT)
    lines = [
        edition.title,
        f"version {edition.version}, made {made}",
        f"mistakes, appeals: {edition.contact}",
        *further,
    ]
    return [f"{sign} {' '.join(line.split())}" for line in lines]


def _text(head: list[str], body: pl.Series) -> bytes:
    lines = body.str.join("\n").item() if body.len() else None
    return "\n".join([*head, *([lines] if lines else []), ""]).encode()


def _with(before: str, names: pl.Series, after: str = "") -> pl.Series:
    return (
        names.alias("it")
        .to_frame()
        .select(pl.concat_str(pl.lit(before), "it", pl.lit(after)))
        .to_series()
    )


def write_domains(table: pl.DataFrame, edition: Edition) -> bytes:
    """One name a line; each stands for everything below it too."""
    return _text(_comments(edition, "#"), names_of(table))


def write_urls(table: pl.DataFrame, edition: Edition) -> bytes:
    """One address a line: those of which no name is blocked."""
    return _text(_comments(edition, "#"), urls_of(table))


def write_hosts(table: pl.DataFrame, edition: Edition) -> bytes:
    """A hosts file (hosts(5)). It knows no names below a name."""
    note = "a hosts file does not cover names below these; a resolver's zone does"
    return _text(_comments(edition, "#", note), _with("0.0.0.0 ", names_of(table)))


def write_adblock(table: pl.DataFrame, edition: Edition) -> bytes:
    """Filters of content blockers. An address with a sign of their language is left out."""
    urls = urls_of(table)
    is_plain = ~urls.str.contains(_FILTER_SIGNS)
    left = urls.len() - int(is_plain.sum())
    note = [f"{left} addresses have no form here"] if left else []
    filters = [_with("||", names_of(table), "^"), _with("|", urls.filter(is_plain), "|$document")]
    return _text(_comments(edition, "!", *note), pl.concat(filters))


def write_squid(table: pl.DataFrame, edition: Edition) -> bytes:
    """For `acl shield dstdomain "file"`: the name and all below it.

    Squid refuses a name below another one of the same list, so those are left out: the other
    covers them.
    """
    return _text(_comments(edition, "#"), _with(".", _uncovered(names_of(table))))


def _uncovered(names: pl.Series) -> pl.Series:
    known = names.implode()
    covered, rest = names.is_null(), names
    while rest.is_not_null().any():
        rest = rest.str.extract(r"^[^.]*\.(.*)$", 1)
        covered |= rest.is_in(known).fill_null(value=False)
    return names.filter(~covered)


def write_squid_urls(table: pl.DataFrame, edition: Edition) -> bytes:
    """For `acl shield url_regex "file"`: each address whole, and no other."""
    urls = [f"^{re.escape(url)}$" for url in urls_of(table)]
    return _text(_comments(edition, "#"), pl.Series(urls, dtype=pl.String))


def write_suricata(table: pl.DataFrame, edition: Edition) -> bytes:
    """Rules for DNS and TLS of a name with all below it; for plain HTTP of an address.

    `number` gives the sid, two for each listing, so that a rule keeps it from edition to edition.
    """
    rows = table.sort("value", "number").unique("value", keep="first", maintain_order=True)
    rules = [
        rule
        for value, scope, number, reference, added in rows.select(
            "value", "scope", "number", "reference", "added_in"
        ).iter_rows()
        for rule in _rules(value, scope, FIRST_SID + 2 * number, reference, max(added, 1))
    ]
    return _text(_comments(edition, "#"), pl.Series(rules, dtype=pl.String))


def _rules(value: str, scope: str, sid: int, reference: str, revision: int) -> list[str]:
    end = f"classtype:social-engineering; rev:{revision};"
    said = f'msg:"Phishing shield {_quoted(reference)}"'
    if scope != "url":
        name = f'dotprefix; content:".{_quoted(value)}"; nocase; endswith'
        return [
            f"drop dns any any -> any any ({said}; dns.query; {name}; {end} sid:{sid};)",
            f"drop tls any any -> any any ({said}; tls.sni; {name}; {end} sid:{sid + 1};)",
        ]
    parts = urlsplit(value)
    if parts.scheme != "http":
        return []  # a sensor sees no path inside TLS, and the host is not to be blocked
    path = value.split("/", 3)[3]
    host = (
        f'http.host; content:"{_quoted(parts.hostname or "")}"; bsize:{len(parts.hostname or "")}'
    )
    uri = f'http.uri.raw; content:"/{_quoted(path)}"; bsize:{len(path.encode()) + 1}'
    return [f"drop http any any -> any any ({said}; {host}; {uri}; {end} sid:{sid};)"]


def _quoted(text: str) -> str:
    """Bytes that mean something in a rule, and all that are no plain letters, in hexadecimal."""
    return re.sub(
        rb"[^a-zA-Z0-9._/?&=%+~-]", lambda at: b"|%02X|" % at[0][0], text.encode()
    ).decode()


# ── with everything that may be known ────────────────────────────────────────────────────


def _known(table: pl.DataFrame) -> pl.DataFrame:
    """What the public may know of each listing; moments as text."""
    moments = pl.col("listed_at", "expires_at").dt.strftime(_MOMENT)
    return table.sort("value", "number").select(_SHOWN).with_columns(moments)


def write_json(table: pl.DataFrame, edition: Edition) -> bytes:
    """One object: the edition, and all listings."""
    return _object(edition, listings=_known(table))


def write_csv(table: pl.DataFrame, edition: Edition) -> bytes:
    """RFC 4180, a header, all values quoted; a value that a spreadsheet would compute is text."""
    del edition  # CSV has no place for it
    shown = _known(table)
    texts = {name: pl.col(name) for name in shown.columns if shown[name].dtype == pl.String}
    computed = r"^[=+\-@\t\r]"
    shown = shown.with_columns(
        pl.when(text.str.contains(computed)).then("'" + text).otherwise(text).alias(name)
        for name, text in texts.items()
    )
    return shown.write_csv(quote_style="always", line_terminator="\r\n").encode()


def write_delta(delta: Delta, edition: Edition) -> bytes:
    """What changed, as JSON: whoever applies it takes out `removed` first, by scope and value."""
    gone = delta.removed.select("reference", "scope", "value")
    return _object(edition, since=delta.since, removed=gone, added=_known(delta.added))


def _object(edition: Edition, **members: pl.DataFrame | int) -> bytes:
    head = {
        "title": edition.title,
        "contact": edition.contact,
        "version": edition.version,
        "made_at": as_utc(edition.made_at).strftime(_MOMENT),
    }
    parts = [json.dumps(head, ensure_ascii=False)[:-1]]
    for name, value in members.items():
        text = str(value) if isinstance(value, int) else value.write_json()
        parts.append(f'"{name}": {text}')
    return (", ".join(parts) + "}\n").encode()


LIST_FORMATS: dict[str, ListFormat] = {
    one.name: one
    for one in (
        ListFormat(
            "adblock", "text/plain", ".txt", write_adblock, "content blockers", holds_addresses=True
        ),
        ListFormat("csv", "text/csv", ".csv", write_csv, "spreadsheets", holds_addresses=True),
        ListFormat(
            "domains", "text/plain", ".txt", write_domains, "anything", holds_addresses=False
        ),
        ListFormat(
            "hosts", "text/plain", ".txt", write_hosts, "single machines", holds_addresses=False
        ),
        ListFormat(
            "json", "application/json", ".json", write_json, "programs", holds_addresses=True
        ),
        ListFormat(
            "squid", "text/plain", ".acl", write_squid, "Squid: dstdomain", holds_addresses=False
        ),
        ListFormat(
            "squid-urls",
            "text/plain",
            ".acl",
            write_squid_urls,
            "Squid: url_regex",
            holds_addresses=True,
        ),
        ListFormat(
            "suricata",
            "text/plain",
            ".rules",
            write_suricata,
            "Suricata 6 and later",
            holds_addresses=True,
        ),
        ListFormat(
            "urls",
            "text/plain",
            ".txt",
            write_urls,
            "proxies that see addresses",
            holds_addresses=True,
        ),
    )
}
# Written out of scope and value alone.
PLAIN_FORMS = ("domains", "hosts", "squid")
