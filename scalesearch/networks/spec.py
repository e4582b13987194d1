"""A network as data: stages, rounding, tables, and the code of a user that stands for one."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, ClassVar, Literal, TypeVar

from scalesearch.errors import ScalesearchError
from scalesearch.plain import is_number, shown, typed
from scalesearch.scaling import Multipliers
from scalesearch.text import size_text

# ----------------------------------------------------------------------------------------------------
# What fields of frozen descriptions have to be: each check names the field, its value and what would do.

# Far beyond any network that can be built: a count past it is a slip that would keep the counter busy.
MOST = 1_000_000
MOST_REPEATS = 1_000
LARGEST_FLOAT = 10**308


@contextmanager
def blamed_on(argument: str) -> Iterator[None]:
    """Errors about a network call it ``baseline``; here they call it what the command does."""
    try:
        yield
    except ValueError as error:
        raise ValueError(str(error).replace("`baseline`", argument)) from error


def require_counts(owner: object, *names: str, least: int = 1, most: int = MOST) -> None:
    """Raises ValueError unless each field is a whole number from ``least`` to ``most``."""
    for name in names:
        value = getattr(owner, name)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            large = isinstance(value, int) and most < value < LARGEST_FLOAT
            told = f"{value:.4g}" if large else shown(value)
            raise ValueError(f"`{name}` must be a whole number from {least} to {most:,}, got {told}")


def require_odd(owner: object, *names: str) -> None:
    """Raises ValueError unless each field is odd."""
    # An even kernel can't be padded to keep ceil(size / stride), which the counts rely on.
    for name in names:
        if getattr(owner, name) % 2 == 0:
            raise ValueError(f"`{name}` must be odd, got {getattr(owner, name)}")


def require_choices(owner: object, **fields: Any) -> None:
    """Raises ValueError unless each field is one of the texts of its ``Literal``."""
    for name, choices in fields.items():
        # As typing.get_args gives them, in a third of the time: specs are made by the hundred thousand.
        if getattr(owner, name) not in choices.__args__:
            raise ValueError(
                f"`{name}` must be one of {', '.join(choices.__args__)}, got {getattr(owner, name)!r}"
            )


def require_bool(owner: object, *names: str) -> None:
    """Raises ValueError unless each field is true or false."""
    for name in names:
        if not isinstance(getattr(owner, name), bool):
            raise ValueError(f"`{name}` must be true or false, got {getattr(owner, name)!r}")


def set_share(owner: object, *names: str, below_one: bool = False) -> None:
    """Raises ValueError unless each field of the frozen ``owner`` is from 0 to 1; makes it a float."""
    for name in names:
        value = getattr(owner, name)
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not (number and 0 <= value <= 1) or (below_one and value == 1):
            top = "below 1" if below_one else "1"
            raise ValueError(f"`{name}` must be from 0 to {top}, got {value!r}")
        # 0 and 0.0 are equal, but JSON tells them apart, and so would a key.
        object.__setattr__(owner, name, float(value))


# ----------------------------------------------------------------------------------------------------
# How real multipliers become whole layers, channels and pixels.

RepeatsRule = Literal["ceil", "round", "floor"]
ChannelsRule = Literal["nearest", "ceil", "floor"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounding:
    """How scaled channels, repeats and resolutions become whole numbers.

    The defaults are those of the official code: channels to the nearest multiple of 8, one step up where
    that would keep less than 90% of them; repeats rounded up; resolution to the nearest pixel.

    ``channels_rule``: ``ceil`` takes the whole part of the scaled channels up to a multiple, ``floor`` takes
    it down to one, at least to the divisor itself; neither looks at the share that is kept.

    Raises:
        ValueError: if a divisor or multiple is below 1, the fraction outside [0, 1] or the rule unknown.
    """

    channel_divisor: int = 8
    min_kept_fraction: float = 0.9
    repeats_rule: RepeatsRule = "ceil"
    resolution_multiple: int = 1
    channels_rule: ChannelsRule = "nearest"

    def __post_init__(self) -> None:
        require_counts(self, "channel_divisor", "resolution_multiple")
        set_share(self, "min_kept_fraction")
        require_choices(self, repeats_rule=RepeatsRule, channels_rule=ChannelsRule)

    def channels(self, base: int, width: float, *, groups: int = 1) -> int:
        """``base * width`` channels, to a multiple of the divisor, the nearest by the official rule.

        With ``groups``, of which ``base`` is a multiple, to one of the least common multiple of both.
        """
        if width == 1:
            return base
        scaled = base * width
        divisor = math.lcm(self.channel_divisor, groups)
        if self.channels_rule != "nearest":
            # 40 * 1.1 may come out a hair under 44, which is whole already.
            whole = int(round(scaled, 9))
            steps = -(-whole // divisor) if self.channels_rule == "ceil" else whole // divisor
            return divisor * max(1, steps)
        rounded = max(divisor, int(scaled + divisor / 2) // divisor * divisor)
        if rounded < self.min_kept_fraction * scaled:
            rounded += divisor
        return rounded

    def repeats(self, base: int, depth: float) -> int:
        """``base * depth`` repeats of a block, by the repeats rule, at least 1."""
        # 10 * 1.1 is 11.000000000000002 in binary; ceil must not make 12 layers of it.
        scaled = round(base * depth, 9)
        if self.repeats_rule == "ceil":
            return max(1, math.ceil(scaled))
        if self.repeats_rule == "floor":
            return max(1, math.floor(scaled))
        return max(1, math.floor(scaled + 0.5))

    def resolution(self, base: int, multiplier: float) -> int:
        """``base * multiplier`` pixels, to the nearest multiple.

        Raises:
            ValueError: if less than one pixel would be left.
        """
        step = self.resolution_multiple
        # As with repeats: 70 * 1.15 is 80.49999999999999 in binary, and 80.5 is nearer to 81 by the rule.
        pixels = math.floor(round(base * multiplier / step, 9) + 0.5) * step
        if pixels < 1:
            raise ValueError(
                f"`resolution` must leave at least 1 pixel, got {base} px x {multiplier:.4g} "
                f"rounded to a multiple of {step}"
            )
        return pixels


# ----------------------------------------------------------------------------------------------------
# One row of a network's table.

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
        require_choices(self, block=BlockKind)
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
        require_choices(self, squeeze_of=SqueezeOf)
        require_bool(self, "scaled_repeats", "expand_always", "residual", "scaled_channels", "joined")
        if self.activation is not None:
            require_choices(self, activation=Activation)
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


# ----------------------------------------------------------------------------------------------------
# A network as the table of its paper, in frozen data: stem, stages, head, and what layers are made of.

WidthRule = Literal["scaled", "grown", "fixed", "floor", "ceil"]
ConvBias = Literal["none", "activated", "all"]
DropPathRule = Literal["linear", "constant"]
Gate = Literal["sigmoid", "softmax", "hard_sigmoid"]
Norm = Literal["batch", "layer"]
SqueezeForm = Literal["conv", "dense"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchSpec:
    """A whole network: stem, stages, head, classifier and the input resolution it is meant for.

    Attributes:
        name: what it is called; no part of its key.
        stem_channels: of the first convolution.
        stages: the rows of the table.
        head_channels: of the 1x1 convolution before the pool; 0 leaves it out.
        resolution: height of the input in pixels, and its width, where ``resolution_width`` says no other.
        classes: outputs.
        in_channels: of the input.
        stem_kernel_size: of the first convolution. An even one is its stride too: patches, without padding.
        dropout: before the classifier.
        drop_path: the drop probability that stochastic depth would reach after the last block, where it
            grows linearly from 0 over the blocks (``drop_path_rule``).
        norm_eps: the norm's.
        norm_momentum: batch norm's, as torch counts it (1 - the papers').
        activation: after every convolution that has one.
        stem_stride: of the first convolution.
        stem_pool: whether a 3x3 max pool of stride 2 follows it (ResNet).
        stem_width: ``scaled``: width multiplies ``stem_channels``; ``grown``: only where that makes more of
            them; ``fixed``: never; ``floor``, ``ceil``: width multiplies them and the product is rounded
            to a whole number, whatever the divisor.
        head_width: the same of ``head_channels``.
        resolution_width: width of the input in pixels, where it is not the height.
        conv_bias: which convolutions with batch norm have a bias too: ``none``, as in the papers;
            ``activated``: those that an activation follows at once, so no projection; ``all``.
        drop_path_rule: ``linear``: as said there; ``constant``: it is ``drop_path`` in every block.
        squeeze_activation: inside squeeze-and-excite, where it is not the network's.
        squeeze_form: whether its two layers are 1x1 convolutions (``conv``) or fully connected (``dense``);
            they compute the same.
        squeeze_bias: whether the first of them, which squeezes, has a bias; the second always has.
        gate: how squeeze-and-excite makes weights of what the second gives: ``sigmoid``, of each channel by
            itself, or ``softmax`` over the channels, which then share a weight of 1; ``hard_sigmoid`` is the
            first in straight lines (MobileNetV3, 1905.02244).
        norm: what follows convolutions: batch norm, or ``layer``, layer norm over the channels of each pixel
            (ConvNeXt, 2201.03545).
        layer_scale: what a learned factor of each channel of a convnext block's branch begins as; 0 leaves it
            out.
        stem_activated: whether the stem's convolution has an activation.
        pooled_norm: whether the norm follows the pool.
        features: channels of a 1x1 convolution between the pool and the classifier; 0 leaves it out.
        features_width: as ``head_width``, of ``features``.
        features_norm: whether batch norm follows that convolution (MobileNetV4); else it has a bias
            (MobileNetV3).
    """

    name: str
    stem_channels: int
    stages: tuple[StageSpec, ...]
    head_channels: int
    resolution: int
    classes: int = 1000
    in_channels: int = 3
    stem_kernel_size: int = 3
    dropout: float = 0.2
    drop_path: float = 0.2
    norm_eps: float = 1e-3
    norm_momentum: float = 0.01
    activation: Activation = field(default="silu", metadata=LATER)
    stem_stride: int = field(default=2, metadata=LATER)
    stem_pool: bool = field(default=False, metadata=LATER)
    stem_width: WidthRule = field(default="scaled", metadata=LATER)
    head_width: WidthRule = field(default="scaled", metadata=LATER)
    resolution_width: int | None = field(default=None, metadata=LATER)
    conv_bias: ConvBias = field(default="none", metadata=SELDOM)
    drop_path_rule: DropPathRule = field(default="linear", metadata=SELDOM)
    squeeze_activation: Activation | None = field(default=None, metadata=SELDOM)
    squeeze_form: SqueezeForm = field(default="conv", metadata=SELDOM)
    squeeze_bias: bool = field(default=True, metadata=SELDOM)
    gate: Gate = field(default="sigmoid", metadata=SELDOM)
    features: int = field(default=0, metadata=SELDOM)
    features_width: WidthRule = field(default="scaled", metadata=SELDOM)
    features_norm: bool = field(default=False, metadata=SELDOM)
    norm: Norm = field(default="batch", metadata=SELDOM)
    layer_scale: float = field(default=0.0, metadata=SELDOM)
    stem_activated: bool = field(default=True, metadata=SELDOM)
    pooled_norm: bool = field(default=False, metadata=SELDOM)

    def __post_init__(self) -> None:
        counts = ("stem_channels", "resolution", "classes", "in_channels", "stem_stride")
        require_counts(self, *counts, "stem_kernel_size")
        require_counts(self, "head_channels", "features", least=0)
        if self.resolution_width is not None:
            require_counts(self, "resolution_width")
            if self.resolution_width == self.resolution:
                # Said twice; equal networks have to be equal, and to have one key.
                object.__setattr__(self, "resolution_width", None)
        if not self.stages:
            raise ValueError("`stages` must hold at least one stage, got none")
        if self.stem_kernel_size % 2 == 0 and self.stem_kernel_size != self.stem_stride:
            raise ValueError(
                f"`stem_kernel_size` must be odd, or the stem's stride too, got {self.stem_kernel_size}"
            )
        set_share(self, "dropout", "drop_path", below_one=True)
        set_share(self, "norm_eps", "norm_momentum", "layer_scale")
        require_choices(self, stem_width=WidthRule, head_width=WidthRule, features_width=WidthRule)
        require_choices(self, activation=Activation, conv_bias=ConvBias, drop_path_rule=DropPathRule)
        if self.squeeze_activation is not None:
            require_choices(self, squeeze_activation=Activation)
            if self.squeeze_activation == self.activation:
                object.__setattr__(self, "squeeze_activation", None)  # said twice, too
        require_choices(self, squeeze_form=SqueezeForm, gate=Gate, norm=Norm)
        require_bool(self, "stem_pool", "squeeze_bias", "features_norm", "stem_activated", "pooled_norm")
        if self.stages[0].joined:
            raise ValueError("`joined` must be false in the first stage: there is none above it")
        if any(stage.activation == self.activation for stage in self.stages):
            stages = (
                replace(stage, activation=None) if stage.activation == self.activation else stage
                for stage in self.stages
            )
            object.__setattr__(self, "stages", tuple(stages))  # said twice, too

    code: ClassVar[str] = ""
    """No user's own code builds it: its rows do."""

    @property
    def patched(self) -> bool:
        """Whether maps are cut into patches somewhere, and what is left at their edges is lost."""
        return self.stem_kernel_size % 2 == 0 or any(
            stage.block == "convnext" and stage.stride % 2 == 0 for stage in self.stages
        )

    @property
    def key(self) -> str:
        """A content hash: equal for equal networks, whatever their names."""
        return _key(self)

    @property
    def blocks(self) -> int:
        """The number of blocks over all stages."""
        return sum(stage.repeats for stage in self.stages)

    @property
    def rows_of_stages(self) -> tuple[tuple[StageSpec, ...], ...]:
        """The rows of each stage: one, and those that are joined to it."""
        groups: list[list[StageSpec]] = []
        for row in self.stages:
            if row.joined:
                groups[-1].append(row)
            else:
                groups.append([row])
        return tuple(map(tuple, groups))

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width) of the input in pixels."""
        return self.resolution, self.resolution_width or self.resolution

    @property
    def total_stride(self) -> int:
        """Pixels of the input that one step on the last map makes."""
        stem = self.stem_stride * (2 if self.stem_pool else 1)
        return stem * math.prod(stage.stride for stage in self.stages)

    @property
    def least_side(self) -> int:
        """The fewest pixels that a side of the input may have.

        A padded map has always a pixel: of an input of less than half of what the strides multiply to, the
        last one covers more padding than image. Patches have to be whole: there it is all that the strides
        multiply to.
        """
        return self.total_stride if self.patched else math.ceil(self.total_stride / 2)

    def with_regularisation(self, **values: Any) -> ArchSpec:
        """The network with other ``dropout``, ``drop_path`` or ``norm_momentum``."""
        return replace(self, **values)

    def to_dict(self) -> dict[str, object]:
        """Plain JSON data; :meth:`from_dict` turns it back."""
        return plain(self) | {"stages": [plain(stage) for stage in self.stages]}

    @classmethod
    def from_dict(cls, data: Mapping[str, object]) -> ArchSpec:
        """The spec that :meth:`to_dict` wrote.

        Raises:
            ValueError: if a field is missing, unknown or of the wrong value.
        """
        if unknown := sorted(set(data) - {field.name for field in fields(cls)}):
            raise ValueError(f"`arch` must hold only known fields, got {', '.join(unknown)}")
        return typed(cls, data)


# Hashing the text takes longer than most of what a plan does with a network, and it is asked for many times.
@lru_cache(maxsize=16384)
def _key(arch: ArchSpec) -> str:
    content = arch.to_dict()
    del content["name"]
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


# ----------------------------------------------------------------------------------------------------
# A network that a user's own function builds, as frozen data: which function, and what it is asked for.

TARGET = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*"
RESOLUTION = 224
"""The side of the input, in pixels, that a user's own network is taken to be meant for."""


