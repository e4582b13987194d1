"""Equal cost in the asked shares: the network that spends a budget as its coefficients say.

``match`` solves for one dimension after another and leaves the others as they were rounded. With repeats
rounded up, 16 blocks of EfficientNet-B0 become 23 for every alpha from 1 to 1.25, half a doubling of the
cost, and what was asked of width and resolution pays for it. Here all three are solved for together. Depth
may be had in almost any amount, by choosing *which* stages get the extra block; the pixels are those nearest
to their share; and the width takes up what whole blocks and pixels leave of the cost.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import product

from scalesearch.architecture.cost import count, macs_of
from scalesearch.architecture.layers import runs
from scalesearch.architecture.match import bracket
from scalesearch.architecture.scaled import scale
from scalesearch.architecture.shape import Shape, shape_of, with_repeats
from scalesearch.architecture.spec import MOST_REPEATS, ArchSpec, Rounding
from scalesearch.scaling import NOMINAL_BASE, Coefficients, Multipliers, shares_of

__all__ = ["MOST_COST_OFF", "MOST_POINTS_OFF", "InShares", "ShareMatcher"]

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
