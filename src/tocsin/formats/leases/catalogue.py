"""The logs of leases, sessions and translated ports this node reads: one line each."""

from pathlib import Path

from tocsin.formats.leases import deterministic, isc_dhcpd, kea, parquet, radius, syslog, table
from tocsin.formats.leases.format import LeaseFormat
from tocsin.words.errors import Unreadable, Unusable

LEASES: tuple[LeaseFormat, ...] = (
    parquet.FORMAT,
    kea.FORMAT,
    table.FORMAT,
    radius.FORMAT,
    isc_dhcpd.FORMAT,
    deterministic.FORMAT,
    syslog.FORMAT,
)
_HEAD = 1 << 16


def lease_format(path: Path, *, name: str = "", mapping: str = "") -> LeaseFormat:
    """The format of a file: as it is said to be, or by its content.

    `mapping` (a file or one of `syslog.MAPPINGS`) is for lines of a log. Raises Unusable for a
    name that is none, Unreadable where the content is of none.
    """
    if name == syslog.NAME or (mapping and not name):
        if not mapping:
            raise Unusable(
                f"lines of a log need a mapping: a file, or one of {', '.join(syslog.MAPPINGS)}"
            )
        return syslog.with_mapping(syslog.MAPPINGS.get(mapping, Path(mapping)))
    if name:
        found = next((one for one in LEASES if one.name == name), None)
        if found is None:
            raise Unusable(f"no format {name!r} of leases. Possible: {_names()}")
        return found
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    for one in LEASES:
        if one.sniff(head, path.name):
            return one
    raise Unreadable(f"{path.name}: leases of no format that is known. Possible: {_names()}")


def _names() -> str:
    return ", ".join(one.name for one in LEASES)
