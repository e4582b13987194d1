"""A network as the table of its paper, in frozen data: stem, stages, head, and what layers are made of."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Literal

from scalesearch.architecture.checks import (
    require_bool,
    require_choice,
    require_counts,
    set_share,
)
from scalesearch.architecture.stage import LATER, SELDOM, Activation, StageSpec, plain
from scalesearch.plain import typed

__all__ = ["Activation", "ArchSpec", "ConvBias", "DropPathRule", "Gate", "Norm", "SqueezeForm", "WidthRule"]

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
        require_choice(self, "activation", Activation)
        require_choice(self, "stem_width", WidthRule)
        require_choice(self, "head_width", WidthRule)
        require_choice(self, "features_width", WidthRule)
        require_choice(self, "conv_bias", ConvBias)
        require_choice(self, "drop_path_rule", DropPathRule)
        if self.squeeze_activation is not None:
            require_choice(self, "squeeze_activation", Activation)
            if self.squeeze_activation == self.activation:
                object.__setattr__(self, "squeeze_activation", None)  # said twice, too
        require_choice(self, "squeeze_form", SqueezeForm)
        require_choice(self, "gate", Gate)
        require_choice(self, "norm", Norm)
        require_bool(self, "stem_pool", "squeeze_bias", "features_norm", "stem_activated", "pooled_norm")
        if self.stages[0].joined:
            raise ValueError("`joined` must be false in the first stage: there is none above it")
        if any(stage.activation == self.activation for stage in self.stages):
            stages = (
                replace(stage, activation=None) if stage.activation == self.activation else stage
                for stage in self.stages
            )
            object.__setattr__(self, "stages", tuple(stages))  # said twice, too

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
