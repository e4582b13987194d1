from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalesearch.networks.baselines import EFFICIENTNET_B0
from scalesearch.networks.cost import training_bytes
from scalesearch.networks.matching import (
    BUDGETS,
    BudgetKind,
    Dimension,
    UnreachableError,
    closed_form,
    match,
    require_movable,
)
from scalesearch.networks.scaled import compound, scale
from scalesearch.networks.spec import ArchSpec, Rounding
from scalesearch.scaling import Coefficients, Multipliers, one_dial

FINE = Rounding(channel_divisor=2)
BASE = replace(scale(EFFICIENTNET_B0, Multipliers(width=0.25), FINE, resolution=48), classes=18)
PAPER = Coefficients(alpha=1.2, beta=1.1, gamma=1.15)
CLOSED: list[BudgetKind] = ["macs", "params", "activations", "memory"]

coefficients = st.builds(Coefficients, alpha=st.floats(1, 2), beta=st.floats(1, 1.4), gamma=st.floats(1, 1.4))


def macs(arch: ArchSpec) -> float:
    return closed_form(arch, "macs")


def rows(arch: ArchSpec) -> list[tuple[int, int]]:
    return [(stage.repeats, stage.channels) for stage in arch.stages]


@pytest.mark.parametrize("kind", ["macs", "activations", "memory"])
@pytest.mark.parametrize("multiple", [1, 16])
@given(rule=coefficients, phi=st.sampled_from([-1, 0.5, 1, 2]))
@settings(max_examples=6, deadline=None)
def test_no_resolution_is_nearer(kind: BudgetKind, multiple: int, rule: Coefficients, phi: float) -> None:
    def cost(arch: ArchSpec) -> float:
        return closed_form(arch, kind)

    rounding = replace(FINE, resolution_multiple=multiple)
    target = cost(BASE) * 2**phi
    try:
        found = match(BASE, rule, phi, rounding, by="resolution", target=target, cost=cost)
    except UnreachableError as error:
        found = error.nearest
    others = [replace(found.arch, resolution=pixels) for pixels in range(multiple, 257, multiple)]
    assert found.arch.resolution % multiple == 0
    assert abs(found.residual) == min(abs(cost(other) / target - 1) for other in others)


@pytest.mark.parametrize("kind", CLOSED)
@given(rule=coefficients, phi=st.sampled_from([-1, 0.5, 1]))
@settings(max_examples=3, deadline=None)
def test_no_width_is_nearer(kind: BudgetKind, rule: Coefficients, phi: float) -> None:
    def cost(arch: ArchSpec) -> float:
        return closed_form(arch, kind)

    target = cost(BASE) * 2**phi
    found = match(BASE, rule, phi, FINE, by="width", target=target, cost=cost)
    every = {
        scale(BASE, replace(found.multipliers, width=found.multipliers.width + step / 2000), FINE)
        for step in range(-100, 100)
    }
    assert abs(found.residual) <= min(abs(cost(other) / target - 1) for other in every)


@given(rule=coefficients, phi=st.sampled_from([-1, 0.5, 1, 2]))
@settings(max_examples=10, deadline=None)
def test_no_depth_is_nearer(rule: Coefficients, phi: float) -> None:
    target = macs(BASE) * 2**phi
    try:
        found = match(BASE, rule, phi, FINE, by="depth", target=target, cost=macs)
    except UnreachableError as error:
        found = error.nearest
    # B0 has rows of 1, 2, 3 and 4 repeats: a multiplier changes one of them at twelfths alone.
    every = {
        scale(BASE, replace(found.multipliers, depth=twelfths / 12), FINE) for twelfths in range(1, 12 * 12)
    }
    assert abs(found.residual) == min(abs(macs(other) / target - 1) for other in every)


@pytest.mark.parametrize("by", ["resolution", "width", "depth", ("resolution", "width")])
@pytest.mark.parametrize("phi", [-2, -1, 0.5, 1])
def test_a_match_says_how_it_is_made_and_how_near_it_is(
    by: Dimension | tuple[Dimension, ...], phi: float
) -> None:
    target = macs(BASE) * 2**phi
    try:
        found = match(BASE, PAPER, phi, FINE, by=by, target=target, cost=macs)
    except UnreachableError as error:
        found = error.nearest
    assert scale(BASE, found.multipliers, FINE) == found.arch
    assert found.value == macs(found.arch)
    assert found.residual == pytest.approx(found.value / target - 1)


