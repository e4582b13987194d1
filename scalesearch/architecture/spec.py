"""What a network is, as frozen data: the rows of its paper's table, and how they are scaled.

``scale`` is a free function from a base spec to a new one; the base is never changed. What a family holds
fixed when it is scaled stands in its table; every rounding rule that turns real multipliers into whole layers
and channels is in a :class:`Rounding`, which travels with every record.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Literal, TypeVar

from scalesearch.architecture.checks import (
    MOST,
    MOST_REPEATS,
    require_bool,
    require_choice,
    require_counts,
    require_odd,
    set_share,
)
from scalesearch.architecture.code_spec import CodeSpec
from scalesearch.architecture.rounding import RepeatsRule, Rounding
from scalesearch.architecture.stage import LATER, BlockKind, StageSpec, plain
from scalesearch.scaling import Coefficients, Multipliers

__all__ = [
    "MOST",
    "MOST_REPEATS",
    "Activation",
    "Arch",
    "ArchSpec",
    "BlockKind",
    "RepeatsRule",
    "Rounding",
    "StageSpec",
    "WidthRule",
    "arch_from_dict",
    "compound",
    "reduce",
    "scale",
    "without_drop_path",
]

Activation = Literal["silu", "relu", "relu6"]
WidthRule = Literal["scaled", "grown", "fixed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchSpec:
    """A whole network: stem, stages, head, classifier and the input resolution it is meant for.

    Attributes:
        name: what it is called; no part of its key.
        stem_channels: of the first convolution.
        stages: the rows of the table.
        head_channels: of the 1x1 convolution before the pool; 0 leaves it out.
        resolution: height of the input in pixels, and its width, where ``resolution_width`` says no other.
        classes: outputs.
        in_channels: of the input.
        stem_kernel_size: of the first convolution.
        dropout: before the classifier.
        drop_path: the drop probability that stochastic depth would reach after the last block: it grows
            linearly from 0 over the blocks.
        norm_eps: batch norm's.
        norm_momentum: batch norm's, as torch counts it (1 - the papers').
        activation: after every convolution that has one.
        stem_stride: of the first convolution.
        stem_pool: whether a 3x3 max pool of stride 2 follows it (ResNet).
        stem_width: ``scaled``: width multiplies ``stem_channels``; ``grown``: only where that makes more of
            them; ``fixed``: never.
        head_width: the same of ``head_channels``.
        resolution_width: width of the input in pixels, where it is not the height.
    """

    name: str
    stem_channels: int
    stages: tuple[StageSpec, ...]
    head_channels: int
    resolution: int
    classes: int = 1000
    in_channels: int = 3
    stem_kernel_size: int = 3
    dropout: float = 0.2
    drop_path: float = 0.2
    norm_eps: float = 1e-3
    norm_momentum: float = 0.01
    activation: Activation = field(default="silu", metadata=LATER)
    stem_stride: int = field(default=2, metadata=LATER)
    stem_pool: bool = field(default=False, metadata=LATER)
    stem_width: WidthRule = field(default="scaled", metadata=LATER)
    head_width: WidthRule = field(default="scaled", metadata=LATER)
    resolution_width: int | None = field(default=None, metadata=LATER)

    def __post_init__(self) -> None:
        counts = ("stem_channels", "resolution", "classes", "in_channels", "stem_stride")
        require_counts(self, *counts, "stem_kernel_size")
        require_counts(self, "head_channels", least=0)
        if self.resolution_width is not None:
            require_counts(self, "resolution_width")
            if self.resolution_width == self.resolution:
                # Said twice; equal networks have to be equal, and to have one key.
                object.__setattr__(self, "resolution_width", None)
        if not self.stages:
            raise ValueError("`stages` must hold at least one stage, got none")
        require_odd(self, "stem_kernel_size")
        set_share(self, "dropout", "drop_path", below_one=True)
        set_share(self, "norm_eps", "norm_momentum")
        require_choice(self, "activation", Activation)
        require_choice(self, "stem_width", WidthRule)
        require_choice(self, "head_width", WidthRule)
        require_bool(self, "stem_pool")

    @property
    def key(self) -> str:
        """A content hash: equal for equal networks, whatever their names."""
        content = self.to_dict()
        del content["name"]
        text = json.dumps(content, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def blocks(self) -> int:
        """The number of blocks over all stages."""
        return sum(stage.repeats for stage in self.stages)

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width) of the input in pixels."""
        return self.resolution, self.resolution_width or self.resolution

    @property
    def total_stride(self) -> int:
        """Pixels of the input that one step on the last map makes."""
        stem = self.stem_stride * (2 if self.stem_pool else 1)
        return stem * math.prod(stage.stride for stage in self.stages)

    def to_dict(self) -> dict[str, object]:
        """Plain JSON data; :meth:`from_dict` turns it back."""
        return plain(self) | {"stages": [plain(stage) for stage in self.stages]}

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> ArchSpec:
        """The spec that :meth:`to_dict` wrote.

        Raises:
            ValueError: if a field is missing, unknown or of the wrong value.
        """
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(data) - known)
        if unknown:
            raise ValueError(f"`arch` must hold only known fields, got {', '.join(unknown)}")
        rows = data.get("stages")
        if not isinstance(rows, list):
            raise ValueError(f"`stages` must be a list of stages, got {rows!r}")
        try:
            return cls(**(dict(data) | {"stages": tuple(StageSpec(**row) for row in rows)}))  # type: ignore[arg-type]  # checked by __post_init__
        except TypeError as error:
            raise ValueError(f"`arch` must describe a whole network: {error}") from None


