"""`tocsin log verify`: check a copy of the log, or the proof of one row, offline."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from tocsin.ledger.leaves import Row, read_row
from tocsin.ledger.log import CHECKPOINT
from tocsin.ledger.proofs import Proof, check_proof, read_proof
from tocsin.ledger.trust import Seen
from tocsin.ledger.verify import Verified, verify_copy
from tocsin.node.commands.log.trusting import Keys, PolicyFile, read_named, read_trust
from tocsin.node.commands.options import Json
from tocsin.node.console import clean, out, say_json
from tocsin.words.errors import NotFound, Unusable
from tocsin.words.moments import iso


def verify(
    path: Annotated[
        Path, typer.Argument(help="Copy of a log's folder, or a .tlog-proof.", show_default=False)
    ],
    row: Annotated[
        Path | None, typer.Option(help="Row file that the proof is about: facts and their key.")
    ] = None,
    keys: Keys = None,
    policy: PolicyFile = None,
    since: Annotated[
        Path | None, typer.Option(help="Checkpoint that you kept: the copy must begin with it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a copy of the log or a proof, offline.

    Says what was shown, in sentences. Ends with 9 where something does not hold.
    """
    trust = read_trust(keys, policy)
    if path.is_dir():
        if row is not None:
            raise Unusable("--row goes with a .tlog-proof, and this is a folder")
        older = read_named(since) if since else None
        found = verify_copy(_folder(path), trust, since=older)
        say_json(_about_copy(found)) if as_json else _say(_copy_in_words(found), found.seen)
        return
    if since is not None:
        raise Unusable("--since goes with the copy of a log, and this is a file")
    if not path.exists():
        raise NotFound(f"{path} is not there. Possible: the copy of a log, or a .tlog-proof")
    if row is None:
        raise Unusable("a proof is about a row. Possible: --row FILE, which came with the proof")
    proof, facts = read_proof(read_named(path)), read_row(read_named(row))
    seen = check_proof(proof, facts.leaf, trust)
    say_json(_about_proof(proof, facts, seen)) if as_json else _say(
        _proof_in_words(proof, facts, seen), seen
    )


def _folder(path: Path) -> Path:
    """The folder that is shown; the log's own folder has it inside."""
    inside = path / "public"
    return inside if not (path / CHECKPOINT).exists() and inside.is_dir() else path


def _say(lines: list[str], seen: Seen) -> None:
    """What was shown, and by whom it was signed and seen."""
    lines += [f"Signed by {one.verifier.said}." for one in seen.by]
    lines += [f"Seen by {one.verifier.said} at {iso(one.at)}." for one in seen.witnesses if one.at]
    if not seen.witnesses:
        lines.append(
            "No witness was asked for (--policy): without one, a log could show others another "
            "history."
        )
    for line in lines:
        out.print(escape(clean(line)), soft_wrap=True)


def _copy_in_words(found: Verified) -> list[str]:
    head = found.seen.checkpoint
    lines = [
        f"{head.origin} has {head.size:,} leaves; its root is {head.root.hex()}.",
        f"Every file holds: {found.bundles:,} of entries, {found.tiles:,} of hashes.",
    ]
    if found.since is not None:
        lines.append(
            f"It begins with the log of {found.since.size:,} leaves that you kept: nothing in it "
            "was changed or taken out since."
        )
    return lines


def _proof_in_words(proof: Proof, row: Row, seen: Seen) -> list[str]:
    head = seen.checkpoint
    return [
        f"The row is leaf {proof.index:,} of {head.origin}, which had {head.size:,} leaves then:",
        *(f"  {name}: {_value(value)}" for name, value in row.facts.items()),
        "It stands in the log exactly so; a row with any other fact would not.",
    ]


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _about_copy(found: Verified) -> dict[str, Any]:
    return {
        **_about(found.seen),
        "tiles": found.tiles,
        "bundles": found.bundles,
        "since": found.since.size if found.since else None,
    }


def _about_proof(proof: Proof, row: Row, seen: Seen) -> dict[str, Any]:
    return {**_about(seen), "index": proof.index, "row": row.facts}


def _about(seen: Seen) -> dict[str, Any]:
    return {
        "origin": seen.checkpoint.origin,
        "size": seen.checkpoint.size,
        "root": seen.checkpoint.root.hex(),
        "signed_by": [one.verifier.vkey for one in seen.by],
        "seen_by": [
            {"witness": one.verifier.vkey, "at": iso(one.at) if one.at else None}
            for one in seen.witnesses
        ],
    }
