from __future__ import annotations

import itertools
import math
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalesearch.errors import EmptyGridError
from scalesearch.networks.baselines import EFFICIENTNET_B0, PAPER_COEFFICIENTS
from scalesearch.networks.scaled import scale
from scalesearch.networks.spec import Rounding
from scalesearch.scaling import Coefficients
from scalesearch.study.points import GridSpec, distinct, feasible


def test_default_grid_has_the_known_points_and_networks() -> None:
    points = feasible(GridSpec())
    candidates = distinct(points, EFFICIENTNET_B0, Rounding(), 1.0, prefer=PAPER_COEFFICIENTS)
    assert len(points) == 109
    assert len(candidates) == 65
    assert PAPER_COEFFICIENTS in [candidate.coefficients for candidate in candidates]


def test_grid_values_are_the_decimals_that_a_reader_would_write() -> None:
    assert GridSpec().axis("beta").tolist() == [1.0, 1.05, 1.1, 1.15, 1.2, 1.25, 1.3, 1.35, 1.4, 1.45, 1.5]


def test_the_upper_bound_is_on_the_grid_only_if_a_step_meets_it() -> None:
    assert GridSpec(beta=(1.0, 1.5), step=0.2).axis("beta").tolist() == [1.0, 1.2, 1.4]


@pytest.mark.parametrize("step", ["0.05", "0.1", "0.025", "0.07"])
@pytest.mark.parametrize("tolerance", ["0", "0.01", "0.05", "0.1", "0.12", "0.2", "0.28", "0.3"])
def test_points_on_the_tolerance_itself_are_on_the_grid(step: str, tolerance: str) -> None:
    """Against decimal arithmetic: what is typed in decimals is compared in decimals."""
    apart, ends = Decimal(step), {"alpha": 2, "beta": Decimal("1.5"), "gamma": Decimal("1.5")}
    axes = [[1 + i * apart for i in range(100) if 1 + i * apart <= end] for end in ends.values()]
    expected = [
        [float(value) for value in triple]
        for triple in itertools.product(*axes)
        if abs(triple[0] * triple[1] ** 2 * triple[2] ** 2 - 2) <= Decimal(tolerance)
    ]
    grid = GridSpec(step=float(step), tolerance=float(tolerance))
    assert grid.points == math.prod(map(len, axes))
    if expected:
        assert feasible(grid).tolist() == expected
    else:
        with pytest.raises(EmptyGridError):
            feasible(grid)


@pytest.mark.parametrize(
    ("low", "high", "step"),
    [
        ("1.00000000001", "1.00000000009", "0.00000000001"),
        ("1.1", "2.6", "0.0001"),
        ("1.123456789", "2", "0.3"),
    ],
)
def test_values_of_any_step_are_its_decimals(low: str, high: str, step: str) -> None:
    """No drift, no end lost, and no digit that was typed rounded away."""
    grid = GridSpec(alpha=(float(low), float(high)), beta=(1, 1), gamma=(1, 1), step=float(step))
    count = int((Decimal(high) - Decimal(low)) / Decimal(step)) + 1
    assert grid.axis("alpha").tolist() == [float(Decimal(low) + i * Decimal(step)) for i in range(count)]


def test_of_triples_equally_near_to_two_the_first_names_the_network() -> None:
    """|1.95 - 2| is |2.05 - 2|, though not in binary, where the second comes out nearer."""
    points = np.array([[1.95, 1, 1], [2.05, 1, 1]])
    names = [
        candidate.coefficients.alpha
        for order in (points, points[::-1])
        for candidate in distinct(order, EFFICIENTNET_B0, Rounding(), 0.0)
    ]
    assert names == [1.95, 2.05]


@settings(max_examples=60, deadline=None)
@given(
    high=st.floats(1.0, 3.0),
    step=st.floats(0.05, 0.6),
    tolerance=st.floats(0.0, 0.6),
)
def test_feasible_is_exactly_what_brute_force_finds(high: float, step: float, tolerance: float) -> None:
    grid = GridSpec(alpha=(1.0, high), beta=(1.0, 1.5), gamma=(1.0, 1.6), step=step, tolerance=tolerance)
    axes = [grid.axis(name).tolist() for name in ("alpha", "beta", "gamma")]
    expected = [
        triple
        for triple in itertools.product(*axes)
        if Coefficients(alpha=triple[0], beta=triple[1], gamma=triple[2]).satisfies(tolerance)
    ]
    if expected:
        assert [tuple(row) for row in feasible(grid).tolist()] == expected
    else:
        with pytest.raises(EmptyGridError):
            feasible(grid)


