"""`tocsin log`: the public log, one file per noun."""

import typer

from tocsin.node.commands.log import keys, publishing, witness
from tocsin.node.commands.log.verify import verify

app = typer.Typer(help="The public log: publish, prove, verify, witness.", no_args_is_help=True)
for command in (publishing.publish, publishing.status, publishing.proof, verify):
    app.command()(command)
app.add_typer(keys.app, name="keys")
app.add_typer(witness.app, name="witness")
