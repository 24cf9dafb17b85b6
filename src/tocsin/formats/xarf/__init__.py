"""XARF 4 (spec 4.2.0): abuse reports as JSON, read in bulk by checks of our own, and written.

shapes.py      which fields a type has, out of fields.tsv; rules.py: what a value may be
prohibited.py  reports of the abuse of children: never kept
reading.py     reports to raw tables        classes.py  XARF's types and RSIT's
writing.py     a delivery to reports
"""

from dataclasses import replace
from functools import partial

from tocsin.formats.format import Format
from tocsin.formats.idf_json import ends
from tocsin.formats.xarf.prohibited import is_prohibited
from tocsin.formats.xarf.reading import cut, parse, sniff
from tocsin.formats.xarf.writing import Sender, body, header, nameless

FORMAT = Format(
    name="xarf",
    media_type="application/x-ndjson",
    extension=".ndjson",
    sniff=sniff,
    cut=cut,
    parse=parse,
    header=header,
    body=nameless,  # until `with_sender`
    ends=ends,
    samples="xarf",
    is_prohibited=is_prohibited,
    is_lossless=False,
)


def with_sender(sender: Sender) -> Format:
    """The format with the name that a node's reports carry."""
    return replace(FORMAT, body=partial(body, sender=sender))


__all__ = ["FORMAT", "Sender", "with_sender"]
