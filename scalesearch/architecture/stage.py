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

__all__ = ["LATER", "NONE", "WITHOUT", "BlockKind", "StageSpec", "plain"]

BlockKind = Literal["mbconv", "fused_mbconv", "separable", "bottleneck", "basic"]
# What a field is where there is none of it, and which blocks have none of what.
NONE: Mapping[str, int] = MappingProxyType({"squeeze_ratio": 0, "expand_ratio": 1, "groups": 1})
WITHOUT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "mbconv": ("groups",),
        "fused_mbconv": ("groups",),
        "separable": ("squeeze_ratio", "expand_ratio", "groups"),
        "bottleneck": ("squeeze_ratio",),
        "basic": ("squeeze_ratio", "expand_ratio", "groups"),
    }
)
# A field that the first version's specs had not: they read as if at its default, and keep their keys.
LATER = {"later": True}


def plain(value: Any) -> dict[str, Any]:
    """A spec's fields, the later ones only where they say something."""
    return {
        f.name: getattr(value, f.name)
        for f in fields(value)
        if not (f.metadata.get("later") and getattr(value, f.name) == f.default)
    }


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
        squeeze_ratio: the squeeze-and-excite bottleneck as a share of the block's *input* channels; 0 leaves
            squeeze-and-excite out. Only mbconv and fused_mbconv have one.
        groups: of the middle convolution of a bottleneck (ResNeXt, 1611.05431); the channels inside are a
            multiple of it however they are scaled.
        scaled_repeats: whether depth multiplies ``repeats``.
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

    def __post_init__(self) -> None:
        require_choice(self, "block", BlockKind)
        require_counts(self, "repeats", most=MOST_REPEATS)
        require_counts(self, "kernel_size", "stride", "expand_ratio", "channels", "groups")
        require_odd(self, "kernel_size")
        set_share(self, "squeeze_ratio")
        require_bool(self, "scaled_repeats")
        for name in WITHOUT[self.block]:
            none = NONE[name]
            if getattr(self, name) != none:
                raise ValueError(
                    f"`{name}` must be {none} in a {self.block} block, got {getattr(self, name)}"
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

    def widened(self, width: float, rounding: Rounding) -> int:
        """The channels that a width multiplier makes of this row's.

        A bottleneck's inside is what is rounded, and its output stays ``expand_ratio`` times that.
        """
        inner = self.inner_channels
        return rounding.channels(inner, width, groups=self.groups) * (self.channels // inner)
