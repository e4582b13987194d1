from __future__ import annotations

import math
import random
import statistics

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scalesearch.statistics.timing import UNSTABLE, log_blocks, ratio_of_pairs, ratio_of_samples, summarise

seconds = st.floats(1e-4, 10.0)
process = st.lists(seconds, min_size=1, max_size=8)
runs = st.lists(process, min_size=1, max_size=4)
pair_runs = st.lists(st.lists(st.tuples(seconds, seconds), min_size=1, max_size=7), min_size=1, max_size=4)
FEW = settings(max_examples=40, deadline=None)


def values(summary):
    return (
        summary.median_s,
        summary.first_s,
        summary.third_s,
        summary.p90_s,
        summary.low_s,
        summary.high_s,
    )


def bounds(ratio):
    return (ratio.low, ratio.ratio, ratio.high)


def drawn(rng: random.Random, processes: int, samples: int, between: float, within: float, mean: float = 1.0):
    """Processes whose levels differ, around ``mean``, by ``between``, and samples within one by ``within``."""
    levels = [mean * math.exp(rng.gauss(0, between)) for _ in range(processes)]
    return [[level * math.exp(rng.gauss(0, within)) for _ in range(samples)] for level in levels]


def test_one_process_has_the_textbook_quantiles():
    samples = [0.011, 0.010, 0.014, 0.012, 0.019, 0.013, 0.016]
    summary = summarise([samples])
    assert summary.median_s == statistics.median(samples)
    assert (summary.first_s, summary.third_s) == pytest.approx(np.percentile(samples, (25, 75)))
    assert summary.iqr_s == pytest.approx(np.subtract(*np.percentile(samples, (75, 25))))
    assert summary.p90_s == pytest.approx(np.percentile(samples, 90))
    assert (summary.samples, summary.processes) == (7, 1)


def test_a_process_counts_once_however_many_samples_it_took():
    many = summarise([[1.0] * 1000, [2.0] * 5, [3.0] * 5])
    assert many.median_s == 2.0
    # A third of the weight each: the quartiles lie at a quarter and three quarters of it.
    assert (many.first_s, many.third_s) == pytest.approx((1.0, 3.0), abs=0.01)
    assert (many.samples, many.processes) == (1010, 3)


def test_equally_many_samples_give_numpys_quantiles_of_all():
    rng = random.Random(5)
    processes = drawn(rng, 3, 12, 0.05, 0.05)
    summary = summarise(processes)
    pooled = [sample for samples in processes for sample in samples]
    assert (summary.first_s, summary.third_s, summary.p90_s) == pytest.approx(
        np.percentile(pooled, (25, 75, 90))
    )
    assert summary.median_s == statistics.median(map(statistics.median, processes))


def test_the_interval_of_two_processes_is_at_least_students():
    summary = summarise([[1.0, 1.0, 1.0], [1.1, 1.1, 1.1]])
    # By hand: the logarithms differ by log 1.1, so their standard error is half of that; t(1) is 12.706.
    reach = math.exp(12.7062 * math.log(1.1) / 2)
    assert (summary.low_s, summary.high_s) == pytest.approx((1.05 / reach, 1.05 * reach), rel=1e-5)


def test_the_bootstrap_of_one_process_is_that_of_a_median():
    rng = np.random.default_rng(8)
    samples = np.sort(rng.lognormal(0, 0.1, 25))
    medians = np.median(rng.choice(samples, (100_000, 25)), axis=1)
    summary = summarise([samples.tolist()])
    places = np.searchsorted(samples, np.percentile(medians, (2.5, 97.5)))
    found = np.searchsorted(samples, (summary.low_s, summary.high_s))
    assert np.abs(places - found).max() <= 1  # at most one sample apart, by chance of the draw


def test_the_bootstrap_of_an_even_number_agrees_with_drawing():
    rng = np.random.default_rng(9)
    samples = rng.lognormal(0, 0.1, 10)
    medians = np.median(rng.choice(samples, (200_000, 10)), axis=1)
    low, high = np.percentile(medians, (2.5, 97.5))
    summary = summarise([samples.tolist()])
    assert (summary.low_s, summary.high_s) == pytest.approx((low, high), rel=0.01)


