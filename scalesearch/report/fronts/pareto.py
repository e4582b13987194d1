"""The Pareto front of accuracy against cost."""

from __future__ import annotations

from collections.abc import Sequence

import moocore
import numpy as np
from numpy.typing import NDArray

__all__ = ["pareto_front"]


def pareto_front(costs: Sequence[float], gains: Sequence[float]) -> NDArray[np.bool_]:
    """Which points no other point beats: none is at least as cheap and as good, and better in one of the two.

    Args:
        costs: what to keep small, one value per point.
        gains: what to make large, one value per point.

    Returns:
        One flag per point. Points that are equal in both are on the front together or not at all.

    Raises:
        ValueError: if the two differ in length or hold a value that is not finite.
    """
    points = np.array(list(zip(costs, gains, strict=True)), dtype=np.float64).reshape(-1, 2)
    if not np.isfinite(points).all():
        raise ValueError("`costs` and `gains` must be finite numbers; leave out points that are unknown")
    if len(points) == 0:
        return np.zeros(0, dtype=np.bool_)
    return np.asarray(
        moocore.is_nondominated(points, maximise=[False, True], keep_weakly=True), dtype=np.bool_
    )
