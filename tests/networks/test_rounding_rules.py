from __future__ import annotations

import pytest
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from scalesearch.networks.baselines import BASELINES, baseline
from scalesearch.networks.cost import count
from scalesearch.networks.rounding_rules import (
    INNER_WIDTH,
    OFFICIAL,
    UNROUNDED,
    costs_by_rule,
    rule_meanings,
)
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import Rounding
from scalesearch.scaling import Multipliers

COMPOUND = Multipliers(depth=1.4, width=1.2, resolution=1.3)


def by_rule(name: str, multipliers: Multipliers) -> dict[str, float]:
    return {cost.rule: cost.macs for cost in costs_by_rule(baseline(name), multipliers)}


def test_the_compound_row_of_b0_under_every_rounding():
    costs = by_rule("efficientnet-b0", COMPOUND)
    assert next(iter(costs)) == OFFICIAL
    assert costs[OFFICIAL] == 1_800_091_280
    assert costs[UNROUNDED] == pytest.approx(1.4 * 1.2**2 * 1.3**2 * count(baseline("efficientnet-b0")).macs)
    assert costs["repeats floored"] < costs["repeats rounded"] < costs[OFFICIAL]
    assert len(costs) == 3 * 2 * 2 + 1
    assert INNER_WIDTH not in costs


@pytest.mark.parametrize(
    ("rule", "rounding"),
    [
        (OFFICIAL, Rounding()),
        ("repeats rounded", Rounding(repeats_rule="round")),
        ("repeats floored", Rounding(repeats_rule="floor")),
        ("channels to 1", Rounding(channel_divisor=1)),
        ("input to 32 px", Rounding(resolution_multiple=32)),
        (
            "repeats floored, channels to 1, input to 32 px",
            Rounding(repeats_rule="floor", channel_divisor=1, resolution_multiple=32),
        ),
    ],
)
def test_a_rules_name_says_how_it_rounds(rule, rounding):
    network = scale(baseline("mobilenet-v2"), COMPOUND, rounding)
    assert by_rule("mobilenet-v2", COMPOUND)[rule] == count(network).macs


def test_inner_width_alone_is_the_wide_resnet_of_torchvision():
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        torchvision.models.wide_resnet50_2().eval()(torch.empty(1, 3, 224, 224))
    assert 2 * by_rule("resnet-50", Multipliers(width=2))[INNER_WIDTH] == counter.get_total_flops()


@pytest.mark.parametrize("name", list(BASELINES))
def test_without_scaling_all_rules_are_the_baseline(name):
    exact = count(baseline(name)).macs
    assert set(by_rule(name, Multipliers()).values()) == {exact}


@given(depth=st.floats(1, 4), resolution=st.floats(1, 2))
def test_inner_width_of_one_is_the_official_rounding(depth, resolution):
    costs = by_rule("resnet-50", Multipliers(depth=depth, resolution=resolution))
    assert costs[INNER_WIDTH] == costs[OFFICIAL]


def test_every_part_of_a_name_is_explained():
    meanings = rule_meanings()
    for rule in by_rule("resnet-50", COMPOUND):
        assert all(part in meanings for part in rule.split(", "))