@pytest.mark.parametrize("phi", [-2, -1, 0.5, 1])
def test_the_other_dimensions_stay_as_the_rule_makes_them(phi: float) -> None:
    target = macs(BASE) * 2**phi
    ruled = compound(BASE, PAPER, phi, FINE)
    by_resolution = match(BASE, PAPER, phi, FINE, by="resolution", target=target, cost=macs).arch
    by_width = match(BASE, PAPER, phi, FINE, by="width", target=target, cost=macs).arch
    assert by_resolution == replace(ruled, resolution=by_resolution.resolution)
    assert by_width.resolution == ruled.resolution
    assert [repeats for repeats, _ in rows(by_width)] == [repeats for repeats, _ in rows(ruled)]


@pytest.mark.parametrize("phi", [-2, -1, 0.5, 1, 2.5])
def test_b0_at_full_size_meets_any_budget_closely(phi: float) -> None:
    """Matching by resolution alone is 8% off at phi -1, where it meets a multiple of 32."""
    target = macs(EFFICIENTNET_B0) * 2**phi
    by: tuple[Dimension, ...] = ("resolution", "width")
    found = match(EFFICIENTNET_B0, PAPER, phi, Rounding(), by=by, target=target, cost=macs)
    assert abs(found.residual) < 0.01
    assert min(repeats for repeats, _ in rows(found.arch)) >= 1


def test_phi_0_is_the_base_itself() -> None:
    for by in ("resolution", "width"):
        found = match(BASE, PAPER, 0, FINE, by=by, target=macs(BASE), cost=macs)
        assert (found.arch, found.residual) == (BASE, 0)


def test_an_odd_resolution_gives_way_to_the_even_one_that_costs_as_much() -> None:
    target = macs(replace(BASE, resolution=33))
    assert target == macs(replace(BASE, resolution=34))
    found = match(BASE, PAPER, 0, FINE, by="resolution", target=target, cost=macs)
    assert (found.arch.resolution, found.residual) == (34, 0)


def test_a_second_dimension_takes_up_what_the_first_left() -> None:
    """From 64 to 65 px all maps of the network grow by a pixel at once: no resolution comes within 10%."""
    cost = [macs(replace(BASE, resolution=pixels)) for pixels in (64, 65)]
    target = sum(cost) / 2
    alone = match(BASE, PAPER, 0, FINE, by="resolution", target=target, cost=macs)
    both = match(BASE, PAPER, 0, FINE, by=("resolution", "width"), target=target, cost=macs)
    assert abs(alone.residual) > 0.1
    assert abs(both.residual) < 0.03
    assert both.arch.resolution == alone.arch.resolution


def test_a_second_dimension_may_reach_what_the_first_cannot() -> None:
    target = macs(BASE) / 8
    with pytest.raises(UnreachableError):
        match(BASE, PAPER, 0, FINE, by="depth", target=target, cost=macs)
    found = match(BASE, PAPER, 0, FINE, by=("depth", "width"), target=target, cost=macs)
    assert {repeats for repeats, _ in rows(found.arch)} == {1}
    assert abs(found.residual) < 0.15


@pytest.mark.parametrize(
    ("kind", "by"),
    [
        (kind, by)
        for kind in CLOSED
        for by in ("resolution", "width", "depth")
        if (kind, by) != ("params", "resolution")
    ],
)
@pytest.mark.parametrize("share", [0.0, 0.8, 1.0])
def test_few_networks_are_counted(kind: BudgetKind, by: Dimension, share: float) -> None:
    asked: list[ArchSpec] = []

    def cost(arch: ArchSpec) -> float:
        asked.append(arch)
        return closed_form(arch, kind)

    target = 2 * closed_form(BASE, kind)
    match(BASE, one_dial(share).coefficients, 1, FINE, by=by, target=target, cost=cost)
    assert len(asked) == len(set(asked)) <= 15


