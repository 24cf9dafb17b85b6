"""What the response desk does."""

from tocsin.desks.response.actions.answering import Done, answer, answer_all
from tocsin.desks.response.actions.consulting import (
    Events,
    consult_case,
    consult_notification,
    consult_notifications,
)
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
from tocsin.desks.response.actions.moving import Post, merge, redirect, split
from tocsin.desks.response.actions.notifying import begin_notification, step_notification
from tocsin.desks.response.actions.owing import answer_reporter
from tocsin.desks.response.actions.preview import preview_reports
from tocsin.desks.response.actions.reporters import want_feedback
from tocsin.desks.response.actions.route import Options, Outcome, require_name, route_reports

__all__ = [
    "Done",
    "Events",
    "Options",
    "Outcome",
    "Post",
    "answer",
    "answer_all",
    "answer_reporter",
    "assign",
    "assign_all",
    "begin_notification",
    "close",
    "close_all",
    "comment",
    "consult_case",
    "consult_notification",
    "consult_notifications",
    "merge",
    "preview_reports",
    "redirect",
    "require_name",
    "route_reports",
    "split",
    "step_notification",
    "tag",
    "tag_all",
    "untag",
    "uphold",
    "want_feedback",
]
