"""Who holds an address: the network, by prefix or autonomous system, and the state's CSIRT."""

from collections.abc import Iterable, Sequence

import numpy as np
import polars as pl

from tocsin.flow.hits import by_value, links_of, prefix_hits, prefix_reasons, with_origin
from tocsin.flow.networks import Layer, Located, range_texts
from tocsin.flow.places import Place, Scene, column
from tocsin.rules.contacts import LAST_RANK
from tocsin.words.relations import Relation, RemitKind

Remits = tuple[int, ...]  # numbers of remits


def by_network(scene: Scene, place: Place, chosen: np.ndarray) -> Iterable[pl.DataFrame]:
    compiled = scene.compiled
    table = compiled.prefixes.get(Relation.NETWORK)
    held = compiled.lookup(Relation.NETWORK, RemitKind.ASN)
    rest = chosen
    if table is not None:
        rows, remits = prefix_hits(table, place, chosen)
        if held and compiled.is_ranked:
            rows, remits = _not_outranked(scene, place, (rows, remits), held)
        yield links_of(compiled, rows, remits, prefix_reasons(compiled, remits))
        rest = np.setdiff1d(chosen, rows, assume_unique=False)
    if held and len(rest):
        rows, remits = _asn_hits(scene, place, rest, held)
        because = with_origin(compiled, remits, _asn_reasons(scene, place, rows))
        yield links_of(compiled, rows, remits, because)


def _not_outranked(
    scene: Scene, place: Place, hits: tuple[np.ndarray, np.ndarray], held: dict[str, Remits]
) -> tuple[np.ndarray, np.ndarray]:
    """Prefixes out of an import give way to whoever answers for the AS by a better source."""
    rows, remits = hits
    ranks = np.array(scene.compiled.ranks, dtype=np.int64)
    imported = np.unique(rows[ranks[remits] > 0])
    best = np.full(len(scene.events), LAST_RANK, dtype=np.int64)
    of_as, by_as = _asn_hits(scene, place, imported, held)
    best[of_as] = ranks[by_as]  # remits of one value have one rank
    stands = ranks[remits] <= best[rows]
    return rows[stands], remits[stands]


def _asn_hits(
    scene: Scene, place: Place, rest: np.ndarray, held: dict[str, Remits]
) -> tuple[np.ndarray, np.ndarray]:
    known = place.asn.value
    reported = column(scene.events, f"{place.side}.asn", pl.UInt32)
    asn = known.fill_null(reported).gather(pl.Series(rest))
    return by_value(asn.cast(pl.String), rest, held)


def _asn_reasons(scene: Scene, place: Place, rows: np.ndarray) -> pl.Series:
    asn, span, source = _where(scene.networks.asn, place.asn, place, rows)
    reported = column(scene.events, f"{place.side}.asn", pl.UInt32).gather(pl.Series(rows))
    known = "AS" + asn.cast(pl.String) + " held " + span + " in " + source
    return known.fill_null("the report says AS" + reported.cast(pl.String))


def _where(
    layers: Sequence[Layer], found: Located, place: Place, rows: np.ndarray
) -> tuple[pl.Series, pl.Series, pl.Series]:
    """For some rows: what was found, in which range, in which snapshot or overlay."""
    located = _subset(found, rows)
    spans = range_texts(layers, located, place.is4[rows])
    return located.value, spans, _sources([layer.source for layer in layers], located)


def _subset(located: Located, rows: np.ndarray) -> Located:
    return Located(located.value.gather(pl.Series(rows)), located.layer[rows], located.index[rows])


def _sources(names: list[str], located: Located) -> pl.Series:
    picked = pl.Series(np.maximum(located.layer, 0), dtype=pl.UInt32)
    return pl.Series(names, dtype=pl.String).gather(picked)


def by_state(scene: Scene, place: Place, chosen: np.ndarray) -> Iterable[pl.DataFrame]:
    held = scene.compiled.lookup(Relation.CSIRT, RemitKind.COUNTRY)
    if not held:
        return
    reported = column(scene.events, f"{place.side}.geolocation.cc", pl.String)
    country = place.country.value.fill_null(reported).gather(pl.Series(chosen))
    rows, remits = by_value(country, chosen, held)
    because = with_origin(scene.compiled, remits, _country_reasons(scene, place, rows))
    yield links_of(scene.compiled, rows, remits, because)
    nowhere = chosen[country.is_null().to_numpy()]
    if len(nowhere):
        yield from _csirt_by_name(scene, place, nowhere, held)


def _csirt_by_name(
    scene: Scene, place: Place, nowhere: np.ndarray, held: dict[str, tuple[int, ...]]
) -> Iterable[pl.DataFrame]:
    tld = place.fqdn.gather(pl.Series(nowhere)).str.extract(r"\.([a-z]{2})$")
    code = tld.replace({"uk": "gb", "el": "gr"}).str.to_uppercase()
    rows, remits = by_value(code, nowhere, held)
    names = place.fqdn.gather(pl.Series(rows))
    because = names + " is under a top-level domain of the state"
    yield links_of(scene.compiled, rows, remits, with_origin(scene.compiled, remits, because))


def _country_reasons(scene: Scene, place: Place, rows: np.ndarray) -> pl.Series:
    country, span, source = _where(scene.networks.country, place.country, place, rows)
    reported = column(scene.events, f"{place.side}.geolocation.cc", pl.String)
    known = span + " belonged to " + country + " in " + source
    return known.fill_null("the report says " + reported.gather(pl.Series(rows)))
