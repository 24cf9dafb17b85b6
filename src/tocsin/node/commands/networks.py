"""`tocsin networks`: what the routing snapshot knows, and how to replace it."""

import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import polars as pl
import typer
from rich.markup import escape

from tocsin.node.commands.route import Json, Overlay
from tocsin.node.console import out, say_json, table
from tocsin.words.errors import Unusable

app = typer.Typer(help="The routing snapshot: show it, update it.", no_args_is_help=True)
PACKAGES = ("@ip-location-db/asn", "@ip-location-db/geo-whois-asn-country")


@app.command()
def show(
    address: Annotated[str | None, typer.Argument(help="An address to look up.")] = None,
    overlay: Overlay = None,
    as_json: Json = False,
) -> None:
    """Say which snapshot is in use, or what it knows of one address."""
    from tocsin.flow.networks import SHIPPED, load_networks

    networks = load_networks(SHIPPED, overlay)
    if address is None:
        facts = {
            "snapshot": networks.as_of,
            "folder": str(SHIPPED),
            "asn_ranges": sum(
                len(r.starts) for layer in networks.asn for r in (layer.v4, layer.v6)
            ),
            "country_ranges": sum(
                len(r.starts) for layer in networks.country for r in (layer.v4, layer.v6)
            ),
            "as_names": len(networks.as_names),
        }
    else:
        facts = _look_up(networks, address)
    if as_json:
        say_json(facts)
        return
    listed = table("Networks", "", "")
    listed.show_header = False
    for name, value in facts.items():
        text = f"{value:,}" if isinstance(value, int) and name != "asn" else str(value)
        listed.add_row(name.replace("_", " "), escape(text))
    out.print(listed)
    if address is None:
        out.print(
            "[dim]Routing data by RouteViews and DB-IP (CC BY 4.0), country data by the NRO; see NOTICE.[/]"
        )


def _look_up(networks: object, address: str) -> dict[str, object]:
    from tocsin.flow.addresses import parse_ip
    from tocsin.flow.networks import Networks, locate, range_texts

    if not isinstance(networks, Networks):
        raise TypeError(networks)
    parsed = parse_ip(pl.Series([address]))
    if parsed["ip"][0] is None:
        raise Unusable(f"{address!r} is no address, such as 192.0.2.7 or 2001:db8::7")
    v4 = parsed["v4"]
    v6 = parsed["ip"].zip_with(v4.is_null(), pl.Series([None], dtype=pl.String))
    is4 = v4.is_not_null().to_numpy()
    facts: dict[str, object] = {"address": parsed["ip"][0]}
    for name, layers in (("asn", networks.asn), ("country", networks.country)):
        found = locate(layers, v4, v6)
        facts[name] = found.value[0] if found.value[0] is not None else "not known"
        span = range_texts(layers, found, is4)[0]
        if span is not None:
            facts[f"{name}_range"] = span
            facts[f"{name}_source"] = layers[int(found.layer[0])].source
    if isinstance(facts["asn"], int):
        facts["as_name"] = networks.as_names.get(facts["asn"], "")
    return facts


@app.command()
def update(
    folder: Annotated[
        Path | None,
        typer.Option("--from", help="Folder with the two unpacked packages; no network."),
    ] = None,
) -> None:
    """Replace the snapshot by the newest packages of the routing table."""
    from tocsin.channels.npm_package import fetch_package
    from tocsin.flow.networks import SHIPPED
    from tocsin.formats.ip_ranges import write_snapshot

    with tempfile.TemporaryDirectory(prefix="tocsin-networks-") as scratch:
        source = folder
        if source is None:
            source = Path(scratch) / "packages"
            for name in PACKAGES:
                out.print(f"fetching {name} …")
                fetch_package(name, source / name.rpartition("/")[2])
        fresh = Path(scratch) / "snapshot"
        fresh.mkdir()
        write_snapshot(source, fresh)
        for file in sorted(fresh.iterdir()):
            shutil.copy2(file, SHIPPED / f".{file.name}.new")
        for file in sorted(fresh.iterdir()):
            (SHIPPED / f".{file.name}.new").replace(SHIPPED / file.name)
    show(None, None, as_json=False)
