"""What several seeds show: which networks can be told from the best, by how much, and what it would take.

Networks trained with the same seeds share the order of the data and its augmentation seed by seed, so their
accuracies are a two-way layout without replication, networks by seeds, with the seed as a block:

    top1[i, j] = mean + network[i] + seed[j] + residual[i, j]

Residuals are taken to be independent and normal with one variance. For ``n`` networks and ``k`` seeds it is
estimated with ``(n - 1) * (k - 1)`` degrees of freedom.

Sources: Tukey's range test ("honestly significant difference") in randomised blocks, as in J. C. Hsu,
"Multiple Comparisons: Theory and Methods" (1996), chapters 4 and 5. Covering every pair of networks at once,
it also covers the pairs with whichever network came out best. ``scipy.stats.tukey_hsd`` is the same test
without blocks. S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
Statistics 6 (1979), for lists of comparisons that were chosen before looking.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.integrate import IntegrationWarning
from scipy.interpolate import CubicSpline
from scipy.stats import studentized_range, t

__all__ = [
    "CONFIDENCE",
    "SIGNIFICANCE",
    "AgainstBest",
    "SeedSummary",
    "against_best",
    "critical_range",
    "holm",
    "seed_summaries",
    "seeds_needed",
    "winning_set",
]

SIGNIFICANCE = 0.05
CONFIDENCE = 0.95
MOST_SEEDS = 1000
MOST_INTEGRALS = 120
"""Of the studentized range, for one test."""
RANGE_DIGITS = 9
ROUNDING = 1e-12
"""Sums of squares below this, relative to the values', are the noise of binary arithmetic: they are 0."""

Rows = Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedSummary:
    """One network over its seeds.

    ``sd`` is its own standard deviation (None for one seed). ``low`` and ``high`` bound its expected top-1
    with 95% confidence: ``mean -+ t(0.975, df) * s / sqrt(seeds)``, with ``s`` and ``df`` pooled within all
    networks; None where no network has two seeds.
    """

    seeds: int
    mean: float
    sd: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgainstBest:
    """Every network held against the one with the highest mean, by Tukey's range test in blocks.

    Attributes:
        means: mean over seeds, one per network.
        best: index of the highest mean (of equal ones the first).
        p: one per network, corrected for all ``n * (n - 1) / 2`` comparisons: the chance that ``n`` equal
            networks would spread ``sqrt(k) * (means[best] - means[i]) / sqrt(residual_ms)`` or more. 1 for
            the best itself.
        residual_ms: the residual mean square, an estimate of the variance of ``residual[i, j]``.
        df: its degrees of freedom, ``(n - 1) * (k - 1)``.
        seeds: ``k``.
    """

    means: tuple[float, ...]
    best: int
    p: tuple[float, ...]
    residual_ms: float
    df: int
    seeds: int

    def difference(self, index: int) -> float:
        """How far network ``index`` is behind the best."""
        return self.means[self.best] - self.means[index]


def seed_summaries(top1: Rows) -> tuple[SeedSummary, ...]:
    """Mean, standard deviation and interval of each network; their numbers of seeds may differ.

    Raises:
        ValueError: if a network has no value, or one that is not finite.
    """
    rows = [_row(row) for row in top1]
    df = sum(len(row) - 1 for row in rows)
    squares = sum(_squares(row - row.mean(), row) for row in rows)
    reach = float(t.ppf((1 + CONFIDENCE) / 2, df)) * math.sqrt(squares / df) if df else None
    halves = [None if reach is None else reach / math.sqrt(len(row)) for row in rows]
    return tuple(
        SeedSummary(
            seeds=len(row),
            mean=float(row.mean()),
            sd=math.sqrt(_squares(row - row.mean(), row) / (len(row) - 1)) if len(row) > 1 else None,
            low=None if half is None else float(row.mean()) - half,
            high=None if half is None else float(row.mean()) + half,
        )
        for row, half in zip(rows, halves, strict=True)
    )


def against_best(top1: Rows) -> AgainstBest:
    """Tukey's range test in blocks of every network against the best.

    Args:
        top1: networks x seeds; column j is the same seed for all.

    Raises:
        ValueError: if there are fewer than two networks or two seeds, rows differ in length, or a value is
            not finite.
    """
    return _against_best(tuple(tuple(float(value) for value in row) for row in top1))


def winning_set(top1: Rows, significance: float = SIGNIFICANCE) -> tuple[int, ...]:
    """The networks that cannot be told from the best (``p >= significance``), the best among them.

    The network that is truly best belongs to the set with a probability of at least ``1 - significance``.

    Raises:
        ValueError: as :func:`against_best`.
    """
    return tuple(index for index, p in enumerate(against_best(top1).p) if p >= significance)


