"""The desks this node runs: one line each; applications, routes and navigation derive from it."""

DESKS: tuple[str, ...] = (
    "tocsin.desks.response",
    "tocsin.desks.shield",
    "tocsin.desks.subscribers",
)
