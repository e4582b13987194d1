"""How torchvision and timm name the tensors of the baselines, layer by layer.

Both name a layer by its place: torchvision's ``features.2.0.block.1.0`` is the second layer of the first
block of the second stage, timm's ``blocks.1.0.conv_dw`` the depthwise convolution of that block. Of ResNets
both call it alike: ``layer2.0.conv1``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from scalesearch.architecture.layers import (
    Block,
    Conv,
    Layer,
    LayerNorm,
    LayerScale,
    Linear,
    Pool,
    SqueezeExcite,
    lower,
)
from scalesearch.architecture.spec import ArchSpec
from scalesearch.export.state import layer_prefix

__all__ = ["libraries", "pairs"]

# From so many blocks on (B5's) torchvision's EfficientNets have the paper's epsilon.
PAPER_EPS_BLOCKS = 39


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """How a library names a network's tensors.

    Attributes:
        name: its name.
        sign: the name of the first tensor, by which its files are known.
        modules: for a layer, by its block and its place there (None for the shortcut), its own module names,
            in the order of this builder's.
        norm_eps: batch norm's, for a network.
    """

    name: str
    sign: str
    modules: Callable[[Block, int | None, Layer], tuple[str, ...]]
    norm_eps: Callable[[ArchSpec], float]


def _place(block: Block) -> tuple[int, int]:
    """The stage and the block within it, from 1."""
    stage, _, number = block.name.removeprefix("stage").partition("_block")
    return int(stage), int(number)


def _torchvision(stages: int, block: Block, index: int | None, layer: Layer) -> tuple[str, ...]:
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


def _mobilenet_v2(
    places: Mapping[str, int], block: Block, index: int | None, layer: Layer
) -> tuple[str, ...]:
    """Torchvision's MobileNetV2 has its blocks in a row, and the last convolution of each outside a pair."""
    if isinstance(layer, Linear):
        return ("classifier.1",)
    where = f"features.{places[block.name]}"
    if block.name in ("stem", "head"):
        return (f"{where}.0", f"{where}.1")
    if index == len(block.layers) - 1:
        return (f"{where}.conv.{index}", f"{where}.conv.{index + 1}")
    return (f"{where}.conv.{index}.0", f"{where}.conv.{index}.1")


def _resnet(block: Block, index: int | None, layer: Layer) -> tuple[str, ...]:
    if isinstance(layer, Linear):
        return ("fc",)
    if block.name == "stem":
        return ("conv1", "bn1")
    if block.name == "head":
        return ("head.0", "head.1")  # theirs have none
    stage, number = _place(block)
    where = f"layer{stage}.{number - 1}"
    if index is None:
        return (f"{where}.downsample.0", f"{where}.downsample.1")
    return (f"{where}.conv{index + 1}", f"{where}.bn{index + 1}")


def _timm_places(arch: ArchSpec) -> dict[str, str]:
    """Where timm has each block: the rows of one stage are blocks of one stage there."""
    rows = iter(range(1, len(arch.stages) + 1))
    places: dict[str, str] = {}
    for stage, group in enumerate(arch.rows_of_stages):
        names = [
            f"stage{row}_block{n + 1}"
            for spec, row in zip(group, rows, strict=False)
            for n in range(spec.repeats)
        ]
        places |= {name: f"blocks.{stage}.{number}" for number, name in enumerate(names)}
    if arch.features:
        places["head"] = f"blocks.{len(arch.rows_of_stages)}.0"
    return places


def _timm(
    arch: ArchSpec, places: Mapping[str, str], block: Block, index: int | None, layer: Layer
) -> tuple[str, ...]:
    if isinstance(layer, Linear):
        return ("classifier",)
    if block.name == "stem":
        return ("conv_stem", "bn1")
    where = places.get(block.name)
    if block.name == "head" and (where is None or index):
        return ("conv_head", "norm_head" if arch.features else "bn2") if _normed(layer) else ("conv_head",)
    if block.name == "head":
        return (f"{where}.conv", f"{where}.bn1")
    row = arch.stages[_place(block)[0] - 1]
    if row.block == "mbconv" and any(stage.start_kernel_size for stage in arch.stages):
        depthwise = row.kernel_size > 0
        parts = (
            ("dw_start",) * (row.start_kernel_size > 0) + ("pw_exp",) + ("dw_mid",) * depthwise + ("pw_proj",)
        )
        part = f"{where}.{parts[index or 0]}"
        return (f"{part}.conv", f"{part}.bn")
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
    at = convs.index(index or 0)
    return (f"{where}.{names[at]}", f"{where}.bn{at + 1}")


def _normed(layer: Layer) -> bool:
    return isinstance(layer, Conv) and layer.norm is not None


