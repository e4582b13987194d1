"""Windows of large pictures: any folder of them is data, a class each; no labels are needed.

A picture is split as the embedded photographs are: windows from the first two thirds of its longer side are
trained on, windows from the last third judge. A window is a square as high as a quarter of the picture's
shorter side, but of no fewer than 112 of its pixels where there are so many: small pictures lose no pixel,
large ones are kept so small that a window has as many pixels as the run's largest network looks at, and
shows the same part of the picture whatever that is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

import torch

from scalesearch.proxy.dataset import (
    COLOURS,
    RGB,
    SHORT_SIDE,
    TRAIN_WINDOWS,
    WINDOWS,
    DataError,
    DataSize,
)
from scalesearch.proxy.files import Files
from scalesearch.proxy.inspection import Progress, inspect
from scalesearch.proxy.listing import Listing, listed_pictures, pictures, read_tree
from scalesearch.proxy.source import Images, ImageSource
from scalesearch.proxy.store import PixelStore
from scalesearch.text import printable

__all__ = ["MOST_PICTURES", "list_pictures", "load_windows", "picture_store", "windows_size"]

FEWEST_PIXELS = 112
"""Side of a window in pixels of the picture, where that has so many and a quarter of it has fewer."""
PARTS = 4
"""So many windows side by side are as high as a large picture."""
TRAIN_SHARE = 2 / 3
GAP = 8
"""Pixels between the two parts: a picture made smaller has blurred its neighbours into each of its pixels."""
SMALLEST = (64, 3 * (64 + GAP))
"""Fewest pixels of a picture's shorter and longer side: a window of 64 fits into both of its parts."""
MOST_PICTURES = 10_000
"""A class each: no classifier of a short run tells more apart."""
CUTTING = 1
"""To be raised with every change of where windows lie: the same pictures are then other data."""


def picture_store(root: Path, in_channels: int, short_side: int) -> PixelStore:
    """The store of a folder's pictures, for windows of so many pixels at most."""
    return PixelStore(
        f"{WINDOWS}{root.resolve()}", in_channels, PARTS * max(short_side, FEWEST_PIXELS), SMALLEST
    )


def list_pictures(
    root: Path,
    *,
    check: PixelStore | None = None,
    in_channels: int = RGB,
    progress: Progress = lambda items, _count, _label: items,
) -> Listing:
    """All pictures of a folder and of the folders in it, a class each; copies of the same bytes count once.

    Args:
        root: the folder.
        check: decode every picture that is not in this store into it, so that one that is broken, or too
            small to be cut up, is found before anything is trained.
        in_channels: of every picture, as of a folder's images.
        progress: wraps the pictures being checked, with their number and a label, to show how far it is.

    Raises:
        DataError: if the folder is missing, holds fewer than two pictures, too many, or a bad one.
    """
    files = pictures(read_tree(root, WINDOWS), arrays_alone=in_channels not in COLOURS)
    if len(files.train) > MOST_PICTURES:
        raise DataError(
            f"`dataset` {WINDOWS}{printable(root)} must hold at most {MOST_PICTURES:,} pictures, a class "
            f"each, got {len(files.train):,}; name a folder of fewer, or folder:PATH where images have labels"
        )
    digests = inspect(
        [(image.path, image.stamp) for image in files.train],
        f"{WINDOWS}{root.resolve()}",
        channels=in_channels,
        store=check,
        progress=progress,
    )
    by_path = {image.path: digest for image, digest in zip(files.train, digests, strict=True)}
    return listed_pictures(str(root), files, by_path)


def windows_size(listing: Listing) -> DataSize:
    """What a run needs to know of the windows of some pictures."""
    return DataSize(
        classes=len(listing.classes),
        train_images=TRAIN_WINDOWS * len(listing.classes),
        digest=_digest(listing),
        images=listing.rows,
    )


def load_windows(
    root: Path,
    *,
    held_out: int,
    check: bool = False,
    in_channels: int = RGB,
    short_side: int = SHORT_SIDE,
) -> ImageSource:
    """200 training windows of each picture, and about ``held_out`` in all that judge, at most so many.

    Only the pictures are kept, on disk as a folder's images are, and windows are views of them: 5,000
    photographs at the least size take about 4 GB there, and little memory that others can't have. Where no
    disk takes them, each process keeps 2 GiB of them in memory and decodes the others whenever asked.

    Raises:
        DataError: as :func:`list_pictures`.
    """
    store = picture_store(root, in_channels, short_side)
    listing = list_pictures(root, check=store if check else None, in_channels=in_channels)
    files = Files(listing.train, in_channels, store)
    # No more than asked for, though then not every picture judges.
    per_class = max(1, held_out // len(files))
    return ImageSource(
        classes=listing.classes,
        train=_Windows(files, listing, TRAIN_WINDOWS * len(files), judged=False),
        held_out=_Windows(files, listing, min(held_out, per_class * len(files)), judged=True),
        known_digest=_digest(listing),
        short_side=store.short_side // PARTS,
    )


def _digest(listing: Listing) -> str:
    content = repr((WINDOWS, CUTTING, TRAIN_WINDOWS, listing.digest))
    return hashlib.sha256(content.encode()).hexdigest()


class _Windows(Images):
    """Windows of pictures, cut when they are asked for: as many of each, those of a picture one by one.

    Where there are fewer windows than pictures, so many pictures spread over all have one.
    """

    def __init__(self, pictures: Files, listing: Listing, count: int, *, judged: bool) -> None:
        self._pictures, self._count, self._judged = pictures, count, judged
        self._digests = [image.digest for image in listing.train]

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        picture = self._picture(index)
        pixels, label = self._pictures[picture]
        top, left, side = _place(
            pixels.shape[1], pixels.shape[2], *self._random[index].tolist(), judged=self._judged
        )
        return pixels[:, top : top + side, left : left + side], label

    def read_ahead(self, indices: Iterable[int]) -> None:
        """See :class:`Images`."""
        self._pictures.read_ahead(sorted({self._picture(index) for index in indices}))

    def _picture(self, index: int) -> int:
        return index * len(self._pictures) // self._count

    @cached_property
    def _random(self) -> torch.Tensor:
        """Where each window lies (windows, 2), from 0 to 1: it depends on nothing but its own picture."""
        places = torch.arange(self._count) * len(self._pictures) // self._count
        counts = places.bincount(minlength=len(self._pictures))
        drawn = []
        for digest, count in zip(self._digests, counts.tolist(), strict=True):
            generator = torch.Generator().manual_seed(int(digest[:15], 16) * 2 + self._judged)
            drawn.append(torch.rand((count, 2), generator=generator, dtype=torch.float64))
        return torch.cat(drawn)


def _place(height: int, width: int, down: float, right: float, *, judged: bool) -> tuple[int, int, int]:
    """Top, left and side of a window in one part of a picture; ``down`` and ``right`` are from 0 to 1."""
    longer, shorter = max(height, width), min(height, width)
    cut = int(longer * TRAIN_SHARE)
    first, last = (cut + GAP // 2, longer) if judged else (0, cut - GAP // 2)
    # Of both parts the smaller one decides, so that all windows of a picture are alike.
    side = min(max(shorter // PARTS, FEWEST_PIXELS), shorter, longer - cut - GAP // 2)
    if width >= height:
        return int(down * (height - side + 1)), first + int(right * (last - first - side + 1)), side
    return first + int(down * (last - first - side + 1)), int(right * (width - side + 1)), side
