"""What networks are made of: plain layers with all their sizes, and blocks of them."""

from __future__ import annotations

from dataclasses import dataclass

from scalesearch.architecture.table_spec import Activation, Gate, Norm, SqueezeForm

__all__ = [
    "Block",
    "Conv",
    "Layer",
    "LayerNorm",
    "LayerScale",
    "Linear",
    "MaxPool",
    "Pool",
    "Size",
    "SqueezeExcite",
    "strided",
]

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