class RefusedError(ScalesearchError):
    """A user's own code that builds or runs no network at the multipliers, or size, that it is asked for."""


def is_target(text: str) -> bool:
    """Whether a text reads like ``package.module:function``."""
    return re.fullmatch(TARGET, text) is not None


def code_name(target: str) -> str:
    """What a target's network is called: letters, digits, underscores and dashes, fit for a folder's name."""
    return re.sub(r"\W+", "-", target, flags=re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CodeSpec:
    """What ``function(depth=..., width=..., num_classes=...)`` of a user's module gives, for an input size.

    How real multipliers become whole layers and channels is the function's own; only the resolution is
    rounded here. What it costs is known once it was built (``user_network``), and so is its ``shape``: where
    it stands here, it tells the network in place of the multipliers, of which many may build the same: specs
    of one shape are equal, though asked for by other multipliers.

    Attributes:
        name: what it is called; no part of its key.
        target: ``package.module:function``.
        depth: times as deep, as the function is asked.
        width: times as wide.
        resolution: height of the input in pixels, and its width, where ``resolution_width`` says no other.
        classes: outputs.
        in_channels: of the input.
        resolution_width: width of the input in pixels, where it is not the height.
        shape: a hash of the layers that these multipliers make and of what they run, whatever the classes;
            empty where nobody has built it yet. Changed code that builds the same is the same network.

    Raises:
        ValueError: if the target is none, or a number is out of range.
    """

    name: str
    target: str
    resolution: int
    depth: float = 1.0
    width: float = 1.0
    classes: int = 1000
    in_channels: int = 3
    resolution_width: int | None = None
    shape: str = ""

    stages: ClassVar[tuple[StageSpec, ...]] = ()
    """Its rows: only the code knows them."""
    patched: ClassVar[bool] = False
    total_stride: ClassVar[int] = 32
    """What its strides are taken to multiply to, as in nearly every network: only the code knows them."""

    def __post_init__(self) -> None:
        if not is_target(self.target):
            raise ValueError(f"`target` must be package.module:function, got {self.target!r}")
        require_counts(self, "resolution", "classes", "in_channels")
        for name in ("depth", "width"):
            value = getattr(self, name)
            if not (math.isfinite(value) and 0 < value <= MOST_REPEATS):
                # Far beyond any network that can be built: it would keep the user's function busy.
                raise ValueError(f"`{name}` must be a number > 0 and at most {MOST_REPEATS:,}, got {value:g}")
        if self.resolution_width is not None:
            require_counts(self, "resolution_width")
            if self.resolution_width == self.resolution:
                object.__setattr__(self, "resolution_width", None)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CodeSpec) and self._content() == other._content()

    def __hash__(self) -> int:
        return hash(tuple(self._content().items()))

    def _content(self) -> dict[str, object]:
        """What tells the network, and its name."""
        content = self.to_dict()
        for name in ("depth", "width") if self.shape else ():
            del content[name]
        return content

    @property
    def key(self) -> str:
        """A content hash: equal for equal networks of the same code, whatever their names."""
        content = self._content()
        del content["name"]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width) of the input in pixels."""
        return self.resolution, self.resolution_width or self.resolution

    @property
    def code(self) -> str:
        """The user's own function that builds it: its target."""
        return self.target

    @property
    def least_side(self) -> int:
        """The fewest pixels that a side of the input may have: the code says itself what it won't take."""
        return 1

    def with_regularisation(self, **values: Any) -> CodeSpec:
        """The network itself: its code has its own dropout, drop path and norms."""
        return self

    @property
    def multipliers(self) -> Multipliers:
        """What the function is asked for."""
        return Multipliers(depth=self.depth, width=self.width)

    def to_dict(self) -> dict[str, object]:
        """Plain JSON data without what is not set; :meth:`from_dict` turns it back."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value not in (None, "")}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CodeSpec:
        """The spec that :meth:`to_dict` wrote.

        Raises:
            ValueError: if a field is missing, unknown or of the wrong value.
        """
        return typed(cls, data)


# ----------------------------------------------------------------------------------------------------
# What a network is, as frozen data: the rows of its paper's table, or a user's own code.
#
# What a family holds fixed when it is scaled stands in its table; every rounding rule that turns real
# multipliers into whole layers and channels is in a :class:`Rounding`, which travels with every record.

Arch = ArchSpec | CodeSpec
"""Any network: a table's, or what a user's own code builds.

