"""What lease, session and translation logs say, in one table; and bindings made of it.

`RECORD`, one row per message of a log:

    kind        begin, alive, end   a session is opened, heard of, closed (RADIUS, PPPoE, blocks)
                lease               held from `at` to `until` unless renewed or given back (DHCP)
                held                held from `at` to `until`, and nothing more will be said
    session     what tells sessions of a source apart; null where `ip` and ports do
    ip          an address, or a delegated prefix (`2001:db8:0:100::/56`)
    port_first, port_last   the ports, both included; null for all
    protocol    6 TCP, 17 UDP, null for any
    subscriber  the provider's own name of the line: circuit, user name, hardware address
    inside      in the stead of `subscriber`: the IPv4 address before translation
    at, until   moments in UTC; `since` where a message says when its session began
    row         number of the message in its file, from 1
"""

import hmac
from dataclasses import dataclass

import numpy as np
import polars as pl
import pyarrow as pa

from tocsin.flow.addresses import pack_v6, parse_ip
from tocsin.flow.bindings import keys, runs
from tocsin.flow.bindings.search import INSIDE

_MOMENT = pl.Datetime("us", "UTC")
RECORD: dict[str, pl.DataType | type[pl.DataType]] = {
    "kind": pl.String,
    "session": pl.String,
    "ip": pl.String,
    "port_first": pl.UInt16,
    "port_last": pl.UInt16,
    "protocol": pl.UInt8,
    "subscriber": pl.String,
    "inside": pl.String,
    "at": _MOMENT,
    "since": _MOMENT,
    "until": _MOMENT,
    "row": pl.Int64,
}
KINDS = ("begin", "alive", "end", "lease", "held")


@dataclass(frozen=True)
class Source:
    """A log that bindings come from: its number in the store, and the address spaces it is of."""

    number: int
    realm: int = 0
    inside_realm: int = 0


def complete(rows: pl.DataFrame) -> pl.DataFrame:
    """`RECORD` of a table that has some of its columns."""
    missing = [pl.lit(None, kind).alias(name) for name, kind in RECORD.items()
               if name not in rows.columns]  # fmt: skip
    return rows.with_columns(missing).select(
        [pl.col(name).cast(kind) for name, kind in RECORD.items()]
    )


def pseudonym(subscriber: str, secret: bytes) -> int:
    """The line id of a subscriber's name: 63 bits of HMAC-SHA-256 under the provider's secret."""
    digest = hmac.digest(secret, subscriber.encode(), "sha256")
    return (int.from_bytes(digest[:8], "big") >> 1) or 1


def pseudonymised(rows: pl.DataFrame, secret: bytes) -> pl.DataFrame:
    """Records whose subscribers are line ids (digits): nothing behind this knows a name."""
    # Each distinct name is hashed once; a dictionary finds it with one pass over the rows.
    coded = rows["subscriber"].to_arrow().dictionary_encode()
    ids = [str(pseudonym(name, secret)) for name in coded.dictionary.to_pylist()]
    lines = pa.array(ids, pa.large_string()).take(coded.indices)
    return rows.with_columns(pl.Series("subscriber", lines))


def faults(rows: pl.DataFrame) -> pl.Series:
    """For each record (`RECORD`) the rule it breaks, as a sentence; null where it breaks none."""
    parsed = _parsed(rows)
    ports = pl.col("port_first"), pl.col("port_last")
    rules = [
        (
            ~pl.col("kind").is_in(KINDS).fill_null(value=False),
            f"kind is none of {', '.join(KINDS)}",
        ),
        (pl.col("at").is_null(), "no moment"),
        (pl.col("length").is_null(), "ip is no address and no prefix"),
        (pl.col("is_cut").not_(), "ip has bits set behind its prefix"),
        (pl.col("subscriber").is_null() & pl.col("inside").is_null(), "names no subscriber"),
        (pl.col("inside").is_not_null() & pl.col("inside_v4").is_null(), "inside is no IPv4"),
        (ports[0].is_null() != ports[1].is_null(), "one end of the ports is missing"),
        (ports[0] > ports[1], "the first port is behind the last"),
        (ports[0].is_not_null() & pl.col("v4").is_null(), "ports of an address that is no IPv4"),
        (
            pl.col("kind").is_in(["lease", "held"]) & (pl.col("until").is_null()),
            "does not say until when",
        ),
        (pl.col("kind").eq("held") & (pl.col("until") <= pl.col("at")), "is over before it begins"),
    ]
    found = pl.coalesce([pl.when(rule).then(pl.lit(text)) for rule, text in rules])
    return pl.concat([rows, parsed], how="horizontal").select(found.alias("fault")).to_series()


