"""What a page and a figure say of measured latencies: how steady they were, and on which machine."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from scalesearch.records import CandidateRecord, LatencyRecord
from scalesearch.statistics.timing import UNSTABLE


def latency_quartiles(latency: LatencyRecord) -> tuple[float, float, float]:
    """Lower quartile, median and upper quartile of the samples, in seconds per batch."""
    return _quartiles(latency.samples_s)


@lru_cache(maxsize=2**15)  # a report asks for the same ones some twenty times
def _quartiles(samples_s: tuple[float, ...]) -> tuple[float, float, float]:
    low, middle, high = np.percentile(samples_s, (25, 50, 75))
    return float(low), float(middle), float(high)


def latency_median(latency: LatencyRecord | None) -> float | None:
    """The median of the samples in seconds per batch; None where there are none."""
    return None if latency is None or not latency.samples_s else latency_quartiles(latency)[1]


def unstable(latency: LatencyRecord | None) -> bool:
    """Whether the interquartile range is more than 10% of the median."""
    if latency is None or not latency.samples_s:
        return False
    low, middle, high = latency_quartiles(latency)
    return high - low > UNSTABLE * middle


def latency_text(latency: LatencyRecord | None) -> str:
    """``6.28 ms``, with a word where it is unstable; blank where it is unknown."""
    median = latency_median(latency)
    if median is None:
        return ""
    return f"{1e3 * median:.3g} ms" + (" (unstable)" if unstable(latency) else "")


def machines(candidates: Iterable[CandidateRecord]) -> tuple[str, ...]:
    """The keys of the machines that latencies were measured on, sorted; empty for one never recorded."""
    return tuple(sorted({c.latency.machine for c in candidates if c.latency and c.latency.samples_s}))


def unstable_of(latencies: Iterable[LatencyRecord | None]) -> tuple[int, int]:
    """How many latencies are unstable, and how many there are."""
    known = [latency for latency in latencies if latency_median(latency) is not None]
    return sum(map(unstable, known)), len(known)
