"""`tocsin route`: a report in, one delivery per party out."""

import fcntl
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tocsin.formats.packing import require_files
from tocsin.node.commands.options import (
    DEFAULT_STORE,
    By,
    Class,
    Executor,
    Files,
    FormatOption,
    Json,
    Mapping,
    OutOption,
    Overlay,
    Parties,
    Send,
    StoreOption,
    TlpOption,
    who,
)
from tocsin.node.commands.refusals import check_node, check_options, text_of
from tocsin.node.commands.told import QUEUED, finish, show
from tocsin.node.console import progress, say_json
from tocsin.node.meter import Meter
from tocsin.node.store import Store, open_store
from tocsin.words.markings import Tlp, read_tlp

OWNER = "command line"
WITHOUT_SENDING = ("folder",)  # nothing leaves the machine unless it was said so


def route(
    files: Files,
    parties: Parties = None,
    out_folder: OutOption = None,
    store: StoreOption = DEFAULT_STORE,
    as_json: Json = False,
    executor: Executor = "in-process",
    tlp: TlpOption = "amber",
    format_name: FormatOption = None,
    mapping: Mapping = None,
    kind: Class = None,
    overlay: Overlay = None,
    send: Send = False,
    by: By = None,
) -> None:
    """Route reports to everyone concerned.

    Each party gets one delivery per relation, with a signed manifest.

    Deliveries into folders are handed over at once. What goes by mail or to a web server is
    queued until --send or tocsin deliver.

    Exit codes: 0 all read, 3 a file could not be read (the others were routed), 7 a delivery
    could not be handed over and waits; the rest are in docs/reference/exit-codes.md.
    """
    require_files(files)  # before a store is made for a name that was mistyped
    marking = read_tlp(tlp)
    over = None if send else WITHOUT_SENDING
    check_options(executor, format_name=format_name, mapping=mapping, kind=kind, overlay=overlay)
    with Meter() as meter:
        check_node(store, parties, out_folder, over)
        opened = open_store(store)
        if parties is not None:
            import_file(parties, by=who(by))
        with progress(shown=not as_json) as tell:
            outcome = run_route(
                files,
                opened,
                tell,
                executor,
                tlp=marking,
                format_name=format_name,
                mapping=mapping,
                kind=kind,
                overlay=overlay,
                by=who(by),
            )
        handed = hand_over(opened, out_folder, over=over, by=who(by))
    facts = summary(outcome, handed, meter)
    say_json(facts) if as_json else show(facts)
    finish(facts)


def import_file(path: Path, *, by: str) -> Any:
    """Bring a party file into the store."""
    from tocsin.office.parties import import_parties

    at = datetime.now(UTC)
    folder = path.absolute().parent
    return import_parties(text_of(path), by=by, at=at, folder=folder)


def options_of(
    executor: str,
    *,
    tlp: Tlp,
    format_name: str | None = None,
    mapping: Path | None = None,
    kind: str | None = None,
    overlay: Path | None = None,
) -> Any:
    """The options of a run or a preview, with who this node is."""
    from tocsin.desks.response.actions import Options
    from tocsin.node.identity import UNNAMED, read_identity

    identity = read_identity()
    return Options(
        executor=executor,
        tlp=tlp,
        format=format_name,
        mapping=mapping,
        constants={} if kind is None else {"classification.type": kind},
        overlay=overlay,
        node=identity.name or UNNAMED,
        sender=identity.sender,
    )


def run_route(
    files: Sequence[Path],
    opened: Store,
    tell: Any,
    executor: str,
    *,
    by: str,
    tlp: Tlp = Tlp.AMBER,
    format_name: str | None = None,
    mapping: Path | None = None,
    kind: str | None = None,
    overlay: Path | None = None,
    at: datetime | None = None,
) -> Any:
    """One call to the action, with options that `refusals.check_options` let pass."""
    from tocsin.desks.response.actions import route_reports

    options = options_of(
        executor, tlp=tlp, format_name=format_name, mapping=mapping, kind=kind, overlay=overlay
    )
    return route_reports(
        files,
        store_folder=opened.path,
        options=options,
        by=by,
        at=at or datetime.now(UTC),
        progress=tell,
    )


