"""The register: what was done, by whom, when; one row in the same transaction as the act."""

from tocsin.office.register.periods import PERIOD_CLOSED, close_period, recompute
from tocsin.office.register.recording import (
    Fact,
    consult,
    forget_key,
    leaf_of,
    record,
    record_all,
    rows,
    sealed,
)

__all__ = [
    "PERIOD_CLOSED",
    "Fact",
    "close_period",
    "consult",
    "forget_key",
    "leaf_of",
    "recompute",
    "record",
    "record_all",
    "rows",
    "sealed",
]
