"""Networks within networks of the same mailbox: the outer one says it all.

A registry lists every assignment of a provider, most of them with the provider's own contact.
The smallest network wins anyway, so one that lies directly within a network of the very same
mailboxes can be left out and nobody is told anything else.
"""

from collections.abc import Mapping
from typing import Protocol

from tocsin.flow.addresses import as_range
from tocsin.words.relations import RemitKind

_Span = tuple[int, int, int]  # version, first, minus last: sorts outer before inner
_KIND = RemitKind.PREFIX.value


class HasRemits(Protocol):
    """Whatever carries (kind, value, relation) triples."""

    remits: set[tuple[str, str, str]]


def without_repeats(holders: Mapping[str, HasRemits]) -> int:
    """Take prefixes out of `remits` that repeat the one around them; how many were taken out.

    Nothing is taken out where ranges cross each other without lying within one another: there
    the smallest one is not always the inner one.
    """
    spans: dict[_Span, set[str]] = {}
    for name, holder in holders.items():
        for kind, value, _ in holder.remits:
            if kind == _KIND and (span := as_range(value)):
                spans.setdefault((span[0], span[1], -span[2]), set()).add(name)
    repeated = _repeated(spans)
    if not repeated:
        return 0
    taken = 0
    for holder in holders.values():
        kept = {remit for remit in holder.remits if not _is_in(remit, repeated)}
        taken += len(holder.remits) - len(kept)
        holder.remits = kept
    return taken


def _is_in(remit: tuple[str, str, str], spans: set[_Span]) -> bool:
    span = as_range(remit[1]) if remit[0] == _KIND else None
    return span is not None and (span[0], span[1], -span[2]) in spans


def _repeated(spans: Mapping[_Span, set[str]]) -> set[_Span]:
    """Spans whose nearest outer one has the same holders; none where ranges cross."""
    repeated: set[_Span] = set()
    around: list[tuple[int, int, frozenset[str]]] = []  # version, last, holders; innermost last
    for span in sorted(spans):
        version, first, last = span[0], span[1], -span[2]
        while around and (around[-1][0] != version or around[-1][1] < first):
            around.pop()
        if around and around[-1][1] < last:
            return set()
        holders = frozenset(spans[span])
        if around and around[-1][2] == holders:
            repeated.add(span)
        around.append((version, last, holders))
    return repeated
