"""A dataset by its name, and what is done to its images before a network sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scalesearch.proxy.channels import channel_names, statistics
from scalesearch.proxy.dataset import WINDOWS, DataError, DataSpec
from scalesearch.proxy.files import load_cifar, load_folder
from scalesearch.proxy.photographs import load_photographs
from scalesearch.proxy.source import ImageSource
from scalesearch.proxy.windows import load_windows

__all__ = ["input_facts", "load"]


def load(spec: DataSpec, *, check: bool = False) -> ImageSource:
    """The images that ``spec`` names; ``check`` makes sure that each of a folder's can be read.

    Raises:
        DataError: if the data is missing, cannot be used, or is not the one that has the spec's digest.
    """
    if spec.name == "photographs":
        source = load_photographs(spec.held_out, spec.in_channels)
    elif spec.in_folder:
        load_images = load_windows if spec.name.startswith(WINDOWS) else load_folder
        source = load_images(
            spec.folder,
            held_out=spec.held_out,
            check=check,
            in_channels=spec.in_channels,
            short_side=spec.short_side,
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