def test_an_empty_grid_names_the_closest_product_and_the_tolerance_that_admits_it() -> None:
    grid = GridSpec(alpha=(1.0, 1.2), beta=(1.0, 1.1), gamma=(1.0, 1.1), step=0.1, tolerance=0.1)
    with pytest.raises(EmptyGridError, match="got 0.1: the closest product is 1.75692") as caught:
        feasible(grid)
    needed = float(str(caught.value).split("--tolerance ")[1].split()[0])
    assert feasible(GridSpec(**{**_fields(grid), "tolerance": needed})).tolist() == [[1.2, 1.1, 1.1]]


def test_the_tolerance_that_is_named_admits_the_closest_point() -> None:
    """Also where it is just that point's distance, or has more digits than are usually shown."""
    for alpha, expected in ((1.1, "0.9"), (1.9, "0.1"), (12.3456789, "10.345679")):
        grid = GridSpec(alpha=(alpha, alpha), beta=(1, 1), gamma=(1, 1), tolerance=0.001)
        with pytest.raises(EmptyGridError) as caught:
            feasible(grid)
        assert str(caught.value).endswith(f"--tolerance {expected} would admit it")
        assert len(feasible(replace(grid, tolerance=float(expected)))) == 1


def _fields(grid: GridSpec) -> dict[str, object]:
    return {name: getattr(grid, name) for name in ("alpha", "beta", "gamma", "step", "tolerance")}


@settings(max_examples=20, deadline=None)
@given(phi=st.floats(0.0, 3.0), divisor=st.sampled_from([1, 2, 8, 16]))
def test_merging_dimension_by_dimension_is_merging_whole_networks(phi: float, divisor: int) -> None:
    rounding = Rounding(channel_divisor=divisor)
    points = feasible(GridSpec(step=0.1, tolerance=0.2))
    groups: dict[str, list[tuple[float, ...]]] = {}
    for alpha, beta, gamma in points.tolist():
        coefficients = Coefficients(alpha=alpha, beta=beta, gamma=gamma)
        key = scale(EFFICIENTNET_B0, coefficients.at(phi), rounding).key
        groups.setdefault(key, []).append((alpha, beta, gamma))
    candidates = distinct(points, EFFICIENTNET_B0, rounding, phi)
    assert {c.arch.key: list(c.merged) for c in candidates} == groups


def test_a_network_goes_by_the_preferred_triple_or_the_one_closest_to_two() -> None:
    points = feasible(GridSpec())
    for prefer in (None, PAPER_COEFFICIENTS):
        for candidate in distinct(points, EFFICIENTNET_B0, Rounding(), 1.0, prefer=prefer):
            triple = candidate.coefficients
            assert (triple.alpha, triple.beta, triple.gamma) in candidate.merged
            if triple != prefer:
                nearest = min(abs(a * b * b * g * g - 2) for a, b, g in candidate.merged)
                assert math.isclose(abs(triple.product - 2), nearest)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("alpha", (0.5, 2.0), "`alpha_min` must be a finite number >= 1, got 0.5"),
        ("beta", (1.0, math.inf), "`beta_max` must be a finite number >= 1, got inf"),
        ("gamma", (1.5, 1.2), "`gamma_max` must be >= `gamma_min` (1.5), got 1.2"),
        ("step", 0.0, "`step` must be a finite number > 0, got 0.0"),
        ("step", 1e-5, "`step` must leave at most 100,000,000 grid points, got 1e-05 and 250,0"),
        ("step", 5e-324, "`step` must leave at most 100,000,000 grid points, got 5e-324 and 2.00e+969"),
        ("tolerance", -0.1, "`tolerance` must be a finite number >= 0, got -0.1"),
        ("tolerance", math.nan, "`tolerance` must be a finite number >= 0, got nan"),
    ],
)
def test_a_wrong_grid_is_refused_by_name(field: str, value: object, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        GridSpec(**{field: value})
    assert str(caught.value).startswith(message)
