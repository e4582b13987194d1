from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scalesearch.networks.baselines import EFFICIENTNET_B0, chosen_baseline
from scalesearch.networks.scaled import reduce, scale
from scalesearch.networks.spec import ArchSpec, Rounding
from scalesearch.scaling import Multipliers
from scalesearch.training.images import Examples, ImageSource, load_photographs
from scalesearch.training.loop import NonFiniteLossError, ProxyResult, train
from scalesearch.training.recipe import RECIPES, ProxyRecipe, Schedule, default_images
from tests.conftest import slow_but

CPU = torch.device("cpu")


def _tiny(classes: int, resolution: int = 16, stages: int = 2) -> ArchSpec:
    base = scale(
        EFFICIENTNET_B0, Multipliers(width=0.125), Rounding(channel_divisor=1), resolution=resolution
    )
    return replace(base, stages=base.stages[:stages], classes=classes)


def _photographs(recipe: ProxyRecipe) -> ProxyResult:
    return train(_tiny(18), recipe, load_photographs(36), dataset="photographs", device=CPU)


def _colours() -> ImageSource:
    """Two classes that one look tells apart: red and blue noise."""
    generator = torch.Generator().manual_seed(0)

    def image(label: int) -> torch.Tensor:
        pixels = torch.randint(0, 100, (3, 20, 20), generator=generator, dtype=torch.uint8)
        pixels[2 * label] += 150
        return pixels

    examples = Examples([(image(i % 2), i % 2) for i in range(64)])
    return ImageSource(classes=("red", "blue"), train=examples, held_out=examples)


@pytest.mark.parametrize(
    "name",
    slow_but(
        ("mobilenet-v3-large", "convnext-tiny"),
        ("mobilenet-v3-large", "mobilenet-v4-conv-small", "regnety-016", "convnext-tiny"),
    ),
)
def test_every_kind_of_block_learns_what_is_easy(name: str) -> None:
    narrow = reduce(chosen_baseline(name, stem_stride=1), 0.125, Rounding(channel_divisor=2), resolution=16)
    recipe = replace(RECIPES["quick"], learning_rate=0.2, batch_size=16, images=640, looks=1)
    arch = replace(scale(narrow, Multipliers(depth=0.5), Rounding()), classes=2, drop_path=0.0)
    result = train(arch, recipe, _colours(), dataset="colours", device=CPU)
    assert result.curve[-1].top1 > 0.65  # chance is a half, give or take 0.06


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_the_same_seed_gives_the_same_curve_to_the_bit(name: str) -> None:
    recipe = replace(RECIPES[name].at_batch(8), images=48, epochs=None, looks=2)
    first, second = _photographs(recipe), _photographs(recipe)
    other = _photographs(replace(recipe, seed=1))
    assert first.curve == second.curve
    assert first.curve != other.curve


def test_training_leaves_the_callers_random_numbers_alone() -> None:
    recipe = replace(RECIPES["quick"], images=16, batch_size=8, looks=1)
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    _photographs(recipe)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("optimizer", slow_but(("adamw",), ("adamw", "sgd", "rmsprop")))
def test_every_optimizer_learns_what_is_easy(optimizer: str) -> None:
    rates = {"adamw": 0.2, "sgd": 0.4, "rmsprop": 0.03}
    recipe = replace(
        RECIPES["quick"],
        optimizer=optimizer,
        learning_rate=rates[optimizer],
        images=1600,
        batch_size=16,
        looks=3,
    )
    result = train(_tiny(2, stages=7), recipe, _colours(), dataset="colours", device=CPU)
    # The mean loss of the last third: a single look's accuracy after so few steps differs between processors.
    assert result.curve[-1].train_loss < 0.7 * result.curve[0].train_loss
    assert result.curve[-1].top1 > 0.65  # chance is a half, give or take 0.06
    assert result.held_out_images == 64


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "rmsprop"])
@pytest.mark.parametrize(
    "change",
    [
        {"momentum": 0.0, "weight_decay": 0.0, "label_smoothing": 0.0, "crop_scale": 1.0},
        {"schedule": "exponential", "warmup_epochs": 0.0, "norm_momentum": 1.0, "looks": 100},
        {"ema_share": 1.0, "dropout": 0.99, "drop_path": 0.99},
    ],
)
def test_whatever_a_recipe_may_say_trains(optimizer: str, change: dict[str, object]) -> None:
    recipe = replace(RECIPES["quick"], optimizer=optimizer, images=24, batch_size=8, **change)
    result = train(_tiny(2), recipe, _colours(), dataset="colours", device=CPU)
    assert result.curve[-1].images == 24


