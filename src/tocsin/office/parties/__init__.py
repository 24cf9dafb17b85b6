"""Parties: parties.toml and the database, one into the other; what `flow` knows of them."""

from tocsin.office.parties.compiled import compiled_parties
from tocsin.office.parties.entry import ContactLine, Entry
from tocsin.office.parties.exchange import (
    Imported,
    as_if_imported,
    directory,
    export_parties,
    import_parties,
)
from tocsin.office.parties.reading import read_parties
from tocsin.office.parties.writing import write_parties

__all__ = [
    "ContactLine",
    "Entry",
    "Imported",
    "as_if_imported",
    "compiled_parties",
    "directory",
    "export_parties",
    "import_parties",
    "read_parties",
    "write_parties",
]
