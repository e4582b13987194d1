from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalesearch.scaling import (
    FAST_WIDTH_SHARE,
    Coefficients,
    Multipliers,
    Shares,
    implied_phi,
    one_dial,
    shares_of,
)

coefficient = st.floats(1, 3)
coefficients = st.builds(Coefficients, alpha=coefficient, beta=coefficient, gamma=coefficient)
phi = st.floats(-10, 10)


@st.composite
def simplex(draw: st.DrawFn) -> Shares:
    low, high = sorted((draw(st.floats(0, 1)), draw(st.floats(0, 1))))
    return Shares(depth=low, width=high - low, resolution=1 - high)


def split(shares: Shares) -> tuple[float, float, float]:
    return shares.depth, shares.width, shares.resolution


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


@given(simplex())
def test_any_shares_double_the_cost(shares: Shares) -> None:
    assert shares.coefficients.product == pytest.approx(2, rel=1e-9)


@given(simplex())
def test_coefficients_give_their_shares_back(shares: Shares) -> None:
    assert split(shares_of(shares.coefficients)) == pytest.approx(split(shares), abs=1e-9)


@given(simplex(), st.floats(0.1, 5))
def test_shares_are_those_of_the_direction_alone(shares: Shares, phi: float) -> None:
    """Coefficients whose product isn't 2 share their own product as the ones that double do."""
    longer = shares.coefficients.at(phi)
    scaled = Coefficients(alpha=longer.depth, beta=longer.width, gamma=longer.resolution)
    assert split(shares_of(scaled)) == pytest.approx(split(shares), abs=1e-9)


def test_shares_of_the_papers_own_answer() -> None:
    shares = shares_of(Coefficients(alpha=1.2, beta=1.1, gamma=1.15))
    assert split(shares) == pytest.approx((0.27943, 0.29215, 0.42841), abs=1e-5)


@given(st.floats(0, 1), st.floats(1, 64))
def test_one_dial_gives_the_exponents_of_the_paper(width_share: float, ratio: float) -> None:
    made = one_dial(width_share).coefficients.at(math.log2(ratio))
    assert made.width == pytest.approx(ratio ** (width_share / 2))
    assert made.depth == pytest.approx(ratio ** ((1 - width_share) / 2))
    assert made.resolution == pytest.approx(ratio ** ((1 - width_share) / 4))


def test_named_points_of_the_dial() -> None:
    assert split(one_dial(1 / 3)) == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert one_dial(1) == Shares(depth=0, width=1, resolution=0)
    # "d1_w8_g8_r1" of pycls: one part, eight parts, one part; there are no group widths here.
    assert split(one_dial(FAST_WIDTH_SHARE)) == pytest.approx((1 / 10, 8 / 10, 1 / 10))


@pytest.mark.parametrize(
    ("depth", "width", "resolution", "message"),
    [
        (-0.5, 1, 0.5, "`depth` must be >= 0, got -0.5"),
        (0, math.nan, 1, "`width` must be a finite number, got nan"),
        (0.5, 0.25, 0.5, "`shares` must add up to 1, got 0.5 + 0.25 + 0.5 = 1.25"),
    ],
)
def test_bad_shares(depth: float, width: float, resolution: float, message: str) -> None:
    with pytest.raises(ValueError) as error:
        Shares(depth=depth, width=width, resolution=resolution)
    assert str(error.value) == message


@pytest.mark.parametrize("width_share", [-0.1, 1.1, math.nan])
def test_bad_dial(width_share: float) -> None:
    with pytest.raises(ValueError) as error:
        one_dial(width_share)
    assert str(error.value) == f"`width_share` must be from 0 to 1, got {width_share}"


def test_nothing_that_grows_has_no_shares() -> None:
    with pytest.raises(ValueError) as error:
        shares_of(Coefficients(alpha=1, beta=1, gamma=1))
    assert str(error.value) == "`coefficients` must hold one above 1 to have shares, got 1, 1, 1"
