"""Comparisons of pairs of networks that were chosen before looking, with the noise of all networks pooled."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import t

from scalesearch.belief.seeds import CONFIDENCE, PairedComparison, holm

__all__ = ["planned_comparisons"]

ROUNDING = 1e-12
"""Differences below this, relative to the values, are the noise of binary arithmetic: they are 0."""


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
    sizes = sorted({len(row) for row in top1})
    if len(top1) < 2 or len(sizes) != 1 or sizes[0] < 2:
        raise ValueError(
            f"`top1` must hold two or more networks with the same two or more seeds, got {len(top1)} "
            f"networks with {' or '.join(map(str, sizes)) or 'no'} seeds"
        )
    values = np.array(top1, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("`top1` must hold finite numbers; leave out networks without an accuracy")
    networks, seeds = values.shape
    df = (networks - 1) * (seeds - 1)
    means = values.mean(axis=1)
    residuals = values - means[:, None] - values.mean(axis=0) + values.mean()
    nothing = ROUNDING * float(np.abs(values).max())
    spread = math.sqrt(float((residuals**2).sum()) / df)
    error = 0.0 if spread <= nothing else spread * math.sqrt(2 / seeds)
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
