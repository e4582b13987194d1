from __future__ import annotations

import pytest

from scalesearch.commands.fidelity.run import spread
from scalesearch.commands.sweep.run import BUDGETS, ROLES, SweepSettings, plan_sweep
from scalesearch.networks.matching import closed_form
from scalesearch.training.dataset import DataSize

SIZE = DataSize(classes=18, train_images=3600)


@pytest.mark.parametrize("kind", BUDGETS)
def test_at_each_budget_every_role_spends_the_same(kind: str) -> None:
    settings = SweepSettings(match=kind)
    plan = plan_sweep(settings, SIZE)
    assert [(p.record.phi, p.record.role) for p in plan.chosen] == [
        (0.0, "baseline"),
        *((phi, role) for phi in (0.5, 1.0, 2.0) for role in ROLES),
    ]
    base = closed_form(settings.proxy_baseline(18), kind, batch_size=32)
    for planned in plan.chosen[1:]:
        record = planned.record
        if (kind, record.role) == ("params", "resolution"):
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
