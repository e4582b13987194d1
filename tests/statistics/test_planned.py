"""Comparisons that were planned, and hold all at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.stats import dunnett, t, ttest_rel

from scalesearch.statistics.summaries import means_reach, planned_comparisons, planned_slope


@dataclass(frozen=True)
class Blocks:
    means: np.ndarray
    residual_ms: float
    df: int


def in_blocks(rows: list[list[float]]) -> Blocks:
    """The two-way layout by hand: what is left once network and seed are taken out."""
    values = np.array(rows)
    left = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()
    df = (values.shape[0] - 1) * (values.shape[1] - 1)
    return Blocks(means=values.mean(axis=1), residual_ms=float((left**2).sum() / df), df=df)


def test_planned_comparisons_of_two_networks_are_the_paired_t_test():
    first, second = [0.41, 0.45, 0.44], [0.40, 0.42, 0.43]
    (ours,) = planned_comparisons([first, second], [(0, 1)])
    theirs = ttest_rel(first, second)
    bounds = theirs.confidence_interval()
    assert (ours.p, ours.low, ours.high) == pytest.approx((theirs.pvalue, bounds.low, bounds.high))
    assert ours.df == 2


def test_planned_comparisons_pool_the_noise_of_all_networks():
    rows = np.random.default_rng(4).normal(0.4, 0.01, (6, 3)) + np.arange(6)[:, None] / 100
    blocks = in_blocks(rows.tolist())
    (one,) = planned_comparisons(rows.tolist(), [(5, 0)])
    assert one.df == blocks.df == 10
    half = 2.2281388519862744 * math.sqrt(2 * blocks.residual_ms / 3)  # t(0.975, 10)
    assert (one.low, one.high) == (pytest.approx(one.difference - half), pytest.approx(one.difference + half))
    # A seed that is kind to all networks alike changes nothing.
    (kind,) = planned_comparisons((rows + np.array([0.0, 0.3, -0.1])).tolist(), [(5, 0)])
    assert kind.p == pytest.approx(one.p)


def test_several_at_once_are_dunnetts_of_all_against_one():
    """Its model has no blocks: with seeds that move nothing, many of them, the two are the same."""
    rng = np.random.default_rng(7)
    rows = rng.normal(0.4, 0.02, (5, 40)) + np.array([0, 0.002, 0.004, 0.008, 0.012])[:, None]
    rows -= rows.mean(axis=0) - rows.mean()
    ours = planned_comparisons(rows.tolist(), [(i, 0) for i in range(1, 5)])
    theirs = dunnett(*rows[1:], control=rows[0], rng=np.random.default_rng(0))
    bounds = theirs.confidence_interval()
    for one, p, low, high in zip(ours, theirs.pvalue, bounds.low, bounds.high, strict=True):
        assert one.p == pytest.approx(p, abs=0.05)
        assert (one.low, one.high) == pytest.approx((low, high), abs=0.003)


def test_intervals_and_probabilities_agree_and_more_comparisons_make_both_wider():
    rng = np.random.default_rng(11)
    for _ in range(20):
        rows = (rng.normal(0.4, 0.01, (7, 3)) + rng.normal(0, 0.012, 7)[:, None]).tolist()
        alone = [planned_comparisons(rows, [(i, 0)])[0] for i in range(1, 7)]
        together = planned_comparisons(rows, [(i, 0) for i in range(1, 7)])
        for one, all_ in zip(alone, together, strict=True):
            assert (all_.low > 0 or all_.high < 0) == (all_.p < 0.05)
            assert all_.high - all_.low > one.high - one.low
            assert all_.p >= one.p - 0.005


def test_equal_networks_are_told_apart_one_time_in_twenty():
    rng = np.random.default_rng(2)
    false = [
        any(
            c.p < 0.05
            for c in planned_comparisons(rng.normal(size=(6, 4)).tolist(), [(0, i) for i in range(1, 6)])
        )
        for _ in range(150)
    ]
    assert np.mean(false) < 0.12


def test_the_reach_of_all_means_is_wider_than_that_of_one():
    rows = np.random.default_rng(4).normal(0.4, 0.01, (6, 3))
    blocks = in_blocks(rows.tolist())
    alone = t.ppf(0.975, 10) * math.sqrt(blocks.residual_ms / 3)
    assert alone < means_reach(rows.tolist()) < 1.7 * alone


def test_planned_comparisons_without_noise_and_bad_tables():
    exact = [[0.1, 0.2], [0.1, 0.2], [0.3, 0.4]]
    same, apart = planned_comparisons(exact, [(0, 1), (2, 0)])
    assert (same.p, apart.p, apart.low) == (1.0, 0.0, pytest.approx(0.2))
    with pytest.raises(ValueError, match=r"got 2 networks with 1 or 2 seeds$"):
        planned_comparisons([[0.1], [0.1, 0.2]], [(0, 1)])
    with pytest.raises(ValueError, match=r"^`top1` must hold finite numbers"):
        planned_comparisons([[0.1, math.inf], [0.1, 0.2]], [(0, 1)])


def test_the_slope_is_the_least_squares_line_and_its_interval_that_of_a_contrast():
    x = [0.0, 1.5, 2.0, 4.0]
    rows = np.random.default_rng(1).normal(0.4, 0.01, (4, 3)) + 0.03 * np.array(x)[:, None]
    found = planned_slope(x, rows.tolist())
    assert found.slope == pytest.approx(np.polyfit(x, rows.mean(axis=1), 1)[0])
    assert found.df == in_blocks(rows.tolist()).df == 6
    error = math.sqrt(in_blocks(rows.tolist()).residual_ms / 3 / np.var(x) / 4)
    assert found.high - found.slope == pytest.approx(2.4469118511449692 * error)  # t(0.975, 6)
    assert found.slope - found.low == pytest.approx(found.high - found.slope)
    # Of two networks it is their comparison, per unit of x.
    two, (one,) = (
        planned_slope([1.0, 3.0], rows[:2].tolist()),
        planned_comparisons(rows[:2].tolist(), [(1, 0)]),
    )
    assert (two.slope, two.low, two.high) == pytest.approx((one.difference / 2, one.low / 2, one.high / 2))


def test_a_flat_line_is_exactly_flat_and_needs_different_places():
    flat = planned_slope([0.0, 1.1, 2.3], [[1 / 18] * 3] * 3)
    assert (flat.slope, flat.low, flat.high) == (0.0, 0.0, 0.0)
    with pytest.raises(
        ValueError, match=r"^`x` must hold 2 numbers that are not all equal, got \[1.0, 1.0\]$"
    ):
        planned_slope([1.0, 1.0], [[0.1, 0.2], [0.1, 0.3]])
