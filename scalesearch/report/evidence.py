"""What the accuracies of a run do and do not show: ranking, intervals, tests, and who is worth naming."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import binomtest, fisher_exact

from scalesearch.architecture.published import PAPER_COEFFICIENTS
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.scaling import NOMINAL_BASE

__all__ = [
    "SIGNIFICANCE",
    "Highlight",
    "HighlightKind",
    "difference_p",
    "find_triple",
    "highlights",
    "judged",
    "near_nominal",
    "paper_candidate",
    "rank",
    "same_triple",
    "wilson",
]

SIGNIFICANCE = 0.05
CONFIDENCE = 0.95
SAME_COEFFICIENT = 1e-6
"""Grid points are far wider apart than this, and decimal steps far closer to their binary values."""
NEAR = 0.1
"""How far from ``2**phi`` a realised cost ratio may be to count as the cost that was asked for."""

HighlightKind = Literal["winner", "paper", "depth", "width", "resolution", "front"]


def judged(run: RunRecord) -> list[CandidateRecord]:
    """The candidates with an accuracy, best first; of equal ones the cheapest in MACs comes first."""
    done = [c for c in run.candidates if c.status == "completed" and _top1(c) is not None]
    return sorted(done, key=lambda c: (-(c.top1 or 0.0), c.macs))


def rank(candidate: CandidateRecord, ranking: list[CandidateRecord]) -> tuple[int, int]:
    """The place of ``candidate`` (1 is best) and how many share it."""
    better = sum((c.top1 or 0.0) > (candidate.top1 or 0.0) for c in ranking)
    return better + 1, sum(c.top1 == candidate.top1 for c in ranking)


def wilson(candidate: CandidateRecord) -> tuple[float, float] | None:
    """The 95% Wilson interval of top-1 as fractions; None where accuracy or image count is unknown."""
    counts = _counts(candidate)
    if counts is None:
        return None
    interval = binomtest(counts[0], sum(counts)).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def difference_p(first: CandidateRecord, second: CandidateRecord) -> float | None:
    """Two-sided p of Fisher's exact test that both are right equally often; None where a count is unknown.

    Treats the two sets of answers as independent. Both come from the same held-out images, so a paired test
    on per-image answers, which a record does not hold, would usually be the sharper one.
    """
    ours, theirs = _counts(first), _counts(second)
    if ours is None or theirs is None:
        return None
    return float(fisher_exact(np.array([ours, theirs])).pvalue)


def find_triple(
    candidates: tuple[CandidateRecord, ...], triple: tuple[float, float, float]
) -> CandidateRecord | None:
    """The candidate to which the coefficients ``triple`` round, if they are on the grid."""
    for candidate in candidates:
        own = (candidate.alpha, candidate.beta, candidate.gamma)
        if any(same_triple(triple, other) for other in (own, *candidate.merged)):
            return candidate
    return None


def same_triple(first: tuple[float, float, float], second: tuple[float, float, float]) -> bool:
    """Whether two coefficient triples are the same point of the grid."""
    return all(abs(a - b) <= SAME_COEFFICIENT for a, b in zip(first, second, strict=True))


def paper_candidate(run: RunRecord) -> CandidateRecord | None:
    """The candidate of the paper's coefficients; None off the grid or for another baseline."""
    if run.settings.get("baseline") != "efficientnet-b0":
        return None
    paper = PAPER_COEFFICIENTS
    return find_triple(run.candidates, (paper.alpha, paper.beta, paper.gamma))


def near_nominal(candidate: CandidateRecord, phi: float) -> bool:
    """Whether the realised cost ratio is within 10% of ``2**phi``."""
    asked: float = NOMINAL_BASE**phi
    return abs(candidate.macs_ratio / asked - 1) <= NEAR


@dataclass(frozen=True, slots=True, kw_only=True)
class Highlight:
    """A judged candidate that a figure should name; ``kind`` belongs to the first name and sets the style."""

    candidate: CandidateRecord
    kind: HighlightKind
    names: tuple[str, ...]

    @property
    def text(self) -> str:
        """The names, for a label."""
        return " and ".join(self.names)


def highlights(run: RunRecord) -> list[Highlight]:
    """The winner, the paper's, and the most one-sided ones: at most five candidates, each once."""
    ranking = judged(run)
    if not ranking:
        return []
    named: list[tuple[CandidateRecord, HighlightKind, str]] = [(ranking[0], "winner", "winner")]
    paper = paper_candidate(run)
    if paper is not None and paper in ranking:
        named.append((paper, "paper", "the paper's"))
    if len(ranking) > 1:
        dimensions: tuple[HighlightKind, ...] = ("depth", "width", "resolution")
        for dimension, kind in enumerate(dimensions):
            extreme = max(ranking, key=lambda c: _shares(c)[dimension])  # used at once
            only = math.isclose(_shares(extreme)[dimension], 1, abs_tol=1e-9)
            named.append((extreme, kind, f"{kind} only" if only else f"most {kind}"))
    merged: dict[str, Highlight] = {}
    for candidate, kind, name in named:
        known = merged.get(candidate.key)
        merged[candidate.key] = Highlight(
            candidate=candidate,
            kind=known.kind if known else kind,
            names=(*known.names, name) if known else (name,),
        )
    return list(merged.values())


def _shares(candidate: CandidateRecord) -> tuple[float, float, float]:
    """The shares of depth, width and resolution in the logarithm of the nominal cost."""
    parts = (
        math.log(candidate.alpha),
        2 * math.log(candidate.beta),
        2 * math.log(candidate.gamma),
    )
    total = sum(parts)
    return (parts[0] / total, parts[1] / total, parts[2] / total) if total else (0.0, 0.0, 0.0)


def _top1(candidate: CandidateRecord) -> float | None:
    return candidate.top1 if candidate.top1 is not None and math.isfinite(candidate.top1) else None


def _counts(candidate: CandidateRecord) -> tuple[int, int] | None:
    """Held-out images that were classified right and wrong."""
    top1, images = _top1(candidate), candidate.held_out_images
    if top1 is None or not images:
        return None
    right = min(images, max(0, round(top1 * images)))
    return right, images - right
