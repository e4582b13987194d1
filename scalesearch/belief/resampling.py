"""How sure a figure is that was drawn anew: intervals of resampled values.

Of timings the medians are resampled, with Student's t where processes are few. A process is one observation,
however many samples it took: see ``belief.timing``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

__all__ = [
    "LEVEL",
    "Floats",
    "bootstrap_interval",
    "checked",
    "generator",
    "half_t_interval",
    "ordered",
    "resampled_medians",
]

RESAMPLES = 4000
SEED = 1905
LOW, HIGH = 2.5, 97.5
LEVEL = HIGH / 100
"""The quantile that a 95% interval reaches up to."""

Floats = NDArray[np.float64]


def checked(processes: Sequence[Sequence[float] | Floats], name: str) -> list[Floats]:
    """The samples of each process as arrays, in :func:`ordered` order.

    Raises:
        ValueError: naming the argument ``name``, if there is no process, one has no samples, or a sample is
            not a finite number > 0.
    """
    if not processes or not all(len(samples) for samples in processes):
        got = f"samples of {[len(samples) for samples in processes]}" if processes else "none"
        raise ValueError(f"`{name}` must hold at least one process, each with a sample, got {got}")
    runs = [np.asarray(samples, dtype=np.float64) for samples in processes]
    for run in runs:
        wrong = run[~(np.isfinite(run) & (run > 0))]
        if wrong.size:
            raise ValueError(f"`{name}` must hold finite seconds > 0, got {wrong[0]}")
    return ordered(runs)


def generator() -> np.random.Generator:
    """What all resampling draws from: the same samples give the same interval."""
    return np.random.default_rng(SEED)


def ordered(runs: Sequence[Floats]) -> list[Floats]:
    """Samples sorted within each process, processes sorted: what is drawn hangs on no order."""
    return sorted((np.sort(run) for run in runs), key=lambda run: (float(np.median(run)), run.tolist()))


def resampled_medians(runs: Sequence[Floats], rng: np.random.Generator) -> Floats:
    """Medians of process medians under the bootstrap of processes, then of samples within; (RESAMPLES,).

    The median of n draws from n sorted samples is the sample at a uniform order statistic's place, which is
    a beta variable: that is drawn rather than n samples.
    """
    chosen = rng.integers(len(runs), size=(RESAMPLES, len(runs)))
    medians = np.empty(chosen.shape)
    for index, run in enumerate(runs):
        here = chosen == index
        n, count = len(run), int(here.sum())
        middle = (n + 1) // 2
        lower = rng.beta(middle, n - middle + 1, size=count)
        upper = lower
        if n % 2 == 0:  # two in the middle: the next one up is the least of the n - middle draws above
            upper = lower + (1 - lower) * rng.beta(1, n - middle, size=count)
        places = [np.minimum((n * at).astype(np.intp), n - 1) for at in (lower, upper)]
        medians[here] = (run[places[0]] + run[places[1]]) / 2
    return np.asarray(np.median(medians, axis=1))


def bootstrap_interval(estimates: Floats) -> tuple[float, float]:
    """The 95% percentile interval of resampled estimates."""
    low, high = np.percentile(estimates, (LOW, HIGH))
    return float(low), float(high)


def half_t_interval(values: Floats) -> float:
    """Half of Student's 95% interval of the mean of ``values``; 0 for a single one, which has no spread."""
    n = len(values)
    return float(stdtrit(n - 1, LEVEL) * values.std(ddof=1) / math.sqrt(n)) if n > 1 else 0.0
