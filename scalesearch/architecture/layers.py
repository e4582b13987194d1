"""Lowering: a spec becomes blocks, a block becomes plain layers with all their sizes.

The builder (``network.py``) and the counter (``cost.py``) both read this list and nothing else, so what is
counted is what is built. Images are square; a size is the side of a feature map in pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scalesearch.architecture.spec import STEM_STRIDE, ArchSpec, StageSpec

__all__ = ["Block", "Conv", "Layer", "Linear", "Pool", "SqueezeExcite", "lower"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conv:
    """Convolution without bias, padded to give ``ceil(in_size / stride)``; batch norm; then maybe SiLU."""

    in_channels: int
    out_channels: int
    kernel_size: int
    stride: int
    groups: int
    activation: bool
    in_size: int

    @property
    def padding(self) -> int:
        """Pixels of zeros on each side."""
        return (self.kernel_size - 1) // 2

    @property
    def out_size(self) -> int:
        """Side of the output."""
        return -(-self.in_size // self.stride)


@dataclass(frozen=True, slots=True, kw_only=True)
class SqueezeExcite:
    """Average pool, 1x1 to ``squeezed`` channels, SiLU, 1x1 back, sigmoid, product. Both 1x1 have biases."""

    channels: int
    squeezed: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Global average pool: (channels, size, size) to (channels)."""

    channels: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """The classifier: dropout, then a fully connected layer with bias."""

    in_features: int
    out_features: int
    dropout: float


Layer = Conv | SqueezeExcite | Pool | Linear


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Layers in a row; where ``residual``, their input is added to their output.

    ``drop_path`` is the probability that stochastic depth skips the block for a sample in training.
    """

    name: str
    layers: tuple[Layer, ...]
    residual: bool = False
    drop_path: float = 0.0


def _mbconv(stage: StageSpec, in_channels: int, stride: int, size: int) -> tuple[Layer, ...]:
    """Mobile inverted bottleneck: expand 1x1, depthwise, squeeze-and-excite, project 1x1 (section 4)."""
    expanded = in_channels * stage.expand_ratio
    layers: list[Layer] = []
    if stage.expand_ratio != 1:
        layers.append(
            Conv(
                in_channels=in_channels,
                out_channels=expanded,
                kernel_size=1,
                stride=1,
                groups=1,
                activation=True,
                in_size=size,
            )
        )
    depthwise = Conv(
        in_channels=expanded,
        out_channels=expanded,
        kernel_size=stage.kernel_size,
        stride=stride,
        groups=expanded,
        activation=True,
        in_size=size,
    )
    layers.append(depthwise)
    if stage.squeeze_ratio > 0:
        squeezed = max(1, int(stage.squeeze_ratio * in_channels))
        layers.append(SqueezeExcite(channels=expanded, squeezed=squeezed, size=depthwise.out_size))
    layers.append(
        Conv(
            in_channels=expanded,
            out_channels=stage.channels,
            kernel_size=1,
            stride=1,
            groups=1,
            activation=False,
            in_size=depthwise.out_size,
        )
    )
    return tuple(layers)


def lower(arch: ArchSpec) -> Iterator[Block]:
    """The blocks of ``arch`` from input to classifier, every layer with its sizes."""
    stem = Conv(
        in_channels=arch.in_channels,
        out_channels=arch.stem_channels,
        kernel_size=arch.stem_kernel_size,
        stride=STEM_STRIDE,
        groups=1,
        activation=True,
        in_size=arch.resolution,
    )
    yield Block(name="stem", layers=(stem,))
    channels, size, index, blocks = stem.out_channels, stem.out_size, 0, arch.blocks
    for stage_number, stage in enumerate(arch.stages, start=1):
        stride = stage.stride
        for repeat in range(1, stage.repeats + 1):
            # From the second repeat on all blocks of a stage are alike: they share one tuple of layers.
            if repeat <= 2:
                layers = _mbconv(stage, channels, stride, size)
            yield Block(
                name=f"stage{stage_number}_block{repeat}",
                layers=layers,
                residual=stride == 1 and channels == stage.channels,
                drop_path=arch.drop_path * index / blocks,
            )
            channels, size, stride, index = stage.channels, -(-size // stride), 1, index + 1
    last = Conv(
        in_channels=channels,
        out_channels=arch.head_channels,
        kernel_size=1,
        stride=1,
        groups=1,
        activation=True,
        in_size=size,
    )
    yield Block(
        name="head",
        layers=(
            last,
            Pool(channels=arch.head_channels, size=size),
            Linear(in_features=arch.head_channels, out_features=arch.classes, dropout=arch.dropout),
        ),
    )
