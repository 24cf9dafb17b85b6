"""`tocsin networks`: what the routing snapshot knows, and how to replace it."""

import tempfile
from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from rich.markup import escape

from tocsin.channels.npm_package import fetch_package
from tocsin.flow.addresses import parse_ip
from tocsin.flow.networks import (
    SHIPPED,
    Layer,
    Networks,
    load_networks,
    locate,
    range_texts,
    snapshot_in,
)
from tocsin.formats.ip_ranges import write_snapshot
from tocsin.node.commands.options import DEFAULT_STORE, Json, Overlay, StoreOption
from tocsin.node.console import clean, out, progress, say_json, table
from tocsin.node.store import open_store
from tocsin.words.errors import Unusable

app = typer.Typer(help="The routing snapshot: show it, update it.", no_args_is_help=True)
PACKAGES = ("@ip-location-db/asn", "@ip-location-db/geo-whois-asn-country")


@app.command()
def show(
    address: Annotated[str | None, typer.Argument(help="An address to look up.")] = None,
    store: StoreOption = DEFAULT_STORE,
    overlay: Overlay = None,
    as_json: Json = False,
) -> None:
    """Show the snapshot, or look up an address."""
    folder = snapshot_in(store / "networks")
    networks = load_networks(folder, overlay)
    facts = _about(networks, folder) if address is None else _look_up(networks, address)
    if as_json:
        say_json(facts)
        return
    listed = table("", "", "")
    listed.title, listed.show_header = None, False
    for name, value in facts.items():
        text = f"{value:,}" if isinstance(value, int) and name != "asn" else str(value)
        listed.add_row(name.replace("_", " "), escape(clean(text)))
    out.print(listed)
    if address is None:
        out.print(
            "[dim]Routing data by RouteViews and DB-IP (CC BY 4.0), "
            "country data by the NRO; see NOTICE.[/]"
        )


def _about(networks: Networks, folder: Path) -> dict[str, object]:
    def ranges(layers: tuple[Layer, ...]) -> int:
        return sum(len(layer.v4.starts) + len(layer.v6.starts) for layer in layers)

    return {
        "snapshot": networks.as_of,
        "kept": "shipped with Tocsin" if folder == SHIPPED else str(folder),
        "network_ranges": ranges(networks.asn),
        "country_ranges": ranges(networks.country),
        "named_networks": len(networks.as_names),
    }


def _look_up(networks: Networks, address: str) -> dict[str, object]:
    parsed = parse_ip(pl.Series([address]))
    if parsed["ip"][0] is None:
        raise Unusable(f"{address!r} is no address, such as 192.0.2.7 or 2001:db8::7")
    v4 = parsed["v4"]
    v6 = parsed["ip"].zip_with(v4.is_null(), pl.Series([None], dtype=pl.String))
    facts: dict[str, object] = {"address": parsed["ip"][0]}
    for name, layers in (("asn", networks.asn), ("country", networks.country)):
        found = locate(layers, v4, v6)
        facts[name] = found.value[0] if found.value[0] is not None else "not known"
        if found.value[0] is not None:
            facts[f"{name}_range"] = range_texts(layers, found, v4.is_not_null().to_numpy())[0]
            facts[f"{name}_source"] = layers[int(found.layer[0])].source
    if isinstance(facts["asn"], int):
        facts["as_name"] = networks.as_names.get(facts["asn"], "")
    return facts


@app.command()
def update(
    store: StoreOption = DEFAULT_STORE,
    folder: Annotated[
        Path | None,
        typer.Option("--from", help="Folder with the two unpacked packages, to stay offline."),
    ] = None,
) -> None:
    """Fetch the newest snapshot.

    It lies in the store, and runs with that store use it from then on.
    """
    target = open_store(store).networks
    with tempfile.TemporaryDirectory(prefix="tocsin-networks-") as scratch:
        source = folder
        with progress(shown=True, unit="ranges") as tell:
            if source is None:
                source = Path(scratch) / "packages"
                for name in PACKAGES:
                    tell(f"fetching {name}", 0)
                    fetch_package(name, source / name.rpartition("/")[2])
            write_snapshot(source, target, progress=tell)
    load_networks.cache_clear()
    show(None, store, None, as_json=False)
