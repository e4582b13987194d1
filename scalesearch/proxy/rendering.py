"""Views of images: windows cut, resized and flipped; a batch at a time where the pixels lie on a device.

Both ways give torchvision's antialiased bilinear filter: one by one on a CPU, where its uint8 path is the
fastest there is, and as two batched matrix products elsewhere (never more than 1 of 255 away, by rounding).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torchvision.transforms.v2 import functional as F

from scalesearch.proxy.source import Images
from scalesearch.proxy.views import MOST_RATIO, Windows

__all__ = [
    "DevicePixels",
    "judged_view",
    "judged_views",
    "largest_window",
    "render",
    "table",
    "weights",
    "window_view",
]


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
