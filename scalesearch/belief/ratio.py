"""Whether two things differ in time at all: the ratio of their times, with its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from scalesearch.belief.resampling import (
    LEVEL,
    Floats,
    bootstrap_interval,
    checked,
    generator,
    half_t_interval,
    ordered,
    resampled_medians,
)

__all__ = ["RatioSummary", "log_blocks", "ratio_of_pairs", "ratio_of_samples"]


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
