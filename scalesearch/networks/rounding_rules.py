"""What multipliers cost under each documented way of making whole layers, channels and pixels of them.

A published figure says seldom how its network was rounded: these are the ways that it may have been.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from scalesearch.networks.cost import count, count_blocks
from scalesearch.networks.layers import Block, Conv, Layer, SqueezeExcite, lower
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import ArchSpec, Rounding
from scalesearch.scaling import Multipliers

OFFICIAL = "official"
UNROUNDED = "nothing rounded"
INNER_WIDTH = "inner width only"

# What each part of a rounding may be, the official one first; what another is called, and what that means.
REPEATS = (
    ("ceil", "", ""),
    ("round", "repeats rounded", "repeats to the nearest whole number"),
    ("floor", "repeats floored", "repeats rounded down"),
)
CHANNELS = ((8, 0.9, "", ""), (1, 0.0, "channels to 1", "channels to the nearest whole number"))
PIXELS = ((1, "", ""), (32, "input to 32 px", "input to a multiple of 32 px, which all strides divide"))


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCost:
    """Multiply-adds of multipliers under the rounding that is called ``rule``."""

    rule: str
    macs: float


def _roundings() -> dict[str, Rounding]:
    """Every rounding by name, the official one first, then the ones that differ from it in one part."""
    found = []
    for (repeats, a, _), (divisor, kept, b, _), (multiple, c, _) in product(REPEATS, CHANNELS, PIXELS):
        parts = [part for part in (a, b, c) if part]
        rounding = Rounding(
            channel_divisor=divisor,
            min_kept_fraction=kept,
            repeats_rule=repeats,  # type: ignore[arg-type]  # one of the literals above
            resolution_multiple=multiple,
        )
        found.append((len(parts), ", ".join(parts) or OFFICIAL, rounding))
    return {name: rounding for _, name, rounding in sorted(found, key=lambda item: item[0])}


def rule_meanings() -> dict[str, str]:
    """What each part of a rule's name means."""
    return {
        OFFICIAL: "repeats rounded up, channels to a multiple of 8 (one more where 10% would be lost), "
        "input to the pixel",
        **{name: means for *_, name, means in (*REPEATS, *CHANNELS, *PIXELS) if name},
        INNER_WIDTH: "width multiplies the channels inside a bottleneck alone, as in wide ResNets "
        "(arXiv 1605.07146)",
        UNROUNDED: "nothing is rounded: d x w^2 x r^2 times the exact baseline",
    }


def costs_by_rule(base: ArchSpec, multipliers: Multipliers) -> tuple[RuleCost, ...]:
    """The cost of ``base`` so scaled under every rule that it has, the official one first."""
    costs = [
        RuleCost(rule=name, macs=count(scale(base, multipliers, rounding)).macs)
        for name, rounding in _roundings().items()
    ]
    if any(stage.block == "bottleneck" for stage in base.stages):
        wide = count_blocks(_inner_width(base, multipliers))
        costs.append(RuleCost(rule=INNER_WIDTH, macs=wide.macs))
    return (*costs, RuleCost(rule=UNROUNDED, macs=multipliers.nominal_ratio * count(base).macs))


def _inner_width(base: ArchSpec, multipliers: Multipliers) -> Iterator[Block]:
    """The lowered blocks of ``base`` with width applied inside its bottlenecks alone."""
    rounding = Rounding()
    narrow = scale(base, replace(multipliers, width=1.0), rounding)
    stages = {f"stage{number}": stage for number, stage in enumerate(narrow.stages, start=1)}
    for block in lower(narrow):
        stage = stages.get(block.row)
        if stage is None or stage.block != "bottleneck":
            yield block
            continue
        reduce, middle, *gates, restore = block.layers
        assert isinstance(reduce, Conv)
        assert isinstance(middle, Conv)
        assert isinstance(restore, Conv)
        inner = rounding.channels(
            reduce.out_channels, stage.width_multiplier(multipliers.width), groups=stage.inner_multiple
        )
        groups = inner // stage.group_width if stage.group_width else stage.groups
        squeezed = stage.bottleneck_of_gate(reduce.in_channels, inner)
        layers: tuple[Layer, ...] = (
            replace(reduce, out_channels=inner),
            replace(middle, in_channels=inner, out_channels=inner, groups=groups),
            *(replace(g, channels=inner, squeezed=squeezed) for g in gates if isinstance(g, SqueezeExcite)),
            replace(restore, in_channels=inner),
        )
        yield replace(block, layers=layers)
