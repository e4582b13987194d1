"""One row of a network's table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, Literal

from scalesearch.architecture.checks import (
    MOST,
    MOST_REPEATS,
    require_bool,
    require_choice,
    require_counts,
    require_odd,
    set_share,
)
from scalesearch.architecture.rounding import Rounding
from scalesearch.plain import is_number, shown

__all__ = [
    "LATER",
    "NONE",
    "SELDOM",
    "UNSAID",
    "WITHOUT",
    "Activation",
    "BlockKind",
    "SqueezeOf",
    "StageSpec",
    "plain",
    "seldom",
]

Activation = Literal["silu", "relu", "relu6", "hard_swish", "gelu"]
BlockKind = Literal["mbconv", "fused_mbconv", "separable", "bottleneck", "basic", "conv", "convnext"]
SqueezeOf = Literal["input", "expanded"]
# What a field is where there is none of it, and which blocks have none of what.
NONE: Mapping[str, Any] = MappingProxyType(
    {
        **{"squeeze_ratio": 0, "squeezed": 0, "squeeze_of": "input", "squeeze_multiple": 1},
        **{"expand_ratio": 1, "expand_kernel_size": 1, "expand_always": False, "residual": True},
        **{"groups": 1, "group_width": 0, "start_kernel_size": 0},
    }
)
# Past it a multiplier of a few percent would be one of thousands.
MOST_EXPONENT = 10
_OFFICIAL = Rounding()
# Blocks that may expand by a fraction.
_FRACTIONAL = ("mbconv", "fused_mbconv")
_EXPANSION = ("expand_kernel_size", "expand_always", "start_kernel_size")
_GROUPS = ("groups", "group_width")
_SQUEEZE = ("squeeze_ratio", "squeezed", "squeeze_of", "squeeze_multiple")
WITHOUT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "mbconv": _GROUPS,
        "fused_mbconv": (*_GROUPS, *_EXPANSION),
        "separable": (*_SQUEEZE, "expand_ratio", *_GROUPS, *_EXPANSION, "residual"),
        "bottleneck": (*_EXPANSION, "residual"),
        "basic": (*_SQUEEZE, "expand_ratio", *_GROUPS, *_EXPANSION, "residual"),
        "conv": (*_SQUEEZE, "expand_ratio", *_GROUPS, *_EXPANSION, "residual"),
        "convnext": (*_SQUEEZE, *_GROUPS, *_EXPANSION, "residual"),
    }
)
# What a row of a file need not say: what its block can't have, and what most bottlenecks have not.
UNSAID: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {**WITHOUT, "bottleneck": (*WITHOUT["bottleneck"], *_SQUEEZE)}
)
# A field that the first version's specs had not: they read as if at its default, and keep their keys.
LATER = {"later": True}
# One that hardly any network needs: a file that describes a network says nothing of it either.
SELDOM = LATER | {"seldom": True}


def plain(value: Any) -> dict[str, Any]:
    """A spec's fields, the later ones only where they say something."""
    return {
        f.name: getattr(value, f.name)
        for f in fields(value)
        if not (f.metadata.get("later") and getattr(value, f.name) == f.default)
    }


