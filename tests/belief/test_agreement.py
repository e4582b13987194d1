from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from scalesearch.belief import agreement
from scalesearch.belief.agreement import (
    best_chances,
    half_seeds_tau,
    loss_from_best,
    tau_between,
    weighted,
)
from scalesearch.belief.common_classes import common_classes
from scalesearch.belief.seeds import against_best, winning_set

GRID = [(round(1 + 0.1 * i, 6), round(1 + 0.05 * j, 6), 1.0) for i in range(4) for j in range(3)]


@pytest.fixture(autouse=True)
def fewer_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agreement, "RESAMPLES", 400)


def noisy(truth, seeds, noise, rng):
    """Accuracies of networks of a known truth: what a seed does to all, and what it does to each."""
    truth = np.asarray(truth)
    return truth[:, None] + noise * rng.standard_normal((len(truth), seeds)) + rng.standard_normal(seeds)


def partition(draw_sizes):
    """The grid cut into networks of the given sizes, in order."""
    networks, rest = [], list(GRID)
    for size in draw_sizes:
        networks.append(rest[:size])
        rest = rest[size:]
    return [network for network in (*networks, rest) if network]


SIZES = st.lists(st.integers(1, 5), max_size=6)


def test_triples_of_one_network_and_chains_of_them_are_one_class():
    a, b, c, d, e = GRID[:5]
    one = [[a, b], [c], [d], [e]]
    other = [[b, c], [a], [e]]  # a with b here, b with c there; d was not trained there
    found = common_classes([one, other])
    assert [set(cls.triples) for cls in found] == [{a, b, c}, {e}]
    assert [cls.members for cls in found] == [((0, 1), (0, 1)), ((3,), (2,))]


def test_triples_are_the_same_though_computed_otherwise():
    assert len(common_classes([[[(1.1, 1.2, 1.3)]], [[(1 + 0.1, 1 + 0.2, 1.1 + 0.2)]]])) == 1
    assert common_classes([[[(1.1, 1.2, 1.3)]], [[(1.15, 1.2, 1.3)]]]) == ()


@given(SIZES, SIZES, st.randoms(use_true_random=False))
def test_classes_hold_whole_networks_and_are_as_fine_as_that_allows(first, second, random_):
    shuffled = list(GRID)
    random_.shuffle(shuffled)
    renamed = dict(zip(GRID, shuffled, strict=True))
    one = partition(first)
    other = [[renamed[t] for t in network] for network in partition(second)]
    found = common_classes([one, other])
    assert sorted(t for cls in found for t in cls.triples) == sorted(GRID)
    # An independent way: the transitive closure of "shares a network", as powers of a matrix of 0 and 1.
    together = np.array(
        [[any(s in n and t in n for n in (*one, *other)) for t in sorted(GRID)] for s in sorted(GRID)]
    )
    reach = np.linalg.matrix_power(together.astype(float), len(GRID)) > 0
    assert len(found) == len({tuple(row) for row in reach.tolist()})
    for place, networks in enumerate((one, other)):
        used = [index for cls in found for index in cls.members[place]]
        assert sorted(used) == list(range(len(networks)))


TABLES = st.integers(3, 7).flatmap(
    lambda n: st.tuples(
        *[
            st.lists(
                st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4]), min_size=seeds, max_size=seeds),
                min_size=n,
                max_size=n,
            )
            for seeds in (3, 2)
        ]
    )
)


@settings(max_examples=12, deadline=None)
@given(TABLES, st.randoms(use_true_random=False))
def test_tau_is_symmetric_and_hangs_on_no_order(tables, random_):
    first, second = tables
    found = tau_between(first, second)
    assert found == tau_between(second, first)
    order = list(range(len(first)))
    random_.shuffle(order)
    assert found == tau_between([first[i] for i in order], [second[i] for i in order])
    means = [np.round(np.mean(rows, axis=1), 12) for rows in (first, second)]
    if found is None:
        assert min(np.ptp(values) for values in means) == 0
    else:
        assert found.tau == pytest.approx(kendalltau(*means).statistic)
        assert -1 <= found.low <= found.tau <= found.high <= 1


def test_a_search_agrees_with_itself_and_disagrees_with_its_reverse():
    rows = noisy(np.linspace(0, 5, 12), 3, 0.1, np.random.default_rng(0))
    same = tau_between(rows, rows)
    assert same is not None
    assert (same.tau, same.high) == (1, 1)
    assert same.low > 0.7
    turned = tau_between(rows, -rows)
    assert turned is not None
    assert (turned.tau, turned.low) == (-1, -1)
    assert turned.high < -0.7


def test_one_seed_can_be_ranked_too():
    found = tau_between([[0.1], [0.2], [0.3], [0.4]], [[0.2], [0.1], [0.3], [0.4]])
    assert found is not None
    assert found.tau == pytest.approx(2 / 3)


