"""What a caller may give for a network or for data, as what runs go by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from scalesearch.errors import ScalesearchError
from scalesearch.networks.baselines import built_in, published_network
from scalesearch.networks.spec import Arch, is_target
from scalesearch.text import near
from scalesearch.training.dataset import TENSORS, DataError

if TYPE_CHECKING:
    import torch


def given_baseline(value: object, argument: str = "baseline") -> str | Arch:
    """A baseline as a caller names it: a built-in one's name, or the network itself.

    Args:
        value: a name, the path of a ``.toml`` file, ``package.module:function``, that function, or a spec.
        argument: what the errors call it.

    Raises:
        ScalesearchError: if it is none of these, or can't be read or built.
    """
    try:
        return _baseline(value)
    except ValueError as error:
        raise ScalesearchError(str(error).replace("`baseline`", f"`{argument}`")) from error


def _baseline(value: object) -> str | Arch:
    if isinstance(value, Arch):
        return value.name if value == built_in().get(value.name) else value
    text = _target(value) if callable(value) else str(value)
    if text in built_in():
        return text
    if is_target(text):
        from scalesearch.networks.user_network import code_baseline  # loads torch

        return code_baseline(text)
    if not text.endswith(".toml"):
        raise ScalesearchError(
            f"`baseline` must be one of {', '.join(built_in())}, a .toml file or package.module:function, "
            f"got {text!r}{_scaled(text) or near(text, built_in())}"
        )
    from scalesearch.networks.baselines import read_network

    network = read_network(Path(text))
    # What describe printed of a built-in network is that network.
    return network.name if network.name in built_in() else network


def _scaled(text: str) -> str:
    """What would do where a published network is named, which is a baseline scaled up; empty elsewhere."""
    published = published_network(text)
    if published is None:
        return ""
    return (
        f", which is {published.baseline} scaled: start from that, or from a file of it "
        f"(scalesearch describe {published.name} --format toml > {published.name}.toml)"
    )


def _target(function: Callable[..., object]) -> str:
    """Where other processes find a function; a ScalesearchError where they can't."""
    module, name = getattr(function, "__module__", ""), getattr(function, "__qualname__", repr(function))
    if module == "__main__" or not is_target(f"{module}:{name}"):
        raise ScalesearchError(
            f"`baseline` must be a function of a module that other processes can import, got {name}: put it "
            "into a file such as my_network.py beside this one, and import it from there"
        )
    return f"{module}:{name}"


def given_dataset(value: object, folder: Path) -> str:
    """Data as a caller gives it, as the name that runs know it by.

    Args:
        value: a dataset's name, a torch ``Dataset`` of (image, label), a function that returns
            (images, labels), or these two: (N, channels, height, width) of uint8 or of floats from 0 to 1,
            and (N,) whole numbers.
        folder: where tensors are written, once, so that other processes can read them.

    Raises:
        DataError: if it is none of these.
        OSError: if the tensors can't be written.
    """
    if isinstance(value, str | Path):
        return str(value)
    from scalesearch.training.images import write_tensors  # loads torch

    return f"{TENSORS}{write_tensors(*_tensors(value), folder)}"


def _tensors(value: object) -> tuple[torch.Tensor, torch.Tensor]:
    import torch

    items, given = cast(Any, value), type(value).__name__
    if isinstance(value, tuple):
        pair = value
    elif hasattr(value, "__getitem__") and hasattr(value, "__len__"):
        images, labels = zip(*(items[index][:2] for index in range(len(items))), strict=True)
        pair = (_stacked(images), torch.tensor([int(label) for label in labels]))
    elif callable(value):
        pair = items()
        given = f"a function that returned {type(pair).__name__}"
    else:
        pair = ()
    try:
        images, labels = pair
        return torch.as_tensor(images), torch.as_tensor(labels)
    except (TypeError, ValueError) as error:
        raise DataError(
            "`dataset` must be a dataset's name, a torch Dataset of (image, label), or (images, labels) or a "
            f"function that returns them, got {given}"
        ) from error


def _stacked(images: tuple[object, ...]) -> torch.Tensor:
    """Images of one size as one tensor; those of PIL have their channels last."""
    import torch
    from PIL.Image import Image
    from torchvision.transforms.v2.functional import pil_to_tensor

    tensors = [pil_to_tensor(i) if isinstance(i, Image) else torch.as_tensor(i) for i in images]
    sizes = {tuple(tensor.shape) for tensor in tensors}
    if len(sizes) > 1:
        first, second = sorted(sizes)[:2]
        raise DataError(
            f"`dataset` must have images of one shape (channels, height, width), got {first} and {second}; "
            "folder:PATH takes images of any size"
        )
    return torch.stack(tensors)
