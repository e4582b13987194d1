"""The power law of depth, width and resolution, on runs of which the law is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from scalesearch.statistics.answer import DesignError
from scalesearch.statistics.power_law import Grown, fit_power_law

RATES, FACTORS, FLOOR = (0.5, 0.8, 0.9), (8.0, 12.0, 10.0), 10.0
"""Of a doubling of the cost: a is 0.5, b 1.6 and c 1.8."""
STAR = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.28, 0.28, 0.44), (0.1, 0.8, 0.1))
PHIS = (0.5, 1.0, 2.0)


def star(
    *, noise: float = 0.0, seeds: int = 3, crossed: float = 0.0, seed: int = 0, factors=FACTORS, phis=PHIS
) -> Grown:
    """Each dimension alone, all by two rules, and the baseline; ``crossed`` is what two at once add."""
    rng = np.random.default_rng(seed)
    shapes = [(0.0, 0.0, 0.0), *(tuple(phi * x for x in way) for phi in phis for way in STAR)]
    growth, networks, top1 = [], [], []
    for number, (depth, width, resolution) in enumerate(shapes):
        at = np.array((depth, width, resolution))
        error = FLOOR + float(np.exp2(-np.array(RATES) * at) @ np.array(factors))
        error += crossed * (depth * width + depth * resolution + width * resolution)
        for _ in range(seeds):
            growth.append((depth, width, resolution))
            networks.append(f"n{number}")
            top1.append(float(100 - error + noise * rng.normal()))
    return Grown(growth=tuple(growth), networks=tuple(networks), top1=tuple(top1))


def test_the_law_comes_back_from_runs_without_noise() -> None:
    law = fit_power_law(star(), resamples=2)
    assert law.objections == ()
    assert [one.value for one in law.exponents] == pytest.approx([0.5, 1.6, 1.8], rel=1e-4)
    assert law.curve.floor == pytest.approx(FLOOR, abs=1e-3)
    assert law.top1((1, 0, 1)).value == pytest.approx(100 - FLOOR - 8 * 2**-0.5 - 12 - 10 * 2**-0.9)
    # S = 1/a + 2/b + 2/c: alpha = 2**(1/a/S), beta = 2**(1/b/S), gamma = 2**(1/c/S).
    alpha, beta, gamma = (one.value for one in law.coefficients)
    a, b, c = 0.5, 1.6, 1.8
    total = 1 / a + 2 / b + 2 / c
    assert (alpha, beta, gamma) == pytest.approx([2 ** (1 / x / total) for x in (a, b, c)], rel=1e-4)
    assert alpha * beta**2 * gamma**2 == pytest.approx(2)


@pytest.mark.parametrize("phi", [0.5, 2.0, 7.0, -1.0])
def test_the_best_at_a_budget_is_what_a_general_search_finds(phi: float) -> None:
    law = fit_power_law(star(), resamples=2)
    shares = np.array([one.value for one in law.best(phi)])
    assert shares.sum() == pytest.approx(1)
    found = minimize(
        lambda s: float(law.curve.error(phi * np.array([*s, 1 - s.sum()]))),
        [0.3, 0.3],
        bounds=[(0, 1)] * 2,
        constraints={"type": "ineq", "fun": lambda s: 1 - s.sum()},
        method="SLSQP",
        options={"ftol": 1e-12},
    )
    assert law.curve.error(phi * shares) <= found.fun + 1e-6
    assert shares == pytest.approx([*found.x, 1 - found.x.sum()], abs=2e-3)
    alpha, beta, gamma = (one.value for one in law.coefficients_at(phi))
    assert (alpha * beta**2 * gamma**2) ** phi == pytest.approx(2**phi)


def test_what_is_best_at_large_budgets_goes_to_the_long_run() -> None:
    law = fit_power_law(star(), resamples=2)
    far = [one.value for one in law.coefficients_at(200.0)]
    assert far == pytest.approx([one.value for one in law.coefficients], rel=0.01)


def test_intervals_hold_the_truth_and_narrow_with_seeds() -> None:
    few, many = (fit_power_law(star(noise=1, seeds=seeds, seed=5), resamples=120) for seeds in (3, 24))
    truth = fit_power_law(star(), resamples=2)
    for phi in (1.0, 3.0):
        for one, other, true in zip(few.best(phi), many.best(phi), truth.best(phi), strict=True):
            assert one.low - 1e-9 <= true.value <= one.high + 1e-9
            assert other.high - other.low <= one.high - one.low
    assert few.objections == ()


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    truth = [one.value for one in fit_power_law(star(), resamples=2).best(3.0)]
    held = []
    for seed in range(40):
        law = fit_power_law(star(noise=0.7, seed=seed), resamples=100)
        for estimate, true in zip(law.best(3.0), truth, strict=True):
            held.append(estimate.low - 1e-9 <= true <= estimate.high + 1e-9)
    assert np.mean(held) > 0.85  # 95% are expected of many seeds and more resamples


def test_dimensions_that_act_on_one_another_are_found_out() -> None:
    law = fit_power_law(star(noise=0.7, crossed=3), resamples=20)
    assert law.additive < 0.01
    assert "depth, width and resolution do not act each by itself" in law.objections


def test_additivity_is_seldom_rejected_where_it_holds() -> None:
    rejected = [fit_power_law(star(noise=1, seed=seed), resamples=1).additive < 0.05 for seed in range(30)]
    assert np.mean(rejected) <= 0.17  # 5% are expected


def test_a_dimension_that_does_not_help_gets_nothing() -> None:
    runs = star(noise=0.3, factors=(0, 12, 10))
    harmful = [y - 2 * g[0] for y, g in zip(runs.top1, runs.growth, strict=True)]
    for top1 in (runs.top1, tuple(harmful)):
        law = fit_power_law(replace(runs, top1=top1), resamples=40)
        depth, width, resolution = law.best(2.0)
        assert depth.value == pytest.approx(0, abs=0.02)
        assert width.value + resolution.value == pytest.approx(1, abs=0.02)
    # That more of it harms is more than the law can say.
    assert "networks stray from it by more than the noise of runs" in law.objections


def test_noise_alone_is_not_taken_for_a_law() -> None:
    law = fit_power_law(star(noise=2, factors=(0, 0, 0), seed=1), resamples=10)
    assert "it does not predict networks that it has not seen" in law.objections


def test_runs_of_one_seed_have_intervals_too() -> None:
    law = fit_power_law(star(noise=0.5, seeds=1), resamples=60)
    assert law.lack_of_fit is None
    assert all(one.high > one.low for one in law.exponents)


def test_the_order_of_runs_changes_nothing() -> None:
    runs = star(noise=1)
    turned = Grown(growth=runs.growth[::-1], networks=runs.networks[::-1], top1=runs.top1[::-1])
    one, other = (fit_power_law(each, resamples=1) for each in (runs, turned))
    assert one.curve.rates == pytest.approx(other.curve.rates, rel=1e-3)
    assert one.additive == pytest.approx(other.additive, rel=1e-3)


def test_designs_too_small_are_refused_with_what_would_do() -> None:
    one = star(phis=(1.0,))
    with pytest.raises(
        DesignError, match=r"^`runs` must be of at least 8 networks for a power law .* got 6$"
    ):
        fit_power_law(one)
    shallow = star()
    kept = [i for i, growth in enumerate(shallow.growth) if growth[0] < 0.1]
    with pytest.raises(
        DesignError, match=r"^`runs` must be of networks with three or more values of depth, "
    ):
        fit_power_law(
            Grown(
                growth=tuple(shallow.growth[i] for i in (*kept, *kept)),
                networks=tuple(f"{shallow.networks[i]}{k}" for k in "ab" for i in kept),
                top1=tuple(shallow.top1[i] for i in (*kept, *kept)),
            )
        )
    with pytest.raises(ValueError, match=r"^`top1` must have one value for each growth"):
        Grown(growth=((0, 0, 0),), networks=(), top1=())
    with pytest.raises(ValueError, match=r"^`top1` and growth must be finite$"):
        Grown(growth=((0, 0, float("nan")),), networks=("a",), top1=(1.0,))
