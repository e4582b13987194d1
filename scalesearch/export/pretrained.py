"""Weights that others trained: files of torchvision's and timm's networks under this builder's names.

A training script keeps a state dict under some name, and the network in some module: wherever the tensors
stand in a file, and whatever their names begin with, those that fit the network are read. Where a lowered
layer stands says what both libraries call it (``library_names``); every name and shape is checked against
that.

What a file doesn't say: torchvision's B0 to B4 and timm's own networks have an epsilon of 1e-5 in batch norm,
torchvision's larger ones the paper's 1e-3. Networks that timm took over from TensorFlow (``tf_``) have the
paper's too, and pad unevenly where the stride is 2; their tensors look like any other's, so they are read as
timm's own and give nearly, not exactly, what they gave.
"""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from scalesearch.architecture.code_spec import CodeSpec
from scalesearch.architecture.cost_values import FLOAT32_BYTES
from scalesearch.architecture.network import build
from scalesearch.architecture.spec import Arch, ArchSpec
from scalesearch.export.library_names import Library, libraries, pairs
from scalesearch.export.state import ABOUT, FRESH, State, read_tensors, state_of

__all__ = ["read_pretrained"]

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
    """Refuses weights that a training run diverged to.

    Raises:
        ValueError: if a value is infinite or not a number.
    """
    for name, tensor in tensors.items():
        values = tensor.float() if tensor.is_floating_point() and tensor.itemsize == 1 else tensor
        if not values.isfinite().all():  # which no type of a single byte has of its own
            what = "values that are not numbers (NaN)" if values.isnan().any() else "infinite values"
            raise ValueError(f"`pretrained` must hold finite numbers, got {path} with {what} in {name}")


def _require_own_code(path: Path, found: Arch, arch: Arch) -> None:
    """Refuses a file that names code to be run, but for the code that the user named too.

    Raises:
        ValueError: if it does.
    """
    if not isinstance(found, CodeSpec):
        return
    if isinstance(arch, CodeSpec) and found.target == arch.target:
        return
    raise ValueError(
        f"`pretrained` must hold weights of the baseline's own code, got {path} with those of "
        f"{found.target}, and no code that a file names is run"
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
    """What ``torch.save`` wrote, as far as it is plain data. No code of the file is run.

    Raises:
        ValueError: if it holds anything else.
    """
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
        arch=replace(arch, classes=classes, norm_eps=chosen.library.norm_eps(arch)),
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
