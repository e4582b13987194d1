"""A network lowered to plain layers, which builder and counter both read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from scalesearch.networks.spec import (
    Activation,
    ArchSpec,
    BlockKind,
    ConvBias,
    Gate,
    Norm,
    SqueezeForm,
    StageSpec,
)

# ----------------------------------------------------------------------------------------------------
# What networks are made of: plain layers with all their sizes, and blocks of them.

Size = tuple[int, int]


def strided(size: Size, stride: int) -> Size:
    """Height and width of what a step of ``stride`` pixels leaves of a padded map."""
    return -(-size[0] // stride), -(-size[1] // stride)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conv:
    """Convolution, padded to give ``ceil(in_size / stride)``; maybe a norm; maybe activation.

    An even kernel has no padding, and its stride is as large: what does not fill a patch is left out.
    """

    in_channels: int
    out_channels: int
    kernel_size: int
    stride: int
    groups: int
    activation: Activation | None
    in_size: Size
    bias: bool = False
    norm: Norm | None = "batch"

    @property
    def depthwise(self) -> bool:
        """Whether each channel goes its own way."""
        return self.groups == self.in_channels == self.out_channels

    @property
    def group_width(self) -> int:
        """Channels that each channel of the output reads."""
        return self.in_channels // self.groups

    @property
    def padding(self) -> int:
        """Pixels of zeros on each side."""
        return (self.kernel_size - 1) // 2 if self.kernel_size % 2 else 0

    @property
    def out_size(self) -> Size:
        """Height and width of the output."""
        if self.kernel_size % 2:
            return strided(self.in_size, self.stride)
        return self.in_size[0] // self.stride, self.in_size[1] // self.stride


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerNorm:
    """Layer norm over the channels of each pixel, with a scale and a shift of each channel."""

    channels: int
    size: Size


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerScale:
    """A learned factor of each channel, which begins as ``start``."""

    channels: int
    size: Size
    start: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxPool:
    """Maximum over 3x3 windows two pixels apart, padded to give ``ceil(in_size / 2)``."""

    channels: int
    in_size: Size

    @property
    def out_size(self) -> Size:
        """Height and width of the output."""
        return strided(self.in_size, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class SqueezeExcite:
    """Average pool, 1x1 to ``squeezed`` channels, activation, 1x1 back, ``gate``, product.

    The second 1x1 has a bias, and the first where ``bias`` says so.
    """

    channels: int
    squeezed: int
    activation: Activation
    size: Size
    gate: Gate = "sigmoid"
    form: SqueezeForm = "conv"
    bias: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Global average pool: (channels, height, width) to (channels).

    Where ``as_map`` it gives (channels, 1, 1), for a convolution to read.
    """

    channels: int
    size: Size
    as_map: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """The classifier: dropout, then a fully connected layer with bias.

    Where ``of_map`` it reads (in_features, 1, 1), as a convolution gives them.
    """

    in_features: int
    out_features: int
    dropout: float
    of_map: bool = False


Layer = Conv | LayerNorm | LayerScale | MaxPool | SqueezeExcite | Pool | Linear


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Layers in a row; where ``residual``, their input is added to their output.

    ``drop_path`` is the probability that stochastic depth drops what the layers give for a sample in
    training; without a sum nothing is left of it then. Where there is a ``shortcut``, the input goes through
    it to the sum; an ``activation`` follows the sum.
    """

    name: str
    layers: tuple[Layer, ...]
    residual: bool = False
    drop_path: float = 0.0
    shortcut: Conv | None = None
    activation: Activation | None = None

    @property
    def row(self) -> str:
        """The row of the table that it belongs to: ``stem``, ``stage1`` and so on, ``head``."""
        return self.name.partition("_")[0]

    @property
    def every(self) -> tuple[Layer, ...]:
        """All layers, the shortcut's too."""
        return self.layers if self.shortcut is None else (*self.layers, self.shortcut)


# ----------------------------------------------------------------------------------------------------
# Lowering: a spec becomes blocks, a block becomes plain layers with all their sizes.
#
# The builder (``build.py``) and the counter (``cost.py``) both read this list and nothing else, so what
# is counted is what is built. A size is the (height, width) of a feature map in pixels.


