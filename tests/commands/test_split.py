from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalesearch.commands.law.run import (
    doubled,
    latency_ratio,
    macs_ratio,
    prices,
    reach,
    simplex,
    smooth_cost,
    splits,
)
from scalesearch.networks.baselines import EFFICIENTNET_B0
from scalesearch.networks.cost import count
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import ArchSpec, Rounding
from scalesearch.records import CostLaw, Setup
from scalesearch.scaling import Multipliers, Shares
from scalesearch.statistics.law import predict

BASE = EFFICIENTNET_B0
EXACT = Rounding(channel_divisor=1, min_kept_fraction=0.0)
NAMES = ("macs", "activations", "params", "layers")


def law(setup: Setup | None = None, **seconds: float) -> CostLaw:
    terms = {"constant": 0.0} | dict.fromkeys(NAMES, 0.0) | seconds
    return CostLaw(machine="m", setup=setup or Setup(), seconds=terms, held_out=())


ONLY_MACS = law(macs=1e-9)
ONLY_ACTIVATIONS = law(activations=1e-9)
ONLY_LAYERS = law(layers=1e-4)
MIXED = law(constant=5e-3, macs=2e-11, activations=2e-9, params=1e-9, layers=1e-4)


@pytest.mark.parametrize(
    ("depth", "width", "resolution"),
    [(1, 1, 1), (3, 1, 1), (1, 4, 1), (1, 1, 3), (1, 1, 8 / 7), (4, 5, 2), (2, 3, 9 / 7)],
)
def test_the_smooth_cost_is_exact_where_nothing_is_rounded(
    depth: float, width: float, resolution: float
) -> None:
    """Parity with the counter on networks that the polynomial was not made of, too."""
    arch = scale(BASE, Multipliers(depth=depth, width=width, resolution=resolution), EXACT)
    smooth = smooth_cost(BASE).counts(np.array([depth, width, resolution], float))
    assert {name: float(smooth[name]) for name in NAMES} == pytest.approx(
        {name: getattr(count(arch), name) for name in NAMES}, rel=1e-9
    )


@pytest.mark.parametrize(("depth", "width", "sharper"), [(1, 1, 1), (2, 3, 1), (1, 1, 2), (3, 2, 1.5)])
def test_the_smooth_cost_of_an_oblong_input_is_that_of_its_area(
    depth: float, width: float, sharper: float
) -> None:
    base = replace(BASE, resolution=128, resolution_width=64)
    arch = scale(base, Multipliers(depth=depth, width=width, resolution=sharper), EXACT)
    assert arch.input_size == (128 * sharper, 64 * sharper)
    smooth = smooth_cost(base).counts(np.array([depth, width, sharper], float))
    assert {name: float(smooth[name]) for name in NAMES} == pytest.approx(
        {name: getattr(count(arch), name) for name in NAMES}, rel=1e-9
    )


def test_between_them_it_lies_among_its_rounded_neighbours() -> None:
    smooth = smooth_cost(BASE).counts(np.array([1.0, 1.21, 1.0]))
    below, above = (count(scale(BASE, Multipliers(width=w), Rounding())) for w in (1.1, 1.32))
    assert below.macs < smooth["macs"] < above.macs


@given(
    shares=st.tuples(st.floats(0, 1), st.floats(0, 1)).filter(lambda pair: sum(pair) <= 1),
    target=st.floats(1.1, 8),
)
def test_reach_spends_the_budget_along_its_direction(shares: tuple[float, float], target: float) -> None:
    direction = np.array([[*shares, 1 - sum(shares)]])
    ratio = latency_ratio(smooth_cost(BASE), MIXED)
    at = reach(ratio, direction, target)
    assert float(ratio(at)[0]) == pytest.approx(target, rel=1e-9)
    growth = np.log2(at[0]) * np.array([1, 2, 2])
    assert growth / growth.sum() == pytest.approx(direction[0], abs=1e-9)


