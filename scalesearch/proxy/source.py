"""What every dataset is to a proxy run: two sets of source images with labels, never rendered yet."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch.utils.data import Dataset

__all__ = ["Examples", "ImageSource"]


class Images(Dataset[tuple[torch.Tensor, int]]):
    """One part of a dataset: uint8 (channels, height, width) each, with a label from 0."""

    def __len__(self) -> int:
        raise NotImplementedError

    def read_ahead(self, indices: Iterable[int]) -> None:
        """Has those images read that still have to be, on all cores."""


class Examples(Images):
    """Images held in memory: uint8 (channels, height, width) each, with a label from 0."""

    def __init__(self, items: Sequence[tuple[torch.Tensor, int]]) -> None:
        self._items = items

    @property
    def items(self) -> Sequence[tuple[torch.Tensor, int]]:
        """All of them."""
        return self._items

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self._items[index]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSource:
    """A dataset at its source's own sizes. No training run sees the held-out part.

    ``known_digest`` is the dataset's digest where it is known without looking at every pixel, ``short_side``
    the most pixels that an image's shorter side has, where there is such a bound (else 0).
    """

    classes: tuple[str, ...]
    train: Images
    held_out: Images
    known_digest: str = ""
    short_side: int = 0

    @property
    def digest(self) -> str:
        """Tells the data from any other: its images, their labels and order, and which are held out."""
        if self.known_digest:
            return self.known_digest
        digest = hashlib.sha256("\0".join(self.classes).encode("utf-8", "surrogateescape"))
        for part in (self.train, self.held_out):
            count = len(part)
            digest.update(f"\n{count}\n".encode())
            # In memory they are hashed as they lie there: nothing is rendered, drawn or read for it.
            items = part.items if isinstance(part, Examples) else (part[index] for index in range(count))
            for image, label in items:
                digest.update(f"{label} {tuple(image.shape)} ".encode())
                digest.update(image.contiguous().numpy().data)
        return digest.hexdigest()
