"""The reporter, and those whom only an agreement lets in."""

from collections.abc import Callable, Iterable

import numpy as np
import polars as pl

from tocsin.flow.compiled import Compiled
from tocsin.flow.hits import by_value, links_of, same
from tocsin.flow.places import Place, Scene, column
from tocsin.flow.remits import Agreement
from tocsin.words.relations import Relation, RemitKind

Finding = Callable[[Scene, Place, np.ndarray], Iterable[pl.DataFrame]]


def by_report(scene: Scene, _place: Place, chosen: np.ndarray) -> Iterable[pl.DataFrame]:
    held = scene.compiled.lookup(Relation.REPORTER, RemitKind.EVERYTHING)
    if not held:
        return
    rows, remits = _of_provider(scene, chosen, held)
    yield links_of(scene.compiled, rows, remits, same("it sent the report", len(rows)))


def _of_provider(
    scene: Scene, chosen: np.ndarray, held: dict[str, tuple[int, ...]]
) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose feed provider somebody holds, with the number of the remit; "*" holds all."""
    feed = column(scene.events, "feed.provider", pl.String).gather(pl.Series(chosen))
    rows, remits = by_value(feed.str.to_lowercase(), chosen, held)
    every = np.array(held.get("*", ()), dtype=np.int64)
    return (
        np.concatenate([rows, np.repeat(chosen, len(every))]),
        np.concatenate([remits, np.tile(every, len(chosen))]),
    )


def by_agreement(relation: Relation) -> Finding:
    def find(scene: Scene, place: Place, chosen: np.ndarray) -> Iterable[pl.DataFrame]:
        for agreement in scene.compiled.agreements:
            if agreement.relation is relation:
                yield from _opened(scene, place, chosen, agreement)

    return find


def _opened(
    scene: Scene, place: Place, chosen: np.ndarray, agreement: Agreement
) -> Iterable[pl.DataFrame]:
    """What one agreement opens of its party's remit: by state, by feed provider, everything."""
    compiled, party, relation = scene.compiled, agreement.party, agreement.relation
    covered = _covered(scene, chosen, agreement)
    reported = column(scene.events, f"{place.side}.geolocation.cc", pl.String)
    country = place.country.value.fill_null(reported).gather(pl.Series(covered))
    states = _held_by(compiled, relation, RemitKind.COUNTRY, party)
    feeds = _held_by(compiled, relation, RemitKind.EVERYTHING, party)
    for rows, remits in (by_value(country, covered, states), _of_provider(scene, covered, feeds)):
        because = same(f"agreement {agreement.reference}", len(rows))
        yield links_of(compiled, rows, remits, because)


def _covered(scene: Scene, chosen: np.ndarray, agreement: Agreement) -> np.ndarray:
    if "*" in agreement.classes:
        return chosen
    kinds = scene.events["classification.type"].gather(pl.Series(chosen))
    covered = kinds.is_in(list(agreement.classes)).fill_null(value=False)
    return np.asarray(chosen[covered.to_numpy()])


def _held_by(
    compiled: Compiled, relation: Relation, kind: RemitKind, party: str
) -> dict[str, tuple[int, ...]]:
    held = compiled.lookup(relation, kind)
    mine = {
        value: tuple(row for row in rows if compiled.remits[row].party == party)
        for value, rows in held.items()
    }
    return {value: rows for value, rows in mine.items() if rows}
