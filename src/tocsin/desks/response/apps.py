"""The response desk as Django sees it."""

from typing import Any
from uuid import UUID

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from tocsin.office.front import Entry, Section
from tocsin.office.shapes import COUNT, FLAG, TEXT, TEXTS, Kind, Shape
from tocsin.rules.response import CASE
from tocsin.rules.retention import Place

_STEP = Shape(
    {"party": TEXT, "of": TEXT, "state": TEXT, "kind": TEXT}, counted=("of", "state", "kind")
)

_NOTIFIED = Shape(
    {"party": TEXT, "lifecycle": TEXT, "step": TEXT, "state": TEXT},
    counted=("lifecycle", "step", "state"),
)


def _case(**more: Kind) -> Shape:
    return Shape({"party": TEXT, **more})


_READ_CASES = ("response:case:read", "response:case:read_own")
_READ_NOTIFICATIONS = ("response:notification:read", "response:notification:read_own")
FRONT = Section(
    _("Response"),
    (
        Entry(_("Start"), "response:start", (*_READ_CASES, "response:report:add_own")),
        Entry(_("Cases"), "response:cases", _READ_CASES),
        Entry(
            _("Deliveries"),
            "response:deliveries",
            ("response:delivery:read", "response:delivery:read_own"),
        ),
        Entry(
            _("Reports"), "response:reports", ("response:report:read", "response:report:read_own")
        ),
        Entry(_("Notifications"), "response:notifications", _READ_NOTIFICATIONS),
        Entry(_("Quarantine"), "response:quarantine", ("response:report:read",)),
        Entry(_("Figures"), "response:figures", _READ_CASES),
    ),
)

_CONSULTED = Shape({"why": TEXT}, may={"what": TEXT, "shown": COUNT}, summed=("shown",))


class Response(AppConfig):
    """Reports in, the concerned told."""

    name = "tocsin.desks.response"
    label = "response"
    verbose_name = "Response"
    recurring = "tocsin.desks.response.tasks.recurring"
    ways_in = "tocsin.desks.response.tasks.ways_in"
    home_cards = "tocsin.desks.response.queries.front.cards"
    front = FRONT
    # For erasure (office.erasure.texts): texts of ours that may name a person.
    personal_texts = {
        "Case": ("about", "because", "family", "sample", "within", "without"),
        "Entry": ("message_id", "text"),
        "Intake": ("answer", "mapping", "name", "outcome", "error"),
        "Notification": ("subject",),
        "Report": ("name", "reason", "notes"),
        "SavedFilter": ("name", "filters"),
        "Submission": ("text",),
        "Tag": ("name",),
        "Upload": ("name",),
    }

    # For retention (office.retention): model, place, counted from which field, emptied to what.
    retention: tuple[tuple[str, Place, str, dict[str, Any] | None], ...] = (
        ("Case", Place.CASE_SAMPLES, "seen_at", {"sample": []}),
        ("Case", Place.CASES, "changed_at", None),
        ("Notification", Place.NOTIFICATIONS, "changed_at", None),
    )
    # For erasure (office.erasure): what goes with reports that are erased.
    reports_erased = "tocsin.desks.response.actions.owing.forget_reports"
    # For receipts (office.receipts): what a party says of a delivery moves its cases.
    receipt_added = "tocsin.desks.response.actions.hearing.hear_receipt"

    register_shapes = {
        **{f"response:case:{step.name}": _STEP for step in CASE.steps},
        "response:cases:answer": _case(step=TEXT, cases=COUNT),
        "response:cases:tell": _case(cases=COUNT),
        "response:case:assign": _case(to=TEXT.or_nothing()),
        "response:case:consult": Shape(
            {"why": TEXT}, may={"what": TEXT, "shown": COUNT}, summed=("shown",)
        ),
        "response:case:comment": _case(audience=TEXT),
        "response:case:split": _case(part=TEXT, events=COUNT),
        "response:case:tag": _case(name=TEXT),
        "response:case:untag": _case(name=TEXT),
        "response:deadline:consult": _CONSULTED,
        "response:delivery:consult": _CONSULTED,
        "response:feedback:change": _case(wanted=FLAG),
        "response:feedback:tell": _case(cases=COUNT),
        "response:intake:add": Shape(
            {
                "digest": TEXT,
                "size": COUNT,
                "tlp": TEXT,
                "purpose": TEXT,
                "party": TEXT.or_nothing(),
            },
            summed=("size",),
            counted=("purpose",),
        ),
        "response:notification:begin": _NOTIFIED,
        "response:notification:consult": _CONSULTED,
        "response:notification:step": _NOTIFIED,
        "response:report:answer": _case(),
        "response:report:route": Shape(
            {
                "reports": TEXTS,
                "rows": COUNT,
                "quarantined": COUNT,
                "duplicates": COUNT,
                "events": COUNT,
                "unrouted": COUNT,
                "held": COUNT,
                "deliveries": COUNT,
            },
            may={"cases_opened": COUNT, "cases_joined": COUNT, "cases_reopened": COUNT},
            summed=(
                "rows",
                "quarantined",
                "duplicates",
                "events",
                "unrouted",
                "held",
                "deliveries",
                "cases_opened",
                "cases_joined",
                "cases_reopened",
            ),
        ),
        "response:upload:begin": Shape({"party": TEXT, "length": COUNT.or_nothing()}),
        "response:upload:cancel": Shape({"party": TEXT, "length": COUNT.or_nothing()}),
    }

    def evidence_of_reports(self, low: UUID, high: UUID, most: int) -> list[tuple[str, str]]:
        """Of reports whose id lies in a range: the id, and the digest of the file that it was."""
        found = self._reports().filter(uid__range=(low, high)).order_by("uid")
        rows = found.values_list("uid", "evidence__digest")[:most]
        return [(uid.hex, digest) for uid, digest in rows]

    def reports_of_evidence(self, digest: str) -> list[tuple[str, str, str]]:
        """Id, file name and format of every report that came as this file, oldest first."""
        rows = self._reports().filter(evidence__digest=digest).order_by("received_at", "pk")
        return [(row.uid.hex, row.name, row.format) for row in rows]

    def _reports(self) -> Any:
        model: Any = self.get_model("Report")
        return model.objects
