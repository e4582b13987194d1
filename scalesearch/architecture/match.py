"""Equal cost: the network that spends a budget as exactly as whole layers, channels and pixels allow.

The rule ``alpha * beta**2 * gamma**2 = 2`` (arXiv 1905.11946, equation 3) holds before rounding. After it
candidates of one rule differ in cost by a factor of two, and the dearest may win by its cost alone. So one
dimension, or several in turn, are solved for: the others stay as the coefficients and the rounding make them.
Resolution alone is coarse: past a multiple of 32 px all maps of a network with five strides of 2 grow at
once, so that EfficientNet-B0 costs 17% more at 225 px than at 224 and 62% more at 65 than at 64. Width can
take up what that leaves.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, get_args

from scalesearch.architecture.code_spec import CodeSpec
from scalesearch.architecture.cost import count
from scalesearch.architecture.memory import training_bytes
from scalesearch.architecture.scaled import scale
from scalesearch.architecture.spec import MOST, MOST_REPEATS, Arch, ArchSpec, Rounding
from scalesearch.scaling import Coefficients, Multipliers

__all__ = [
    "BUDGETS",
    "BudgetKind",
    "Dimension",
    "Matched",
    "UnreachableError",
    "bracket",
    "closed_form",
    "match",
    "require_movable",
]

BudgetKind = Literal["macs", "params", "activations", "memory", "latency"]
Dimension = Literal["resolution", "width", "depth"]
BUDGETS: tuple[BudgetKind, ...] = get_args(BudgetKind)

# Multipliers of width and depth are tried in steps of 2**-20: with at most a million channels, a step moves
# no row of the table by more than one.
STEPS_PER_UNIT = 2**20
# Cost grows about with the square of width and of resolution: a first guess needs no more than that.
EXPONENT = {"resolution": 2, "width": 2, "depth": 1}
# The guess is taken to be this near, as a share of it, before the search looks farther and farther away.
FIRST_STRIDE = 1 / 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """The network whose cost is nearest to a target.

    Attributes:
        arch: the network.
        value: its cost, in the unit of the target.
        residual: ``value / target - 1``.
        multipliers: those that ``scale`` makes ``arch`` of the base with.
    """

    arch: Arch
    value: float
    residual: float
    multipliers: Multipliers


class UnreachableError(ValueError):
    """No network of the dimension costs as little, or as much, as the target; ``nearest`` comes closest."""

    def __init__(self, message: str, nearest: Matched) -> None:
        super().__init__(message)
        self.nearest = nearest


def closed_form(arch: Arch, kind: BudgetKind, *, batch_size: int = 32) -> float:
    """The cost of ``arch`` in a budget that needs no measurement.

    Args:
        arch: the network.
        kind: ``macs`` and ``activations`` are for one image, ``params`` for the network, ``memory`` is the
            bytes of the tensors of a training step at its peak, whatever a machine's kernels take beside.
        batch_size: images in that training step; the other kinds don't depend on it.

    Raises:
        ValueError: if the kind is unknown, or is ``latency``.
    """
    _require_budget(kind)
    if kind == "memory":
        return training_bytes(arch, batch_size)
    if kind == "latency":
        raise ValueError(
            "`kind` must be macs, params, activations or memory for a closed form, got 'latency': "
            "a latency has to be measured on the machine (measure.latency)"
        )
    cost = count(arch)
    return {"macs": cost.macs, "params": cost.params, "activations": cost.activations}[kind]


def require_movable(match_by: Dimension | tuple[Dimension, ...], kind: BudgetKind) -> None:
    """Raises unless every dimension of ``match_by`` moves a cost of that kind.

    Raises:
        ValueError: if a name is unknown or comes twice, there is none, or it is resolution for params.
    """
    _require_budget(kind)
    dimensions = _dimensions(match_by)
    if kind == "params" and "resolution" in dimensions:
        raise ValueError(
            "`match_by` must be width or depth for params: they are the same at any resolution, "
            f"got {_shown(match_by)}"
        )


def match(
    base: Arch,
    coefficients: Coefficients,
    phi: float,
    rounding: Rounding,
    *,
    by: Dimension | tuple[Dimension, ...],
    target: float,
    cost: Callable[[Arch], float],
) -> Matched:
    """The network nearest in cost to ``target`` that differs from the rule's own in the dimensions ``by``.

    All other dimensions are as ``coefficients`` make them at ``phi``, rounded. Of several dimensions the
    first is solved for, then the second with the first as found, and so on: each takes up what the ones
    before, in their coarse steps, left over. Of two resolutions equally near the higher one is taken: an odd
    map costs as much as the even one above it.

    Args:
        base: the network that is scaled.
        coefficients: of the rule.
        phi: compound exponent; below 0 it shrinks the base.
        rounding: how whole layers, channels and pixels come of it.
        by: ``resolution``, ``width`` or ``depth``, or several in the order of solving.
        target: the cost to meet, in the unit of ``cost``; ``cost(base) * 2**phi`` by the rule.
        cost: above 0, and never falls as the dimensions grow (no closed form does): then no network along the
            dimension is nearer than the one found; with a measured cost, that is so but for its noise. It is
            asked about ten times for each dimension, never twice for one network.

    Raises:
        UnreachableError: if even the least of the (last) dimension costs more than the target, or the most
            that can be built costs less.
        ValueError: if a dimension doesn't change this cost, an argument is out of range, or ``phi`` makes no
            network of the other dimensions.
    """
    if not (math.isfinite(target) and target > 0):
        raise ValueError(f"`target` must be a finite number > 0, got {target}")
    *coarse, last = dimensions = _dimensions(by)
    multipliers = coefficients.at(phi)
    try:
        scale(base, replace(multipliers, **dict.fromkeys(dimensions, 1.0)), rounding)
    except ValueError as error:
        reason = str(error).replace("`", "")
        raise ValueError(f"`phi` must make a network that can be built, got {phi:g}: {reason}") from error
    search = _Search(base=base, rounding=rounding, target=target, cost=cost, known={})
    for dimension in coarse:
        try:
            multipliers = search.nearest(multipliers, dimension).multipliers
        except UnreachableError as error:
            multipliers = error.nearest.multipliers  # the next dimension may reach it yet
    return search.nearest(multipliers, last)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """The search along one dimension after another; ``known`` keeps what was asked of ``cost``."""

    base: Arch
    rounding: Rounding
    target: float
    cost: Callable[[Arch], float]
    known: dict[Arch, float]

    def nearest(self, start: Multipliers, dimension: Dimension) -> Matched:
        """The nearest to the target of all networks that differ from ``start`` in ``dimension`` alone."""
        unit, least, most = self._steps(dimension)

        def at(step: int) -> Matched:
            return self._matched(replace(start, **{dimension: step * unit}))

        asked = getattr(start, dimension) / unit
        step = min(most, max(least, round(asked)))
        ratio = self.target / at(step).value
        guess = min(most, max(least, round(step * min(ratio, most) ** (1 / EXPONENT[dimension]))))
        low, high = bracket(lambda step: at(step).value <= self.target, guess, least, most)
        if low == high:
            self._check_end(dimension, at(low), at(step))
        # An odd map costs as much as the even one above it: one step beyond may be as near.
        tried = [at(min(most, high + 1)), at(high), at(low)]
        if dimension != "resolution" and least <= asked <= most:
            # The rule's own multiplier, which need not be a whole number of steps.
            tried.insert(0, self._matched(start))
        return min(tried, key=lambda found: abs(found.residual))

    def _steps(self, dimension: Dimension) -> tuple[float, int, int]:
        """What the multiplier grows by with each step, and the least and the most steps that make sense."""
        base = self.base
        if dimension == "resolution":
            multiple, fewest = self.rounding.resolution_multiple, 1
            if isinstance(base, ArchSpec) and base.patched:  # none with less than a patch can be built
                pixels = base.total_stride * base.resolution / min(base.input_size)
                fewest = math.ceil(pixels / multiple)
            return multiple / base.resolution, fewest, max(1, MOST // multiple)
        if isinstance(base, CodeSpec):
            # How the code rounds is its own: steps of a thousandth, up to a hundred times the base.
            return 1e-3, 1, 100_000
        if dimension == "depth":
            longest = max(stage.repeats for stage in base.stages)
            steepest = max(1.0, *(stage.depth_exponent for stage in base.stages))
            least, most = 0.5 / longest, (MOST_REPEATS / longest) ** (1 / steepest)
        else:
            widest = max(
                base.stem_channels, base.head_channels, base.features, *(s.channels for s in base.stages)
            )
            divisor = self.rounding.channel_divisor
            # Rounding may add up to a divisor, which groups may widen and a bottleneck multiplies.
            added = max(
                math.lcm(divisor, s.inner_multiple) * s.channels // s.inner_channels for s in base.stages
            )
            steepest = max(1.0, *(stage.width_exponent for stage in base.stages))
            least, most = 0.5 / widest, ((MOST - added) / widest) ** (1 / steepest)
        # At the least every row rounds to what it can't go below.
        return 1 / STEPS_PER_UNIT, max(1, int(least * STEPS_PER_UNIT)), int(most * STEPS_PER_UNIT)

    def _matched(self, multipliers: Multipliers) -> Matched:
        arch = scale(self.base, multipliers, self.rounding)
        if arch not in self.known:
            self.known[arch] = self.cost(arch)
        value = self.known[arch]
        return Matched(arch=arch, value=value, residual=value / self.target - 1, multipliers=multipliers)

    def _check_end(self, dimension: Dimension, end: Matched, start: Matched) -> None:
        """Raises unless the end of a dimension, where the search stopped, meets the target exactly."""
        if end.value == start.value and end.arch != start.arch:
            raise ValueError(
                f"`match_by` must name dimensions that change the cost, got {dimension}: with "
                f"{start.arch.resolution} px and with {end.arch.resolution} px alike it is {end.value:g}; "
                "width and depth change every cost"
            )
        if end.value != self.target:
            bound, way = ("at least", "less") if end.value > self.target else ("at most", "more")
            raise UnreachableError(
                f"`target` must be {bound} {end.value:.6g} where {dimension} is matched, "
                f"got {self.target:.6g}: no network of {way} {dimension} can be built",
                end,
            )


def bracket(fits: Callable[[int], bool], guess: int, least: int, most: int) -> tuple[int, int]:
    """Two neighbours, the lower of which fits and the upper doesn't; an end twice where there are none.

    ``fits`` is true up to some number and false beyond; the search starts at ``guess``.
    """
    stride = max(1, int(guess * FIRST_STRIDE))
    low = high = guess
    if fits(guess):
        while fits(high):
            if high == most:
                return most, most
            low, high, stride = high, min(most, high + stride), 2 * stride
    else:
        while not fits(low):
            if low == least:
                return least, least
            low, high, stride = max(least, low - stride), low, 2 * stride
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low, high


def _dimensions(by: Dimension | tuple[Dimension, ...]) -> tuple[Dimension, ...]:
    dimensions = (by,) if isinstance(by, str) else tuple(by)
    known = get_args(Dimension)
    if not dimensions or len(set(dimensions)) < len(dimensions) or not set(dimensions) <= set(known):
        raise ValueError(
            f"`match_by` must be one or more of {', '.join(known)}, each once, got {_shown(by) or 'none'}"
        )
    return dimensions


def _shown(by: Dimension | tuple[Dimension, ...]) -> str:
    return by if isinstance(by, str) else ",".join(by)


def _require_budget(kind: str) -> None:
    if kind not in BUDGETS:
        raise ValueError(f"`kind` must be one of {', '.join(BUDGETS)}, got {kind!r}")
