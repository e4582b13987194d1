"""How top-1 grows with depth, width and resolution: a power law of each, fitted to runs at several budgets.

The error, 100 points less top-1, is taken for ``e + A d**-a + B w**-b + C r**-c``, where ``d``, ``w`` and
``r`` say how many times as deep, wide and sharp as the baseline a network was built. One fit then answers
every budget: at ``d * w**2 * r**2 = F`` the error is least, in the long run, where the shares of the growth
go as ``1/a``, ``2/b`` and ``2/c`` (I. Alabdulmohsin et al., "Getting ViT in Shape", arXiv 2305.13035, find
shapes of transformers so).

The form has no terms in two dimensions at once. Whether such terms are missing is tested, and so is whether
the law predicts networks that it has not seen: an answer is read off it only where both hold.

The fit is by variable projection (G. H. Golub and V. Pereyra, SIAM J. Numer. Anal. 10, 1973): for given
exponents the rest is linear, and solved with no factor below 0; only the exponents are searched for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares, nnls
from scipy.stats import f as f_distribution

from scalesearch.statistics.answer import DIMENSIONS, DesignError, Estimate
from scalesearch.statistics.summaries import CONFIDENCE, SIGNIFICANCE

PARAMETERS = 7
FEWEST_NETWORKS = PARAMETERS + 1
"""With as many networks as parameters nothing says whether the law fits."""
LEAST_EXPONENT, MOST_EXPONENT = 0.05, 8.0
"""Of a doubling of the cost. What is outside looks like a straight line, or like a step, over any runs."""
STARTS = (0.2, 1.0, 3.0)
"""Exponents that the search begins at, in every combination."""
LEAST_STEP = 0.25
"""Doublings of cost below which a dimension counts as left alone."""
RESAMPLES = 200
SEED = 1905
LOWEST = 1e-18

Floats = NDArray[np.float64]
Growth = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grown:
    """Training runs of one length, of networks of several costs.

    Attributes:
        growth: (runs, 3) doublings of the cost that went to depth, width and resolution as built.
        networks: (runs,) which network each run is of.
        top1: (runs,) held-out top-1 in points, 0 to 100.
    """

    growth: tuple[Growth, ...]
    networks: tuple[str, ...]
    top1: tuple[float, ...]

    def __post_init__(self) -> None:
        if not len(self.growth) == len(self.networks) == len(self.top1):
            lengths = f"{len(self.growth)}, {len(self.networks)} and {len(self.top1)}"
            raise ValueError(f"`top1` must have one value for each growth and network, got {lengths}")
        if not np.isfinite([*self.top1, *np.ravel(self.growth)]).all():
            raise ValueError("`top1` and growth must be finite")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Curve:
    """A law's numbers: ``floor + sum(factors * 2**(-rates * growth))``, rates being of a doubling of cost."""

    floor: float
    factors: Floats
    rates: Floats

    def error(self, growth: Floats) -> Floats:
        """Points of error at (..., 3) doublings."""
        left: Floats = self.floor + np.exp2(-self.rates * growth) @ self.factors
        return left

    def best(self, doublings: float) -> Floats:
        """(3,) doublings of depth, width and resolution with the least error that add up to ``doublings``.

        None is taken below the baseline's where there is more to spend, none above where there is less.
        """
        low, high = min(0.0, doublings), max(0.0, doublings)
        helps = self.factors * self.rates > 0
        if not helps.any():
            return np.full(3, doublings / 3)

        def spent(log_price: float) -> Floats:
            # Where one more doubling of each brings the same, the price.
            at = np.full(3, low)
            gains = np.log2(self.factors[helps] * self.rates[helps])
            at[helps] = np.clip((gains - log_price) / self.rates[helps], low, high)
            return at

        below, above = -2000.0, 2000.0
        for _ in range(200):
            middle = (below + above) / 2
            below, above = (middle, above) if spent(middle).sum() > doublings else (below, middle)
        return spent(above)

    @property
    def shares(self) -> Floats:
        """(3,) of the growth in the long run: as ``1/a``, ``2/b`` and ``2/c``; 0 for what helps nothing."""
        parts = np.where(self.factors > 0, 1 / self.rates, 0.0)
        total = parts.sum()
        return np.asarray(parts / total if total > 0 else np.full(3, 1 / 3))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PowerLaw:
    """The power law through training runs at several budgets, and what speaks for and against it.

    Attributes:
        runs: what it is fitted to.
        curve: the fit.
        drawn: the fits to runs drawn anew within each network.
        additive: the probability that terms in two dimensions at once would explain so much by chance.
        lack_of_fit: the probability that networks would stray so far from the law by the noise of runs alone;
            None where no network has two runs.
        left_out_r2: the share of the networks' differences that the law predicts of networks that it has not
            seen; below 0 where their mean does better.
    """

    runs: Grown
    curve: _Curve
    drawn: tuple[_Curve, ...]
    additive: float
    lack_of_fit: float | None
    left_out_r2: float

    @property
    def exponents(self) -> tuple[Estimate, ...]:
        """a, b and c, of the multipliers of depth, width and resolution."""
        powers = np.array([1, 2, 2])  # a doubling of cost is half a doubling of width, or of resolution
        return self._estimates(lambda curve: curve.rates * powers)

    @property
    def coefficients(self) -> tuple[Estimate, ...]:
        """alpha, beta and gamma in the long run, with ``alpha * beta**2 * gamma**2 = 2``."""
        return self._estimates(lambda curve: np.exp2(curve.shares / [1, 2, 2]))

    def best(self, phi: float) -> tuple[Estimate, ...]:
        """Shares of depth, width and resolution with the least error at ``2**phi`` times the cost."""
        return self._estimates(lambda curve: curve.best(phi) / phi)

    def coefficients_at(self, phi: float) -> tuple[Estimate, ...]:
        """alpha, beta and gamma of that, which raised to ``phi`` are its multipliers."""
        return self._estimates(lambda curve: np.exp2(curve.best(phi) / phi / [1, 2, 2]))

    def top1(self, growth: Sequence[float]) -> Estimate:
        """Top-1 in points at doublings of depth, width and resolution."""
        at = np.asarray(growth, float)
        (estimate,) = self._estimates(lambda curve: np.atleast_1d(100 - curve.error(at)))
        return estimate

    @property
    def objections(self) -> tuple[str, ...]:
        """What speaks against reading an answer off it; empty where nothing does."""
        told = []
        if self.additive < SIGNIFICANCE:
            told.append("depth, width and resolution do not act each by itself")
        if self.lack_of_fit is not None and self.lack_of_fit < SIGNIFICANCE:
            told.append("networks stray from it by more than the noise of runs")
        if self.left_out_r2 <= 0:
            told.append("it does not predict networks that it has not seen")
        if not (self.curve.factors > 0).any():
            told.append("no dimension is seen to help")
        return tuple(told)

    def _estimates(self, figure: Callable[[_Curve], Floats]) -> tuple[Estimate, ...]:
        values = figure(self.curve)
        drawn = np.array([figure(curve) for curve in self.drawn])
        tail = 50 * (1 - CONFIDENCE)
        low, high = np.percentile(drawn, (tail, 100 - tail), axis=0)
        # Of a fit at a bound, all of what is drawn may lie on one side.
        return tuple(
            Estimate(value=float(value), low=min(float(value), float(a)), high=max(float(value), float(b)))
            for value, a, b in zip(values, low, high, strict=True)
        )