def test_a_direction_that_never_spends_the_budget_ends_somewhere() -> None:
    """Width adds no layers: by a law of layers alone it costs nothing."""
    at = reach(latency_ratio(smooth_cost(BASE), ONLY_LAYERS), np.array([[0.0, 1.0, 0.0]]))
    assert at[0] == pytest.approx([1, 2**8, 1])


def test_doubled_networks_spend_twice_the_macs_in_one_dimension_alone() -> None:
    found = doubled(BASE, Rounding())
    for one in found.values():
        assert count(one.arch).macs / count(BASE).macs == pytest.approx(2, abs=0.05)
    depth, width, resolution = (found[name].arch for name in ("depth", "width", "resolution"))
    assert (depth.resolution, depth.stem_channels) == (BASE.resolution, BASE.stem_channels)
    assert (width.blocks, width.resolution) == (BASE.blocks, BASE.resolution)
    assert (resolution.blocks, resolution.stem_channels) == (BASE.blocks, BASE.stem_channels)


def test_when_time_is_multiply_adds_no_dimension_is_cheaper() -> None:
    for price in prices(BASE, ONLY_MACS, Rounding()):
        assert price.latency_ratio == pytest.approx(2)
        assert price.latency_exponent == pytest.approx(price.macs_exponent)
        assert price.built_latency_ratio == pytest.approx(price.built_macs_ratio)


def test_when_time_is_activations_width_is_cheapest() -> None:
    """arXiv 2103.06877: activations grow with depth and the image's area, but only linearly with width."""
    depth, width, resolution = prices(BASE, ONLY_ACTIVATIONS, Rounding())
    assert width.latency_ratio < depth.latency_ratio < resolution.latency_ratio
    assert width.latency_ratio == pytest.approx(math.sqrt(2), abs=0.05)
    assert width.latency_exponent == pytest.approx(1, abs=0.05)
    assert resolution.latency_exponent == pytest.approx(2, abs=0.01)
    assert width.nominal_exponent == 2


def test_prices_are_those_of_the_networks_built() -> None:
    found = doubled(BASE, Rounding())
    for price in prices(BASE, MIXED, Rounding()):
        arch: ArchSpec = found[price.dimension].arch  # type: ignore[index]  # one of three
        assert price.built_key == arch.key
        assert price.built_latency_ratio == pytest.approx(
            predict(MIXED, count(arch)) / predict(MIXED, count(BASE))
        )


RULES = {"even": Shares(depth=1 / 3, width=1 / 3, resolution=1 / 3)}


def test_splits_spend_their_budgets() -> None:
    by_macs, by_time = splits(BASE, MIXED, RULES)
    assert (by_macs.budget, by_time.budget) == ("macs", "latency")
    assert by_macs.macs_ratio == pytest.approx(2)
    assert by_time.latency_ratio == pytest.approx(2)
    at = np.array([by_time.depth, by_time.width, by_time.resolution])
    assert by_time.macs_ratio == pytest.approx(float(macs_ratio(smooth_cost(BASE))(at)))
    assert sum(by_time.shares) == pytest.approx(1)


def test_a_law_of_multiply_adds_moves_no_split() -> None:
    by_macs, by_time = splits(BASE, ONLY_MACS, RULES)
    assert by_time.shares == pytest.approx(by_macs.shares)
    assert by_time.macs_ratio == pytest.approx(2)


def test_a_split_moves_to_what_is_cheap() -> None:
    by_macs, by_time = splits(BASE, ONLY_ACTIVATIONS, RULES)
    assert by_time.shares[1] > by_macs.shares[1] + 0.05


def test_one_dimension_alone_stays_alone() -> None:
    alone = {"wide": Shares(depth=0, width=1, resolution=0)}
    for split in splits(BASE, MIXED, alone):
        assert (split.depth, split.resolution) == (1, 1)
        assert split.shares == pytest.approx((0, 1, 0))


def test_the_simplex_is_covered() -> None:
    found = simplex(4)
    assert len(found) == 15
    assert found.sum(axis=1) == pytest.approx(1)
    assert found.min() == 0
