from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalesearch.commands.alternate.run import AlternateSettings
from scalesearch.commands.scale.run import ScaleSettings, family_archs, with_affordable_phi
from scalesearch.commands.search.run import SearchSettings, Suggester
from scalesearch.errors import EmptyGridError
from scalesearch.networks.baselines import EFFICIENTNET_B0
from scalesearch.networks.cost import count, training_bytes
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import Rounding
from scalesearch.records import BudgetRecord, CostLaw, Setup
from scalesearch.scaling import Coefficients, Multipliers, Shares
from scalesearch.statistics.law import predict
from scalesearch.study.budget import (
    full_size_budget,
    law_from_texts,
    law_texts,
    nearest_error,
    parse_spending,
    phi_of,
    times,
    unmet_reason,
)
from scalesearch.study.grid_plan import GridSettings, plan_grid
from scalesearch.training.dataset import PHOTOGRAPHS_SIZE

LAW = CostLaw(
    machine="0123abcd",
    setup=Setup(threads=2),
    seconds={
        "constant": 6.6e-3,
        "macs": 2.2e-11,
        "activations": 1.45e-9,
        "params": 1.28e-9,
        "layers": 1.1e-4,
    },
    held_out=(),
)


@pytest.mark.parametrize(
    ("text", "kind", "target"),
    [
        ("latency=12ms", "latency", 0.012),
        ("latency=0.5s", "latency", 0.5),
        ("latency=800us", "latency", 0.0008),
        ("macs=800M", "macs", 8e8),
        ("macs=1.5G", "macs", 1.5e9),
        ("params=5300000", "params", 5.3e6),
        ("activations=20M", "activations", 2e7),
        ("memory=2GiB", "memory", 2 * 2**30),
        ("memory=500MB", "memory", 5e8),
        ("macs=4.1K", "macs", 4100),
        ("latency=1.1ms", "latency", 0.0011),
        ("latency=70.3us", "latency", 70.3e-6),
    ],
)
def test_amounts_with_their_units(text: str, kind: str, target: float) -> None:
    found = parse_spending(text)
    assert (found.kind, found.setup) == (kind, {})
    assert found.target == pytest.approx(target, rel=1e-12)


@pytest.mark.parametrize(
    ("value", "tolerance"), [(105, 0.05), (95, 0.05), (107, 0.07), (110, 0.1), (129, 0.29)]
)
def test_a_cost_on_the_tolerance_itself_meets_its_budget(value: int, tolerance: float) -> None:
    """107 is 7% off 100, though 107 / 100 - 1 is more than 0.07 in binary; a unit further is not met."""
    budget = BudgetRecord(kind="macs", target=100.0, value=value)
    further = replace(budget, value=value + (1 if value > 100 else -1))
    assert unmet_reason(budget, tolerance) == ""
    assert unmet_reason(further, tolerance)
    message = str(nearest_error([((1.1, 1.1, 1.1), budget), ((1.2, 1.1, 1.1), further)], 0.01))
    assert message.endswith(f"(1.1, 1.1, 1.1); --budget-tolerance {tolerance:g} would admit it")


@pytest.mark.parametrize(
    ("amount", "factor", "product"), [(100, 1.15, 115), (35, 1.1, 38.5), (4100, 1.1, 4510)]
)
def test_a_budget_that_is_a_multiple_is_the_multiple(amount: int, factor: float, product: float) -> None:
    assert times(amount, factor) == product
    assert times(1e300, 1e300) == math.inf


def test_a_latency_says_its_setup() -> None:
    assert parse_spending("latency=12ms@threads=2,batch=8,dtype=bf16").setup == {
        "threads": 2,
        "batch_size": 8,
        "dtype": "bfloat16",
    }


