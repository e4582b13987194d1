"""What a search came to: objectives, hypervolume, the best so far."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from types import MappingProxyType
from typing import Any

import moocore
import numpy as np
from numpy.typing import NDArray

from scalesearch.commands.search.run import reward
from scalesearch.page.latency import latency_median, machines
from scalesearch.page.markdown import percent, si
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.scaling import Coefficients, Shares, shares_of

# ----------------------------------------------------------------------------------------------------
# Fronts and hypervolumes over any number of objectives.


def nondominated(points: Sequence[Sequence[float]], maximise: Sequence[bool]) -> NDArray[np.bool_]:
    """Which points no other is as good as in all objectives and better than in one; equal ones stay together.

    Args:
        points: one row per point, one value per objective.
        maximise: for each objective whether more is better.

    Raises:
        ValueError: if a row has another length than ``maximise``, or a value is not finite.
    """
    table = _table(points, len(maximise))
    if not len(table):
        return np.zeros(0, dtype=np.bool_)
    kept = moocore.is_nondominated(table, maximise=list(maximise), keep_weakly=True)
    return np.asarray(kept, dtype=np.bool_)


def hypervolume_share(
    points: Sequence[Sequence[float]], worst: Sequence[float], best: Sequence[float]
) -> float:
    """The share of the box between ``worst`` and ``best`` that the points dominate, from 0 to 1.

    This is the hypervolume indicator (Zitzler and Thiele 1998) with ``worst`` as its reference point, made
    free of units by the size of the box. Objectives where ``best`` exceeds ``worst`` are maximised. Parts of
    the dominated region beyond ``best`` count too.

    Raises:
        ValueError: if lengths differ, a value is not finite, or ``worst`` and ``best`` share a value.
    """
    table = _table(points, len(worst))
    low, high = _table([worst, best], len(worst))
    span = high - low
    if not span.all():
        raise ValueError(
            f"`worst` and `best` must differ in every objective, got {list(worst)}, {list(best)}"
        )
    if not len(table):
        return 0.0
    # In units of the box all objectives are maximised, from 0 to 1.
    scaled = (table - low) / span
    return float(moocore.hypervolume(scaled, ref=np.zeros(len(worst)), maximise=True))


def _table(points: Sequence[Sequence[float]], objectives: int) -> NDArray[np.float64]:
    if any(len(point) != objectives for point in points):
        raise ValueError(f"`points` must have one value for each of the {objectives} objectives")
    table = np.array(points, dtype=np.float64).reshape(-1, objectives)
    if not np.isfinite(table).all():
        raise ValueError("`points` must be finite numbers; leave out points that are unknown")
    return table


# ----------------------------------------------------------------------------------------------------
# What a search optimises: the value of each objective for a network, its direction, and how it is said.


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """One objective: its name in sentences, whether more is better, and the axis of a figure.

    ``scale`` turns its value into the unit of ``axis``.
    """

    name: str
    said: str
    maximise: bool
    axis: str
    scale: float

    def value(self, candidate: CandidateRecord, settings: Mapping[str, Any]) -> float | None:
        """The network's value: a fraction, a count or seconds for a batch; None where it is not known.

        Raises:
            KeyError: for the reward, if ``settings`` lacks ``reward_target`` or ``reward_weight``.
        """
        if self.name == "top1":
            return candidate.top1
        if self.name == "macs":
            return float(candidate.macs)
        if self.name == "params":
            return float(candidate.params)
        if self.name == "latency":
            return latency_median(candidate.latency)
        if candidate.top1 is None:
            return None
        target, weight = float(settings["reward_target"]), float(settings["reward_weight"])
        return reward(candidate.top1, candidate.macs, target, weight)

    def text(self, value: float | None) -> str:
        """The value as a page says it; blank where unknown."""
        if value is None:
            return ""
        if self.name == "top1":
            return percent(value)
        if self.name == "latency":
            return f"{1e3 * value:.3g} ms"
        return si(value) if self.name in ("macs", "params") else f"{value:.4f}"


OBJECTIVES: Mapping[str, Objective] = MappingProxyType(
    {
        one.name: one
        for one in (
            Objective(name="top1", said="top-1", maximise=True, axis="held-out top-1 (%)", scale=100),
            Objective(
                name="reward", said="reward", maximise=True, axis="reward (top-1 weighed by cost)", scale=1
            ),
            Objective(name="macs", said="MACs", maximise=False, axis="multiply-adds (millions)", scale=1e-6),
            Objective(name="params", said="params", maximise=False, axis="parameters (millions)", scale=1e-6),
            Objective(
                name="latency", said="latency", maximise=False, axis="latency of a batch (ms)", scale=1e3
            ),
        )
    }
)


def objective(name: str) -> Objective:
    """The objective called ``name``.

    Raises:
        ValueError: for a name that is none of top1, reward, macs, params, latency.
    """
    if name not in OBJECTIVES:
        raise ValueError(f"`objectives` must be of {', '.join(OBJECTIVES)}, got {name!r}")
    return OBJECTIVES[name]


# ----------------------------------------------------------------------------------------------------
# What a search found: the best network or the front, and how it came to it, suggestion by suggestion.

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
        ValueError: if an objective is none that :mod:`scalesearch.commands.search.evidence` knows.
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
