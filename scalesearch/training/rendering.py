"""A batch drawn from the images: whole views, crops, flips, at any size."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from scalesearch.training.images import Images, ImageSource
from scalesearch.training.recipe import ProxyRecipe
from scalesearch.training.step import Batches

# ----------------------------------------------------------------------------------------------------
# What a training run sees: which image at each place of its order, and which window of it, flipped or not.
#
# All of it follows from the seed and the place alone. So it is the same for every network, whatever random
# numbers its weights took, and the same for a run that was paused, moved or rendered by other processes.

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# As torchvision's RandomResizedCrop: so many windows are drawn, and the first that fits is taken.
TRIES = 10
# Aspect ratios of the windows, relative to that of what is rendered.
MOST_RATIO = 4 / 3
RATIOS = (1 / MOST_RATIO, MOST_RATIO)
# Columns of the random numbers of a place: areas, aspect ratios, top and left, flip, and a seed for more.
AREAS, ASPECTS, PLACES, FLIP, MORE = slice(0, TRIES), slice(TRIES, 2 * TRIES), 2 * TRIES, 2 * TRIES + 2, -1
COLUMNS = 2 * TRIES + 4
CHUNK = 1024
"""Places whose random numbers are drawn together."""

# Streams of random numbers of one seed, told apart by these.
ORDER, WINDOW = 0, 1


@dataclass(frozen=True, slots=True)
class Windows:
    """A window of each of ``n`` images, in whole pixels; arrays of shape (n,)."""

    top: Ints
    left: Ints
    height: Ints
    width: Ints
    flip: npt.NDArray[np.bool_]

    def __iter__(self) -> Iterator[tuple[int, int, int, int, bool]]:
        return zip(
            *(values.tolist() for values in (self.top, self.left, self.height, self.width, self.flip)),
            strict=True,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """What the training run of a seed sees at each place of its order, counted from 0.

    Attributes:
        seed: of the run.
        images: in the training part.
        crop_scale: least share of an image's area that a window has; the largest is 1.
        shape: width over height of what is rendered: windows are as often too wide as too high for it.
    """

    seed: int
    images: int
    crop_scale: float
    shape: float = 1.0

    def order(self, start: int, stop: int) -> list[int]:
        """The images at places ``start`` to ``stop``: each once an epoch, in a new order each time."""
        indices: list[int] = []
        while start < stop:
            epoch, first = divmod(start, self.images)
            here = _permutation(self.seed, epoch, self.images)[first : first + stop - start]
            indices += (int(index) for index in here)
            start += len(here)
        return indices

    def windows(self, places: npt.ArrayLike, heights: npt.ArrayLike, widths: npt.ArrayLike) -> Windows:
        """The windows of images of those sizes at those places, as RandomResizedCrop and a flip draw them.

        Args:
            places: (n,) in the run's order.
            heights: (n,) of the images there, in pixels.
            widths: (n,) likewise.
        """
        high, wide = (np.asarray(side, dtype=np.float64)[:, None] for side in (heights, widths))
        numbers = self._numbers(places)
        area = high * wide * (self.crop_scale + (1 - self.crop_scale) * numbers[:, AREAS])
        least, most = (ratio * self.shape for ratio in RATIOS)
        aspect = np.exp(math.log(least) + math.log(most / least) * numbers[:, ASPECTS])
        width, height = np.rint(np.sqrt(area * aspect)), np.rint(np.sqrt(area / aspect))
        fits = (width > 0) & (width <= wide) & (height > 0) & (height <= high)
        rows, chosen = np.arange(len(numbers)), fits.argmax(1)
        none = ~fits.any(1)
        # Where none fits: the middle, as much of it as the ratios allow.
        high, wide = high[:, 0], wide[:, 0]
        height = np.where(none, np.minimum(high, np.maximum(1, np.rint(wide / least))), height[rows, chosen])
        width = np.where(none, np.minimum(wide, np.maximum(1, np.rint(high * most))), width[rows, chosen])
        free_y, free_x = high - height, wide - width
        y = np.where(none, free_y // 2, np.floor(numbers[:, PLACES] * (free_y + 1)))
        x = np.where(none, free_x // 2, np.floor(numbers[:, PLACES + 1] * (free_x + 1)))
        top, left, height, width = (values.astype(np.int64) for values in (y, x, height, width))
        return Windows(top=top, left=left, height=height, width=width, flip=numbers[:, FLIP] < 0.5)

    def seeds(self, places: npt.ArrayLike) -> list[int]:
        """A seed for whatever else is drawn at each of those places (n,)."""
        return [int(number * 2**53) for number in self._numbers(places)[:, MORE]]

    def _numbers(self, places: npt.ArrayLike) -> Floats:
        """Random numbers in [0, 1) of each place: (n, COLUMNS)."""
        chunks, rows = np.divmod(np.asarray(places, dtype=np.int64), CHUNK)
        numbers = np.empty((len(rows), COLUMNS))
        for chunk in np.unique(chunks):
            here = chunks == chunk
            numbers[here] = _chunk(self.seed, int(chunk))[rows[here]]
        return numbers


@lru_cache(maxsize=4)
def _chunk(seed: int, chunk: int) -> Floats:
    return np.random.default_rng([seed, WINDOW, chunk]).random((CHUNK, COLUMNS))


@lru_cache(maxsize=2)
def _permutation(seed: int, epoch: int, images: int) -> Ints:
    return np.random.default_rng([seed, ORDER, epoch]).permutation(images)


# ----------------------------------------------------------------------------------------------------
# Views of images: windows cut, resized and flipped; a batch at a time where the pixels lie on a device.
#
# Both ways give torchvision's antialiased bilinear filter: one by one on a CPU, where its uint8 path is the
# fastest there is, and as two batched matrix products elsewhere (never more than 1 of 255 away, by
# rounding).


def window_view(
    image: torch.Tensor, window: tuple[int, int, int, int, bool], size: list[int]
) -> torch.Tensor:
    """A window (top, left, height, width, flip) of a uint8 image (channels, height, width), at that size."""
    top, left, height, width, flip = window
    view: torch.Tensor = F.resized_crop(image, top, left, height, width, size, antialias=True)
    return F.horizontal_flip(view) if flip else view


def judged_view(image: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """The middle of a uint8 image (channels, height, width), as large a window of that shape as it holds."""
    larger = _covering(image.shape[-2], image.shape[-1], size)
    view: torch.Tensor = F.center_crop(F.resize(image, larger, antialias=True), list(size))
    return view


def judged_views(images: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """:func:`judged_view` of images of one shape, on their device: float32 (n, channels, *size)."""
    high, wide = images.shape[-2:]
    sides = []
    for source, target, larger in zip((high, wide), size, _covering(high, wide, size), strict=True):
        step = source / larger
        # As torchvision's center_crop places it.
        start = round((larger - target) / 2.0) * step
        whole = torch.tensor([[start, step, 0.0, source]], device=images.device).unbind(1)
        sides.append(weights(*whole, size=target, source=source)[0])
    rows, columns = sides
    return _levels(torch.einsum("ih,nchw,jw->ncij", rows, images.float(), columns))


def _covering(high: int, wide: int, size: tuple[int, int]) -> list[int]:
    """The least (height, width) of the shape (high, wide) that covers ``size``, as torchvision rounds it."""
    height, width = size
    if height == width:
        shorter = min(high, wide)
        return [int(height * high / shorter), int(width * wide / shorter)]
    times = max(height / high, width / wide)
    return [max(height, round(high * times)), max(width, round(wide * times))]


def weights(
    start: torch.Tensor,
    step: torch.Tensor,
    first: torch.Tensor,
    end: torch.Tensor,
    *,
    size: int,
    source: int,
    flip: torch.Tensor | None = None,
) -> torch.Tensor:
    """What each source pixel of a line adds to each pixel rendered: (n, size, source), rows of sum 1.

    A triangle as wide as the step, but at least a pixel on either side: bilinear, antialiased.

    Args:
        start: (n,) where the first rendered pixel begins, in source pixels.
        step: (n,) source pixels for each rendered one.
        first: (n,) the first source pixel that may be looked at.
        end: (n,) the one after the last.
        size: rendered pixels of a line.
        source: source pixels of a line.
        flip: (n,) whether the line is to be rendered backwards.
    """
    start, step, first, end = (values.float().view(-1, 1, 1) for values in (start, step, first, end))
    centre = start + (torch.arange(size, device=start.device).view(1, -1, 1) + 0.5) * step
    pixel = torch.arange(source, device=start.device).view(1, 1, -1)
    reach = (1 - (pixel + 0.5 - centre).abs() / step.clamp(min=1)).clamp(min=0)
    reach = reach * ((pixel >= first) & (pixel < end))
    reach = reach / reach.sum(-1, keepdim=True)
    return reach if flip is None else torch.where(flip.view(-1, 1, 1), reach.flip(1), reach)


def render(
    canvases: torch.Tensor,
    height: torch.Tensor,
    width: torch.Tensor,
    flip: torch.Tensor,
    size: tuple[int, int],
) -> torch.Tensor:
    """Windows at the top left of canvases, resized and flipped: float32 (n, channels, *size) of 0 to 255.

    Args:
        canvases: uint8 (n, channels, rows, columns); what is beside a window is never looked at.
        height: (n,) of the windows, in pixels.
        width: (n,) likewise.
        flip: (n,) whether left and right change places.
        size: (height, width) to render at.
    """
    zero = torch.zeros_like(height)
    rows = weights(zero, height / size[0], zero, height, size=size[0], source=canvases.shape[-2])
    columns = weights(zero, width / size[1], zero, width, size=size[1], source=canvases.shape[-1], flip=flip)
    return _levels(torch.einsum("nih,nchw,njw->ncij", rows, canvases.float(), columns))


def _levels(pixels: torch.Tensor) -> torch.Tensor:
    """Whole numbers from 0 to 255, as images have them."""
    return pixels.round_().clamp_(0, 255)


def largest_window(heights: torch.Tensor, widths: torch.Tensor, shape: float) -> tuple[int, int]:
    """The (height, width) that every window of images of those sizes fits into.

    No window is longer than its ratios allow for the side of the image that it lies in, rounding aside.
    ``shape`` is how many times as wide as high windows are on average.
    """
    highest = torch.minimum(heights, ((widths + 1) * (MOST_RATIO / shape) + 1).ceil().long())
    widest = torch.minimum(widths, ((heights + 1) * (MOST_RATIO * shape) + 1).ceil().long())
    return int(highest.max()), int(widest.max())


@dataclass(frozen=True, slots=True)
class DevicePixels:
    """Images of any sizes on a device, one after another in memory.

    Attributes:
        pixels: uint8 (bytes,) of all images, each (channels, height, width).
        begins: int64 (n,) where each image begins in them.
        heights: int64 (n,).
        widths: int64 (n,).
        labels: int64 (n,).
        channels: of every image.
        canvas: (height, width) that any window of any of the images fits into.
    """

    pixels: torch.Tensor
    begins: torch.Tensor
    heights: torch.Tensor
    widths: torch.Tensor
    labels: torch.Tensor
    channels: int
    canvas: tuple[int, int]

    @classmethod
    def of(cls, examples: Images, indices: Sequence[int], device: torch.device, shape: float) -> DevicePixels:
        """The examples at ``indices``, to be seen in windows that are ``shape`` times as wide as high."""
        items = [examples[index] for index in indices]
        images = [image for image, _ in items]
        sizes = torch.tensor([image.shape[-2:] for image in images])
        lengths = torch.tensor([image.numel() for image in images])
        pixels = torch.cat([image.reshape(-1) for image in images])
        heights, widths = sizes.unbind(1)
        # No window is longer than the ratios allow for the shorter side it lies in.
        highest, widest = largest_window(heights, widths, shape)
        return cls(
            pixels=pixels.to(device),
            begins=(lengths.cumsum(0) - lengths).to(device),
            heights=heights.to(device),
            widths=widths.to(device),
            labels=torch.tensor([label for _, label in items]).to(device),
            channels=images[0].shape[0],
            canvas=(highest, widest),
        )

    def cut(self, which: torch.Tensor, top: torch.Tensor, left: torch.Tensor) -> torch.Tensor:
        """Canvases that begin at those places of the images ``which`` (n,): uint8 (n, channels, *canvas)."""
        high, wide = self.heights[which].view(-1, 1), self.widths[which].view(-1, 1)
        rows = (top.view(-1, 1) + torch.arange(self.canvas[0], device=top.device)).minimum(high - 1)
        columns = (left.view(-1, 1) + torch.arange(self.canvas[1], device=top.device)).minimum(wide - 1)
        plane = (high * wide).view(-1, 1, 1, 1)
        channel = torch.arange(self.channels, device=top.device).view(1, -1, 1, 1)
        places = self.begins[which].view(-1, 1, 1, 1) + channel * plane
        places = places + (rows * wide).view(len(which), 1, -1, 1) + columns.view(len(which), 1, 1, -1)
        return self.pixels[places]


def table(which: Sequence[int], windows: Windows) -> torch.Tensor:
    """Images and their windows as one int32 table (n, 6): image, top, left, height, width, flip."""
    columns = (which, windows.top, windows.left, windows.height, windows.width, windows.flip)
    return torch.stack([torch.as_tensor(column).to(torch.int32) for column in columns], 1)


# ----------------------------------------------------------------------------------------------------
# The batches of a training run: pixels that lie on the device and are rendered there, or come from the
# host.
#
# Which images a run sees, and how they are cut, follows from its seed and place alone (``Views``); so it is
# the same for every network, whichever way the batches come.

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
