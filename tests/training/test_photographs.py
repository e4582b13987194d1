from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from scalesearch.training.dataset import PHOTOGRAPHS, DataSpec
from scalesearch.training.images import input_facts, load
from scalesearch.training.recipe import RECIPES
from scalesearch.training.rendering import Views, host_batches, judging_batches
from scalesearch.training.step import Normalise
from tests.training.reading import all_of


def _pixels(view: torch.Tensor) -> set[int]:
    """Where in memory the pixels of a window's first channel lie."""
    height, width = view.shape[1:]
    first = view.data_ptr()
    return {
        first + (row * view.stride(1) + column * view.stride(2)) * view.element_size()
        for row in range(height)
        for column in range(width)
    }


@pytest.mark.slow
def test_training_and_held_out_windows_share_no_pixel() -> None:
    source = load(DataSpec(held_out=90))
    for label in range(len(PHOTOGRAPHS)):
        train = set.union(*(_pixels(x) for x, y in source.train._items[label * 200 : label * 200 + 60]))
        judged = set.union(*(_pixels(x) for x, y in source.held_out._items if y == label))
        assert train.isdisjoint(judged)


def test_every_class_is_there_as_often_as_any_other() -> None:
    source = load(DataSpec(held_out=90))
    assert source.classes == PHOTOGRAPHS
    for examples, each in ((source.train, 200), (source.held_out, 5)):
        labels = [examples[i][1] for i in range(len(examples))]
        assert [labels.count(label) for label in range(len(PHOTOGRAPHS))] == [each] * len(PHOTOGRAPHS)


def test_windows_are_the_same_on_every_load() -> None:
    first, second = load(DataSpec(held_out=36)), load(DataSpec(held_out=36))
    for index in (0, 17, 35):
        assert torch.equal(first.held_out[index][0], second.held_out[index][0])


def test_a_higher_resolution_shows_detail_that_a_lower_one_cannot() -> None:
    source = load(DataSpec(held_out=180))

    def rendered(resolution: int) -> torch.Tensor:
        batches = judging_batches(source, size=(resolution, resolution))
        return torch.cat([images for images, _ in batches]).float()

    low, high = rendered(28), rendered(112)
    blown_up = torch.nn.functional.interpolate(low, size=112, mode="bilinear")
    assert torch.equal(high, torch.stack([source.held_out[i][0] for i in range(180)]).float())
    assert (high - blown_up).square().mean() > 20  # squared grey levels


def test_training_batches_have_the_asked_size_and_order() -> None:
    source = load(DataSpec())
    recipe = replace(RECIPES["quick"], batch_size=4)
    (batch,) = all_of(host_batches, source, recipe, (20, 20), range(5, 6))
    assert batch[0].shape == (4, 3, 20, 20)
    assert batch[0].dtype == torch.uint8
    order = Views(seed=recipe.seed, images=3600, crop_scale=recipe.crop_scale).order(20, 24)
    assert batch[1].tolist() == [index // 200 for index in order]


def test_oblong_batches_keep_shapes_as_they_are() -> None:
    """A judged view is the middle of the window at that shape, neither stretched nor squeezed."""
    source, recipe = load(DataSpec(held_out=18)), replace(RECIPES["quick"], batch_size=2)
    ((judged, _),) = judging_batches(source, size=(48, 32))
    ((trained, _),) = all_of(host_batches, source, recipe, (48, 32), range(1))
    assert (judged.shape, trained.shape) == ((18, 3, 48, 32), (2, 3, 48, 32))
    ((square, _),) = judging_batches(source, size=(48, 48))
    assert torch.equal(judged, square[:, :, :, 8:40])


def test_what_is_told_of_oblong_input_is_not_what_is_told_of_square_input() -> None:
    square, oblong = input_facts((48, 48), 3), input_facts((48, 32), 3)
    assert (square["resolution"], oblong["resolution"]) == (48, [48, 32])
    assert "shorter side" in square["view"]
    assert "covers height and width" in oblong["view"]


def test_normalised_images_are_centred_and_channels_last() -> None:
    source = load(DataSpec(held_out=360))
    images = torch.stack([source.held_out[i][0] for i in range(360)])
    values = Normalise(3, torch.device("cpu"), torch.channels_last)(images)
    assert values.is_contiguous(memory_format=torch.channels_last)
    assert values.mean().abs() < 0.7
    assert 0.5 < values.std() < 1.5
