"""What the response desk does."""

from tocsin.desks.response.actions.answering import Done, answer, answer_all
from tocsin.desks.response.actions.consulting import Events, consult_case
from tocsin.desks.response.actions.handling import (
    assign,
    assign_all,
    close,
    close_all,
    comment,
    tag,
    tag_all,
    untag,
    uphold,
)
from tocsin.desks.response.actions.preview import preview_reports
from tocsin.desks.response.actions.route import Options, Outcome, require_name, route_reports

__all__ = [
    "Done",
    "Events",
    "Options",
    "Outcome",
    "answer",
    "answer_all",
    "assign",
    "assign_all",
    "close",
    "close_all",
    "comment",
    "consult_case",
    "preview_reports",
    "require_name",
    "route_reports",
    "tag",
    "tag_all",
    "untag",
    "uphold",
]