def test_unstable_is_more_than_a_tenth_of_the_median():
    def spread(iqr: float):
        return summarise([[1 - iqr / 2, 1 - iqr / 2, 1.0, 1 + iqr / 2, 1 + iqr / 2]])

    assert not spread(UNSTABLE - 0.001).unstable
    assert spread(UNSTABLE + 0.001).unstable
    assert spread(0.2).spread == pytest.approx(0.2)


def test_processes_that_disagree_make_a_timing_unstable():
    steady = [[1.0] * 9, [1.0] * 9, [1.0] * 9]
    assert not summarise(steady).unstable
    assert summarise([[1.0] * 9, [1.2] * 9, [1.4] * 9]).unstable


@FEW
@given(runs, st.integers(-9, 9).map(lambda power: 2.0**power))  # powers of 2 keep ties ties
def test_another_unit_scales_all_and_changes_nothing_else(processes, factor):
    here, there = summarise(processes), summarise([[factor * s for s in samples] for samples in processes])
    assert values(there) == pytest.approx([factor * value for value in values(here)], rel=1e-9)


@FEW
@given(runs, st.randoms())
def test_order_means_nothing(processes, rng):
    shuffled = [rng.sample(samples, len(samples)) for samples in processes]
    rng.shuffle(shuffled)
    assert summarise(shuffled) == summarise(processes)


@FEW
@given(runs)
def test_the_interval_holds_the_median_and_the_median_lies_among_the_samples(processes):
    summary = summarise(processes)
    assert summary.low_s <= summary.median_s <= summary.high_s
    assert summary.first_s <= summary.third_s <= max(map(max, processes))
    if len({len(samples) for samples in processes}) == 1 and len(processes[0]) > 2:
        # Half of the processes have half of their samples on either side: a quarter of all.
        pooled = sorted(sample for samples in processes for sample in samples)
        below = sum(sample <= summary.median_s for sample in pooled)
        assert below >= len(pooled) / 4 - len(processes)


@FEW
@given(pair_runs)
def test_a_ratio_and_its_reverse_are_one_statement(processes):
    ratio = ratio_of_pairs(processes)
    assume(abs(math.log(ratio.ratio)) > 1e-9)
    back = ratio_of_pairs([[(b, a) for a, b in pairs] for pairs in processes])
    assert ratio.low <= ratio.ratio * (1 + 1e-12)
    assert ratio.ratio <= ratio.high * (1 + 1e-12)
    assert bounds(back) == pytest.approx([1 / value for value in reversed(bounds(ratio))], rel=1e-6)


@FEW
@given(runs, runs)
def test_apart_too_a_ratio_and_its_reverse_are_one_statement(a, b):
    ratio, back = ratio_of_samples(a, b), ratio_of_samples(b, a)
    assert ratio.ratio == pytest.approx(summarise(b).median_s / summarise(a).median_s)
    assume(abs(math.log(ratio.ratio)) > 1e-9)
    assert bounds(back) == pytest.approx([1 / value for value in reversed(bounds(ratio))], rel=1e-6)
    assert (ratio.samples, ratio.processes) == (
        min(sum(map(len, a)), sum(map(len, b))),
        min(len(a), len(b)),
    )


@FEW
@given(runs)
def test_nothing_differs_from_itself(processes):
    apart = ratio_of_samples(processes, processes)
    assert apart.ratio == 1
    assert not apart.shown
    same = ratio_of_pairs([[(s, s) for s in samples] for samples in processes])
    assert bounds(same) == (1, 1, 1)
    assert not same.shown


def test_a_is_told_from_twice_a_and_from_a_little_more():
    rng = random.Random(3)
    a = drawn(rng, 3, 20, 0.03, 0.02)
    doubled = ratio_of_pairs([[(s, 2 * s * math.exp(rng.gauss(0, 0.02))) for s in samples] for samples in a])
    assert doubled.shown
    assert doubled.ratio == pytest.approx(2, rel=0.02)
    assert (doubled.samples, doubled.processes) == (60, 3)
    little = ratio_of_pairs(
        [[(s, 1.05 * s * math.exp(rng.gauss(0, 0.01))) for s in samples] for samples in a]
    )
    assert little.shown
    assert little.low > 1


