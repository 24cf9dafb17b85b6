"""Makes what is released: `make release KEY=…` (docs/how-to/make-a-release.md)."""


class Refused(Exception):
    """Why there is no release, and what is possible instead."""
