"""The response desk as Django sees it."""

from typing import Any
from uuid import UUID

from django.apps import AppConfig

from tocsin.office.shapes import COUNT, TEXT, TEXTS, Shape


class Response(AppConfig):
    """Reports in, the concerned told."""

    name = "tocsin.desks.response"
    label = "response"
    verbose_name = "Response"
    # For erasure (office.erasure.texts): texts of ours that may name a person.
    personal_texts = {
        "Intake": ("name", "outcome", "error"),
        "Report": ("name", "reason", "notes"),
    }

    register_shapes = {
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
            summed=(
                "rows",
                "quarantined",
                "duplicates",
                "events",
                "unrouted",
                "held",
                "deliveries",
            ),
        ),
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
