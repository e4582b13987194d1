"""Weights that others trained: files of torchvision's and timm's EfficientNets under this builder's names.

Where a lowered layer stands says what both call it (``library_names``); every name and shape of a file is
checked against that.

What a file doesn't say: torchvision's B0 to B4 and timm's own networks have an epsilon of 1e-5 in batch norm,
torchvision's larger ones the paper's 1e-3. Networks that timm took over from TensorFlow (``tf_``) have the
paper's too, and pad unevenly where the stride is 2; their tensors look like any other's, so they are read as
timm's own and give nearly, not exactly, what they gave.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError

from scalesearch.architecture.code_spec import CodeSpec
from scalesearch.architecture.layers import lower
from scalesearch.architecture.network import build
from scalesearch.architecture.spec import Arch, ArchSpec
from scalesearch.export.library_names import libraries, pairs
from scalesearch.export.state import ABOUT, State, read_tensors, state_of

__all__ = ["read_pretrained"]

# Under which training scripts keep a state dict, and what parallel training puts before its names.
WRAPPED = ("state_dict", "model")
PARALLEL = "module."
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
    tensors = _tensors(path)
    if isinstance(tensors, State):
        _require_own_code(path, tensors.arch, arch)
        _require_finite(path, tensors.tensors)
        tensors.network()
        return tensors
    if not isinstance(arch, ArchSpec):
        raise ValueError(
            f"`pretrained` must be a file that scalesearch wrote for a network of your own code, got {path}"
        )
    state = _converted(path, tensors, arch)
    _require_finite(path, tensors)
    return state


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
    if isinstance(arch, CodeSpec) and (found.target, found.source) == (arch.target, arch.source):
        return
    raise ValueError(
        f"`pretrained` must hold weights of the baseline's own code, got {path} with those of "
        f"{found.target}, and no code that a file names is run"
    )


def _tensors(path: Path) -> State | dict[str, torch.Tensor]:
    """What the file holds: a state, or a state dict of whoever wrote it."""
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
        return _state_dict(path)
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


def _state_dict(path: Path) -> dict[str, torch.Tensor]:
    """A state dict that ``torch.save`` wrote. No code of the file is run.

    Raises:
        ValueError: if it holds anything else.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that another protocol of pickles may not be read: it is refused
            with path.open("rb") as file:  # by its name torch would hand some files to other readers
                loaded = torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise ValueError(
            f"`pretrained` must hold nothing but tensors, got {path}: it is a pickle with more in it, and no "
            "code of a file is run; save the network's state_dict() with safetensors"
        ) from None
    except (RuntimeError, EOFError, OSError, ValueError, KeyError):
        raise _no_weights(path, "it is damaged, cut short, or holds something else") from None
    for name in WRAPPED:
        if isinstance(loaded, Mapping) and isinstance(loaded.get(name), Mapping):
            loaded = loaded[name]
    if not (
        isinstance(loaded, Mapping)
        and loaded
        and all(isinstance(k, str) and isinstance(v, torch.Tensor) for k, v in loaded.items())
    ):
        raise ValueError(
            f"`pretrained` must hold a state dict, tensors by name, got {path}, which holds none"
        )
    return dict(loaded)


def _converted(path: Path, found: Mapping[str, torch.Tensor], arch: ArchSpec) -> State:
    if any(block.shortcut is not None or block.activation is not None for block in lower(arch)):
        raise ValueError(
            f"`pretrained` must be a file that scalesearch wrote for {arch.name}, got {path}: of other "
            "libraries the files of EfficientNets alone are read, and of networks made of their blocks"
        )
    tensors = {name.removeprefix(PARALLEL): tensor for name, tensor in found.items()}
    known_to = libraries(arch)
    library = next((each for each in known_to if each.sign in tensors), None)
    if library is None:
        raise ValueError(
            f"`pretrained` must hold an EfficientNet of torchvision (with {known_to[0].sign}) or timm (with "
            f"{known_to[1].sign}), got {path} with {_some(sorted(tensors))}"
        )
    with torch.device("meta"):
        own = build(arch).state_dict()
    named = dict(pairs(arch, library, list(own)))
    wrong = [problem for mine, its in named.items() if (problem := _wrong(its, own[mine], tensors.get(its)))]
    known = set(named.values())
    foreign = [f"{name} is not one of its names" for name in tensors if name not in known]
    if wrong or foreign:
        # What is there too often hides what is missing, and the other way round: the first of each.
        said = "; ".join(_some(each, "; ") for each in (wrong, foreign) if each)
        raise ValueError(
            f"`pretrained` must hold the weights of {arch.name} as {library.name} names them, got {path}: "
            f"{said}"
        )
    classifier = next(mine for mine in reversed(named) if mine.endswith(".weight"))
    converted = {mine: _at_least_single(tensors[its]) for mine, its in named.items() if its in tensors}
    spec = replace(arch, classes=converted[classifier].shape[0], norm_eps=library.norm_eps(arch))
    counts = {name: torch.zeros((), dtype=torch.int64) for name in own if name not in converted}
    return State(
        arch=spec,
        tensors={name: (converted | counts)[name] for name in own},
        facts={"file": path.name, "names": library.name},
    )


def _wrong(name: str, expected: torch.Tensor, found: torch.Tensor | None) -> str:
    """What is wrong with one of the file's tensors; empty where nothing is."""
    if name.endswith("num_batches_tracked"):
        return ""
    if found is None:
        return f"{name} is missing"
    shape, needed = tuple(found.shape), tuple(expected.shape)
    if name.startswith("classifier."):
        # Its classes are the file's own affair.
        shape, needed = shape[1:], needed[1:]
    return "" if shape == needed else f"{name} is {tuple(found.shape)} for {tuple(expected.shape)}"


def _at_least_single(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.float() if tensor.dtype in (torch.float16, torch.bfloat16) else tensor


def _some(items: list[str], between: str = ", ") -> str:
    rest = f"{between}and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return between.join(items[:SHOWN]) + rest
