"""Views rendered in batches are torchvision's, pixel by pixel, and cut where the run's order says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import torch
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from scalesearch.training.images import Examples, ImageSource
from scalesearch.training.recipe import RECIPES
from scalesearch.training.rendering import (
    DevicePixels,
    Views,
    cut_batches,
    device_batches,
    host_batches,
    judged_view,
    judged_views,
    render,
    table,
    views_of,
)
from scalesearch.training.step import Batches
from tests.training.reading import all_of

ONE_LEVEL = 1.0
"""The two ways round in other places."""


def images(*sizes: tuple[int, int], channels: int = 3) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    coarse = [torch.randint(0, 256, (channels, 9, 9), generator=generator).float() for _ in sizes]
    # Smooth with some grain, as photographs are.
    return [
        (F.resize(c, list(size)) + 20 * torch.randn((channels, *size), generator=generator))
        .clamp(0, 255)
        .to(torch.uint8)
        for c, size in zip(coarse, sizes, strict=True)
    ]


@pytest.mark.parametrize("size", [(34, 34), (48, 48), (96, 96), (130, 130), (40, 64)])
@pytest.mark.parametrize("channels", [1, 3])
def test_windows_of_a_batch_are_torchvisions_to_a_level(size: tuple[int, int], channels: int) -> None:
    pictures = images((112, 112), (80, 120), (61, 50), (112, 112), channels=channels)
    source = Examples([(image, index) for index, image in enumerate(pictures)])
    views = Views(seed=3, images=4, crop_scale=0.2, shape=size[1] / size[0])
    places = range(40)
    order = views.order(0, 40)
    heights, widths = zip(*(pictures[index].shape[-2:] for index in order), strict=True)
    windows = views.windows(places, heights, widths)

    pixels = DevicePixels.of(source, range(4), torch.device("cpu"), views.shape)
    which, top, left, height, width, flip = table(order, windows).long().unbind(1)
    given = render(pixels.cut(which, top, left), height, width, flip.bool(), size)

    assert given.shape == (40, channels, *size)
    for index, window, view in zip(order, windows, given, strict=True):
        top_row, first, h, w, turned = window
        expected = F.resized_crop(pictures[index], top_row, first, h, w, list(size), antialias=True)
        expected = F.horizontal_flip(expected) if turned else expected
        assert (view - expected).abs().max() <= ONE_LEVEL
    assert pixels.labels[which].tolist() == order


@pytest.mark.parametrize("size", [(32, 32), (48, 48), (75, 75), (200, 200), (40, 64), (90, 30)])
@pytest.mark.parametrize("shape", [(112, 112), (80, 121), (300, 97), (33, 32)])
def test_the_view_to_judge_on_is_torchvisions_to_a_level(
    size: tuple[int, int], shape: tuple[int, int]
) -> None:
    pictures = images(shape, shape)
    given = judged_views(torch.stack(pictures), size)
    for image, view in zip(pictures, given, strict=True):
        assert (view - judged_view(image, size)).abs().max() <= ONE_LEVEL


@pytest.mark.parametrize("shape", [(112, 112), (80, 121), (33, 32)])
def test_a_square_view_to_judge_on_is_resize_and_centre_crop(shape: tuple[int, int]) -> None:
    (image,) = images(shape)
    expected = v2.Compose([v2.Resize(48, antialias=True), v2.CenterCrop(48)])(image)
    assert torch.equal(judged_view(image, (48, 48)), expected)


@pytest.mark.parametrize("way", [device_batches, cut_batches])
def test_batches_rendered_on_a_device_are_those_of_the_host(way: Callable[..., Batches | None]) -> None:
    """The same images in the same windows, whichever way they come, epoch after epoch."""
    pictures = images(*[(40 + 3 * (i % 5), 60 - 2 * (i % 7)) for i in range(22)])
    part = Examples([(image, index) for index, image in enumerate(pictures)])
    source = ImageSource(classes=tuple("abcdefghijklmnopqrstuv"), train=part, held_out=part)
    recipe = replace(RECIPES["steady"], batch_size=16, accumulation=2, images=640)
    numbers = range(2, 10)
    host = all_of(host_batches, source, recipe, (24, 32), numbers)
    there = all_of(way, source, recipe, (24, 32), numbers)
    for (expected, labels), (given, same_labels) in zip(host, there, strict=True):
        assert given.shape == (8, 3, 24, 32)
        assert labels.tolist() == same_labels.tolist()
        assert (given - expected).abs().max() <= ONE_LEVEL


def test_windows_are_drawn_anew_where_those_drawn_ahead_end(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = images(*[(30, 30)] * 5)
    part = Examples([(image, index) for index, image in enumerate(pictures)])
    source = ImageSource(classes=tuple("abcde"), train=part, held_out=part)
    recipe = replace(RECIPES["steady"], batch_size=4, images=64)
    whole = all_of(device_batches, source, recipe, (8, 8), range(9))
    monkeypatch.setattr("scalesearch.training.rendering.PLACES_AT_A_TIME", 8)
    in_parts = all_of(device_batches, source, recipe, (8, 8), range(9))
    for (expected, labels), (given, same_labels) in zip(whole, in_parts, strict=True):
        assert torch.equal(expected, given)
        assert torch.equal(labels, same_labels)


def test_images_that_do_not_fit_on_the_device_are_cut_on_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    part = Examples([(image, 0) for image in images((30, 30), (30, 30))])
    source = ImageSource(classes=("a", "b"), train=part, held_out=part)
    recipe = replace(RECIPES["steady"], batch_size=2, images=64)
    ask = partial(device_batches, source, recipe, size=(8, 8), batches=range(4), device=torch.device("cpu"))
    monkeypatch.setattr("scalesearch.training.rendering.free_bytes", lambda _device: 1000.0)
    assert ask() is None
    monkeypatch.setattr("scalesearch.training.rendering.free_bytes", lambda _device: 1e6)
    assert ask() is not None


def test_of_a_large_part_only_what_a_run_sees_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    class Counted(Examples):
        def __init__(self) -> None:
            super().__init__([(image, index % 2) for index, image in enumerate(images(*[(20, 20)] * 40))])
            self.read: set[int] = set()

        def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
            self.read.add(index)
            return super().__getitem__(index)

    part = Counted()
    source = ImageSource(classes=("a", "b"), train=part, held_out=part)
    recipe = replace(RECIPES["steady"], batch_size=2, images=8)
    monkeypatch.setattr("scalesearch.training.rendering.MOST_AHEAD", 10)
    given = all_of(device_batches, source, recipe, (8, 8), range(4))
    assert part.read == set(views_of(source, recipe, (8, 8)).order(0, 8))
    host = all_of(host_batches, source, recipe, (8, 8), range(4))
    for (there, labels), (expected, same_labels) in zip(given, host, strict=True):
        assert torch.equal(labels, same_labels)
        assert (there - expected).abs().max() <= ONE_LEVEL
