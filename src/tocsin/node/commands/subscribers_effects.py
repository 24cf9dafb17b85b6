"""`tocsin subscribers effects`: what a warning does."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from rich.markup import escape

from tocsin.node.commands.options import DEFAULT_STORE, Json, StoreOption
from tocsin.node.console import clean, out, say_json, table
from tocsin.node.store import open_existing


def effects(store: StoreOption = DEFAULT_STORE, as_json: Json = False) -> None:
    """Compare how long problems last, unwarned and warned.

    By problem and way, with how many were at risk; a comparison where warnings were staggered.
    """
    open_existing(store)
    from tocsin.desks.subscribers.queries.effects import DAYS
    from tocsin.desks.subscribers.queries.effects import effects as found_effects

    found = found_effects(at=datetime.now(UTC))
    if as_json:
        say_json({"effects": [asdict(one) for one in found]})
        return
    if not found:
        out.print("Nothing was found yet: tocsin subscribers look-up")
        return
    heads = tuple(f"{day} days" for day in DAYS)
    numbers = ("findings", "over", *heads)
    shown = table("Still seen after", "problem", "treatment", *numbers, right=numbers)
    for one in found:
        problem = escape(clean(f"{one.kind} {one.family}".strip()))
        points = [_said(point) for point in one.points]
        shown.add_row(problem, one.treatment, f"{one.findings:,}", f"{one.over:,}", *points)
    out.print(shown)
    out.print(
        "Behind each share: how many were at risk on that day. It compares treatments only where "
        "warnings were staggered (TOCSIN_SUBSCRIBERS_STAGGER).",
        soft_wrap=True,
    )


def _said(point: Any) -> str:
    return f"{point.share:.0%} ({point.at_risk:,})" if point.share is not None else "?"
