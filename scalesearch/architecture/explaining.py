"""Where a scaled network's cost comes from: what the rule asked of each row, what whole numbers made of it.

The rule (arXiv 1905.11946, equation 3) promises ``d * w**2 * r**2`` times the cost. A network that could have
3.6 blocks, 33.6 channels and maps of 47.5 pixels would cost nearly that: nearly, as not every layer grows so.
Each rounding then adds its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import NamedTuple

from scalesearch.architecture.code_spec import CodeSpec
from scalesearch.architecture.cost import count
from scalesearch.architecture.exact_costs import ExactCosts
from scalesearch.architecture.layers import Size, lower
from scalesearch.architecture.rows import rows
from scalesearch.architecture.scaled import scale
from scalesearch.architecture.spec import Arch, ArchSpec, Rounding, StageSpec
from scalesearch.scaling import Coefficients, Multipliers, implied_phi

__all__ = ["Explanation", "Part", "RowNote", "explain"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowNote:
    """What the rule asked of one row of the table (``_exact``) and what was built.

    Attributes:
        name: ``stem``, ``stage1`` and so on, ``head``.
        depth_power: the power to which the depth multiplier works on the row's blocks; 0 where it does not.
        width_power: the same of the width multiplier and the row's channels.
        repeats_base: blocks of the baseline's row; 1 for stem and head.
        repeats_exact: blocks by the rule.
        repeats: blocks as built.
        channels_base: the baseline's channels.
        channels_exact: channels by the rule; the baseline's where width leaves them alone.
        channels: channels as built.
        stepped_up: whether they are a step above the nearest multiple, which would keep too few.
        map_exact: (height, width) in pixels of the map it gives, by the rule.
        map: the same as built.
        macs: multiply-adds as built.
        macs_exact: multiply-adds of the row that the rule asked for.
        by_repeats: what rounding the repeats, and nothing else, multiplies ``macs_exact`` by.
        by_channels: the same of the channels, those it reads included.
        by_maps: the same of the input and of the maps after each stride.
    """

    name: str
    depth_power: float
    width_power: float
    repeats_base: int
    repeats_exact: float
    repeats: int
    channels_base: int
    channels_exact: float
    channels: int
    stepped_up: bool
    map_exact: tuple[float, float]
    map: Size
    macs: int
    macs_exact: float
    by_repeats: float
    by_channels: float
    by_maps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One reason why the realised ratio is not the nominal one, and what it multiplies the cost by."""

    name: str
    says: str
    factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A network as scaled from a baseline.

    ``rows`` and ``parts`` are empty for a user's own code, whose insides nobody knows. The factors of the
    parts multiply to the realised ratio over the nominal one.
    """

    base: Arch
    arch: Arch
    multipliers: Multipliers
    coefficients: Coefficients
    rows: tuple[RowNote, ...] = ()
    parts: tuple[Part, ...] = ()

    @property
    def implied_phis(self) -> Mapping[str, float | None]:
        """The phi that each dimension's multiplier implies by the coefficients; None where none does."""
        pairs = {
            "depth": (self.multipliers.depth, self.coefficients.alpha),
            "width": (self.multipliers.width, self.coefficients.beta),
            "resolution": (self.multipliers.resolution, self.coefficients.gamma),
        }
        return {name: implied_phi(*pair) for name, pair in pairs.items()}

    @property
    def by_stage(self) -> bool:
        """Whether depth or width works more strongly on some stages than on others."""
        return isinstance(self.base, ArchSpec) and any(stage.has_exponents for stage in self.base.stages)

    @property
    def nominal_ratio(self) -> float:
        """What the rule says the baseline's multiply-adds are multiplied by."""
        return self.multipliers.nominal_ratio

    @property
    def realised_ratio(self) -> float:
        """What they really are."""
        return count(self.arch).macs / count(self.base).macs


