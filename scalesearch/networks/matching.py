"""Networks of a wanted cost, and of wanted shares of depth, width and resolution."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import product
from typing import Literal, get_args

from scalesearch.networks.cost import count, macs_of, training_bytes
from scalesearch.networks.layers import runs
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import (
    MOST,
    MOST_REPEATS,
    Arch,
    ArchSpec,
    CodeSpec,
    Cost,
    RefusedError,
    Rounding,
)
from scalesearch.scaling import NOMINAL_BASE, Coefficients, Multipliers, shares_of
from scalesearch.text import bare, size_text

# ----------------------------------------------------------------------------------------------------
# Which networks a user's own code refuses to be: those are not trained, the others are.
#
# Code may take images of some sizes alone, such as a transformer with an embedding for each place, or
# layers of some widths alone.

MULTIPLES = (2, 4, 7, 8, 14, 16, 28, 32)
"""Of how many pixels a side often has to be a multiple."""
SIDES_TRIED = 4


def refusal(arch: Arch) -> str:
    """Why a user's own code can't be run as this network; empty where it can."""
    try:
        count(arch)
    except RefusedError as error:
        return reason(error)
    return ""


def reason(error: RefusedError) -> str:
    """A refusal as the reason of a network that is not trained."""
    return f"refused: {str(error).replace('`', '')}"


def cost_if_taken(arch: Arch) -> Cost | None:
    """What a network costs; None where a user's own code refuses to be it."""
    with suppress(RefusedError):
        return count(arch)
    return None


def require_base(base: Arch, full: Arch) -> None:
    """Refuses a proxy baseline that the user's code itself refuses to be.

    Raises:
        RefusedError: if it does; it names a size that would do, where the full network has one.
    """
    try:
        count(base)
    except RefusedError as error:
        other = replace(base, resolution=full.resolution, resolution_width=full.resolution_width)
        if other.input_size == base.input_size or refusal(other):
            raise
        raise RefusedError(
            f"{error}; --baseline-resolution {size_text(full.input_size)} is a size that it takes"
        ) from None


def none_left(first: str, way: str) -> RefusedError:
    """The error where a user's own code refuses to be any network of a plan: why, and what would do."""
    why = first.removeprefix("refused: baseline must build a network ")
    return RefusedError(f"`baseline` must build some network of the plan, the first one {why}{way}")


def skipping(number: int, target: str, way: str) -> str:
    """The sentence that says that networks are left out."""
    several = "s are skipped that" if number > 1 else " is skipped that"
    return f"{number:,} network{several} {target} refuses to be; the tables have the reasons{way}."