class _Manner(NamedTuple):
    """What all blocks of a network have in common."""

    activation: Activation
    conv_bias: ConvBias
    squeeze_activation: Activation
    gate: Gate
    squeeze_form: SqueezeForm
    squeeze_bias: bool
    norm: Norm
    layer_scale: float

    @classmethod
    def of(cls, arch: ArchSpec) -> _Manner:
        """The network's."""
        return cls(
            activation=arch.activation,
            conv_bias=arch.conv_bias,
            squeeze_activation=arch.squeeze_activation or arch.activation,
            gate=arch.gate,
            squeeze_form=arch.squeeze_form,
            squeeze_bias=arch.squeeze_bias,
            norm=arch.norm,
            layer_scale=arch.layer_scale,
        )


class _Site(NamedTuple):
    """Where a block stands: what it reads, with what stride, and what it shares with all blocks."""

    in_channels: int
    stride: int
    size: Size
    manner: _Manner

    def conv(
        self,
        out_channels: int,
        kernel_size: int = 1,
        *,
        strided: bool = False,
        act: bool = True,
        groups: int = 1,
        norm: bool = True,
    ) -> Conv:
        """A convolution of what is read here."""
        return Conv(
            in_channels=self.in_channels,
            out_channels=out_channels,
            kernel_size=kernel_size,
            stride=self.stride if strided else 1,
            groups=groups,
            activation=self.manner.activation if act else None,
            in_size=self.size,
            bias=self.manner.conv_bias == "all" or (act and self.manner.conv_bias == "activated"),
            norm=self.manner.norm if norm else None,
        )

    def normed(self) -> LayerNorm:
        """Layer norm of what is read here."""
        return LayerNorm(channels=self.in_channels, size=self.size)

    def after(self, conv: Conv) -> _Site:
        """What comes after a convolution; the stride is spent where it has one."""
        return _Site(
            in_channels=conv.out_channels,
            stride=self.stride // conv.stride,
            size=conv.out_size,
            manner=self.manner,
        )


def _squeeze_excite(stage: StageSpec, block_input: int, site: _Site) -> tuple[SqueezeExcite, ...]:
    squeezed = stage.bottleneck_of_gate(block_input, site.in_channels)
    if squeezed == 0:
        return ()
    manner = site.manner
    gate = SqueezeExcite(
        channels=site.in_channels,
        squeezed=squeezed,
        activation=manner.squeeze_activation,
        size=site.size,
        gate=manner.gate,
        form=manner.squeeze_form,
        bias=manner.squeeze_bias,
    )
    return (gate,)


def _mbconv(stage: StageSpec, site: _Site) -> tuple[Layer, ...]:
    """Inverted bottleneck: expand, depthwise, squeeze-and-excite, project (arXiv 1905.11946, section 4).

    A depthwise convolution may stand at the start as well, or instead (2404.10518, section 3).
    """
    read = site.in_channels
    expanded = stage.expanded(read)
    layers: list[Layer] = []
    if stage.start_kernel_size:
        alone = stage.kernel_size == 0
        start = site.conv(read, stage.start_kernel_size, strided=alone, act=False, groups=read)
        layers.append(start)
        site = site.after(start)
    if stage.expand_ratio != 1 or stage.expand_always:
        expand = site.conv(expanded, stage.expand_kernel_size)
        layers.append(expand)
        site = site.after(expand)
    if stage.kernel_size:
        depthwise = site.conv(expanded, stage.kernel_size, strided=True, groups=expanded)
        layers.append(depthwise)
        site = site.after(depthwise)
    return (*layers, *_squeeze_excite(stage, read, site), site.conv(stage.channels, act=False))


def _fused_mbconv(stage: StageSpec, site: _Site) -> tuple[Layer, ...]:
    """Expansion and depthwise convolution as one plain convolution (arXiv 2104.00298, section 3.2).

    Without expansion there is no projection either: the plain convolution is the block.
    """
    read = site.in_channels
    if stage.expand_ratio == 1:
        whole = site.conv(stage.channels, stage.kernel_size, strided=True)
        return (whole, *_squeeze_excite(stage, read, site.after(whole)))
    expand = site.conv(stage.expanded(read), stage.kernel_size, strided=True)
    site = site.after(expand)
    return (expand, *_squeeze_excite(stage, read, site), site.conv(stage.channels, act=False))


