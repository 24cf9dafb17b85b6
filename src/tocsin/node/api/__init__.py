"""The HTTP API of the node at /api/v1/: what desks offer to programs, and what goes wrong there."""