def way_out(base: Arch, refused: Iterable[Arch], otherwise: str) -> str:
    """What would do where networks of other sizes than the baseline's are refused, as the end of a sentence.

    Args:
        base: the proxy baseline.
        refused: the networks.
        otherwise: what would do where no size but the baseline's own does.
    """
    sides = sorted({arch.resolution for arch in refused if arch.input_size != base.input_size})
    if not sides or not base.code:
        return ""
    some = sides[:: max(1, len(sides) // SIDES_TRIED)]
    for multiple in MULTIPLES:
        coarse = Rounding(resolution_multiple=multiple)
        nearest = {scale(base, Multipliers(resolution=side / base.resolution), coarse) for side in some}
        if nearest != {base} and not any(map(refusal, nearest)):
            return f"; --resolution-multiple {multiple} keeps to sizes that it takes"
    return f"; {otherwise}"


# ----------------------------------------------------------------------------------------------------
# How a network's growth is shared out between depth, width and resolution, as it was built.
#
# Coefficients say what is asked; after whole blocks, channels and pixels something else may have been
# built. With ``C`` the multiply-adds of a network and ``C0`` those of its baseline, the growth in doublings
# is ``T = log2(C / C0)``. Depth has ``D = log2`` of the cost when the repeats alone are the network's,
# resolution ``R = log2`` of the pixels, both over the baseline's, and width has what is left, ``W = T - D -
# R``.


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How often each dimension of a network doubles the cost of its baseline.

    Attributes:
        depth: doublings of the cost by more (below 0: by fewer) blocks alone.
        width: those that are left to width: all of the growth but depth's and resolution's.
        resolution: doublings of the pixels.
    """

    depth: float
    width: float
    resolution: float

    @property
    def total(self) -> float:
        """Doublings of the cost by all three."""
        return self.depth + self.width + self.resolution

    @property
    def shares(self) -> tuple[float, float, float]:
        """The parts of depth, width and resolution in the total; they add up to 1, and may be below 0.

        Raises:
            ValueError: if the network costs what its baseline does: nothing grew that could be shared.
        """
        if self.total == 0:
            raise ValueError("`shape` must be of a network that costs more or less than its baseline, got 0")
        return self.depth / self.total, self.width / self.total, self.resolution / self.total


def shape_of(arch: Arch, base: Arch) -> Shape:
    """How the growth of ``base`` to ``arch``, a network of its family, is shared out as built.

    Of a user's own code, whose blocks nobody knows, the cost of depth is that of the network which the code
    builds when depth alone is asked for.

    Raises:
        RefusedError: if a user's own code refuses to be one of the three networks that are counted.
        ValueError: if the networks are not of one family.
    """
    cost = count(base).macs
    depth = math.log2(count(deepened(base, arch)).macs / cost)
    resolution = math.log2(math.prod(arch.input_size) / math.prod(base.input_size))
    total = math.log2(count(arch).macs / cost)
    return Shape(depth=depth, width=total - depth - resolution, resolution=resolution)


def deepened(base: Arch, arch: Arch) -> Arch:
    """``base`` with as many blocks in each stage as ``arch`` has, its channels and pixels as they are.

    Raises:
        ValueError: if they are not of one family.
    """
    if isinstance(base, CodeSpec) and isinstance(arch, CodeSpec) and base.target == arch.target:
        return scale(base, Multipliers(depth=arch.depth / base.depth), Rounding())
    if (
        isinstance(base, ArchSpec)
        and isinstance(arch, ArchSpec)
        and [stage.block for stage in base.stages] == [stage.block for stage in arch.stages]
    ):
        return with_repeats(base, [stage.repeats for stage in arch.stages])
    raise ValueError(
        f"`arch` must be of the baseline's family, {base.name}: the same code, or stages of the same blocks, "
        f"got {arch.name}"
    )


def with_repeats(arch: ArchSpec, repeats: Sequence[int]) -> ArchSpec:
    """The network with so many blocks in each stage."""
    stages = zip(arch.stages, repeats, strict=True)
    return replace(arch, stages=tuple(replace(stage, repeats=number) for stage, number in stages))


# ----------------------------------------------------------------------------------------------------
# Equal cost: the network that spends a budget as exactly as whole layers, channels and pixels allow.
#
# The rule ``alpha * beta**2 * gamma**2 = 2`` (arXiv 1905.11946, equation 3) holds before rounding. After it
# candidates of one rule differ in cost by a factor of two, and the dearest may win by its cost alone. So
# one dimension, or several in turn, are solved for: the others stay as the coefficients and the rounding
# make them. Resolution alone is coarse: past a multiple of 32 px all maps of a network with five strides of
# 2 grow at once, so that EfficientNet-B0 costs 17% more at 225 px than at 224 and 62% more at 65 than at
# 64. Width can take up what that leaves.

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
            "a latency has to be measured on the machine"
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
        raise ValueError(
            f"`phi` must make a network that can be built, got {phi:g}: {bare(error)}"
        ) from error
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
            if base.patched:  # none with less than a patch can be built
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


# ----------------------------------------------------------------------------------------------------
# Equal cost in the asked shares: the network that spends a budget as its coefficients say.
#
# ``match`` solves for one dimension after another and leaves the others as they were rounded. With repeats
# rounded up, 16 blocks of EfficientNet-B0 become 23 for every alpha from 1 to 1.25, half a doubling of the
# cost, and what was asked of width and resolution pays for it. Here all three are solved for together.
# Depth may be had in almost any amount, by choosing *which* stages get the extra block; the pixels are
# those nearest to their share; and the width takes up what whole blocks and pixels leave of the cost.

MOST_POINTS_OFF = 0.05
"""A network whose shares are all within this of those asked is built as asked."""
MOST_COST_OFF = 0.02
"""And so is its cost, relative to the target."""

# Networks are looked for so near to the asked shares first, and farther away where none is near.
REACHES = (0.06, 0.15, 0.4, 1.0)
# Depths, and sizes in pixels, that are tried in each reach.
DEPTHS, SIZES = 9, 24
# Widths are tried in steps of which the widest row gains half a channel.
STEPS_PER_CHANNEL = 2
WIDEST = 1000
# Depths are told apart by so many parts of the growth.
DEPTH_PARTS = 200
# Choices of stages whose depths are so near, in doublings, are as good: the one that spreads evenly is taken.
SAME_DEPTH = 0.004
# To find parts of blocks to a millionth.
HALVINGS = 30
# So many choices of stages are compared for a depth.
MOST_CHOICES = 1024

Repeats = tuple[int, ...]
"""The blocks of each stage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InShares:
    """The network whose shares are nearest to those of its coefficients, at their cost.

    Attributes:
        arch: the network.
        multipliers: its width and resolution by the rule; as depth, its blocks over the baseline's.
        residual: its multiply-adds over the target, less 1.
        shape: how its growth is shared out.
        points_off: what the farthest of its three shares is off by, as a fraction.
    """

    arch: ArchSpec
    multipliers: Multipliers
    residual: float
    shape: Shape
    points_off: float

    @property
    def missed(self) -> str:
        """What is farther off than it may be, in words; empty where nothing is."""
        parts = []
        if self.points_off > MOST_POINTS_OFF:
            parts.append(f"{100 * self.points_off:.1f} points of share")
        if abs(self.residual) > MOST_COST_OFF:
            parts.append(f"{100 * self.residual:+.1f}% of cost")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class _Size:
    """A size of the input: doublings of the baseline's pixels, and the multiplier of its sides."""

    doublings: float
    multiplier: float


@dataclass(frozen=True, slots=True)
class _Macs:
    """Multiply-adds of networks of one width and size: with one block a stage, and of each block more."""

    least: int
    more: tuple[int, ...]

    def of(self, repeats: Sequence[float]) -> float:
        return self.least + sum(m * (n - 1) for m, n in zip(self.more, repeats, strict=True))


@lru_cache(maxsize=64)
def _of_two(base: ArchSpec) -> ArchSpec:
    """The baseline with two blocks in each stage: the first of a stage, and one of those that repeat."""
    return with_repeats(base, (2,) * len(base.stages))


@dataclass(frozen=True, slots=True)
class ShareMatcher:
    """Finds networks of one baseline; what it has counted is kept for the next one.

    Attributes:
        base: the network that is scaled.
        rounding: how whole channels and pixels come of a multiplier; its rule for repeats is not used.
    """

    base: ArchSpec
    rounding: Rounding
    _counted: dict[tuple[int, float], _Macs] = field(default_factory=dict, compare=False, repr=False)
    _deepened: dict[float, Repeats] = field(default_factory=dict, compare=False, repr=False)

    def nearest(self, coefficients: Coefficients, phi: float) -> InShares:
        """The network nearest in its shares to ``coefficients`` of those that cost ``2**phi`` baselines.

        Nearness is the largest of the three shares' deviations. Costs within 2% are as good as another; where
        no network is so near, the one nearest in cost is taken. Where ``phi`` is above 0 no stage has fewer
        blocks than the baseline's, nor fewer channels, and the input no fewer pixels; below 0 none has more.

        Args:
            coefficients: those of the rule; their shares are what is asked for.
            phi: compound exponent, not 0.

        Raises:
            ValueError: if ``phi`` is 0, or the coefficients are all 1.
        """
        if phi == 0:
            raise ValueError("`phi` must be another than 0, whose network is the baseline, got 0")
        shares = shares_of(coefficients)
        asked = Shape(depth=phi * shares.depth, width=phi * shares.width, resolution=phi * shares.resolution)
        best: _Try | None = None
        for reach in REACHES:
            for least_off, repeats, size in self._places(asked, reach * abs(phi)):
                if best is not None and best.excess == 0 and least_off > best.points_off:
                    break  # whatever the width, neither this place nor a later one is nearer
                for found in self._tries(asked, repeats, size):
                    if best is None or found.rank < best.rank:
                        best = found
            # Nothing farther away is nearer.
            if best is not None and best.excess == 0 and best.points_off <= reach:
                break
        assert best is not None  # the baseline's own depth, width and size are always tried
        return self._built(best, phi)

    def _built(self, best: _Try, phi: float) -> InShares:
        multipliers = Multipliers(width=best.width / self._unit, resolution=best.resolution)
        arch = with_repeats(scale(self.base, multipliers, self.rounding), best.repeats)
        scaled = [
            (stage.repeats, own.repeats)
            for stage, own in zip(arch.stages, self.base.stages, strict=True)
            if own.scaled_repeats
        ]
        blocks, before = map(sum, zip(*scaled, strict=True)) if scaled else (1, 1)
        return InShares(
            arch=arch,
            multipliers=replace(multipliers, depth=blocks / before),
            residual=count(arch).macs / (count(self.base).macs * NOMINAL_BASE**phi) - 1,
            shape=shape_of(arch, self.base),
            points_off=best.points_off,
        )

    def _places(self, asked: Shape, reach: float) -> list[tuple[float, Repeats, _Size]]:
        """Depths and sizes within ``reach``, in doublings, the nearest to what is asked first.

        Each has what its shares are off by at the least, whatever width takes up the cost.
        """
        cost, grows = count(self.base).macs, asked.total > 0
        offsets = [reach * (2 * k / (DEPTHS - 1) - 1) for k in range(DEPTHS)]
        part = asked.total / DEPTH_PARTS
        depths = dict.fromkeys(
            self._repeats(part * round((asked.depth + off) / part), grows) for off in offsets
        )
        base = self._macs(self._unit, 1.0)
        # The total may be off by what the cost may: so much moves a share of 1.
        slack = math.log2(1 + MOST_COST_OFF) / abs(asked.total)
        places = []
        for repeats, size in product(depths, self._sizes(asked.resolution, reach, grows)):
            depth_off = math.log2(base.of(repeats) / cost) - asked.depth
            size_off = size.doublings - asked.resolution
            off = max(abs(depth_off), abs(size_off), abs(depth_off + size_off)) / abs(asked.total)
            places.append((off / (1 + slack) - slack, repeats, size))
        return sorted(places)

    def _tries(self, asked: Shape, repeats: Repeats, size: _Size) -> Iterator[_Try]:
        """The networks of a depth and a size whose widths spend the rest of the cost."""
        cost = count(self.base).macs
        target = cost * NOMINAL_BASE**asked.total
        depth = math.log2(self._macs(self._unit, 1.0).of(repeats) / cost)
        for width in self._widths(repeats, size.multiplier, target, grows=asked.total > 0):
            macs = self._macs(width, size.multiplier).of(repeats)
            rest = math.log2(macs / cost) - depth - size.doublings
            shape = Shape(depth=depth, width=rest, resolution=size.doublings)
            yield _Try.of(shape, asked, macs / target - 1, repeats, width, size.multiplier)

    @property
    def _unit(self) -> int:
        """The width that the baseline has, in steps."""
        base = self.base
        rows = (base.stem_channels, base.head_channels, *(stage.channels for stage in base.stages))
        return STEPS_PER_CHANNEL * max(rows)

    def _repeats(self, depth: float, grows: bool) -> Repeats:
        """The blocks of each stage that have this depth alone, in doublings, as nearly as can be.

        Of choices as near, the one whose stages are most evenly deepened.
        """
        if depth not in self._deepened:
            self._deepened[depth] = self._nearest_repeats(count(self.base).macs * 2**depth, grows)
        return self._deepened[depth]

    def _nearest_repeats(self, wanted: float, grows: bool) -> Repeats:
        """The blocks of each stage that cost what is wanted, nearly, at the baseline's width and size."""
        base = self._macs(self._unit, 1.0)
        before = [stage.repeats for stage in self.base.stages]
        free = [stage.scaled_repeats for stage in self.base.stages]

        def deepened(multiplier: float) -> list[float]:
            """So many times as deep, in parts of blocks; no stage beyond where it may go."""
            return [
                n if not scaled else max(n, n * multiplier) if grows else min(n, max(1.0, n * multiplier))
                for n, scaled in zip(before, free, strict=True)
            ]

        # Of what whole blocks can be, the nearest lie around those parts of blocks that have the very cost.
        low, high = (1.0, 2.0) if grows else (0.0, 1.0)
        while (
            grows and any(free) and base.of(deepened(high)) < wanted and 2 * high * max(before) < MOST_REPEATS
        ):
            high *= 2
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if base.of(deepened(middle)) < wanted else (low, middle)
        parts = [round(n, 6) for n in deepened(high)]
        options = [
            {math.floor(n), math.ceil(n)} if scaled else {own}
            for n, scaled, own in zip(parts, free, before, strict=True)
        ]
        # A block less or more than that in a stage where there are few stages to choose among.
        wider = [
            {n + k for n in some for k in (-1, 0, 1) if (n + k >= own if grows else 1 <= n + k <= own)}
            if scaled
            else some
            for some, scaled, own in zip(options, free, before, strict=True)
        ]
        if math.prod(map(len, wider)) <= MOST_CHOICES:
            options = wider
        # Of very many stages those that are cheapest to deepen are just rounded.
        for index in sorted(range(len(options)), key=lambda index: base.more[index]):
            if math.prod(map(len, options)) > MOST_CHOICES:
                options[index] = {math.floor(parts[index] + 0.5)}
        # Multiply-adds, unevenness and the blocks of each stage, of every choice.
        choices: list[tuple[float, float, Repeats]] = [(base.least, 0.0, ())]
        for some, more, part, own in zip(options, base.more, parts, before, strict=True):
            stage = [(more * (n - 1), ((n - part) / own) ** 2, n) for n in sorted(some)]
            choices = [
                (macs + added, uneven + further, (*repeats, n))
                for macs, uneven, repeats in choices
                for added, further, n in stage
            ]
        ratio = min(max(macs / wanted, wanted / macs) for macs, _, _ in choices) * 2**SAME_DEPTH
        return min((uneven, n) for macs, uneven, n in choices if max(macs / wanted, wanted / macs) <= ratio)[
            1
        ]

    def _sizes(self, asked: float, reach: float, grows: bool) -> list[_Size]:
        """The sizes within reach of the asked one, in doublings of the pixels, and the two nearest at least.

        A spread of them where there are many.
        """
        sides = self.base.input_size
        step = self.rounding.resolution_multiple / max(sides)
        first = max(1, math.floor(2 ** ((asked - reach) / 2) / step))
        last = max(first + 1, math.ceil(2 ** ((asked + reach) / 2) / step))
        every = [self._size(steps * step) for steps in range(first, last + 1)]
        allowed = [
            size
            for size in every
            if (size.doublings >= 0 if grows else size.doublings <= 0) and self._can_be(size)
        ]
        near = [size for size in allowed if abs(size.doublings - asked) <= reach]
        if len(near) > SIZES:
            near = [near[round(k * (len(near) - 1) / (SIZES - 1))] for k in range(SIZES)]
        nearest = sorted(allowed, key=lambda size: abs(size.doublings - asked))[:2]
        return list(dict.fromkeys((*near, *nearest))) or [self._size(1.0)]

    def _can_be(self, size: _Size) -> bool:
        """Whether the network can be built for that size: patches that aren't padded leave some nothing."""
        try:
            self._macs(self._unit, size.multiplier)
        except ValueError:
            return False
        return True

    def _size(self, multiplier: float) -> _Size:
        sides = self.base.input_size
        scaled = math.prod(self.rounding.resolution(side, multiplier) for side in sides)
        return _Size(doublings=math.log2(scaled / math.prod(sides)), multiplier=multiplier)

    def _widths(self, repeats: Repeats, resolution: float, target: float, *, grows: bool) -> tuple[int, ...]:
        """The widths, in steps, on either side of the target; the end of the range where it lies beyond."""

        def fits(width: int) -> bool:
            return self._macs(width, resolution).of(repeats) <= target

        least, most = (self._unit, WIDEST * self._unit) if grows else (1, self._unit)
        ratio = target / self._macs(self._unit, resolution).of(repeats)
        guess = min(most, max(least, round(self._unit * math.sqrt(ratio))))
        return tuple(dict.fromkeys(bracket(fits, guess, least, most)))

    def _macs(self, width: int, resolution: float) -> _Macs:
        """What networks of a width, in steps, and a multiplier of the resolution cost."""
        if (width, resolution) not in self._counted:
            multipliers = Multipliers(width=width / self._unit, resolution=resolution)
            two = scale(_of_two(self.base), multipliers, self.rounding)
            whole, more = 0, dict.fromkeys((f"stage{n}" for n in range(1, len(two.stages) + 1)), 0)
            for run in runs(two):
                layers = run.layers if run.shortcut is None else (*run.layers, run.shortcut)
                macs = macs_of(layers)
                whole += run.times * macs
                if run.name in more:
                    more[run.name] = macs  # the last blocks of a stage are those that repeat
            self._counted[width, resolution] = _Macs(whole - sum(more.values()), tuple(more.values()))
        return self._counted[width, resolution]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Try:
    """A network that was tried: how far off it is, and what makes it."""

    points_off: float
    residual: float
    repeats: Repeats
    width: int
    resolution: float

    @classmethod
    def of(
        cls, shape: Shape, asked: Shape, residual: float, repeats: Repeats, width: int, resolution: float
    ) -> _Try:
        off = math.inf
        if shape.total * asked.total > 0:
            off = max(abs(a - b) for a, b in zip(shape.shares, asked.shares, strict=True))
        return cls(points_off=off, residual=residual, repeats=repeats, width=width, resolution=resolution)

    @property
    def excess(self) -> float:
        """What the cost is farther off than it may be."""
        return max(0.0, abs(self.residual) - MOST_COST_OFF)

    @property
    def rank(self) -> tuple[float, float, float, Repeats, int]:
        """The least is the best; the last parts make the choice the same on any machine."""
        return self.excess, self.points_off, abs(self.residual), self.repeats, self.width
