"""The embedded data: 18 photographs and textures that scikit-image's wheel ships, as a classification task.

A class is a photograph; an example is a square window of it. Windows for training come from the first two
thirds of a photograph along its longer side, held-out windows from the last third, so the two never share a
pixel. Windows keep the source's pixels: a network's own resolution decides how much of them it gets to see.
"""

from __future__ import annotations

import numpy as np
import torch

from scalesearch.proxy.channels import from_rgb
from scalesearch.proxy.dataset import PHOTOGRAPHS, RGB, TRAIN_WINDOWS, photographs_digest
from scalesearch.proxy.source import Examples, ImageSource

__all__ = ["load_photographs"]

WINDOW = 112
"""Side of a window in source pixels: the most that fits the held-out third of the smallest photographs."""
TRAIN_SHARE = 2 / 3
# The windows are part of the task, not of a run: the same for every seed that a run may have.
WINDOW_SEED = 20190528


def _photograph(name: str) -> torch.Tensor:
    """One photograph as uint8 (3, height, width)."""
    import skimage.data

    pixels = getattr(skimage.data, name)()
    if isinstance(pixels, tuple):  # the stereo pair: left image, right image, disparity
        pixels = pixels[0]
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))


def _regions(photograph: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The training part and the held-out part, split across the longer side."""
    axis = 2 if photograph.shape[2] >= photograph.shape[1] else 1
    cut = int(photograph.shape[axis] * TRAIN_SHARE)
    return (
        photograph.narrow(axis, 0, cut),
        photograph.narrow(axis, cut, photograph.shape[axis] - cut),
    )


def _windows(region: torch.Tensor, count: int, generator: torch.Generator) -> list[torch.Tensor]:
    """Views of ``count`` windows at random places of a region; no pixel is copied."""
    height, width = region.shape[1:]
    tops = torch.randint(height - WINDOW + 1, (count,), generator=generator).tolist()
    lefts = torch.randint(width - WINDOW + 1, (count,), generator=generator).tolist()
    return [
        region[:, top : top + WINDOW, left : left + WINDOW] for top, left in zip(tops, lefts, strict=True)
    ]


def load_photographs(held_out: int, in_channels: int = RGB) -> ImageSource:
    """The photographs as 200 training windows a class and about ``held_out`` held-out windows in all.

    ``in_channels``: 3 for colour, 1 for grey, 4 for colour and an alpha channel, all of it opaque.
    """
    generator = torch.Generator().manual_seed(WINDOW_SEED)
    per_class = max(1, round(held_out / len(PHOTOGRAPHS)))
    train: list[tuple[torch.Tensor, int]] = []
    judged: list[tuple[torch.Tensor, int]] = []
    for label, name in enumerate(PHOTOGRAPHS):
        train_region, held_out_region = _regions(from_rgb(_photograph(name), in_channels))
        train += [(w, label) for w in _windows(train_region, TRAIN_WINDOWS, generator)]
        judged += [(w, label) for w in _windows(held_out_region, per_class, generator)]
    return ImageSource(
        classes=PHOTOGRAPHS,
        train=Examples(train),
        held_out=Examples(judged),
        known_digest=photographs_digest(),
    )
