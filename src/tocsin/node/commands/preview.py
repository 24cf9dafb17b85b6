"""`tocsin preview`: who would be told, which fields, why; nothing is sent or kept."""

import tempfile
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from tocsin.node.commands.options import (
    DEFAULT_STORE,
    FormatOption,
    Json,
    Mapping,
    Overlay,
    Parties,
    StoreOption,
    TlpOption,
)
from tocsin.node.commands.refusals import check_options, text_of
from tocsin.node.commands.route import HandedOver, cost, options_of, summary
from tocsin.node.commands.told import QUEUED, finish, show
from tocsin.node.console import clean, out, progress, say_json, table
from tocsin.node.meter import Meter
from tocsin.node.store import Store, open_existing, open_store
from tocsin.rules.concern import ACTING
from tocsin.words.errors import NotFound, Unusable
from tocsin.words.markings import read_tlp

GIVEN = ("keep", "coarsen", "pseudonymise", "counted")
# Endings of reports; none is a top-level domain, so a mistyped file is not taken for a name.
REPORTS = (".csv", ".gz", ".json", ".jsonl", ".ndjson", ".txt")
ACTS = {
    "keep": "[green]given[/]",
    "coarsen": "[yellow]coarsened[/]",
    "pseudonymise": "[yellow]pseudonym[/]",
    "counted": "[green]counted[/]",
    "drop": "[dim]withheld[/]",
    "never": "[red]never[/]",
}


def preview(
    target: Annotated[
        str, typer.Argument(help="An address, network, URL, domain, or a report file.")
    ],
    parties: Parties = None,
    store: StoreOption = DEFAULT_STORE,
    kind: Annotated[
        str | None,
        typer.Option(
            "--class", help="Type of the event: infected-system, phishing or another of RSIT."
        ),
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(help="A further field, NAME=VALUE, such as source.port=4444."),
    ] = None,
    tlp: TlpOption = "amber",
    format_name: FormatOption = None,
    mapping: Mapping = None,
    overlay: Overlay = None,
    as_json: Json = False,
) -> None:
    """Show who would be told of something.

    Says which fields each would see, and why; nothing is kept and nothing is sent.
    """
    if Path(target).is_file():
        reading = {"format_name": format_name, "mapping": mapping, "kind": kind}
        _preview_file(Path(target), parties, store, tlp, overlay, reading, as_json=as_json)
        return
    if Path(target).suffix.lower() in REPORTS:
        raise NotFound(f"no such file: {target}")
    found = _preview_one(target, kind, _extras(field or []), parties, store, tlp, overlay)
    say_json(_as_facts(target, found)) if as_json else _show(target, found)


def _extras(fields: list[str]) -> dict[str, str]:
    wrong = [text for text in fields if "=" not in text]
    if wrong:
        raise Unusable(f"--field {wrong[0]!r}: write NAME=VALUE, such as source.port=4444")
    return {name: value for name, _, value in (text.partition("=") for text in fields)}


def _preview_one(
    target: str,
    kind: str | None,
    extras: dict[str, str],
    parties: Path | None,
    store: Path,
    tlp: str,
    overlay: Path | None,
) -> Any:
    with tempfile.TemporaryDirectory(prefix="tocsin-preview-") as scratch:
        _open(store, parties, Path(scratch))
        from tocsin.desks.response import queries
        from tocsin.flow.networks import load_networks, snapshot_in

        at = datetime.now(UTC)
        return queries.look_up(
            target,
            kind=kind or "",
            fields=extras,
            tlp=read_tlp(tlp),
            networks=load_networks(snapshot_in(store / "networks"), overlay),
            at=at,
            supposing=_supposing(parties, at),
        )


def _open(store: Path, parties: Path | None, scratch: Path) -> Store:
    """The store that is there; with a party file there need be none."""
    if parties is None or (store / "layout").is_file():
        return open_existing(store)
    return open_store(scratch / "store", scratch=True)


def _supposing(parties: Path | None, at: datetime) -> AbstractContextManager[None]:
    """With the party file imported, if there is one; nothing of it stays."""
    from tocsin.office.parties import as_if_imported

    if parties is None:
        return nullcontext()
    return as_if_imported(text_of(parties), at=at, folder=parties.absolute().parent)