def seeds_needed(
    top1: Rows, significance: float = SIGNIFICANCE, *, most: int | None = None
) -> dict[int, int | None]:
    """The fewest seeds at which the difference from the best would be shown, by index, for the winning set.

    Supposes that noise and differences stay as seen: the smallest ``k`` with ``sqrt(k) * difference /
    sqrt(residual_ms)`` beyond the critical range of ``n`` networks at ``(n - 1) * (k - 1)`` degrees of
    freedom. The seen difference is itself uncertain: read it as an order of magnitude.

    Args:
        top1: networks x seeds.
        significance: of the test.
        most: only for so many members of the set, the first ones by index; all where it is None.

    Returns:
        One number per member of the winning set but the best; None for a network exactly as good, and where
        more than 1000 would be needed.

    Raises:
        ValueError: as :func:`against_best`.
    """
    test, needed = against_best(top1), dict[int, int | None]()
    for index in winning_set(top1, significance)[:most]:
        gap = test.difference(index)
        if index != test.best:
            effect = gap / math.sqrt(test.residual_ms) if gap else 0.0
            needed[index] = _fewest(effect, len(test.means), significance)
    return needed


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm's step-down correction: the i-th smallest of m becomes ``max over j <= i of (m - j + 1) * p_j``.

    Raises:
        ValueError: if a value is not within 0 to 1.
    """
    if any(not 0 <= p <= 1 for p in p_values):
        raise ValueError(f"`p_values` must be within 0 to 1, got {list(p_values)}")
    order = np.argsort(p_values, kind="stable")
    scaled = np.asarray(p_values, dtype=np.float64)[order] * np.arange(len(order), 0, -1)
    corrected = np.empty(len(order))
    corrected[order] = np.minimum(1, np.maximum.accumulate(scaled))
    return tuple(float(p) for p in corrected)


# A report asks for the same test for its page, its tables and each figure, and 60 networks take a second.
@lru_cache(maxsize=16)
def _against_best(top1: tuple[tuple[float, ...], ...]) -> AgainstBest:
    values = _matrix(top1)
    networks, seeds = values.shape
    means, df = values.mean(axis=1), (networks - 1) * (seeds - 1)
    residuals = values - means[:, None] - values.mean(axis=0)[None, :] + values.mean()
    residual_ms = _squares(residuals, values) / df
    best = int(np.argmax(means))
    gaps = [0.0 if _is_zero(gap, values) else float(gap) for gap in means[best] - means]
    if residual_ms:
        p = _beyond(np.array(gaps) * math.sqrt(seeds / residual_ms), networks, df)
    else:
        p = [1.0 if gap == 0 else 0.0 for gap in gaps]
    return AgainstBest(
        means=tuple(float(means[best] - gap) for gap in gaps),
        best=best,
        p=tuple(min(1.0, max(0.0, value)) for value in p),
        residual_ms=residual_ms,
        df=df,
        seeds=seeds,
    )


def _beyond(ranges: NDArray[np.float64], networks: int, df: int) -> list[float]:
    """The chance that so many equal networks spread each of the ranges or more; 1 for a range of 0.

    Each takes an integral of milliseconds: equal ranges share one, and of many different ones a fine grid is
    integrated and the others lie on the cubic spline between its points, to within 1e-4.
    """
    different, where = np.unique(ranges.round(RANGE_DIGITS), return_inverse=True)

    def integrated(values: NDArray[np.float64]) -> NDArray[np.float64]:
        with warnings.catch_warnings():
            # Of thousands of networks the integral over small ranges, which is 1, converges slowly.
            warnings.simplefilter("ignore", IntegrationWarning)
            return np.array([float(studentized_range.sf(q, networks, df)) if q else 1.0 for q in values])

    if len(different) <= MOST_INTEGRALS:
        return [float(p) for p in integrated(different)[where]]
    grid = np.linspace(0.0, different[-1], MOST_INTEGRALS)
    return [float(p) for p in CubicSpline(grid, integrated(grid))(ranges)]


@lru_cache(maxsize=1024)
def _fewest(effect: float, networks: int, significance: float) -> int | None:
    """The fewest seeds that show a difference of ``effect`` residual standard deviations."""

    def shown(seeds: int) -> bool:
        spread, df = math.sqrt(seeds) * effect, (networks - 1) * (seeds - 1)
        if not endless < spread <= fewest:
            return spread > fewest
        return float(studentized_range.sf(spread, networks, df)) < significance

    # More seeds show more, so the answer can be closed in on, from the critical range of endless seeds.
    endless = critical_range(networks, math.inf, significance)
    if math.sqrt(MOST_SEEDS) * effect < endless:
        return None
    # Beyond the critical range of the fewest seeds any number of them shows it, with no integral of its own.
    fewest = critical_range(networks, networks - 1, significance)
    low = max(2, math.floor((endless / effect) ** 2))
    step, high = 1, low
    while not shown(high):
        if high == MOST_SEEDS:
            return None
        low, high, step = high + 1, min(MOST_SEEDS, high + step), 2 * step
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if shown(middle) else (middle + 1, high)
    return high


@lru_cache(maxsize=64)
def critical_range(networks: int, df: float, significance: float) -> float:
    """The range that so many equal networks exceed with probability ``significance``.

    In standard deviations of the noise, known with ``df`` degrees of freedom: ``math.inf`` where it is given.
    """
    return float(studentized_range.ppf(1 - significance, networks, df))


def _row(values: Sequence[float]) -> NDArray[np.float64]:
    row = np.asarray(values, dtype=np.float64)
    if row.ndim != 1 or not len(row) or not np.isfinite(row).all():
        raise ValueError(f"`top1` must hold at least one finite value per network, got {list(values)}")
    return row


def _matrix(top1: tuple[tuple[float, ...], ...]) -> NDArray[np.float64]:
    lengths = sorted({len(row) for row in top1})
    if len(top1) < 2 or len(lengths) != 1 or lengths[0] < 2:
        raise ValueError(
            f"`top1` must hold two or more networks with the same two or more seeds, got {len(top1)} "
            f"networks with {' or '.join(map(str, lengths)) or 'no'} seeds"
        )
    return np.array([_row(row) for row in top1])


def _squares(residuals: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """The sum of squares of ``residuals``, 0 where it is only the rounding of ``values``."""
    total = float((residuals**2).sum())
    return 0.0 if total <= ROUNDING**2 * float((values**2).sum()) else total


def _is_zero(difference: float, values: NDArray[np.float64]) -> bool:
    return abs(difference) <= ROUNDING * float(np.abs(values).max())
