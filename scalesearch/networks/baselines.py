"""The built-in networks: baselines, their published families and variants, and tables in files."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from decimal import Decimal
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

import tomli_w

from scalesearch.errors import ScalesearchError
from scalesearch.files import read_toml
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import (
    NONE,
    UNSAID,
    Arch,
    ArchSpec,
    BlockKind,
    CodeSpec,
    Rounding,
    StageSpec,
    require_resolution,
    seldom,
    with_exponents,
)
from scalesearch.scaling import Coefficients, Multipliers
from scalesearch.text import bare

# ----------------------------------------------------------------------------------------------------
# What a variant of a network family is made of: its table, its rounding, its members, notes.


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A network of a family: its name, its multipliers, its input's side in pixels, its dropout.

    ``phi`` is the number that the family goes by, None where it goes by names alone.
    """

    name: str
    phi: float | None
    depth: float
    width: float
    resolution: int
    dropout: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A difference, or a remark, that is none of the network: what, in the paper, in the variant."""

    what: str
    paper: str
    variant: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A system that calls itself EfficientNet.

    Attributes:
        name: what options call it.
        title: what it is.
        source: where it stands.
        arch: its network at multiplier 1, named like the variant.
        rounding: how its scaled channels, repeats and pixels become whole.
        members: the networks that it builds when asked for them, the first at multiplier 1.
        meant: the same members as its own table has them, where what it builds is another thing.
        notes: what else there is to say of it.
    """

    name: str
    title: str
    source: str
    arch: ArchSpec
    rounding: Rounding
    members: tuple[Member, ...]
    meant: tuple[Member, ...] = ()
    notes: tuple[Note, ...] = ()


def member_arch(variant: Variant, member: Member) -> ArchSpec:
    """The network of a member, named after both."""
    spec = scale(
        variant.arch,
        Multipliers(depth=member.depth, width=member.width),
        variant.rounding,
        resolution=member.resolution,
    )
    return replace(spec, name=f"{variant.name}-{member.name}", dropout=member.dropout)


# ----------------------------------------------------------------------------------------------------
# Baseline networks as tables that look like the papers' tables.
#
# How each is scaled stands with it: unless said otherwise, depth multiplies the repeats of every stage,
# width the channels of the stem, the stages and the head.


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


def staged_baseline(name: str, arch: Arch | None, stages: Sequence[str]) -> Arch:
    """The network of that name, or ``arch`` itself, whose stages grow by powers of their own.

    Args:
        name: of the network.
        arch: the network itself, where it isn't the built-in one of that name.
        stages: as :func:`with_exponents` takes them.

    Raises:
        ScalesearchError: if the network is a variant, whose rounding goes with its name.
        ValueError: if a text says no exponents, or not for this network.
    """
    if name in VARIANTS and arch is None:
        raise ScalesearchError(
            f"`stages` must be left out for {name}, whose rounding goes with its name; describe "
            f"{name} --format toml prints its table, to change in a file"
        )
    network = with_exponents(arch or baseline(name), stages)
    # A network of a built-in one's name is that one.
    return replace(network, name=f"my-{name}") if arch is None else network


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


# ----------------------------------------------------------------------------------------------------
# Published networks, read from data files that name their sources.

PAPER_COEFFICIENTS = Coefficients(alpha=1.2, beta=1.1, gamma=1.15)
"""The grid search's answer for EfficientNet-B0 (arXiv 1905.11946, section 4, STEP 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedNetwork:
    """One published row. ``top1`` and ``top5`` are fractions; None where nothing was published.

    ``width``, ``depth`` and ``resolution`` (in pixels) are what was made of ``baseline``.
    """

    name: str
    baseline: str
    width: float
    depth: float
    resolution: int
    dropout: float
    top1: float | None
    top5: float | None
    params: float | None
    flops: float | None
    source: str

    @property
    def multipliers(self) -> Multipliers:
        """Its published multipliers; that of the resolution is what its pixels are of the baseline's."""
        sharper = self.resolution / BASELINES[self.baseline].resolution
        return Multipliers(depth=self.depth, width=self.width, resolution=sharper)

    def arch(self) -> ArchSpec:
        """The network rebuilt from its published coefficients with the official rounding."""
        spec = scale(BASELINES[self.baseline], self.multipliers, Rounding(), resolution=self.resolution)
        return replace(spec, name=f"efficientnet-{self.name}", dropout=self.dropout)


