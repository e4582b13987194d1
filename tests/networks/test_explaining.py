from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalesearch.networks.baselines import (
    BASELINES,
    EFFICIENTNET_B0,
    EFFICIENTNET_LITE0,
    PAPER_COEFFICIENTS,
    RESNET_50,
    VARIANTS,
    published_networks,
)
from scalesearch.networks.cost import count, rows
from scalesearch.networks.explaining import Explanation, RowNote, explain
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import ArchSpec, Rounding
from scalesearch.scaling import Coefficients, Multipliers

NEAR = pytest.approx
NETWORKS = {**BASELINES, **{name: variant.arch for name, variant in VARIANTS.items()}}
# Channels that aren't whole are known to about this.
FINE = 2e-4


def published(name: str) -> Explanation:
    row = published_networks()[name]
    return explain(
        BASELINES[row.baseline], row.multipliers, Rounding(), PAPER_COEFFICIENTS,
        resolution=row.resolution, name=row.name,
    )  # fmt: skip


def by_name(explanation: Explanation) -> dict[str, RowNote]:
    return {row.name: row for row in explanation.rows}


def parts(explanation: Explanation) -> dict[str, float]:
    return {part.name: part.factor for part in explanation.parts}


@pytest.mark.parametrize(
    ("name", "depth", "width", "resolution"),
    [("b1", 0.52, 0.0, 0.49), ("b4", 3.22, 3.53, 3.78), ("b7", 6.21, 7.27, 7.05), ("lite4", 3.22, 3.53, 2.09)],
)  # fmt: skip
def test_implied_phis(name: str, depth: float, width: float, resolution: float) -> None:
    assert list(published(name).implied_phis.values()) == NEAR([depth, width, resolution], abs=0.005)


def test_a_coefficient_of_1_implies_no_phi_for_what_grew() -> None:
    ones = Coefficients(alpha=1.2, beta=1, gamma=1)
    found = explain(EFFICIENTNET_B0, Multipliers(depth=1.2, width=2), Rounding(), ones)
    assert found.implied_phis == {"depth": NEAR(1), "width": None, "resolution": 0}


def test_what_the_roundings_did_to_b4() -> None:
    found = by_name(published("b4"))
    assert list(found) == ["stem", *(f"stage{n}" for n in range(1, 8)), "head"]
    assert [row.repeats for row in found.values()] == [1, 2, 4, 4, 6, 6, 8, 2, 1]
    assert [row.repeats_exact for row in found.values()] == NEAR([1, 1.8, 3.6, 3.6, 5.4, 5.4, 7.2, 1.8, 1])
    assert [row.channels for row in found.values()] == [48, 24, 32, 56, 112, 160, 272, 448, 1792]
    assert [row.channels_exact for row in found.values()] == NEAR(
        [44.8, 22.4, 33.6, 56, 112, 156.8, 268.8, 448, 1792]
    )
    assert [row.map[0] for row in found.values()] == [190, 190, 95, 48, 24, 24, 12, 12, 12]
    assert [row.map_exact[0] for row in found.values()] == NEAR(
        [190, 190, 95, 47.5, 23.75, 23.75, 11.875, 11.875, 11.875]
    )
    assert not any(row.stepped_up for row in found.values())


def test_lite3s_first_stage_goes_a_step_up_and_what_its_table_fixes_stays() -> None:
    found = by_name(published("lite3"))
    # 19.2: the nearest multiple of 8 is 16, less than 90% of it.
    assert [name for name, row in found.items() if row.stepped_up] == ["stage1"]
    assert (found["stage1"].channels_exact, found["stage1"].channels) == (NEAR(19.2), 24)
    for name, channels in (("stem", 32), ("head", 1280)):
        assert (found[name].channels_exact, found[name].channels) == (channels, channels)
    for name in ("stage1", "stage7"):
        assert (found[name].repeats_exact, found[name].repeats) == (1, 1)


@pytest.mark.parametrize("name", ["b1", "b4", "b8", "lite3"])
def test_rows_add_up_and_the_parts_multiply_to_the_gap(name: str) -> None:
    found = published(name)
    assert sum(row.macs for row in found.rows) == count(found.arch).macs
    assert found.arch == replace(published_networks()[name].arch(), name=name, dropout=found.base.dropout)
    assert found.nominal_ratio * math.prod(parts(found).values()) == NEAR(found.realised_ratio, rel=1e-9)


def test_the_paper_at_phi_1_costs_2_57_times_b0_mostly_by_its_repeats() -> None:
    found = explain(EFFICIENTNET_B0, PAPER_COEFFICIENTS.at(1), Rounding(), PAPER_COEFFICIENTS)
    assert (found.nominal_ratio, found.realised_ratio) == (NEAR(1.92027), NEAR(2.57, abs=0.005))
    assert max(parts(found), key=lambda name: parts(found)[name]) == "repeats"
    floored = explain(
        EFFICIENTNET_B0, PAPER_COEFFICIENTS.at(1), Rounding(repeats_rule="floor"), PAPER_COEFFICIENTS
    )
    assert parts(floored)["repeats"] < 1 < parts(found)["repeats"]


