"""STEP 1's candidates: the grid points that meet the constraint, and the distinct networks they make.

Rounding makes one network of many coefficient triples; each distinct network is trained once. Where there are
more networks than a run can train, :func:`design` keeps those that a surface over all of them is best fitted
to.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import numpy.typing as npt
from numpy.typing import ArrayLike

from scalesearch.errors import EmptyGridError
from scalesearch.networks.baselines import PAPER_COEFFICIENTS
from scalesearch.networks.scaled import compound
from scalesearch.networks.spec import Arch, Rounding
from scalesearch.plain import LIMITS, require_limits
from scalesearch.records import BudgetRecord
from scalesearch.scaling import (
    FAST_WIDTH_SHARE,
    NOMINAL_BASE,
    Coefficients,
    Multipliers,
    Shares,
    exact,
    one_dial,
    shares_of,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GridSpec:
    """Bounds of each coefficient (ends included), the step between grid points, and the tolerance.

    Raises:
        ValueError: if a bound is below 1 or not finite, bounds are the wrong way round, the step is not above
            0, or the tolerance below 0.
    """

    alpha: tuple[float, float] = (1.0, 2.0)
    beta: tuple[float, float] = (1.0, 1.5)
    gamma: tuple[float, float] = (1.0, 1.5)
    step: float = 0.05
    tolerance: float = 0.1

    def __post_init__(self) -> None:
        for name in ("alpha", "beta", "gamma"):
            low, high = getattr(self, name)
            for end, value in (("min", low), ("max", high)):
                if not math.isfinite(value) or value < 1:
                    raise ValueError(f"`{name}_{end}` must be a finite number >= 1, got {value}")
                if value > LIMITS[name].most:
                    raise ValueError(f"`{name}_{end}` must be at most {LIMITS[name].most}, got {value}")
            if low > high:
                raise ValueError(f"`{name}_max` must be >= `{name}_min` ({low}), got {high}")
        require_limits(self, "step", "tolerance")
        if self.points > MOST_POINTS:
            raise ValueError(
                f"`step` must leave at most {MOST_POINTS:,} grid points, got {self.step} and "
                f"{f'{self.points:,}' if self.points < LONGEST_COUNT else f'{Decimal(self.points):.3g}'}"
            )

    def axis(self, name: str) -> npt.NDArray[np.float64]:
        """The values of one coefficient, as the decimals a reader would write."""
        start, step, count = exact(getattr(self, name)[0]), exact(self.step), self._length(name)
        unit = math.lcm(start.denominator, step.denominator)
        first, apart = int(start * unit), int(step * unit)
        values: npt.NDArray[np.float64]
        if max(unit, first + apart * count) < EXACT_INTEGERS:  # one division of whole numbers rounds right
            values = (first + apart * np.arange(count, dtype=np.float64)) / unit
        else:
            values = np.array([float(start + index * step) for index in range(count)])
        return values

    def _length(self, name: str) -> int:
        low, high = getattr(self, name)
        return int((exact(high) - exact(low)) // exact(self.step)) + 1

    @property
    def points(self) -> int:
        """How many points the grid has before the constraint."""
        return math.prod(self._length(name) for name in ("alpha", "beta", "gamma"))


MOST_POINTS = 100_000_000
LONGEST_COUNT = 10**18
# Up to here all whole numbers are binary ones.
EXACT_INTEGERS = 2**53
# More than the rounding of a product of five numbers, relative to it.
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A distinct network and every grid triple that rounds to it; ``coefficients`` is the one it goes by.

    ``multipliers`` made the network: those of the coefficients, but for a dimension solved for a budget.
    ``refused`` is why a user's own code can't be that network, or be brought to its budget.
    """

    coefficients: Coefficients
    merged: tuple[tuple[float, float, float], ...]
    arch: Arch
    multipliers: Multipliers
    budget: BudgetRecord | None = None
    refused: str = ""


