"""Lowering: a spec becomes blocks, a block becomes plain layers with all their sizes.

The builder (``network.py``) and the counter (``cost.py``) both read this list and nothing else, so what is
counted is what is built. A size is the (height, width) of a feature map in pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from scalesearch.architecture.spec import Activation, ArchSpec, BlockKind, StageSpec

__all__ = ["Block", "Conv", "Layer", "Linear", "MaxPool", "Pool", "Size", "SqueezeExcite", "lower"]

Size = tuple[int, int]


def _strided(size: Size, stride: int) -> Size:
    return -(-size[0] // stride), -(-size[1] // stride)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conv:
    """Convolution without bias, padded to give ``ceil(in_size / stride)``; batch norm; maybe activation."""

    in_channels: int
    out_channels: int
    kernel_size: int
    stride: int
    groups: int
    activation: Activation | None
    in_size: Size

    @property
    def padding(self) -> int:
        """Pixels of zeros on each side."""
        return (self.kernel_size - 1) // 2

    @property
    def out_size(self) -> Size:
        """Height and width of the output."""
        return _strided(self.in_size, self.stride)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaxPool:
    """Maximum over 3x3 windows two pixels apart, padded to give ``ceil(in_size / 2)``."""

    channels: int
    in_size: Size

    @property
    def out_size(self) -> Size:
        """Height and width of the output."""
        return _strided(self.in_size, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class SqueezeExcite:
    """Average pool, 1x1 to ``squeezed`` channels, activation, 1x1 back, sigmoid, product.

    Both 1x1 have biases.
    """

    channels: int
    squeezed: int
    activation: Activation
    size: Size


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Global average pool: (channels, height, width) to (channels)."""

    channels: int
    size: Size


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """The classifier: dropout, then a fully connected layer with bias."""

    in_features: int
    out_features: int
    dropout: float


Layer = Conv | MaxPool | SqueezeExcite | Pool | Linear


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Layers in a row; where ``residual``, their input is added to their output.

    ``drop_path`` is the probability that stochastic depth skips the layers for a sample in training. Where
    there is a ``shortcut``, the input goes through it to the sum; an ``activation`` follows the sum.
    """

    name: str
    layers: tuple[Layer, ...]
    residual: bool = False
    drop_path: float = 0.0
    shortcut: Conv | None = None
    activation: Activation | None = None

    @property
    def every(self) -> tuple[Layer, ...]:
        """All layers, the shortcut's too."""
        return self.layers if self.shortcut is None else (*self.layers, self.shortcut)


class _Site(NamedTuple):
    """Where a block stands: what it reads, with what stride, and the network's activation."""

    in_channels: int
    stride: int
    size: Size
    activation: Activation

    def conv(
        self,
        out_channels: int,
        kernel_size: int = 1,
        *,
        strided: bool = False,
        act: bool = True,
        groups: int = 1,
    ) -> Conv:
        """A convolution of what is read here."""
        return Conv(
            in_channels=self.in_channels,
            out_channels=out_channels,
            kernel_size=kernel_size,
            stride=self.stride if strided else 1,
            groups=groups,
            activation=self.activation if act else None,
            in_size=self.size,
        )

    def after(self, conv: Conv) -> _Site:
        """What comes after a convolution; the stride is spent where it has one."""
        return _Site(
            in_channels=conv.out_channels,
            stride=self.stride // conv.stride,
            size=conv.out_size,
            activation=self.activation,
        )


def _squeeze_excite(stage: StageSpec, block_input: int, site: _Site) -> tuple[SqueezeExcite, ...]:
    if stage.squeeze_ratio == 0:
        return ()
    squeezed = max(1, int(stage.squeeze_ratio * block_input))
    gate = SqueezeExcite(
        channels=site.in_channels, squeezed=squeezed, activation=site.activation, size=site.size
    )
    return (gate,)


def _mbconv(stage: StageSpec, site: _Site) -> tuple[Layer, ...]:
    """Inverted bottleneck: expand, depthwise, squeeze-and-excite, project (arXiv 1905.11946, section 4)."""
    read = site.in_channels
    expanded = read * stage.expand_ratio
    layers: list[Layer] = []
    if stage.expand_ratio != 1:
        expand = site.conv(expanded)
        layers.append(expand)
        site = site.after(expand)
    depthwise = site.conv(expanded, stage.kernel_size, strided=True, groups=expanded)
    site = site.after(depthwise)
    return (*layers, depthwise, *_squeeze_excite(stage, read, site), site.conv(stage.channels, act=False))


