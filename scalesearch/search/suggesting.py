"""From a point of the unit square to a network: shares, coefficients, the network and what it costs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, Any

from scalesearch.architecture.code_spec import RefusedError
from scalesearch.architecture.refused import reason, refusal
from scalesearch.architecture.scaled import scale
from scalesearch.belief.reward import reward
from scalesearch.records import CandidateRecord
from scalesearch.scaling import FAST_WIDTH_SHARE, Coefficients, Shares, one_dial, shares_of
from scalesearch.search.budget import EqualCost, repaired
from scalesearch.search.grid import Candidate
from scalesearch.search.plan import Planned, describer
from scalesearch.search.spending import phi_of, within_budget

if TYPE_CHECKING:
    from scalesearch.search.sampling import SearchSettings

__all__ = ["SEED_POINTS", "Suggester", "objective_values", "point_of", "shares_at"]

SEED_POINTS: Mapping[str, Shares] = {
    # Their product is 1.92: these are their shares of an exact doubling.
    "paper": shares_of(Coefficients(alpha=1.2, beta=1.1, gamma=1.15)),
    "fast": one_dial(FAST_WIDTH_SHARE),
}
"""What is tried first, by role: the paper's own coefficients, and the fast scaling of arXiv 2103.06877."""


def shares_at(u: float, v: float) -> Shares:
    """The shares that a point of the unit square stands for: uniform points give uniform shares.

    All points of the simplex (depth, width, resolution) whose depth share is at least ``1 - r`` are a
    triangle of the area ``r**2``: so ``u = r**2`` is uniform, and ``v`` says where on the line across.
    """
    rest = math.sqrt(u)
    return Shares(depth=1 - rest, width=rest * (1 - v), resolution=rest * v)


def point_of(shares: Shares) -> tuple[float, float]:
    """The point (u, v) of which :func:`shares_at` makes these shares; v is 0 where all goes to depth."""
    rest = 1 - shares.depth
    return rest**2, min(1.0, shares.resolution / rest) if rest else 0.0


class Suggester:
    """Turns suggestions into networks, repaired to the budget where the settings ask for one."""

    def __init__(self, settings: SearchSettings, classes: int) -> None:
        self._settings = settings
        self._base = settings.proxy_baseline(classes)
        self._describe = describer(settings, self._base)
        self._budget = (
            None
            if settings.match == "none"
            else EqualCost.of(
                settings.match,
                self._base,
                settings.phi,
                tolerance=settings.budget_tolerance,
                batch_size=settings.pass_size,
            )
        )

    def planned(self, shares: Shares, role: str = "") -> Planned:
        """The network of these shares at the search's phi; its reason says why a user's own code refuses it.

        Raises:
            ValueError: if that phi makes no network of them.
        """
        settings, coefficients = self._settings, shares.coefficients
        try:
            candidate = self._candidate(shares)
        except RefusedError as error:
            candidate = replace(self._by_the_rule(coefficients), refused=reason(error))
        planned = self._describe(
            arch=candidate.arch,
            coefficients=candidate.coefficients,
            phi=phi_of(candidate.coefficients, candidate.multipliers) if settings.budget else settings.phi,
            multipliers=candidate.multipliers,
            merged=candidate.merged,
            budget=candidate.budget,
            role=role,
        )
        return replace(planned, record=replace(planned.record, reason=candidate.refused))

    def _by_the_rule(self, coefficients: Coefficients) -> Candidate:
        """The network before it is brought to a budget."""
        multipliers = coefficients.at(self._settings.phi)
        return Candidate(
            coefficients=coefficients,
            merged=((coefficients.alpha, coefficients.beta, coefficients.gamma),),
            arch=scale(self._base, multipliers, self._settings.proxy_rounding),
            multipliers=multipliers,
        )

    def _candidate(self, shares: Shares) -> Candidate:
        settings, coefficients = self._settings, shares.coefficients
        if settings.budget:
            (found,) = within_budget(
                [(coefficients.alpha, coefficients.beta, coefficients.gamma)],
                full=settings.full_baseline,
                full_rounding=settings.rounding,
                phi=settings.phi,
                base=self._base,
                rounding=settings.proxy_rounding,
                budget=settings.spending,
                prefer=None,
            )
            return found
        candidate = self._by_the_rule(coefficients)
        if self._budget is None:
            return replace(candidate, refused=refusal(candidate.arch))
        (matched,) = repaired(
            [candidate],
            self._budget,
            base=self._base,
            phi=settings.phi,
            rounding=settings.proxy_rounding,
            match_by=settings.match_by,
            prefer=None,
        )
        return matched


def objective_values(
    settings: SearchSettings,
    candidate: CandidateRecord,
    top1: float,
    latency: Mapping[str, Any] | None = None,
) -> tuple[float, ...]:
    """The values of the search's objectives, in its order.

    Args:
        settings: the search's, its ``reward_target`` known.
        candidate: the network.
        top1: its mean held-out accuracy as a fraction.
        latency: its measurement, which the objective of that name needs.
    """

    def value(goal: str) -> float:
        if goal == "top1":
            return top1
        if goal == "reward":
            return reward(top1, candidate.macs, settings.reward_target, settings.reward_weight)
        if goal == "latency":
            return median(latency["samples_s"]) if latency else math.nan
        return float(candidate.macs if goal == "macs" else candidate.params)

    return tuple(value(goal) for goal in settings.objectives)
