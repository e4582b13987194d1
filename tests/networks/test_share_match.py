"""Networks of equal cost in the shares that coefficients ask for."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import product

import pytest

from scalesearch.networks.baselines import BASELINES, EFFICIENTNET_B0
from scalesearch.networks.cost import count
from scalesearch.networks.matching import (
    MOST_COST_OFF,
    MOST_POINTS_OFF,
    InShares,
    ShareMatcher,
    shape_of,
    with_repeats,
)
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import ArchSpec, Rounding
from scalesearch.scaling import Coefficients, Multipliers, shares_of
from scalesearch.study.grid_plan import GridSettings
from scalesearch.study.points import feasible

TRIPLES = [Coefficients(alpha=a, beta=b, gamma=g) for a, b, g in feasible(GridSettings().grid).tolist()]
# Half the blocks, or the pixels, of a small network cannot always be had: a stage keeps its first block.
SHRUNK = {"mobilenet-v4-conv-small": 0.45, "resnet-18": 0.75}
QUICK = ("efficientnet-b0", "mobilenet-v1")


def proxy(name: str, **settings: object) -> ArchSpec:
    base = GridSettings(baseline=name, **settings).proxy_baseline(18)  # type: ignore[arg-type]
    assert isinstance(base, ArchSpec)
    return base


def matcher(name: str = "efficientnet-b0", **settings: object) -> ShareMatcher:
    return ShareMatcher(proxy(name, **settings), GridSettings().proxy_rounding)


@pytest.mark.parametrize("phi", [1, 2, -1])
@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in BASELINES]
)
def test_nine_in_ten_of_the_default_grid_are_built_as_asked(name: str, phi: float) -> None:
    matching = matcher(name)
    base = matching.base
    networks = [matching.nearest(coefficients, phi) for coefficients in TRIPLES]
    met = 0
    for coefficients, network in zip(TRIPLES, networks, strict=True):
        # Counted again from the networks alone.
        ratio = count(network.arch).macs / count(base).macs
        asked = shares_of(coefficients)
        nominal = (asked.depth, asked.width, asked.resolution)
        off = max(abs(a - b) for a, b in zip(shape_of(network.arch, base).shares, nominal, strict=True))
        assert network.residual == pytest.approx(ratio / 2**phi - 1)
        assert network.points_off == pytest.approx(off, abs=1e-9)
        met += off <= MOST_POINTS_OFF and abs(ratio / 2**phi - 1) <= MOST_COST_OFF
        assert bool(network.missed) == (off > MOST_POINTS_OFF or abs(ratio / 2**phi - 1) > MOST_COST_OFF)
        assert_beyond(network.arch, base, phi)
    assert met / len(TRIPLES) >= (0.9 if phi > 0 else SHRUNK.get(name, 0.8))


def assert_beyond(arch: ArchSpec, base: ArchSpec, phi: float) -> None:
    """No dimension is below the baseline's where phi grows it, nor above where it shrinks it."""

    def sizes(of: ArchSpec) -> tuple[int, ...]:
        stages = [n for stage in of.stages for n in (stage.repeats, stage.channels)]
        return (*stages, of.stem_channels, of.head_channels, *of.input_size)

    for scaled, before in zip(sizes(arch), sizes(base), strict=True):
        assert scaled >= before if phi > 0 else scaled <= before


def test_the_same_is_found_in_any_order_and_again() -> None:
    some = TRIPLES[::9]

    def keys(matching: ShareMatcher, triples: list[Coefficients]) -> dict[Coefficients, str]:
        return {c: matching.nearest(c, 1).arch.key for c in triples}

    first = keys(matcher(), some)
    assert keys(matcher(), some[::-1]) == first
    assert {c: matcher().nearest(c, 1).arch.key for c in some[:3]}.items() <= first.items()


def test_the_papers_answer_is_built_as_it_says_where_rounding_up_gives_depth_half() -> None:
    paper, base = Coefficients(alpha=1.2, beta=1.1, gamma=1.15), proxy("efficientnet-b0")
    rounded = scale(base, paper.at(1), Rounding())
    assert rounded.blocks == 23
    network = matcher().nearest(paper, 1)
    asked = shares_of(paper)
    assert network.shape.shares == pytest.approx((asked.depth, asked.width, asked.resolution), abs=0.03)
    assert 16 < network.arch.blocks < 23
    assert network.missed == ""


@pytest.mark.parametrize("coefficients", TRIPLES[::20], ids=str)
def test_the_network_is_what_the_multipliers_and_the_blocks_make(coefficients: Coefficients) -> None:
    base = proxy("efficientnet-b0")
    network = matcher().nearest(coefficients, 1)
    repeats = [stage.repeats for stage in network.arch.stages]
    again = scale(base, replace(network.multipliers, depth=1.0), GridSettings().proxy_rounding)
    assert with_repeats(again, repeats) == network.arch
    assert network.multipliers.depth == pytest.approx(sum(repeats) / base.blocks)


