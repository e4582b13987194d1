"""Which networks of a grid are trained: those from which a surface over all of them can be fitted best."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from scalesearch.architecture.published import PAPER_COEFFICIENTS
from scalesearch.scaling import FAST_WIDTH_SHARE, Shares, one_dial, shares_of

__all__ = ["DESIGN", "design"]

_PAPER, _FAST = shares_of(PAPER_COEFFICIENTS), one_dial(FAST_WIDTH_SHARE)


def _split(shares: Shares) -> tuple[float, float, float]:
    return shares.depth, shares.width, shares.resolution


DESIGN = (
    _split(_PAPER),
    *((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    (1 / 3, 1 / 3, 1 / 3),
    *((0.5, 0.5, 0.0), (0.5, 0.0, 0.5), (0.0, 0.5, 0.5)),
    *((2 / 3, 1 / 6, 1 / 6), (1 / 6, 2 / 3, 1 / 6), (1 / 6, 1 / 6, 2 / 3)),
    _split(_FAST),
)
"""The splits (depth, width, resolution) of a whole design, the ones that matter most first.

Corners, middles of the edges, centre and the points between centre and corners: a simplex-centroid design
with axial points (J. A. Cornell, "Experiments with Mixtures", 2002, chapters 2 and 5), with the paper's own
split and fast compound scaling's (arXiv 2103.06877), which every answer is set against.
"""


def design(splits: ArrayLike, limit: int, first: int | None = None) -> list[int]:
    """Which of the networks are to be trained, in order of importance.

    The network nearest to each split of :data:`DESIGN` comes first, then whichever is farthest from all
    chosen.

    Args:
        splits: (networks, 3) shares of depth, width and resolution of each network.
        limit: how many at most; 0 for all.
        first: a network that is among them in any case.

    Returns:
        Indices, each once.
    """
    every = np.asarray(splits, float)
    wanted = min(limit or len(every), len(every))
    chosen: list[int] = [] if first is None else [first]
    for point in DESIGN if first is None else DESIGN[1:]:
        distances = ((every - np.array(point)) ** 2).sum(axis=1)
        nearest = int(np.argmin(distances))
        if len(chosen) < wanted and nearest not in chosen:
            chosen.append(nearest)
    apart = np.full(len(every), np.inf)
    for index in chosen:
        apart = np.minimum(apart, ((every - every[index]) ** 2).sum(axis=1))
    while len(chosen) < wanted:
        apart[chosen] = -1.0
        farthest = int(np.argmax(apart))
        chosen.append(farthest)
        apart = np.minimum(apart, ((every - every[farthest]) ** 2).sum(axis=1))
    return chosen
