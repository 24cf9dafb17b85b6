"""One file per wire format: bytes to table, table to bytes."""
