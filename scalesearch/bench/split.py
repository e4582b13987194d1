"""Where a budget should go when it is counted in time: what each dimension costs, and what follows from it.

Whole blocks, channels and pixels make costs jump, by more than the differences that matter here. So splits
are worked out on a smooth cost: a polynomial that is exact wherever a network needs no rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from scalesearch.architecture.code_spec import CodeSpec
from scalesearch.architecture.cost import count
from scalesearch.architecture.match import Dimension, Matched, match
from scalesearch.architecture.scaled import scale
from scalesearch.architecture.spec import Arch, Rounding
from scalesearch.belief.law import predict, seconds_for
from scalesearch.records import CostLaw, Price, Split
from scalesearch.scaling import Coefficients, Multipliers, Shares

__all__ = [
    "BUDGET_RATIO",
    "DIMENSIONS",
    "NOMINAL",
    "SmoothCost",
    "doubled",
    "latency_ratio",
    "macs_ratio",
    "prices",
    "reach",
    "simplex",
    "smooth_cost",
    "splits",
]

BUDGET_RATIO = 2.0
"""A step of phi: the budget is twice the baseline's cost."""

DIMENSIONS: tuple[Dimension, ...] = ("depth", "width", "resolution")
NOMINAL = np.array([1.0, 2.0, 2.0])
"""Exponents of depth, width and resolution in multiply-adds by the rule."""

COUNTS = ("macs", "activations", "params", "layers")
# Multipliers that need no rounding: enough of them for a cost that is linear in depth, quadratic in width and
# linear in the area of the image.
DEPTHS, WIDTHS, SIDES = (1, 2), (1, 2, 3), (1, 2)
# Pixels for each step on the last map, in nearly every network; that of a user's code is not known.
CODE_STRIDE = 32
MOST_DOUBLINGS = 16.0
HALVINGS = 60

Floats = NDArray[np.float64]
Ratio = Callable[[Floats], Floats]
"""(..., 3) multipliers of depth, width and resolution to (...) cost over the baseline's."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SmoothCost:
    """Costs of a baseline at any multipliers, as if layers, channels and pixels could be divided."""

    weights: Mapping[str, Floats]

    def counts(self, multipliers: Floats) -> dict[str, Floats]:
        """Each of ``macs``, ``activations``, ``params`` and ``layers`` for (..., 3) multipliers: (...)."""
        powers = _powers(multipliers)
        return {name: powers @ weights for name, weights in self.weights.items()}


def smooth_cost(base: Arch) -> SmoothCost:
    """The polynomial through the networks that whole multipliers make of ``base``.

    A side that the network's strides do not divide is rounded up inside it; the polynomial is fitted to
    sides that are divided, so there it lies a little below the base's own cost.
    """
    strides = CODE_STRIDE if isinstance(base, CodeSpec) else base.total_stride
    side, across = (strides * -(-pixels // strides) for pixels in base.input_size)
    exact = Rounding(channel_divisor=1, min_kept_fraction=0.0)
    points, rows = [], []
    for depth, width, times in product(DEPTHS, WIDTHS, SIDES):
        multipliers = Multipliers(depth=depth, width=width)
        scaled = scale(base, multipliers, exact, resolution=times * side)
        cost = count(replace(scaled, resolution_width=times * across))
        points.append((depth, width, _larger(base, times * side, times * across)))
        rows.append([getattr(cost, name) for name in COUNTS])
    weights = np.linalg.solve(_powers(np.array(points, float)), np.array(rows, float))
    return SmoothCost(weights=dict(zip(COUNTS, weights.T, strict=True)))


def _larger(base: Arch, height: int, width: int) -> float:
    """Times as large a side: of oblong inputs, the side of a square of the same area."""
    own_height, own_width = base.input_size
    if own_height == own_width:
        return height / own_height
    return math.sqrt(height * width / (own_height * own_width))


def macs_ratio(cost: SmoothCost) -> Ratio:
    """Multiply-adds over the baseline's."""
    base = cost.counts(np.ones(3))["macs"]
    return lambda multipliers: np.asarray(cost.counts(multipliers)["macs"] / base)


def latency_ratio(cost: SmoothCost, law: CostLaw) -> Ratio:
    """Seconds by the law over the baseline's."""
    base = seconds_for(law, **cost.counts(np.ones(3)))
    return lambda multipliers: np.asarray(seconds_for(law, **cost.counts(multipliers)) / base)