def fit_power_law(runs: Grown, resamples: int = RESAMPLES) -> PowerLaw:
    """The power law through runs of networks of several costs.

    Args:
        runs: of a star of networks: each dimension alone at two budgets or more, all together, the baseline.
        resamples: how often runs are drawn anew for the intervals.

    Raises:
        DesignError: if the networks are too few, or a dimension was not grown at two budgets.
    """
    names = sorted(set(runs.networks))
    network = np.array([names.index(name) for name in runs.networks])
    every = np.asarray(runs.growth, float)
    y = 100 - np.asarray(runs.top1, float)
    if len(names) < FEWEST_NETWORKS:
        raise DesignError(
            f"`runs` must be of at least {FEWEST_NETWORKS} networks for a power law of depth, width and "
            f"resolution, got {len(names)}"
        )
    counts = np.bincount(network)
    growth = np.array([every[network == i][0] for i in range(len(names))])
    for name, values in zip(DIMENSIONS, growth.T, strict=True):
        if len(np.unique(np.round(values / LEAST_STEP))) < 3:
            there = ", ".join(f"{2**value:.2f}" for value in np.unique(np.round(values, 2)))
            raise DesignError(
                f"`runs` must be of networks with three or more values of {name}, the baseline's included, "
                f"got those that make it {there} times as dear"
            )
    means = np.bincount(network, y) / counts
    weights = np.sqrt(counts)
    curve, residuals = _fitted(growth, means, weights)
    within = float(((y - means[network]) ** 2).sum())
    lack_sum, df_within, df_lack = float(residuals @ residuals), len(y) - len(names), len(names) - PARAMETERS
    lack = None
    if df_within > 0:
        noise = max(within / df_within, LOWEST)
        lack = float(f_distribution.sf(lack_sum / df_lack / noise, df_lack, df_within))
    return PowerLaw(
        runs=runs,
        curve=curve,
        drawn=_drawn(growth, y, network, curve, resamples),
        additive=_additive(growth, means, weights, curve, within, len(y)),
        lack_of_fit=lack,
        left_out_r2=_left_out_r2(growth, means, counts, curve),
    )


