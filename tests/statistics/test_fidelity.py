from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from scalesearch.commands.fidelity.evidence import reliability
from scalesearch.records import CandidateRecord, FidelityRecord, RunRecord, SeedRun
from scalesearch.statistics import ranks
from scalesearch.statistics.ranks import rank_agreement

SCORES = st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4, 0.5]), min_size=3, max_size=8)


def network(
    key: str, *top1: float, images: int = 1000, status: str = "completed", first_seed: int = 0
) -> CandidateRecord:
    return CandidateRecord(
        key=key,
        alpha=1.2,
        beta=1.1,
        gamma=1.15,
        product=1.92,
        merged=(),
        depth=1.2,
        width=1.1,
        resolution_multiplier=1.15,
        resolution=56,
        blocks=19,
        params=1,
        macs=10,
        activations=1,
        nominal_ratio=2.0,
        macs_ratio=2.0,
        full_macs=10,
        full_macs_ratio=2.0,
        status=status,
        runs=tuple(
            SeedRun(
                seed=first_seed + i,
                top1=t,
                loss=1.0,
                held_out_images=100,
                images_seen=images,
                train_seconds=1.0,
                curve=(),
            )
            for i, t in enumerate(top1)
        ),
    )


def run_of(*candidates: CandidateRecord) -> RunRecord:
    return RunRecord(
        name="grid",
        command="",
        phi=1.0,
        settings={},
        machine={},
        versions={},
        grid_points=0,
        feasible=0,
        thinning="",
        wall_s=0.0,
        sessions=1,
        baseline={},
        classes=10,
        candidates=candidates,
    )


def test_tau_and_regret_of_orders_known_by_hand():
    same = rank_agreement([0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8])
    assert (same.tau, same.regret, same.networks) == (pytest.approx(1), 0.0, 4)
    reverse = rank_agreement([0.1, 0.2, 0.3], [0.9, 0.8, 0.6])
    assert (reverse.tau, reverse.regret) == (pytest.approx(-1), pytest.approx(0.3))
    # Five of six pairs in order, one reversed; the short run's choice is the second best.
    swapped = rank_agreement([0.1, 0.2, 0.4, 0.3], [0.1, 0.2, 0.3, 0.35])
    assert (swapped.tau, swapped.regret) == (pytest.approx(4 / 6), pytest.approx(0.05))


def test_regret_of_a_tie_is_the_mean_over_the_tied():
    assert rank_agreement([0.5, 0.5, 0.1], [0.9, 0.7, 0.2]).regret == pytest.approx(0.1)


@given(SCORES, st.randoms(use_true_random=False))
def test_tau_is_scipys_and_within_its_interval_or_unknown(short, random_):
    long = [random_.choice([0.1, 0.2, 0.3]) for _ in short]
    found = rank_agreement(short, long)
    if len(set(short)) == 1 or len(set(long)) == 1:
        assert (found.tau, found.tau_low, found.tau_high) == (0.0, -1.0, 1.0)
    else:
        assert found.tau == pytest.approx(kendalltau(short, long).statistic)
        assert -1 - 1e-9 <= found.tau_low <= found.tau_high <= 1 + 1e-9
    assert 0 <= found.regret <= max(long) - min(long) + 1e-12


def test_the_weighted_bootstrap_is_tau_b_of_the_networks_drawn():
    """scipy's tau-b of each sample written out, with the same draws."""
    rng = np.random.default_rng(2)
    x, y = rng.integers(0, 6, 9) / 10, rng.integers(0, 6, 9) / 10
    drawn = np.random.default_rng(ranks.SEED).multinomial(9, np.full(9, 1 / 9), size=ranks.RESAMPLES)
    taus = [kendalltau(np.repeat(x, times), np.repeat(y, times)).statistic for times in drawn[:300]]
    ours = ranks._resampled_tau(x, y)
    assert all(math.isfinite(tau) for tau in taus)
    assert ours[:300] == pytest.approx(taus)
    found = rank_agreement(list(x), list(y))
    assert (found.tau_low, found.tau_high) == tuple(
        pytest.approx(v) for v in np.percentile(ours, (2.5, 97.5))
    )


def test_the_interval_shrinks_with_more_networks_and_covers_the_truth():
    rng = np.random.default_rng(0)
    widths = []
    for count in (8, 200):
        skill = rng.normal(size=count)
        found = rank_agreement(list(skill + rng.normal(size=count)), list(skill + rng.normal(size=count)))
        widths.append(found.tau_high - found.tau_low)
    # Two noisy looks at normal skills correlate by 1/2: tau is 2/pi asin(1/2) = 1/3.
    assert found.tau_low < 1 / 3 < found.tau_high
    assert widths[1] < widths[0] / 3


@pytest.mark.parametrize(
    ("short", "long", "message"),
    [
        ([0.1, 0.2], [0.1, 0.2], "at least 3 networks must be ranked, got 2"),
        ([0.1, 0.2, 0.3], [0.1, 0.2], "`short` and `long` must be of one length, got 3 and 2"),
        (
            [0.1, 0.2, math.nan],
            [0.1, 0.2, 0.3],
            "`short` and `long` must be finite numbers; leave out networks without an accuracy",
        ),
    ],
)
def test_bad_rankings_are_refused(short, long, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        rank_agreement(short, long)


def test_reliability_takes_means_over_seeds_of_networks_with_all_lengths():
    short = run_of(network("a", 0.1, 0.3), network("b", 0.4, 0.4), network("c", 0.2, 0.8), network("d", 0.9))
    long = run_of(
        network("c", 0.8, images=4000),
        network("b", 0.9, images=4000),
        network("a", 0.5, images=4000),
        network("d", 0.9, images=2000, status="pruned"),
    )
    (found,) = reliability(FidelityRecord(run=short, multiples=(1, 4), lengths=(short, long)), "here")
    # Means .2, .4, .5 against .5, .9, .8: two pairs in order, one reversed.
    assert found.tau == pytest.approx(1 / 3)
    assert found.regret == pytest.approx(0.1)
    assert (found.images, found.reference_images, found.networks, found.seeds, found.source) == (
        1000,
        4000,
        3,
        1,
        "here",
    )


def test_reliability_needs_three_networks_and_two_lengths():
    two = run_of(network("a", 0.1), network("b", 0.2))
    with pytest.raises(ValueError, match=r"^at least 3 networks must be ranked, got 2$"):
        reliability(FidelityRecord(run=two, multiples=(1, 4), lengths=(two, two)), "here")
    with pytest.raises(ValueError, match=r"^`lengths` must hold a length and its reference, got 1$"):
        reliability(FidelityRecord(run=two, multiples=(1,), lengths=(two,)), "here")
