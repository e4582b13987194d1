"""What every dataset is to a proxy run: two sets of source images with labels, never rendered yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.utils.data import Dataset

__all__ = ["DataError", "Examples", "ImageSource"]


class DataError(ValueError):
    """The data cannot be used; the message names the option, its value and what would do."""


class Examples(Dataset[tuple[torch.Tensor, int]]):
    """Images held in memory: uint8 (channels, height, width) each, with a label from 0."""

    def __init__(self, items: Sequence[tuple[torch.Tensor, int]]) -> None:
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return self._items[index]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSource:
    """A dataset at its source's own sizes. No training run sees the held-out part."""

    classes: tuple[str, ...]
    train: Dataset[tuple[torch.Tensor, int]]
    held_out: Dataset[tuple[torch.Tensor, int]]
