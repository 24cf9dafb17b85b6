"""What the response desk does."""

from tocsin.desks.response.actions.route import Options, Outcome, route_reports

__all__ = ["Options", "Outcome", "route_reports"]
