"""What the timings of one network show: a median, its spread, and how sure it is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scalesearch.belief.resampling import (
    Floats,
    bootstrap_interval,
    checked,
    generator,
    half_t_interval,
    resampled_medians,
)

__all__ = ["UNSTABLE", "TimingSummary", "summarise"]

UNSTABLE = 0.10
"""A timing whose IQR is more than this share of its median is marked unstable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimingSummary:
    """What the samples of one network in one setup say; see :func:`summarise`.

    Attributes:
        median_s: seconds for one pass: the median of the processes' medians.
        first_s: the first quartile of all samples, each process counting the same.
        third_s: the third.
        p90_s: the 90th percentile of all samples, each process counting the same.
        low_s: lower end of the 95% interval of ``median_s``.
        high_s: its upper end.
        samples: how many there are in all.
        processes: how many fresh processes they come from. From 1 the interval knows only the spread within
            it, and says nothing of how far the next process would differ.
    """

    median_s: float
    first_s: float
    third_s: float
    p90_s: float
    low_s: float
    high_s: float
    samples: int
    processes: int

    @property
    def iqr_s(self) -> float:
        """The distance between the quartiles."""
        return self.third_s - self.first_s

    @property
    def spread(self) -> float:
        """The IQR as a share of the median."""
        return self.iqr_s / self.median_s

    @property
    def unstable(self) -> bool:
        """Whether the spread exceeds :data:`UNSTABLE`."""
        return self.spread > UNSTABLE


def summarise(processes: Sequence[Sequence[float]]) -> TimingSummary:
    """Median, spread and interval of the samples of several fresh processes.

    The median is that of the processes' medians. Processes differ from one another (where memory came to lie,
    which core, how warm) by more than samples within one do, so a process is one observation, however many
    samples it took; a process that went astray does not move the figure. It lies between the quartiles of all
    samples. Those, and the 90th percentile, weigh each sample by one over its process's number of samples,
    so they hold the differences between processes too: processes that disagree make a timing unstable.

    The interval (95%) is the wider, on each side, of two about the same median:

    - the percentile bootstrap that draws processes with replacement, then samples within each;
    - Student's t on the logarithms of the processes' medians, where there are two processes or more. With few
      processes the bootstrap alone is too narrow (three cannot reach past the extremes of three, which cover
      the truth 3 times in 4).

    Both are deterministic: same samples, in any order, same interval.

    Args:
        processes: for each process its samples, in seconds for one pass of a whole batch.

    Raises:
        ValueError: if there is no process, one has no samples, or a sample is not a finite number > 0.
    """
    runs = checked(processes, "processes")
    medians = np.array([np.median(run) for run in runs])
    median = float(np.median(medians))
    first, third, p90 = _pooled_quantiles(runs, (0.25, 0.75, 0.9))
    low, high = bootstrap_interval(resampled_medians(runs, generator()))
    reach = math.exp(half_t_interval(np.log(medians)))
    return TimingSummary(
        median_s=median,
        first_s=first,
        third_s=third,
        p90_s=p90,
        low_s=min(low, median / reach),
        high_s=max(high, median * reach),
        samples=sum(len(run) for run in runs),
        processes=len(runs),
    )


def _pooled_quantiles(runs: Sequence[Floats], levels: Sequence[float]) -> tuple[float, ...]:
    """Quantiles of all samples, each process of the same weight, linear between samples.

    With equally many samples in each process they are numpy's default quantiles of the pooled samples.
    """
    values = np.concatenate(runs)
    weights = np.concatenate([np.full(len(run), 1 / len(run)) for run in runs])
    order = np.lexsort((weights, values))
    values, weights = values[order], weights[order]
    middles = np.cumsum(weights) - weights / 2
    if len(values) == 1:
        return tuple(float(values[0]) for _ in levels)
    levels_at = (middles - middles[0]) / (middles[-1] - middles[0])
    return tuple(float(value) for value in np.interp(levels, levels_at, values))
