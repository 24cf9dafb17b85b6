"""`tocsin deliver`: hand over what is due, and show what waits or was given up."""

import time
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.markup import escape

from tocsin.node.commands.options import DEFAULT_STORE, By, Json, OutOption, StoreOption, who
from tocsin.node.commands.refusals import require_folder
from tocsin.node.commands.route import hand_over
from tocsin.node.console import clean, out, say_json, table
from tocsin.node.store import Store, open_existing
from tocsin.words.errors import Undelivered
from tocsin.words.moments import iso

UntilEmpty = Annotated[
    bool, typer.Option("--until-empty", help="Stay until nothing waits for another attempt.")
]
Resume = Annotated[
    str | None,
    typer.Option(help="First take a parked delivery up again: its id, or the beginning of it."),
]
LONGEST_SLEEP = 60.0  # seconds, so that what another command queues is seen
MOST_ROWS = 40


def deliver(
    until_empty: UntilEmpty = False,
    resume: Resume = None,
    out_folder: OutOption = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: Json = False,
    by: By = None,
) -> None:
    """Hand over what is due, by every channel, once.

    Exit codes: 0 nothing waits, 7 something waits for another attempt or is parked. What is held
    until its party's hour or day is over counts for neither.
    """
    opened = open_existing(store)
    require_folder(out_folder or opened.path / "out")
    if resume:
        _resume(resume, by=who(by))
    handed = hand_over(opened, out_folder, over=None, by=who(by)).done
    while until_empty and (seconds := _seconds_to_wait(_idle(opened))) is not None:
        time.sleep(min(seconds, LONGEST_SLEEP))
        handed |= hand_over(opened, out_folder, over=None, by=who(by)).done
    facts = {"delivered": _delivered(handed), **_left(_idle(opened))}
    say_json(facts) if as_json else _show(facts)
    if facts["waiting"] or facts["parked"]:
        raise typer.Exit(Undelivered.exit_code)


def _resume(uid: str, *, by: str) -> None:
    from tocsin.office import outbox
    from tocsin.office.receipts import find_delivery

    outbox.resume(find_delivery(uid).uid, by=by, at=datetime.now(UTC))


def _delivered(handed: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"delivery": done.delivery, "party": done.party, "to": done.delivered_to}
        for done in handed.values()
        if done.state == "delivered"
    ]


def _idle(opened: Store) -> dict[str, str]:
    from tocsin.node.channel_settings import channel_settings, idle_channels

    return idle_channels(channel_settings(opened, root=opened.path / "out"))


def _left(idle: dict[str, str]) -> dict[str, list[dict[str, Any]]]:
    """What is still here: waiting for an attempt, held for its interval, parked."""
    from tocsin.office import outbox

    found: dict[str, list[dict[str, Any]]] = {"waiting": [], "held": [], "parked": []}
    for delivery in outbox.unsent().select_related("party", "run"):
        row = _row(delivery)
        row["why"] = row["why"] or idle.get(delivery.channel, "")
        found["held" if _is_held(delivery) else "waiting"].append(row)
    found["parked"] = [_row(delivery) for delivery in outbox.parked()]
    return found


def _is_held(delivery: Any) -> bool:
    return not delivery.attempt and _next(delivery) > datetime.now(UTC)


def _next(delivery: Any) -> datetime:
    from tocsin.office.digests import due_at

    due = due_at(delivery)
    return max(due, delivery.lease_until) if delivery.lease_until else due


def _seconds_to_wait(idle: dict[str, str]) -> float | None:
    """Until the next attempt of anything that waits for one; None where nothing does."""
    from tocsin.office import outbox

    unsent = outbox.unsent().exclude(channel__in=idle)
    waiting = [delivery for delivery in unsent if not _is_held(delivery)]
    if not waiting:
        return None
    soonest = min(_next(delivery) for delivery in waiting)
    return max(0.5, (soonest - datetime.now(UTC)).total_seconds())


def _row(delivery: Any) -> dict[str, Any]:
    is_parked = delivery.state == "parked"
    return {
        "delivery": str(delivery.uid),
        "party": delivery.party.slug,
        "name": delivery.party.name,
        "channel": delivery.channel,
        "ticket": delivery.ticket,
        "rows": delivery.rows,
        "attempt": delivery.attempt,
        "next_attempt_at": None if is_parked else iso(_next(delivery)),
        "why": delivery.last_error,
    }


# --- for people -------------------------------------------------------------------------------


def _show(facts: dict[str, Any]) -> None:
    count = len(facts["delivered"])
    out.print(f"{count:,} {'delivery' if count == 1 else 'deliveries'} handed over.")
    shown = table("", "party", "to")
    shown.title = None
    once = dict.fromkeys((row["party"], row["to"]) for row in facts["delivered"])
    for party, to in list(once)[:MOST_ROWS]:
        shown.add_row(escape(clean(party)), escape(clean(to)))
    if once:
        out.print(shown)
    _show_left("Waiting", facts["waiting"], "next attempt")
    _show_left("Held until the hour or the day is over", facts["held"], "goes out")
    _show_left("Parked", facts["parked"], None)
    if facts["parked"]:
        out.print("  take one up again: tocsin deliver --resume DELIVERY")


def _show_left(title: str, rows: list[dict[str, Any]], when: str | None) -> None:
    if not rows:
        return
    numbers = ("rows", "attempts")
    last = [when] if when else []
    shown = table(title, "delivery", "party", "channel", *numbers, *last, right=numbers)
    for row in rows[:MOST_ROWS]:
        moment = [row["next_attempt_at"]] if when else []
        cells = (row["delivery"][:8], row["party"], row["channel"])
        shown.add_row(*cells, f"{row['rows']:,}", f"{row['attempt']}", *moment)
    out.print()
    out.print(shown)
    if len(rows) > MOST_ROWS:
        out.print(f"  … and {len(rows) - MOST_ROWS:,} more")
    reasons = dict.fromkeys((row["name"], row["why"]) for row in rows if row["why"])
    for name, why in list(reasons)[:6]:
        said = f"{escape(clean(name))}: {escape(clean(why))}"
        out.print(f"  [yellow]note[/] {said}", soft_wrap=True)
