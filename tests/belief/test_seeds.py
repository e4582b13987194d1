"""What seeds show, against independent implementations and against truths that were made up."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import studentized_range, t, ttest_rel, tukey_hsd

from scalesearch.belief.seeds import (
    against_best,
    holm,
    seed_summaries,
    seeds_needed,
    winning_set,
)

WORKED = [[0.40, 0.44, 0.42], [0.50, 0.52, 0.54], [0.47, 0.55, 0.51], [0.30, 0.31, 0.32]]


def made_up(random: np.random.Generator, skill, seeds: int, noise: float, block: float = 0.03):
    """Networks of known skill: every seed moves all of them alike, and each a little on its own."""
    skill = np.asarray(skill)
    shared = random.normal(0, block, seeds)
    return skill[:, None] + shared[None, :] + random.normal(0, noise, (len(skill), seeds))


def blocks_removed(top1):
    """The same layout with every seed's mean moved to the common one: blocks have no effect at all."""
    values = np.asarray(top1)
    return values - values.mean(axis=0) + values.mean()


def test_the_residuals_are_those_of_least_squares():
    values = made_up(np.random.default_rng(1), [0.4, 0.42, 0.5, 0.41, 0.47], 4, 0.02)
    networks, seeds = values.shape
    rows, columns = np.indices(values.shape).reshape(2, -1)
    design = np.column_stack([np.eye(networks)[rows], np.eye(seeds)[columns][:, 1:]])
    _, squares, rank, _ = np.linalg.lstsq(design, values.ravel(), rcond=None)
    test = against_best(values)
    assert test.df == values.size - rank == 12
    assert test.residual_ms == pytest.approx(squares[0] / test.df, rel=1e-9)


def test_two_networks_are_the_paired_t_test():
    # The range of two is sqrt(2) * |t|, so Tukey's test of two networks in blocks is the paired t test.
    values = made_up(np.random.default_rng(2), [0.4, 0.41], 5, 0.02)
    expected = ttest_rel(values[0], values[1])
    test = against_best(values)
    assert min(test.p) == pytest.approx(expected.pvalue, rel=1e-6)


def test_without_block_effects_it_is_scipys_tukey_hsd_but_for_the_degrees_of_freedom():
    values = blocks_removed(made_up(np.random.default_rng(3), [0.4, 0.41, 0.45, 0.43], 6, 0.02))
    networks, seeds = values.shape
    test = against_best(values)
    # scipy spreads the same sum of squares over more degrees of freedom, as it estimates no blocks.
    theirs, ours = networks * (seeds - 1), (networks - 1) * (seeds - 1)
    expected = tukey_hsd(*values).pvalue[test.best]
    within = test.residual_ms * ours / theirs
    ranges = [test.difference(i) / math.sqrt(within / seeds) for i in range(networks)]
    assert studentized_range.sf(ranges, networks, theirs) == pytest.approx(expected, abs=1e-6)
    stricter = [r * math.sqrt(ours / theirs) for r in ranges]
    assert test.p == pytest.approx(studentized_range.sf(stricter, networks, ours), abs=1e-6)


def test_a_shared_seed_effect_is_taken_out_and_sharpens_the_test():
    random = np.random.default_rng(4)
    values = made_up(random, [0.40, 0.42, 0.44, 0.46], 3, noise=0.003, block=0.05)
    assert winning_set(values) == (3,)
    assert tukey_hsd(*values).pvalue[3, 0] > 0.05
    moved = values + np.array([0.1, -0.2, 0.05])
    assert against_best(moved).p == pytest.approx(against_best(values).p, rel=1e-6)


def test_a_worked_example():
    test = against_best(WORKED)
    assert test.best == 1
    assert test.means == pytest.approx((0.42, 0.52, 0.51, 0.31))
    assert (test.seeds, test.df) == (3, 6)
    # By hand: residuals of +-0.0025 to 0.025 with squares of 0.00185 in all.
    assert test.residual_ms == pytest.approx(0.00185 / 6)
    # The tables' critical range of 4 at 6 degrees of freedom is 4.90 at 5% and 7.03 at 1%.
    assert 4.90 * math.sqrt(test.residual_ms / 3) == pytest.approx(0.0497, abs=1e-4)
    assert test.p[1] == 1
    assert test.p[0] < 0.01
    assert test.p[2] > 0.05
    assert winning_set(WORKED) == (1, 2)


@pytest.mark.parametrize(("critical", "significance"), [(4.90, 0.05), (7.03, 0.01)])
def test_the_critical_differences_are_those_of_the_printed_tables(critical, significance):
    rows = np.array(WORKED)
    least = critical * math.sqrt(against_best(WORKED).residual_ms / 3)
    for factor, inside in ((1.005, False), (0.995, True)):
        # Moving a network as a whole leaves every residual as it is.
        rows[0] += 0.52 - factor * least - rows[0].mean()
        assert (against_best(rows).p[0] >= significance) == inside


@pytest.mark.slow
def test_the_true_best_is_in_the_winning_set_at_least_95_times_in_100():
    random = np.random.default_rng(5)
    skill, repeats = [0.45, 0.44, 0.44, 0.43, 0.40], 150
    kept = sum(0 in winning_set(made_up(random, skill, 3, 0.01)) for _ in range(repeats))
    assert kept / repeats >= 0.95


