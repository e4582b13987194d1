"""The batches of a training run: pixels that lie on the device and are rendered there, or come from the host.

Which images a run sees, and how they are cut, follows from its seed and place alone (``views``); so it is
the same for every network, whichever way the batches come.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from scalesearch.proxy.recipe import ProxyRecipe
from scalesearch.proxy.rendering import (
    DevicePixels,
    judged_view,
    judged_views,
    largest_window,
    render,
    table,
    window_view,
)
from scalesearch.proxy.source import Images, ImageSource
from scalesearch.proxy.step import Batches
from scalesearch.proxy.views import Views

__all__ = [
    "Batch",
    "cut_batches",
    "device_batches",
    "free_bytes",
    "host_batches",
    "judging_batches",
    "training_batches",
    "views_of",
]

Transform = Callable[[torch.Tensor], torch.Tensor]
Batch = tuple[torch.Tensor, torch.Tensor]
"""Images (batch, channels, height, width) of 0 to 255 and their labels (batch,)."""

JUDGED_AT_A_TIME = 128
JUDGED_AT_A_TIME_ON_DEVICE = 512
PLACES_AT_A_TIME = 2**18
"""Windows drawn ahead and sent to the device together: about 6 MiB."""
MOST_ON_DEVICE = 0.4
"""Share of a device's free memory that pixels may take."""
MOST_AHEAD = 2**16
"""Images that are all read before the first step; those of a larger run are read as it comes to them."""


def views_of(source: ImageSource, recipe: ProxyRecipe, size: tuple[int, int]) -> Views:
    """What the run of the recipe's seed sees, for a network of that (height, width)."""
    return Views(
        seed=recipe.seed,
        images=len(source.train),
        crop_scale=recipe.crop_scale,
        shape=size[1] / size[0],
    )


def training_batches(
    source: ImageSource,
    recipe: ProxyRecipe,
    *,
    dataset: str,
    size: tuple[int, int],
    batches: range,
    device: torch.device,
    workers: int,
) -> Batches:
    """The batches of a run, by their numbers.

    Args:
        source: the images.
        recipe: images of a batch, augmentation and seed.
        dataset: the data's name; CIFAR has an AutoAugment policy of its own.
        size: (height, width) to render at.
        batches: the numbers of those that will be asked for.
        device: where they are to lie.
        workers: processes that read, cut or render images ahead (0: this one).
    """
    if device.type != "cpu" and recipe.augmentation == "crop-flip":
        there = device_batches(source, recipe, size=size, batches=batches, device=device)
        if there is not None:
            return there
        return cut_batches(source, recipe, size=size, batches=batches, device=device, workers=workers)
    return host_batches(
        source, recipe, dataset=dataset, size=size, batches=batches, device=device, workers=workers
    )


def device_batches(
    source: ImageSource,
    recipe: ProxyRecipe,
    *,
    size: tuple[int, int],
    batches: range,
    device: torch.device,
) -> Batches | None:
    """Batches of pixels that all lie on the device; None where they don't fit there, or are too many."""
    views = views_of(source, recipe, size)
    pixels = _on_device(source, views, recipe, batches, device)
    return None if pixels is None else _OnDevice(*pixels, views, recipe.images_of_a_pass, size, batches)


def cut_batches(
    source: ImageSource,
    recipe: ProxyRecipe,
    *,
    size: tuple[int, int],
    batches: range,
    device: torch.device,
    workers: int = 0,
) -> Batches:
    """Batches of windows that are cut on the host and rendered on the device."""
    views = views_of(source, recipe, size)
    cut = _Cut(source.train, views, recipe.images_of_a_pass, _canvas(source, views.shape))

    def rendered(canvases: torch.Tensor, windows: torch.Tensor, labels: torch.Tensor) -> Batch:
        height, width, flip = windows.unbind(1)
        return render(canvases, height, width, flip.bool(), size), labels

    return _FromHost(_loader(cut, batches, workers, device), batches.start, device, rendered)


