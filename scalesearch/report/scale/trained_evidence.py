"""What a trained family shows: whether accuracy rises with phi, per doubling of the cost, and how far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from scalesearch.belief.planned import Comparison, Slope, planned_comparisons, planned_slope
from scalesearch.belief.seeds import SIGNIFICANCE
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.report.evidence import completed, shown

__all__ = ["FamilyEvidence", "Step", "family_evidence", "trained"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """From one network of the family to the next larger phi.

    ``doublings`` is by how many doublings of the multiply-adds it is dearer, ``gain`` by how much its mean
    top-1 is higher; ``test`` is None where seeds are missing.
    """

    lower: CandidateRecord
    upper: CandidateRecord
    doublings: float
    gain: float
    test: Comparison | None

    @property
    def per_doubling(self) -> float | None:
        """The gain for each doubling of the cost; None where it does not rise."""
        return self.gain / self.doublings if self.doublings > 0 else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95% interval of the gain for each doubling."""
        if self.test is None or self.doublings <= 0:
            return None
        return self.test.low / self.doublings, self.test.high / self.doublings

    @property
    def verdict(self) -> str:
        """``rises``, ``falls``, ``no difference shown`` or, without a test, ``not tested``."""
        return shown(self.test, "rises", "falls")


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyEvidence:
    """All that the trained networks of a family show together.

    Attributes:
        networks: trained to their end, by phi.
        seeds: that all of them have; tests need two.
        slope: top-1 for each doubling of the multiply-adds, by a straight line; None without a test.
        steps: from each network to the next.
        rises_to: the smallest phi that is shown to be better than the first one, and than which no larger one
            is; the first phi where none is shown to be better than it, None without a test.
    """

    networks: tuple[CandidateRecord, ...]
    seeds: tuple[int, ...]
    slope: Slope | None
    steps: tuple[Step, ...]
    rises_to: float | None


def trained(run: RunRecord) -> list[CandidateRecord]:
    """The networks that were trained to their end, by phi."""
    return sorted(filter(completed, run.candidates), key=lambda c: c.phi)


def family_evidence(run: RunRecord) -> FamilyEvidence:
    """What the trained networks of ``run`` show.

    Every pair of networks is compared by t tests in blocks (each seed a block, the noise of all networks
    pooled), whose intervals and probabilities hold for all pairs at once.
    """
    networks = trained(run)
    by_seed = [{one.seed: one.top1 for one in c.runs} for c in networks]
    seeds = tuple(sorted(set.intersection(*map(set, by_seed)))) if by_seed else ()
    pairs = list(combinations(range(len(networks)), 2))
    tests: dict[tuple[int, int], Comparison] = {}
    slope = None
    if len(networks) > 1 and len(seeds) > 1:
        top1 = [[runs[seed] for seed in seeds] for runs in by_seed]
        found = planned_comparisons(top1, [(upper, lower) for lower, upper in pairs])
        tests = dict(zip(pairs, found, strict=True))
        doublings = [math.log2(c.macs) for c in networks]
        if len(set(doublings)) > 1:
            slope = planned_slope(doublings, top1)
    return FamilyEvidence(
        networks=tuple(networks),
        seeds=seeds,
        slope=slope,
        steps=tuple(
            _step(networks, lower, upper, tests.get((lower, upper)))
            for lower, upper in pairwise(range(len(networks)))
        ),
        rises_to=_rises_to(networks, tests) if tests else None,
    )


def _step(networks: Sequence[CandidateRecord], lower: int, upper: int, test: Comparison | None) -> Step:
    low, high = networks[lower], networks[upper]
    return Step(
        lower=low,
        upper=high,
        doublings=math.log2(high.macs / low.macs),
        gain=test.difference if test else (high.top1 or 0.0) - (low.top1 or 0.0),
        test=test,
    )


def _rises_to(networks: Sequence[CandidateRecord], tests: dict[tuple[int, int], Comparison]) -> float:
    better = {pair for pair, test in tests.items() if test.difference > 0 and test.p < SIGNIFICANCE}
    for index, network in enumerate(networks):
        if (0, index) in better and not any((index, other) in better for other in range(len(networks))):
            return network.phi
    return networks[0].phi
