"""Other libraries' weights read into a network of ours."""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from safetensors import SafetensorError

from scalesearch.export.state import ABOUT, FRESH, State, layer_prefix, read_tensors, state_of
from scalesearch.networks.build import build
from scalesearch.networks.layers import (
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
from scalesearch.networks.spec import FLOAT32_BYTES, Arch, ArchSpec

# ----------------------------------------------------------------------------------------------------
# How torchvision and timm name the tensors of the baselines, layer by layer.
#
# Both name a layer by its place: torchvision's ``features.2.0.block.1.0`` is the second layer of the first
# block of the second stage, timm's ``blocks.1.0.conv_dw`` the depthwise convolution of that block. Of
# ResNets both call it alike: ``layer2.0.conv1``.

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
        norm_eps: batch norm's.
    """

    name: str
    sign: str
    modules: Callable[[Block, int | None, Layer], tuple[str, ...]]
    norm_eps: float = 1e-5


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
        return (Library(name="timm", sign="stem.0.weight", modules=_timm_convnext, norm_eps=1e-6),)
    if all(stage.group_width for stage in arch.stages):
        return (Library(name="timm", sign="stem.conv.weight", modules=_timm_regnet),)
    names = partial(_timm, arch, _timm_places(arch))
    timm = Library(name="timm", sign="conv_stem.weight", modules=names)
    if arch.features:
        return (timm,)
    stages, blocks = len(arch.stages), list(lower(arch))
    if any(block.shortcut is not None or block.activation is not None for block in blocks):
        return (Library(name="torchvision and timm", sign="conv1.weight", modules=_resnet),)
    places = {block.name: place for place, block in enumerate(blocks)}
    alike = all(isinstance(layer, Conv | Linear | Pool) for block in blocks for layer in block.layers)
    mobile = partial(_mobilenet_v2, places)
    fused = any(stage.block == "fused_mbconv" for stage in arch.stages)
    torchvision = Library(
        name="torchvision",
        sign="features.0.0.weight",
        modules=partial(_torchvision, stages),
        norm_eps=1e-3 if fused or arch.blocks >= PAPER_EPS_BLOCKS else 1e-5,
    )
    return (
        torchvision,
        *((replace(torchvision, modules=mobile, norm_eps=1e-5),) if alike else ()),
        timm,
    )


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


# ----------------------------------------------------------------------------------------------------
# Weights that others trained: files of torchvision's and timm's networks under this builder's names.
#
# A training script keeps a state dict under some name, and the network in some module: wherever the tensors
# stand in a file, and whatever their names begin with, those that fit the network are read. Where a lowered
# layer stands says what both libraries call it (``library_names``); every name and shape is checked against
# that.
#
# What a file doesn't say: torchvision's B0 to B4 and timm's own networks have an epsilon of 1e-5 in batch
# norm, torchvision's larger ones the paper's 1e-3. Networks that timm took over from TensorFlow (``tf_``)
# have the paper's too, and pad unevenly where the stride is 2; their tensors look like any other's, so they
# are read as timm's own and give nearly, not exactly, what they gave.

# How deep in a file state dicts are looked for.
DEEPEST = 4
# What a state dict is called that holds averaged weights: state_dict_ema, model_ema, ema, swa_model.
AVERAGED = re.compile(r"(?<![a-z])(ema|swa|averaged?)(?![a-z])", re.IGNORECASE)
# What networks call their classifier.
CLASSIFIERS = ("classifier", "fc", "head", "heads")
# How files begin that torch.save wrote: as a zip archive, or as a pickle.
TORCH = (b"PK\x03\x04", b"\x80")
# Where the header of a safetensors file begins, with a brace; before it stands its length.
SAFETENSORS_AT = 8
SHOWN = 3


def read_pretrained(path: Path, arch: Arch) -> State:
    """The network with weights that a file holds.

    Args:
        path: a state that scalesearch wrote, of whatever network; or a state dict of torchvision's or timm's,
            as safetensors or as ``torch.save`` wrote it, which must be that of ``arch``.
        arch: the network at full size; how many classes it has does not matter.

    Raises:
        ValueError: if there is no such file, it is no weights file, holds anything but tensors, values that
            are not finite, or the tensors of another network.
    """
    held = _held(path)
    if isinstance(held, State):
        _require_own_code(path, held.arch, arch)
        _require_finite(path, held.tensors)
        held.network()
        return held
    if not isinstance(arch, ArchSpec):
        raise ValueError(
            f"`pretrained` must be a file that scalesearch wrote for a network of your own code, got {path}"
        )
    return _converted(path, held, arch)


def _require_finite(path: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    """Refuses weights that a training run diverged to: infinite, or not a number."""
    for name, tensor in tensors.items():
        values = tensor.float() if tensor.is_floating_point() and tensor.itemsize == 1 else tensor
        if not values.isfinite().all():  # which no type of a single byte has of its own
            what = "values that are not numbers (NaN)" if values.isnan().any() else "infinite values"
            raise ValueError(f"`pretrained` must hold finite numbers, got {path} with {what} in {name}")


def _require_own_code(path: Path, found: Arch, arch: Arch) -> None:
    """Refuses a file that names code to be run, but for the code that the user named too."""
    if not found.code or found.code == arch.code:
        return
    raise ValueError(
        f"`pretrained` must hold weights of the baseline's own code, got {path} with those of "
        f"{found.code}, and no code that a file names is run"
    )


def _held(path: Path) -> Any:
    """What a file holds: a state that scalesearch wrote, or plain data with tensors in it."""
    if path.is_dir():
        raise ValueError(f"`pretrained` must be a file of weights, got {path}: it is a folder")
    try:
        metadata, tensors = read_tensors(path)
        return state_of(path, metadata, tensors) if ABOUT in metadata else tensors
    except FileNotFoundError:
        raise ValueError(f"`pretrained` must be a file of weights, got {path}: no such file") from None
    except SafetensorError:
        pass  # it may be torch's
    except OSError as error:
        raise ValueError(
            f"`pretrained` must be a readable file, got {path}: {error.strerror or error}"
        ) from None
    with path.open("rb") as file:
        begins = file.read(SAFETENSORS_AT + 1)
    if begins.startswith(TORCH):
        return _loaded(path)
    if not begins:
        raise _no_weights(path, "it is empty")
    if begins[SAFETENSORS_AT:] == b"{":
        raise _no_weights(path, "it is damaged or cut short")
    raise _no_weights(path, "it is neither safetensors nor saved by torch")


def _no_weights(path: Path, why: str) -> ValueError:
    return ValueError(
        "`pretrained` must be a file of weights (safetensors, or a state dict saved by torch), got "
        f"{path}, which is not a weights file: {why}"
    )


def _loaded(path: Path) -> Any:
    """What ``torch.save`` wrote, refused if it is more than plain data. No code of the file is run."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that another protocol of pickles may not be read: it is refused
            with path.open("rb") as file:  # by its name torch would hand some files to other readers
                return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        kind = re.search(r"GLOBAL ([\w.]+)", str(error))
        raise ValueError(
            f"`pretrained` must hold nothing but tensors, got {path}: it is a pickle with "
            f"{kind[1] if kind else 'more'} in it, and no code of a file is run; save the weights alone, "
            "with torch.save(network.state_dict(), FILE) or safetensors"
        ) from None
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        if "TorchScript" in str(error):
            raise _no_weights(path, "it is a TorchScript program, which is code") from None
        raise _no_weights(path, "it is damaged, cut short, or holds something else") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """A state dict in a file, read as one that a library wrote for the network.

    Attributes:
        place: where in the file it stands: the names it is wrapped in, and what its tensors' begin with.
        library: how its tensors are named.
        tensors: by the file's names, without what they begin with.
        names: this builder's name of each, and the file's.
        wrong: what is missing or has another shape.
        foreign: names that the library has not.
        fresh: whether it has no classifier, or another one than a linear layer.
    """

    place: str
    library: Library
    tensors: Mapping[str, torch.Tensor]
    names: Mapping[str, str]
    wrong: list[str]
    foreign: list[str]
    fresh: bool

    @property
    def fits(self) -> bool:
        return not self.wrong and not self.foreign

    @property
    def averaged(self) -> bool:
        return AVERAGED.search(self.place) is not None


def _state_dicts(
    value: object, place: str = "", depth: int = 0
) -> Iterator[tuple[str, dict[str, torch.Tensor]]]:
    """The state dicts in what a training script saved, by where they stand: tensors by name."""
    if not isinstance(value, Mapping) or depth > DEEPEST:
        return
    tensors = {k: v.detach() for k, v in value.items() if isinstance(k, str) and isinstance(v, torch.Tensor)}
    if tensors:
        yield place, tensors
    for name, inner in value.items():
        if isinstance(name, str):
            yield from _state_dicts(inner, f"{place}{name}.", depth + 1)


def _readings(value: object, arch: ArchSpec) -> Iterator[_Reading]:
    """All that a file may hold of the network: wrapped or not, and whatever stands before the names."""
    with torch.device("meta"):
        plain = build(arch).state_dict()
    every = [(library, dict(pairs(arch, library, list(plain)))) for library in libraries(arch)]
    for place, tensors in _state_dicts(value):
        for library, named in every:
            sign = library.sign
            for name in tensors:
                if name == sign or name.endswith(f".{sign}"):
                    begins = name.removesuffix(sign)
                    its = {n.removeprefix(begins): t for n, t in tensors.items() if n.startswith(begins)}
                    yield _reading(f"{place}{begins}".rstrip("."), library, named, plain, its)


def _reading(
    place: str,
    library: Library,
    named: Mapping[str, str],
    plain: Mapping[str, torch.Tensor],
    its: Mapping[str, torch.Tensor],
) -> _Reading:
    head = next(mine for mine in reversed(list(named)) if mine.endswith(".weight")).removesuffix("weight")
    classifier = {mine: name for mine, name in named.items() if mine.startswith(head)}
    foreign = [name for name in its if name not in set(named.values())]
    fresh = not any(name in its for name in classifier.values())
    if fresh:
        # Somebody's own classifier, in its place or under another usual name: a linear layer is what it is.
        others = [name for name in foreign if name.partition(".")[0] in CLASSIFIERS]
        foreign = [name for name in foreign if name not in others]
        ends = {name.rpartition(".")[2]: name for name in others}
        if len(others) == len(ends) == len(classifier) and ends.keys() == {"weight", "bias"}:
            classifier, fresh = {f"{head}{end}": name for end, name in ends.items()}, False
    named = {**named, **classifier}
    wrong = [
        problem
        for mine, name in named.items()
        if not (fresh and mine in classifier)
        and (problem := _wrong(name, plain[mine], its.get(name), classes=mine in classifier))
    ]
    names = {mine: name for mine, name in named.items() if name in its}
    tensors = {name: its[name] for name in names.values()}
    return _Reading(
        place=place, library=library, tensors=tensors, names=names, wrong=wrong, foreign=foreign, fresh=fresh
    )


def _converted(path: Path, value: object, arch: ArchSpec) -> State:
    """What a file of another library holds of the network, under this builder's names.

    Of several that fit an averaged one is read, as timm does, else the first.
    """
    readings = list(_readings(value, arch))
    if not readings:
        held = [sorted(tensors) for _, tensors in _state_dicts(value)]
        if not held:
            raise ValueError(
                f"`pretrained` must hold a state dict, tensors by name, got {path}, which holds none"
            )
        signs = " or ".join(
            f"{name} ({sign})" for sign, name in {x.sign: x.name for x in libraries(arch)}.items()
        )
        raise ValueError(
            f"`pretrained` must hold the weights of {arch.name} as {signs} names them, got {path} with "
            f"{_some(max(held, key=len))}"
        )
    fitting = [reading for reading in readings if reading.fits]
    if not fitting:
        nearest = max(readings, key=lambda reading: (len(reading.tensors), -len(reading.foreign)))
        # What is there too often hides what is missing, and the other way round: the first of each.
        foreign = [f"{name} is not one of its names" for name in nearest.foreign]
        problems = "; ".join(_some(each, "; ") for each in (nearest.wrong, foreign) if each)
        raise ValueError(
            f"`pretrained` must hold the weights of {arch.name} as {nearest.library.name} names them, got "
            f"{path}: {problems}"
        )
    chosen = next((reading for reading in fitting if reading.averaged), fitting[0])
    _require_finite(path, chosen.tensors)
    with torch.device("meta"):
        plain = build(arch).state_dict()
    every = list(plain)
    converted = {
        mine: _as_convolution(_at_least_single(chosen.tensors[its]), plain[mine])
        for mine, its in chosen.names.items()
    }
    counts = {
        name: torch.zeros((), dtype=torch.int64)
        for name in every
        if name.endswith("num_batches_tracked") and name not in converted
    }
    classes = arch.classes if chosen.fresh else converted[every[-1]].shape[0]
    facts = {"file": path.name, "names": chosen.library.name}
    return State(
        arch=replace(arch, classes=classes, norm_eps=chosen.library.norm_eps),
        tensors={name: (converted | counts)[name] for name in every if name in converted or name in counts},
        facts=facts
        | ({"read": chosen.place} if chosen.place else {})
        | ({FRESH: True} if chosen.fresh else {}),
    )


def _wrong(name: str, expected: torch.Tensor, found: torch.Tensor | None, *, classes: bool) -> str:
    """What is wrong with one of the file's tensors; empty where nothing is.

    ``classes``: whether it is the classifier's, whose number of classes is the file's own affair.
    """
    if name.endswith("num_batches_tracked"):
        return ""
    if found is None:
        return f"{name} is missing"
    shape, needed = tuple(_as_convolution(found, expected).shape), tuple(expected.shape)
    if (shape[1:], len(shape)) != (needed[1:], len(needed)) if classes else shape != needed:
        return f"{name} is {shape} for {needed}"
    if found.is_meta:
        return f"{name} holds no numbers"
    if not found.is_floating_point() or found.layout != torch.strided:
        return f"{name} is of {found.dtype}" if found.layout == torch.strided else f"{name} is not dense"
    return ""


def _as_convolution(found: torch.Tensor, expected: torch.Tensor) -> torch.Tensor:
    """A fully connected layer's weights where a 1x1 convolution, which does the same, has its own."""
    if found.ndim == 2 and expected.ndim == 4 and expected.shape[2:] == (1, 1):
        return found[:, :, None, None]
    return found


def _at_least_single(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.float() if tensor.is_floating_point() and tensor.itemsize < FLOAT32_BYTES else tensor


def _some(items: list[str], between: str = ", ") -> str:
    rest = f"{between}and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return between.join(items[:SHOWN]) + rest
