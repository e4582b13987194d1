"""What a grid makes of its settings: which networks, held or repaired to which cost."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest

from scalesearch.errors import EmptyGridError
from scalesearch.networks.cost import count, inference_bytes, training_bytes
from scalesearch.networks.matching import closed_form, shape_of, with_repeats
from scalesearch.networks.scaled import compound, scale
from scalesearch.networks.spec import ArchSpec
from scalesearch.networks.user_network import code_baseline
from scalesearch.scaling import Coefficients, Multipliers, shares_of
from scalesearch.study.budget import EqualCost
from scalesearch.study.grid_plan import GridSettings, plan_grid
from scalesearch.training.dataset import DataSize

SIZE = DataSize(classes=18, train_images=3600)
COARSE = GridSettings(step=0.25, tolerance=0.3, max_networks=0, match="none")
NOMINAL = GridSettings(match="none")


def test_the_default_plan_trains_the_papers_answer_and_the_three_corners() -> None:
    plan = plan_grid(GridSettings(), SIZE)
    first = [(p.record.alpha, p.record.beta, p.record.gamma) for p in plan.chosen[:4]]
    assert first[0] == (1.2, 1.1, 1.15)
    assert (2.0, 1.0, 1.0) in first
    assert len(plan.chosen) + len(plan.skipped) == len(plan.order)
    assert (
        sum(len(c.merged) for c in (*(p.record for p in plan.chosen), *plan.skipped)) == plan.feasible == 109
    )
    assert f"{len(plan.chosen)} of {len(plan.order)} distinct networks are trained" in plan.thinning


def test_every_planned_network_meets_the_constraint_and_carries_both_ratios() -> None:
    plan = plan_grid(replace(NOMINAL, max_networks=0), SIZE)
    assert plan.skipped == ()
    assert plan.thinning == ""
    for candidate in (planned.record for planned in plan.chosen):
        assert abs(candidate.product - 2) <= 0.1
        assert all(abs(a * b**2 * g**2 - 2) <= 0.1 + 1e-12 for a, b, g in candidate.merged)
        assert candidate.nominal_ratio == pytest.approx(candidate.product)
        assert candidate.macs_ratio > 1
        assert candidate.full_macs_ratio > 1


def test_the_full_size_cost_is_the_known_one() -> None:
    plan = plan_grid(NOMINAL, SIZE)
    paper = plan.chosen[0].record
    assert paper.full_macs_ratio == pytest.approx(2.57, abs=0.005)


def test_a_fractional_phi_scales_by_its_power() -> None:
    plan = plan_grid(replace(NOMINAL, phi=0.5), SIZE)
    paper = plan.chosen[0].record
    assert paper.depth == pytest.approx(1.2**0.5)
    assert paper.nominal_ratio == pytest.approx(1.92027**0.5, abs=1e-4)


def test_phi_minus_one_asks_for_half_the_compute() -> None:
    plan = plan_grid(replace(COARSE, phi=-1.0, match="macs"), SIZE)
    macs = [p.record.macs_ratio for p in plan.chosen]
    assert macs == pytest.approx([0.5] * len(macs), rel=0.05)
    paper = plan_grid(replace(NOMINAL, phi=-1.0), SIZE).chosen[0].record
    assert (paper.depth, paper.width) == pytest.approx((1 / 1.2, 1 / 1.1))


@pytest.mark.parametrize("kind", ["macs", "params", "activations", "memory"])
@pytest.mark.parametrize("phi", [-1.0, 0.5, 1.0])
def test_every_matched_network_spends_the_budget(kind: str, phi: float) -> None:
    settings = replace(COARSE, match=kind, phi=phi)
    plan = plan_grid(settings, SIZE)
    base = closed_form(settings.proxy_baseline(18), kind, batch_size=32)
    assert plan.chosen
    for planned in plan.chosen:
        value = closed_form(planned.arch, kind, batch_size=32)
        assert value == pytest.approx(base * 2**phi, rel=0.05)
        budget = planned.record.budget
        assert budget is not None
        assert (budget.kind, budget.value) == (kind, value)
        assert budget.target == pytest.approx(base * 2**phi)
        assert budget.matched_by == {"macs": "shares", "params": "width"}.get(kind, "resolution,width")
        multipliers = Multipliers(
            depth=1 if kind == "macs" else planned.record.depth,
            width=planned.record.width,
            resolution=planned.record.resolution_multiplier,
        )
        full = scale(settings.proxy_baseline(18), multipliers, settings.proxy_rounding)
        assert planned.record.repeats == tuple(stage.repeats for stage in planned.arch.stages)
        assert with_repeats(full, planned.record.repeats) == planned.arch
    keys = [planned.record.key for planned in plan.chosen]
    assert len(set(keys)) == len(keys)
    assert all("cannot be brought nearer than" in c.reason for c in plan.skipped)


def test_resolution_alone_comes_as_near_as_brute_force() -> None:
    settings = replace(COARSE, match="macs", match_by="resolution", budget_tolerance=10.0)
    plan = plan_grid(settings, SIZE)
    base = settings.proxy_baseline(18)
    target = 2 * closed_form(base, "macs")
    for planned in plan.chosen:
        record = planned.record
        others = (
            scale(
                base,
                Multipliers(depth=record.depth, width=record.width, resolution=pixels / base.resolution),
                settings.proxy_rounding,
            )
            for pixels in range(16, 160)
        )
        nearest = min(abs(closed_form(arch, "macs") - target) for arch in others)
        assert abs(record.macs - target) == nearest


def test_a_constraint_on_real_cost_keeps_exactly_the_networks_within_it() -> None:
    settings = replace(COARSE, constraint="macs", budget_tolerance=0.1)
    plan = plan_grid(settings, SIZE)
    base = settings.proxy_baseline(18)
    steps = [1.0, 1.25, 1.5]
    points = [(a, b, g) for a in (*steps, 1.75, 2.0) for b in steps for g in steps]
    near = set()
    for a, b, g in points:
        arch = compound(base, Coefficients(alpha=a, beta=b, gamma=g), 1.0, settings.proxy_rounding)
        if abs(closed_form(arch, "macs") / closed_form(base, "macs") - 2) <= 0.2:
            near.add(arch.key)
    assert {planned.record.key for planned in plan.chosen} == near
    assert {planned.record.budget.matched_by for planned in plan.chosen if planned.record.budget} == {""}


@pytest.mark.parametrize("option", ["constraint", "match"])
@pytest.mark.parametrize("phi", [0.3, 0.7, 1.0])
def test_the_suggested_tolerance_admits_a_network(option: str, phi: float) -> None:
    changes = {option: "macs", "budget_tolerance": 0.0, "phi": phi}
    if option == "match":
        changes["match_by"] = "depth"
    settings = replace(COARSE, **changes)
    with pytest.raises(EmptyGridError) as caught:
        plan_grid(settings, SIZE)
    message = str(caught.value)
    assert message.startswith(
        "`budget_tolerance` must admit at least one network, got 0: none has macs within"
    )
    suggested = re.search(r"--budget-tolerance (\S+) would admit it$", message)
    assert suggested
    enough = float(suggested[1])
    assert len(plan_grid(replace(settings, budget_tolerance=enough), SIZE).chosen) >= 1
    with pytest.raises(EmptyGridError):
        plan_grid(replace(settings, budget_tolerance=enough * 0.98), SIZE)


@pytest.mark.parametrize("option", ["constraint", "match"])
def test_latency_is_a_budget_like_any_other_once_it_is_measured(option: str) -> None:
    asked: list[str] = []

    def seconds(arch: object) -> float:
        asked.append(arch.key)
        return 1e-9 * closed_form(arch, "activations")

    settings = replace(COARSE, max_networks=2, budget_tolerance=0.3, **{option: "latency"})
    assert settings.measures_cost
    plan = plan_grid(settings, SIZE, seconds)
    base = 1e-9 * closed_form(settings.proxy_baseline(18), "activations")
    assert plan.chosen
    for planned in plan.chosen:
        assert seconds(planned.arch) == pytest.approx(2 * base, rel=0.3)


def test_the_first_rung_says_how_many_networks_are_trained() -> None:
    settings = replace(COARSE, rungs=("5:0.25", "2:1"), seeds=3, images=320)
    plan = plan_grid(settings, SIZE)
    assert len(plan.chosen) == 5
    assert [(rung.images, rung.networks, rung.seeds) for rung in plan.rungs] == [(64, 5, 1), (320, 2, 3)]
    assert "(the first of the rungs 5:0.25, 2:1)" in plan.thinning
    assert len(plan_grid(replace(settings, max_networks=3), SIZE).chosen) == 3


def test_a_cost_without_closed_form_has_to_be_measured() -> None:
    base = COARSE.proxy_baseline(18)
    with pytest.raises(ValueError, match=r"`kind` must be macs, params, activations or memory"):
        EqualCost.of("latency", base, 1.0, tolerance=0.1, batch_size=32)
    measured = EqualCost.of("latency", base, 1.0, tolerance=0.1, batch_size=32, measured=lambda _arch: 3.0)
    assert math.isclose(measured.target, 6.0)


@pytest.mark.parametrize(("recipe", "optimizer"), [("steady", "adamw"), ("paper", "rmsprop")])
def test_every_planned_network_has_its_memory_in_closed_form(recipe: str, optimizer: str) -> None:
    settings = replace(COARSE, recipe=recipe, epochs=1, latency_batch_size=4, batch_size=16, max_networks=2)
    plan = plan_grid(settings, SIZE)
    for planned in plan.chosen:
        assert planned.record.inference_bytes == inference_bytes(planned.arch, 4)
        assert planned.record.training_bytes == training_bytes(planned.arch, 16, optimizer=optimizer)
    assert plan.skipped
    assert all(c.inference_bytes and c.training_bytes for c in plan.skipped)


def test_every_planned_network_says_how_its_growth_was_shared_out_as_built() -> None:
    plan = plan_grid(replace(COARSE, match="params", budget_tolerance=0.01), SIZE)
    for planned in plan.chosen:
        kept, shape = planned.record, shape_of(planned.arch, plan.base)
        shares = (kept.depth_doublings, kept.width_doublings, kept.resolution_doublings)
        assert shares == (shape.depth, shape.width, shape.resolution)
        assert shape.total == pytest.approx(math.log2(kept.macs_ratio))
    (wide,) = (p.record for p in plan.chosen if (p.record.alpha, p.record.gamma) == (1, 1))
    assert wide.split == pytest.approx((0, 1, 0))


def test_the_default_plan_builds_what_its_triples_ask_for() -> None:
    settings = GridSettings(max_networks=0)
    plan = plan_grid(settings, SIZE)
    records = [p.record for p in plan.chosen]
    assert plan.skipped == ()
    assert sum(len(c.merged) for c in records) == plan.feasible == 109
    met = 0
    for planned in plan.chosen:
        record = planned.record
        assert record.budget is not None
        assert record.split is not None
        asked = shares_of(Coefficients(alpha=record.alpha, beta=record.beta, gamma=record.gamma))
        nominal = (asked.depth, asked.width, asked.resolution)
        off = max(abs(a - b) for a, b in zip(record.split, nominal, strict=True))
        missed = off > 0.05 or abs(record.budget.residual) > 0.02
        assert bool(record.budget.missed) == missed
        met += len(record.merged) * (not missed)
        # The full-size twin has the same blocks in each stage.
        full = scale(
            settings.full_baseline,
            Multipliers(width=record.width, resolution=record.resolution_multiplier),
            settings.rounding,
        )
        assert record.repeats is not None
        assert isinstance(full, ArchSpec)
        assert record.full_macs == count(with_repeats(full, record.repeats)).macs
    assert met / plan.feasible >= 0.9


def test_what_is_missed_is_trained_all_the_same_and_told() -> None:
    # At 64 px the cost of EfficientNet-B0 jumps with the next pixel: resolution cannot have all of it.
    plan = plan_grid(GridSettings(max_networks=0, baseline_resolution=64, match="macs"), SIZE)
    missed = [p.record for p in plan.chosen if p.record.budget and p.record.budget.missed]
    assert missed
    assert all("points of share" in r.budget.missed for r in missed if r.budget)
    assert plan.skipped == ()


def test_users_code_is_matched_along_one_dimension_after_another() -> None:
    code = code_baseline("experiments.own_network:build")
    settings = GridSettings(
        baseline=code.name,
        baseline_arch=code,
        baseline_width=1,
        baseline_resolution=32,
        match="macs",
        step=0.5,
        tolerance=0.5,
    )
    plan = plan_grid(settings, SIZE)
    assert {p.record.budget.matched_by for p in plan.chosen if p.record.budget} == {"resolution,width"}
    assert {p.record.repeats for p in plan.chosen} == {None}
    assert all(p.record.split for p in plan.chosen)