@dataclass(frozen=True)
class HandedOver:
    """What came of an attempt, by delivery id, and channels that could not be worked, and why."""

    done: dict[str, Any]
    idle: dict[str, str]


def hand_over(
    opened: Store,
    out_folder: Path | None,
    *,
    over: Collection[str] | None = WITHOUT_SENDING,
    by: str = "",
) -> HandedOver:
    """Hand over what is due, by these channels (None: all)."""
    from tocsin.channels.catalogue import CHANNELS
    from tocsin.node.channel_settings import channel_settings, idle_channels
    from tocsin.office.outbox import deliver_due, free

    root = (out_folder or opened.path / "out").absolute()
    with suppress(OSError):  # the channel says what is wrong with it, and the delivery waits
        root.mkdir(parents=True, exist_ok=True)
    settings = channel_settings(opened, root=root, over=over)
    idle = idle_channels(settings)
    worked = [name for name in (CHANNELS if over is None else over) if name not in idle]
    done: dict[str, Any] = {}
    with (opened.path / ".deliver.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a lease of ours that is still held is a dead one's
        free(owner=OWNER)
        while batch := deliver_due(
            owner=OWNER,
            at=datetime.now(UTC),
            channels=CHANNELS,
            store_folder=opened.path,
            settings=settings,
            limit=100,
            over=worked,
            by=by,
        ):
            done |= {row.delivery.replace("-", ""): row for row in batch}
    return HandedOver(done, idle)


def summary(outcome: Any, handed: HandedOver, meter: Meter) -> dict[str, Any]:
    """The facts of one run, as `--json` prints them."""
    totals = outcome.totals
    return {
        "run": outcome.run,
        "read": sum(report.rows + report.quarantined for report in outcome.reports),
        "quarantined": sum(report.quarantined for report in outcome.reports),
        "duplicates": sum(report.duplicates for report in outcome.reports),
        "events": totals.events,
        "unrouted": totals.unrouted,
        "held": totals.held,
        "classes": dict(sorted(totals.classes.items())),
        "unrouted_by": [
            {"country": cc, "network": asn, "events": count}
            for (cc, asn), count in sorted(totals.nobody.items(), key=lambda item: -item[1])[:20]
        ],
        "reports": [_report(report) for report in outcome.reports],
        "deliveries": [
            _delivery(row, sum(gathered.classes.values()), handed)
            for row, gathered in zip(outcome.deliveries, totals.deliveries, strict=True)
        ],
        "earlier": _earlier(outcome, handed),
        **cost(meter),
    }


def cost(meter: Meter) -> dict[str, float]:
    """What a command cost, once its meter has stopped."""
    return {
        "seconds": round(meter.seconds, 3),
        "cpu_seconds": round(meter.cpu_seconds, 3),
        "peak_mib": round(meter.peak_mib, 1),
    }


def _earlier(outcome: Any, handed: HandedOver) -> int:
    """Deliveries of earlier runs that had waited and were handed over now."""
    own = {row.uid.hex for row in outcome.deliveries}
    return sum(done.state == "delivered" for uid, done in handed.done.items() if uid not in own)


def _report(report: Any) -> dict[str, Any]:
    return {
        "file": report.name,
        "format": report.format,
        "sha256": report.digest,
        "read": report.rows + report.quarantined,
        "rows": report.rows,
        "quarantined": report.quarantined,
        "duplicates": report.duplicates,
        "events": report.events,
        "notes": report.sentences(),
        "unreadable": report.unreadable,
    }


def _delivery(row: Any, told: int, handed: HandedOver) -> dict[str, Any]:
    done = handed.done.get(row.uid.hex)
    state = done.state if done else row.state
    where = done.delivered_to if done else ""
    error = (done.error if done else row.last_error) or handed.idle.get(row.channel, "")
    if state == "ready" and not error:
        state = QUEUED
    return {
        "party": row.party.slug,
        "name": row.party.name,
        "relation": row.relation,
        "events": told,
        "rows": row.rows,
        "format": row.format,
        "tlp": row.tlp,
        "path": str(Path(where) / Path(row.path).name) if where and row.channel == "folder" else "",
        "digest": row.digest,
        "state": state,
        "error": error,
    }
