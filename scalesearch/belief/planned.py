"""Comparisons of pairs of networks that were chosen before looking, with the noise of all networks pooled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from scalesearch.belief.seeds import CONFIDENCE, PairedComparison, holm

__all__ = ["Slope", "planned_comparisons", "planned_slope"]

ROUNDING = 1e-12
"""Differences below this, relative to the values, are the noise of binary arithmetic: they are 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """How fast accuracy rises along a line, with its 95% interval and the degrees of freedom of the noise."""

    slope: float
    low: float
    high: float
    df: int


def planned_comparisons(
    top1: Sequence[Sequence[float]], pairs: Sequence[tuple[int, int]]
) -> tuple[PairedComparison, ...]:
    """The first less the second network of each pair, by t tests in randomised blocks with Holm's correction.

    The model is that of ``scalesearch.belief.seeds``: a seed moves all networks alike, and what is left is
    noise of one variance. Estimated from all ``n`` networks over ``k`` seeds it has ``(n - 1) * (k - 1)``
    degrees of freedom, where a t test of one pair alone has ``k - 1``: with three seeds that alone would
    show next to nothing once corrected for several comparisons. With two networks both are the same test.

    Args:
        top1: networks x seeds; column j is the same seed for all.
        pairs: indices of the networks to compare.

    Returns:
        One comparison per pair; intervals are those of one comparison, ``p_holm`` is corrected for all.

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
    reach = float(t.ppf((1 + CONFIDENCE) / 2, df)) * error
    differences = [float(means[first] - means[second]) for first, second in pairs]
    if error:
        p_values = [float(2 * t.sf(abs(difference) / error, df)) for difference in differences]
    else:
        p_values = [1.0 if abs(difference) <= nothing else 0.0 for difference in differences]
    return tuple(
        PairedComparison(
            difference=difference,
            low=difference - reach,
            high=difference + reach,
            p=p,
            p_holm=p_holm,
            df=df,
        )
        for difference, p, p_holm in zip(differences, p_values, holm(p_values), strict=True)
    )


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