def test_a_target_below_one_pixel_carries_the_nearest() -> None:
    with pytest.raises(UnreachableError) as error:
        match(BASE, PAPER, 1, FINE, by="resolution", target=100, cost=macs)
    nearest = error.value.nearest
    assert nearest.arch.resolution == 1
    assert str(error.value) == (
        f"`target` must be at least {nearest.value:.6g} where resolution is matched, got 100: "
        "no network of less resolution can be built"
    )


def test_a_target_beyond_all_that_can_be_built_carries_the_nearest() -> None:
    with pytest.raises(UnreachableError) as error:
        match(BASE, PAPER, 1, FINE, by="depth", target=1e18, cost=macs)
    nearest = error.value.nearest
    assert max(repeats for repeats, _ in rows(nearest.arch)) == 1000
    assert str(error.value) == (
        f"`target` must be at most {nearest.value:.6g} where depth is matched, got 1e+18: "
        "no network of more depth can be built"
    )


@pytest.mark.parametrize("ratio", [0.5, 1, 2])
def test_params_are_not_matched_by_resolution(ratio: float) -> None:
    params = closed_form(BASE, "params")
    with pytest.raises(
        ValueError, match=r"^`match_by` must name dimensions that change the cost, got resolut"
    ):
        match(
            BASE,
            PAPER,
            0,
            FINE,
            by="resolution",
            target=ratio * params,
            cost=lambda arch: closed_form(arch, "params"),
        )


def test_what_moves_a_budget() -> None:
    for kind in BUDGETS:
        require_movable("width", kind)
        require_movable(("depth", "width"), kind)
        if kind != "params":
            require_movable(("resolution", "width"), kind)
    with pytest.raises(ValueError) as error:
        require_movable(("resolution", "width"), "params")
    assert str(error.value) == (
        "`match_by` must be width or depth for params: they are the same at any resolution, got resolution,width"
    )


@pytest.mark.parametrize(
    ("by", "shown"), [((), "none"), (("width", "width"), "width,width"), ("height", "height")]
)
def test_bad_dimensions(by: tuple[Dimension, ...], shown: str) -> None:
    message = f"`match_by` must be one or more of resolution, width, depth, each once, got {shown}"
    with pytest.raises(ValueError) as error:
        require_movable(by, "macs")
    assert str(error.value) == message
    with pytest.raises(ValueError) as error:
        match(BASE, PAPER, 1, FINE, by=by, target=1e6, cost=macs)
    assert str(error.value) == message


@pytest.mark.parametrize("target", [0, -1, math.nan, math.inf])
def test_bad_target(target: float) -> None:
    with pytest.raises(ValueError) as error:
        match(BASE, PAPER, 1, FINE, by="width", target=target, cost=macs)
    assert str(error.value) == f"`target` must be a finite number > 0, got {target}"


def test_phi_that_makes_no_network_of_the_other_dimensions() -> None:
    with pytest.raises(ValueError) as error:
        match(BASE, PAPER, -60, FINE, by="width", target=1e6, cost=macs)
    assert str(error.value) == (
        "`phi` must make a network that can be built, got -60: "
        "resolution must leave at least 1 pixel, got 48 px x 0.0002281 rounded to a multiple of 1"
    )


def test_closed_forms_of_b0() -> None:
    """The published counts of EfficientNet-B0, and the bytes of memory.py."""
    assert closed_form(EFFICIENTNET_B0, "params") == 5_288_548
    assert closed_form(EFFICIENTNET_B0, "macs") == 385_814_752
    assert closed_form(EFFICIENTNET_B0, "activations") == 6_748_036
    assert closed_form(EFFICIENTNET_B0, "memory", batch_size=8) == training_bytes(EFFICIENTNET_B0, 8)


def test_latency_has_no_closed_form() -> None:
    with pytest.raises(ValueError) as error:
        closed_form(BASE, "latency")
    assert str(error.value) == (
        "`kind` must be macs, params, activations or memory for a closed form, got 'latency': "
        "a latency has to be measured on the machine"
    )


def test_unknown_budget() -> None:
    with pytest.raises(ValueError) as error:
        closed_form(BASE, "flops")
    assert str(error.value) == (
        "`kind` must be one of macs, params, activations, memory, latency, got 'flops'"
    )
