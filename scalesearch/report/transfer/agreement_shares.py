"""How the best networks of searches share out the cost, as far as it is known which ones are the best."""

from __future__ import annotations

import itertools
from statistics import fmean

from scalesearch.belief.agreement import Weighted, best_chances, weighted
from scalesearch.records import CandidateRecord
from scalesearch.report.transfer.agreement_evidence import Side, triples_of
from scalesearch.scaling import Coefficients, Shares, shares_of

__all__ = ["DIMENSIONS", "network_shares", "share_difference", "share_summary"]

DIMENSIONS = ("depth", "width", "resolution")


def network_shares(candidate: CandidateRecord) -> Shares | None:
    """How a network shares out the cost, the mean over its triples; None where none of them grows."""
    found = [
        shares_of(Coefficients(alpha=a, beta=b, gamma=c))
        for a, b, c in triples_of(candidate)
        if (a, b, c) != (1, 1, 1)
    ]
    if not found:
        return None
    depth, width = fmean(s.depth for s in found), fmean(s.width for s in found)
    return Shares(depth=depth, width=width, resolution=max(0.0, 1 - depth - width))


def share_summary(side: Side) -> dict[str, Weighted]:
    """What the best network of a search gives to each dimension, each by its chance of being the best.

    Empty where the search has one seed.
    """
    known, chances = _weighted_shares(side)
    return {name: weighted([getattr(s, name) for s in known], chances) for name in DIMENSIONS if known}


def share_difference(one: Side, other: Side) -> dict[str, Weighted]:
    """The first's share less the second's, by dimension, with the two bests drawn independently.

    Empty where one of them has one seed.
    """
    ours, chances = _weighted_shares(one)
    theirs, others = _weighted_shares(other)
    if not (ours and theirs):
        return {}
    weights = [p * q for p, q in itertools.product(chances, others)]
    return {
        name: weighted(
            [getattr(s, name) - getattr(t, name) for s, t in itertools.product(ours, theirs)], weights
        )
        for name in DIMENSIONS
    }


def _weighted_shares(side: Side) -> tuple[list[Shares], list[float]]:
    if not side.p:
        return [], []
    pairs = [
        (found, chance)
        for c, chance in zip(side.networks, best_chances(side.rows), strict=True)
        if (found := network_shares(c)) is not None and chance
    ]
    return [s for s, _ in pairs], [chance for _, chance in pairs]
