"""A network as the table of a paper: a row for the stem, each stage and the head, with what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from types import MappingProxyType

from scalesearch.architecture.cost import count_blocks
from scalesearch.architecture.layers import Conv, LayerNorm, MaxPool, Pool, Size, SqueezeExcite, lower
from scalesearch.architecture.spec import Activation, ArchSpec, BlockKind, StageSpec

__all__ = ["ACTIVATION_NAMES", "Row", "rows"]

_OPERATORS: Mapping[BlockKind, str] = MappingProxyType(
    {
        "mbconv": "MBConv{}",
        "fused_mbconv": "Fused-MBConv{}",
        "separable": "Separable",
        "bottleneck": "Bottleneck/{}",
        "basic": "Basic",
        "conv": "Conv",
        "convnext": "ConvNeXt{}",
    }
)


ACTIVATION_NAMES: Mapping[Activation, str] = MappingProxyType(
    {"silu": "SiLU", "relu": "ReLU", "relu6": "ReLU6", "hard_swish": "hard-swish", "gelu": "GELU"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a network's table.

    Attributes:
        name: ``stem``, ``stage1`` and so on, ``head``.
        operator: as the papers write it, such as ``MBConv6, k5x5, SE``.
        input_size: (height, width) of what it reads, in pixels.
        stride: of all of it.
        channels: that it gives; of the head those that are pooled.
        repeats: blocks, or 1.
        params: trainable parameters.
        macs: multiply-adds for one image.
        activations: elements of the outputs of convolutions and linear layers for one image.
        scaled: what a multiplier does to a stage: ``depth^1.5 x width``; empty in stem and head.
    """

    name: str
    operator: str
    input_size: Size
    stride: int
    channels: int
    repeats: int
    params: int
    macs: int
    activations: int
    scaled: str = ""


def rows(arch: ArchSpec) -> tuple[Row, ...]:
    """The rows of ``arch``; their costs add up to those of the whole network."""
    stages = {f"stage{number}": stage for number, stage in enumerate(arch.stages, start=1)}
    found = []
    for name, group in groupby(lower(arch), key=lambda block: block.row):
        blocks = tuple(group)
        stage = stages.get(name)
        first = blocks[0].layers[0]
        cost = count_blocks(blocks)
        stem = arch.stem_stride * (2 if arch.stem_pool else 1)
        found.append(
            Row(
                name=name,
                operator=_operator(arch, name, stage),
                input_size=first.in_size if isinstance(first, Conv | MaxPool) else _map(first),
                stride=stem if name == "stem" else 1 if stage is None else stage.stride,
                channels=_channels(arch, name, stage),
                repeats=1 if stage is None else stage.repeats,
                params=cost.params,
                macs=cost.macs,
                activations=cost.activations,
                scaled="" if stage is None else _scaled(stage),
            )
        )
    return tuple(found)


def _scaled(stage: StageSpec) -> str:
    """How multipliers work on a stage: ``depth^1.5 x width``."""
    parts = {"depth": stage.depth_power, "width": stage.width_power}
    return (
        " x ".join(name if power == 1 else f"{name}^{power:g}" for name, power in parts.items() if power)
        or "fixed"
    )


def _map(layer: object) -> Size:
    assert isinstance(layer, Pool | SqueezeExcite | LayerNorm)  # no block begins with a classifier
    return layer.size


def _channels(arch: ArchSpec, name: str, stage: StageSpec | None) -> int:
    if stage is not None:
        return stage.channels
    if name == "stem":
        return arch.stem_channels
    return arch.head_channels or arch.stages[-1].channels


def _kernel(side: int) -> str:
    return f"k{side}x{side}"


def _operator(arch: ArchSpec, name: str, stage: StageSpec | None) -> str:
    if stage is not None:
        return _block(stage, arch)
    return _stem(arch) if name == "stem" else _head(arch)


def _stem(arch: ArchSpec) -> str:
    pool = " & max pool" if arch.stem_pool else ""
    return f"Conv, {_kernel(arch.stem_kernel_size)}{_bias(arch)}{pool}"


def _head(arch: ArchSpec) -> str:
    before = f"Conv1x1{_bias(arch)} & " if arch.head_channels else ""
    after = f"Conv1x1 to {arch.features} & " if arch.features else ""
    return f"{before}Pooling & {after}FC"


def _bias(arch: ArchSpec) -> str:
    return "" if arch.conv_bias == "none" else ", bias"


def _block(stage: StageSpec, arch: ArchSpec) -> str:
    parts = [_OPERATORS[stage.block].format(stage.expand_ratio)]
    if stage.start_kernel_size:
        parts.append(f"{_kernel(stage.start_kernel_size)} start")
    if stage.kernel_size:
        parts.append(_kernel(stage.kernel_size))
    if stage.groups > 1:
        parts.append(f"{stage.groups} groups")
    if stage.group_width:
        parts.append(f"groups of {stage.group_width}")
    said = stage.expand_kernel_size > 1 if stage.expand_ratio > 1 else stage.expand_always
    if said:  # where it is another than MBConv's own
        parts.append(f"{_kernel(stage.expand_kernel_size)} expansion")
    if stage.squeezed or stage.squeeze_ratio:
        fixed = f" {stage.squeezed}" if stage.squeezed else ""
        dense = " (fully connected)" if arch.squeeze_form == "dense" else ""
        parts.append(f"SE{fixed}{' softmax' if arch.gate == 'softmax' else ''}{dense}")
    if stage.activation:
        parts.append(ACTIVATION_NAMES[stage.activation])
    if not stage.residual:
        parts.append("no sum")
    return ", ".join(parts) + _bias(arch)