What all else asks of a network, both answer: its name, key and input, ``stages`` (none where only the code
knows them), ``total_stride``, ``least_side``, ``with_regularisation``, and ``code``, the user's function that
builds it, or nothing. Which of the two it is, only this room has to know: where it scales, counts, builds and
grows them.
"""
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

    Args:
        arch: the network.
        name: what the error calls the input's size.
        size: (height, width) of the input in pixels; the network's own if None.

    Raises:
        ValueError: if a side is too small.
    """
    size, strides, least = size or arch.input_size, arch.total_stride, arch.least_side
    if min(size) < least:
        why = (
            f"the {strides} that the strides multiply to, as patches aren't padded"
            if arch.patched
            else f"half of the {strides} that the strides multiply to: below that the last map covers more "
            "padding than image"
        )
        raise ValueError(f"`{name}` must be at least {least} px a side, {why}, got {size_text(size)}")


def without_drop_path(arch: Arch) -> Arch:
    """The network with nothing that drops whole blocks; a user's own code keeps what it has."""
    return arch.with_regularisation(drop_path=0.0)


def with_exponents(base: _Arch, texts: Sequence[str]) -> _Arch:
    """The network, with how strongly depth and width work on each of its stages.

    Args:
        base: the network.
        texts: ``depth=0,1,1,2`` or ``width=...``, an exponent for each row of the network's table: the row is
            scaled by the multiplier to that power, 0 leaves it as it is.

    Raises:
        ValueError: if a text is none such, or has another number of exponents than there are rows.
    """
    if isinstance(base, CodeSpec):
        if texts:
            raise ValueError(
                f"`stages` must be left out for code of your own, which scales itself, got {texts[0]!r}"
            )
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


