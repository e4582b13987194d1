"""What a network is, as frozen data: the rows of its paper's table, and how they are scaled.

``scale`` is a free function from a base spec to a new one; the base is never changed. What a family holds
fixed when it is scaled stands in its table; every rounding rule that turns real multipliers into whole layers
and channels is in a :class:`Rounding`, which travels with every record.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeVar

from scalesearch.architecture.checks import MOST, MOST_REPEATS
from scalesearch.architecture.code_spec import CodeSpec, RefusedError
from scalesearch.architecture.rounding import ChannelsRule, RepeatsRule, Rounding
from scalesearch.architecture.stage import MOST_EXPONENT, BlockKind, StageSpec
from scalesearch.architecture.table_spec import (
    Activation,
    ArchSpec,
    SqueezeForm,
    WidthRule,
)
from scalesearch.plain import shown
from scalesearch.scaling import Coefficients, Multipliers

__all__ = [
    "MOST",
    "MOST_REPEATS",
    "Activation",
    "Arch",
    "ArchSpec",
    "BlockKind",
    "ChannelsRule",
    "RepeatsRule",
    "Rounding",
    "SqueezeForm",
    "StageSpec",
    "arch_from_dict",
    "compound",
    "reduce",
    "require_resolution",
    "scale",
    "with_exponents",
    "with_network",
    "without_drop_path",
]

Arch = ArchSpec | CodeSpec
"""Any network: a table's, or what a user's own code builds."""
EXPONENTS: Mapping[str, str] = MappingProxyType({"depth": "repeats", "width": "channels"})
"""What may work more strongly on some stages than on others, and on what of them."""
_Arch = TypeVar("_Arch", ArchSpec, CodeSpec, Arch)


def arch_from_dict(data: Mapping[str, object]) -> Arch:
    """The network that its ``to_dict`` wrote.

    Raises:
        ValueError: if a field is missing, unknown or of the wrong value.
    """
    if not isinstance(data, Mapping):
        raise ValueError(f"`arch` must be a table, got {shown(data)}")
    return CodeSpec.from_dict(data) if "target" in data else ArchSpec.from_dict(data)


def with_network(data: object) -> dict[str, Any]:
    """A table of settings with the network that it keeps, where it keeps one, made of its own table.

    Raises:
        ValueError: if ``data`` is no table, or the network cannot be.
    """
    if not isinstance(data, Mapping):
        raise ValueError(f"settings must be a table, got {shown(data)}")
    if (network := data.get("baseline_arch")) is None:
        return dict(data)
    return {**data, "baseline_arch": arch_from_dict(network)}


def require_resolution(arch: Arch, name: str, size: tuple[int, int] | None = None) -> None:
    """Refuses an input that the network's strides leave next to nothing of; a user's code knows its own.

    A padded map has always a pixel: of an input of less than half of what the strides multiply to, the last
    one covers more padding than image. Patches have to be whole: there it is all that the strides multiply
    to.

    Args:
        arch: the network.
        name: what the error calls the input's size.
        size: (height, width) of the input in pixels; the network's own if None.

    Raises:
        ValueError: if a side is too small.
    """
    if isinstance(arch, CodeSpec):
        return
    size, strides = size or arch.input_size, arch.total_stride
    least = strides if arch.patched else math.ceil(strides / 2)
    if min(size) < least:
        why = (
            f"the {strides} that the strides multiply to, as patches aren't padded"
            if arch.patched
            else f"half of the {strides} that the strides multiply to: below that the last map covers more "
            "padding than image"
        )
        got = "x".join(str(side) for side in dict.fromkeys(size))
        raise ValueError(f"`{name}` must be at least {least} px a side, {why}, got {got}")


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
        ValueError: if less than one pixel would be left. A user's own code that builds nothing at these
            multipliers raises when it is counted.
    """
    width = multipliers.width
    height, across = (
        (rounding.resolution(side, multipliers.resolution) for side in base.input_size)
        if resolution is None
        else (resolution, resolution)
    )
    if isinstance(base, CodeSpec):
        from scalesearch.architecture.code_network import settled  # only torch can tell what it rounds to

        depth, width = base.depth * multipliers.depth, base.width * width
        asked = replace(base, depth=depth, width=width, resolution=height, resolution_width=across, shape="")
        try:
            return settled(asked)
        except RefusedError:  # as counting it, or building it, says again
            return asked
    if base.patched:
        require_resolution(base, "resolution", (height, across))
    return _resized(
        base,
        _repeats(base, multipliers.depth, rounding),
        _channels(base, width, rounding),
        height,
        across,
    )


# A search asks for thousands of multipliers, most of which round to networks that it has already seen.
@lru_cache(maxsize=4096)
def _repeats(base: ArchSpec, depth: float, rounding: Rounding) -> tuple[int, ...]:
    """The blocks of each row at a depth multiplier."""
    repeats: list[int] = []
    for rows in base.rows_of_stages:
        scaled = [row for row in rows if row.scaled_repeats]
        shared: Iterator[int] = iter(())
        if scaled:
            multipliers = [row.depth_multiplier(depth) for row in scaled]
            # Whole numbers where depth works on all rows alike, so that halves are exact.
            weights = [
                row.repeats * (times / multipliers[0]) for row, times in zip(scaled, multipliers, strict=True)
            ]
            shared = iter(_shared_out(weights, rounding.repeats(1, sum(weights) * multipliers[0])))
        repeats += [next(shared) if row.scaled_repeats else row.repeats for row in rows]
    return tuple(repeats)