def feasible(grid: GridSpec) -> npt.NDArray[np.float64]:
    """The grid points with ``|alpha * beta**2 * gamma**2 - 2| <= tolerance``, all in decimals.

    Returns:
        (points, 3) array of alpha, beta, gamma, ordered by alpha, then beta, then gamma.

    Raises:
        EmptyGridError: if there is none.
    """
    alpha, beta, gamma = (grid.axis(name) for name in ("alpha", "beta", "gamma"))
    product = (alpha[:, None] * (beta**2)[None, :])[:, :, None] * (gamma**2)[None, None, :]
    distance = np.abs(product - NOMINAL_BASE)
    index = np.nonzero(distance <= grid.tolerance + ROUNDING * product)
    points = np.stack([alpha[index[0]], beta[index[1]], gamma[index[2]]], axis=1)
    # Binary numbers can't tell which of the points so near to the tolerance are on its right side.
    kept = distance[index] < grid.tolerance - ROUNDING * product[index]
    for place in np.nonzero(~kept)[0]:
        kept[place] = _coefficients(points[place]).satisfies(grid.tolerance)
    if not kept.any():
        nearest = np.unravel_index(int(np.argmin(distance)), distance.shape)
        triple = tuple(float(axis[i]) for axis, i in zip((alpha, beta, gamma), nearest, strict=True))
        needed = Decimal(math.ceil(_coefficients(triple).distance * 10**6)).scaleb(-6).normalize()
        raise EmptyGridError(
            f"`tolerance` must admit at least one grid point, got {grid.tolerance:g}: the closest product is "
            f"{float(product[nearest]):.6g} at (alpha, beta, gamma) = {triple}; "
            f"--tolerance {needed:f} would admit it"
        )
    return points[kept]


def _coefficients(triple: Sequence[float] | npt.NDArray[np.float64]) -> Coefficients:
    alpha, beta, gamma = map(float, triple)
    return Coefficients(alpha=alpha, beta=beta, gamma=gamma)


def all_points(grid: GridSpec) -> npt.NDArray[np.float64]:
    """Every grid point, (points, 3) in the order of :func:`feasible`."""
    axes = np.meshgrid(*(grid.axis(name) for name in ("alpha", "beta", "gamma")), indexing="ij")
    return np.stack([axis.ravel() for axis in axes], axis=1)


def distinct(
    triples: npt.NDArray[np.float64],
    base: Arch,
    rounding: Rounding,
    phi: float,
    *,
    prefer: Coefficients | None = None,
) -> list[Candidate]:
    """The distinct networks that the triples make of ``base`` at ``phi``, in the triples' order.

    A network goes by the triple whose product is closest to 2, or by ``prefer`` where that is among them.

    Raises:
        ValueError: if a network would have less than one pixel.
    """
    # Dimensions round independently: scaling one at a time tells which triples coincide, and even a fine
    # grid has few values of each.
    axes = [np.unique(triples[:, column], return_inverse=True) for column in range(3)]
    keys = [_keys(base, rounding, phi, column, values.tolist()) for column, (values, _) in enumerate(axes)]
    kinds = np.zeros(len(triples), dtype=np.int64)
    for of_value, (_, where) in zip(keys, axes, strict=True):
        kinds = kinds * (max(of_value) + 1) + np.array(of_value)[where]
    # By network, and among those of one network in the triples' order.
    order = np.argsort(kinds, kind="stable")
    starts = np.nonzero(np.diff(kinds[order], prepend=-1))[0]
    members = np.split(order, starts[1:])
    distances = np.abs(triples[:, 0] * triples[:, 1] ** 2 * triples[:, 2] ** 2 - NOMINAL_BASE)
    columns = [values[where].tolist() for values, where in axes]
    points = list(zip(*columns, strict=True))
    candidates = []
    for rows in sorted(members, key=lambda rows: int(rows[0])):
        merged = tuple(points[row] for row in rows.tolist())
        coefficients = _name(merged, distances[rows], prefer)
        candidates.append(
            Candidate(
                coefficients=coefficients,
                merged=merged,
                arch=compound(base, coefficients, phi, rounding),
                multipliers=coefficients.at(phi),
            )
        )
    return candidates


def _keys(base: Arch, rounding: Rounding, phi: float, column: int, values: Sequence[float]) -> list[int]:
    """A number for each value of one coefficient, the same for those that round to one network."""
    numbers: dict[str, int] = {}
    of_value = []
    for value in values:
        alone = [1.0, 1.0, 1.0]
        alone[column] = value
        key = compound(base, _coefficients(alone), phi, rounding).key
        of_value.append(numbers.setdefault(key, len(numbers)))
    return of_value


def _name(
    members: Sequence[tuple[float, float, float]],
    distances: npt.NDArray[np.float64],
    prefer: Coefficients | None,
) -> Coefficients:
    """The triple that a network goes by: the preferred one, else the first of those closest to 2.

    ``distances`` are those of the members' products from 2, but for their rounding.
    """
    if prefer is not None and (prefer.alpha, prefer.beta, prefer.gamma) in members:
        return prefer
    least = float(distances.min())
    closest = np.nonzero(distances <= least + ROUNDING * (least + NOMINAL_BASE))[0].tolist()
    triples = [_coefficients(members[index]) for index in closest]
    return min(triples, key=lambda triple: triple.distance) if len(triples) > 1 else triples[0]


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
