"""`tocsin shield fetch`: look at what reviewers asked for, one process for each address."""

import time
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.markup import escape

from tocsin.node.commands.options import DEFAULT_STORE, Json, StoreOption
from tocsin.node.console import clean, out, say_json
from tocsin.node.store import open_existing
from tocsin.words.errors import Refused

NAP = 2.0  # seconds between looks at an idle queue


def fetch(
    once: Annotated[bool, typer.Option("--once", help="Take what waits now, and stop.")] = False,
    store: StoreOption = DEFAULT_STORE,
    as_json: Json = False,
) -> None:
    """Look where addresses lead, as reviewers ask.

    Each address is fetched by a process of its own, without privileges, files, cookies or scripts,
    and never one of your own networks. Nothing is fetched unless TOCSIN_SHIELD_FETCHER is set.
    """
    open_existing(store)
    from django.conf import settings

    from tocsin.desks.shield.actions.looking import next_look, take_look

    fetcher = settings.SHIELD["fetcher"]
    if not fetcher.is_on:
        raise Refused("this node fetches nothing. Possible: TOCSIN_SHIELD_FETCHER=on")
    while True:
        look = next_look()
        if look is not None:
            found = take_look(look, fetcher=fetcher, at=datetime.now(UTC))
            said = found.fault or f"{found.status} {found.title}".strip()
            if as_json:
                say_json({"look": found.uid.hex, "state": found.state, "said": said})
            else:
                out.print(f"{found.uid.hex[:12]} {escape(clean(said))}", soft_wrap=True)
        elif once:
            return
        else:
            time.sleep(NAP)
