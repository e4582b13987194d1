"""Baseline networks as tables that look like the papers' tables."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from scalesearch.architecture.spec import ArchSpec, StageSpec

__all__ = ["BASELINES", "baseline"]


def _stage(expand_ratio: int, kernel_size: int, stride: int, channels: int, repeats: int) -> StageSpec:
    return StageSpec(
        expand_ratio=expand_ratio,
        kernel_size=kernel_size,
        stride=stride,
        channels=channels,
        repeats=repeats,
    )


# arXiv 1905.11946, Table 1 (strides from the official code: the table lists resolutions instead).
EFFICIENTNET_B0 = ArchSpec(
    name="efficientnet-b0",
    resolution=224,
    stem_channels=32,
    stages=(
        #      expand  kernel  stride  channels  repeats
        _stage(1, 3, 1, 16, 1),
        _stage(6, 3, 2, 24, 2),
        _stage(6, 5, 2, 40, 2),
        _stage(6, 3, 2, 80, 3),
        _stage(6, 5, 1, 112, 3),
        _stage(6, 5, 2, 192, 4),
        _stage(6, 3, 1, 320, 1),
    ),
    head_channels=1280,
)

BASELINES: Mapping[str, ArchSpec] = MappingProxyType({EFFICIENTNET_B0.name: EFFICIENTNET_B0})


def baseline(name: str) -> ArchSpec:
    """The baseline of that name.

    Raises:
        ValueError: if there is none; the message lists those there are.
    """
    if name not in BASELINES:
        raise ValueError(f"`baseline` must be one of {', '.join(BASELINES)}, got {name!r}")
    return BASELINES[name]
