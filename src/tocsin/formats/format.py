"""What every wire format offers; `catalogue.py` lists them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import polars as pl

from tocsin.flow.tables import Chunk, Fault, Parsed

# Small enough that a chunk and its tables stay well under 100 MiB, large enough that the
# fixed cost per chunk (about 20 ms) is below 0.5 microseconds a row.
CHUNK_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Format:
    """One wire format.

    Reading is two steps, so that the second can run in several processes: `cut` walks the
    stream once and yields chunks of whole records; `parse` turns one chunk into a raw table
    (`flow.tables`). Both raise `Unreadable` and nothing else. Writing is two pieces as well:
    `header` for a list of columns, and `body`, one line per row, ended by a line feed, so that
    bodies can be cut at row ends and joined in any order. `ends` tells where the rows of a body
    end (int64 offsets): one body for many recipients, cut, is far cheaper than a body for each.
    """

    name: str
    media_type: str
    extension: str
    sniff: Callable[[bytes, str], bool]  # first bytes, file name
    cut: Callable[[BinaryIO, str], Iterator[Chunk | Fault]] | None = None
    parse: Callable[[Chunk], Parsed] | None = None
    header: Callable[[list[str]], bytes] | None = None
    body: Callable[[pl.DataFrame], bytes] | None = None
    ends: Callable[[bytes], np.ndarray] | None = None
    samples: str = ""  # folder below samples/
    # What kind of evidence the bytes are (office.evidence): machine-report, citizen-message.
    evidence_class: str = "machine-report"
    # True for bytes that must never be stored (csam, csem); asked window by window.
    is_prohibited: Callable[[bytes], bool] | None = None
    # False where the format has no place for some columns: what is written does not come back.
    is_lossless: bool = True
    # A format that a mapping file describes: makes, of one, the format that reads. By itself it
    # reads nothing and is never recognised.
    with_mapping: Callable[[Path | str], "Format"] | None = None
