"""`tocsin log`: the public log, one file per noun."""

import typer

from tocsin.node.commands.log import keys, publishing

app = typer.Typer(help="The public log: publish, prove, verify, witness.", no_args_is_help=True)
for command in (publishing.publish, publishing.status, publishing.proof):
    app.command()(command)
app.add_typer(keys.app, name="keys")
