"""Who holds an address: the network, by prefix or autonomous system, and the state's CSIRT."""

from collections.abc import Iterable

import numpy as np
import polars as pl

from tocsin.flow.hits import by_value, links_of, prefix_hits, prefix_reasons, with_origin
from tocsin.flow.networks import Located, range_texts
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
    at = pl.Series(rows)
    located = _subset(place.asn, rows)
    spans = range_texts(scene.networks.asn, located, place.is4[rows])
    asn = place.asn.value.gather(at)
    source = _sources([layer.source for layer in scene.networks.asn], located)
    reported = column(scene.events, f"{place.side}.asn", pl.UInt32).gather(at)
    return pl.select(
        pl.when(pl.lit(spans).is_not_null())
        .then(
            pl.concat_str(
                [
                    pl.lit("AS"),
                    pl.lit(asn),
                    pl.lit(" held "),
                    pl.lit(spans),
                    pl.lit(" in "),
                    pl.lit(source),
                ]
            )
        )
        .otherwise(pl.concat_str([pl.lit("the report says AS"), pl.lit(reported)]))
    ).to_series()


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
    at = pl.Series(rows)
    located = _subset(place.country, rows)
    spans = range_texts(scene.networks.country, located, place.is4[rows])
    country = place.country.value.gather(at)
    source = _sources([layer.source for layer in scene.networks.country], located)
    reported = column(scene.events, f"{place.side}.geolocation.cc", pl.String).gather(at)
    return pl.select(
        pl.when(pl.lit(spans).is_not_null())
        .then(
            pl.concat_str(
                [
                    pl.lit(spans),
                    pl.lit(" belonged to "),
                    pl.lit(country),
                    pl.lit(" in "),
                    pl.lit(source),
                ]
            )
        )
        .otherwise(pl.concat_str([pl.lit("the report says "), pl.lit(reported)]))
    ).to_series()