@pytest.mark.slow
def test_equal_networks_are_told_apart_at_most_5_times_in_100():
    # The worst case for a test that looks for the best afterwards; 150 repeats may be off by 4 points.
    random = np.random.default_rng(6)
    repeats = 150
    wrong = sum(len(winning_set(made_up(random, [0.4] * 5, 3, 0.01))) < 5 for _ in range(repeats))
    assert 0.01 < wrong / repeats < 0.09


@given(st.lists(st.lists(st.integers(0, 720), min_size=3, max_size=3), min_size=2, max_size=5))
def test_the_set_holds_the_best_and_is_ordered_by_accuracy(counts):
    values = [[c / 720 for c in row] for row in counts]
    test, members = against_best(values), winning_set(values)
    assert test.best in members
    assert all(0 <= p <= 1 for p in test.p)
    by_mean = sorted(range(len(values)), key=lambda i: -test.means[i])
    assert all(test.p[a] >= test.p[b] - 1e-9 for a, b in pairwise(by_mean))
    inside = [i in members for i in by_mean]
    assert inside == sorted(inside, reverse=True)


def test_without_any_noise_a_difference_is_a_difference_and_a_tie_a_tie():
    values = [[0.5, 0.6, 0.7], [0.4, 0.5, 0.6], [0.5, 0.6, 0.7]]
    test = against_best(values)
    assert test.residual_ms == 0
    assert test.p == (1, 0, 1)
    assert winning_set(values) == (0, 2)
    assert seeds_needed(values) == {2: None}


def test_seeds_needed_is_the_first_number_that_would_show_the_difference():
    values = made_up(np.random.default_rng(8), [0.45, 0.44, 0.435, 0.45, 0.3], 3, 0.01)
    test, needed = against_best(values), seeds_needed(values)
    assert set(needed) == set(winning_set(values)) - {test.best}

    def p(index: int, seeds: int) -> float:
        q = test.difference(index) * math.sqrt(seeds / test.residual_ms)
        return studentized_range.sf(q, len(values), (len(values) - 1) * (seeds - 1))

    assert len(needed) >= 2
    for index, seeds in needed.items():
        assert seeds is not None
        assert p(index, seeds) < 0.05 <= p(index, seeds - 1)


def test_seeds_needed_gives_up_beyond_a_thousand():
    noise = np.array([0.01, -0.01, 0.0])
    values = [0.5 + noise, 0.49999 - noise]
    assert seeds_needed(values) == {1: None}
    assert seeds_needed([0.5 + noise, 0.5 - noise]) == {1: None}


def test_summaries_pool_the_spread_within_networks_of_any_number_of_seeds():
    rows = [[0.4, 0.5], [0.6, 0.62, 0.64, 0.66], [0.3]]
    first, second, third = seed_summaries(rows)
    pooled = math.sqrt((np.var(rows[0]) * 2 + np.var(rows[1]) * 4) / 4)
    half = t.ppf(0.975, 4) * pooled / math.sqrt(2)
    assert (first.low, first.high) == pytest.approx((0.45 - half, 0.45 + half))
    assert first.sd == pytest.approx(np.std(rows[0], ddof=1))
    assert second.seeds == 4
    assert second.high - second.mean == pytest.approx(half / math.sqrt(2))
    assert third.sd is None
    assert third.high - third.low == pytest.approx(2 * half * math.sqrt(2))
    (alone,) = seed_summaries([[0.3]])
    assert (alone.mean, alone.sd, alone.low, alone.high) == (0.3, None, None, None)


def test_holms_correction_as_in_his_example():
    # Smallest times 4, next times 3 ..., never falling, never above 1.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.9, 0.8]) == (1, 1)
    assert holm([]) == ()


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_lies_between_no_correction_and_bonferronis(p_values):
    corrected = holm(p_values)
    for p, by_holm in zip(p_values, corrected, strict=True):
        assert p <= by_holm <= min(1, p * len(p_values)) + 1e-12


@pytest.mark.parametrize(
    ("top1", "said"),
    [
        ([[0.4, 0.5]], "got 1 networks with 2 seeds"),
        ([], "got 0 networks with no seeds"),
        ([[0.4], [0.5]], "got 2 networks with 1 seeds"),
        ([[0.4, 0.5], [0.5]], "got 2 networks with 1 or 2 seeds"),
        ([[0.4, 0.5], [0.5, math.nan]], "at least one finite value per network, got \\[0.5, nan\\]"),
    ],
)
def test_what_cannot_be_tested_is_refused(top1, said):
    for function in (against_best, winning_set, seeds_needed):
        with pytest.raises(ValueError, match=said):
            function(top1)


def test_bad_values_are_refused_by_name():
    with pytest.raises(
        ValueError, match="`top1` must hold at least one finite value per network, got \\[\\]"
    ):
        seed_summaries([[]])
    with pytest.raises(ValueError, match="`p_values` must be within 0 to 1, got \\[1.5\\]"):
        holm([1.5])