def test_a_steady_drift_cancels_in_a_b_b_a():
    times, pairs = iter(1.0 + 0.01 * k for k in range(80)), []
    for index in range(40):
        first, second = next(times), next(times)
        pairs.append((first, second) if index % 2 == 0 else (second, first))
    ratio = ratio_of_pairs([pairs] * 3)
    assert ratio.ratio == pytest.approx(1, abs=2e-4)
    # Pair by pair the second is always later, by as much as 1%.
    assert statistics.median(b / a for a, b in pairs[::2]) > 1.005


def test_blocks_are_means_of_two_pairs_and_the_odd_one_is_kept():
    pairs = [(1.0, math.e), (1.0, math.e**3), (1.0, math.e**5)]
    assert log_blocks(pairs) == pytest.approx([2, 5])


@pytest.mark.parametrize(("processes", "between"), [(3, 0.02), (3, 0.1), (5, 0.03)])
def test_the_interval_holds_the_truth_as_often_as_it_says(processes, between):
    rng, trials = random.Random(20), 120
    held = 0
    for _ in range(trials):
        summary = summarise(drawn(rng, processes, 15, between, 0.03))
        held += summary.low_s <= 1 <= summary.high_s
    assert held / trials >= 0.88
    # It is not bought by saying nothing: as wide as Student's interval must be.
    factor = {3: 2.48, 5: 1.24}[processes]
    summary = summarise(drawn(rng, processes, 400, 0, 0.01))
    assert summary.high_s / summary.low_s < math.exp(2 * factor * 0.005)


def test_equal_networks_are_seldom_told_apart():
    rng, trials, shown = random.Random(21), 120, 0
    for _ in range(trials):
        a, b = (drawn(rng, 3, 15, 0.03, 0.02) for _ in range(2))
        shown += ratio_of_samples(a, b).shown
    assert shown / trials <= 0.08


def test_a_side_of_one_process_borrows_the_spread_of_the_other():
    a = [[1.00] * 5, [1.05] * 5, [1.10] * 5]
    lone = ratio_of_samples(a, [[1.2] * 5])
    assert lone.processes == 1
    spread = statistics.stdev(map(math.log, (1.00, 1.05, 1.10)))
    reach = 4.302653 * math.sqrt(spread**2 / 3 + spread**2)  # t with the lender's two degrees of freedom
    middle = math.log(1.2 / 1.05)
    assert lone.low == pytest.approx(math.exp(middle - reach), rel=1e-5)
    assert not lone.shown
    assert ratio_of_samples([[1.0] * 5], [[1.2] * 5]).shown


@pytest.mark.parametrize(
    ("processes", "message"),
    [
        ([], "`processes` must hold at least one process, each with a sample, got none"),
        (
            [[1.0], []],
            "`processes` must hold at least one process, each with a sample, got samples of [1, 0]",
        ),
        ([[1.0, 0.0]], "`processes` must hold finite seconds > 0, got 0.0"),
        ([[1.0, math.nan]], "`processes` must hold finite seconds > 0, got nan"),
        ([[1.0, math.inf]], "`processes` must hold finite seconds > 0, got inf"),
    ],
)
def test_what_is_no_timing_is_refused(processes, message):
    with pytest.raises(ValueError) as refused:
        summarise(processes)
    assert str(refused.value) == message


def test_what_is_no_pair_is_refused():
    with pytest.raises(ValueError, match="`processes` must hold at least one process, got none"):
        ratio_of_pairs([])
    with pytest.raises(ValueError, match="`pairs` must hold at least one pair, got none"):
        ratio_of_pairs([[(1.0, 1.0)], []])
    with pytest.raises(ValueError, match="`pairs` must hold finite seconds > 0, got -1.0"):
        ratio_of_pairs([[(1.0, -1.0)]])
    with pytest.raises(ValueError, match="`b` must hold at least one process"):
        ratio_of_samples([[1.0]], [])