def test_nothing_is_rounded_where_everything_is_whole() -> None:
    found = explain(
        EFFICIENTNET_B0, Multipliers(depth=2, width=2, resolution=2), Rounding(), PAPER_COEFFICIENTS
    )
    for row in found.rows:
        assert (row.by_repeats, row.by_channels, row.by_maps) == NEAR((1, 1, 1), abs=FINE)
        assert row.macs_exact == NEAR(row.macs, rel=FINE)
    rounded = {name: factor for name, factor in parts(found).items() if name != "the rule itself"}
    assert list(rounded.values()) == NEAR([1] * 5, abs=FINE)


@pytest.mark.parametrize("name", NETWORKS)
def test_an_unscaled_network_has_nothing_to_explain(name: str) -> None:
    # 75 px: all maps are odd, which a baseline's are allowed to be.
    base = replace(NETWORKS[name], resolution=75)
    found = explain(base, Multipliers(), Rounding(), PAPER_COEFFICIENTS)
    assert (found.nominal_ratio, found.realised_ratio) == (1, 1)
    assert list(parts(found).values()) == NEAR([1] * 6, abs=1e-9)
    assert [row.macs for row in found.rows] == NEAR([row.macs_exact for row in found.rows], rel=1e-9)


def only(row: str, factor: Callable[[RowNote], float], explanation: Explanation) -> float:
    return factor(by_name(explanation)[row])


def test_part_of_a_block_costs_that_part_of_another_block() -> None:
    """Between the networks with one block and with two, by their own counts."""
    one, two = (rows(scale(EFFICIENTNET_B0, Multipliers(depth=d), Rounding()))[7].macs for d in (1, 2))
    found = explain(EFFICIENTNET_B0, Multipliers(depth=1.3), Rounding(), PAPER_COEFFICIENTS)
    assert only("stage7", lambda row: row.macs_exact, found) == NEAR(one + 0.3 * (two - one), rel=FINE)
    assert only("stage7", lambda row: row.by_repeats, found) == NEAR(
        two / (one + 0.3 * (two - one)), rel=FINE
    )


def test_half_a_block_costs_half_of_one() -> None:
    found = explain(EFFICIENTNET_B0, Multipliers(depth=0.5), Rounding(), PAPER_COEFFICIENTS)
    assert only("stage7", lambda row: row.by_repeats, found) == NEAR(2)


def test_part_of_a_channel_costs_that_part() -> None:
    found = explain(EFFICIENTNET_B0, Multipliers(width=1.1), Rounding(), PAPER_COEFFICIENTS)
    # 35.2 channels of the stem become 32; what it reads is never widened.
    assert only("stem", lambda row: row.by_channels, found) == NEAR(32 / 35.2, rel=FINE)
    # 352 and 1408 are whole: only what the first stages have is rounded.
    assert only("head", lambda row: row.by_channels, found) == NEAR(1, rel=FINE)


def test_a_map_costs_its_pixels() -> None:
    base = replace(EFFICIENTNET_B0, resolution=64)
    found = explain(base, Multipliers(resolution=65 / 64), Rounding(), PAPER_COEFFICIENTS)
    # 32 x 65 / 64 = 32.5 is 33 as built.
    assert only("stem", lambda row: row.by_maps, found) == NEAR((33 / 32.5) ** 2)
    assert parts(found)["input"] == NEAR(1)
    rough = explain(
        base, Multipliers(resolution=65 / 64), Rounding(resolution_multiple=32), PAPER_COEFFICIENTS
    )
    assert parts(rough)["input"] == NEAR((64 / 65) ** 2, rel=0.01)


def test_a_bottlenecks_output_is_four_times_what_is_rounded_inside() -> None:
    found = by_name(explain(RESNET_50, Multipliers(width=1.1), Rounding(), PAPER_COEFFICIENTS))
    assert (found["stage1"].channels_exact, found["stage1"].channels) == (NEAR(281.6), 4 * 72)


def test_an_oblong_input() -> None:
    base = replace(EFFICIENTNET_LITE0, resolution=64, resolution_width=96)
    found = explain(base, Multipliers(resolution=1.1), Rounding(), PAPER_COEFFICIENTS)
    stem = by_name(found)["stem"]
    assert (stem.map_exact, stem.map) == (NEAR((35.2, 52.8)), (35, 53))


networks = st.sampled_from(list(NETWORKS))
factors = st.floats(0.3, 3)


@given(
    networks,
    factors,
    factors,
    st.floats(0.8, 2),
    st.sampled_from(["ceil", "round", "floor"]),
    st.integers(1, 8),
)
@settings(max_examples=25, deadline=None)
def test_whatever_is_scaled_however_the_parts_make_the_whole(
    name: str, depth: float, width: float, resolution: float, repeats_rule: str, divisor: int
) -> None:
    base: ArchSpec = replace(NETWORKS[name], resolution=64)
    rounding = Rounding(repeats_rule=repeats_rule, channel_divisor=divisor)
    multipliers = Multipliers(depth=depth, width=width, resolution=resolution)
    found = explain(base, multipliers, rounding, PAPER_COEFFICIENTS)
    assert found.arch == scale(base, multipliers, rounding)
    assert [row.macs for row in found.rows] == [row.macs for row in rows(found.arch)]
    assert found.nominal_ratio * math.prod(parts(found).values()) == NEAR(found.realised_ratio, rel=1e-9)
    # However rounded, a row costs no less than nothing, and what was rounded up costs no less than asked.
    for row in found.rows:
        assert row.by_repeats > 0
        assert (row.by_repeats >= 1 - 1e-9) == (row.repeats >= row.repeats_exact - 1e-9)
        assert row.by_maps > 0
