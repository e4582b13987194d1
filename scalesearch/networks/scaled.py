"""A network scaled: multipliers of depth, width and resolution turned into whole layers, channels and pixels.

``scale`` is a free function from a base spec to a new one; the base is never changed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import TypeVar

from scalesearch.networks.spec import (
    MOST,
    MOST_REPEATS,
    Arch,
    ArchSpec,
    CodeSpec,
    RefusedError,
    Rounding,
    StageSpec,
    WidthRule,
    require_resolution,
)
from scalesearch.scaling import Coefficients, Multipliers
from scalesearch.text import bare

_Arch = TypeVar("_Arch", ArchSpec, CodeSpec, Arch)


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
        from scalesearch.networks.user_network import settled  # only torch can tell what it rounds to

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
    if max(repeats) > MOST_REPEATS:
        raise ValueError(
            f"`depth` must leave at most {MOST_REPEATS:,} blocks in a row, got {depth:g}, which makes "
            f"{max(repeats):,.6g}"
        )
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
    channels = (
        _widened(base.stem_channels, base.stem_width, width, rounding),
        *(stage.widened(width, rounding) for stage in base.stages),
        _widened(base.head_channels, base.head_width, width, rounding),
        _widened(base.features, base.features_width, width, rounding),
    )
    if max(channels) > MOST:
        raise ValueError(
            f"`width` must leave at most {MOST:,} channels in a layer, got {width:g}, which makes "
            f"{max(channels):,.6g}"
        )
    return channels


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
        from scalesearch.networks.user_network import settled  # as scale does

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
        raise ValueError(
            f"`phi` must make a network that can be built, got {phi:g}: {bare(error)}"
        ) from error
