from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalesearch.networks.baselines import EFFICIENTNET_B0
from scalesearch.networks.build import build
from scalesearch.networks.cost import count, inference_bytes, training_bytes
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import STATES_PER_PARAM, ArchSpec, Rounding, StageSpec
from scalesearch.scaling import Multipliers
from scalesearch.training.recipe import Optimizer

SMALL = scale(EFFICIENTNET_B0, Multipliers(width=0.25), Rounding(channel_divisor=2), resolution=48)


def test_a_step_of_one_block_by_hand() -> None:
    """Stem 8x8x4, then a depthwise 8x8x4 without SE and its projection to 8x8x2, head 8x8x1, 2 classes.

    For one image more, in elements. At the end of the forward pass there are the image (16 x 16), three
    outputs each of the stem and the depthwise convolution, two of the projection, two of the head, its feature
    and its dropout mask. Then SiLU in the head reads one gradient and writes another beside all the maps.
    Where the depthwise convolution's SiLU does so with wider maps, head, projection and its own output are gone.
    """
    arch = ArchSpec(
        name="one block",
        stem_channels=4,
        stages=(StageSpec(repeats=1, kernel_size=3, stride=1, expand_ratio=1, channels=2, squeeze_ratio=0),),
        head_channels=1,
        resolution=16,
        classes=2,
        in_channels=1,
    )
    pixels, batch = 64, 1000
    maps = 256 + 3 * 4 * pixels + 3 * 4 * pixels + 2 * 2 * pixels + 2 * pixels
    head = maps + 2 * pixels
    depthwise = 256 + 3 * 4 * pixels + 2 * 4 * pixels + 2 * 4 * pixels
    assert head > depthwise
    assert training_bytes(arch, batch) - training_bytes(arch, batch - 1) == 4 * head


def test_an_optimizer_weighs_what_it_keeps_for_each_parameter() -> None:
    params = count(SMALL).params
    sgd, adamw = (training_bytes(SMALL, 8, optimizer=name) for name in ("sgd", "adamw"))
    assert adamw - sgd == 4 * params


def test_every_optimizer_of_a_recipe_is_known() -> None:
    assert set(STATES_PER_PARAM) == set(get_args(Optimizer))


@given(st.integers(1, 64), st.integers(1, 128), st.floats(0.1, 2), st.floats(0.1, 3))
def test_memory_never_falls_as_a_network_grows(
    batch_size: int, resolution: int, width: float, depth: float
) -> None:
    def made(**more: float) -> ArchSpec:
        multipliers = Multipliers(width=width * more.get("width", 1), depth=depth * more.get("depth", 1))
        pixels = resolution + int(more.get("pixels", 0))
        return scale(EFFICIENTNET_B0, multipliers, Rounding(channel_divisor=2), resolution=pixels)

    for needed in (training_bytes, inference_bytes):
        here = needed(made(), batch_size)
        for larger in (made(width=1.1), made(depth=1.3), made(pixels=1)):
            assert needed(larger, batch_size) >= here
        assert needed(made(), batch_size + 1) > here


def test_inference_of_the_widest_moment_by_hand() -> None:
    """B0's expansion from 16 to 96 channels at 112 px: its batch norm reads one such map and writes another,
    while the images and the block's input wait."""
    images, inputs, expanded = 3 * 224**2, 16 * 112**2, 96 * 112**2
    live = images + inputs + 2 * expanded
    one, two = inference_bytes(EFFICIENTNET_B0, 1), inference_bytes(EFFICIENTNET_B0, 2)
    assert two - one == 4 * live
    network = build(EFFICIENTNET_B0)
    kept = [*network.parameters(), *(b for b in network.buffers() if b.is_floating_point())]
    assert one == 4 * (sum(tensor.numel() for tensor in kept) + live)


def test_a_network_too_large_to_build_is_sized() -> None:
    huge = replace(EFFICIENTNET_B0, resolution=32_000)
    large = replace(EFFICIENTNET_B0, resolution=3_200)
    assert training_bytes(huge, 32) == pytest.approx(100 * training_bytes(large, 32), rel=1e-2)


@pytest.mark.parametrize(
    ("batch_size", "optimizer", "message"),
    [
        (0, "adamw", "`batch_size` must be >= 1, got 0"),
        (8, "lion", "`optimizer` must be one of adamw, sgd, rmsprop, got 'lion'"),
    ],
)
def test_bad_input(batch_size: int, optimizer: str, message: str) -> None:
    with pytest.raises(ValueError) as error:
        training_bytes(SMALL, batch_size, optimizer=optimizer)
    assert str(error.value) == message
