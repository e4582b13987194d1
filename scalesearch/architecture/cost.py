"""What a network costs, in closed form from its lowered layers: no tensor is made.

One multiply-add counts as 1 (the paper's and fvcore's "FLOPs"). Costs are for one image.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from math import prod
from typing import assert_never

from scalesearch.architecture.code_spec import CodeSpec
from scalesearch.architecture.cost_values import Cost
from scalesearch.architecture.layers import (
    Block,
    Conv,
    Layer,
    LayerNorm,
    LayerScale,
    Linear,
    MaxPool,
    Pool,
    SqueezeExcite,
    runs,
)
from scalesearch.architecture.spec import Arch, ArchSpec

__all__ = ["block_count", "count", "count_blocks", "layer_cost", "macs_of"]


_Counts = tuple[int, int, int, int, int, int, int]
"""(params, macs, activations, norm elements, pool elements, layers, layer norm elements)"""


def count(arch: Arch) -> Cost:
    """The cost of ``arch`` for one image of its own resolution.

    A user's own code is built on torch's meta device and counted there.

    Raises:
        ValueError: if that code can't be built or run.
    """
    if isinstance(arch, CodeSpec):
        from scalesearch.architecture.code_network import count_code  # it can only be counted with torch

        return count_code(arch)
    return _count_table(arch)


# A search for a budget, and the plan that it is for, ask for the same networks again and again.
@lru_cache(maxsize=4096)
def _count_table(arch: ArchSpec) -> Cost:
    return _cost(
        (run.layers if run.shortcut is None else (*run.layers, run.shortcut), run.times) for run in runs(arch)
    )


def block_count(arch: Arch) -> int:
    """Blocks over all stages; of a user's own code, whose blocks nobody knows, its layers."""
    return count(arch).layers if isinstance(arch, CodeSpec) else arch.blocks


def count_blocks(blocks: Iterable[Block]) -> Cost:
    """The cost of lowered blocks for one image: of a whole network, or of a part of it."""
    return _cost((block.every, 1) for block in blocks)


def layer_cost(layer: Layer) -> Cost:
    """The cost of one layer by itself."""
    return _cost([((layer,), 1)])


def macs_of(layers: Iterable[Layer]) -> int:
    """The multiply-adds of layers for one image."""
    return sum(_layer_cost(layer)[1] for layer in layers)


def _cost(parts: Iterable[tuple[tuple[Layer, ...], int]]) -> Cost:
    """The cost of layers, each tuple of them so many times."""
    params = macs = activations = norm_elements = pool_elements = built = layer_norm_elements = 0
    for layers, times in parts:
        for layer in layers:
            own = _layer_cost(layer)
            params += times * own[0]
            macs += times * own[1]
            activations += times * own[2]
            norm_elements += times * own[3]
            pool_elements += times * own[4]
            built += times * own[5]
            layer_norm_elements += times * own[6]
    return Cost(
        params=params,
        macs=macs,
        activations=activations,
        norm_elements=norm_elements,
        pool_elements=pool_elements,
        layers=built,
        layer_norm_elements=layer_norm_elements,
    )


def _layer_cost(layer: Layer) -> _Counts:
    match layer:
        case Conv():
            weights = layer.kernel_size**2 * layer.in_channels // layer.groups * layer.out_channels
            pixels = prod(layer.out_size)
            out = layer.out_channels * pixels
            params = weights + (layer.bias + 2 * (layer.norm is not None)) * layer.out_channels
            batch, each = out * (layer.norm == "batch"), out * (layer.norm == "layer")
            return params, weights * pixels, out, batch, 0, 1, each
        case LayerNorm():
            return 2 * layer.channels, 0, 0, 0, 0, 0, layer.channels * prod(layer.size)
        case LayerScale():
            return layer.channels, 0, 0, 0, 0, 0, 0
        case SqueezeExcite():
            weights = 2 * layer.channels * layer.squeezed
            outputs = layer.channels + layer.squeezed
            biases = outputs if layer.bias else layer.channels
            return weights + biases, weights, outputs, 0, layer.channels * prod(layer.size), 1, 0
        case MaxPool():
            return 0, 0, 0, 0, 0, 1, 0
        case Pool():
            return 0, 0, 0, 0, layer.channels * prod(layer.size), 1, 0
        case Linear():
            weights = layer.in_features * layer.out_features
            return weights + layer.out_features, weights, layer.out_features, 0, 0, 1, 0
        case _:
            assert_never(layer)
