"""Logs of who held an address: leases, sessions, translated ports."""
