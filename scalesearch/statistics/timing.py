"""Intervals of timings, and of ratios of timings taken in turn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from scalesearch.statistics.summaries import (
    LEVEL,
    Floats,
    bootstrap_interval,
    checked,
    generator,
    half_t_interval,
    ordered,
    resampled_medians,
)

# ----------------------------------------------------------------------------------------------------
# What the timings of one network show: a median, its spread, and how sure it is.

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


# ----------------------------------------------------------------------------------------------------
# Whether two things differ in time at all: the ratio of their times, with its interval.


@dataclass(frozen=True, slots=True, kw_only=True)
class RatioSummary:
    """How many times as long B takes as A: time of B over time of A, with its 95% interval.

    Attributes:
        ratio: 2 where B takes twice as long as A.
        low: lower end of the interval.
        high: its upper end.
        samples: pairs, or samples of the side with fewer.
        processes: processes, or those of the side with fewer; see :class:`TimingSummary` on 1.
    """

    ratio: float
    low: float
    high: float
    samples: int
    processes: int

    @property
    def shown(self) -> bool:
        """Whether a difference is shown: False where the interval holds 1."""
        return not self.low <= 1 <= self.high


def ratio_of_pairs(processes: Sequence[Sequence[tuple[float, float]]]) -> RatioSummary:
    """Time of B over time of A from passes in turn, A B B A, in each of several fresh processes.

    Two pairs that follow one another, one begun by A and one by B, make a block: the mean of their log
    ratios, in which a drift of the machine and the advantage of coming second cancel. A process gives the
    median of its blocks; the ratio is the median over processes, its interval made as in :func:`summarise`.
    Exchanging A and B gives the reciprocal of all three.

    Args:
        processes: for each process the (a, b) seconds of its pairs, in order.

    Raises:
        ValueError: as :func:`summarise`.
    """
    if not processes:
        raise ValueError("`processes` must hold at least one process, got none")
    blocks = [log_blocks(pairs) for pairs in processes]
    pairs = sum(map(len, processes))
    middle = float(np.median([np.median(run) for run in blocks]))
    # Drawn for the ratio that is above 1, so that exchanging A and B draws the same.
    sign = -1.0 if middle < 0 else 1.0
    runs = ordered([sign * run for run in blocks])
    reach = half_t_interval(np.array([np.median(run) for run in runs]))
    bounds = bootstrap_interval(resampled_medians(runs, generator()))
    return _ratio(sign * middle, bounds, reach, sign, samples=pairs, processes=len(runs))


def ratio_of_samples(a: Sequence[Sequence[float]], b: Sequence[Sequence[float]]) -> RatioSummary:
    """Time of B over time of A from samples that were taken apart, such as those of two finished runs.

    Both medians are those of :func:`summarise`; the bootstrap draws the two independently, and Welch's t
    takes the place of Student's. A side of one process is taken to vary between processes as the other does.
    A drift of the machine from one to the other is in the ratio: :func:`ratio_of_pairs` has none.

    Args:
        a: for each process of A its samples in seconds.
        b: likewise of B.

    Raises:
        ValueError: as :func:`summarise`.
    """
    runs = (checked(a, "a"), checked(b, "b"))
    medians = tuple(np.array([np.median(run) for run in side]) for side in runs)
    middle = math.log(float(np.median(medians[1])) / float(np.median(medians[0])))
    sign = -1.0 if middle < 0 else 1.0
    slow, fast = (1, 0) if sign > 0 else (0, 1)
    rng = generator()
    drawn = np.log(resampled_medians(runs[slow], rng)) - np.log(resampled_medians(runs[fast], rng))
    reach = _welch(np.log(medians[slow]), np.log(medians[fast]))
    return _ratio(
        sign * middle,
        bootstrap_interval(drawn),
        reach,
        sign,
        samples=min(sum(len(run) for run in side) for side in runs),
        processes=min(len(side) for side in runs),
    )


def log_blocks(pairs: Sequence[tuple[float, float]]) -> Floats:
    """Logarithms of b / a: means of two neighbouring pairs; of an odd number the last stays by itself.

    Args:
        pairs: the (a, b) seconds of one process, in order.

    Raises:
        ValueError: if there is no pair, or a time is not a finite number > 0.
    """
    if not pairs:
        raise ValueError("`pairs` must hold at least one pair, got none")
    times = np.asarray(pairs, dtype=np.float64).reshape(-1, 2)
    _ = checked([times.ravel()], "pairs")
    ratios = np.log(times[:, 1] / times[:, 0])
    whole = len(ratios) - len(ratios) % 2
    return np.concatenate((ratios[:whole].reshape(-1, 2).mean(axis=1), ratios[whole:]))


def _ratio(
    middle: float, bounds: tuple[float, float], reach: float, sign: float, *, samples: int, processes: int
) -> RatioSummary:
    """The summary from logarithms: those of the ratio, or of its reciprocal where ``sign`` is -1."""
    low, high = min(bounds[0], middle - reach), max(bounds[1], middle + reach)
    ends = sorted((sign * low, sign * high))
    return RatioSummary(
        ratio=math.exp(sign * middle),
        low=math.exp(ends[0]),
        high=math.exp(ends[1]),
        samples=samples,
        processes=processes,
    )


def _welch(one: Floats, other: Floats) -> float:
    """Half of Welch's 95% interval of the difference of two means; 0 where neither side has a spread."""
    known = [float(side.var(ddof=1)) if len(side) > 1 else None for side in (one, other)]
    if known == [None, None]:
        return 0.0
    parts, freedom = [], 0.0
    for side, variance, borrowed in zip((one, other), known, reversed(known), strict=True):
        part = (variance if variance is not None else borrowed or 0.0) / len(side)
        parts.append(part)
        freedom += part**2 / (len(side) - 1) if variance is not None else 0.0
    total = sum(parts)
    if freedom == 0:  # processes that agree to the last digit
        return 0.0
    # A side that borrows its variance brings no freedom of its own: the lender's is all there is.
    degrees = total**2 / freedom if None not in known else max(len(one), len(other)) - 1
    return float(stdtrit(degrees, LEVEL)) * math.sqrt(total)
