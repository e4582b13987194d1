from __future__ import annotations

import pytest

from scalesearch.architecture.baselines import EFFICIENTNET_B0
from scalesearch.architecture.cost import count
from scalesearch.architecture.published import PAPER_COEFFICIENTS, published_family
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