def reach(ratio: Ratio, directions: Floats, target: float = BUDGET_RATIO) -> Floats:
    """How far each direction may be gone within a budget.

    Args:
        ratio: the cost that is budgeted; it must not fall as multipliers grow.
        directions: (n, 3) shares of the nominal growth for depth, width and resolution: by the rule, going
            ``t`` along one multiplies the multiply-adds by ``2**t``.
        target: the budget over the baseline's cost.

    Returns:
        (n, 3) multipliers that spend the budget, or 16 nominal doublings where even those do not.
    """
    log2 = directions / NOMINAL
    low, high = np.zeros(len(directions)), np.ones(len(directions))
    while np.any(short := (ratio(2 ** (high[:, None] * log2)) < target) & (high < MOST_DOUBLINGS)):
        high = np.where(short, 2 * high, high)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        under = ratio(2 ** (middle[:, None] * log2)) < target
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    found: Floats = 2 ** (high[:, None] * log2)
    return found


def doubled(base: Arch, rounding: Rounding) -> dict[Dimension, Matched]:
    """The baseline scaled in one dimension alone until its multiply-adds have doubled, as networks to build.

    Raises:
        UnreachableError: if a dimension cannot double them.
    """
    alone = Coefficients(alpha=1.0, beta=1.0, gamma=1.0)
    target = BUDGET_RATIO * count(base).macs
    found = {}
    for dimension in DIMENSIONS:
        one = match(
            base, alone, 0.0, rounding, by=dimension, target=target, cost=lambda arch: count(arch).macs
        )
        found[dimension] = replace(one, arch=replace(one.arch, name=f"{base.name}-{dimension}-2x"))
    return found


def prices(base: Arch, law: CostLaw, rounding: Rounding) -> tuple[Price, ...]:
    """What doubling the budget by one dimension alone takes, in multiply-adds and in time by the law."""
    cost, built = smooth_cost(base), doubled(base, rounding)
    by_macs, by_time = macs_ratio(cost), latency_ratio(cost, law)
    alone = np.eye(3)
    with_macs, with_time = reach(by_macs, alone), reach(by_time, alone)
    base_cost = count(base)
    found = []
    for index, dimension in enumerate(DIMENSIONS):
        macs_multiplier, time_multiplier = with_macs[index, index], with_time[index, index]
        one = built[dimension]
        built_cost = count(one.arch)
        found.append(
            Price(
                setup=law.setup,
                dimension=dimension,
                nominal_exponent=float(NOMINAL[index]),
                macs_exponent=_exponent(macs_multiplier),
                latency_exponent=_exponent(time_multiplier),
                latency_ratio=float(by_time(with_macs[index])),
                built=one.arch.name,
                built_key=one.arch.key,
                built_macs_ratio=built_cost.macs / base_cost.macs,
                built_activations_ratio=built_cost.activations / base_cost.activations,
                built_layers_ratio=built_cost.layers / base_cost.layers,
                built_latency_ratio=predict(law, built_cost) / predict(law, base_cost),
            )
        )
    return tuple(found)


def splits(base: Arch, law: CostLaw, rules: Mapping[str, Shares]) -> tuple[Split, ...]:
    """For each rule, how it spends twice the multiply-adds, and how it would spend twice the time.

    A rule gives each dimension a share of the budget's growth. What a share buys is up to the budget: where a
    dimension alone needs a multiplier of m to spend it all, a share s of it buys about ``m**s``. The point is
    then moved along its own ray until it spends the budget exactly.
    """
    cost = smooth_cost(base)
    by_macs, by_time = macs_ratio(cost), latency_ratio(cost, law)
    found = []
    for rule, shares in rules.items():
        given = np.array([shares.depth, shares.width, shares.resolution])
        for budget, ratio in (("macs", by_macs), ("latency", by_time)):
            alone = np.diag(reach(ratio, np.eye(3)))
            growth = NOMINAL * given * np.log2(alone)
            at = reach(ratio, (growth / growth.sum())[None])[0]
            found.append(
                Split(
                    setup=law.setup,
                    rule=rule,
                    budget=budget,
                    depth=float(at[0]),
                    width=float(at[1]),
                    resolution=float(at[2]),
                    macs_ratio=float(by_macs(at)),
                    latency_ratio=float(by_time(at)),
                )
            )
    return tuple(found)


def simplex(steps: int) -> Floats:
    """(points, 3) shares of depth, width and resolution in steps of ``1 / steps``."""
    found = [
        (depth, width, steps - depth - width)
        for depth in range(steps + 1)
        for width in range(steps + 1 - depth)
    ]
    return np.array(found, float) / steps


def _exponent(multiplier: float) -> float:
    """The exponent that makes ``multiplier`` a doubling of the cost."""
    return math.log(BUDGET_RATIO) / math.log(multiplier)


def _powers(multipliers: Floats) -> Floats:
    """(..., 12): every product of a power of depth, of width and of the image's area."""
    depth, width, side = multipliers[..., 0], multipliers[..., 1], multipliers[..., 2]
    terms = [
        depth**i * width**j * side ** (2 * k)
        for i, j, k in product(range(len(DEPTHS)), range(len(WIDTHS)), range(len(SIDES)))
    ]
    return np.stack(terms, axis=-1)
