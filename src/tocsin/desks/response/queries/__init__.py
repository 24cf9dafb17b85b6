"""What the response desk can be asked."""

from tocsin.desks.response.queries.preview import Preview, Shown, Told, as_event, preview
from tocsin.desks.response.queries.quarantine import quarantined

__all__ = ["Preview", "Shown", "Told", "as_event", "preview", "quarantined"]