def host_batches(
    source: ImageSource,
    recipe: ProxyRecipe,
    *,
    dataset: str,
    size: tuple[int, int],
    batches: range,
    device: torch.device,
    workers: int = 0,
) -> Batches:
    """Batches rendered on the host, one image after another, as uint8."""
    views = views_of(source, recipe, size)
    rendered = _Rendered(source.train, views, recipe.images_of_a_pass, size, _augmentation(recipe, dataset))
    loader = _loader(rendered, batches, workers, device)
    return _FromHost(loader, batches.start, device, lambda images, labels: (images, labels))


def _canvas(source: ImageSource, shape: float) -> tuple[int, int]:
    """The (height, width) that any window of a training image fits into."""
    if source.short_side:
        # Of all images whose shorter side is at most that, those that are long enough have the largest.
        long = 10 * source.short_side
        sides = torch.tensor([[source.short_side, long], [long, source.short_side]])
    else:
        sides = torch.tensor(
            [image.shape[-2:] for image, _ in (source.train[i] for i in range(len(source.train)))]
        )
    return largest_window(sides[:, 0], sides[:, 1], shape)


def _loader(
    batches: Dataset[Any], numbers: range, workers: int, device: torch.device
) -> Iterator[tuple[torch.Tensor, ...]]:
    pinned = device.type == "cuda"
    return iter(
        DataLoader(
            batches,
            batch_size=None,
            sampler=numbers,
            num_workers=workers,
            pin_memory=pinned,
            generator=torch.Generator(),
        )
    )


class _Seen(Dataset[Any]):
    """The batches of a run as a dataset, by number."""

    def __init__(self, examples: Images, views: Views, images: int) -> None:
        self._examples, self._views, self._images = examples, views, images

    def _seen(self, number: int) -> tuple[range, list[torch.Tensor], torch.Tensor, Any]:
        places = range(number * self._images, (number + 1) * self._images)
        items = [self._examples[index] for index in self._views.order(places.start, places.stop)]
        images = [image for image, _ in items]
        windows = self._views.windows(places, *zip(*(image.shape[-2:] for image in images), strict=True))
        return places, images, torch.tensor([label for _, label in items]), windows


class _Rendered(_Seen):
    """Batches rendered on the CPU: uint8 (batch, channels, height, width) and labels."""

    def __init__(
        self,
        examples: Images,
        views: Views,
        images: int,
        size: tuple[int, int],
        augment: Transform | None,
    ) -> None:
        super().__init__(examples, views, images)
        self._size, self._augment = list(size), augment

    def __getitem__(self, number: int) -> Batch:
        places, images, labels, windows = self._seen(number)
        rendered = [
            window_view(image, window, self._size) for image, window in zip(images, windows, strict=True)
        ]
        if self._augment is not None:
            seeds = self._views.seeds(places)
            rendered = [
                _seeded(self._augment, view, seed) for view, seed in zip(rendered, seeds, strict=True)
            ]
        return torch.stack(rendered), labels


