from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalesearch.scaling import Coefficients, Multipliers, implied_phi

coefficient = st.floats(1, 3)
coefficients = st.builds(Coefficients, alpha=coefficient, beta=coefficient, gamma=coefficient)
phi = st.floats(-10, 10)


@given(coefficients)
def test_phi_0_is_the_baseline(rule: Coefficients) -> None:
    assert rule.at(0) == Multipliers(depth=1, width=1, resolution=1)


@given(coefficients)
def test_phi_1_multiplies_by_the_coefficients_themselves(rule: Coefficients) -> None:
    assert rule.at(1) == Multipliers(depth=rule.alpha, width=rule.beta, resolution=rule.gamma)


@given(coefficients, phi)
def test_nominal_ratio_is_the_product_to_the_power_of_phi(rule: Coefficients, phi: float) -> None:
    assert rule.at(phi).nominal_ratio == pytest.approx(rule.product**phi, rel=1e-9)


@given(coefficients, phi, phi)
def test_steps_of_phi_multiply(rule: Coefficients, p: float, q: float) -> None:
    whole, first, second = rule.at(p + q), rule.at(p), rule.at(q)
    for name in ("depth", "width", "resolution"):
        assert getattr(whole, name) == pytest.approx(getattr(first, name) * getattr(second, name), rel=1e-9)


@given(st.floats(1.001, 3), phi)
def test_implied_phi_undoes_the_power(coefficient: float, phi: float) -> None:
    assert implied_phi(coefficient**phi, coefficient) == pytest.approx(phi, abs=1e-9)


@given(coefficients, st.floats(0, 5))
def test_satisfies_means_within_the_tolerance_of_2(rule: Coefficients, tolerance: float) -> None:
    assert rule.satisfies(tolerance) == (2 - tolerance <= rule.product <= 2 + tolerance) or math.isclose(
        abs(rule.product - 2), tolerance
    )


def test_the_papers_own_answer_is_4_percent_under_2() -> None:
    paper = Coefficients(alpha=1.2, beta=1.1, gamma=1.15)
    assert paper.product == pytest.approx(1.92027)
    assert paper.satisfies(0.08)
    assert not paper.satisfies(0.05)


def test_exact_simplex_solutions_double_the_cost_at_each_step() -> None:
    rule = Coefficients(alpha=2**0.5, beta=2**0.125, gamma=2**0.125)
    assert rule.satisfies(1e-12)
    assert [rule.at(step).nominal_ratio for step in range(4)] == pytest.approx([1, 2, 4, 8])


def test_a_coefficient_of_1_implies_phi_0_or_none() -> None:
    assert implied_phi(1, 1) == 0
    assert implied_phi(1.1, 1) is None


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("alpha", 0.9, "`alpha` must be >= 1, got 0.9"),
        ("beta", -1, "`beta` must be >= 1, got -1"),
        ("gamma", math.nan, "`gamma` must be a finite number, got nan"),
        ("alpha", math.inf, "`alpha` must be a finite number, got inf"),
    ],
)
def test_bad_coefficient(name: str, value: float, message: str) -> None:
    with pytest.raises(ValueError, match=r"^`") as error:
        Coefficients(**{"alpha": 1, "beta": 1, "gamma": 1, name: value})
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("depth", 0, "`depth` must be > 0, got 0"),
        ("width", -1, "`width` must be > 0, got -1"),
        ("resolution", math.nan, "`resolution` must be a finite number, got nan"),
    ],
)
def test_bad_multiplier(name: str, value: float, message: str) -> None:
    with pytest.raises(ValueError, match=r"^`") as error:
        Multipliers(**{name: value})
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("phi", "message"),
    [
        (math.nan, "`phi` must be a finite number, got nan"),
        (-math.inf, "`phi` must be a finite number, got -inf"),
        (1e6, "`phi` must be small enough to compute, got 1000000.0"),
    ],
)
def test_bad_phi(phi: float, message: str) -> None:
    with pytest.raises(ValueError, match=r"^`") as error:
        Coefficients(alpha=1.2, beta=1.1, gamma=1.15).at(phi)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("multiplier", "coefficient", "message"),
    [
        (0, 1.1, "`multiplier` must be > 0, got 0"),
        (math.inf, 1.1, "`multiplier` must be a finite number, got inf"),
        (1.1, -2, "`coefficient` must be > 0, got -2"),
    ],
)
def test_implied_phi_of_impossible_numbers(multiplier: float, coefficient: float, message: str) -> None:
    with pytest.raises(ValueError, match=r"^`") as error:
        implied_phi(multiplier, coefficient)
    assert str(error.value) == message
