"""What searches of one grid have in common: its triples, and the classes of them that count as evidence.

Searches of one grid share its points, the triples (alpha, beta, gamma), but not their networks: rounding
makes one network of several triples, and others for another baseline. A network that stands for ten triples
was trained once per seed, so its triples are one observation and not ten.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["CommonClass", "Triple", "common_classes", "triple_key"]

Triple = tuple[float, float, float]

DECIMALS = 6
"""Grid steps are far wider apart than this, and decimal steps far closer to their binary values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonClass:
    """Triples that no two searches can tell apart but as a whole.

    ``members`` holds, for each search, the indices of the networks that its triples make there; each network
    is in one class at most.
    """

    triples: tuple[Triple, ...]
    members: tuple[tuple[int, ...], ...]


def triple_key(triple: Sequence[float]) -> Triple:
    """The triple as the same key wherever it was computed."""
    alpha, beta, gamma = (round(float(value), DECIMALS) for value in triple)
    return alpha, beta, gamma


def common_classes(searches: Sequence[Sequence[Sequence[Sequence[float]]]]) -> tuple[CommonClass, ...]:
    """The finest classes of triples in which every search has whole networks, in the order of their triples.

    Two triples are of one class where a search made one network of them, or where a chain of such pairs leads
    from the one to the other. Finer classes would count one network's accuracy more than once, as if it were
    evidence twice; weights in place of classes would leave open what it is that a bootstrap draws. Triples
    that not all searches have are left out.

    Args:
        searches: the triples of each network of each search.
    """
    owners = [
        {triple_key(triple): index for index, triples in enumerate(networks) for triple in triples}
        for networks in searches
    ]
    common = sorted(set.intersection(*map(set, owners))) if owners else []
    parents: dict[object, object] = {}

    def root(node: object) -> object:
        while parents.setdefault(node, node) != node:
            node = parents[node]
        return node

    for triple in common:
        for search, owner in enumerate(owners):
            parents[root((search, owner[triple]))] = root(triple)
    found: dict[object, list[Triple]] = {}
    for triple in common:
        found.setdefault(root(triple), []).append(triple)
    return tuple(
        CommonClass(
            triples=tuple(triples),
            members=tuple(tuple(sorted({owner[t] for t in triples})) for owner in owners),
        )
        for triples in found.values()
    )
