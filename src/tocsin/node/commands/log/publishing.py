"""Publishing the public log, how it stands, and proofs of single rows: what needs the database."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.markup import escape

from tocsin.node.commands.options import DEFAULT_STORE, Json, StoreOption, who
from tocsin.node.console import clean, out, say_json
from tocsin.node.store import open_existing
from tocsin.words.errors import NotFound, Unproven, Unusable
from tocsin.words.moments import iso


def publish(store: StoreOption = DEFAULT_STORE) -> None:
    """Publish the batch of this slot of the schedule.

    The worker does so by itself.

    A second time in the same slot changes nothing: a log that grew when something happened would
    say that something happened.
    """
    opened = open_existing(store)
    from tocsin.node.job_settings import job_settings
    from tocsin.office import publiclog

    words = job_settings()["log"]
    schedule = publiclog.schedule_of(words)
    made = publiclog.publish_due(
        store_folder=opened.path,
        schedule=schedule,
        origin=words["origin"],
        by=who(None),
        at=datetime.now(UTC),
    )
    if made is None:
        every = int(schedule.every.total_seconds())
        out.print(f"This slot has its batch; there is one every {every:,} seconds.")
        return
    out.print(
        f"{escape(made.origin)}: {made.size:,} leaves, root {made.root.hex()}", soft_wrap=True
    )
    out.print(f"  {escape(str(publiclog.open_log(opened.path).public))}", soft_wrap=True)


def status(store: StoreOption = DEFAULT_STORE, as_json: Json = False) -> None:
    """Show how the log stands: leaves, keys, what is wrong.

    Exit codes: 0 nothing, 9 its files and the database do not agree, or nobody publishes.
    """
    opened = open_existing(store)
    from tocsin.node.job_settings import job_settings
    from tocsin.office import publiclog

    schedule = publiclog.schedule_of(job_settings()["log"])
    found = publiclog.health(store_folder=opened.path, schedule=schedule, at=datetime.now(UTC))
    log = publiclog.open_log(opened.path)
    facts: dict[str, Any] = {
        "origin": log.published().origin if found.shown else None,
        "leaves": found.shown,
        "rows_waiting": found.unlogged,
        "last_batch_at": iso(found.last_at) if found.last_at else None,
        "keys": [
            {"key": span.verifier.vkey, "since": span.since, "until": span.until}
            for span in log.spans()
        ],
        "folder": str(log.public),
        "problems": list(found.problems),
    }
    say_json(facts) if as_json else _show(facts)
    if found.problems:
        raise Unproven("; ".join(found.problems))


def _show(facts: dict[str, Any]) -> None:
    if facts["origin"] is None:
        out.print("Nothing is published yet. Possible: tocsin log publish, or tocsin worker")
        return
    for name, value in (
        ("origin", facts["origin"]),
        ("leaves", f"{facts['leaves']:,}, real ones and padding"),
        ("rows waiting", f"{facts['rows_waiting']:,} for the next slot"),
        ("last batch", facts["last_batch_at"]),
        ("folder", facts["folder"]),
    ):
        out.print(f"{name:<14}{escape(clean(str(value)))}", soft_wrap=True)
    for key in facts["keys"]:
        until = "in force" if key["until"] is None else f"retired at {key['until']:,}"
        # The key of ML-DSA-44 is 1,312 bytes; the file `keys` has it whole.
        text = key["key"] if len(key["key"]) < 200 else f"{key['key'][:60]}…"
        out.print(
            f"{'key':<14}{escape(text)} [dim]from {key['since']:,}, {until}[/]", soft_wrap=True
        )


def proof(
    row: Annotated[
        str, typer.Argument(help="Id of a register row; its beginning will do.", show_default=False)
    ],
    out_folder: Annotated[Path, typer.Option("--out", help="Folder to write into.")] = Path(),
    store: StoreOption = DEFAULT_STORE,
) -> None:
    """Write the proof of a register row, in two files.

    Anybody can check them offline.

    `ROW.tlog-proof` holds the proof and the signed checkpoint, `ROW.row.json` the facts and the
    key of their leaf. Give the second one only to whoever may see the facts.
    """
    opened = open_existing(store)
    from tocsin.ledger.files import flush_folder, write_whole
    from tocsin.office import publiclog

    found = _row(row)
    made, facts = publiclog.proof_of(found, store_folder=opened.path)
    _make_folder(out_folder)
    name = found.uid.hex[:12]
    paths = out_folder / f"{name}.tlog-proof", out_folder / f"{name}.row.json"
    for path, data, mode in ((paths[0], made, 0o644), (paths[1], facts, 0o600)):
        write_whole(path, data, spool=out_folder, mode=mode)  # the facts are for who may see them
    flush_folder(out_folder)
    out.print(f"{escape(str(paths[0]))}\n{escape(str(paths[1]))}", soft_wrap=True)
    out.print(
        f"check them: tocsin log verify {escape(str(paths[0]))} --row {escape(str(paths[1]))} "
        "--key KEY",
        soft_wrap=True,
    )


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as fault:
        raise Unusable(
            f"no folder can be made at {folder}: {fault.strerror}. Possible: another --out"
        ) from fault


def _row(text: str) -> Any:
    """A register row by its id or the beginning of it."""
    from tocsin.office.models import RegisterRow

    digits = text.lower().replace("-", "")
    if not digits or any(digit not in "0123456789abcdef" for digit in digits) or len(digits) > 32:
        raise Unusable(f"{text!r} is no id. Possible: tocsin register list shows them")
    least, most = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    rows = list(RegisterRow.objects.filter(uid__gte=least, uid__lte=most)[:2])
    if not rows:
        raise NotFound(f"there is no register row {text}. Possible: tocsin register list")
    if len(rows) > 1:
        raise Unusable(f"{text} begins more than one id. Possible: more digits of it")
    return rows[0]