def _shared_out(weights: list[float], blocks: int) -> list[int]:
    """``blocks`` shared out to the rows of a stage by ``weights``, from the last row up.

    Each row keeps one at least. By timm's ``_scale_stage_depth``: the first block, which has the stride, is
    the least likely to be repeated.
    """
    shares: list[int] = []
    left = sum(weights)
    for position, row in reversed(list(enumerate(weights))):
        shares.append(max(1, round(row / left * blocks) if position else blocks))
        left -= row
        blocks -= shares[-1]
    return shares[::-1]


@lru_cache(maxsize=4096)
def _channels(base: ArchSpec, width: float, rounding: Rounding) -> tuple[int, ...]:
    """The channels of the stem, of each stage, of the head and of the features at a width multiplier."""
    return (
        _widened(base.stem_channels, base.stem_width, width, rounding),
        *(stage.widened(width, rounding) for stage in base.stages),
        _widened(base.head_channels, base.head_width, width, rounding),
        _widened(base.features, base.features_width, width, rounding),
    )


@lru_cache(maxsize=4096)
def _resized(
    base: ArchSpec, repeats: tuple[int, ...], channels: tuple[int, ...], height: int, across: int
) -> ArchSpec:
    """``base`` with so many blocks in each row, and channels in the stem, each row, the head and after it."""
    stem, *inner, head, features = channels
    return replace(
        base,
        stem_channels=stem,
        stages=tuple(map(_stage, base.stages, repeats, inner)),
        head_channels=head,
        features=features,
        resolution=height,
        resolution_width=across,
    )


@lru_cache(maxsize=4096)
def _stage(stage: StageSpec, repeats: int, channels: int) -> StageSpec:
    return replace(stage, repeats=repeats, channels=channels)


def with_exponents(base: _Arch, texts: Sequence[str]) -> _Arch:
    """The network, with how strongly depth and width work on each of its stages.

    Args:
        base: the network.
        texts: ``depth=0,1,1,2`` or ``width=...``, an exponent for each row of the network's table: the row is
            scaled by the multiplier to that power, 0 leaves it as it is.

    Raises:
        ValueError: if a text is none such, or has another number of exponents than there are rows.
    """
    if texts and isinstance(base, CodeSpec):
        raise ValueError(
            f"`stages` must be left out for code of your own, which scales itself, got {texts[0]!r}"
        )
    if isinstance(base, CodeSpec):
        return base
    for place, text in enumerate(texts):
        name, equals, values = text.replace(" ", "").partition("=")
        if not equals or name not in EXPONENTS:
            raise ValueError(
                f"`stages` must be depth= or width= with an exponent for each stage, got {text!r}"
            )
        if any(other.replace(" ", "").startswith(f"{name}=") for other in texts[:place]):
            raise ValueError(f"`stages` must say {name} once, got {text!r} too")
        exponents = values.split(",")
        if len(exponents) != len(base.stages):
            raise ValueError(
                f"`stages` must have {len(base.stages)} exponents for {name}, one for each stage of "
                f"{base.name}, got {len(exponents)}: {values}"
            )
        powers = [_exponent(name, number, value) for number, value in enumerate(exponents, start=1)]
        if not any(powers):
            raise ValueError(
                f"`stages` must leave {name} a stage to work on, got {text!r}: one of its numbers "
                "at least has to be above 0"
            )
        rows = zip(base.stages, powers, strict=True)
        base = replace(base, stages=tuple(_with_exponent(row, name, power) for row, power in rows))
    return base


def _exponent(name: str, number: int, value: str) -> float:
    """The exponent of the stage of that number."""
    try:
        power = float(value)
    except ValueError:
        power = math.nan
    if not 0 <= power <= MOST_EXPONENT:  # nor is nan
        raise ValueError(
            f"`stages` must hold a number from 0 to {MOST_EXPONENT} for each stage, got {value!r} for "
            f"{name} of stage {number}"
        )
    return power


def _with_exponent(row: StageSpec, name: str, power: float) -> StageSpec:
    changes: dict[str, Any] = {f"scaled_{EXPONENTS[name]}": True, f"{name}_exponent": power}
    return replace(row, **changes)


def reduce(
    base: _Arch,
    width: float,
    rounding: Rounding,
    *,
    resolution: int | None = None,
    resolution_width: int | None = None,
) -> _Arch:
    """A copy of ``base`` that is ``width`` times as wide in every part, to be scaled in its place.

    What ``scale`` holds fixed, a stem, a head or a stage, shrinks with the rest, and is held fixed from
    there: a narrow MobileNetV2 with its full head would spend most of its parameters in it.

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
        from scalesearch.architecture.code_network import settled  # as scale does

        return settled(replace(base, width=base.width * width, resolution=height, resolution_width=across))
    return replace(
        base,
        stem_channels=_widened(base.stem_channels, _loosened(base.stem_width), width, rounding),
        stages=tuple(stage.reduced(width, rounding) for stage in base.stages),
        head_channels=_widened(base.head_channels, _loosened(base.head_width), width, rounding),
        features=_widened(base.features, _loosened(base.features_width), width, rounding),
        resolution=height,
        resolution_width=across,
    )


def _loosened(rule: WidthRule) -> WidthRule:
    return "scaled" if rule in ("grown", "fixed") else rule


def _widened(channels: int, rule: WidthRule, width: float, rounding: Rounding) -> int:
    if channels == 0 or rule == "fixed" or (rule == "grown" and width < 1):
        return channels
    if rule in ("floor", "ceil"):
        # As with repeats: 110 * 1.1 is 121.00000000000001 in binary; ceil must not make 122 of it.
        product = round(channels * width, 9)
        return max(1, math.floor(product) if rule == "floor" else math.ceil(product))
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