@pytest.mark.parametrize("shared", [0.0, 0.9])
def test_the_interval_covers_what_other_networks_and_seeds_would_give(shared, monkeypatch):
    monkeypatch.setattr(agreement, "RESAMPLES", 200)
    rng, networks, seeds = np.random.default_rng(1), 14, 3

    def searches(count):
        truth = rng.standard_normal(count)
        other = shared * truth + np.sqrt(1 - shared**2) * rng.standard_normal(count)
        return noisy(truth, seeds, 0.8, rng), noisy(other, seeds, 0.8, rng)

    one, other = searches(2000)
    expected = kendalltau(one.mean(axis=1), other.mean(axis=1)).statistic
    found = [tau_between(*searches(networks)) for _ in range(60)]
    covered = sum(tau.low <= expected <= tau.high for tau in found if tau)
    assert covered >= 54  # of 60 intervals of 95%, fewer than 54 have a chance of 0.3%
    if shared:
        assert sum(tau.low > 0 for tau in found if tau) > 15
    else:
        assert sum(tau.low > 0 or tau.high < 0 for tau in found if tau) <= 6


def test_halves_of_the_seeds_agree_as_far_as_noise_lets_them():
    rng = np.random.default_rng(2)
    clear = half_seeds_tau(noisy(np.linspace(0, 10, 15), 4, 0.1, rng))
    blurred = half_seeds_tau(noisy(np.zeros(15), 4, 1.0, rng))
    assert clear is not None
    assert blurred is not None
    assert clear.tau > 0.95
    assert blurred.low < 0 < blurred.high
    assert half_seeds_tau([[0.1], [0.2], [0.3]]) is None
    assert half_seeds_tau([[0.1, 0.1]] * 3) is None


@pytest.mark.parametrize("seeds", [2, 3, 4, 5])
def test_halves_are_the_mean_over_all_ways_to_halve(seeds):
    rows = noisy(np.linspace(0, 2, 9), seeds, 1.0, np.random.default_rng(seeds))
    taus = []
    for half in itertools.combinations(range(seeds), seeds // 2):
        rest = [seed for seed in range(seeds) if seed not in half]
        taus.append(kendalltau(rows[:, list(half)].mean(axis=1), rows[:, rest].mean(axis=1)).statistic)
    found = half_seeds_tau(rows)
    assert found is not None
    assert found.tau == pytest.approx(np.mean(taus))


@pytest.mark.parametrize("seed", range(4))
def test_a_loss_may_be_nothing_exactly_in_the_winning_set(seed):
    networks = 4
    rows = noisy(np.arange(networks), 3, 0.7, np.random.default_rng(seed)).tolist()
    members = winning_set(rows)
    for index in range(networks):
        found = loss_from_best(rows, index)
        assert (found.low == 0) == (index in members)
        assert 0 <= found.low <= found.loss <= found.high
    best = against_best(rows).best
    assert loss_from_best(rows, best).loss == 0


def test_the_loss_interval_covers_the_true_loss():
    """Chosen by other data, as the best of another search is: here always the second network."""
    rng, truth = np.random.default_rng(3), np.array([2.0, 1.0, 1.9])
    found = [loss_from_best(noisy(truth, 3, 0.7, rng).tolist(), 1) for _ in range(20)]
    assert sum(loss.low <= 1.0 <= loss.high for loss in found) >= 17


def test_the_best_network_has_the_greatest_chance_to_be_it():
    rng = np.random.default_rng(4)
    rows = noisy([0.0, 0.0, 3.0, 2.9], 3, 0.2, rng).tolist()
    chances = best_chances(rows)
    assert sum(chances) == pytest.approx(1)
    assert chances[0] + chances[1] < 0.02
    assert 0.05 < chances[3] < 0.95
    turned = best_chances(rows[::-1])
    assert turned == chances[::-1]


def test_weighted_values_have_a_mean_and_an_interval():
    found = weighted([0.0, 1.0, 2.0], [0.01, 0.98, 0.01])
    assert (found.mean, found.low, found.high) == (1, 1, 1)
    wide = weighted([0.0, 1.0], [0.5, 0.5])
    assert (wide.mean, wide.low, wide.high) == (0.5, 0, 1)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"^at least 3 classes must be ranked, got 2$"):
        tau_between([[0.1], [0.2]], [[0.1], [0.2]])
    with pytest.raises(ValueError, match=r"^`first` and `second` must hold the same classes, got 3 and 4$"):
        tau_between([[0.1]] * 3, [[0.1]] * 4)
    with pytest.raises(ValueError, match=r"must hold a finite value per class and seed$"):
        tau_between([[0.1], [float("nan")], [0.2]], [[0.1], [0.3], [0.2]])
    with pytest.raises(ValueError, match=r"^`index` must be from 0 to 1, got 2$"):
        loss_from_best([[0.1, 0.2], [0.3, 0.4]], 2)
    with pytest.raises(ValueError, match=r"^`weights` must hold a weight per value, 2 of them, got \[1.0\]$"):
        weighted([0.1, 0.2], [1.0])
