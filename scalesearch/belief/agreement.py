"""Whether two searches agree: on the order of their networks, and on the best one.

Accuracies are networks by seeds, with the seed as a block, as in ``belief.seeds``; the seeds of two searches
are independent of one another.

Sources: A. B. Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1 (2007), for tables whose rows
and columns are both samples; J. C. Hsu, "Multiple Comparisons: Theory and Methods" (1996), chapter 4, for
the interval of the distance from the best.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scalesearch.belief.fidelity import FEWEST_NETWORKS
from scalesearch.belief.resampling import Floats, bootstrap_interval, generator
from scalesearch.belief.seeds import SIGNIFICANCE, Rows, against_best, critical_range

__all__ = [
    "Loss",
    "Tau",
    "Weighted",
    "best_chances",
    "half_seeds_tau",
    "loss_from_best",
    "tau_between",
    "weighted",
]

SAME_MEAN = 12
"""Decimals of a mean accuracy: further ones are the rounding of sums."""
RESAMPLES = 2000
MOST_SEEDS = 10
"""Up to so many seeds all their halves are taken; of more, as many as there are seeds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tau:
    """Kendall's tau-b over ``classes`` classes with its 95% interval."""

    tau: float
    low: float
    high: float
    classes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """How far a network is behind the best of its search, as a fraction of top-1, with a 95% interval."""

    loss: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighted:
    """A mean with the 95% interval of what it is the mean of."""

    mean: float
    low: float
    high: float


def tau_between(first: Rows, second: Rows) -> Tau | None:
    """Kendall's tau-b of the mean accuracies of two searches, class by class; None where it is undefined.

    The 95% interval is a pigeonhole bootstrap: classes and the seeds of each search are drawn anew, each by
    themselves. Seeds drawn with replacement make noisier means than all seeds do, so that the draws lie lower
    than the tau that was measured; they are moved back by the difference of the medians. The interval is of
    the tau that other classes and as many other seeds would give: noise keeps that below the tau of the true
    accuracies. It is conservative rather than narrow, but with few classes a bootstrap misses what it has not
    seen.

    Args:
        first: classes x seeds of the one search.
        second: the same classes x seeds of the other; it may have other seeds, and another number of them.

    Raises:
        ValueError: if there are fewer than three classes, the two differ in them, or a value is not finite.
    """
    one, other = _same_classes(first, second)
    tau = _tau(_means(one), _means(other))
    if tau is None:
        return None
    one, other = _in_one_order(one, other)
    rng, classes = generator(), len(one)
    rows = rng.multinomial(classes, np.full(classes, 1 / classes), size=RESAMPLES).astype(np.float64)
    weights = [
        rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=RESAMPLES) / seeds
        for seeds in (one.shape[1], other.shape[1])
    ]
    drawn = [
        _tau(np.round(one @ w, SAME_MEAN), np.round(other @ v, SAME_MEAN), times)
        for times, w, v in zip(rows, *weights, strict=True)
    ]
    known = np.array([value for value in drawn if value is not None])
    low, high = bootstrap_interval(known - np.median(known) + tau) if known.size else (-1.0, 1.0)
    return Tau(tau=tau, low=max(-1.0, min(low, tau)), high=min(1.0, max(high, tau)), classes=classes)


