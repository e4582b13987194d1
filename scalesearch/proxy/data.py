"""A dataset's images, rendered at a network's own resolution from the source's pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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
from scalesearch.proxy.views import Views

__all__ = ["input_facts", "judging_batches", "load", "normalise", "training_batches"]

Transform = Callable[[torch.Tensor], torch.Tensor]
Batch = tuple[torch.Tensor, torch.Tensor]
"""uint8 images (batch, channels, height, width) and their labels (batch,)."""


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


class _Judged(Dataset[tuple[torch.Tensor, int]]):
    """Held-out images, rendered at the moment they are asked for."""

    def __init__(self, source: Dataset[tuple[torch.Tensor, int]], view: Transform) -> None:
        self._source = source
        self._view = view

    def __len__(self) -> int:
        return len(self._source)  # type: ignore[arg-type]  # every dataset here has a length

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image, label = self._source[index]
        return self._view(image), label


class _Trained(Dataset[Batch]):
    """What a training run sees at the places of its order, rendered a batch at a time."""

    def __init__(
        self,
        source: Dataset[tuple[torch.Tensor, int]],
        views: Views,
        size: tuple[int, int],
        augment: Transform | None,
    ) -> None:
        self._source = source
        self._views = views
        self._size = list(size)
        self._augment = augment

    def __getitems__(self, places: list[int]) -> Batch:
        """The batch of consecutive places."""
        items = [self._source[index] for index in self._views.order(places[0], places[-1] + 1)]
        heights, widths = ([image.shape[side] for image, _ in items] for side in (-2, -1))
        rendered = []
        windows = self._views.windows(places, heights, widths)
        for (image, _), (top, left, height, width, flip) in zip(items, windows, strict=True):
            view = F.resized_crop(image, top, left, height, width, self._size, antialias=True)
            rendered.append(F.horizontal_flip(view) if flip else view)
        if self._augment is not None:
            seeds = self._views.seeds(places)
            rendered = [
                _seeded(self._augment, view, seed) for view, seed in zip(rendered, seeds, strict=True)
            ]
        return torch.stack(rendered), torch.tensor([label for _, label in items])


def _seeded(transform: Transform, image: torch.Tensor, seed: int) -> torch.Tensor:
    """A random transform of an image with torch's generator at that seed; it is put back afterwards."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return transform(image)


def _augmentation(recipe: ProxyRecipe, dataset: str) -> Transform | None:
    """What the recipe does to an image beside cutting and flipping it."""
    if recipe.augmentation != "autoaugment":
        return None
    cifar = dataset.startswith("cifar")
    policy: Transform = v2.AutoAugment(
        v2.AutoAugmentPolicy.CIFAR10 if cifar else v2.AutoAugmentPolicy.IMAGENET
    )
    return policy


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


def training_batches(
    source: ImageSource,
    recipe: ProxyRecipe,
    *,
    dataset: str,
    size: tuple[int, int],
    places: range,
    workers: int = 0,
) -> Iterable[Batch]:
    """Batches of the training part as the recipe's seed sees it, rendered at ``size``.

    torch's global generator is left alone: what is drawn follows from the seed and the place.

    Args:
        source: the images.
        recipe: batch size, augmentation and seed.
        dataset: its name; CIFAR has an AutoAugment policy of its own.
        size: (height, width) in pixels.
        places: in the run's order, which goes on epoch after epoch.
        workers: processes that render ahead (0: in this one).
    """
    height, width = size
    views = Views(
        seed=recipe.seed,
        images=len(source.train),  # type: ignore[arg-type]  # every dataset here has a length
        crop_scale=recipe.crop_scale,
        shape=width / height,
    )
    return DataLoader(
        _Trained(source.train, views, size, _augmentation(recipe, dataset)),
        batch_size=recipe.batch_size,
        sampler=places,
        num_workers=workers,
        collate_fn=_as_it_is,
        generator=torch.Generator(),
    )


def _as_it_is(batch: Any) -> Any:
    """What ``__getitems__`` gave is a batch already."""
    return batch


def judging_batches(source: ImageSource, *, size: tuple[int, int]) -> Iterable[Batch]:
    """Batches of the whole held-out part, rendered at ``size`` (height, width)."""
    return DataLoader(
        _Judged(source.held_out, _judging_view(size)), batch_size=128, generator=torch.Generator()
    )


def normalise(
    images: torch.Tensor, device: torch.device, layout: torch.memory_format = torch.channels_last
) -> torch.Tensor:
    """uint8 images as float32 of about zero mean and unit variance, on ``device`` in that layout."""
    means, stds = statistics(images.shape[1])
    mean = torch.tensor(means, device=device).view(1, -1, 1, 1)
    std = torch.tensor(stds, device=device).view(1, -1, 1, 1)
    images = images.to(device, non_blocking=True).to(memory_format=layout)
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