def test_the_curve_has_a_point_for_each_look_and_ends_with_whole_batches() -> None:
    recipe = replace(RECIPES["quick"], images=50, batch_size=8, looks=3)
    assert [point.images for point in _photographs(recipe).curve] == [16, 32, 48]


def test_epochs_count_passes_over_the_training_part() -> None:
    recipe = replace(RECIPES["quick"], images=None, epochs=0.5, batch_size=8, looks=1)
    result = train(_tiny(2), recipe, _colours(), dataset="colours", device=CPU)
    assert result.curve[-1].images == 32


def test_the_judged_average_is_not_the_last_weights() -> None:
    recipe = replace(RECIPES["quick"], images=64, batch_size=8, looks=1)
    plain = train(_tiny(2), recipe, _colours(), dataset="colours", device=CPU)
    averaged = train(_tiny(2), replace(recipe, ema_decay=0.9), _colours(), dataset="colours", device=CPU)
    assert averaged.curve[-1].train_loss == plain.curve[-1].train_loss
    assert averaged.curve[-1].loss != plain.curve[-1].loss


def test_a_loss_that_is_not_finite_ends_the_run_with_its_reason() -> None:
    recipe = replace(RECIPES["quick"], optimizer="sgd", learning_rate=1e30, images=64, batch_size=8)
    with pytest.raises(NonFiniteLossError, match=r"loss became (nan|inf) within 16 images"):
        _photographs(recipe)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 1}, "`batch_size` must be >= 2, got 1"),
        ({"images": 8}, "`images` must be at least one batch of 32, got 8"),
        (
            {"images": 64, "epochs": 3.0},
            "one of `images` and `epochs` must be given, got images=64, epochs=3.0",
        ),
        ({"epochs": 0.0}, "`epochs` must be a finite number > 0, got 0.0"),
        ({"learning_rate": -1.0}, "`learning_rate` must be a finite number > 0, got -1.0"),
        ({"learning_rate": float("nan")}, "`learning_rate` must be a finite number > 0, got nan"),
        ({"momentum": 1.0}, "`momentum` must be < 1, got 1.0"),
        ({"crop_scale": 0.0}, "`crop_scale` must be a finite number > 0, got 0.0"),
        ({"crop_scale": 1.5}, "`crop_scale` must be at most 1, got 1.5"),
        ({"dropout": -0.1}, "`dropout` must be a finite number >= 0, got -0.1"),
        (
            {"accumulation": 3},
            "`accumulation` must part a batch of 32 into equal passes of at least 2 images, got 3",
        ),
        (
            {"accumulation": 32},
            "`accumulation` must part a batch of 32 into equal passes of at least 2 images, got 32",
        ),
        (
            {"ema_decay": 0.9, "ema_share": 0.1},
            "one of `ema_decay` and `ema_share` must be 0: both say how far back the average looks, got "
            "ema_decay=0.9, ema_share=0.1",
        ),
        (
            {"name": "../x"},
            "`name` must be of small letters, digits, dots, dashes and underscores, at most 80 of them, got "
            "'../x'",
        ),
        ({"schedule": "step"}, "`schedule` must be one of one-cycle, trapezoid, exponential, got 'step'"),
        ({"optimizer": "lion"}, "`optimizer` must be one of adamw, sgd, rmsprop, got 'lion'"),
        ({"looks": 0}, "`looks` must be >= 1, got 0"),
    ],
)
def test_a_wrong_recipe_is_refused_by_name(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        replace(RECIPES["quick"], **change)
    assert str(caught.value) == message


def test_an_average_by_its_horizon_lags_by_the_same_share_of_any_run() -> None:
    recipe = replace(RECIPES["quick"], ema_share=0.16)
    assert [recipe.decay(steps) for steps in (1, 62, 125, 500)] == pytest.approx([0, 0.899194, 0.95, 0.9875])
    assert recipe.averages
    fixed = replace(RECIPES["quick"], ema_decay=0.9)
    assert [fixed.decay(steps) for steps in (1, 500)] == [0.9, 0.9]
    assert not RECIPES["quick"].averages


def test_a_runs_length_is_somebodys_to_say() -> None:
    with pytest.raises(ValueError, match="one of `images` and `epochs` must be given, got neither"):
        RECIPES["quick"].steps(100)
    assert [default_images(name) for name in ("cpu", "mps", "cuda", "cuda:1", "xpu")] == [
        *(4_000, 4_000),
        *(64_000, 64_000, 64_000),
    ]


def test_another_batch_is_taken_in_passes_no_larger_than_before() -> None:
    paper = RECIPES["paper"]
    assert (paper.batch_size, paper.accumulation) == (4096, 32)
    batches = [paper.at_batch(size) for size in (8, 128, 129, 256, 257, 8192)]
    # A prime number of images can't be parted into passes of at least two.
    assert [recipe.accumulation for recipe in batches] == [1, 1, 3, 2, 1, 64]


def test_the_trapezoid_rises_over_a_tenth_stays_and_falls_over_three() -> None:
    recipe = replace(RECIPES["quick"], schedule="trapezoid")
    factors = [recipe.rate_factor(step, steps=100, training_images=1) for step in range(101)]
    assert factors[:10] == pytest.approx([(step + 1) / 11 for step in range(10)])
    assert set(factors[10:71]) == {1.0}
    assert factors[71:] == pytest.approx([(100 - step) / 30 for step in range(71, 101)])


@given(schedule=st.sampled_from(["one-cycle", "trapezoid"]), steps=st.integers(1, 500))
def test_a_rate_rises_to_its_peak_then_falls_and_no_step_is_wasted(schedule: Schedule, steps: int) -> None:
    recipe = replace(RECIPES["quick"], schedule=schedule)
    factors = [recipe.rate_factor(step, steps=steps, training_images=7) for step in range(steps)]
    peak = factors.index(max(factors))
    assert factors[: peak + 1] == sorted(factors[: peak + 1])
    assert factors[peak:] == sorted(factors[peak:], reverse=True)
    assert min(factors) > 0
    assert max(factors) <= 1


def test_the_papers_rate_rises_for_five_epochs_and_falls_every_2_4() -> None:
    paper = RECIPES["paper"]
    images = 4096 * 10
    at = {epoch: paper.rate_factor(10 * epoch, steps=3500, training_images=images) for epoch in (0, 1, 5, 12)}
    assert at == {0: 0.0, 1: 0.2, 5: pytest.approx(0.97**2), 12: pytest.approx(0.97**5)}


def test_the_paper_recipe_is_the_papers() -> None:
    paper = RECIPES["paper"]
    assert (paper.optimizer, paper.momentum, paper.weight_decay) == ("rmsprop", 0.9, 1e-5)
    assert paper.learning_rate * paper.batch_size / 256 == pytest.approx(0.256)
    assert (paper.label_smoothing, paper.ema_decay, paper.augmentation) == (0.1, 0.9999, "autoaugment")
    assert paper.dropout is None
    assert paper.drop_path is None
