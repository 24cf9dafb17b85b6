"""Synthetic reports and parties for the benchmark: as large and as various as the real thing.

Addresses are drawn from the shipped routing table (ranges of member states, wide ones more
often), so that locating costs what it costs in production; infections, ports and moments are
random. The files exist for the length of a benchmark and are shown to nobody.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from tocsin.flow.addresses import format_v4
from tocsin.flow.networks import SHIPPED
from tocsin.words.countries import MEMBER_STATES

COLUMNS = (
    "timestamp,protocol,src_ip,src_port,src_asn,src_geo,src_region,src_city,src_hostname,src_naics,"
    "src_sector,device_vendor,device_type,device_model,dst_ip,dst_port,dst_asn,dst_geo,dst_region,"
    "dst_city,dst_hostname,dst_naics,dst_sector,public_source,infection,family,tag,application,"
    "version,event_id"
).split(",")
REPEATED = 0.05  # share of rows that are told twice
V6 = 0.05  # share of rows in the IPv6 report
PIECE = 500_000
NETWORKS = 700
_DAY = 1_781_654_400  # 2026-06-17T00:00:00Z


def write_reports(folder: Path, rows: int, *, seed: int = 1) -> list[Path]:
    """An event4_sinkhole and an event6_sinkhole report with together `rows` rows."""
    six = int(rows * V6)
    paths = []
    for name, count, version in (("event4_sinkhole", rows - six, 4), ("event6_sinkhole", six, 6)):
        path = folder / f"2026-06-17-{name}-bench{seed}.csv"
        with path.open("wb") as file:
            file.write((",".join(f'"{name}"' for name in COLUMNS) + "\n").encode())
            for piece in _pieces(count, version, seed):
                piece.write_csv(file, include_header=False, quote_style="always")
        paths.append(path)
    return paths


def _pieces(rows: int, version: int, seed: int) -> Iterator[pl.DataFrame]:
    random = np.random.default_rng([seed, version])
    ranges = _ranges(version)
    for first in range(0, rows, PIECE):
        size = min(PIECE, rows - first)
        fresh = size - int(size * REPEATED)
        table = _rows(fresh, version, ranges, random)
        again = table.sample(size - fresh, seed=int(random.integers(2**31)), with_replacement=True)
        yield pl.concat([table, again]).sample(
            fraction=1, shuffle=True, seed=int(random.integers(2**31))
        )


def _ranges(version: int) -> pl.DataFrame:
    """Ranges of member states with a weight: how many addresses, less than linearly."""
    table = pl.read_parquet(SHIPPED / f"country{version}.parquet")
    table = table.filter(pl.col("cc").is_in(MEMBER_STATES))
    if version == 4:
        width = (pl.col("end") - pl.col("start")).cast(pl.Float64) + 1
        return table.with_columns(width.sqrt().alias("weight"))
    return table.with_columns(pl.lit(1.0).alias("weight"))


def _rows(
    size: int, version: int, ranges: pl.DataFrame, random: np.random.Generator
) -> pl.DataFrame:
    weight = ranges["weight"].to_numpy()
    at = random.choice(len(ranges), size=size, p=weight / weight.sum())
    ip = (_ips4 if version == 4 else _ips6)(ranges, at, random)
    seconds = pl.Series(random.integers(_DAY, _DAY + 86_400, size) * 1_000_000).cast(
        pl.Datetime("us")
    )
    filled = {
        "timestamp": seconds.dt.to_string("%Y-%m-%d %H:%M:%S"),
        "protocol": _pick(["tcp", "udp"], size, random),
        "src_ip": ip,
        "src_port": pl.Series(random.integers(1024, 65_536, size)).cast(pl.String),
        "src_asn": pl.Series(random.integers(1, 60_000, size)).cast(pl.String),
        "src_geo": ranges["cc"].gather(pl.Series(at)),
        "src_region": _pick(["NORTH", "SOUTH", "ISLE OF SAMPLES"], size, random),
        "src_city": _pick(["MEADOWTON", "HILL VILLE", "BROOK"], size, random),
        "src_hostname": "line-" + ip.str.replace_all(r"[.:]", "-") + ".example.net",
        "src_naics": _pick(["517311", "0"], size, random),
        "src_sector": _pick(
            ["Communications, Service Provider, and Hosting Service", ""], size, random
        ),
        "device_vendor": _pick(["Sample Devices", "", ""], size, random),
        "dst_ip": _pick(["192.0.2.10", "192.0.2.11", "198.51.100.20"], size, random),
        "dst_port": _pick(["80", "443", "8080"], size, random),
        "dst_asn": _pick(["64500"], size, random),
        "dst_geo": _pick(["NL"], size, random),
        "infection": _pick(["heronbot", "quillworm", "dustloader", "fernrat"], size, random),
        "family": _pick(["heron", ""], size, random),
        "tag": _pick(["sinkhole", "sinkhole;banking"], size, random),
        "application": _pick(["http", ""], size, random),
        "event_id": pl.Series([f"{n:032x}" for n in random.integers(0, 2**62, size).tolist()]),
    }
    empty = pl.Series([""], dtype=pl.String).new_from_index(0, size)
    return pl.DataFrame({name: filled.get(name, empty) for name in COLUMNS})


def _pick(values: list[str], size: int, random: np.random.Generator) -> pl.Series:
    return pl.Series(values).gather(pl.Series(random.integers(0, len(values), size)))


def _ips4(ranges: pl.DataFrame, at: np.ndarray, random: np.random.Generator) -> pl.Series:
    start = ranges["start"].to_numpy()[at].astype(np.int64)
    end = ranges["end"].to_numpy()[at].astype(np.int64)
    return format_v4(pl.Series("v4", random.integers(start, end + 1).astype(np.uint32)))


def _ips6(ranges: pl.DataFrame, at: np.ndarray, random: np.random.Generator) -> pl.Series:
    high = ranges["start_hi"].to_numpy()[at]
    tails = random.integers(0, 2**16, (len(at), 4))
    heads = pl.DataFrame({"n": high}).select(
        pl.concat_str(
            [pl.format("{}", _hex16(pl.col("n"), shift)) for shift in (48, 32, 16, 0)],
            separator=":",
        )
    )
    ends = pl.Series([":".join(f"{n:x}" for n in row) for row in tails.tolist()])
    return heads.to_series() + ":" + ends


def _hex16(number: pl.Expr, shift: int) -> pl.Expr:
    digits = [f"{n:x}" for n in range(65_536)]
    part = (number // 2**shift) % 65_536
    written: pl.Expr = part.replace_strict(list(range(65_536)), digits, return_dtype=pl.String)
    return written


def write_parties(path: Path) -> None:
    """The largest networks of the member states, and a CSIRT for each state."""
    asn = pl.read_parquet(SHIPPED / "asn4.parquet")
    width = (pl.col("end") - pl.col("start")).cast(pl.Int64) + 1
    middle = asn.with_columns(width.alias("width"))
    country = pl.read_parquet(SHIPPED / "country4.parquet").sort("start")
    placed = middle.sort("start").join_asof(country.select("start", "cc"), on="start")
    wanted = placed.filter(pl.col("cc").is_in(MEMBER_STATES)).group_by("asn")
    largest = wanted.agg(pl.col("width").sum()).sort("width", "asn", descending=True)["asn"]
    lines = [
        _party(f"network-{n}", "isp", "BE", "network", f"asn = [{n}]")
        for n in largest.head(NETWORKS)
    ]
    lines += [
        _party(f"csirt-{cc.lower()}", "csirt", cc, "csirt", f'country = ["{cc}"]')
        for cc in MEMBER_STATES
    ]
    path.write_text("\n".join(lines), encoding="utf-8")


def _party(name: str, role: str, country: str, relation: str, remit: str) -> str:
    return f"""[[party]]
id = "{name}"
name = "{name.replace("-", " ").title()}"
role = "{role}"
country = "{country}"
[party.delivery]
channel = "folder"
format = "idf-csv"
[[party.remit]]
relation = "{relation}"
{remit}
"""
