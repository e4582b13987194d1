"""What a run sees follows from its seed; its windows have torchvision's distribution, its pixels are torchvision's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from scalesearch.training.images import Examples, ImageSource
from scalesearch.training.recipe import RECIPES
from scalesearch.training.rendering import CHUNK, Views, host_batches
from tests.training.reading import all_of

QUICK = replace(RECIPES["quick"], batch_size=8)


def _source(count: int = 20, sizes: tuple[tuple[int, int], ...] = ((30, 24),)) -> ImageSource:
    generator = torch.Generator().manual_seed(0)
    items = [
        (torch.randint(0, 256, (3, *sizes[i % len(sizes)]), dtype=torch.uint8, generator=generator), i)
        for i in range(count)
    ]
    return ImageSource(classes=tuple(map(str, range(count))), train=Examples(items), held_out=Examples(items))


@given(
    st.integers(0, 2**31),
    st.integers(1, 3 * CHUNK),
    st.sampled_from([0.08, 0.5, 1.0]),
    st.floats(0.3, 3),
    st.lists(st.tuples(st.integers(1, 400), st.integers(1, 400)), min_size=1, max_size=8),
)
def test_every_window_lies_within_its_image(seed, place, scale, shape, sizes) -> None:
    views = Views(seed=seed, images=5, crop_scale=scale, shape=shape)
    places = range(place, place + len(sizes))
    heights, widths = zip(*sizes, strict=True)
    for (top, left, height, width, _), (high, wide) in zip(
        views.windows(places, heights, widths), sizes, strict=True
    ):
        assert 0 <= top <= top + height <= high
        assert 0 <= left <= left + width <= wide
        assert min(height, width) >= 1


@given(st.integers(0, 100), st.integers(1, 40), st.integers(0, 200), st.integers(0, 100))
def test_each_epoch_has_each_image_once(seed, images, start, count) -> None:
    views = Views(seed=seed, images=images, crop_scale=0.5)
    whole = views.order(0, start + count + images)
    assert views.order(start, start + count) == whole[start : start + count]
    assert sorted(whole[:images]) == list(range(images))


def test_places_may_be_asked_for_in_any_batches() -> None:
    views = Views(seed=3, images=50, crop_scale=0.1)
    places = np.arange(CHUNK - 10, CHUNK + 10)
    whole = list(views.windows(places, np.full(20, 40), np.full(20, 60)))
    for index in (0, 9, 10, 19):
        assert list(views.windows(places[[index]], [40], [60])) == [whole[index]]
    assert (
        len({*views.seeds(range(2000)), *Views(seed=4, images=50, crop_scale=0.1).seeds(range(2000))}) == 4000
    )


@pytest.mark.parametrize("size", [(112, 112), (60, 200)], ids=str)
@pytest.mark.parametrize(("scale", "shape"), [(0.08, 1.0), (0.5, 1.5)])
def test_windows_have_the_distribution_of_torchvisions(size, scale, shape) -> None:
    """Seeded on both sides, so that the test says the same each time."""
    torch.manual_seed(0)
    transform = v2.RandomResizedCrop(
        (32, round(32 * shape)), scale=(scale, 1), ratio=(shape * 3 / 4, shape * 4 / 3)
    )
    image = torch.empty(3, *size)
    names = ("top", "left", "height", "width")
    theirs = np.array([[d[n] for n in names] for d in (transform.make_params([image]) for _ in range(2000))])
    ours = Views(seed=0, images=9, crop_scale=scale, shape=shape).windows(
        np.arange(20_000), np.full(20_000, size[0]), np.full(20_000, size[1])
    )
    for index, name in enumerate(names):
        assert ks_2samp(theirs[:, index], getattr(ours, name)).pvalue > 0.001
    assert abs(ours.flip.mean() - 0.5) < 0.02


def test_pixels_are_torchvisions() -> None:
    source = _source(sizes=((30, 24), (17, 60)))
    (batch,) = all_of(host_batches, source, QUICK, (12, 16), range(1, 2))
    views = Views(seed=QUICK.seed, images=20, crop_scale=QUICK.crop_scale, shape=16 / 12)
    images = [source.train[index][0] for index in views.order(8, 16)]
    windows = views.windows(range(8, 16), [i.shape[1] for i in images], [i.shape[2] for i in images])
    for pixels, image, (top, left, height, width, flip) in zip(batch[0], images, windows, strict=True):
        expected = F.resized_crop(image, top, left, height, width, [12, 16], antialias=True)
        assert torch.equal(pixels, expected.flip(2) if flip else expected)
    assert batch[1].tolist() == views.order(8, 16)


@pytest.mark.parametrize("augmentation", ["crop-flip", "autoaugment"])
def test_what_a_seed_sees_does_not_depend_on_what_weights_drew(augmentation: str) -> None:
    recipe = replace(QUICK, augmentation=augmentation)
    seen = []
    for drawn in (0, 1000):
        torch.manual_seed(recipe.seed)
        torch.rand(drawn)
        before = torch.get_rng_state()
        seen.append(all_of(host_batches, _source(), recipe, (16, 16), range(2)))
        assert torch.equal(torch.get_rng_state(), before)
    for (first, labels), (second, others) in zip(*seen, strict=True):
        assert torch.equal(first, second)
        assert torch.equal(labels, others)
    (other,) = all_of(host_batches, _source(), replace(recipe, seed=1), (16, 16), range(1))
    assert not torch.equal(other[0], seen[0][0][0])
