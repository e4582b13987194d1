from __future__ import annotations

import numpy as np
import pytest

from scalesearch.belief.surface import fit_surface, highest, resampled_highest

RNG = np.random.default_rng(5)
SHARES = RNG.dirichlet((1, 1, 1), size=24)
DOUBLINGS = np.repeat((1.0, 1.5, 2.0), 8)
GROWTH = SHARES * DOUBLINGS[:, None]
BEST = np.array([0.2, 0.5, 0.3])
OFFERED = np.array([(d, w, 20 - d - w) for d in range(21) for w in range(21 - d)]) / 20


def planted(growth: np.ndarray, doublings: np.ndarray) -> np.ndarray:
    """Highest where the shares are ``BEST``; there, 3 points more for each doubling."""
    off = growth / doublings[:, None] - BEST
    top1: np.ndarray = 0.5 + doublings * (0.03 - 0.2 * (off**2).sum(axis=1))
    return top1


def test_a_planted_optimum_is_found() -> None:
    surface = fit_surface(GROWTH, DOUBLINGS, planted(GROWTH, DOUBLINGS))
    assert surface.explains
    assert surface.error < 0.1 * surface.mean_error
    index = highest(surface, OFFERED, np.ones(len(OFFERED)))
    assert OFFERED[index] == pytest.approx(BEST, abs=0.051)
    unseen = np.array([[0.3, 0.3, 0.4]])
    assert surface.top1(unseen, np.ones(1)) == pytest.approx(planted(unseen, np.ones(1)), abs=0.005)


def test_noise_is_not_explained() -> None:
    """What is left out is foretold no better than by the mean: the surface says so itself."""
    explained = 0
    for seed in range(10):
        noise = np.random.default_rng(seed).normal(0.6, 0.03, len(GROWTH))
        explained += fit_surface(GROWTH, DOUBLINGS, noise).explains
    assert explained <= 4


def test_resamples_agree_where_there_is_no_noise_and_scatter_where_there_is() -> None:
    offered = [(OFFERED, np.ones(len(OFFERED)))]
    top1 = planted(GROWTH, DOUBLINGS)
    none = np.zeros(len(top1))
    sure = resampled_highest(GROWTH, DOUBLINGS, top1, none, offered=offered, resamples=40)
    unsure = resampled_highest(GROWTH, DOUBLINGS, top1, none + 0.05, offered=offered, resamples=40)
    assert sure.shape == (40, 1)
    assert OFFERED[sure[:, 0]].std(axis=0).max() < 0.05
    assert OFFERED[unsure[:, 0]].std(axis=0).max() > 2 * OFFERED[sure[:, 0]].std(axis=0).max()


def test_equal_sets_give_equal_answers_in_every_resample() -> None:
    one = (OFFERED, np.ones(len(OFFERED)))
    found = resampled_highest(
        GROWTH, DOUBLINGS, planted(GROWTH, DOUBLINGS), np.full(24, 0.03), offered=[one, one], resamples=20
    )
    assert (found[:, 0] == found[:, 1]).all()


def test_few_networks_make_no_surface() -> None:
    with pytest.raises(ValueError, match=r"^`top1` must be of at least 8 networks, got 7$"):
        fit_surface(GROWTH[:7], DOUBLINGS[:7], np.full(7, 0.5))
