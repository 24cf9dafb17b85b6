"""Internet addresses, a column at a time.

An IPv4 address is a UInt32, an IPv6 address its 16 bytes in network order (numpy 'S16',
compared array to array only: numpy drops trailing NULs when a single one is taken out).
"""

import socket
from ipaddress import ip_address, ip_network

import numpy as np
import polars as pl

_MAPPED = bytes(10) + b"\xff\xff"  # ::ffff:0:0/96, RFC 4291 2.5.5.2


def parse_v4(texts: pl.Series) -> pl.Series:
    """Dotted-quad text (String) to UInt32; null for anything else.

    Strict: four decimal parts of 0 to 255 without signs, blanks or leading zeros, which some
    readers take for octal (RFC 6943 3.1.1).
    """
    parts = texts.str.split_exact(".", 3).struct.rename_fields(list("abcd")).struct.unnest()
    # A fifth part would stand in the last one and fail the cast.
    octets = parts.select(pl.all().cast(pl.UInt16, strict=False))
    digits = pl.sum_horizontal(
        [1 + (pl.col(c) > 9).cast(pl.UInt32) + (pl.col(c) > 99).cast(pl.UInt32) for c in "abcd"],
        ignore_nulls=False,
    )
    a, b, c, d = (pl.col(name).cast(pl.UInt32) for name in "abcd")
    good = (pl.max_horizontal("a", "b", "c", "d") <= 255) & (digits + 3 == pl.lit(_bytes(texts)))
    return octets.select(
        pl.when(good & pl.all_horizontal(pl.all().is_not_null()))
        .then(a * 16777216 + b * 65536 + c * 256 + d)
        .alias("v4")
    ).to_series()


def _bytes(texts: pl.Series) -> pl.Series:
    return texts.str.len_bytes()


def format_v4(numbers: pl.Series) -> pl.Series:
    """UInt32 to dotted-quad text; null stays null."""
    n = pl.col(numbers.name)
    octets = [(n // 16777216), (n // 65536) % 256, (n // 256) % 256, n % 256]
    return numbers.to_frame().select(pl.concat_str(octets, separator=".")).to_series()


def parse_v6(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """IPv6 text to its canonical form (RFC 5952) and, if IPv4-mapped, to a UInt32.

    Zone indices are refused. Works on distinct values, about 0.6 microseconds each.
    """
    distinct = texts.drop_nulls().unique()
    canonical: list[str | None] = []
    mapped: list[int | None] = []
    for text in distinct:
        packed = _pack(text)
        is_mapped = packed is not None and packed[:12] == _MAPPED
        canonical.append(
            None if packed is None or is_mapped else socket.inet_ntop(socket.AF_INET6, packed)
        )
        mapped.append(int.from_bytes(packed[12:], "big") if packed and is_mapped else None)
    found = pl.DataFrame(
        {"text": distinct, "canonical": canonical, "mapped": mapped},
        schema={"text": pl.String, "canonical": pl.String, "mapped": pl.UInt32},
    )
    rows = texts.to_frame("text").join(found, on="text", how="left", maintain_order="left")
    return rows["canonical"], rows["mapped"]


def _pack(text: str) -> bytes | None:
    try:
        return socket.inet_pton(socket.AF_INET6, text)
    except (OSError, ValueError):
        return None


def pack_v6(texts: pl.Series) -> np.ndarray:
    """Canonical IPv6 texts without nulls to a numpy array of dtype S16."""
    pack, family = socket.inet_pton, socket.AF_INET6
    joined = b"".join([pack(family, text) for text in texts.to_list()])
    return np.frombuffer(joined, dtype="S16")


def parse_ip(texts: pl.Series) -> pl.DataFrame:
    """Address texts to columns `ip` (canonical text, null if not valid) and `v4` (UInt32)."""
    stripped = texts.str.strip_chars()
    v4 = parse_v4(stripped)
    if not (rest := v4.is_null() & stripped.str.contains(":", literal=True)).any():
        return pl.DataFrame({"ip": pl.select(_keep_where(stripped, v4)).to_series(), "v4": v4})
    canonical, mapped = parse_v6(stripped.zip_with(rest, pl.Series([None], dtype=pl.String)))
    v4 = v4.fill_null(mapped) if mapped.is_not_null().any() else v4
    dotted = stripped.zip_with(mapped.is_null(), format_v4(v4.alias("v4")))
    return pl.DataFrame(
        {"ip": canonical.fill_null(pl.select(_keep_where(dotted, v4)).to_series()), "v4": v4}
    )


def _keep_where(texts: pl.Series, valid: pl.Series) -> pl.Expr:
    return pl.when(pl.lit(valid).is_not_null()).then(pl.lit(texts)).alias("ip")


def as_range(text: str) -> tuple[int, int, int] | None:
    """A CIDR, a `first-last` range or one address to (version, first, last); None if neither.

    Host bits in a CIDR are refused, and so are zones. Ranges that are no CIDR stay ranges.
    """
    if "%" in text:
        return None
    try:
        if "/" in text:
            network = ip_network(text.strip())
            return network.version, int(network[0]), int(network[-1])
        first, _, last = text.replace("–", "-").partition("-")
        low = ip_address(first.strip())
        high = ip_address(last.strip()) if last else low
    except ValueError:
        return None
    if low.version != high.version or int(low) > int(high):
        return None
    return low.version, int(low), int(high)


def range_text(version: int, first: int, last: int) -> str:
    """The range as a person writes it: `192.0.2.0/24` when it is a CIDR, else `first–last`."""
    bits = 32 if version == 4 else 128
    size = last - first + 1
    maker = socket.AF_INET if version == 4 else socket.AF_INET6
    low = socket.inet_ntop(maker, first.to_bytes(bits // 8, "big"))
    if size & (size - 1) == 0 and first % size == 0:
        return f"{low}/{bits - size.bit_length() + 1}"
    return f"{low}–{socket.inet_ntop(maker, last.to_bytes(bits // 8, 'big'))}"
