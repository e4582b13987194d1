"""Images of any number of channels: how colours become grey or RGBA, and how each is normalised."""

from __future__ import annotations

import torch
from torchvision.transforms.v2 import functional as F

from scalesearch.proxy.dataset import COLOURS, GREY, RGB, RGBA

__all__ = ["channel_names", "from_rgb", "statistics"]

# The usual channel statistics of photographs (ImageNet's), on a scale of 0 to 255.
MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)
# Red, green and blue in grey (ITU-R BT.601), as Pillow and torchvision mix them.
LUMA = (0.299, 0.587, 0.114)
# Of values that are spread evenly over 0 to 255: all that can be said of a channel of unknown meaning.
EVEN_MEAN, EVEN_STD = 127.5, 73.6


def statistics(channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel, on a scale of 0 to 255.

    1, 3 and 4 channels are always taken for grey, RGB and RGBA, an array's too, whatever they are in it.
    Grey has the mixture of the colours', an alpha channel and channels of any other meaning those of values
    that are spread evenly.
    """
    if channels == GREY:
        return (_mixed(MEAN),), (_mixed(STD),)
    if channels in (RGB, RGBA):
        more = channels - RGB
        return MEAN + (EVEN_MEAN,) * more, STD + (EVEN_STD,) * more
    return (EVEN_MEAN,) * channels, (EVEN_STD,) * channels


def channel_names(channels: int) -> str:
    """What the channels are taken for: ``RGB``, ``grey``, ``RGBA``, or how many an array has."""
    return COLOURS.get(channels, f"{channels} channels of an array")


def from_rgb(images: torch.Tensor, channels: int) -> torch.Tensor:
    """uint8 RGB (..., 3, height, width) as grey, RGB or opaque RGBA: (..., channels, height, width)."""
    if channels == GREY:
        grey: torch.Tensor = F.rgb_to_grayscale(images)
        return grey
    if channels == RGBA:
        return torch.cat([images, torch.full_like(images[..., :1, :, :], 255)], dim=-3)
    return images


def _mixed(values: tuple[float, ...]) -> float:
    return round(sum(share * value for share, value in zip(LUMA, values, strict=True)), 3)