@cache
def published_family() -> Mapping[str, PublishedNetwork]:
    """EfficientNet's published rows by name: b0 to b7, then b8 and l2 (coefficients only)."""
    return _networks("published_family.csv", EFFICIENTNET_B0)


@cache
def published_networks() -> Mapping[str, PublishedNetwork]:
    """All published rows by name: those of :func:`published_family`, then lite0 to lite4."""
    lite = _networks("published_lite.csv", EFFICIENTNET_LITE0)
    return MappingProxyType({**published_family(), **lite})


def published_network(name: str) -> PublishedNetwork | None:
    """The network of that name, such as ``b4``, ``B4`` or ``efficientnet-b4``; None where there is none."""
    return published_networks().get(name.lower().removeprefix("efficientnet-"))


def published_family_of(baseline: Arch) -> tuple[PublishedNetwork, ...]:
    """The networks that were published, with what they reached, as ``baseline`` scaled; there may be none."""
    return tuple(
        network
        for network in published_networks().values()
        if network.top1 is not None
        and replace(baseline, name=network.baseline) == BASELINES[network.baseline]
    )


def _networks(file: str, baseline: ArchSpec) -> Mapping[str, PublishedNetwork]:
    def number(cell: str, unit: float = 1.0) -> float | None:
        return float(cell) * unit if cell else None

    return MappingProxyType(
        {
            row["name"]: PublishedNetwork(
                name=row["name"],
                baseline=baseline.name,
                width=float(row["width"]),
                depth=float(row["depth"]),
                resolution=int(row["resolution"]),
                dropout=float(row["dropout"]),
                top1=number(row["top1"]),
                top5=number(row["top5"]),
                params=number(row["params_millions"], 1e6),
                flops=number(row["flops_billions"], 1e9),
                source=row["source"],
            )
            for row in published_rows(file)
        }
    )


