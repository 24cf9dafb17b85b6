"""`tocsin demo`: the main job on three bundled reports; nothing is left running."""

import csv
import secrets
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.padding import Padding

from tocsin.node.commands.options import who
from tocsin.node.commands.route import hand_over, import_file, run_route, summary
from tocsin.node.commands.told import events, show
from tocsin.node.console import clean, out, progress
from tocsin.node.meter import Meter
from tocsin.node.samples import samples_folder
from tocsin.node.store import open_store
from tocsin.words.errors import Refused

MARK = ".tocsin-demo"
STORY = """\
{read} records were read; {quarantined} could not be used and went to quarantine with the reason; \
{again} told something again.
{events} were located and told to {parties} parties. Each got its own file with only the fields \
it may see, and a signed manifest that says field by field why.
{unrouted} reached nobody who could act: no party in the file answers for that network or state.
The police got counts under an agreement, no address. The coordinator has no agreement and got \
nothing."""


def demo(
    folder: Annotated[
        Path, typer.Option("--in", help="Folder for the demo's store and deliveries.")
    ] = Path("demo-output"),
) -> None:
    """Route three bundled reports of three states.

    They tell of bots, phishing and open remote desktops; nothing touches the network.
    """
    samples = samples_folder()
    reports = sorted((samples / "demo").glob("*.csv"))
    _fresh(folder)
    out.print(
        "[bold]Tocsin demo.[/] Three reports came in about networks in Belgium, Poland and "
        "Portugal: bots that called a sinkhole, phishing pages, and remote desktops open to "
        "the world. All names are invented, all addresses are set aside for documentation.\n"
    )
    with Meter() as meter:
        opened = open_store(folder / "store", scratch=True)
        import_file(samples / "parties.toml", by=who(None))
        with progress(shown=True) as tell:
            outcome = run_route(
                reports,
                opened,
                tell,
                "in-process",
                by=who(None),
                overlay=samples / "networks.csv",
            )
        handed = hand_over(opened, folder / "out", by=who(None))
    people = _people()
    facts = summary(outcome, handed, meter)
    facts["quarantine_hint"] = f"tocsin quarantine --store {folder}/store"
    show(facts)
    _explain(facts, folder, samples)
    _sign_in(folder, people)


# Who the demo is seen through: an analyst of the team that runs the node, and a provider.
PEOPLE = (
    ("ada@csirt.example", "Ada Sample", "csirt-be", ("response.handle", "party.administer")),
    ("ben@meadow.example", "Ben Sample", "meadow-net", ("response.answer", "party.administer")),
)


def _people() -> dict[str, str]:
    """People who can sign in, with passwords drawn for this demo alone."""
    from tocsin.office.models import Party
    from tocsin.office.people import actions

    at, by, made = datetime.now(UTC), "demo", {}
    actions.run_node(Party.objects.get(slug=PEOPLE[0][2]), by=by, at=at)
    for email, name, party, competences in PEOPLE:
        person = actions.add_person(email=email, name=name, language="en", by=by, at=at)
        known = Party.objects.get(slug=party)
        actions.grant(person, known, competences=competences, by=by, at=at)
        made[email] = secrets.token_urlsafe(12)
        actions.set_password(person, made[email], by=by, at=at)
    return made


def _sign_in(folder: Path, people: dict[str, str]) -> None:
    out.print("\n[bold]See it in a browser[/] [dim](in a checkout: make serve)[/]")
    out.print(f"  tocsin serve --store {escape(str(folder))}/store", soft_wrap=True)
    out.print("  http://127.0.0.1:8000/ and sign in; a second factor is set up first")
    for email, name, party, _ in PEOPLE:
        out.print(f"  {email:<20} {people[email]}  [dim]{name}, {party}[/]", soft_wrap=True)


def _fresh(folder: Path) -> None:
    """Remove what an earlier demo made in its folder; never anything else."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()) and not (folder / MARK).exists():
        raise Refused(
            f"{folder} is not empty and was not made by the demo. Possible: --in ANOTHER-FOLDER"
        )
    for name in ("out", "store"):
        shutil.rmtree(folder / name, ignore_errors=True)
    (folder / MARK).touch()


def _explain(facts: dict[str, Any], folder: Path, samples: Path) -> None:
    parties = {row["party"] for row in facts["deliveries"]}
    out.print("[bold]What happened[/]")
    for line in _story(facts, len(parties)):
        out.print(Padding(f"• {line}", (0, 0, 0, 2)))
    _example(facts)
    _show_next(folder, samples)


def _story(facts: dict[str, Any], parties: int) -> list[str]:
    return STORY.format(
        read=facts["read"],
        quarantined=facts["quarantined"],
        again=facts["duplicates"],
        events=events(facts["events"]),
        parties=parties,
        unrouted=events(facts["unrouted"]),
    ).splitlines()


def _show_next(folder: Path, samples: Path) -> None:
    here, near = escape(str(folder)), samples
    if samples.is_relative_to(Path.cwd()):
        near = samples.relative_to(Path.cwd())
    out.print("\n[bold]Where to look[/]")
    out.print(f"  {here}/out/    one folder per party: deliveries and manifests")
    out.print(f"  {here}/store/  the node's store: events, sealed evidence, database")
    out.print("\n[bold]What to try next[/] [dim](in a checkout: .venv/bin/tocsin)[/]")
    common = f"--parties {near}/parties.toml --overlay {near}/networks.csv"
    for command in (
        f"tocsin preview 192.0.2.200 {common}",
        f"tocsin preview https://lantern-bank.secure-pages.example/ {common}",
        f"tocsin quarantine --store {folder}/store",
        f"tocsin route YOUR-REPORT.csv --parties {near}/parties.toml --out out",
    ):
        out.print(f"  {escape(command)}", soft_wrap=True)


def _example(facts: dict[str, Any]) -> None:
    rows = [row for row in facts["deliveries"] if row["relation"] == "network" and row["path"]]
    if not rows:
        return
    row = max(rows, key=lambda row: row["events"])
    with Path(row["path"]).open(encoding="utf-8", newline="") as file:
        first = next(csv.DictReader(file))
    out.print(f"\n[bold]For instance[/], the first line for {escape(row['name'])}:")
    for name in (
        "time.source",
        "source.ip",
        "source.port",
        "classification.type",
        "malware.name",
        "extra.because",
    ):
        if first.get(name):
            out.print(f"  [dim]{name:<22}[/]{escape(clean(first[name]))}")