def _separable(stage: StageSpec, site: _Site) -> tuple[Layer, ...]:
    """Depthwise, then 1x1, each with its activation (arXiv 1704.04861, section 3.1)."""
    depthwise = site.conv(site.in_channels, stage.kernel_size, strided=True, groups=site.in_channels)
    return (depthwise, site.after(depthwise).conv(stage.channels))


def _bottleneck(stage: StageSpec, site: _Site) -> tuple[Layer, ...]:
    """1x1 down, kernel, 1x1 up (arXiv 1512.03385, section 4.1), the stride in the middle (torchvision's).

    Squeeze-and-excite weighs what the middle gives (2003.13678, section 5).
    """
    read = site.in_channels
    reduce = site.conv(stage.inner_channels)
    site = site.after(reduce)
    middle = site.conv(stage.inner_channels, stage.kernel_size, strided=True, groups=stage.inner_groups)
    site = site.after(middle)
    return (reduce, middle, *_squeeze_excite(stage, read, site), site.conv(stage.channels, act=False))


def _basic(stage: StageSpec, site: _Site) -> tuple[Layer, ...]:
    """Two convolutions (arXiv 1512.03385, section 3.3)."""
    first = site.conv(stage.channels, stage.kernel_size, strided=True)
    return (first, site.after(first).conv(stage.channels, stage.kernel_size, act=False))


def _convnext(stage: StageSpec, site: _Site) -> tuple[Layer, ...]:
    """Depthwise with a norm, 1x1 to more channels, activation, 1x1 back (arXiv 2201.03545, section 2.6)."""
    depthwise = site.conv(site.in_channels, stage.kernel_size, act=False, groups=site.in_channels)
    expand = site.conv(stage.expanded(site.in_channels), norm=False)
    project = site.after(expand).conv(stage.channels, norm=False, act=False)
    start = site.manner.layer_scale
    scale = (LayerScale(channels=stage.channels, size=site.size, start=start),) if start else ()
    return (depthwise, expand, project, *scale)


def _to_stage(stage: StageSpec, site: _Site) -> tuple[LayerNorm, Conv] | None:
    """What takes a map to a stage of ConvNeXt's, where it has another size or other channels there."""
    if site.stride == 1 and site.in_channels == stage.channels:
        return None
    return site.normed(), site.conv(stage.channels, site.stride, strided=True, act=False, norm=False)


def _conv(stage: StageSpec, site: _Site) -> tuple[Layer, ...]:
    return (site.conv(stage.channels, stage.kernel_size, strided=True),)


_RULES: Mapping[BlockKind, Callable[[StageSpec, _Site], tuple[Layer, ...]]] = MappingProxyType(
    {
        "mbconv": _mbconv,
        "fused_mbconv": _fused_mbconv,
        "separable": _separable,
        "bottleneck": _bottleneck,
        "basic": _basic,
        "conv": _conv,
        "convnext": _convnext,
    }
)


# The many networks of a plan have few kinds of stages, at few sites.
@lru_cache(maxsize=16384)
def _layers(stage: StageSpec, site: _Site) -> tuple[Layer, ...]:
    """The layers of a stage's block."""
    return _RULES[stage.block](stage, site)


# ResNet's blocks have a shortcut wherever the map or the channels change, and their last activation after
# the sum; a separable block has no sum at all.
_ALWAYS_RESIDUAL = ("bottleneck", "basic")
_NEVER_RESIDUAL = ("separable", "conv")


class Run(NamedTuple):
    """Blocks in a row that are alike: the stem, the first block of a stage, all after it, the head.

    Attributes:
        name: ``stem``, ``stage1`` and so on, ``head``.
        layers: of each block.
        times: how many blocks there are.
        skipped: whether each is alike at both ends, by itself or by a shortcut, so that it can be left out.
        residual: whether it then adds its input to its output.
        shortcut: what the input goes through to the sum.
        leads: whether it is no block, but what leads from the stage before to the first one.
    """

    name: str
    layers: tuple[Layer, ...]
    times: int = 1
    skipped: bool = False
    residual: bool = False
    shortcut: Conv | None = None
    leads: bool = False


