"""How a network's growth is shared out as it was built."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from scalesearch.networks.baselines import BASELINES, EFFICIENTNET_B0, MOBILENET_V2
from scalesearch.networks.cost import count
from scalesearch.networks.matching import Shape, shape_of
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import CodeSpec, Rounding
from scalesearch.networks.user_network import code_baseline
from scalesearch.scaling import Multipliers


@pytest.mark.parametrize("name", BASELINES)
def test_doublings_of_the_three_add_up_to_those_of_the_cost(name: str) -> None:
    base = BASELINES[name]
    arch = scale(base, Multipliers(depth=1.2, width=1.1, resolution=1.15), Rounding())
    shape = shape_of(arch, base)
    assert shape.total == pytest.approx(math.log2(count(arch).macs / count(base).macs))
    assert shape.resolution == pytest.approx(2 * math.log2(arch.resolution / base.resolution))
    assert sum(shape.shares) == pytest.approx(1)


def test_each_dimension_alone_has_the_whole_growth() -> None:
    deep = scale(EFFICIENTNET_B0, Multipliers(depth=2), Rounding())
    assert shape_of(deep, EFFICIENTNET_B0).shares == pytest.approx((1, 0, 0))
    wide = scale(EFFICIENTNET_B0, Multipliers(width=2), Rounding())
    assert shape_of(wide, EFFICIENTNET_B0).shares == pytest.approx((0, 1, 0))
    # 1,000 classes cost the same at any resolution: with next to none, pixels are all there is.
    few = replace(EFFICIENTNET_B0, classes=1)
    sharp = scale(few, Multipliers(resolution=2), Rounding())
    assert shape_of(sharp, few).shares == pytest.approx((0, 0, 1), abs=1e-3)


def test_what_was_asked_is_not_what_was_built() -> None:
    # Repeats are rounded up: 23 blocks for 1.2 times 16, over half of the growth where a quarter was asked.
    arch = scale(EFFICIENTNET_B0, Multipliers(depth=1.2, width=1.1, resolution=1.15), Rounding())
    depth, width, resolution = shape_of(arch, EFFICIENTNET_B0).shares
    assert depth == pytest.approx(0.41, abs=0.01)
    assert width + resolution == pytest.approx(0.59, abs=0.01)


def test_which_stage_got_the_block_makes_the_difference() -> None:
    def with_one_more(stage: int) -> float:
        stages = list(EFFICIENTNET_B0.stages)
        stages[stage] = replace(stages[stage], repeats=stages[stage].repeats + 1)
        return shape_of(replace(EFFICIENTNET_B0, stages=tuple(stages)), EFFICIENTNET_B0).depth

    assert with_one_more(0) != pytest.approx(with_one_more(6), abs=0.01)


def test_oblong_inputs_count_their_pixels() -> None:
    base = replace(EFFICIENTNET_B0, resolution=64, resolution_width=96)
    assert shape_of(replace(base, resolution=128), base).resolution == pytest.approx(1)


def test_users_code_is_deepened_by_asking_it() -> None:
    base = replace(code_baseline("experiments.own_network:build"), resolution=32)
    arch = scale(base, Multipliers(depth=2, width=1.5, resolution=1.5), Rounding())
    shape = shape_of(arch, base)
    assert isinstance(arch, CodeSpec)
    deep = count(scale(base, Multipliers(depth=2), Rounding())).macs
    assert shape.depth == pytest.approx(math.log2(deep / count(base).macs))
    assert shape.total == pytest.approx(math.log2(count(arch).macs / count(base).macs))
    assert shape.resolution == pytest.approx(2 * math.log2(1.5))


def test_networks_of_two_families_have_no_shape() -> None:
    with pytest.raises(ValueError, match="`arch` must be of the baseline's family, mobilenet-v2"):
        shape_of(BASELINES["resnet-18"], MOBILENET_V2)
    with pytest.raises(ValueError, match="`shape` must be of a network that costs more or less"):
        _ = Shape(depth=0.5, width=-0.25, resolution=-0.25).shares