def seldom(value: Any) -> tuple[str, ...]:
    """The names of a spec's seldom fields that say something."""
    return tuple(
        f.name for f in fields(value) if f.metadata.get("seldom") and getattr(value, f.name) != f.default
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSpec:
    """One row of a paper's table: ``repeats`` blocks, of which the first has the stride.

    Attributes:
        block: ``mbconv`` (arXiv 1801.04381, with squeeze-and-excite 1905.11946), ``fused_mbconv``
            (2104.00298), ``separable`` (1704.04861), ``bottleneck`` or ``basic`` (1512.03385), ``conv``, a
            convolution by itself, or ``convnext`` (2201.03545), before the first of which layer norm and a
            convolution of patches as large as the stride take the map and the channels to the stage's.
        repeats: blocks in the stage.
        kernel_size: side of the kernel that looks at neighbours; a basic block has two of them. 0 leaves the
            depthwise convolution in the middle of an mbconv block out; its stride is then that of the one at
            the start.
        stride: of the first block.
        expand_ratio: what the widest map of a block has times the channels of its input; in a bottleneck,
            what its output has times the channels inside, 4 in ResNet. 1 for separable and basic. It may be a
            fraction in mbconv and fused_mbconv: the widest map then has the nearest multiple of 8 channels,
            as in MobileNetV3 (1905.02244).
        channels: of the output of each block.
        squeeze_ratio: the squeeze-and-excite bottleneck as a share of the channels that ``squeeze_of`` names;
            0 leaves squeeze-and-excite out. Only mbconv, fused_mbconv and bottleneck (RegNetY, 2003.13678)
            can have one.
        groups: of the middle convolution of a bottleneck (ResNeXt, 1611.05431); the channels inside are a
            multiple of it however they are scaled.
        scaled_repeats: whether depth multiplies ``repeats``.
        expand_kernel_size: of the convolution that expands an mbconv block's input, 1 in the papers.
        expand_always: whether an mbconv block has one even where ``expand_ratio`` is 1.
        squeezed: channels of the squeeze-and-excite bottleneck where they are a number of their own, which no
            width changes, instead of a share; 0 where ``squeeze_ratio`` says.
        squeeze_of: ``input``: the share is of the block's input channels, as in the paper's code;
            ``expanded``: of the channels that squeeze-and-excite weighs.
        residual: whether an mbconv or fused_mbconv block adds its input to its output where they are alike.
            Where it doesn't, stochastic depth drops the outputs of such blocks with nothing in their place.
        scaled_channels: whether width multiplies ``channels``.
        activation: of the row's blocks, where it is not the network's.
        squeeze_multiple: what the channels of the squeeze-and-excite bottleneck are rounded to a multiple of,
            by the official rule of channels, where ``squeeze_ratio`` says how many they are.
        group_width: channels of each group of the middle convolution of a bottleneck, where width makes more
            groups and not wider ones (RegNet); 0 where ``groups`` says. The channels inside are a multiple.
        start_kernel_size: of a depthwise convolution, without activation, before an mbconv block's expansion
            (the universal inverted bottleneck of MobileNetV4, 2404.10518); 0 leaves it out.
        depth_exponent: how strongly depth works on the row, where it does: its blocks are multiplied by the
            depth multiplier to this power. 0 is as if ``scaled_repeats`` were false.
        width_exponent: the same of width and the row's channels.
        joined: whether the row goes on with the stage of the row above it: depth multiplies the blocks of all
            its rows together, and shares them out from the last row up, as in timm. Such a row has no stride.
    """

    block: BlockKind = "mbconv"
    repeats: int
    kernel_size: int
    stride: int
    expand_ratio: float
    channels: int
    squeeze_ratio: float = 0.25
    groups: int = field(default=1, metadata=LATER)
    scaled_repeats: bool = field(default=True, metadata=LATER)
    expand_kernel_size: int = field(default=1, metadata=SELDOM)
    expand_always: bool = field(default=False, metadata=SELDOM)
    squeezed: int = field(default=0, metadata=SELDOM)
    squeeze_of: SqueezeOf = field(default="input", metadata=SELDOM)
    residual: bool = field(default=True, metadata=SELDOM)
    scaled_channels: bool = field(default=True, metadata=LATER)
    activation: Activation | None = field(default=None, metadata=SELDOM)
    squeeze_multiple: int = field(default=1, metadata=SELDOM)
    joined: bool = field(default=False, metadata=SELDOM)
    group_width: int = field(default=0, metadata=SELDOM)
    start_kernel_size: int = field(default=0, metadata=SELDOM)
    depth_exponent: float = field(default=1.0, metadata=SELDOM)
    width_exponent: float = field(default=1.0, metadata=SELDOM)

    def __post_init__(self) -> None:
        require_choice(self, "block", BlockKind)
        require_counts(self, "repeats", most=MOST_REPEATS)
        counts = ("stride", "channels", "groups", "expand_kernel_size", "squeeze_multiple")
        require_counts(self, *counts)
        self._set_expand_ratio()
        self._set_exponents()
        require_counts(self, "squeezed", "group_width", "start_kernel_size", least=0)
        require_counts(self, "kernel_size", least=0 if self.block == "mbconv" else 1)
        if not self.kernel_size and not self.start_kernel_size and self.stride != 1:
            raise ValueError(
                f"`stride` must be 1 in a block that has no depthwise convolution, got {self.stride}"
            )
        kernels = ("kernel_size", "start_kernel_size")
        require_odd(self, "expand_kernel_size", *(name for name in kernels if getattr(self, name)))
        set_share(self, "squeeze_ratio")
        require_choice(self, "squeeze_of", SqueezeOf)
        require_bool(self, "scaled_repeats", "expand_always", "residual", "scaled_channels", "joined")
        if self.activation is not None:
            require_choice(self, "activation", Activation)
        if self.joined and self.stride != 1:
            raise ValueError(
                f"`stride` must be 1 in a row that is joined to the one above, got {self.stride}"
            )
        for name in WITHOUT[self.block]:
            none, value = NONE[name], getattr(self, name)
            if value != none:
                raise ValueError(
                    f"`{name}` must be {_said(none)} in a {self.block} block, got {_said(value)}"
                )
        if self.group_width and self.groups > 1:
            raise ValueError(f"`groups` must be 1 where group_width says how many, got {self.groups}")
        if self.block == "bottleneck" and self.channels % (self.expand_ratio * self.inner_multiple):
            named = "group_width" if self.group_width else "groups"
            raise ValueError(
                f"`channels` must be a multiple of expand_ratio x {named} in a bottleneck, here "
                f"{self.expand_ratio} x {self.inner_multiple}, got {self.channels}"
            )

    def _set_exponents(self) -> None:
        for name, scaled in (("depth_exponent", "scaled_repeats"), ("width_exponent", "scaled_channels")):
            exponent = getattr(self, name)
            if not is_number(exponent) or not 0 <= exponent <= MOST_EXPONENT:
                raise ValueError(
                    f"`{name}` must be a number from 0 to {MOST_EXPONENT}, got {shown(exponent)}"
                )
            if exponent == 0:
                # The same thing, said in another way; equal networks have to have one key.
                object.__setattr__(self, scaled, False)
            elif exponent != 1 and not getattr(self, scaled):
                raise ValueError(f"`{name}` must be 1 where {scaled} is false, got {exponent:g}")
            object.__setattr__(self, name, float(exponent) or 1.0)

    @property
    def has_exponents(self) -> bool:
        """Whether depth or width works more or less strongly on the row than as a multiplier."""
        return self.depth_exponent != 1 or self.width_exponent != 1

    @property
    def depth_power(self) -> float:
        """The power to which a depth multiplier of the network works on the row; 0 where it does not."""
        return self.depth_exponent if self.scaled_repeats else 0.0

    @property
    def width_power(self) -> float:
        """The same of a width multiplier."""
        return self.width_exponent if self.scaled_channels else 0.0

    def depth_multiplier(self, depth: float) -> float:
        """What a depth multiplier of the network multiplies the row's blocks by."""
        return float(depth**self.depth_power)

    def width_multiplier(self, width: float) -> float:
        """What a width multiplier of the network multiplies the row's channels by."""
        return float(width**self.width_power)

    def _set_expand_ratio(self) -> None:
        ratio = self.expand_ratio
        if isinstance(ratio, float) and ratio.is_integer():
            # 6 and 6.0 are equal, but JSON tells them apart, and so would a key.
            object.__setattr__(self, "expand_ratio", int(ratio))
        if isinstance(self.expand_ratio, int) or self.block not in _FRACTIONAL:
            require_counts(self, "expand_ratio")
        elif not (isinstance(ratio, float) and 1 < ratio <= MOST):
            raise ValueError(f"`expand_ratio` must be from 1 to {MOST:,}, got {shown(ratio)}")

    def expanded(self, read: int) -> int:
        """Channels of the widest map of a block that reads ``read`` channels."""
        ratio = self.expand_ratio
        return read * ratio if isinstance(ratio, int) else _OFFICIAL.channels(read, ratio)

    @property
    def inner_channels(self) -> int:
        """Channels inside a bottleneck; the output's in any other block."""
        return self.channels // int(self.expand_ratio) if self.block == "bottleneck" else self.channels

    @property
    def inner_multiple(self) -> int:
        """What the channels inside a bottleneck are a multiple of, however they are scaled."""
        return self.group_width or self.groups

    @property
    def inner_groups(self) -> int:
        """Groups of the middle convolution of a bottleneck."""
        return self.inner_channels // self.group_width if self.group_width else self.groups

    def bottleneck_of_gate(self, read: int, weighed: int) -> int:
        """Channels inside squeeze-and-excite; 0 where the block has none.

        Args:
            read: channels of the block's input.
            weighed: channels that squeeze-and-excite weighs.
        """
        if self.squeezed or self.squeeze_ratio == 0:
            return self.squeezed
        channels = read if self.squeeze_of == "input" else weighed
        if self.squeeze_multiple > 1:
            return Rounding(channel_divisor=self.squeeze_multiple).channels(channels, self.squeeze_ratio)
        return max(1, int(self.squeeze_ratio * channels))

    def widened(self, width: float, rounding: Rounding) -> int:
        """The channels that a width multiplier makes of this row's, where it multiplies them.

        A bottleneck's inside is what is rounded, and its output stays ``expand_ratio`` times that.
        """
        return self._inner_widened(self.width_multiplier(width), rounding, self.inner_multiple)

    def reduced(self, width: float, rounding: Rounding) -> StageSpec:
        """The row of a network that is ``width`` times as wide in every part, the groups of a width too."""
        group_width = rounding.channels(self.group_width, width) if self.group_width else 0
        channels = self._inner_widened(width, rounding, group_width or self.groups)
        return replace(self, channels=channels, group_width=group_width)

    def _inner_widened(self, width: float, rounding: Rounding, multiple: int) -> int:
        inner = self.inner_channels
        return rounding.channels(inner, width, groups=multiple) * (self.channels // inner)


def _said(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