def explain(
    base: Arch,
    multipliers: Multipliers,
    rounding: Rounding,
    coefficients: Coefficients,
    *,
    resolution: int | None = None,
    name: str = "",
) -> Explanation:
    """Why the network that ``multipliers`` make of ``base`` costs what it does.

    Args:
        base: the baseline.
        multipliers: times as deep, wide and sharp.
        rounding: how whole layers, channels and pixels come of it.
        coefficients: by which the multipliers imply a phi.
        resolution: the exact side of a square input in pixels, where it is known.
        name: what the network is called; like its baseline if empty.

    Raises:
        ValueError: if no such network can be built.
    """
    arch = replace(scale(base, multipliers, rounding, resolution=resolution), name=name or base.name)
    whole = Explanation(base=base, arch=arch, multipliers=multipliers, coefficients=coefficients)
    if isinstance(base, CodeSpec) or isinstance(arch, CodeSpec):
        return whole
    costs = ExactCosts(base, arch, multipliers)
    costed = _Costed(
        exact=costs.rows(zoom=costs.zoom),
        repeats=costs.rows(zoom=costs.zoom, repeats=True),
        channels=costs.rows(zoom=costs.zoom, channels=True),
        input=costs.rows(zoom=prod(arch.input_size) / prod(base.input_size)),
        maps=costs.rows(zoom=None),
    )
    return replace(
        whole,
        rows=_notes(base, arch, multipliers, rounding, costs, costed),
        parts=_parts(base, arch, multipliers, costed),
    )


class _Costed(NamedTuple):
    """Multiply-adds of each row: by the rule, and with one thing rounded."""

    exact: Mapping[str, float]
    repeats: Mapping[str, float]
    channels: Mapping[str, float]
    input: Mapping[str, float]
    maps: Mapping[str, float]


def _notes(
    base: ArchSpec,
    arch: ArchSpec,
    multipliers: Multipliers,
    rounding: Rounding,
    costs: ExactCosts,
    costed: _Costed,
) -> tuple[RowNote, ...]:
    # Without the share that has to be kept, channels go to the nearest multiple whatever it is.
    nearest = scale(base, multipliers, replace(rounding, min_kept_fraction=0.0))
    exact = costed.exact
    stages = {f"stage{number}": stage for number, stage in enumerate(base.stages, start=1)}
    tables = zip(
        rows(base), rows(arch), rows(nearest), rows(costs.exact), _maps(base), _maps(arch), strict=True
    )
    return tuple(
        RowNote(
            name=built.name,
            depth_power=stages[built.name].depth_power if built.name in stages else 0.0,
            width_power=stages[built.name].width_power if built.name in stages else 0.0,
            repeats_base=before.repeats,
            repeats_exact=costs.repeats_exact.get(built.name, 1.0),
            repeats=built.repeats,
            channels_base=before.channels,
            channels_exact=(
                before.channels
                if asked.channels == before.channels * costs.enlarged
                else before.channels * _wider(stages.get(built.name), multipliers.width)
            ),
            channels=built.channels,
            stepped_up=built.channels > unkept.channels,
            map_exact=(size_before[0] * multipliers.resolution, size_before[1] * multipliers.resolution),
            map=size,
            macs=built.macs,
            macs_exact=exact[built.name],
            by_repeats=costed.repeats[built.name] / exact[built.name],
            by_channels=costed.channels[built.name] / exact[built.name],
            by_maps=costed.maps[built.name] / exact[built.name],
        )
        for before, built, unkept, asked, size_before, size in tables
    )


def _wider(stage: StageSpec | None, width: float) -> float:
    """What width multiplies the channels of a stage by, or those of stem or head."""
    return width if stage is None else stage.width_multiplier(width)


def _parts(base: ArchSpec, arch: ArchSpec, multipliers: Multipliers, costed: _Costed) -> tuple[Part, ...]:
    exact, repeats, channels, whole_input, maps = (sum(row.values()) for row in costed)
    before = count(base).macs
    parts = [
        Part(
            name="the rule itself",
            says="not every layer grows as d w^2 r^2: depthwise, squeeze-and-excite, stem, classifier, what "
            "the table holds fixed",
            factor=exact / before / multipliers.nominal_ratio,
        ),
        Part(name="repeats", says="whole blocks in each stage", factor=repeats / exact),
        Part(name="channels", says="whole multiples in each row", factor=channels / exact),
        Part(name="input", says="whole pixels of the input", factor=whole_input / exact),
        Part(
            name="feature maps",
            says="a stride rounds an odd map up",
            factor=maps / whole_input,
        ),
    ]
    realised = count(arch).macs / before / multipliers.nominal_ratio
    rest = realised / math.prod(part.factor for part in parts)
    return (*parts, Part(name="together", says="the roundings act on each other", factor=rest))


def _maps(arch: ArchSpec) -> list[Size]:
    """The map that each row gives: the head the one it pools."""
    found: dict[str, Size] = {}
    for block in lower(arch):
        for layer in block.layers:
            size = getattr(layer, "out_size", None) or getattr(layer, "size", None)
            if size is not None:
                found[block.row] = size
    return list(found.values())
