"""Events as questions: whose line was it, at that moment, behind that port."""

from datetime import timedelta

import numpy as np
import polars as pl

from tocsin.flow.addresses import parse_ip
from tocsin.flow.bindings.records import halves
from tocsin.flow.bindings.search import QUESTION

_PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1}


def questions(events: pl.DataFrame, *, slack: timedelta) -> pl.DataFrame:
    """`QUESTION` of events with `source.ip`, `source.port`, `protocol.transport`, `time.source`.

    None of the addresses and moments is null. `slack` is the tolerance of the reporters' clocks.
    """
    found = parse_ip(events["source.ip"])
    six = (found["v4"].is_null() & found["ip"].is_not_null()).to_numpy()
    high, low = halves(found, six)
    size = len(events)
    named = events["protocol.transport"].str.to_lowercase()
    protocol = named.replace_strict(_PROTOCOLS, default=0, return_dtype=pl.UInt8)
    moments = events["time.source"].cast(pl.Datetime("us", "UTC")).to_physical()
    return pl.DataFrame(
        {
            "realm": np.zeros(size, np.uint16),
            "v4": found["v4"],
            "high": pl.Series(high).set(pl.Series(~six), None),
            "low": pl.Series(low).set(pl.Series(~six), None),
            "port": events["source.port"].cast(pl.UInt16, strict=False),
            "protocol": protocol,
            "at": moments,
            "slack": np.full(size, int(slack.total_seconds() * 1e6), np.int64),
        },
        schema=QUESTION,
    )