class _Cut(_Seen):
    """Batches whose windows are only cut: canvases, (height, width, flip) of the windows in them, labels."""

    def __init__(
        self,
        examples: Images,
        views: Views,
        images: int,
        canvas: tuple[int, int],
    ) -> None:
        super().__init__(examples, views, images)
        self._canvas = canvas

    def __getitem__(self, number: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        _, images, labels, windows = self._seen(number)
        canvases = torch.zeros((len(images), images[0].shape[0], *self._canvas), dtype=torch.uint8)
        for canvas, image, (top, left, height, width, _) in zip(canvases, images, windows, strict=True):
            canvas[:, :height, :width] = image[:, top : top + height, left : left + width]
        return canvases, table([0] * len(images), windows)[:, 3:], labels


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


class _OnDevice:
    """Batches cut and rendered on the device that all the pixels lie on."""

    def __init__(
        self,
        pixels: DevicePixels,
        slots: dict[int, int] | None,
        views: Views,
        images: int,
        size: tuple[int, int],
        batches: range,
    ) -> None:
        """``slots`` says which of the pixels' images an image of the dataset is; None where they are all."""
        device = pixels.pixels.device
        self._pixels, self._slots, self._views, self._size = pixels, slots, views, size
        self._images, self._batches = images, batches
        self._ahead = max(1, PLACES_AT_A_TIME // images)
        self._table = torch.zeros((self._ahead * images, 6), dtype=torch.int32, device=device)
        self._first = range(0)
        self._begin = torch.zeros(1, dtype=torch.int64, device=device)
        self._next = torch.tensor([batches.start], device=device)
        self._within = torch.arange(images, device=device)
        heights, widths = (side.cpu().numpy() for side in (pixels.heights, pixels.widths))
        self._sides = heights, widths

    def ready(self, number: int) -> None:
        """See :class:`Batches`. Draws the windows of many batches together."""
        if number in self._first:
            return
        self._first = range(number, min(number + self._ahead, self._batches.stop))
        places = range(self._first.start * self._images, self._first.stop * self._images)
        order = self._views.order(places.start, places.stop)
        which = order if self._slots is None else [self._slots[index] for index in order]
        heights, widths = (side[which] for side in self._sides)
        rows = table(which, self._views.windows(places, heights, widths))
        if self._table.device.type == "cuda":
            rows = rows.pin_memory()
        self._table[: len(rows)].copy_(rows, non_blocking=True)
        self._begin.fill_(self._first.start)

    def batch(self) -> Batch:
        """See :class:`Batches`."""
        rows = self._table.index_select(0, (self._next - self._begin) * self._images + self._within)
        which, top, left, height, width, flip = rows.long().unbind(1)
        canvases = self._pixels.cut(which, top, left)
        self._next.add_(1)
        return render(canvases, height, width, flip.bool(), self._size), self._pixels.labels[which]

    @property
    def changed(self) -> list[torch.Tensor]:
        """See :class:`Batches`."""
        return [self._next]


def _on_device(
    source: ImageSource, views: Views, recipe: ProxyRecipe, batches: range, device: torch.device
) -> tuple[DevicePixels, dict[int, int] | None] | None:
    """The pixels of all that these batches see, on the device; None where they don't fit, or are too many.

    Those of a whole training part are shared by all runs of this process.
    """
    examples = source.train
    count = len(examples)
    images = recipe.images_of_a_pass
    whole = count <= MOST_AHEAD
    seen: Sequence[int] = range(count)
    if not whole:
        if len(batches) * images > MOST_AHEAD:
            return None
        seen = sorted(set(views.order(batches.start * images, batches.stop * images)))
    shared = _SHARED.setdefault(examples, {})
    key = (str(device), views.shape)
    if whole and key in shared:
        return shared[key], None
    examples.read_ahead(seen)
    room = free_bytes(device) * MOST_ON_DEVICE
    # The first ones tell about how large they all are.
    some = [examples[index][0].numel() for index in seen[:: max(1, len(seen) // 256)]]
    if len(seen) * sum(some) / len(some) > room:
        return None
    pixels = DevicePixels.of(examples, seen, device, views.shape)
    _settle(device)
    if whole:
        shared[key] = pixels
        return pixels, None
    return pixels, {index: slot for slot, index in enumerate(seen)}


_SHARED: WeakKeyDictionary[Images, dict[tuple[str, float], DevicePixels]] = WeakKeyDictionary()


def free_bytes(device: torch.device) -> float:
    """Free memory of an accelerator; without bound where nobody can tell, and of a CPU."""
    ask = None if device.type == "cpu" else getattr(torch.get_device_module(device), "mem_get_info", None)
    return math.inf if ask is None else float(ask(device)[0])


def _settle(device: torch.device) -> None:
    """Waits until what lies on a device may be read from any of its streams."""
    if device.type != "cpu":
        torch.accelerator.synchronize(device)


class _FromHost:
    """Batches that come from the host, the next one copied while the device is at work on this one."""

    def __init__(
        self,
        loader: Iterator[tuple[torch.Tensor, ...]],
        first: int,
        device: torch.device,
        finish: Callable[..., Batch],
    ) -> None:
        self._loader, self._device, self._finish = loader, device, finish
        self._loaded = first - 1
        self._now: tuple[torch.Tensor, ...] = ()
        self._copying = device.type in ("cuda", "xpu")
        self._side = torch.Stream(device) if self._copying else None
        self._coming: tuple[torch.Tensor, ...] | None = None

    def ready(self, number: int) -> None:
        """See :class:`Batches`. Batches come in their order; one that is there already is not asked for."""
        if number == self._loaded:
            return
        coming = self._on_its_way() if self._coming is None else self._coming
        if coming is None:
            raise IndexError(f"`number` must be of a batch of this run, got {number}")
        if self._side is not None:
            torch.accelerator.current_stream(self._device).wait_stream(self._side)
        if not self._now:
            self._now = tuple(torch.empty_like(part) for part in coming)
        for part, value in zip(self._now, coming, strict=True):
            part.copy_(value)
        self._loaded = number
        # On a CPU nobody copies meanwhile: it would only be kept waiting.
        self._coming = self._on_its_way() if self._copying else None

    def _on_its_way(self) -> tuple[torch.Tensor, ...] | None:
        parts = next(self._loader, None)
        if parts is None:
            return None
        if self._side is None:
            return tuple(part.to(self._device) for part in parts)
        with self._side:
            # What it overwrites may still be read there.
            self._side.wait_stream(torch.accelerator.current_stream(self._device))
            return tuple(part.to(self._device, non_blocking=True) for part in parts)

    def batch(self) -> Batch:
        """See :class:`Batches`."""
        return self._finish(*self._now)

    @property
    def changed(self) -> list[torch.Tensor]:
        """See :class:`Batches`."""
        return []


def judging_batches(
    source: ImageSource, *, size: tuple[int, int], device: torch.device | None = None
) -> list[Batch]:
    """Batches of the whole held-out part, in its order, rendered at ``size`` (height, width) once for all.

    uint8 on a CPU, float32 on another device.
    """
    on = device or torch.device("cpu")
    held_out = source.held_out
    kept = _JUDGED.setdefault(held_out, OrderedDict())
    key = (str(on), size)
    if key not in kept:
        held_out.read_ahead(range(len(held_out)))
        kept[key] = _judged(held_out, size, on)
        while len(kept) > MOST_JUDGED:
            kept.popitem(last=False)
    return kept[key]


MOST_JUDGED = 2
"""Sizes whose held-out images are kept: seeds of one network come one after another."""
_JUDGED: WeakKeyDictionary[Images, OrderedDict[Any, list[Batch]]] = WeakKeyDictionary()


def _judged(held_out: Images, size: tuple[int, int], on: torch.device) -> list[Batch]:
    items = [held_out[index] for index in range(len(held_out))]
    labels = torch.tensor([label for _, label in items])
    if on.type == "cpu":
        at_a_time = JUDGED_AT_A_TIME
        views = torch.stack([judged_view(image, size) for image, _ in items])
    else:
        at_a_time = JUDGED_AT_A_TIME_ON_DEVICE
        views = torch.empty((len(items), items[0][0].shape[0], *size), device=on)
        by_shape: dict[torch.Size, list[int]] = {}
        for index, (image, _) in enumerate(items):
            by_shape.setdefault(image.shape, []).append(index)
        for alike in by_shape.values():
            for some in (alike[i : i + at_a_time] for i in range(0, len(alike), at_a_time)):
                together = torch.stack([items[index][0] for index in some]).to(on)
                views[torch.tensor(some, device=on)] = judged_views(together, size)
        labels = labels.to(on)
        _settle(on)
    return list(zip(torch.split(views, at_a_time), torch.split(labels, at_a_time), strict=True))