def _fused_mbconv(stage: StageSpec, site: _Site) -> tuple[Layer, ...]:
    """Expansion and depthwise convolution as one plain convolution (arXiv 2104.00298, section 3.2).

    Without expansion there is no projection either: the plain convolution is the block.
    """
    read = site.in_channels
    if stage.expand_ratio == 1:
        whole = site.conv(stage.channels, stage.kernel_size, strided=True)
        return (whole, *_squeeze_excite(stage, read, site.after(whole)))
    expand = site.conv(read * stage.expand_ratio, stage.kernel_size, strided=True)
    site = site.after(expand)
    return (expand, *_squeeze_excite(stage, read, site), site.conv(stage.channels, act=False))


def _separable(stage: StageSpec, site: _Site) -> tuple[Layer, ...]:
    """Depthwise, then 1x1, each with its activation (arXiv 1704.04861, section 3.1)."""
    depthwise = site.conv(site.in_channels, stage.kernel_size, strided=True, groups=site.in_channels)
    return (depthwise, site.after(depthwise).conv(stage.channels))


def _bottleneck(stage: StageSpec, site: _Site) -> tuple[Layer, ...]:
    """1x1 down, kernel, 1x1 up (arXiv 1512.03385, section 4.1), the stride in the middle (torchvision's)."""
    reduce = site.conv(stage.inner_channels)
    site = site.after(reduce)
    middle = site.conv(stage.inner_channels, stage.kernel_size, strided=True, groups=stage.groups)
    return (reduce, middle, site.after(middle).conv(stage.channels, act=False))


def _basic(stage: StageSpec, site: _Site) -> tuple[Layer, ...]:
    """Two convolutions (arXiv 1512.03385, section 3.3)."""
    first = site.conv(stage.channels, stage.kernel_size, strided=True)
    return (first, site.after(first).conv(stage.channels, stage.kernel_size, act=False))


_RULES: Mapping[BlockKind, Callable[[StageSpec, _Site], tuple[Layer, ...]]] = MappingProxyType(
    {
        "mbconv": _mbconv,
        "fused_mbconv": _fused_mbconv,
        "separable": _separable,
        "bottleneck": _bottleneck,
        "basic": _basic,
    }
)
# ResNet's blocks have a shortcut wherever the map or the channels change, and their last activation after
# the sum; a separable block has no sum at all.
_ALWAYS_RESIDUAL = ("bottleneck", "basic")
_NEVER_RESIDUAL = ("separable",)


def lower(arch: ArchSpec) -> Iterator[Block]:
    """The blocks of ``arch`` from input to classifier, every layer with its sizes."""
    site = _Site(
        in_channels=arch.in_channels,
        stride=arch.stem_stride,
        size=arch.input_size,
        activation=arch.activation,
    )
    stem = site.conv(arch.stem_channels, arch.stem_kernel_size, strided=True)
    channels, size = stem.out_channels, stem.out_size
    opening: tuple[Layer, ...] = (stem,)
    if arch.stem_pool:
        pool = MaxPool(channels=channels, in_size=size)
        opening, size = (stem, pool), pool.out_size
    yield Block(name="stem", layers=opening)
    index, blocks = 0, arch.blocks
    for stage_number, stage in enumerate(arch.stages, start=1):
        stride = stage.stride
        for repeat in range(1, stage.repeats + 1):
            site = _Site(in_channels=channels, stride=stride, size=size, activation=arch.activation)
            # From the second repeat on all blocks of a stage are alike: they share one tuple of layers.
            if repeat <= 2:
                layers = _RULES[stage.block](stage, site)
            always = stage.block in _ALWAYS_RESIDUAL
            same = stride == 1 and channels == stage.channels
            yield Block(
                name=f"stage{stage_number}_block{repeat}",
                layers=layers,
                residual=always or (same and stage.block not in _NEVER_RESIDUAL),
                drop_path=arch.drop_path * index / blocks,
                shortcut=site.conv(stage.channels, strided=True, act=False) if always and not same else None,
                activation=arch.activation if always else None,
            )
            channels, size, stride, index = stage.channels, _strided(size, stride), 1, index + 1
    head: tuple[Layer, ...] = ()
    if arch.head_channels:
        site = _Site(in_channels=channels, stride=1, size=size, activation=arch.activation)
        last = site.conv(arch.head_channels)
        head, channels = (last,), last.out_channels
    yield Block(
        name="head",
        layers=(
            *head,
            Pool(channels=channels, size=size),
            Linear(in_features=channels, out_features=arch.classes, dropout=arch.dropout),
        ),
    )