# ----------------------------------------------------------------------------------------------------
# What a network costs, as a value.

FLOAT32_BYTES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The closed-form cost of a network for one image.

    Attributes:
        params: trainable parameters, batch norm's scale and shift included.
        macs: multiply-adds of convolutions and linear layers, no bias, no batch norm.
        activations: elements of the output tensors of all convolutions and linear layers (the measure of
            arXiv 2003.13678 and 2103.06877).
        norm_elements: elements that batch norm reads (fvcore counts 2 operations for each in eval mode).
        pool_elements: elements that adaptive average pooling reads (fvcore counts 1 for each).
        layers: convolutions, squeeze-and-excites, pools and linear layers.
        layer_norm_elements: elements that layer norm reads (fvcore counts 5 operations for each).
    """

    params: int
    macs: int
    activations: int
    norm_elements: int
    pool_elements: int
    layers: int
    layer_norm_elements: int = 0

    @property
    def fvcore_total(self) -> int:
        """What fvcore's default handlers are expected to add up to in eval mode."""
        return self.macs + self.norm_operations + self.pool_elements

    @property
    def norm_operations(self) -> int:
        """What fvcore counts of the norms in eval mode."""
        return 2 * self.norm_elements + 5 * self.layer_norm_elements


STATES_PER_PARAM: Mapping[str, int] = MappingProxyType({"adamw": 2, "sgd": 1, "rmsprop": 2})
"""Values that an optimizer keeps for each parameter: AdamW both moments, SGD its momentum, RMSProp the mean
square and its momentum."""
