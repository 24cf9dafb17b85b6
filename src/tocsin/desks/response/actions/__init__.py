"""What the response desk does."""

from tocsin.desks.response.actions.preview import preview_reports
from tocsin.desks.response.actions.route import Options, Outcome, require_name, route_reports

__all__ = ["Options", "Outcome", "preview_reports", "require_name", "route_reports"]