def _timm_regnet(block: Block, index: int | None, layer: Layer) -> tuple[str, ...]:
    if isinstance(layer, Linear):
        return ("head.fc",)
    if block.name in ("stem", "head"):
        return (f"{block.name}.conv", f"{block.name}.bn")
    stage, number = _place(block)
    where = f"s{stage}.b{number}"
    if isinstance(layer, SqueezeExcite):
        return (f"{where}.se.fc1", f"{where}.se.fc2")
    if index is None:
        part = "downsample"
    else:
        part = f"conv{sum(isinstance(each, Conv) for each in block.layers[: index + 1])}"
    return (f"{where}.{part}.conv", f"{where}.{part}.bn")


def _timm_convnext(block: Block, index: int | None, layer: Layer) -> tuple[str, ...]:
    if isinstance(layer, Linear):
        return ("head.fc",)
    if block.name == "stem":
        return ("stem.0", "stem.1")
    if block.name == "head":
        return ("head.norm",)
    if block.name.endswith("_entry"):
        return (f"stages.{int(block.row.removeprefix('stage')) - 1}.downsample.{index}",)
    stage, number = _place(block)
    where = f"stages.{stage - 1}.blocks.{number - 1}"
    parts = (("conv_dw", "norm"), ("mlp.fc1",), ("mlp.fc2",), ("gamma",))
    return tuple(f"{where}.{part}" for part in parts[index or 0])


def libraries(arch: ArchSpec) -> tuple[Library, ...]:
    """Those whose files of ``arch`` can be read."""
    if all(stage.block == "convnext" for stage in arch.stages):
        return (_of_timm("stem.0.weight", _timm_convnext, 1e-6),)
    if all(stage.group_width for stage in arch.stages):
        return (_of_timm("stem.conv.weight", _timm_regnet, 1e-5),)
    timm = _of_timm("conv_stem.weight", partial(_timm, arch, _timm_places(arch)), 1e-5)
    if arch.features:
        return (timm,)
    stages, blocks = len(arch.stages), list(lower(arch))
    if any(block.shortcut is not None or block.activation is not None for block in blocks):
        return (
            Library(
                name="torchvision and timm",
                sign="conv1.weight",
                modules=_resnet,
                norm_eps=lambda _spec: 1e-5,
            ),
        )
    places = {block.name: place for place, block in enumerate(blocks)}
    alike = all(isinstance(layer, Conv | Linear | Pool) for block in blocks for layer in block.layers)
    mobile = Library(
        name="torchvision",
        sign="features.0.0.weight",
        modules=lambda block, index, layer: _mobilenet_v2(places, block, index, layer),
        norm_eps=lambda _spec: 1e-5,
    )
    fused = any(stage.block == "fused_mbconv" for stage in arch.stages)
    return (
        Library(
            name="torchvision",
            sign="features.0.0.weight",
            modules=lambda block, index, layer: _torchvision(stages, block, index, layer),
            norm_eps=lambda spec: 1e-3 if fused or spec.blocks >= PAPER_EPS_BLOCKS else 1e-5,
        ),
        *((mobile,) if alike else ()),
        timm,
    )


def _of_timm(
    sign: str, modules: Callable[[Block, int | None, Layer], tuple[str, ...]], eps: float
) -> Library:
    return Library(name="timm", sign=sign, modules=modules, norm_eps=lambda _spec: eps)


OWN_MODULES: Mapping[type, tuple[str, ...]] = MappingProxyType(
    {
        **{Conv: ("0.", "1."), SqueezeExcite: ("reduce.", "expand."), Linear: ("1.",)},
        **{LayerNorm: ("",), LayerScale: ("",)},
    }
)


def pairs(arch: ArchSpec, library: Library, names: list[str]) -> Iterator[tuple[str, str]]:
    """This builder's name and the library's of every tensor, in order; the classifier's last."""
    for block in lower(arch):
        shortcut = [] if block.shortcut is None else [(None, block.shortcut)]
        for index, layer in [*enumerate(block.layers), *shortcut]:
            if type(layer) not in OWN_MODULES:
                continue
            prefix = layer_prefix(block, index)
            theirs = library.modules(block, index, layer)
            own = ("0.",) if isinstance(layer, Conv) and not layer.norm else OWN_MODULES[type(layer)]
            for mine, its in zip(own, theirs, strict=True):
                begins = f"{prefix}{mine}"
                for name in names:
                    if name.startswith(begins):
                        # Factors of channels are a parameter by itself there.
                        alone = isinstance(layer, LayerScale)
                        yield name, its if alone else f"{its}.{name.removeprefix(begins)}"