def _parsed(rows: pl.DataFrame) -> pl.DataFrame:
    """`v4`, `high`, `low`, `length`, `is_cut` (no bits behind the prefix) and `inside_v4`."""
    found, given = _addresses(rows["ip"].fill_null(""))
    six = (found["v4"].is_null() & found["ip"].is_not_null()).to_numpy()
    high, low = halves(found, six)
    v4 = found["v4"]
    most = pl.select(pl.when(pl.lit(v4).is_not_null()).then(32).otherwise(128)).to_series()
    length = (most if given is None else given.zip_with(given.is_not_null(), most)).to_numpy()
    is_v4, is_ip = v4.is_not_null().to_numpy(), found["ip"].is_not_null().to_numpy()
    # A prefix of IPv4 that is no single address has no owner here: leases are of addresses.
    good = is_ip & (length <= most.to_numpy()) & (~is_v4 | (length == 32))
    is_cut = np.ones(len(rows), bool)
    cut = keys.masked(high[six], low[six], np.where(good, length, 128)[six])
    is_cut[six] = (cut[0] == high[six]) & (cut[1] == low[six])
    inside = rows["inside"]
    return pl.DataFrame(
        {
            "v4": v4,
            "high": high,
            "low": low,
            "length": pl.Series(length, dtype=pl.UInt8).set(pl.Series(~good), None),
            "is_cut": is_cut,
            "inside_v4": parse_ip(inside)["v4"] if inside.is_not_null().any() else _no(len(rows)),
        }
    )


def _addresses(texts: pl.Series) -> tuple[pl.DataFrame, pl.Series | None]:
    """What `parse_ip` says of the addresses, and the lengths behind a slash (UInt8), if any."""
    slashed = texts.str.contains("/", literal=True)
    if not slashed.any():
        return parse_ip(texts), None
    parts = texts.str.split_exact("/", 1).struct.unnest()
    lengths = parts["field_1"].cast(pl.UInt8, strict=False)
    # A slash without a number behind it is no prefix of any length.
    lengths = lengths.set(slashed & lengths.is_null(), 255)
    return parse_ip(parts["field_0"]), lengths


def _no(size: int) -> pl.Series:
    return pl.Series([None], dtype=pl.UInt32).new_from_index(0, size)


def halves(found: pl.DataFrame, six: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two halves (uint64) of the addresses that are IPv6 (`six`), noughts for all else."""
    high, low = np.zeros(len(found), np.uint64), np.zeros(len(found), np.uint64)
    if six.any():
        packed = pack_v6(found["ip"].filter(pl.Series(six)))
        halves = np.frombuffer(packed.tobytes(), dtype=">u8").reshape(-1, 2)
        high[six], low[six] = halves[:, 0], halves[:, 1]
    return high, low


def bindings(rows: pl.DataFrame, source: Source) -> pl.DataFrame:
    """Pseudonymised records with both ends (`at`, `until`) as rows of a run (`runs.SCHEMA`)."""
    parsed = _parsed(rows)
    line = _lines(rows, parsed, source)
    moments = {name: rows[name].to_physical().to_numpy() for name in ("at", "until")}
    protocol = rows["protocol"].fill_null(0).to_numpy()
    is_v4 = parsed["v4"].is_not_null().to_numpy()
    four, six = np.flatnonzero(is_v4), np.flatnonzero(~is_v4)
    v4_at, v4_keys = _v4(rows, parsed, four, source.realm)
    v6_keys, scope, high, low = _v6(parsed, six, source.realm)
    at = np.concatenate([v4_at, six])
    nought = np.zeros(len(v4_at), np.uint64)
    return pl.DataFrame(
        {
            "key": np.concatenate([v4_keys, v6_keys]),
            "since": moments["at"][at],
            "until": moments["until"][at],
            "line": line[at],
            "source": np.full(len(at), source.number, np.uint16),
            "protocol": protocol[at],
            "scope": np.concatenate([nought.astype(np.uint32), scope]),
            "high": np.concatenate([nought, high]),
            "low": np.concatenate([nought, low]),
        },
        schema=runs.SCHEMA,
    )


def _lines(rows: pl.DataFrame, parsed: pl.DataFrame, source: Source) -> np.ndarray:
    named = rows["subscriber"].cast(pl.UInt64).fill_null(0).to_numpy()
    inside = parsed["inside_v4"].fill_null(0).to_numpy().astype(np.uint64)
    behind = INSIDE | (np.uint64(source.inside_realm) << np.uint64(32)) | inside
    return np.where(rows["subscriber"].is_not_null().to_numpy(), named, behind)


def _v4(
    rows: pl.DataFrame, parsed: pl.DataFrame, at: np.ndarray, realm: int
) -> tuple[np.ndarray, np.ndarray]:
    """Index of the record and key, for each node of its ports."""
    v4 = parsed["v4"].fill_null(0).to_numpy()
    nodes = np.full(len(at), keys.ROOT, np.uint32)
    if rows["port_first"].is_not_null().any():
        first = rows["port_first"].fill_null(0).to_numpy()[at]
        last = rows["port_last"].fill_null(keys.LEAVES - 1).to_numpy()[at]
        index, nodes = keys.covering(first, last)
        at = at[index]
    return at, keys.v4_keys(np.full(len(at), realm), v4[at], nodes)


def _v6(
    parsed: pl.DataFrame, at: np.ndarray, realm: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    length = parsed["length"].fill_null(0).to_numpy()[at]
    high, low = keys.masked(parsed["high"].to_numpy()[at], parsed["low"].to_numpy()[at], length)
    realms = np.full(len(at), realm)
    found = keys.v6_keys(realms, high, low, length, np.full(len(at), keys.ROOT))
    return found, keys.scopes(realms, length), high, low
