"""Fronts and hypervolumes over any number of objectives."""

from __future__ import annotations

from collections.abc import Sequence

import moocore
import numpy as np
from numpy.typing import NDArray

__all__ = ["hypervolume_share", "nondominated"]


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