def runs(arch: ArchSpec) -> Iterator[Run]:
    """The runs of ``arch`` from input to classifier, every layer with its sizes.

    Costs need no more: what tells the blocks of a run apart is how likely stochastic depth drops them.
    """
    manner = _Manner.of(arch)
    site = _Site(arch.in_channels, arch.stem_stride, arch.input_size, manner)
    stem = site.conv(arch.stem_channels, arch.stem_kernel_size, strided=True, act=arch.stem_activated)
    site = site.after(stem)
    if arch.stem_pool:
        pool = MaxPool(channels=site.in_channels, in_size=site.size)
        site = _Site(site.in_channels, 1, pool.out_size, manner)
        yield Run("stem", (stem, pool))
    else:
        yield Run("stem", (stem,))
    usual = manner
    for number, stage in enumerate(arch.stages, start=1):
        stride = stage.stride
        manner = usual._replace(activation=stage.activation) if stage.activation else usual
        always, never = stage.block in _ALWAYS_RESIDUAL, stage.block in _NEVER_RESIDUAL
        if stage.block == "convnext":
            led = _to_stage(stage, site._replace(stride=stride, manner=manner))
            if led is not None:
                yield Run(f"stage{number}", led, leads=True)
                site = site.after(led[1])
            stride = 1
        # From the second repeat on all blocks of a stage are alike.
        for times in (1, stage.repeats - 1):
            if times == 0:
                continue
            site = _Site(site.in_channels, stride, site.size, manner)
            same = stride == 1 and site.in_channels == stage.channels
            skipped = always or (same and not never)
            yield Run(
                f"stage{number}",
                _layers(stage, site),
                times,
                skipped,
                skipped and stage.residual,
                site.conv(stage.channels, strided=True, act=False) if always and not same else None,
            )
            site = _Site(stage.channels, 1, strided(site.size, stride), manner)
            stride = 1
    site = site._replace(manner=usual)
    layers: tuple[Layer, ...] = ()
    if arch.head_channels:
        last = site.conv(arch.head_channels)
        site = site.after(last)
        layers = (last,)
    as_map = arch.features > 0 or arch.pooled_norm
    layers += (Pool(channels=site.in_channels, size=site.size, as_map=as_map),)
    site = site._replace(size=(1, 1))
    if arch.pooled_norm:
        layers += (site.normed(),)
    if arch.features:
        feature = site.conv(arch.features, norm=arch.features_norm)
        feature = replace(feature, bias=not arch.features_norm)
        site = site.after(feature)
        layers += (feature,)
    classifier = Linear(
        in_features=site.in_channels,
        out_features=arch.classes,
        dropout=arch.dropout,
        of_map=as_map,
    )
    yield Run("head", (*layers, classifier))


def lower(arch: ArchSpec) -> Iterator[Block]:
    """The blocks of ``arch`` from input to classifier, every layer with its sizes.

    The blocks of a run share one tuple of layers.
    """
    index, blocks, growing = 0, arch.blocks, arch.drop_path_rule == "linear"
    stages = {f"stage{number}": stage for number, stage in enumerate(arch.stages, start=1)}
    before = ""
    for run in runs(arch):
        stage = stages.get(run.name)
        if stage is None:
            yield Block(name=run.name, layers=run.layers)
            continue
        if run.leads:
            yield Block(name=f"{run.name}_entry", layers=run.layers)
            continue
        first = 1 if run.name != before else 2
        before = run.name
        for repeat in range(first, first + run.times):
            drop_path = arch.drop_path * index / blocks if growing else arch.drop_path
            yield Block(
                name=f"{run.name}_block{repeat}",
                layers=run.layers,
                residual=run.residual,
                drop_path=drop_path if run.skipped else 0.0,
                shortcut=run.shortcut,
                activation=(stage.activation or arch.activation) if stage.block in _ALWAYS_RESIDUAL else None,
            )
            index += 1
