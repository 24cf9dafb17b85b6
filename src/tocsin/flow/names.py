"""Who answers for a name: the registry, the platform, the brand that is imitated."""

from collections.abc import Iterable

import numpy as np
import polars as pl

from tocsin.flow.domains import parents, words_of
from tocsin.flow.hits import by_value, links_of, prefix_hits, prefix_reasons, same, with_origin
from tocsin.flow.places import Place, Scene, column
from tocsin.words.relations import Relation, RemitKind


def by_registry(scene: Scene, place: Place, chosen: np.ndarray) -> Iterable[pl.DataFrame]:
    held = scene.compiled.lookup(Relation.REGISTRY, RemitKind.TLD)
    yield from _by_name(scene, place, chosen, held, "{name} is under .{value}")
    sold = scene.compiled.lookup(Relation.REGISTRY, RemitKind.DOMAIN)
    yield from _by_name(scene, place, chosen, sold, "{name} is under {value}, which it registered")


def by_platform(scene: Scene, place: Place, chosen: np.ndarray) -> Iterable[pl.DataFrame]:
    held = scene.compiled.lookup(Relation.PLATFORM, RemitKind.DOMAIN)
    yield from _by_name(scene, place, chosen, held, "{name} is under {value}")
    table = scene.compiled.prefixes.get(Relation.PLATFORM)
    if table is not None:
        rows, remits = prefix_hits(table, place, chosen)
        yield links_of(scene.compiled, rows, remits, prefix_reasons(scene.compiled, remits))


def _by_name(
    scene: Scene,
    place: Place,
    chosen: np.ndarray,
    held: dict[str, tuple[int, ...]],
    sentence: str,
) -> Iterable[pl.DataFrame]:
    """The longest domain above each name that somebody holds."""
    if not held:
        return
    names = place.fqdn.gather(pl.Series(chosen))
    hits: dict[str, str] = {}
    for name in names.drop_nulls().unique():
        found = [parent for parent in parents(name) if parent in held]
        hits |= {name: found[0]} if found else {}
    values = names.replace_strict(hits, default=None, return_dtype=pl.String)
    rows, remits = by_value(values, chosen, held)
    told = place.fqdn.gather(pl.Series(rows))
    why = {name: sentence.format(name=name, value=hits[name]) for name in told.unique()}
    because = told.replace_strict(why, default="", return_dtype=pl.String)
    yield links_of(scene.compiled, rows, remits, with_origin(scene.compiled, remits, because))


def by_brand(scene: Scene, place: Place, chosen: np.ndarray) -> Iterable[pl.DataFrame]:
    """Its own domain; the report names it as the target; or a host name carries its name."""
    own = scene.compiled.lookup(Relation.BRAND, RemitKind.DOMAIN)
    yield from _by_name(scene, place, chosen, own, "{name} is under its own domain {value}")
    held = scene.compiled.lookup(Relation.BRAND, RemitKind.BRAND)
    if not held:
        return
    at = pl.Series(chosen)
    target = column(scene.events, "event_description.target", pl.String).gather(at)
    rows, remits = by_value(target.str.to_lowercase(), chosen, held)
    said = same("the report names it as the target", len(rows))
    yield links_of(scene.compiled, rows, remits, said)
    names = place.fqdn.gather(at)
    carried = {name: _brands_in(name, held) for name in names.drop_nulls().unique()}
    rows, remits = by_value(names, chosen, carried)
    why = place.fqdn.gather(pl.Series(rows)) + " carries its name"
    yield links_of(scene.compiled, rows, remits, why)


def _brands_in(name: str, held: dict[str, tuple[int, ...]]) -> tuple[int, ...]:
    """The remits of every brand that a host name carries as a word, or as several in a row."""
    words, inside = words_of(name), f"-{name.replace('.', '-')}-"
    found: list[int] = []
    for value, remits in held.items():
        written = value.replace(" ", "-")
        if written.replace("-", "") in words or f"-{written}-" in inside:
            found += remits
    return tuple(found)