def _linear(
    growth: Floats, means: Floats, weights: Floats, rates: Floats, more: Floats | None = None
) -> tuple[Floats, Floats]:
    """The floor and the factors for given exponents, none below 0, and the weighted residuals."""
    columns = [np.ones((len(growth), 1)), np.exp2(-rates * growth)]
    if more is not None:
        columns += [more, -more]
    x = np.hstack(columns) * weights[:, None]
    solved, _ = nnls(x, means * weights, maxiter=50 * x.shape[1])
    return np.asarray(solved), np.asarray(x @ solved - means * weights)


def _fitted(
    growth: Floats,
    means: Floats,
    weights: Floats,
    start: _Curve | None = None,
    more: Floats | None = None,
) -> tuple[_Curve, Floats]:
    """The curve of the least weighted squares and its weighted residuals; from ``start`` alone if given."""
    bounds = (math.log(LEAST_EXPONENT), math.log(MOST_EXPONENT))
    firsts = (
        [np.array(point) for point in np.stack(np.meshgrid(*[STARTS] * 3), -1).reshape(-1, 3)]
        if start is None
        else [start.rates]
    )
    # The search is costly and the linear part is not: it begins where that is best.
    squares = [float((_linear(growth, means, weights, first, more)[1] ** 2).sum()) for first in firsts]
    chosen = [firsts[i] for i in np.argsort(squares)[:4]]

    def misses(logs: Floats) -> Floats:
        return _linear(growth, means, weights, np.exp(logs), more)[1]

    found = [
        least_squares(
            misses,
            np.clip(np.log(first), bounds[0] + 1e-6, bounds[1] - 1e-6),
            bounds=bounds,
            diff_step=np.full(3, 1e-4),
            max_nfev=60,
        )
        for first in chosen
    ]
    rates = np.exp(min(found, key=lambda fit: fit.cost).x)
    solved, residuals = _linear(growth, means, weights, rates, more)
    return _Curve(floor=float(solved[0]), factors=solved[1:4], rates=rates), residuals


def _drawn(
    growth: Floats, y: Floats, network: NDArray[np.int_], curve: _Curve, resamples: int
) -> tuple[_Curve, ...]:
    """Fits to runs drawn anew within their networks; where networks have one, to their strays from the law.

    A mean of ``n`` drawn anew varies by ``(n - 1) / n`` of what it should; what is drawn is widened by that.
    """
    counts = np.bincount(network)
    means = np.bincount(network, y) / counts
    fitted = curve.error(growth)
    rng = np.random.default_rng(SEED)
    if (counts > 1).all():
        centre, widening = means, np.sqrt(counts / (counts - 1))
        strays = [y[network == i] - means[i] for i in range(len(counts))]
    else:
        centre, widening = fitted, np.full(len(counts), math.sqrt(len(y) / (len(y) - PARAMETERS)))
        strays = [y - fitted[network]] * len(counts)
    weights = np.sqrt(counts)
    found = []
    for _ in range(resamples):
        moved = [widening[i] * rng.choice(strays[i], size=counts[i]).mean() for i in range(len(counts))]
        found.append(_fitted(growth, centre + np.array(moved), weights, curve)[0])
    return tuple(found)


def _additive(
    growth: Floats, means: Floats, weights: Floats, curve: _Curve, within: float, runs: int
) -> float:
    """The p of the F test of three added terms, the products of two dimensions' doublings each."""
    pairs = ((0, 1), (0, 2), (1, 2))
    more = np.stack([growth[:, i] * growth[:, j] for i, j in pairs], axis=-1)
    without = _linear(growth, means, weights, curve.rates)[1]
    _, crossed = _fitted(growth, means, weights, curve, more)
    rank = np.linalg.matrix_rank(more, tol=1e-3 * max(1.0, float(np.abs(more).max())))
    df = runs - PARAMETERS - rank
    if rank == 0 or df < 1:
        return 1.0
    left = float(crossed @ crossed)
    explained = max(0.0, float(without @ without) - left) / rank
    noise = max((left + within) / df, LOWEST)
    return float(f_distribution.sf(explained / noise, rank, df))


def _left_out_r2(growth: Floats, means: Floats, counts: NDArray[np.int_], curve: _Curve) -> float:
    """How much of the differences between networks is predicted, each from the others alone."""
    missed = spread = 0.0
    for i, count in enumerate(counts):
        rest = np.arange(len(counts)) != i
        fitted, _ = _fitted(growth[rest], means[rest], np.sqrt(counts[rest]), curve)
        missed += count * (means[i] - float(fitted.error(growth[i]))) ** 2
        spread += count * (means[i] - float(np.average(means[rest], weights=counts[rest]))) ** 2
    return 1 - missed / spread if spread > 0 else 0.0
