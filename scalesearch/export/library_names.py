"""How torchvision and timm name the tensors of an EfficientNet, layer by layer.

Both name a layer by its place: torchvision's ``features.2.0.block.1.0`` is the second layer of the first
block of the second stage, timm's ``blocks.1.0.conv_dw`` the depthwise convolution of that block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from scalesearch.architecture.layers import Block, Conv, Layer, Linear, SqueezeExcite, lower
from scalesearch.architecture.spec import ArchSpec
from scalesearch.export.state import layer_prefix

__all__ = ["libraries", "pairs"]

# From so many blocks on (B5's) torchvision's EfficientNets have the paper's epsilon.
PAPER_EPS_BLOCKS = 39


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """How a library names an EfficientNet's tensors.

    Attributes:
        name: its name.
        sign: the name of the first tensor, by which its files are known.
        modules: for a layer its own module names, in the order of this builder's.
        norm_eps: batch norm's, for a network.
    """

    name: str
    sign: str
    modules: Callable[[Block, int, Layer], tuple[str, ...]]
    norm_eps: Callable[[ArchSpec], float]


def _place(block: Block) -> tuple[int, int]:
    """The stage and the block within it, from 1."""
    stage, _, number = block.name.removeprefix("stage").partition("_block")
    return int(stage), int(number)


def _torchvision(stages: int, block: Block, index: int, layer: Layer) -> tuple[str, ...]:
    if isinstance(layer, Linear):
        return ("classifier.1",)
    if block.name in ("stem", "head"):
        where = f"features.{0 if block.name == 'stem' else stages + 1}"
    else:
        stage, number = _place(block)
        where = f"features.{stage}.{number - 1}.block.{index}"
    if isinstance(layer, SqueezeExcite):
        return (f"{where}.fc1", f"{where}.fc2")
    return (f"{where}.0", f"{where}.1")


def _timm(block: Block, index: int, layer: Layer) -> tuple[str, ...]:
    if isinstance(layer, Linear):
        return ("classifier",)
    if block.name == "stem":
        return ("conv_stem", "bn1")
    if block.name == "head":
        return ("conv_head", "bn2")
    stage, number = _place(block)
    where = f"blocks.{stage - 1}.{number - 1}"
    if isinstance(layer, SqueezeExcite):
        return (f"{where}.se.conv_reduce", f"{where}.se.conv_expand")
    convs = [i for i, each in enumerate(block.layers) if isinstance(each, Conv)]
    first = block.layers[0]
    depthwise = isinstance(first, Conv) and first.depthwise
    names = {
        1: ("conv",),
        2: ("conv_dw", "conv_pw") if depthwise else ("conv_exp", "conv_pwl"),
        3: ("conv_pw", "conv_dw", "conv_pwl"),
    }[len(convs)]
    at = convs.index(index)
    return (f"{where}.{names[at]}", f"{where}.bn{at + 1}")


def libraries(arch: ArchSpec) -> tuple[Library, ...]:
    """Those whose files of ``arch`` can be read."""
    stages = len(arch.stages)
    fused = any(stage.block == "fused_mbconv" for stage in arch.stages)
    return (
        Library(
            name="torchvision",
            sign="features.0.0.weight",
            modules=lambda block, index, layer: _torchvision(stages, block, index, layer),
            norm_eps=lambda spec: 1e-3 if fused or spec.blocks >= PAPER_EPS_BLOCKS else 1e-5,
        ),
        Library(name="timm", sign="conv_stem.weight", modules=_timm, norm_eps=lambda _spec: 1e-5),
    )


OWN_MODULES: Mapping[type, tuple[str, ...]] = MappingProxyType(
    {Conv: ("0", "1"), SqueezeExcite: ("reduce", "expand"), Linear: ("1",)}
)


def pairs(arch: ArchSpec, library: Library, names: list[str]) -> Iterator[tuple[str, str]]:
    """This builder's name and the library's of every tensor, in order."""
    for block in lower(arch):
        for index, layer in enumerate(block.layers):
            if not isinstance(layer, Conv | SqueezeExcite | Linear):
                continue
            prefix = layer_prefix(block, index)
            theirs = library.modules(block, index, layer)
            for mine, its in zip(OWN_MODULES[type(layer)], theirs, strict=True):
                begins = f"{prefix}{mine}."
                for name in names:
                    if name.startswith(begins):
                        yield name, f"{its}.{name.removeprefix(begins)}"
