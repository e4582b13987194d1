from __future__ import annotations

from dataclasses import replace

import pytest
import timm
import torch
from torch.utils.flop_counter import FlopCounterMode

from scalesearch.networks.baselines import (
    BASELINES,
    EFFICIENTNET_B0,
    EFFICIENTNET_LITE0,
    PAPER_COEFFICIENTS,
    published_family,
    published_family_of,
    published_network,
    published_networks,
)
from scalesearch.networks.cost import count
from scalesearch.scaling import implied_phi

FAMILY = published_family()
MEASURED = [name for name, row in FAMILY.items() if row.params]


def test_the_family_is_b0_to_b7_with_results_and_b8_and_l2_without() -> None:
    assert list(FAMILY) == ["b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "b8", "l2"]
    assert [f"b{i}" for i in range(8)] == MEASURED
    for name in ("b8", "l2"):
        row = FAMILY[name]
        assert (row.top1, row.top5, row.params, row.flops) == (None, None, None, None)
    assert all(row.source for row in FAMILY.values())


def test_numbers_are_fractions_and_plain_counts() -> None:
    b7 = FAMILY["b7"]
    assert (b7.top1, b7.top5, b7.params, b7.flops) == (0.843, 0.970, 66e6, 37e9)
    assert (b7.width, b7.depth, b7.resolution, b7.dropout) == (2.0, 3.1, 600, 0.5)


def test_b0_is_the_baseline() -> None:
    assert FAMILY["b0"].arch() == EFFICIENTNET_B0


def test_a_rebuilt_network_has_the_published_resolution_and_dropout() -> None:
    for name, row in FAMILY.items():
        arch = row.arch()
        assert (arch.name, arch.resolution, arch.dropout) == (
            f"efficientnet-{name}",
            row.resolution,
            row.dropout,
        )


@pytest.mark.parametrize("name", MEASURED)
def test_rebuilt_costs_come_near_the_published_ones(name: str) -> None:
    row, cost = FAMILY[name], count(FAMILY[name].arch())
    assert cost.params == pytest.approx(row.params, rel=0.02)
    assert cost.macs == pytest.approx(row.flops, rel=0.05)


def test_the_family_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        FAMILY["b0"] = FAMILY["b1"]


@pytest.mark.parametrize(
    ("name", "depth", "width", "resolution"),
    [
        ("b1", 0.52, 0.00, 0.49),
        ("b2", 1.00, 1.00, 1.07),
        ("b3", 1.85, 1.91, 2.09),
        ("b4", 3.22, 3.53, 3.78),
        ("b5", 4.32, 4.93, 5.09),
        ("b6", 5.24, 6.17, 6.14),
        ("b7", 6.21, 7.27, 7.05),
    ],
)
def test_published_networks_do_not_lie_at_whole_phis(
    name: str, depth: float, width: float, resolution: float
) -> None:
    row = FAMILY[name]
    implied = (
        implied_phi(row.depth, PAPER_COEFFICIENTS.alpha),
        implied_phi(row.width, PAPER_COEFFICIENTS.beta),
        implied_phi(row.resolution / EFFICIENTNET_B0.resolution, PAPER_COEFFICIENTS.gamma),
    )
    assert implied == pytest.approx((depth, width, resolution), abs=0.005)


LITE = {name: row for name, row in published_networks().items() if name.startswith("lite")}


def test_all_published_networks() -> None:
    assert list(published_networks()) == [*FAMILY, "lite0", "lite1", "lite2", "lite3", "lite4"]
    assert {row.baseline for row in FAMILY.values()} == {"efficientnet-b0"}
    assert {row.baseline for row in LITE.values()} == {"efficientnet-lite0"}
    assert [(row.width, row.depth, row.resolution, row.dropout) for row in LITE.values()] == [
        (1.0, 1.0, 224, 0.2),
        (1.0, 1.1, 240, 0.2),
        (1.1, 1.2, 260, 0.3),
        (1.2, 1.4, 280, 0.3),
        (1.4, 1.8, 300, 0.3),
    ]
    assert all("README" in row.source and row.top5 is None for row in LITE.values())


@pytest.mark.parametrize("name", LITE)
def test_lite_is_timms_lite(name: str) -> None:
    arch = LITE[name].arch()
    with torch.device("meta"):
        theirs = timm.create_model(f"tf_efficientnet_{name}").eval()
        images = torch.zeros(1, 3, *arch.input_size)
    with FlopCounterMode(display=False) as counter:
        theirs(images)
    cost = count(arch)
    assert cost.params == sum(parameter.numel() for parameter in theirs.parameters())
    assert 2 * cost.macs == counter.get_total_flops()
    assert cost.params == pytest.approx(LITE[name].params, rel=0.011)


def test_lite0_is_the_baseline_and_lites_stem_head_and_ends_stay() -> None:
    assert LITE["lite0"].arch() == EFFICIENTNET_LITE0
    lite4 = LITE["lite4"].arch()
    assert (lite4.stem_channels, lite4.head_channels, lite4.activation) == (32, 1280, "relu6")
    assert [stage.repeats for stage in lite4.stages] == [1, 4, 4, 6, 6, 8, 1]
    assert {stage.squeeze_ratio for stage in lite4.stages} == {0.0}


@pytest.mark.parametrize("text", ["lite3", "Lite3", "efficientnet-lite3", "EfficientNet-Lite3"])
def test_a_name_may_be_written_as_people_do(text: str) -> None:
    assert published_network(text) == LITE["lite3"]


def test_a_name_that_nobody_published_is_none() -> None:
    assert published_network("b9") is None


def test_the_published_family_of_a_baseline() -> None:
    assert [row.name for row in published_family_of(EFFICIENTNET_B0)] == MEASURED
    assert [row.name for row in published_family_of(EFFICIENTNET_LITE0)] == list(LITE)
    # Whatever it is called; but not at another size.
    assert published_family_of(replace(EFFICIENTNET_LITE0, name="mine")) == tuple(LITE.values())
    assert published_family_of(replace(EFFICIENTNET_LITE0, resolution=64)) == ()
    assert published_family_of(BASELINES["resnet-18"]) == ()