def published_rows(name: str) -> list[dict[str, str]]:
    """The rows of a data file of this folder, each value as it stands there."""
    text = files("scalesearch.networks").joinpath(name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


# ----------------------------------------------------------------------------------------------------
# Networks that were published scaled in one dimension alone, or in all three by one rule.
#
# ``published_scaled.csv`` holds the rows of arXiv 1905.11946, Tables 3 and 7, each with its source.

BILLION = Decimal(10**9)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedScaling:
    """A baseline as published with ``scaling``: none, depth, width, resolution or compound.

    ``flops`` are multiply-adds for one image, ``flops_step`` what one more in the last printed digit of them
    would be, ``top1`` the ImageNet accuracy as a fraction.
    """

    baseline: str
    scaling: str
    depth: float
    width: float
    resolution: float
    flops: float
    flops_step: float
    top1: float
    source: str

    @property
    def multipliers(self) -> Multipliers:
        """Times as deep, wide and sharp as the baseline."""
        return Multipliers(depth=self.depth, width=self.width, resolution=self.resolution)

    def prints(self, macs: float) -> bool:
        """Whether so many multiply-adds, rounded to the printed digits, are the printed figure."""
        return abs(macs - self.flops) <= self.flops_step / 2


@cache
def published_scaled() -> tuple[PublishedScaling, ...]:
    """All rows, in the order of the tables."""
    return tuple(
        PublishedScaling(
            baseline=row["baseline"],
            scaling=row["scaling"],
            depth=float(row["depth"]),
            width=float(row["width"]),
            resolution=float(row["resolution"]),
            flops=float(Decimal(row["flops_billions"]) * BILLION),
            flops_step=float(Decimal((0, (1,), _last_place(row["flops_billions"]))) * BILLION),
            top1=float(row["top1"]),
            source=row["source"],
        )
        for row in published_rows("published_scaled.csv")
    )


@cache
def published_b0_scaled() -> Mapping[str, PublishedScaling]:
    """The rows of EfficientNet-B0 by scaling: none, depth, width, resolution, compound."""
    return MappingProxyType(
        {row.scaling: row for row in published_scaled() if row.baseline == "efficientnet-b0"}
    )


def _last_place(figure: str) -> int:
    """The power of ten of the last printed digit."""
    exponent = Decimal(figure).as_tuple().exponent
    assert isinstance(exponent, int)  # no figure of the file is infinite
    return exponent


# ----------------------------------------------------------------------------------------------------
# EfficientNet as others wrote it down: networks that pass for the paper's, with what each changed.
#
# Each is data over the same builder: a table, the rounding that goes with it, and the members that it
# names. So anyone can build, count, train and compare them, under their names, wherever a baseline is asked
# for. ``networks.explaining`` says in what they differ from the paper's, and what that costs.


def _published(*names: str, swapped: bool = False) -> tuple[Member, ...]:
    """Published rows as members, depth in width's place and the other way round where ``swapped``."""
    return tuple(
        Member(
            name=name,
            phi=None,
            depth=row.width if swapped else row.depth,
            width=row.depth if swapped else row.width,
            resolution=row.resolution,
            dropout=row.dropout,
        )
        for name in names
        for row in (published_family()[name],)
    )


def _by_the_rule(name: str, phi: float, resolution: int, dropout: float) -> Member:
    """A member whose depth and width are the paper's alpha and beta to the power of phi."""
    at = PAPER_COEFFICIENTS.at(phi)
    return Member(name=name, phi=phi, depth=at.depth, width=at.width, resolution=resolution, dropout=dropout)


def _expanding_3x3(stages: tuple[StageSpec, ...], **changes: Any) -> tuple[StageSpec, ...]:
    """Rows whose expansion, where they have one, is a 3x3 convolution."""
    return tuple(
        replace(stage, expand_kernel_size=3 if stage.expand_ratio != 1 else 1, **changes) for stage in stages
    )


_OFFICIAL = ("b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7")
# What torch's batch norm does unless told.
_TORCH_NORM: Mapping[str, Any] = MappingProxyType({"norm_eps": 1e-5, "norm_momentum": 0.1})

_NOTEBOOK_PYTORCH = Variant(
    name="notebook-pytorch",
    title="a PyTorch notebook, written from the paper",
    source="the notebook 'Efficient Net from scratch'",
    arch=replace(
        EFFICIENTNET_B0,
        name="notebook-pytorch",
        stages=_expanding_3x3(EFFICIENTNET_B0.stages),
        stem_width="floor",
        head_width="ceil",
        drop_path_rule="constant",
        **_TORCH_NORM,
    ),
    rounding=Rounding(channel_divisor=4, channels_rule="ceil"),
    members=(
        _by_the_rule("b0", 0, 224, 0.2),
        _by_the_rule("b1", 0.5, 240, 0.2),
        _by_the_rule("b2", 1, 260, 0.3),
        _by_the_rule("b3", 2, 300, 0.3),
        _by_the_rule("b4", 3, 380, 0.4),
        _by_the_rule("b5", 4, 456, 0.4),
        _by_the_rule("b6", 5, 528, 0.5),
        _by_the_rule("b7", 6, 600, 0.5),
    ),
    notes=(
        Note(
            what="depth and width of B1..B7",
            paper="a table of their own, which no phi gives",
            variant="1.2^phi and 1.1^phi, phi from its table: 0.5 for B1, then 1 to 6",
        ),
        Note(
            what="resolution of B1..B7",
            paper="of the same table",
            variant="the paper's, not 1.15^phi; the network itself takes any",
        ),
    ),
)

_NOTES = Variant(
    name="notes",
    title="notes on the paper, with its table of coefficients up to B8 and L2",
    source="the notes 'EfficientNets', on torch 1.10",
    arch=replace(EFFICIENTNET_B0, name="notes"),
    rounding=Rounding(),
    members=_published(*_OFFICIAL, "b8", "l2"),
    notes=(
        Note(
            what="search of the coefficients",
            paper="alpha, beta, gamma once, at phi = 1, then phi alone",
            variant="both in turn until neither changes: scalesearch alternate",
        ),
        Note(
            what="reward",
            paper="accuracy x (FLOPs / 400M)^-0.07, in the search for B0's own table",
            variant="the same: scalesearch search --objectives reward --reward-target 400000000",
        ),
        Note(what="AutoAugment", paper="in training", variant="the same: --recipe paper"),
        Note(
            what="fine-tuning",
            paper="on eight other data sets, from ImageNet's weights",
            variant="a pretrained network with a new classifier: --pretrained FILE",
        ),
        Note(
            what="B8 and L2",
            paper="not in it: of arXiv 1911.09665 and 1911.04252",
            variant="rows of the same table",
        ),
    ),
)


def _size(member: Member) -> str:
    return f"{member.depth:g} times as deep, {member.width:g} times as wide"


def _notebook_keras(name: str, form: str, **changes: Any) -> Variant:
    """The Keras notebook with one of its two forms of squeeze-and-excite."""
    stages = EFFICIENTNET_B0.stages
    # Of the expanded channels over 24 where 24 divides them, else over 4. It divides them wherever a block
    # expands by 6 and reads a multiple of 4 channels: by the notebook's rounding always. The first block
    # expands by 1.
    first = replace(
        stages[0], expand_always=True, squeeze_of="expanded", scaled_channels=False, scaled_repeats=False
    )
    others = tuple(replace(stage, squeeze_ratio=1 / 24, squeeze_of="expanded") for stage in stages[1:])
    # It calls its rows' numbers phi, which no power is made of: they have none.
    meant, built = (
        tuple(replace(member, dropout=0.0) for member in _published(*_OFFICIAL, swapped=swapped))
        for swapped in (False, True)
    )
    return Variant(
        name=name,
        title=f"a Keras notebook, its squeeze-and-excite of {form}",
        source="the notebook 'EfficientNet: Rethinking Model Scaling', on TensorFlow 2.4",
        arch=replace(
            EFFICIENTNET_B0,
            name=name,
            stages=(first, *others),
            activation="relu6",
            gate="softmax",
            conv_bias="all",
            stem_width="fixed",
            head_width="fixed",
            dropout=0.0,
            drop_path=0.0,
            **changes,
        ),
        rounding=Rounding(),
        members=built,
        meant=meant,
        notes=(
            Note(
                what="depth and width of B1..B7",
                paper=f"B4: {_size(meant[4])}",
                variant=f"its table holds (width, depth), and is handed over as (depth, width): B4 is built "
                f"{_size(built[4])}",
            ),
            Note(what="output", paper="logits", variant="their softmax, by its default; logits here"),
        ),
    )


_BLOG = Variant(
    name="blog",
    title="a blog's PyTorch implementation, never run there on CIFAR-10",
    source="boosungkim.com/blog/2023/efficientnet-implementation and the code that it speaks of, "
    "github.com/boosungkim/milestone-cnn-model-implementations, models/efficientnet.py",
    arch=replace(
        EFFICIENTNET_B0,
        name="blog",
        # Its channels over a quarter of the input's: 4 times the expansion ratio, whatever they are.
        stages=tuple(
            replace(stage, residual=False, squeezed=4 * int(stage.expand_ratio))
            for stage in _expanding_3x3(EFFICIENTNET_B0.stages)
        ),
        stem_width="floor",
        head_width="floor",
        conv_bias="activated",
        squeeze_form="dense",
        squeeze_bias=False,
        drop_path=0.5,
        drop_path_rule="constant",
        **_TORCH_NORM,
    ),
    rounding=Rounding(channel_divisor=4, channels_rule="floor", repeats_rule="floor"),
    members=tuple(_by_the_rule(f"b{phi}", phi, 224, 0.2) for phi in range(8)),
    notes=(
        Note(
            what="members",
            paper="B0 to B7",
            variant="phi 0 alone; its formulas make the others, all at 224 px: gamma is named, never used",
        ),
        Note(
            what="training",
            paper="on ImageNet",
            variant="never run: scalesearch scale --train --baseline blog --dataset cifar10",
        ),
    ),
)

VARIANTS: Mapping[str, Variant] = MappingProxyType(
    {
        variant.name: variant
        for variant in (
            _NOTEBOOK_PYTORCH,
            _NOTES,
            _notebook_keras("notebook-keras", "1x1 convolutions"),
            _notebook_keras("notebook-keras-dense", "fully connected layers", squeeze_form="dense"),
            _BLOG,
        )
    }
)
"""Every variant by its name."""


def rounding_of(name: str, given: Mapping[str, Any]) -> Rounding:
    """How a network of that name is rounded: a variant as it was written, any other by the official rules.

    Args:
        name: of the network.
        given: the rules that were asked for, by the names of ``Rounding``'s fields; they go before its own.

    Raises:
        ValueError: if one of them is out of range or unknown.
    """
    return replace(VARIANTS[name].rounding if name in VARIANTS else Rounding(), **given)


# ----------------------------------------------------------------------------------------------------
# A network as a TOML file: the same table as a built-in baseline's, to read and to write.

# A network's name becomes part of folders' names.
NAME = r"[a-z0-9][a-z0-9._-]*"


def read_network(path: Path) -> ArchSpec:
    """The network that a TOML file describes; without a ``name`` it is called like the file.

    Raises:
        ValueError: if the file can't be read, a key is missing or unknown, a value can't be, the strides
            leave next to nothing of the input, or a built-in baseline has the name but another table.
    """
    try:
        data = read_toml(path)
    except OSError as error:
        raise ValueError(
            f"`baseline` must be a file that can be read, got {path}: {error.strerror}"
        ) from error
    except ValueError as error:
        raise ValueError(f"`baseline` must be a TOML file, got {path}: {error}") from error
    try:
        return _network({"name": path.stem.lower()} | data)
    except ValueError as error:
        raise ValueError(f"`baseline` must describe a network, got {path}: {bare(error)}") from error


def _network(data: dict[str, Any]) -> ArchSpec:
    _require_keys(ArchSpec, data)
    if not (isinstance(data["name"], str) and re.fullmatch(NAME, data["name"])):
        raise ValueError(
            f"name must be of small letters, digits, dots, dashes and underscores, got {data['name']!r}"
        )
    rows = data["stages"]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("stages must be a list of tables, one for each stage")
    stages = []
    for number, row in enumerate(rows, start=1):
        try:
            block = row.get("block", "mbconv")
            if block not in get_args(BlockKind):
                raise ValueError(f"block must be one of {', '.join(get_args(BlockKind))}, got {block!r}")
            plain = {name: NONE[name] for name in UNSAID[block]}
            _require_keys(StageSpec, plain | row)
            stages.append(StageSpec(**plain | row))
        except ValueError as error:
            raise ValueError(f"stage {number}: {error}") from error
    arch = ArchSpec(**data | {"stages": tuple(stages)})
    require_resolution(arch, "resolution")
    known = built_in().get(arch.name)
    if known is not None and known != arch:
        raise ValueError(
            f"name must not be that of a built-in network with another table, got {arch.name!r}: change name "
            "in the file, or leave it out: the network is then called like the file"
        )
    return arch


def _require_keys(owner: type[ArchSpec] | type[StageSpec], data: dict[str, Any]) -> None:
    known = {field.name: field.default is MISSING for field in fields(owner)}
    for name in data:
        if name not in known:
            raise ValueError(f"unknown key {name!r}; there may be {', '.join(known)}")
    missing = [name for name, required in known.items() if required and name not in data]
    if missing:
        raise ValueError(f"{missing[0]} is missing")


def network_toml(arch: ArchSpec) -> str:
    """The file that :func:`read_network` reads ``arch`` from, a line for each row of its table."""
    values = {field.name: getattr(arch, field.name) for field in fields(arch) if field.name != "stages"}
    silent = {field.name for field in fields(arch) if field.metadata.get("seldom")}.difference(seldom(arch))
    said = {name: value for name, value in values.items() if value is not None and name not in silent}
    rows = arch.to_dict()["stages"]
    assert isinstance(rows, list)  # as from_dict wants it
    # What JSON writes for texts, numbers and truth values is TOML too.
    lines = ("{ " + ", ".join(f"{name} = {json.dumps(v)}" for name, v in row.items()) + " }" for row in rows)
    return tomli_w.dumps(said) + "stages = [\n" + "".join(f"    {line},\n" for line in lines) + "]\n"
