"""Comparisons of pairs of networks that were chosen before looking, all at once, with their noise pooled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from scalesearch.belief.seeds import CONFIDENCE

__all__ = ["Comparison", "Slope", "means_reach", "planned_comparisons", "planned_slope"]

ROUNDING = 1e-12
"""Differences below this, relative to the values, are the noise of binary arithmetic: they are 0."""
DRAWS = 20_000
SEED = 1905


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How far one network is ahead of another, as one of several comparisons that all hold at once.

    ``low`` to ``high`` is the 95% interval of ``difference`` and ``p`` its two-sided probability, both
    by the largest of as many t statistics: the interval leaves out 0 where ``p`` is below 5%. ``df`` are the
    degrees of freedom of the noise.
    """

    difference: float
    low: float
    high: float
    p: float
    df: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """How fast accuracy rises along a line, with its 95% interval and the degrees of freedom of the noise."""

    slope: float
    low: float
    high: float
    df: int


def planned_comparisons(
    top1: Sequence[Sequence[float]], pairs: Sequence[tuple[int, int]], lists: int = 1
) -> tuple[Comparison, ...]:
    """The first less the second network of each pair, by t tests in randomised blocks that all hold at once.

    The model is that of ``scalesearch.belief.seeds``: a seed moves all networks alike, and what is left is
    noise of one variance. Estimated from all ``n`` networks over ``k`` seeds it has ``(n - 1) * (k - 1)``
    degrees of freedom, where a t test of one pair alone has ``k - 1``: with three seeds that alone would
    show next to nothing once corrected for several comparisons. With two networks both are the same test.
    Several comparisons are judged by the largest of their t statistics, correlated as they are; its
    distribution is simulated, and of one pair it is Student's.

    Args:
        top1: networks x seeds; column j is the same seed for all.
        pairs: indices of the networks to compare.
        lists: how many such lists of comparisons, of other networks, are to hold at once (Z. Sidak's
            correction).

    Raises:
        ValueError: if there are fewer than two networks or two seeds, rows differ in length, or a value is
            not finite.
    """
    values = _table(top1)
    seeds = values.shape[1]
    means = values.mean(axis=1)
    spread, df = _noise(values)
    nothing = ROUNDING * float(np.abs(values).max())
    error = spread * math.sqrt(2 / seeds)
    level = CONFIDENCE ** (1 / lists)
    differences = [float(means[first] - means[second]) for first, second in pairs]
    largest = _largest(len(values), pairs, df) if len(pairs) > 1 and error else None
    if largest is None:
        reach = float(t.ppf((1 + level) / 2, df)) * error
    else:
        reach = float(np.quantile(largest, level)) * error

    def p(difference: float) -> float:
        if not error:
            return 1.0 if abs(difference) <= nothing else 0.0
        if largest is None:
            own = float(2 * t.sf(abs(difference) / error, df))
        else:
            own = float((1 + (largest >= abs(difference) / error).sum()) / (1 + len(largest)))
        return own if lists == 1 else float(-np.expm1(lists * np.log1p(-min(own, 1 - 1e-15))))

    return tuple(
        Comparison(
            difference=difference, low=difference - reach, high=difference + reach, p=p(difference), df=df
        )
        for difference in differences
    )


def means_reach(top1: Sequence[Sequence[float]]) -> float:
    """Half the width of the 95% intervals of all networks' means at once, with the noise of all pooled.

    Args:
        top1: networks x seeds; column j is the same seed for all.

    Raises:
        ValueError: as :func:`planned_comparisons`.
    """
    values = _table(top1)
    spread, df = _noise(values)
    rng = np.random.default_rng(SEED)
    means = np.abs(rng.standard_normal((len(values), DRAWS))).max(axis=0)
    largest = means / np.sqrt(rng.chisquare(df, DRAWS) / df)
    return float(np.quantile(largest, CONFIDENCE)) * spread / math.sqrt(values.shape[1])


def _largest(networks: int, pairs: Sequence[tuple[int, int]], df: int) -> NDArray[np.float64]:
    """Draws of the largest of the pairs' t statistics, sizes alone, where no network differs."""
    rng = np.random.default_rng(SEED)
    means = rng.standard_normal((networks, DRAWS))
    largest = np.zeros(DRAWS)
    for first, second in pairs:
        np.maximum(largest, np.abs(means[first] - means[second]), out=largest)
    return np.asarray(largest / math.sqrt(2) / np.sqrt(rng.chisquare(df, DRAWS) / df))


def planned_slope(x: Sequence[float], top1: Sequence[Sequence[float]]) -> Slope:
    """The least-squares line through the networks' means over ``x``, its noise that of all networks pooled.

    Args:
        x: where each network stands, such as the binary logarithm of its cost.
        top1: networks x seeds; column j is the same seed for all.

    Returns:
        The rise for each unit of ``x``; its interval is of these networks over endlessly many seeds.

    Raises:
        ValueError: if ``top1`` is not such a table (see :func:`planned_comparisons`), or all ``x`` are equal.
    """
    values = _table(top1)
    centred = np.array(x, dtype=np.float64) - np.mean(x)
    squares = float((centred**2).sum())
    if len(centred) != len(values) or squares == 0:
        raise ValueError(f"`x` must hold {len(values)} numbers that are not all equal, got {list(x)}")
    # Of the means less their own mean, so that equal ones give a slope of exactly 0.
    above = values.mean(axis=1) - values.mean()
    nothing = ROUNDING * float(np.abs(values).max())
    slope = 0.0 if np.abs(above).max() <= nothing else float(centred @ above) / squares
    spread, df = _noise(values)
    reach = float(t.ppf((1 + CONFIDENCE) / 2, df)) * spread / math.sqrt(squares * values.shape[1])
    return Slope(slope=slope, low=slope - reach, high=slope + reach, df=df)


def _table(top1: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """The table as numbers (networks, seeds), checked."""
    sizes = sorted({len(row) for row in top1})
    if len(top1) < 2 or len(sizes) != 1 or sizes[0] < 2:
        raise ValueError(
            f"`top1` must hold two or more networks with the same two or more seeds, got {len(top1)} "
            f"networks with {' or '.join(map(str, sizes)) or 'no'} seeds"
        )
    values = np.array(top1, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("`top1` must hold finite numbers; leave out networks without an accuracy")
    return values


def _noise(values: NDArray[np.float64]) -> tuple[float, int]:
    """What neither network nor seed explains: its standard deviation and degrees of freedom."""
    networks, seeds = values.shape
    df = (networks - 1) * (seeds - 1)
    residuals = values - values.mean(axis=1)[:, None] - values.mean(axis=0) + values.mean()
    spread = math.sqrt(float((residuals**2).sum()) / df)
    return (0.0 if spread <= ROUNDING * float(np.abs(values).max()) else spread), df
