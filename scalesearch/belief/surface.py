"""Accuracy as a smooth surface over how networks share their growth, and its highest point in a budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["FEWEST_NETWORKS", "LEAST_COST_SPREAD", "Surface", "fit_surface", "highest", "resampled_highest"]

FEWEST_NETWORKS = 8
"""The surface has seven coefficients; with fewer networks than this, nothing is left to judge it by."""

LEAST_COST_SPREAD = 0.1
"""Standard deviation of log2 cost below which a run doesn't say what more cost brings."""

LEAST_DOUBLINGS = 0.25
"""Nearer to the baseline than this, shares are not divided by the distance any more."""
RIDGES = tuple(10.0**power for power in range(-4, 3))
SEED = 1905

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Surface:
    """Top-1 as ``constant + doublings * quadratic(shares of depth and width)``.

    Along a direction top-1 is a line, which starts from one point, the baseline, for all of them.

    Attributes:
        weights: (7,) of :func:`_features`.
        ridge: the penalty that predicts left-out networks best.
        error: root mean square error of networks that were left out, the penalty chosen without them.
        mean_error: the same of the plain mean of the other networks: what no surface at all achieves.
        networks: how many it rests on.
    """

    weights: Floats
    ridge: float
    error: float
    mean_error: float
    networks: int

    @property
    def explains(self) -> bool:
        """Whether it foretells networks that it has not seen better than their mean does."""
        return self.error < self.mean_error

    def top1(self, growth: ArrayLike, doublings: ArrayLike) -> Floats:
        """Fitted top-1.

        Args:
            growth: (..., 3) log2 of ``d``, ``w**2`` and ``r**2``.
            doublings: (...) log2 of the cost over the baseline's.
        """
        found: Floats = _features(np.asarray(growth, float), np.asarray(doublings, float)) @ self.weights
        return found


def fit_surface(growth: ArrayLike, doublings: ArrayLike, top1: ArrayLike) -> Surface:
    """The surface through trained networks, by ridge regression.

    The penalty, on all but the constant, is the one of a few that predicts left-out networks best. The error
    that is reported leaves each network out of that choice, too.

    Args:
        growth: (networks, 3) log2 of ``d``, ``w**2`` and ``r**2``.
        doublings: (networks,) log2 of each network's cost over the baseline's.
        top1: (networks,) accuracies as fractions.

    Raises:
        ValueError: if there are fewer than eight networks.
    """
    y = np.asarray(top1, float)
    if len(y) < FEWEST_NETWORKS:
        raise ValueError(f"`top1` must be of at least {FEWEST_NETWORKS} networks, got {len(y)}")
    x = _features(np.asarray(growth, float), np.asarray(doublings, float))
    left_out = np.array([_left_out(x, y, row) for row in range(len(y))])
    means = (y.sum() - y) / (len(y) - 1)
    ridge = _best_ridge(x, y)
    return Surface(
        weights=_solved(x, y, ridge),
        ridge=ridge,
        error=float(np.sqrt(np.mean((left_out - y) ** 2))),
        mean_error=float(np.sqrt(np.mean((means - y) ** 2))),
        networks=len(y),
    )


def highest(surface: Surface, growth: Floats, doublings: Floats) -> int:
    """The index, among the points offered, of the highest fitted top-1.

    Args:
        surface: what to climb.
        growth: (points, 3) log2 of ``d``, ``w**2`` and ``r**2`` at each point.
        doublings: (points,) log2 of its cost over the baseline's.
    """
    return int(np.argmax(surface.top1(growth, doublings)))


def resampled_highest(
    growth: Floats,
    doublings: Floats,
    top1: Floats,
    noise: Floats,
    *,
    offered: Sequence[tuple[Floats, Floats]],
    resamples: int = 400,
) -> NDArray[np.intp]:
    """Where the highest point lies among several sets, had other networks and other seeds been drawn.

    Each resample draws networks with replacement and moves each accuracy by the standard error of its mean
    over seeds. One resample serves all sets, so that their answers can be compared pair by pair.

    Args:
        growth: (networks, 3), as for :func:`fit_surface`.
        doublings: (networks,).
        top1: (networks,).
        noise: (networks,) standard error of each ``top1``.
        offered: for each set (one budget's, say) what :func:`highest` takes.
        resamples: how many.

    Returns:
        (resamples, sets) indices.
    """
    rng = np.random.default_rng(SEED)
    n, found = len(top1), np.empty((resamples, len(offered)), np.intp)
    points = [_features(*one) for one in offered]
    x = _features(growth, doublings)
    for number in range(resamples):
        drawn = rng.integers(n, size=n)
        y = top1[drawn] + noise[drawn] * rng.standard_normal(n)
        weights = _solved(x[drawn], y, _best_ridge(x[drawn], y))
        found[number] = [np.argmax(one @ weights) for one in points]
    return found


def _features(growth: Floats, doublings: Floats) -> Floats:
    """(..., 7): constant, cost, and cost times a quadratic in the shares of depth and width.

    Shares are counted from a third, and of the doublings that the network really costs.
    """
    u, v = growth[..., 0] - doublings / 3, growth[..., 1] - doublings / 3
    by = np.maximum(doublings, LEAST_DOUBLINGS)
    return np.stack((np.ones_like(u), doublings, u, v, u * u / by, u * v / by, v * v / by), axis=-1)


def _penalty(ridge: float) -> Floats:
    # What a doubling brings is not a matter of taste: only the directions are held back.
    return ridge * np.diag([0.0, 1e-3, 1.0, 1.0, 1.0, 1.0, 1.0])


def _solved(x: Floats, y: Floats, ridge: float) -> Floats:
    middle = y.mean()
    weights = np.linalg.lstsq(x.T @ x + _penalty(ridge), x.T @ (y - middle), rcond=None)[0]
    weights[0] += middle
    return np.asarray(weights, float)


def _best_ridge(x: Floats, y: Floats) -> float:
    return min(RIDGES, key=lambda ridge: _leave_one_out(x, y, ridge))


def _leave_one_out(x: Floats, y: Floats, ridge: float) -> float:
    """The mean squared error of left-out rows, all at once by the hat matrix."""
    hat = x @ np.linalg.pinv(x.T @ x + _penalty(ridge)) @ x.T
    left = np.maximum(1 - np.diag(hat), 1e-6)
    return float(np.mean(((y - hat @ y) / left) ** 2))


def _left_out(x: Floats, y: Floats, row: int) -> float:
    others = np.arange(len(y)) != row
    ridge = _best_ridge(x[others], y[others])
    return float(x[row] @ _solved(x[others], y[others], ridge))