Arch = ArchSpec | CodeSpec
"""Any network: a table's, or what a user's own code builds."""
_Arch = TypeVar("_Arch", ArchSpec, CodeSpec, Arch)


def arch_from_dict(data: Mapping[str, object]) -> Arch:
    """The network that its ``to_dict`` wrote.

    Raises:
        ValueError: if a field is missing, unknown or of the wrong value.
    """
    return CodeSpec.from_dict(data) if "target" in data else ArchSpec.from_dict(data)


def without_drop_path(arch: Arch) -> Arch:
    """The network with nothing that drops whole blocks; a user's own code keeps what it has."""
    return arch if isinstance(arch, CodeSpec) else replace(arch, drop_path=0.0)


def scale(
    base: _Arch, multipliers: Multipliers, rounding: Rounding, *, resolution: int | None = None
) -> _Arch:
    """The network that ``multipliers`` make of ``base``, what its table holds fixed left as it is.

    Args:
        base: the network to scale.
        multipliers: times as deep, wide and sharp.
        rounding: how whole layers, channels and pixels come of it.
        resolution: the exact side of a square input in pixels, where it is known (published networks) rather
            than derived from ``multipliers.resolution``.

    Raises:
        ValueError: if less than one pixel would be left.
    """
    width = multipliers.width
    height, across = (
        (rounding.resolution(side, multipliers.resolution) for side in base.input_size)
        if resolution is None
        else (resolution, resolution)
    )
    if isinstance(base, CodeSpec):
        return replace(
            base,
            depth=base.depth * multipliers.depth,
            width=base.width * width,
            resolution=height,
            resolution_width=across,
        )
    stages = tuple(
        replace(
            stage,
            repeats=(
                rounding.repeats(stage.repeats, multipliers.depth) if stage.scaled_repeats else stage.repeats
            ),
            channels=stage.widened(width, rounding),
        )
        for stage in base.stages
    )
    return replace(
        base,
        stem_channels=_widened(base.stem_channels, base.stem_width, width, rounding),
        stages=stages,
        head_channels=_widened(base.head_channels, base.head_width, width, rounding),
        resolution=height,
        resolution_width=across,
    )


def reduce(
    base: _Arch,
    width: float,
    rounding: Rounding,
    *,
    resolution: int | None = None,
    resolution_width: int | None = None,
) -> _Arch:
    """A copy of ``base`` that is ``width`` times as wide in every part, to be scaled in its place.

    A stem or head that ``scale`` holds fixed shrinks with the rest, and is held fixed from there: a narrow
    MobileNetV2 with its full head would spend most of its parameters there.

    Args:
        base: the network.
        width: times as wide.
        rounding: how whole channels come of it.
        resolution: height of its input in pixels; the base's own input where there is none.
        resolution_width: width of its input in pixels, where it is not the height.

    Raises:
        ValueError: if a size is below 1 pixel.
    """
    height, across = (resolution, resolution_width) if resolution else base.input_size
    if isinstance(base, CodeSpec):
        return replace(base, width=base.width * width, resolution=height, resolution_width=across)
    whole = replace(base, stem_width="scaled", head_width="scaled")
    reduced = scale(whole, Multipliers(width=width), rounding)
    return replace(
        reduced,
        stem_width=base.stem_width,
        head_width=base.head_width,
        resolution=height,
        resolution_width=across,
    )


def _widened(channels: int, rule: WidthRule, width: float, rounding: Rounding) -> int:
    if channels == 0 or rule == "fixed" or (rule == "grown" and width < 1):
        return channels
    return rounding.channels(channels, width)


def compound(base: _Arch, coefficients: Coefficients, phi: float, rounding: Rounding) -> _Arch:
    """The network that ``coefficients`` make of ``base`` at compound exponent ``phi`` (equation 3).

    Raises:
        ValueError: if ``phi`` leaves less than a pixel, or asks for more layers than can be built.
    """
    multipliers = coefficients.at(phi)
    try:
        return scale(base, multipliers, rounding)
    except ValueError as error:
        reason = str(error).replace("`", "")
        raise ValueError(f"`phi` must make a network that can be built, got {phi:g}: {reason}") from error