def half_seeds_tau(top1: Rows) -> Tau | None:
    """The tau-b that one half of a search's seeds has with the other, the mean over ways to halve them.

    What two searches can agree at most when nothing but the seeds differs: means over all seeds agree
    somewhat better than means over half of them. The interval is a bootstrap over classes. None for a single
    seed, or where a half is all alike.

    Raises:
        ValueError: as :func:`tau_between`.
    """
    values, _ = _same_classes(top1, top1)
    classes, seeds = values.shape
    halves = [
        (_means(values[:, list(half)]), _means(np.delete(values, list(half), axis=1)))
        for half in _halves(seeds)
    ]
    known = [(x, y) for x, y in halves if np.ptp(x) and np.ptp(y)]
    if not known:
        return None
    order = sorted(range(classes), key=lambda i: tuple(values[i]))
    rows = generator().multinomial(classes, np.full(classes, 1 / classes), size=RESAMPLES // 4)
    tau = [_tau(x, y) for x, y in known]
    drawn = []
    for times in rows.astype(np.float64):
        several = [_tau(x[order], y[order], times) for x, y in known]
        if defined := [value for value in several if value is not None]:
            drawn.append(sum(defined) / len(defined))
    middle = sum(value for value in tau if value is not None) / len(tau)
    low, high = bootstrap_interval(np.array(drawn)) if drawn else (-1.0, 1.0)
    return Tau(tau=middle, low=min(low, middle), high=max(high, middle), classes=classes)


def loss_from_best(top1: Rows, index: int) -> Loss:
    """What choosing network ``index`` gives away against the best of its search.

    The interval is that of multiple comparisons with the best, from Tukey's simultaneous ones: it covers the
    best having been picked from the same data, and it holds 0 exactly where the network is in the winning
    set. It is for a network that was chosen by other data than these, such as another search's.

    Raises:
        ValueError: as ``seeds.against_best``, or if there is no such network.
    """
    test = against_best(top1)
    if not 0 <= index < len(test.means):
        raise ValueError(f"`index` must be from 0 to {len(test.means) - 1}, got {index}")
    half = critical_range(len(test.means), test.df, SIGNIFICANCE) * math.sqrt(test.residual_ms / test.seeds)
    loss = test.difference(index)
    ahead = max(mean for other, mean in enumerate(test.means) if other != index) - test.means[index]
    # The test's own verdict, so that rounding cannot set the two at odds.
    low = 0.0 if test.p[index] >= SIGNIFICANCE else max(0.0, loss - half)
    return Loss(loss=loss, low=low, high=max(0.0, ahead + half))


def best_chances(top1: Rows) -> tuple[float, ...]:
    """The chance of each network to be truly the best, in the order of ``top1``.

    True accuracies are taken to be the means with Student's t noise of the residual mean square, as by one
    who knew nothing beforehand; the chance is how often a network comes out best when they are drawn anew.

    Raises:
        ValueError: as ``seeds.against_best``.
    """
    test, rng = against_best(top1), generator()
    means = np.array(test.means)
    # Drawn in the order of the accuracies: a search means the same however its networks are listed.
    order = np.array(sorted(range(len(means)), key=lambda i: (means[i], tuple(top1[i]))))
    spread = np.sqrt(test.residual_ms / test.seeds * test.df / rng.chisquare(test.df, size=RESAMPLES))
    noise = rng.standard_normal((RESAMPLES, len(means))) * spread[:, None]
    best = order[np.argmax(means[order] + noise, axis=1)]
    return tuple(float(count) / RESAMPLES for count in np.bincount(best, minlength=len(means)))


def weighted(values: Sequence[float], weights: Sequence[float]) -> Weighted:
    """Mean and 95% interval of values that come up as often as their weights say.

    Raises:
        ValueError: if the two differ in length, or no weight is above 0.
    """
    if len(values) != len(weights) or not sum(weights) > 0:
        raise ValueError(f"`weights` must hold a weight per value, {len(values)} of them, got {weights!r}")
    low, high = np.quantile(values, (0.025, 0.975), weights=weights, method="inverted_cdf")
    return Weighted(mean=float(np.average(values, weights=weights)), low=float(low), high=float(high))


def _same_classes(first: Rows, second: Rows) -> tuple[Floats, Floats]:
    one, other = (np.asarray(rows, dtype=np.float64) for rows in (first, second))
    if len(one) != len(other):
        raise ValueError(f"`first` and `second` must hold the same classes, got {len(one)} and {len(other)}")
    if len(one) < FEWEST_NETWORKS:
        raise ValueError(f"at least {FEWEST_NETWORKS} classes must be ranked, got {len(one)}")
    for values in (one, other):
        if values.ndim != 2 or not values.shape[1] or not np.isfinite(values).all():
            raise ValueError("`first` and `second` must hold a finite value per class and seed")
    return one, other


def _means(values: Floats) -> Floats:
    return np.asarray(np.round(values.mean(axis=1), SAME_MEAN))


def _in_one_order(one: Floats, other: Floats) -> tuple[Floats, Floats]:
    """Both with their classes, and themselves, in an order that hangs on no list: draws are the same."""
    pairs = list(zip(one.tolist(), other.tolist(), strict=True))
    first, second = zip(*min(sorted(pairs), sorted((y, x) for x, y in pairs)), strict=True)
    return np.array(first), np.array(second)


def _tau(x: Floats, y: Floats, times: Floats | None = None) -> float | None:
    """tau-b of lists in which item i occurs ``times[i]`` times; None where one of them is constant."""
    weights = np.ones(len(x)) if times is None else times
    drawn = weights > 0
    x, y, weights = x[drawn], y[drawn], weights[drawn]
    signs_x, signs_y = np.sign(x[:, None] - x), np.sign(y[:, None] - y)

    def total(pairs: Floats) -> float:
        return float(weights @ pairs @ weights)

    untied = total(signs_x**2) * total(signs_y**2)
    # Sums of whole numbers, so that lists of one order have a tau of 1 and not of almost 1.
    return total(signs_x * signs_y) / math.sqrt(untied) if untied else None


def _halves(seeds: int) -> list[tuple[int, ...]]:
    """Ways to take half of the seeds, the smaller half of an odd number; none of a single seed."""
    size = seeds // 2
    if not size:
        return []
    if seeds > MOST_SEEDS:
        return [tuple((start + step) % seeds for step in range(size)) for start in range(seeds)]
    found = itertools.combinations(range(seeds), size)
    # A half and the other one are the same way.
    return [half for half in found if 2 * size < seeds or 0 in half]
