"""`tocsin evidence`: what is kept, and handing it over with its chain of custody."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from tocsin import __version__
from tocsin.node.commands.hold import Named
from tocsin.node.commands.options import DEFAULT_STORE, By, Json, StoreOption, who
from tocsin.node.console import clean, counted, in_pieces, out, say_json, table
from tocsin.node.store import open_existing
from tocsin.words.moments import iso

app = typer.Typer(
    help="List and show evidence, export it with its chain of custody.", no_args_is_help=True
)
SHOWN = 50


@app.command("list")
def list_(store: StoreOption = DEFAULT_STORE, as_json: Json = False) -> None:
    """List evidence, the newest first."""
    open_existing(store)
    from tocsin.office.models import Evidence

    rows = [_facts(row) for row in Evidence.objects.order_by("-received_at", "digest")]
    if as_json:
        say_json(rows)
        return
    shown = table(
        f"{counted(len(rows), 'file')} of evidence",
        *("digest", "class", "received", "bytes", "state"),
        right=("bytes",),
    )
    for row in rows[:SHOWN]:
        shown.add_row(
            row["digest"][:12], row["class"], row["received_at"], f"{row['size']:,}", row["state"]
        )
    out.print(shown)
    if len(rows) > SHOWN:
        out.print(f"… and {len(rows) - SHOWN:,} more; --json lists all")


def _facts(row: Any) -> dict[str, Any]:
    return {
        "digest": row.digest,
        "class": row.evidence_class,
        "media_type": row.media_type,
        "size": row.size,
        "received_at": iso(row.received_at),
        "keep_until": iso(row.keep_until),
        "erased_at": iso(row.erased_at) if row.erased_at else None,
        "hold": row.hold_authority or None,
        "state": _state(row),
    }


def _state(row: Any) -> str:
    from tocsin.office import holds

    if row.key:
        return "held" if holds.is_held(row, at=datetime.now(UTC)) else "kept"
    return "erased" if row.erased_at else "never stored"


@app.command("show")
def show(named: Named, store: StoreOption = DEFAULT_STORE, as_json: Json = False) -> None:
    """Show what was done with one file of evidence.

    Never its content: that is `tocsin evidence export`.
    """
    open_existing(store)
    from tocsin.office.copies import newest_of
    from tocsin.office.custody import history
    from tocsin.office.reported import evidence_named

    row = evidence_named(named)
    newest = newest_of(row.digest)
    facts = _facts(row) | {"newest_copy": newest.digest if newest.key else None}
    done = [
        {"at": iso(one.at), "actor": one.actor, "action": one.action, "facts": one.facts}
        for one in history(sorted({row.digest, newest.digest}))
    ]
    if as_json:
        say_json(facts | {"register": done})
        return
    for name, value in facts.items():
        out.print(f"{name.replace('_', ' '):<14} {escape(clean(str(value or '-')))}")
    shown = table("\nRegister", "at", "who", "what")
    for one in done:
        shown.add_row(one["at"], escape(clean(one["actor"])), in_pieces(one["action"], beside=44))
    out.print(shown)


@app.command("export")
def export(
    named: Named,
    out_folder: Annotated[Path, typer.Option("--out", help="Folder to write into.")],
    why: Annotated[str, typer.Option("--why", help="For whom and what for.", show_default=False)],
    store: StoreOption = DEFAULT_STORE,
    by: By = None,
    as_json: Json = False,
) -> None:
    """Write the exact bytes with their chain of custody.

    Into a new folder, signed; `tocsin evidence verify` checks it anywhere.
    """
    opened = open_existing(store)
    from tocsin.office import custody

    done = custody.export(
        named,
        out=out_folder,
        why=why,
        by=who(by),
        at=datetime.now(UTC),
        store_folder=opened.path,
        version=__version__,
    )
    if as_json:
        say_json({"folder": str(done.folder), "sha256": done.digest, "bytes": done.size,
                  "asked_for": done.asked_for, "is_redacted_copy": done.is_redacted})  # fmt: skip
        return
    what = "the copy that an erasure left" if done.is_redacted else "the exact bytes"
    out.print(f"{escape(str(done.folder))}: {what}, {done.size:,} bytes", soft_wrap=True)
    out.print("custody.json is signed; VERIFY.txt says how to check it")


@app.command("verify")
def verify(
    folder: Annotated[Path, typer.Argument(help="A folder that tocsin evidence export wrote.")],
    key: Annotated[str, typer.Option(help="Public key of the node, 64 digits.")],
) -> None:
    """Check an exported folder: bytes and signature.

    It needs no store, so whoever received the folder can check it.
    """
    from tocsin.office.signing import verify_export

    facts = verify_export(folder, public_key=key)
    out.print(f"{facts['file']['sha256']}: bytes and signature fit", soft_wrap=True)
