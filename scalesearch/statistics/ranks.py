"""How one list of accuracies ranks networks against another: Kendall's tau, its interval, the regret."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau

FEWEST_NETWORKS = 3
"""Two networks can only agree or disagree: no interval says anything about that."""
RESAMPLES = 4000
SEED = 1905
LOW, HIGH = 2.5, 97.5

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankAgreement:
    """How one list of accuracies ranks networks against another; see :func:`rank_agreement`."""

    tau: float
    tau_low: float
    tau_high: float
    regret: float
    networks: int


def rank_agreement(short: Sequence[float], long: Sequence[float]) -> RankAgreement:
    """Kendall's tau-b of two lists of accuracies, and what choosing by the first one costs in the second.

    The 95% interval is the percentile bootstrap over networks, with a fixed seed. It is too narrow for few
    networks, and for a tau of 1 it has no width at all. Where one list is constant it ranks nothing and tau
    is undefined: 0, anywhere from -1 to 1, stands in its place.

    The regret is ``max(long)`` less what ``long`` gives to the network that is best in ``short``; where
    several are best there, the mean over them, which is what choosing one of them blindly costs.

    Args:
        short: accuracy of each network by the run to be judged, as fractions.
        long: accuracy of the same networks, in the same order, by the reference.

    Raises:
        ValueError: if the two differ in length, hold fewer than three networks or a value not finite.
    """
    x, y = _checked(short, long)
    chosen = y[x == x.max()]
    regret = float((y.max() - chosen).mean())
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return RankAgreement(tau=0.0, tau_low=-1.0, tau_high=1.0, regret=regret, networks=len(x))
    low, high = np.percentile(_resampled_tau(x, y), (LOW, HIGH))
    return RankAgreement(
        tau=float(kendalltau(x, y).statistic),
        tau_low=float(low),
        tau_high=float(high),
        regret=regret,
        networks=len(x),
    )


def _checked(short: Sequence[float], long: Sequence[float]) -> tuple[Floats, Floats]:
    x, y = np.asarray(short, dtype=np.float64), np.asarray(long, dtype=np.float64)
    if len(x) != len(y):
        raise ValueError(f"`short` and `long` must be of one length, got {len(x)} and {len(y)}")
    if len(x) < FEWEST_NETWORKS:
        raise ValueError(f"at least {FEWEST_NETWORKS} networks must be ranked, got {len(x)}")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("`short` and `long` must be finite numbers; leave out networks without an accuracy")
    return x, y


def _resampled_tau(x: Floats, y: Floats) -> Floats:
    """tau-b of bootstrap samples of the networks; samples of one single network or value are left out.

    A sample is how often each network was drawn. tau-b is a ratio of sums over pairs of signs, so samples
    only weight the pairs: all of them are two products of matrices.
    """
    n = len(x)
    drawn = np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), size=RESAMPLES).astype(np.float64)
    signs_x, signs_y = np.sign(x[:, None] - x), np.sign(y[:, None] - y)

    def total(pairs: Floats) -> Floats:
        return np.asarray(((drawn @ pairs) * drawn).sum(axis=1))

    untied = total(signs_x**2) * total(signs_y**2)
    kept = untied > 0
    return total(signs_x * signs_y)[kept] / np.sqrt(untied[kept])
