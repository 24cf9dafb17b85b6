"""`tocsin log witness`: be a witness of other logs, and ask witnesses to see this one."""

import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from tocsin.channels.outbound import Policy as Way
from tocsin.channels.public_addresses import read_networks
from tocsin.channels.witness import ask as ask_witness
from tocsin.channels.witness import read_prefix
from tocsin.channels.witness_server import Server, application
from tocsin.ledger.keys import Kind, Verifier, has_ml_dsa, make_signer, read_vkey
from tocsin.ledger.log import Log
from tocsin.ledger.policy import read_policy
from tocsin.ledger.witness import Alarm, Witness
from tocsin.node.commands.log.trusting import PolicyFile, read_named
from tocsin.node.commands.options import By, Json, who
from tocsin.node.console import clean, complain, err, out, say_json
from tocsin.words.errors import NotFound, TocsinError, Unproven, Unusable

app = typer.Typer(
    help="Be a witness of other logs, and have this one witnessed.", no_args_is_help=True
)
Folder = Annotated[Path, typer.Argument(help="Folder of the witness.", show_default=False)]


@app.command()
def add(
    folder: Folder,
    keys: Annotated[list[str] | None, typer.Argument(help="Keys of logs to watch.")] = None,
    name: Annotated[
        str | None, typer.Option(help="Name of a new witness, such as witness.example/log.")
    ] = None,
) -> None:
    """Watch logs, and make the witness first where there is none.

    Prints the witness's own keys: whoever is to believe it needs them.
    """
    witness = Witness(folder)
    watched = [read_vkey(text) for text in keys or ()]
    if not (folder / "keys").exists():
        if name is None:
            raise NotFound(f"{folder} is no witness yet. Possible: --name witness.example/log")
        kinds = [Kind.COSIGNATURE, *([Kind.ML_DSA_44] if has_ml_dsa() else [])]
        witness.make([make_signer(name, kind, secrets.token_bytes(32)) for kind in kinds])
    elif name is not None and name != witness.signers()[0].name:
        raise Unusable(f"{folder} is {witness.signers()[0].name}, and a witness keeps its name")
    for key in watched:
        known = "watched from now on" if witness.watch(key) else "watched already"
        out.print(escape(clean(f"{key.said}: {known}")), soft_wrap=True)
    for signer in witness.signers():
        out.print(escape(signer.verifier.vkey), soft_wrap=True)


@app.command()
def serve(
    folder: Folder,
    port: Annotated[
        int, typer.Option(help="Port on 127.0.0.1; 0 takes a free one.", min=0, max=65535)
    ] = 8420,
) -> None:
    """Answer logs on this machine's loopback, until Ctrl-C.

    For others to reach it, a web server with TLS stands before it. Ends with 9 if there was an
    alarm.
    """
    witness, heard = Witness(folder), list[Alarm]()
    signers = witness.signers()

    def shout(alarm: Alarm) -> None:
        heard.append(alarm)
        err.print(f"[bold red]ALARM[/] {escape(clean(alarm.said))}", soft_wrap=True)

    app_ = application(witness, clock=lambda: datetime.now(UTC), shout=shout)
    with Server(port, app_) as server:
        watched = ", ".join(witness.logs()) or "nobody yet"
        out.print(
            escape(clean(f"{signers[0].name} at {server.url}, watching {watched}")), soft_wrap=True
        )
        out.file.flush()
        try:
            server.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            out.print("stopped")
    if heard:
        raise Unproven(f"{len(heard)} alarms. Possible: tocsin log witness alarms {folder}")


@app.command()
def alarms(folder: Folder, as_json: Json = False) -> None:
    """List what does not go together; 9 where anything does not.

    Each alarm is a file in the folder `alarms`, with both checkpoints as the log signed them.
    """
    witness = Witness(folder)
    witness.signers()
    found = witness.alarms()
    if as_json:
        say_json([{**vars(one), "name": one.name} for one in found])
    else:
        for one in found:
            out.print(escape(clean(f"{one.at}  {one.said}")), soft_wrap=True)
            out.print(f"  {escape(str(folder / 'alarms' / one.name))}.json", soft_wrap=True)
        if not found:
            out.print("No alarm: every log that is watched only grew.")
    if found:
        raise Unproven(
            f"{len(found)} alarms. Possible: ask the log's operator, and keep the files; they are "
            "the evidence"
        )


@app.command()
def settle(
    folder: Folder,
    alarm: Annotated[
        str, typer.Argument(help="Name of its file; the beginning will do.", show_default=False)
    ],
    why: Annotated[
        str, typer.Option("--why", help="How you know what happened.", show_default=False)
    ],
    by: By = None,
) -> None:
    """Put an explained alarm aside.

    It is kept in alarms/settled, with who says so and why. What proves that a log has two
    histories stays.
    """
    witness = Witness(folder)
    witness.signers()
    found = witness.settle(alarm, why=why, by=who(by), at=datetime.now(UTC))
    out.print(escape(clean(f"settled: {found.said}")), soft_wrap=True)


@app.command()
def ask(
    log: Annotated[
        Path, typer.Argument(help="The log's folder: log/ in the store.", show_default=False)
    ],
    url: Annotated[
        str | None, typer.Argument(help="The witness's address; without it, those of --policy.")
    ] = None,
    keys: Annotated[
        list[str] | None, typer.Option("--witness", help="Key of the witness; may be repeated.")
    ] = None,
    policy: PolicyFile = None,
    allow: Annotated[
        str, typer.Option(help="Networks that may be asked although not public, and over http.")
    ] = "",
) -> None:
    """Have witnesses cosign the published checkpoint.

    Ends with 9 where a witness knows another history of this log.
    """
    opened = Log(log)
    note = opened.note()
    if note is None:
        raise NotFound(f"{opened.public} shows no checkpoint. Possible: tocsin log publish")
    faults: list[TocsinError] = []
    for address, known in _asked(url, keys, policy):
        target = read_prefix(address)
        networks = read_networks(allow)
        way = Way(allow=networks, ports=frozenset({target.port}), plain=bool(networks))
        try:
            given = ask_witness(
                target, note, consistency=opened.consistency, witnesses=known, policy=way
            )
        except TocsinError as fault:
            faults.append(fault)
            continue
        if not opened.cosign(note.text, given):
            raise Unusable("the log was published anew in between. Possible: the same again")
        out.print(
            escape(clean(f"{given[0].name} cosigned {opened.published().size:,} leaves")),
            soft_wrap=True,
        )
    # The gravest is what the command ends with: 9 stands above 7.
    faults.sort(key=lambda one: one.exit_code)
    for one in faults[:-1]:
        complain(one)
    if faults:
        raise faults[-1]


def _asked(
    url: str | None, keys: list[str] | None, policy: Path | None
) -> list[tuple[str, list[Verifier]]]:
    """Addresses, and the keys that each may sign with."""
    known = [read_vkey(text) for text in keys or ()]
    found = read_policy(read_named(policy)) if policy else None
    if found is not None:
        known += found.witnesses.values()
    if not known:
        raise Unusable("whose cosignature? Possible: --witness KEY, or --policy FILE")
    if url is not None:
        return [(url, known)]
    by_url: dict[str, list[Verifier]] = {}
    addresses = found.urls if found else {}
    for key in (key for key in known if key in addresses):
        by_url.setdefault(addresses[key], []).append(key)
    if not by_url:
        raise Unusable("which witness? Possible: its address, or addresses in the policy")
    return list(by_url.items())
