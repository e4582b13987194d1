"""What a network is, as frozen data: the rows of the paper's Table 1, and how they are scaled.

``scale`` is a free function from a base spec to a new one; the base is never changed. Every rounding
rule that turns real multipliers into whole layers and channels is in a :class:`Rounding`, which travels
with every record.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, fields, replace
from typing import Literal, get_args

from scalesearch.scaling import Coefficients, Multipliers

__all__ = ["ArchSpec", "RepeatsRule", "Rounding", "StageSpec", "compound", "scale"]

BlockKind = Literal["mbconv"]
RepeatsRule = Literal["ceil", "round", "floor"]
STEM_STRIDE = 2
# Far beyond any network that can be built: a count past it is a slip that would keep the counter busy.
MOST = 1_000_000
MOST_REPEATS = 1_000


def _require_counts(owner: object, *names: str, most: int = MOST) -> None:
    for name in names:
        value = getattr(owner, name)
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
            shown = f"{value:.4g}" if isinstance(value, int) and value > most else repr(value)
            raise ValueError(f"`{name}` must be a whole number from 1 to {most:,}, got {shown}")


def _require_odd(owner: object, name: str) -> None:
    # An even kernel can't be padded to keep ceil(size / stride), which the counts rely on.
    if getattr(owner, name) % 2 == 0:
        raise ValueError(f"`{name}` must be odd, got {getattr(owner, name)}")


def _set_share(owner: object, *names: str, below_one: bool = False) -> None:
    for name in names:
        value = getattr(owner, name)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (number and 0 <= value <= 1) or (below_one and value == 1):
            top = "below 1" if below_one else "1"
            raise ValueError(f"`{name}` must be from 0 to {top}, got {value!r}")
        # 0 and 0.0 are equal, but JSON tells them apart, and so would the key.
        object.__setattr__(owner, name, float(value))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounding:
    """How scaled channels, repeats and resolutions become whole numbers.

    The defaults are those of the official code: channels to the nearest multiple of 8, one step up where
    that would keep less than 90% of them; repeats rounded up; resolution to the nearest pixel.

    Raises:
        ValueError: if a divisor or multiple is below 1, the fraction outside [0, 1] or the rule unknown.
    """

    channel_divisor: int = 8
    min_kept_fraction: float = 0.9
    repeats_rule: RepeatsRule = "ceil"
    resolution_multiple: int = 1

    def __post_init__(self) -> None:
        _require_counts(self, "channel_divisor", "resolution_multiple")
        _set_share(self, "min_kept_fraction")
        if self.repeats_rule not in get_args(RepeatsRule):
            choices = ", ".join(get_args(RepeatsRule))
            raise ValueError(f"`repeats_rule` must be one of {choices}, got {self.repeats_rule!r}")

    def channels(self, base: int, width: float) -> int:
        """``base * width`` channels, to the nearest multiple of the divisor (official rule)."""
        if width == 1:
            return base
        scaled = base * width
        divisor = self.channel_divisor
        rounded = max(divisor, int(scaled + divisor / 2) // divisor * divisor)
        if rounded < self.min_kept_fraction * scaled:
            rounded += divisor
        return rounded

    def repeats(self, base: int, depth: float) -> int:
        """``base * depth`` repeats of a block, by the repeats rule, at least 1."""
        # 10 * 1.1 is 11.000000000000002 in binary; ceil must not make 12 layers of it.
        scaled = round(base * depth, 9)
        if self.repeats_rule == "ceil":
            return max(1, math.ceil(scaled))
        if self.repeats_rule == "floor":
            return max(1, math.floor(scaled))
        return max(1, math.floor(scaled + 0.5))

    def resolution(self, base: int, multiplier: float) -> int:
        """``base * multiplier`` pixels, to the nearest multiple.

        Raises:
            ValueError: if less than one pixel would be left.
        """
        step = self.resolution_multiple
        pixels = math.floor(base * multiplier / step + 0.5) * step
        if pixels < 1:
            raise ValueError(
                f"`resolution` must leave at least 1 pixel, got {base} px x {multiplier:.4g} "
                f"rounded to a multiple of {step}"
            )
        return pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSpec:
    """One row of the paper's Table 1: ``repeats`` blocks, of which the first has the stride.

    ``squeeze_ratio`` is the squeeze-and-excite bottleneck as a share of the block's *input* channels;
    0 leaves squeeze-and-excite out.
    """

    block: BlockKind = "mbconv"
    repeats: int
    kernel_size: int
    stride: int
    expand_ratio: int
    channels: int
    squeeze_ratio: float = 0.25

    def __post_init__(self) -> None:
        if self.block not in get_args(BlockKind):
            choices = ", ".join(get_args(BlockKind))
            raise ValueError(f"`block` must be one of {choices}, got {self.block!r}")
        _require_counts(self, "repeats", most=MOST_REPEATS)
        _require_counts(self, "kernel_size", "stride", "expand_ratio", "channels")
        _require_odd(self, "kernel_size")
        _set_share(self, "squeeze_ratio")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchSpec:
    """A whole network: stem, stages, head, classifier and the input resolution it is meant for.

    ``drop_path`` is the drop probability that stochastic depth would reach after the last block: it grows
    linearly from 0 over the blocks. ``norm_momentum`` is torch's (1 - the paper's).
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

    def __post_init__(self) -> None:
        counts = ("stem_channels", "head_channels", "resolution", "classes", "in_channels")
        _require_counts(self, *counts, "stem_kernel_size")
        if not self.stages:
            raise ValueError("`stages` must hold at least one stage, got none")
        _require_odd(self, "stem_kernel_size")
        _set_share(self, "dropout", "drop_path", below_one=True)
        _set_share(self, "norm_eps", "norm_momentum")

    @property
    def key(self) -> str:
        """A content hash: equal for equal networks, whatever their names."""
        content = asdict(self)
        del content["name"]
        text = json.dumps(content, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def blocks(self) -> int:
        """The number of blocks over all stages."""
        return sum(stage.repeats for stage in self.stages)

    def to_dict(self) -> dict[str, object]:
        """Plain JSON data; :meth:`from_dict` turns it back."""
        return asdict(self) | {"stages": [asdict(stage) for stage in self.stages]}

    @classmethod
    def from_dict(cls, data: dict[str, object]) -> ArchSpec:
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
            return cls(**(data | {"stages": tuple(StageSpec(**row) for row in rows)}))  # type: ignore[arg-type]  # checked by __post_init__
        except TypeError as error:
            raise ValueError(f"`arch` must describe a whole network: {error}") from None


def scale(
    base: ArchSpec, multipliers: Multipliers, rounding: Rounding, *, resolution: int | None = None
) -> ArchSpec:
    """The network that ``multipliers`` make of ``base``.

    Args:
        base: the network to scale.
        multipliers: times as deep, wide and sharp.
        rounding: how whole layers, channels and pixels come of it.
        resolution: the exact input side in pixels, where it is known (published networks) rather than
            derived from ``multipliers.resolution``.

    Raises:
        ValueError: if less than one pixel would be left.
    """
    stages = tuple(
        replace(
            stage,
            repeats=rounding.repeats(stage.repeats, multipliers.depth),
            channels=rounding.channels(stage.channels, multipliers.width),
        )
        for stage in base.stages
    )
    return replace(
        base,
        stem_channels=rounding.channels(base.stem_channels, multipliers.width),
        stages=stages,
        head_channels=rounding.channels(base.head_channels, multipliers.width),
        resolution=(
            rounding.resolution(base.resolution, multipliers.resolution) if resolution is None else resolution
        ),
    )


def compound(base: ArchSpec, coefficients: Coefficients, phi: float, rounding: Rounding) -> ArchSpec:
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