def test_of_depths_that_cost_alike_the_most_even_is_taken() -> None:
    # Blocks that all cost the same: three in each stage are as dear as six in one and two in the others.
    stage = replace(EFFICIENTNET_B0.stages[1], stride=1, channels=8, repeats=2)
    base = replace(proxy("efficientnet-b0"), stem_channels=8, head_channels=8, stages=(stage,) * 4)
    phi = math.log2(count(with_repeats(base, (3,) * 4)).macs / count(base).macs)
    network = ShareMatcher(base, Rounding(channel_divisor=1)).nearest(
        Coefficients(alpha=2, beta=1, gamma=1), phi
    )
    assert [stage.repeats for stage in network.arch.stages] == [3, 3, 3, 3]


def every_network(
    base: ArchSpec, rounding: Rounding
) -> list[tuple[ArchSpec, tuple[float, float, float], float]]:
    """Every network of up to three times the blocks, 1.6 times the width and the pixels, of double the cost."""
    found = []
    cost = count(base).macs
    widths = dict.fromkeys(scale(base, Multipliers(width=1 + k / 64), rounding) for k in range(40))
    for wide, pixels in product(widths, range(base.resolution, 8 * base.resolution // 5)):
        for repeats in product(*(range(s.repeats, 3 * s.repeats + 1) for s in base.stages)):
            arch = with_repeats(replace(wide, resolution=pixels), repeats)
            residual = count(arch).macs / cost / 2 - 1
            if abs(residual) <= MOST_COST_OFF:
                found.append((arch, shape_of(arch, base).shares, residual))
    return found


def test_none_of_all_networks_is_nearer_by_more_than_a_point() -> None:
    base = replace(
        EFFICIENTNET_B0,
        stem_channels=8,
        stages=tuple(replace(EFFICIENTNET_B0.stages[k], channels=16, repeats=1) for k in (1, 3)),
        head_channels=32,
        resolution=16,
        classes=2,
    )
    rounding = Rounding(channel_divisor=1)
    networks = every_network(base, rounding)
    for coefficients in TRIPLES[::12]:
        asked = shares_of(coefficients)
        nominal = (asked.depth, asked.width, asked.resolution)
        best = min(max(abs(a - b) for a, b in zip(shares, nominal, strict=True)) for _, shares, _ in networks)
        assert ShareMatcher(base, rounding).nearest(coefficients, 1).points_off <= best + 0.01


def test_what_cannot_be_had_is_the_nearest_at_equal_cost_and_says_what_was_missed() -> None:
    # From 64 to 65 px all maps of EfficientNet-B0 grow at once, by 62% of the cost.
    network = matcher(baseline_resolution=64).nearest(Coefficients(alpha=1, beta=1, gamma=1.4), 1)
    assert abs(network.residual) <= MOST_COST_OFF
    assert network.points_off > MOST_POINTS_OFF
    assert network.missed == f"{100 * network.points_off:.1f} points of share"
    assert network.arch.resolution >= 64
    # One block a stage, and none of them scaled: depth cannot be had at all.
    stages = tuple(replace(stage, repeats=1, scaled_repeats=False) for stage in EFFICIENTNET_B0.stages)
    fixed = ShareMatcher(replace(proxy("efficientnet-b0"), stages=stages), Rounding(channel_divisor=1))
    assert fixed.nearest(Coefficients(alpha=2, beta=1, gamma=1), 1).arch.blocks == 7


def test_oblong_inputs_and_fixed_rows_keep_their_form() -> None:
    base = replace(proxy("efficientnet-lite0"), resolution=40, resolution_width=60)
    matching = ShareMatcher(base, Rounding(channel_divisor=1))
    for coefficients in TRIPLES[::10]:
        arch = matching.nearest(coefficients, 1).arch
        assert arch.stem_channels == base.stem_channels
        assert arch.stages[0].repeats == arch.stages[-1].repeats == 1
        height, width = arch.input_size
        assert width / height == pytest.approx(1.5, abs=0.04)


@pytest.mark.parametrize("phi", [0.25, 0.1, -0.25, 3, 6])
def test_any_phi_spends_its_cost(phi: float) -> None:
    matching = matcher()
    for coefficients in TRIPLES[::25]:
        network = matching.nearest(coefficients, phi)
        assert abs(network.residual) <= 0.05
        assert_beyond(network.arch, matching.base, phi)


def test_nothing_to_share_is_refused() -> None:
    with pytest.raises(ValueError, match="`phi` must be another than 0"):
        matcher().nearest(TRIPLES[0], 0)
    with pytest.raises(ValueError, match="`coefficients` must hold one above 1"):
        matcher().nearest(Coefficients(alpha=1, beta=1, gamma=1), 1)


def test_words_for_what_was_missed() -> None:
    good = matcher().nearest(Coefficients(alpha=1.2, beta=1.1, gamma=1.15), 1)
    words: Callable[[InShares], str] = lambda network: network.missed  # noqa: E731
    assert words(replace(good, points_off=0.0731, residual=0.0312)) == "7.3 points of share, +3.1% of cost"
    assert words(replace(good, residual=-0.03)) == "-3.0% of cost"
    assert math.isfinite(good.points_off)