EXAMPLE = "latency=12ms, macs=800M, params=5M, activations=20M or memory=2GiB"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("12ms", f"`budget` must be one such as {EXAMPLE}, got '12ms'"),
        ("speed=3", f"`budget` must be one such as {EXAMPLE}, got 'speed=3'"),
        (
            "latency=12",
            f"`budget` must be one such as {EXAMPLE}, got 'latency=12'; units of latency: us, ms, s",
        ),
        (
            "latency=0ms",
            f"`budget` must be one such as {EXAMPLE}, got 'latency=0ms'; units of latency: us, ms, s",
        ),
        (
            "latency=12ms@batch=8,mode=training",
            "`budget` must be a latency of inference, without mode after @, got "
            "'latency=12ms@batch=8,mode=training'",
        ),
        ("macs=1M@batch=2", "`budget` must have a setup for a latency alone, got 'macs=1M@batch=2'"),
        (
            "latency=1ms@size=2",
            "`budget` must be followed by one of dtype=, batch=, runtime=, mode=, threads=, channels_last=, "
            "device= after @, got 'size=2'",
        ),
        ("latency=1ms@batch=0", "`budget` must have a whole number >= 1 as batch after @, got 'batch=0'"),
    ],
)
def test_what_is_no_budget(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_spending(text)
    assert str(caught.value) == message


@given(st.lists(st.floats(0, 1e-3), min_size=5, max_size=5), st.integers(1, 64), st.booleans())
def test_a_law_survives_as_text(values: list[float], batch: int, channels_last: bool) -> None:
    law = CostLaw(
        machine="0123abcd",
        setup=Setup(batch_size=batch, channels_last=channels_last),
        seconds=dict(zip(LAW.seconds, values, strict=True)),
        held_out=(),
    )
    assert law_from_texts(law_texts(law)) == law


def test_texts_that_are_no_law() -> None:
    with pytest.raises(ValueError, match=r"^`law` must be a cost law as run\.toml keeps it, got \['a=1'\]"):
        law_from_texts(["a=1"])


def test_a_latency_needs_a_law() -> None:
    with pytest.raises(ValueError) as caught:
        full_size_budget("latency=12ms", (), tolerance=0.05)
    assert str(caught.value) == "`law` must be given for a budget of latency, got none for 'latency=12ms'"


def test_a_budget_counts_what_it_names() -> None:
    latency = full_size_budget("latency=12ms", law_texts(LAW), tolerance=0.05)
    memory = full_size_budget("memory=2GiB", (), tolerance=0.05, batch_size=8)
    assert latency.cost(EFFICIENTNET_B0) == predict(LAW, count(EFFICIENTNET_B0))
    assert memory.cost(EFFICIENTNET_B0) == training_bytes(EFFICIENTNET_B0, 8)


@pytest.mark.parametrize("budget", ["latency=80ms", "latency=20ms", "macs=800M", "params=8M"])
def test_every_full_size_network_of_a_grid_spends_the_budget(budget: str) -> None:
    settings = GridSettings(budget=budget, law=law_texts(LAW), max_networks=0)
    plan = plan_grid(settings, PHOTOGRAPHS_SIZE)
    asked = settings.spending
    assert len(plan.chosen) > 10
    for planned in plan.chosen:
        record = planned.record
        multipliers = Multipliers(
            depth=record.depth, width=record.width, resolution=record.resolution_multiplier
        )
        full = scale(EFFICIENTNET_B0, multipliers, Rounding())
        assert asked.cost(full) == pytest.approx(asked.target, rel=settings.budget_tolerance)
        assert record.budget is not None
        assert record.budget.full_size
        assert record.budget.value == asked.cost(full)
        # What is trained is the proxy of the same multipliers.
        proxy = scale(settings.proxy_baseline(18), multipliers, settings.proxy_rounding)
        assert planned.arch == proxy


def test_a_grid_says_which_budget_would_be_met() -> None:
    settings = GridSettings(budget="latency=1ms", law=law_texts(LAW))
    with pytest.raises(EmptyGridError) as caught:
        plan_grid(settings, PHOTOGRAPHS_SIZE)
    assert str(caught.value) == (
        "`budget` must be one that some network can spend, got latency 1 ms: as small as they can be made "
        "they spend 14 ms"
    )


def test_a_budget_stands_alone() -> None:
    with pytest.raises(ValueError) as caught:
        GridSettings(budget="macs=800M", match="macs")
    assert str(caught.value) == (
        "`budget` must be given without match and constraint, got 'macs=800M' with match macs and constraint "
        "product: it says itself what networks spend"
    )
    with pytest.raises(ValueError, match="^`budget` must be given without match, got 'macs=800M' with match"):
        SearchSettings(budget="macs=800M", match="params")


def test_settings_with_a_law_survive_their_file() -> None:
    settings = GridSettings(budget="latency=80ms", law=law_texts(LAW))
    assert GridSettings.from_dict(settings.to_dict()).to_dict() == settings.to_dict()


def test_an_alternation_keeps_its_own_budget() -> None:
    assert AlternateSettings(budget="params").grid_at(1.0).budget == ""
    with pytest.raises(ValueError, match="^`budget` must be one of macs, params, activations, memory, got"):
        AlternateSettings(budget="latency=12ms")


def test_a_suggestion_spends_the_budget() -> None:
    settings = SearchSettings(budget="latency=80ms", law=law_texts(LAW))
    record = Suggester(settings, 18).planned(Shares(depth=0.2, width=0.3, resolution=0.5)).record
    assert record.budget is not None
    assert abs(record.budget.residual) < 0.02
    # Time pays for more multiply-adds in wide networks than in deep ones: layers cost time of their own.
    deep = Suggester(settings, 18).planned(Shares(depth=1, width=0, resolution=0)).record
    wide = Suggester(settings, 18).planned(Shares(depth=0, width=1, resolution=0)).record
    assert wide.full_macs > 1.2 * deep.full_macs


def test_scaling_finds_the_greatest_phi_within_the_budget() -> None:
    settings = ScaleSettings(alpha=1.2, beta=1.1, gamma=1.15, phis=(0.0,), budget="macs=2G")
    found = with_affordable_phi(settings)
    base, phi = found.phis
    assert base == 0.0
    cost = full_size_budget("macs=2G", (), tolerance=0).cost
    assert cost(family_archs(found)[phi]) <= 2e9
    beyond = replace(settings, phis=(phi + 1e-3,))
    assert cost(family_archs(beyond)[phi + 1e-3]) > 2e9


@given(st.floats(-2, 4))
def test_the_phi_of_multipliers(phi: float) -> None:
    coefficients = Coefficients(alpha=1.2, beta=1.1, gamma=1.15)
    assert phi_of(coefficients, coefficients.at(phi)) == pytest.approx(phi, abs=6e-4)
