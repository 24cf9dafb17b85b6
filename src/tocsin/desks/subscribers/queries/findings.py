"""What was found on lines, counted: by problem, by fate, by where it stands."""

from typing import Any

from django.db.models import Count, Q, Sum

from tocsin.desks.subscribers.models import Finding

_STATES = Finding.State


def counted() -> list[dict[str, Any]]:
    """A row for each problem and fate; `lines` is 0 where no line can be said."""
    one = Q(fate=Finding.Fate.ONE)
    grouped = Finding.objects.order_by("kind", "family", "fate").values("kind", "family", "fate")
    rows = grouped.annotate(
        lines=Count("line", filter=one, distinct=True),
        all_events=Sum("events"),
        seen=Count("pk", filter=one & Q(state=_STATES.SEEN)),
        warned=Count("pk", filter=one & Q(state=_STATES.WARNED)),
        cured=Count("pk", filter=one & Q(state=_STATES.CURED)),
        came_back=Sum("returned"),
    )
    return [
        {
            "problem": f"{row['kind']} {row['family']}".strip(),
            "fate": row["fate"],
            "events": row["all_events"],
            **{name: row[name] for name in ("lines", "seen", "warned", "cured", "came_back")},
        }
        for row in rows
    ]
