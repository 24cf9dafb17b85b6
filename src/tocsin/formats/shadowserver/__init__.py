"""Shadowserver report CSV: every report type by one dictionary of columns, one table of classes.

Source: https://www.shadowserver.org/what-we-do/network-reporting/ and the mapping of IntelMQ
3.5, whose facts (report, class, columns) stand in `reports.tsv`.
"""

from tocsin.formats.format import Format
from tocsin.formats.shadowserver.reading import cut, parse, sniff

FORMAT = Format(
    name="shadowserver",
    media_type="text/csv",
    extension=".csv",
    sniff=sniff,
    cut=cut,
    parse=parse,
    samples="shadowserver",
)
