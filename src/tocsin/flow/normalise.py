"""Normalise: a raw table to events, every field validated, a column at a time.

A value that breaks its field's rule never becomes part of an event: it moves to
`extra.invalid_<field>`, where only the holder of the address may see it, and is counted. A row
is refused (a `Fault`, to quarantine with its exact bytes) only when it cannot be used at
all: its time is not a time, or nothing in it says where the problem is.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import polars as pl

from tocsin.flow.addresses import as_range, parse_ip, range_text
from tocsin.flow.tables import ROW, Fault, Parsed
from tocsin.words.classes import SPELLINGS, TYPES
from tocsin.words.countries import CODES
from tocsin.words.errors import Unusable
from tocsin.words.fields import FIELDS, Kind, set_aside
from tocsin.words.markings import STRICTNESS, Tlp, read_tlp

_MOMENT = pl.Datetime("us", "UTC")
_NO_TEXT = pl.Series([None], dtype=pl.String)
_NO_MOMENT = pl.Series([None], dtype=_MOMENT)
V4 = {"source": "source.v4", "destination": "destination.v4"}
DTYPES: dict[Kind, type[pl.DataType]] = {
    Kind.PORT: pl.UInt16,
    Kind.ASN: pl.UInt32,
    Kind.NUMBER: pl.Float64,
}
_LABEL = "[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
_FQDN = rf"^{_LABEL}(\.{_LABEL})*$"
_NAME = r"^[a-z0-9][a-z0-9 ._/+:-]{0,127}$"
_URL = r"^[a-z][a-z0-9+.-]*://[^\s/?#]+[^\s]*$"
_CONTROL = r"[\x00-\x1f\x7f]"
_LOGIN = r"(://[^/?#:\s]*):[^/?#\s]*@"
_HOST = r"^[a-z][a-z0-9+.-]*://(?:[^/?#@]*@)*(\[[0-9A-Fa-f:.]+\]|[^/:?#@\[\]]+)"
_USERINFO = r"^(\s*[A-Za-z][A-Za-z0-9+.-]*://[^/?#:]*):[^/?#]*@"  # a name may hold an @
_TRANSPORT = ["tcp", "udp", "icmp", "icmpv6", "sctp", "dccp", "gre", "esp", "ah", "igmp", "udplite"]
_UNKNOWN_ADDRESS = ["", "0", "0.0.0.0", "::"]  # what feeds write for "none"  # noqa: S104
_UNREAD_MARKING = set_aside("tlp")
_LOCATES = ("source.ip", "source.network", "source.fqdn", "source.url")


@dataclass(frozen=True)
class Normalised:
    """`events`: validated columns, named as in `words.fields` plus `source.v4`,
    `destination.v4` (UInt32) and `report.row`; `faults`: rows refused; `invalid`: per field, how
    many values were set aside."""

    events: pl.DataFrame
    faults: list[Fault]
    invalid: dict[str, int] = field(default_factory=dict)


Check = Callable[[pl.Expr], pl.Expr]


def _matching(text: pl.Expr, pattern: str) -> pl.Expr:
    return pl.when(text.str.contains(pattern)).then(text)


def _text(text: pl.Expr) -> pl.Expr:
    return pl.when(text.str.len_bytes() <= 16384).then(text)


def _name(text: pl.Expr) -> pl.Expr:
    return _matching(text.str.to_lowercase(), _NAME)


def _port(text: pl.Expr) -> pl.Expr:
    number = text.cast(pl.UInt16, strict=False)
    return pl.when(number > 0).then(number)


def _asn(text: pl.Expr) -> pl.Expr:
    number = text.str.strip_prefix("AS").cast(pl.UInt32, strict=False)
    return pl.when(number > 0).then(number)


def _country(text: pl.Expr) -> pl.Expr:
    code = text.str.to_uppercase()
    return pl.when(code.is_in(sorted(CODES))).then(code)


def _fqdn(text: pl.Expr) -> pl.Expr:
    name = text.str.strip_suffix(".").str.to_lowercase()
    dotted = name.str.contains(".", literal=True) & (name.str.len_bytes() <= 253)
    return pl.when(dotted & name.str.contains(_FQDN) & ~name.str.contains(r"\.[0-9]+$")).then(name)


def _url(text: pl.Expr) -> pl.Expr:
    """Scheme lower-cased, `hxxp` undone, a password before the host blanked."""
    url = text.str.replace(r"^(?i)hxxp", "http").str.replace(_USERINFO, "${1}:***@")
    scheme = url.str.extract(r"^([A-Za-z][A-Za-z0-9+.-]*)://").str.to_lowercase()
    url = scheme + url.str.slice(scheme.str.len_chars())
    return pl.when(url.str.len_bytes() <= 8192).then(_matching(url, _URL))


def _hex(size: int) -> Check:
    return lambda text: _matching(text.str.to_lowercase(), rf"^[0-9a-f]{{{size}}}$")


def _number(text: pl.Expr) -> pl.Expr:
    number = text.cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number)


def _transport(text: pl.Expr) -> pl.Expr:
    name = text.str.to_lowercase()
    return pl.when(name.is_in(_TRANSPORT)).then(name)


def _flag(text: pl.Expr) -> pl.Expr:
    name = text.str.to_lowercase()
    return name.replace_strict(
        {"true": "true", "1": "true", "y": "true", "false": "false", "0": "false", "n": "false"},
        default=None,
        return_dtype=pl.String,
    )


def _tlp(text: pl.Expr) -> pl.Expr:
    return text.map_elements(_read_tlp, return_dtype=pl.String)


def _read_tlp(text: str) -> str | None:
    try:
        return read_tlp(text).value
    except Unusable:
        return None


def _time(text: pl.Expr) -> pl.Expr:
    """`2026-06-17 09:00:00[.ffffff]`, with T and a zone or without; without one it is UTC."""
    return text.map_batches(_read_times, return_dtype=_MOMENT)


def _read_times(texts: pl.Series) -> pl.Series:
    """The common spelling first; the others only for what it leaves over."""
    found = texts.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False, time_unit="us")
    moments = found.dt.replace_time_zone("UTC")
    if (left := moments.is_null() & texts.is_not_null()).any():
        rest = texts.filter(left)
        moments = moments.scatter(left.arg_true(), _read_other_times(rest))
    return moments.zip_with(moments.dt.year().is_between(1990, 2100), _NO_MOMENT)


def _read_other_times(texts: pl.Series) -> pl.Series:
    spaced = texts.str.replace(r"[zZ]$", "+00:00").str.replace("T", " ", literal=True)
    bare = spaced.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="us")
    zoned = spaced.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%:z", strict=False, time_unit="us")
    return bare.dt.replace_time_zone("UTC").fill_null(zoned.dt.convert_time_zone("UTC"))


CHECKS: dict[Kind, Check] = {
    Kind.TEXT: _text,
    Kind.NAME: _name,
    Kind.TIME: _time,
    Kind.PORT: _port,
    Kind.ASN: _asn,
    Kind.COUNTRY: _country,
    Kind.FQDN: _fqdn,
    Kind.URL: _url,
    Kind.MD5: _hex(32),
    Kind.SHA1: _hex(40),
    Kind.SHA256: _hex(64),
    Kind.NUMBER: _number,
    Kind.TRANSPORT: _transport,
    Kind.TLP: _tlp,
    Kind.FLAG: _flag,
}


def normalise(parsed: Parsed) -> Normalised:
    """A raw table (`flow.tables`) to events; raises nothing, refuses row by row."""
    raw = _without_logins(parsed.table if parsed.is_tidy else _without_controls(parsed.table))
    checked = _check_columns(raw)
    checked = _check_addresses(raw, checked)
    aside = _set_aside(raw, checked)
    events = _complete(checked.with_columns(aside.values()))
    reasons = _refusals(raw, events)
    refused = reasons.is_not_null()
    faults = [
        Fault(int(raw[ROW][at]), reasons[at], parsed.raw(at)) for at in refused.arg_true().to_list()
    ]
    if faults:
        events = events.filter(~refused)
    invalid = {name: events[kept.name].count() for name, kept in aside.items()}
    return Normalised(events, faults, {name: n for name, n in invalid.items() if n})


def _without_controls(raw: pl.DataFrame) -> pl.DataFrame:
    """Control characters become spaces, whatever the format let through (JSON escapes, quotes).

    A NUL becomes U+FFFD and not a space, which an address would lose again: it is no part of any.
    """
    names = _columns_with(raw, lambda text: text.str.contains(_CONTROL))
    plain = pl.col(names).str.replace_all("\0", "\ufffd", literal=True)
    return raw.with_columns(plain.str.replace_all(_CONTROL, " ")) if names else raw


def _without_logins(raw: pl.DataFrame) -> pl.DataFrame:
    """A password in a URL anywhere in a text is blanked."""
    names = _columns_with(raw, lambda text: text.str.contains("@", literal=True))
    return raw.with_columns(pl.col(names).str.replace_all(_LOGIN, "${1}:***@")) if names else raw


def _columns_with(raw: pl.DataFrame, test: Check) -> list[str]:
    texts = [name for name, kind in raw.schema.items() if kind == pl.String]
    found = raw.select(test(pl.col(texts)).any())
    return [name for name in texts if found[name].item()]


def _check_columns(raw: pl.DataFrame) -> pl.DataFrame:
    plans = []
    for name in raw.columns:
        kind = FIELDS.get(name)
        if kind in CHECKS:
            plans.append(CHECKS[kind](pl.col(name)).alias(name))
        elif kind is None:
            plans.append(pl.col(name))  # extra.* and report.row are carried as they are
    table = raw.select(plans)
    if "classification.type" in table.columns:
        known = pl.col("classification.type").replace(SPELLINGS)
        table = table.with_columns(
            pl.when(known.is_in(sorted(TYPES))).then(known).alias("classification.type")
        )
    return table


def _check_addresses(raw: pl.DataFrame, checked: pl.DataFrame) -> pl.DataFrame:
    """IP and CIDR columns: `0.0.0.0`, `::` and empty mean unknown; a CIDR is a network."""
    for name in [n for n in raw.columns if FIELDS.get(n) in (Kind.IP, Kind.NETWORK)]:
        texts = raw[name]
        side, _, _ = name.partition(".")
        if FIELDS[name] is Kind.NETWORK:
            checked = _take_networks(checked, texts, side)
            continue
        cidr = texts.str.contains("/", literal=True).fill_null(value=False)
        if name == f"{side}.ip" and cidr.any():
            checked = _take_networks(checked, texts.zip_with(cidr, _NO_TEXT), side)
        found = _addresses(texts.zip_with(~cidr, _host_routes(texts)) if cidr.any() else texts)
        checked = checked.with_columns(found["ip"].alias(name))
        if name == f"{side}.ip":
            checked = checked.with_columns(found["v4"].alias(V4[side]))
    return checked


def _addresses(texts: pl.Series) -> pl.DataFrame:
    """`parse_ip` without the addresses that mean "none"."""
    found = parse_ip(texts)
    unknown = found["ip"].is_in(_UNKNOWN_ADDRESS).fill_null(value=False)
    return found.with_columns(pl.when(~pl.lit(unknown)).then(pl.all())) if unknown.any() else found


def _host_routes(texts: pl.Series) -> pl.Series:
    """`192.0.2.7/32` and `2001:db8::7/128` name one address; other networks name none."""
    single = texts.str.extract(r"^([0-9.]+)/32$", 1)
    return single.fill_null(texts.str.extract(r"^([0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)/128$", 1))


def _take_networks(checked: pl.DataFrame, texts: pl.Series, side: str) -> pl.DataFrame:
    """CIDR texts to `<side>.network`; single addresses in a network column become /32, /128."""
    column = f"{side}.network"
    known = {text: _cidr(text) for text in texts.drop_nulls().unique()}
    found = texts.replace_strict(known, default=None, return_dtype=pl.String)
    if column in checked.columns:
        found = checked[column].fill_null(found)
    return checked.with_columns(found.alias(column))


def _cidr(text: str) -> str | None:
    span = as_range(text)
    cidr = range_text(*span) if span else ""
    return cidr if "/" in cidr else None  # IDF knows no other ranges


def _set_aside(raw: pl.DataFrame, checked: pl.DataFrame) -> dict[str, pl.Series]:
    """By field, the values that were there before and are gone now, as `extra.invalid_<field>`."""
    aside = {}
    for name in [name for name in raw.columns if name in FIELDS]:
        gone = _gone(name, raw, checked)
        if gone.any():
            kept = raw[name].zip_with(gone, _NO_TEXT)
            kept = _blanked(kept) if FIELDS[name] is Kind.URL else kept
            aside[name] = kept.alias(set_aside(name))
    return aside


def _blanked(urls: pl.Series) -> pl.Series:
    """A URL that is none may hold a password all the same."""
    return urls.str.replace(_USERINFO, "${1}:***@")


def _gone(name: str, raw: pl.DataFrame, checked: pl.DataFrame) -> pl.Series:
    before = raw[name].is_not_null()
    if name not in checked.columns:
        return before
    gone = before & checked[name].is_null()
    if not gone.any():
        return gone
    if FIELDS[name] is Kind.IP:
        gone &= ~_is_unknown(raw[name])
        network = name.removesuffix(".ip") + ".network"  # a local address has none
        if network in checked.columns:
            gone &= ~(raw[name].str.contains("/", literal=True) & checked[network].is_not_null())
    if FIELDS[name] in (Kind.PORT, Kind.ASN):
        gone &= raw[name] != "0"  # zero means unknown
    return gone.fill_null(value=False)


def _is_unknown(addresses: pl.Series) -> pl.Series:
    """True for what feeds write for "none", in any spelling."""
    written = addresses.str.strip_chars()
    unknown = written.is_in(_UNKNOWN_ADDRESS).fill_null(value=False)
    return unknown | parse_ip(written)["ip"].is_in(_UNKNOWN_ADDRESS).fill_null(value=False)


def _complete(events: pl.DataFrame) -> pl.DataFrame:
    """What follows from other fields: the host of a URL, the taxonomy of a type."""
    adds: list[pl.Expr] = []
    for side in ("source", "destination"):
        if f"{side}.url" in events.columns:
            events = _host_of_url(events, side)
    kind = pl.col("classification.type")
    if "classification.type" not in events.columns:
        events = events.with_columns(pl.lit("undetermined").alias("classification.type"))
    adds.append(kind.fill_null("undetermined").alias("classification.type"))
    events = events.with_columns(adds)
    return events.with_columns(
        kind.replace_strict(TYPES, default="other", return_dtype=pl.String).alias(
            "classification.taxonomy"
        )
    )


def _host_of_url(events: pl.DataFrame, side: str) -> pl.DataFrame:
    """The host in `<side>.url` fills `<side>.fqdn`, or `<side>.ip` where it is an address."""
    events = _with_missing(events, {f"{side}.fqdn": pl.String, f"{side}.ip": pl.String})
    events = _with_missing(events, {V4[side]: pl.UInt32})
    host = events[f"{side}.url"].str.extract(_HOST, 1).str.strip_chars("[]")
    name = pl.select(_fqdn(pl.lit(host))).to_series()
    events = events.with_columns(events[f"{side}.fqdn"].fill_null(name).alias(f"{side}.fqdn"))
    literal = host.zip_with(name.is_null(), _NO_TEXT)
    if literal.is_null().all():
        return events
    found = _addresses(literal)
    missing = events[f"{side}.ip"].is_null()
    v4 = events[V4[side]].zip_with(~missing, found["v4"])
    ip = events[f"{side}.ip"].fill_null(found["ip"])
    return events.with_columns(ip.alias(f"{side}.ip"), v4.alias(V4[side]))


def _with_missing(events: pl.DataFrame, columns: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    return events.with_columns(
        pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in columns.items()
        if name not in events.columns
    )


def _refusals(raw: pl.DataFrame, events: pl.DataFrame) -> pl.Series:
    """Per row the reason why it cannot be used, or null."""
    reasons = pl.Series([None], dtype=pl.String).new_from_index(0, len(raw))
    lost = _unlocated(raw, events)
    if lost.any():
        given = _given_address(raw)
        wrong = "source.ip: '" + given + "' is no address, and nothing else says where it is"
        reasons = wrong.fill_null("no address, name or URL says where the problem is")
        reasons = reasons.zip_with(lost, _NO_TEXT)
    if "time.source" in raw.columns:
        timeless = raw["time.source"].is_not_null() & events["time.source"].is_null()
        said = "time.source: '" + raw["time.source"] + "' is no moment"
        reasons = said.zip_with(timeless, reasons) if timeless.any() else reasons
    return reasons


def _unlocated(raw: pl.DataFrame, events: pl.DataFrame) -> pl.Series:
    """True where nothing locates the source; a destination alone does for reports without one."""
    lost = pl.Series([True]).new_from_index(0, len(raw))
    for name in _LOCATES:
        lost &= events[name].is_null() if name in events.columns else True
    if "destination.ip" in events.columns and lost.any():
        named = _given_address(raw)
        misnamed = named.is_not_null() & ~_is_unknown(named)
        lost &= events["destination.ip"].is_null() | misnamed
    return lost


def _given_address(raw: pl.DataFrame) -> pl.Series:
    if "source.ip" in raw.columns:
        return raw["source.ip"]
    return pl.Series([None], dtype=pl.String).new_from_index(0, len(raw))


def mark(events: pl.DataFrame, tlp: Tlp) -> pl.DataFrame:
    """The feed's marking on every event; an event's own stricter one stands (TLP 2.0).

    A marking that nobody can read may be any: it counts as RED and goes to nobody by itself.
    """
    if "tlp" not in events.columns:
        return events.with_columns(pl.lit(tlp.value).alias("tlp"))
    if _UNREAD_MARKING in events.columns:
        unread = pl.col(_UNREAD_MARKING).is_not_null()
        events = events.with_columns(
            pl.when(unread).then(pl.lit(Tlp.RED.value)).otherwise(pl.col("tlp")).alias("tlp")
        )
    weaker = [m.value for m in Tlp if STRICTNESS[m] <= STRICTNESS[tlp]]
    own = pl.col("tlp")
    return events.with_columns(
        pl.when(own.is_null() | own.is_in(weaker))
        .then(pl.lit(tlp.value))
        .otherwise(own)
        .alias("tlp")
    )