def _preview_file(
    path: Path,
    parties: Path | None,
    store: Path,
    tlp: str,
    overlay: Path | None,
    reading: dict[str, Any],
    *,
    as_json: bool,
) -> None:
    """A run that ends before it counts; what it writes is thrown away."""
    check_options("in-process", overlay=overlay, **reading)
    options = {"tlp": read_tlp(tlp), "overlay": overlay, **reading}
    with tempfile.TemporaryDirectory(prefix="tocsin-preview-") as scratch, Meter() as meter:
        opened, into = _open(store, parties, Path(scratch)), Path(scratch) / "preview"
        at = datetime.now(UTC)
        from tocsin.desks.response.actions import preview_reports
        from tocsin.desks.response.queries.insides import inside

        with progress(shown=not as_json) as tell:
            outcome = preview_reports(
                [path],
                store_folder=opened.path,
                into=into,
                options=options_of("in-process", **options),
                at=at,
                supposing=_supposing(parties, at),
                progress=tell,
            )
        facts = summary(outcome, HandedOver({}, {}), meter)
        for told, delivery in zip(facts["deliveries"], outcome.deliveries, strict=True):
            told.update(inside(into / delivery.path, into / delivery.manifest_path))
        facts["quarantine"] = _set_aside(into / "quarantine")
    facts |= {**cost(meter), "quarantine_hint": ""}
    for row in facts["deliveries"]:
        row["state"] = "preview" if row["state"] == QUEUED else row["state"]
    if as_json:
        say_json(facts)
    else:
        show(facts)
        _show_inside(facts)
        out.print("This was a preview: nothing was kept, nothing was sent.")
    finish(facts)


def _set_aside(folder: Path) -> list[dict[str, Any]]:
    from tocsin.desks.response.queries import quarantined

    rows = quarantined(folder).select("file", "line", "reason")
    return rows.head(SHOWN).to_dicts()


SHOWN = 20


def _show_inside(facts: dict[str, Any]) -> None:
    for row in facts["deliveries"][:SHOWN]:
        relation = row["relation"].replace("_", " ")
        out.print(
            f"[bold]{escape(row['name'])}[/] as [bold]{relation}[/]: {row['events']:,} events"
        )
        if row["because"]:
            out.print(f"  for instance because {escape(clean(row['because']))}", soft_wrap=True)
        for act, names in row["fields"].items():
            if act not in ("drop", "never"):
                out.print(f"  {ACTS[act]}: {', '.join(names)}", soft_wrap=True)
    for row in facts["quarantine"]:
        where = f"{row['file']}, line {row['line']}: {row['reason']}"
        out.print(f"[yellow]would go to quarantine[/] {escape(clean(where))}", soft_wrap=True)
    out.print()


def _as_facts(target: str, found: Any) -> dict[str, Any]:
    return {
        "target": target,
        "known": found.facts,
        "told": [
            {
                "party": told.recipient.party,
                "name": told.recipient.name,
                "relation": told.relation.value,
                "side": told.side.value,
                "because": told.because,
                "attributable": told.attributable or None,
                "fields": [vars(shown) for shown in told.fields],
            }
            for told in found.told
        ],
    }


def _show(target: str, found: Any) -> None:
    out.print(f"[bold]{escape(clean(target))}[/]", soft_wrap=True)
    for name, value in found.facts.items():
        out.print(f"  [dim]{name:<26}[/]{escape(clean(value))}")
    out.print()
    if not found.told:
        out.print("[yellow]No party on file is concerned.[/]")
        return
    for told in found.told:
        _show_told(told)
    if not any(told.relation in ACTING for told in found.told):
        out.print("[yellow]Nobody who could act on it is told: it would count as unrouted.[/]")


def _show_told(told: Any) -> None:
    relation = told.relation.value.replace("_", " ")
    out.print(f"[bold]{escape(clean(told.recipient.name))}[/] is told as [bold]{relation}[/]")
    out.print(f"  because {escape(clean(told.because))}", soft_wrap=True)
    for basis in dict.fromkeys(row.basis for row in told.fields if row.act in GIVEN):
        out.print(f"  on the basis of {escape(basis)}", soft_wrap=True)
    if told.attributable:
        out.print(f"  [yellow]attributable: {told.attributable}[/]", soft_wrap=True)
    shown = table("", "field", "", "value that leaves")
    shown.title, shown.show_header = None, False
    for row in told.fields:
        shown.add_row(f"  {row.field}", ACTS.get(row.act, row.act), escape(clean(row.value)))
    out.print(shown)
    out.print()
