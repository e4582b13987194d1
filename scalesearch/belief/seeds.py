"""Networks over their seeds: means, standard deviations, intervals; corrections for lists of comparisons.

S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6
(1979), is for lists of comparisons that were chosen before looking.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

__all__ = [
    "CONFIDENCE",
    "SIGNIFICANCE",
    "SeedSummary",
    "holm",
    "seed_summaries",
]

SIGNIFICANCE = 0.05
CONFIDENCE = 0.95
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


def _row(values: Sequence[float]) -> NDArray[np.float64]:
    row = np.asarray(values, dtype=np.float64)
    if row.ndim != 1 or not len(row) or not np.isfinite(row).all():
        raise ValueError(f"`top1` must hold at least one finite value per network, got {list(values)}")
    return row


def _squares(residuals: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """The sum of squares of ``residuals``, 0 where it is only the rounding of ``values``."""
    total = float((residuals**2).sum())
    return 0.0 if total <= ROUNDING**2 * float((values**2).sum()) else total
