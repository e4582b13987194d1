"""One network, many counts: what each tool or paper means by its FLOPs, side by side.

Every value is for one image, in closed form from the network's lowered layers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import assert_never

from scalesearch.architecture.code_spec import CodeSpec
from scalesearch.architecture.cost import count, layer_cost
from scalesearch.architecture.cost_values import Cost
from scalesearch.architecture.layers import (
    Conv,
    Layer,
    LayerNorm,
    LayerScale,
    Linear,
    MaxPool,
    Pool,
    SqueezeExcite,
    lower,
)
from scalesearch.architecture.spec import Arch, ArchSpec

__all__ = ["Convention", "ledger", "nearest"]

PROFILER_NORM = 6
"""Operations that TensorFlow's registry gives batch norm in training, unfused: mean 1, squared difference 2,
its mean 1, scale 1, shift 1 (tensorflow/python/profiler/internal/flops_registry.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Convention:
    """One way to count: ``value`` operations for one image, what it ``says``, and ``who`` counts so."""

    name: str
    value: int
    says: str
    who: str


def ledger(arch: Arch) -> tuple[Convention, ...]:
    """The cost of ``arch`` by each convention, the plain multiply-adds first.

    Of a user's own code only what counts operators is known: biases and the place of its pools are not.
    """
    cost = count(arch)
    return (*_plain(cost), *(() if isinstance(arch, CodeSpec) else _detailed(arch, cost)))


def nearest(conventions: tuple[Convention, ...], figure: float) -> Convention:
    """The convention whose value is nearest to ``figure``, by ratio."""

    def distance(convention: Convention) -> float:
        low, high = sorted((convention.value, figure))
        return high / low

    return min(conventions, key=distance)


def _plain(cost: Cost) -> Iterator[Convention]:
    yield Convention(
        name="MACs",
        value=cost.macs,
        says="multiply-adds of convolutions and linear layers",
        who="the paper's FLOPS, fvcore's conv + linear, torchvision's GFLOPS",
    )
    yield Convention(
        name="2 x MACs",
        value=2 * cost.macs,
        says="a multiplication and an addition are two",
        who="torch's FlopCounterMode",
    )


def _detailed(arch: ArchSpec, cost: Cost) -> Iterator[Convention]:
    layers = [layer for block in lower(arch) for layer in block.every]
    last = max(index for index, layer in enumerate(layers) if isinstance(layer, Pool))
    norm = cost.macs + cost.norm_operations
    yield Convention(
        name="MACs + biases",
        value=cost.macs + sum(map(_bias_additions, layers)),
        says="MACs, and 1 for each output of a layer that has a bias",
        who="to compare with",
    )
    yield Convention(
        name="MACs + batch norm",
        value=norm,
        says="MACs, and 2 for each element that batch norm reads (5 where it is layer norm)",
        who="fvcore, but for its pools",
    )
    yield Convention(
        name="timm's gmacs",
        value=norm + layer_cost(layers[last]).pool_elements,
        says="the same, and 1 for each element that the last pool reads; inside the gates pools are means, "
        "which count nothing",
        who="timm's benchmark.py: fvcore on timm's own networks",
    )
    yield Convention(
        name="fvcore's total",
        value=cost.fvcore_total,
        says="MACs + batch norm, and 1 for each element that any adaptive pool reads",
        who="fvcore's FlopCountAnalysis on the network as built here, in eval mode",
    )
    yield Convention(
        name="TensorFlow's, halved",
        value=cost.macs + PROFILER_NORM // 2 * cost.norm_elements,
        says="half of all: 2 for each multiply-add, 6 for each element of batch norm in training; the "
        "profiler's other operators are left out here",
        who="the authors' utilities: half of what tf.profiler counts (google/automl, efficientdet/utils.py)",
    )


def _bias_additions(layer: Layer) -> int:
    """Additions of biases: one for each output that has a bias."""
    match layer:
        case Conv():
            return layer.out_channels * prod(layer.out_size) * layer.bias
        case SqueezeExcite():
            return layer.channels + layer.squeezed * layer.bias
        case Linear():
            return layer.out_features
        case Pool() | MaxPool() | LayerNorm() | LayerScale():
            return 0
        case _:
            assert_never(layer)
