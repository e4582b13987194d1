"""What a search found: the best network or the front, and how it came to it, suggestion by suggestion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.report.fronts.hypervolume import hypervolume_share, nondominated
from scalesearch.report.latency import machines
from scalesearch.report.objectives import Objective, objective
from scalesearch.scaling import Coefficients, Shares, shares_of

__all__ = ["Scored", "SearchEvidence", "candidate_shares", "search_evidence"]

MARGIN = 1.1
"""The reference point lies this much beyond the dearest network, so that one on the edge still counts."""

Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A network trained to its end: the place of its suggestion (from 1), and one value per objective."""

    number: int
    candidate: CandidateRecord
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchEvidence:
    """The search's outcome.

    Attributes:
        objectives: what was optimised, the first one first; without latency where several machines measured
            it.
        scored: the networks with a value for every objective, in order of suggestion.
        front: those that no other beats, best first objective first; with one objective the best ones.
        worst: the reference point of the hypervolume, and
        ideal: the other end of its box, one value per objective.
        history: after each scored network the best value so far, or with several objectives the share of
            the box that is dominated so far.
    """

    objectives: tuple[Objective, ...]
    scored: tuple[Scored, ...]
    front: tuple[Scored, ...]
    worst: tuple[float, ...]
    ideal: tuple[float, ...]
    history: tuple[float, ...]

    @property
    def front_keys(self) -> frozenset[str]:
        """The networks of the front."""
        return frozenset(one.candidate.key for one in self.front)

    @property
    def best(self) -> Scored | None:
        """The best by the first objective (of equal ones the cheapest); None where nothing was scored."""
        return self.front[0] if self.front else None


def search_evidence(run: RunRecord) -> SearchEvidence:
    """Score the networks of ``run`` that were trained to their end.

    Raises:
        ValueError: if an objective is none that :mod:`scalesearch.report.objectives` knows.
    """
    # Times of different machines are no objective; the first one is always top-1 or the reward.
    apart = len(machines(run.candidates)) > 1
    names = (name for name in run.objectives if not (apart and name == "latency"))
    objectives = tuple(objective(name) for name in names)
    scored = []
    for number, candidate in enumerate(run.candidates, start=1):
        if candidate.status != "completed":
            continue
        values = [one.value(candidate, run.settings) for one in objectives]
        known = [value for value in values if value is not None and math.isfinite(value)]
        if len(known) == len(objectives):
            scored.append(Scored(number=number, candidate=candidate, values=tuple(known)))
    points = [one.values for one in scored]
    maximise = [one.maximise for one in objectives]
    sign = -1 if maximise[0] else 1
    front = sorted(
        (one for one, kept in zip(scored, nondominated(points, maximise), strict=True) if kept),
        key=lambda one: (sign * one.values[0], one.candidate.macs, one.number),
    )
    ends = [_ends(one, [p[i] for p in points], run.classes) for i, one in enumerate(objectives)]
    worst, ideal = tuple(low for low, _ in ends), tuple(high for _, high in ends)
    return SearchEvidence(
        objectives=objectives,
        scored=tuple(scored),
        front=tuple(front),
        worst=worst,
        ideal=ideal,
        history=_history(points, maximise, worst, ideal),
    )


def _history(
    points: Sequence[tuple[float, ...]],
    maximise: Sequence[bool],
    worst: tuple[float, ...],
    ideal: tuple[float, ...],
) -> tuple[float, ...]:
    """What is reached after each point: the best value, or the share of the box that all so far dominate."""
    if len(maximise) == 1:
        return tuple(accumulate((p[0] for p in points), max if maximise[0] else min))
    history: list[float] = []
    front: list[tuple[float, ...]] = []
    for point in points:
        if any(_as_good(kept, point, maximise) for kept in front):
            history.append(history[-1])  # nothing new is dominated
            continue
        front = [kept for kept in front if not _as_good(point, kept, maximise)] + [point]
        history.append(hypervolume_share(front, worst, ideal))
    return tuple(history)


def _as_good(first: tuple[float, ...], second: tuple[float, ...], maximise: Sequence[bool]) -> bool:
    """Whether the first is as good as the second in every objective."""
    return all(a >= b if more else a <= b for a, b, more in zip(first, second, maximise, strict=True))


def candidate_shares(candidate: CandidateRecord) -> tuple[Shares, ...]:
    """The shares of cost of every suggestion that rounded to the network; (1, 1, 1) has none."""
    own: Triple = (candidate.alpha, candidate.beta, candidate.gamma)
    return tuple(s for triple in candidate.merged or (own,) if (s := own_shares(triple)) is not None)


def own_shares(triple: Triple) -> Shares | None:
    """The shares of one triple; None for (1, 1, 1)."""
    alpha, beta, gamma = (max(1.0, value) for value in triple)  # a sampled 2**0 may fall short of 1
    return (
        None if alpha == beta == gamma == 1 else shares_of(Coefficients(alpha=alpha, beta=beta, gamma=gamma))
    )


def _ends(one: Objective, values: list[float], classes: int) -> tuple[float, float]:
    """The worst and the ideal value of an objective: the two ends of the hypervolume's box."""
    if one.name == "top1":
        return 1 / classes, 1.0
    if one.maximise:
        return 0.0, max([value for value in values if value > 0], default=1.0)
    return MARGIN * max([value for value in values if value > 0], default=1.0), 0.0
