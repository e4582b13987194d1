from __future__ import annotations

import tomllib

import pytest
import tomli_w

from scalesearch.search.plan import plan_grid
from scalesearch.search.settings import GridSettings, differences


def test_settings_survive_toml() -> None:
    for settings in (GridSettings(images=64), GridSettings(epochs=2.0, phi=-0.5, anchor="none")):
        text = tomli_w.dumps(settings.to_dict())
        assert GridSettings.from_dict(tomllib.loads(text)) == settings


def test_differences_leave_out_what_changes_no_result() -> None:
    there = GridSettings(jobs=1, seed=1).to_dict()
    asked = GridSettings(jobs=2, seed=2).to_dict()
    assert differences(there, asked) == ["seed: 1 there, 2 asked"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"baseline": "vgg"}, "`baseline` must be one of efficientnet-b0, got 'vgg'"),
        ({"recipe": "slow"}, "`recipe` must be one of quick, paper, got 'slow'"),
        ({"phi": float("nan")}, "`phi` must be a finite number, got nan"),
        ({"baseline_width": 0.0}, "`baseline_width` must be a finite number > 0, got 0.0"),
        ({"jobs": 0}, "`jobs` must be >= 1, got 0"),
        ({"images": 8}, "`images` must be at least one batch of 32, got 8"),
        (
            {"anchor": "1.2,1.1"},
            "`anchor` must be three numbers >= 1 such as 1.2,1.1,1.15, or none, got '1.2,1.1'",
        ),
        ({"tolerance": -1.0}, "`tolerance` must be a finite number >= 0, got -1.0"),
        ({"repeats_rule": "up"}, "`repeats_rule` must be one of ceil, round, floor, got 'up'"),
    ],
)
def test_a_wrong_setting_is_refused_by_name(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        GridSettings(**change)  # type: ignore[arg-type]
    assert str(caught.value) == message


def test_the_default_plan_trains_the_papers_answer_and_the_three_corners() -> None:
    plan = plan_grid(GridSettings(), classes=18)
    first = [(c.alpha, c.beta, c.gamma) for c in plan.chosen[:4]]
    assert first[0] == (1.2, 1.1, 1.15)
    assert (2.0, 1.0, 1.0) in first
    assert len(plan.chosen) + len(plan.skipped) == len(plan.order)
    assert sum(len(c.merged) for c in (*plan.chosen, *plan.skipped)) == plan.feasible == 108
    assert f"{len(plan.chosen)} of {len(plan.order)} distinct networks are trained" in plan.thinning


def test_every_planned_network_meets_the_constraint_and_carries_both_ratios() -> None:
    plan = plan_grid(GridSettings(max_networks=0), classes=18)
    assert plan.skipped == ()
    assert plan.thinning == ""
    for candidate in plan.chosen:
        assert abs(candidate.product - 2) <= 0.1
        assert all(abs(a * b**2 * g**2 - 2) <= 0.1 + 1e-12 for a, b, g in candidate.merged)
        assert candidate.nominal_ratio == pytest.approx(candidate.product)
        assert candidate.macs_ratio > 1
        assert candidate.full_macs_ratio > 1


def test_the_full_size_cost_is_the_known_one() -> None:
    plan = plan_grid(GridSettings(), classes=18)
    paper = plan.chosen[0]
    assert paper.full_macs_ratio == pytest.approx(2.57, abs=0.005)


def test_a_fractional_phi_scales_by_its_power() -> None:
    plan = plan_grid(GridSettings(phi=0.5), classes=18)
    paper = plan.chosen[0]
    assert paper.depth == pytest.approx(1.2**0.5)
    assert paper.nominal_ratio == pytest.approx(1.92027**0.5, abs=1e-4)
