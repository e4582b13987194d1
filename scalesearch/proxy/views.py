"""What a training run sees: which image at each place of its order, and which window of it, flipped or not.

All of it follows from the seed and the place alone. So it is the same for every network, whatever random
numbers its weights took, and the same for a run that was paused, moved or rendered by other processes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

__all__ = ["MOST_RATIO", "Views", "Windows"]

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
