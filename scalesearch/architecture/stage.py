"""One row of a network's table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Literal

from scalesearch.architecture.checks import (
    MOST_REPEATS,
    require_bool,
    require_choice,
    require_counts,
    require_odd,
    set_share,
)
from scalesearch.architecture.rounding import Rounding

__all__ = ["LATER", "NONE", "SELDOM", "WITHOUT", "BlockKind", "SqueezeOf", "StageSpec", "plain", "seldom"]

BlockKind = Literal["mbconv", "fused_mbconv", "separable", "bottleneck", "basic"]
SqueezeOf = Literal["input", "expanded"]
# What a field is where there is none of it, and which blocks have none of what.
NONE: Mapping[str, Any] = MappingProxyType(
    {
        **{"squeeze_ratio": 0, "squeezed": 0, "squeeze_of": "input"},
        **{"expand_ratio": 1, "expand_kernel_size": 1, "expand_always": False, "groups": 1, "residual": True},
    }
)
_EXPANSION = ("expand_kernel_size", "expand_always")
_SQUEEZE = ("squeeze_ratio", "squeezed", "squeeze_of")
WITHOUT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "mbconv": ("groups",),
        "fused_mbconv": ("groups", *_EXPANSION),
        "separable": (*_SQUEEZE, "expand_ratio", "groups", *_EXPANSION, "residual"),
        "bottleneck": (*_SQUEEZE, *_EXPANSION, "residual"),
        "basic": (*_SQUEEZE, "expand_ratio", "groups", *_EXPANSION, "residual"),
    }
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
            (2104.00298), ``separable`` (1704.04861), ``bottleneck`` or ``basic`` (1512.03385).
        repeats: blocks in the stage.
        kernel_size: side of the kernel that looks at neighbours; a basic block has two of them.
        stride: of the first block.
        expand_ratio: what the widest map of a block has times the channels of its input; in a bottleneck,
            what its output has times the channels inside, 4 in ResNet. 1 for separable and basic.
        channels: of the output of each block.
        squeeze_ratio: the squeeze-and-excite bottleneck as a share of the channels that ``squeeze_of`` names;
            0 leaves squeeze-and-excite out. Only mbconv and fused_mbconv have one.
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
    """

    block: BlockKind = "mbconv"
    repeats: int
    kernel_size: int
    stride: int
    expand_ratio: int
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

    def __post_init__(self) -> None:
        require_choice(self, "block", BlockKind)
        require_counts(self, "repeats", most=MOST_REPEATS)
        require_counts(
            self, "kernel_size", "stride", "expand_ratio", "channels", "groups", "expand_kernel_size"
        )
        require_counts(self, "squeezed", least=0)
        require_odd(self, "kernel_size", "expand_kernel_size")
        set_share(self, "squeeze_ratio")
        require_choice(self, "squeeze_of", SqueezeOf)
        require_bool(self, "scaled_repeats", "expand_always", "residual", "scaled_channels")
        for name in WITHOUT[self.block]:
            none, value = NONE[name], getattr(self, name)
            if value != none:
                raise ValueError(
                    f"`{name}` must be {_said(none)} in a {self.block} block, got {_said(value)}"
                )
        if self.block == "bottleneck" and self.channels % (self.expand_ratio * self.groups):
            raise ValueError(
                f"`channels` must be a multiple of expand_ratio x groups in a bottleneck, here "
                f"{self.expand_ratio} x {self.groups}, got {self.channels}"
            )

    @property
    def inner_channels(self) -> int:
        """Channels inside a bottleneck; the output's in any other block."""
        return self.channels // self.expand_ratio if self.block == "bottleneck" else self.channels

    def bottleneck_of_gate(self, read: int, weighed: int) -> int:
        """Channels inside squeeze-and-excite; 0 where the block has none.

        Args:
            read: channels of the block's input.
            weighed: channels that squeeze-and-excite weighs.
        """
        if self.squeezed or self.squeeze_ratio == 0:
            return self.squeezed
        return max(1, int(self.squeeze_ratio * (read if self.squeeze_of == "input" else weighed)))

    def widened(self, width: float, rounding: Rounding) -> int:
        """The channels that a width multiplier makes of this row's, where it multiplies them.

        A bottleneck's inside is what is rounded, and its output stays ``expand_ratio`` times that.
        """
        if not self.scaled_channels:
            return self.channels
        inner = self.inner_channels
        return rounding.channels(inner, width, groups=self.groups) * (self.channels // inner)


def _said(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
