"""How it went, for whoever the report is from: receipts of this network's deliveries.

A receipt has a state and counts of lines, and nothing that says which. The response desk moves its
cases by it, and tells the reporter, as with any receipt. It is `cured` only where every event of
the run found its line and all of them are over; what could not be attributed is never cured.
"""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet

from tocsin.channels import upstream
from tocsin.channels.upstream import Upstream
from tocsin.desks.subscribers.models import Finding, LookUp
from tocsin.office import receipts, register
from tocsin.office.models import Delivery, Receipt
from tocsin.words.moments import as_utc
from tocsin.words.relations import Relation

_ACTED, _CURED = Receipt.Kind.ACTED.value, Receipt.Kind.CURED.value


def report_outcomes(*, by: str, at: datetime) -> list[str]:
    """Say of each run what it came to, where that changed; a sentence for each."""
    waiting = LookUp.objects.exclude(said=_CURED).filter(exact__gt=0)
    said = []
    for key in list(waiting.order_by("at").values_list("pk", flat=True)):
        with transaction.atomic():
            rows = LookUp.objects.select_for_update(of=("self",)).select_related("run")
            row = rows.get(pk=key)
            counts = counts_of(row)
            kind = _kind(counts)
            if kind and kind != row.said:
                said.append(_say(row, kind, counts, by=by, at=as_utc(at)))
    return said


def counts_of(row: LookUp) -> dict[str, int]:
    """Lines of a run: in all, warned, clean now; and events of which no line can be said."""
    findings = row.findings.all()
    return {
        "lines": _lines(findings),
        "warned": _lines(findings.filter(warnings__isnull=False)),
        "clean": _lines(findings) - _lines(findings.exclude(state=Finding.State.CURED)),
        "unattributed": row.events - row.exact,
    }


def _lines(findings: QuerySet[Finding]) -> int:
    return findings.order_by().values("line").distinct().count()


def _kind(counts: dict[str, int]) -> str:
    if counts["clean"] == counts["lines"] and not counts["unattributed"]:
        return _CURED
    return _ACTED if counts["warned"] or counts["clean"] else ""


def _say(row: LookUp, kind: str, counts: dict[str, int], *, by: str, at: datetime) -> str:
    deliveries = Delivery.objects.filter(
        run=row.run, party__runs_node=True, relation=Relation.NETWORK.value
    )
    detail: dict[str, Any] = {"note": note_of(counts), **counts}
    for delivery in deliveries.select_related("party"):
        receipts.add_receipt(
            delivery, kind=kind, by=delivery.party.slug, actor=by, at=at, detail=detail
        )
    row.said = kind
    row.save(update_fields=["said"])
    return f"{kind}: {note_of(counts)}"


def note_of(counts: dict[str, int]) -> str:
    """The counts as one sentence."""
    return (
        f"lines {counts['lines']}, warned {counts['warned']}, clean {counts['clean']}, "
        f"events without a line {counts['unattributed']}"
    )


# ── up the chain ─────────────────────────────────────────────────────────────────────────


def tell_upstream(above: Upstream, *, by: str, at: datetime) -> int:
    """Say to the node above what its deliveries came to, where that changed; how many it heard of.

    Its file is known by its digest; what it did not deliver it hears nothing of. Raises
    `Undelivered`: what was said until then is written down, the rest is said the next time.
    """
    told = 0
    for row in LookUp.objects.exclude(said="").exclude(told_up=F("said")).order_by("at"):
        note, found = note_of(counts_of(row)), 0
        for digest in row.digests:
            if uid := upstream.find_delivery(above, digest):
                upstream.add_receipt(above, uid, kind=row.said, note=note)
                found += 1
        with transaction.atomic():
            LookUp.objects.filter(pk=row.pk).update(told_up=row.said)
            facts: dict[str, register.Fact] = {"kind": row.said, "deliveries": found}
            register.record(
                action="subscribers:outcome:tell", actor=by, at=at, subject=row.run.uid, facts=facts
            )
        told += found
    return told
