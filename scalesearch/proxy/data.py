"""A dataset's images, rendered at a network's own resolution from the source's pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from scalesearch.proxy.channels import channel_names, statistics
from scalesearch.proxy.dataset import FOLDER, DataError, DataSpec
from scalesearch.proxy.files import load_cifar, load_folder
from scalesearch.proxy.photographs import load_photographs
from scalesearch.proxy.recipe import ProxyRecipe
from scalesearch.proxy.source import ImageSource

__all__ = ["input_facts", "load", "normalise", "rendered_batches"]

Transform = Callable[[torch.Tensor], torch.Tensor]


def load(spec: DataSpec, *, check: bool = False) -> ImageSource:
    """The images that ``spec`` names; ``check`` makes sure that each of a folder's can be read.

    Raises:
        DataError: if the data is missing, cannot be used, or is not the one that has the spec's digest.
    """
    if spec.name == "photographs":
        source = load_photographs(spec.held_out, spec.in_channels)
    elif spec.name.startswith(FOLDER):
        source = load_folder(
            spec.folder,
            held_out=spec.held_out,
            check=check,
            in_channels=spec.in_channels,
        )
    else:
        source = load_cifar(
            spec.name,
            Path(spec.data_dir).expanduser(),
            download=spec.download,
            held_out=spec.held_out,
            in_channels=spec.in_channels,
        )
    if spec.digest and source.digest != spec.digest:
        raise DataError(
            f"`dataset` {spec.name} must be the data that the run was begun with, got other files or labels"
        )
    return source


class _Rendered(Dataset[tuple[torch.Tensor, int]]):
    """Source images through a transform, at the moment they are asked for."""

    def __init__(self, source: Dataset[tuple[torch.Tensor, int]], transform: Transform) -> None:
        self._source = source
        self._transform = transform

    def __len__(self) -> int:
        return len(self._source)  # type: ignore[arg-type]  # every dataset here has a length

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image, label = self._source[index]
        return self._transform(image), label


def _training_view(recipe: ProxyRecipe, dataset: str, size: tuple[int, int]) -> v2.Transform:
    # Windows as often too wide as too high, for what is rendered of them.
    shape = size[1] / size[0]
    steps: list[v2.Transform] = [
        v2.RandomResizedCrop(
            size, scale=(recipe.crop_scale, 1.0), ratio=(3 / 4 * shape, 4 / 3 * shape), antialias=True
        ),
        v2.RandomHorizontalFlip(),
    ]
    if recipe.augmentation == "autoaugment":
        cifar = dataset.startswith("cifar")
        steps.append(v2.AutoAugment(v2.AutoAugmentPolicy.CIFAR10 if cifar else v2.AutoAugmentPolicy.IMAGENET))
    return v2.Compose(steps)


def _judging_view(size: tuple[int, int]) -> Transform:
    height, width = size
    if height == width:
        both: Transform = v2.Compose([v2.Resize(height, antialias=True), v2.CenterCrop(height)])
        return both
    return partial(_middle, height=height, width=width)


def _middle(image: torch.Tensor, height: int, width: int) -> torch.Tensor:
    """The middle of an image, as large a window of that shape as it holds, at that size."""
    times = max(height / image.shape[-2], width / image.shape[-1])
    larger = [max(height, round(image.shape[-2] * times)), max(width, round(image.shape[-1] * times))]
    view: torch.Tensor = F.center_crop(F.resize(image, larger, antialias=True), [height, width])
    return view


def rendered_batches(
    source: ImageSource,
    recipe: ProxyRecipe,
    *,
    dataset: str,
    size: tuple[int, int],
    order: Sequence[int] | None,
    workers: int = 0,
) -> Iterable[tuple[torch.Tensor, torch.Tensor]]:
    """Batches rendered from the source at ``size``.

    They are uint8 (batch, channels, height, width) and labels (batch,).

    Args:
        source: the images.
        recipe: batch size and augmentation.
        dataset: its name; CIFAR has an AutoAugment policy of its own.
        size: (height, width) in pixels.
        order: indices into the training part, in the order of training; None gives the held-out part.
        workers: processes that render ahead (0: in this one).
    """
    if order is None:
        return DataLoader(
            _Rendered(source.held_out, _judging_view(size)), batch_size=128, num_workers=workers
        )
    view = _training_view(recipe, dataset, size)
    return DataLoader(
        _Rendered(source.train, view),
        batch_size=recipe.batch_size,
        sampler=order,
        num_workers=workers,
        persistent_workers=False,
    )


def normalise(images: torch.Tensor, device: torch.device) -> torch.Tensor:
    """uint8 images as float32 of about zero mean and unit variance, channels last, on ``device``."""
    means, stds = statistics(images.shape[1])
    mean = torch.tensor(means, device=device).view(1, -1, 1, 1)
    std = torch.tensor(stds, device=device).view(1, -1, 1, 1)
    images = images.to(device, non_blocking=True).to(memory_format=torch.channels_last)
    return images.float().sub_(mean).div_(std)


def input_facts(size: tuple[int, int], in_channels: int) -> dict[str, Any]:
    """How images become the input of a network that was judged here, as plain data for those who use it.

    ``mean`` and ``std`` are of each channel, for pixels from 0 to 1.

    Args:
        size: (height, width) in pixels.
        in_channels: of an image.
    """
    mean, std = statistics(in_channels)
    height, width = size
    square = height == width
    view = (
        "the shorter side resized to the resolution (bilinear, antialiased), then the centre crop"
        if square
        else "resized to the least that covers height and width (bilinear, antialiased), then the centre crop"
    )
    return {
        "resolution": height if square else [height, width],
        "view": view,
        "channels": channel_names(in_channels),
        "mean": [round(value / 255, 6) for value in mean],
        "std": [round(value / 255, 6) for value in std],
    }
