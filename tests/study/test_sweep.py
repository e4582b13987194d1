from __future__ import annotations

from pathlib import Path

import pytest

from scalesearch.commands.fidelity.run import spread
from scalesearch.commands.sweep.run import BUDGETS, ROLES, SweepSettings, plan_sweep
from scalesearch.networks.matching import closed_form
from scalesearch.runs.lifecycle import default_folder
from scalesearch.training.dataset import DataSize

SIZE = DataSize(classes=18, train_images=3600)


@pytest.mark.parametrize("kind", BUDGETS)
def test_at_each_budget_every_role_spends_the_same(kind: str) -> None:
    settings = SweepSettings(match=kind)
    plan = plan_sweep(settings, SIZE)
    stands_for = [(p.record.phi, role) for p in plan.chosen for role in p.record.roles]
    assert sorted(stands_for) == sorted(
        [(0.0, "baseline"), *((phi, role) for phi in (0.5, 1.0, 2.0) for role in ROLES)]
    )
    assert len({p.arch.key for p in plan.chosen}) == len(plan.chosen)
    base = closed_form(settings.proxy_baseline(18), kind, batch_size=32)
    for planned in plan.chosen[1:]:
        record = planned.record
        if (kind, record.roles[-1]) == ("params", "resolution"):
            continue  # resolution moves no parameter: width alone can meet this budget
        cost = closed_form(planned.arch, kind, batch_size=32)
        assert cost == pytest.approx(base * 2**record.phi, rel=0.03 if kind == "macs" else 0.04)
        assert record.budget is not None
        assert (record.budget.kind, record.budget.value) == (kind, cost)
    assert len({p.record.key for p in plan.chosen}) == len(plan.chosen) == len(plan.order)


def test_a_role_scales_its_own_dimension_but_for_a_hair_of_width() -> None:
    plan = plan_sweep(SweepSettings(phis=(1.0, 2.0)), SIZE)
    for planned in plan.chosen[1:]:
        record = planned.record
        moved = {"depth": record.depth, "width": record.width, "resolution": record.resolution_multiplier}
        if record.role in moved:
            assert moved.pop(record.role) > 1.15
            for name, multiplier in moved.items():
                assert multiplier == pytest.approx(1, abs=0.11 if name == "width" else 0)
        else:
            assert record.depth > 1
            assert record.width > 1
    assert plan.chosen[0].record.key == plan.base.key
    assert (plan.chosen[0].record.depth, plan.chosen[0].record.macs_ratio) == (1, 1)


def test_roles_that_round_to_one_network_share_it() -> None:
    plan = plan_sweep(SweepSettings(phis=(0.5, 0.51)), SIZE)
    assert [(p.record.phi, p.record.role, len(p.record.merged)) for p in plan.chosen] == [
        (0.0, "baseline", 1),
        (0.5, "depth, compound, fast", 3),
        (0.5, "width", 1),
        (0.5, "resolution", 1),
        (0.51, "depth, compound, fast", 3),
        (0.51, "width", 1),
    ]
    assert plan.chosen[1].record.roles == ("depth", "compound", "fast")
    assert len({p.arch.key for p in plan.chosen}) == len(plan.chosen)
    (again,) = plan.skipped  # of another budget: each row has one
    assert (again.role, again.phi) == ("resolution", 0.51)
    assert again.reason == "the same network as resolution at phi 0.5, trained once"
    assert set(plan.order) == {p.record.key for p in plan.chosen} | {again.key}


def test_budgets_at_which_all_roles_are_one_network_are_refused() -> None:
    with pytest.raises(ValueError) as caught:
        plan_sweep(SweepSettings(phis=(0.01, 0.012)), SIZE)
    assert str(caught.value) == (
        "`phi` must hold a budget at which depth, width, resolution, compound, fast are different networks, got "
        "0.01, 0.012, where all round to one; a larger budget (--phi 1) or a larger baseline (--baseline-width, "
        "--baseline-resolution) tells them apart"
    )
    # A single way is no comparison, and one budget that tells is enough.
    assert plan_sweep(SweepSettings(phis=(0.1,), roles=("depth",)), SIZE).chosen[1].record.role == "depth"
    assert len(plan_sweep(SweepSettings(phis=(0.01, 1.0)), SIZE).chosen) > 4


def test_networks_of_a_sweep_can_be_spread_though_they_have_keys_of_their_own() -> None:
    chosen = plan_sweep(SweepSettings(), SIZE).chosen
    some = spread(chosen, 4)
    assert len({planned.record.key for planned in some}) == 4
    assert all(planned in chosen for planned in some)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"match": "latency"}, "`match` must be one of macs, params, activations, memory, got 'latency'"),
        ({"phis": (0.0, 1.0)}, "`phi` must hold budgets other than 0, the baseline's, got 0, 1"),
        ({"phis": ()}, "`phi` must hold budgets other than 0, the baseline's, got none"),
        (
            {"alpha": 1.0, "beta": 1.0, "gamma": 1.0},
            "`alpha`, `beta` and `gamma` must hold one above 1, got 1, 1 and 1",
        ),
    ],
)
def test_a_wrong_setting_is_refused_by_name(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        SweepSettings(**change)
    assert str(caught.value) == message


def test_a_sweep_of_other_budgets_goes_to_another_folder() -> None:
    assert default_folder("sweep", SweepSettings()) == Path("reports/sweep-efficientnet-b0-phi0.5-2")
    assert default_folder("sweep", SweepSettings(phis=(1.0,))) == Path("reports/sweep-efficientnet-b0-phi1")
