"""What one network can't be grown from another for: the refusals of ``growth``, each with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import fields
from typing import Literal

from scalesearch.architecture.layers import Block, Conv, Layer, LayerScale

__all__ = [
    "CannotGrowError",
    "Origin",
    "require_alike",
    "require_passing",
    "require_the_stages",
    "zeroed_origins",
]

Origin = Literal["copied", "fresh", "zeroed", "identity"]
# What growth may change of a layer; all else has to stay.
SIZES = frozenset(
    {
        *("in_channels", "out_channels", "groups", "in_size", "size", "channels", "squeezed"),
        *("in_features", "out_features", "dropout", "start"),
    }
)
# Activations that leave their own outputs as they are.
IDEMPOTENT = ("relu", "relu6")


class CannotGrowError(Exception):
    """Why one network can't begin as another."""


def require_the_stages(old: Mapping[str, Block], new: Mapping[str, Block]) -> None:
    """Refuses another number of stages, or fewer blocks in one."""

    def repeats(blocks: Mapping[str, Block]) -> Counter[str]:
        return Counter(block.row for block in blocks.values())

    there, here = repeats(old), repeats(new)
    if there.keys() != here.keys():
        raise CannotGrowError(f"it has {len(here) - 2} stages, and {len(there) - 2} there")
    for stage, count in here.items():
        if count < there[stage]:
            raise CannotGrowError(f"{stage} has {_blocks(count)}, fewer than the {there[stage]} there")


def _blocks(count: int) -> str:
    return f"{count} block{'s' * (count != 1)}"


def require_alike(old: Block, new: Block) -> None:
    """Refuses a block whose layers do something else, whatever their sizes."""
    if (old.residual, old.shortcut is None) != (new.residual, new.shortcut is None):
        raise CannotGrowError(
            f"{new.name} {_sum_of(new)}, and {_sum_of(old)} there, as their channels are rounded"
        )
    if old.activation != new.activation or len(old.every) != len(new.every):
        raise CannotGrowError(f"{new.name} is made of other layers there")
    for there, layer in zip(old.every, new.every, strict=True):
        if type(there) is not type(layer):
            raise CannotGrowError(f"{new.name} is made of other layers there")
        for field in fields(layer):
            mine, its = getattr(layer, field.name), getattr(there, field.name)
            if field.name not in SIZES and mine != its:
                raise CannotGrowError(
                    f"a layer of {new.name} has {field.name.replace('_', ' ')} {mine}, and {its} there"
                )


def _sum_of(block: Block) -> str:
    if not block.residual:
        return "adds nothing to its output"
    return "adds its input to its output" if block.shortcut is None else "has a shortcut"


def zeroed_origins(block: Block) -> list[Origin]:
    """Where the layers of a new block with a sum come from: its last norm, or its factors, begin at zero.

    Raises:
        CannotGrowError: if the block would not be the identity then, or stay it for good.
    """
    if isinstance(block.layers[-1], LayerScale):
        return ["zeroed" if layer is block.layers[-1] else "fresh" for layer in block.layers]
    convs = [i for i, layer in enumerate(block.layers) if isinstance(layer, Conv)]
    last = block.layers[convs[-1]]
    assert isinstance(last, Conv)
    if last.norm is None:
        raise CannotGrowError(f"{block.name} would be new and can't be the identity: no norm ends its branch")
    if block.activation not in (None, *IDEMPOTENT):
        raise CannotGrowError(
            f"{block.name} would be new and can't be the identity: {block.activation} follows its sum"
        )
    if last.activation in IDEMPOTENT:
        # No gradient comes through a ReLU of zeros: the block would stay what it is for good.
        raise CannotGrowError(
            f"{block.name} would be new and could not learn from zero: {last.activation} ends its branch"
        )
    return ["zeroed" if index == convs[-1] else "fresh" for index in range(len(block.layers))]


def require_passing(block: Block) -> None:
    """Refuses a new block without a sum whose convolutions can't pass on what a ReLU left."""

    def passes(layer: Layer) -> bool:
        return (
            isinstance(layer, Conv)
            and layer.activation in IDEMPOTENT
            and layer.stride == 1
            and layer.in_channels == layer.out_channels
        )

    if not all(passes(layer) for layer in block.layers):
        raise CannotGrowError(
            f"{block.name} would be new and can't be the identity: it adds nothing to its output"
        )
