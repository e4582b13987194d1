"""Baseline networks as tables that look like the papers' tables.

How each is scaled stands with it: unless said otherwise, depth multiplies the repeats of every stage, width
the channels of the stem, the stages and the head.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

from scalesearch.architecture.code_spec import CodeSpec
from scalesearch.architecture.spec import Arch, ArchSpec, BlockKind, StageSpec

__all__ = ["BASELINES", "baseline", "built_in", "chosen_baseline"]


def _stage(
    expand_ratio: float,
    kernel_size: int,
    stride: int,
    channels: int,
    repeats: int,
    *,
    block: BlockKind = "mbconv",
    squeeze_ratio: float = 0.25,
    scaled_repeats: bool = True,
    **others: Any,
) -> StageSpec:
    return StageSpec(
        block=block,
        expand_ratio=expand_ratio,
        kernel_size=kernel_size,
        stride=stride,
        channels=channels,
        repeats=repeats,
        squeeze_ratio=squeeze_ratio,
        scaled_repeats=scaled_repeats,
        **others,
    )


# An inverted residual of MobileNetV2: mbconv without squeeze-and-excite.
_inverted = partial(_stage, squeeze_ratio=0.0)
_fused = partial(_stage, block="fused_mbconv", squeeze_ratio=0.0)
_separable = partial(_stage, 1, 3, block="separable", squeeze_ratio=0.0)


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

# The official code's efficientnet/lite: B0 without squeeze-and-excite, ReLU6 for SiLU. Its rules of scaling:
# stem and head keep their channels, the first and the last stage their one block.
EFFICIENTNET_LITE0 = ArchSpec(
    name="efficientnet-lite0",
    resolution=224,
    stem_channels=32,
    stages=(
        #         expand  kernel  stride  channels  repeats
        _inverted(1, 3, 1, 16, 1, scaled_repeats=False),
        _inverted(6, 3, 2, 24, 2),
        _inverted(6, 5, 2, 40, 2),
        _inverted(6, 3, 2, 80, 3),
        _inverted(6, 5, 1, 112, 3),
        _inverted(6, 5, 2, 192, 4),
        _inverted(6, 3, 1, 320, 1, scaled_repeats=False),
    ),
    head_channels=1280,
    activation="relu6",
    stem_width="fixed",
    head_width="fixed",
)

# arXiv 2104.00298, Table 4, at the 384 px that its Table 7 tests at. It is scaled like B0: the paper's own M
# and L have tables of their own instead ("gradually add more layers to later stages", section 3.3).
EFFICIENTNETV2_S = ArchSpec(
    name="efficientnetv2-s",
    resolution=384,
    stem_channels=24,
    stages=(
        #      expand  kernel  stride  channels  repeats
        _fused(1, 3, 1, 24, 2),
        _fused(4, 3, 2, 48, 4),
        _fused(4, 3, 2, 64, 4),
        _stage(4, 3, 2, 128, 6),
        _stage(6, 3, 1, 160, 9),
        _stage(6, 3, 2, 256, 15),
    ),
    head_channels=1280,
    norm_momentum=0.1,
)

# arXiv 1704.04861, Table 1: equal rows in one, without the stride of its last one, a slip (its map is 7 px
# before and after). Width is the paper's alpha, resolution its rho.
MOBILENET_V1 = ArchSpec(
    name="mobilenet-v1",
    resolution=224,
    stem_channels=32,
    stages=(
        #          stride  channels  repeats
        _separable(1, 64, 1),
        _separable(2, 128, 2),
        _separable(2, 256, 2),
        _separable(2, 512, 6),
        _separable(2, 1024, 2),
    ),
    head_channels=0,
    dropout=0.0,
    drop_path=0.0,
    norm_eps=1e-5,
    norm_momentum=0.1,
    activation="relu6",
)

# arXiv 1801.04381, Table 2. "For multipliers less than one, we apply width multiplier to all layers except
# the very last convolutional layer" (section 6.1): the head only grows.
MOBILENET_V2 = ArchSpec(
    name="mobilenet-v2",
    resolution=224,
    stem_channels=32,
    stages=(
        #         expand  kernel  stride  channels  repeats
        _inverted(1, 3, 1, 16, 1),
        _inverted(6, 3, 2, 24, 2),
        _inverted(6, 3, 2, 32, 3),
        _inverted(6, 3, 2, 64, 4),
        _inverted(6, 3, 1, 96, 3),
        _inverted(6, 3, 2, 160, 3),
        _inverted(6, 3, 1, 320, 1),
    ),
    head_channels=1280,
    drop_path=0.0,
    norm_eps=1e-5,
    norm_momentum=0.1,
    activation="relu6",
    head_width="grown",
)

_weighed = partial(_stage, squeeze_ratio=0.25, squeeze_of="expanded", squeeze_multiple=8)
# arXiv 1905.02244, Table 1. Its expanded channels are 3, 4, 6, 2.5 and 2.3 times the input's; depth shares a
# stage's blocks out to its rows as timm does. The head's last layer only grows with width, as in the official
# slim code; constants of batch norm are that code's.
MOBILENET_V3_LARGE = ArchSpec(
    name="mobilenet-v3-large",
    resolution=224,
    stem_channels=16,
    stages=(
        #         expand  kernel  stride  channels  repeats
        _inverted(1, 3, 1, 16, 1, activation="relu"),
        _inverted(4, 3, 2, 24, 1, activation="relu"),
        _inverted(3, 3, 1, 24, 1, activation="relu", joined=True),
        _weighed(3, 5, 2, 40, 3, activation="relu"),
        _inverted(6, 3, 2, 80, 1),
        _inverted(2.5, 3, 1, 80, 1, joined=True),
        _inverted(2.3, 3, 1, 80, 2, joined=True),
        _weighed(6, 3, 1, 112, 2),
        _weighed(6, 5, 2, 160, 3),
    ),
    head_channels=960,
    features=1280,
    features_width="grown",
    drop_path=0.0,
    activation="hard_swish",
    squeeze_activation="relu",
    gate="hard_sigmoid",
)

_conv = partial(_stage, 1, block="conv", squeeze_ratio=0.0, scaled_repeats=False)
# arXiv 2404.10518, Table of MNv4-Conv-S, and timm: universal inverted bottlenecks without squeeze-and-excite.
# The convolutions before them keep their one layer each, the features their channels; a narrower network
# keeps its stem.
MOBILENET_V4_CONV_SMALL = ArchSpec(
    name="mobilenet-v4-conv-small",
    resolution=224,
    stem_channels=32,
    stages=(
        #     kernel  stride  channels  repeats
        _conv(3, 2, 32, 1),
        _conv(1, 1, 32, 1, joined=True),
        _conv(3, 2, 96, 1),
        _conv(1, 1, 64, 1, joined=True),
        #         expand  kernel  stride  channels  repeats
        _inverted(3, 5, 2, 96, 1, start_kernel_size=5),
        _inverted(2, 3, 1, 96, 4, joined=True),
        _inverted(4, 0, 1, 96, 1, joined=True, start_kernel_size=3),
        _inverted(6, 3, 2, 128, 1, start_kernel_size=3),
        _inverted(4, 5, 1, 128, 1, joined=True, start_kernel_size=5),
        _inverted(4, 5, 1, 128, 1, joined=True),
        _inverted(3, 5, 1, 128, 1, joined=True),
        _inverted(4, 3, 1, 128, 2, joined=True),
    ),
    head_channels=960,
    features=1280,
    stem_width="grown",
    features_width="fixed",
    features_norm=True,
    drop_path=0.0,
    norm_eps=1e-5,
    norm_momentum=0.1,
    activation="relu",
)

# arXiv 2201.03545, section 3: 96 channels, blocks (3, 3, 9, 3); constants of the official code.
CONVNEXT_TINY = ArchSpec(
    name="convnext-tiny",
    resolution=224,
    stem_channels=96,
    stages=tuple(
        _stage(4, 7, stride, channels, repeats, block="convnext", squeeze_ratio=0.0)
        for stride, channels, repeats in ((1, 96, 3), (2, 192, 3), (2, 384, 9), (2, 768, 3))
    ),
    head_channels=0,
    stem_kernel_size=4,
    stem_stride=4,
    stem_activated=False,
    dropout=0.0,
    drop_path=0.1,
    norm="layer",
    norm_eps=1e-6,
    layer_scale=1e-6,
    pooled_norm=True,
    conv_bias="all",
    activation="gelu",
)


def _resnet(layers: int, block: BlockKind, *repeats: int) -> ArchSpec:
    """A column of arXiv 1512.03385, Table 1.

    In a bottleneck width multiplies the channels inside, which are rounded; the output stays 4 times those.
    """
    expand_ratio = 4 if block == "bottleneck" else 1
    rows = zip((1, 2, 2, 2), (64, 128, 256, 512), repeats, strict=True)
    return ArchSpec(
        name=f"resnet-{layers}",
        resolution=224,
        stem_channels=64,
        stages=tuple(
            _stage(expand_ratio, 3, stride, width * expand_ratio, number, block=block, squeeze_ratio=0.0)
            for stride, width, number in rows
        ),
        head_channels=0,
        stem_kernel_size=7,
        stem_pool=True,
        dropout=0.0,
        drop_path=0.0,
        norm_eps=1e-5,
        norm_momentum=0.1,
        activation="relu",
    )


# arXiv 2003.13678, Table 9: groups of 24 channels, squeeze-and-excite of a quarter of what a block reads.
# Width makes more groups, not wider ones.
REGNETY_016 = ArchSpec(
    name="regnety-016",
    resolution=224,
    stem_channels=32,
    stages=tuple(
        _stage(1, 3, 2, channels, repeats, block="bottleneck", group_width=24)
        for channels, repeats in ((48, 2), (120, 6), (336, 17), (888, 2))
    ),
    head_channels=0,
    dropout=0.0,
    drop_path=0.0,
    norm_eps=1e-5,
    norm_momentum=0.1,
    activation="relu",
)

RESNET_18 = _resnet(18, "basic", 2, 2, 2, 2)
RESNET_34 = _resnet(34, "basic", 3, 4, 6, 3)
RESNET_50 = _resnet(50, "bottleneck", 3, 4, 6, 3)

BASELINES: Mapping[str, ArchSpec] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            EFFICIENTNET_B0,
            EFFICIENTNET_LITE0,
            EFFICIENTNETV2_S,
            CONVNEXT_TINY,
            MOBILENET_V1,
            MOBILENET_V2,
            MOBILENET_V3_LARGE,
            MOBILENET_V4_CONV_SMALL,
            REGNETY_016,
            RESNET_18,
            RESNET_34,
            RESNET_50,
        )
    }
)


def built_in() -> Mapping[str, ArchSpec]:
    """Every network that goes by a name alone: the baselines, then the variants of EfficientNet."""
    from scalesearch.architecture.variants import VARIANTS  # they are made of what is above

    return MappingProxyType({**BASELINES, **{name: variant.arch for name, variant in VARIANTS.items()}})


def baseline(name: str) -> ArchSpec:
    """The baseline, or the variant, of that name.

    Raises:
        ValueError: if there is none; the message lists those there are.
    """
    known = built_in()
    if name not in known:
        raise ValueError(f"`baseline` must be one of {', '.join(known)}, got {name!r}")
    return known[name]


def chosen_baseline(
    name: str, arch: Arch | None = None, stem_stride: int | None = None, in_channels: int | None = None
) -> Arch:
    """The network that settings choose: the built-in one of that name, or ``arch`` itself.

    A stem of stride 1 keeps every pixel of a small image: its max pool goes too. Patches that a stem cuts are
    as large as its stride. ``in_channels`` replaces the network's own.

    Raises:
        ValueError: if there is no network of that name, the stride is below 1, or the network is built by
            a user's own code, which has its own stem.
    """
    network: Arch = baseline(name) if arch is None else arch
    if in_channels is not None:
        network = replace(network, in_channels=in_channels)
    if stem_stride is None:
        return network
    if isinstance(network, CodeSpec):
        raise ValueError(
            f"`stem_stride` must be left to the code where that builds the network, got {stem_stride}"
        )
    patches = network.stem_kernel_size % 2 == 0
    return replace(
        network,
        stem_stride=stem_stride,
        stem_kernel_size=stem_stride if patches else network.stem_kernel_size,
        stem_pool=network.stem_pool and stem_stride > 1,
    )
