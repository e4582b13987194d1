"""Means, intervals and comparisons over seeds; resampling; planned comparisons."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit
from scipy.stats import t

from scalesearch.records import ReliabilityRecord

# ----------------------------------------------------------------------------------------------------
# Networks over their seeds: means, standard deviations, intervals; corrections for lists of comparisons.
#
# S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6
# (1979), is for lists of comparisons that were chosen before looking.

SIGNIFICANCE = 0.05
CONFIDENCE = 0.95
ROUNDING = 1e-12
"""Sums of squares below this, relative to the values', are the noise of binary arithmetic: they are 0."""

Rows = Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedSummary:
    """One network over its seeds.

    ``sd`` is its own standard deviation (None for one seed). ``low`` and ``high`` bound its expected top-1
    with 95% confidence: ``mean -+ t(0.975, df) * s / sqrt(seeds)``, with ``s`` and ``df`` pooled within all
    networks; None where no network has two seeds.
    """

    seeds: int
    mean: float
    sd: float | None
    low: float | None
    high: float | None


def seed_summaries(top1: Rows) -> tuple[SeedSummary, ...]:
    """Mean, standard deviation and interval of each network; their numbers of seeds may differ.

    Raises:
        ValueError: if a network has no value, or one that is not finite.
    """
    rows = [_row(row) for row in top1]
    df = sum(len(row) - 1 for row in rows)
    squares = sum(_squares(row - row.mean(), row) for row in rows)
    reach = float(t.ppf((1 + CONFIDENCE) / 2, df)) * math.sqrt(squares / df) if df else None
    halves = [None if reach is None else reach / math.sqrt(len(row)) for row in rows]
    return tuple(
        SeedSummary(
            seeds=len(row),
            mean=float(row.mean()),
            sd=math.sqrt(_squares(row - row.mean(), row) / (len(row) - 1)) if len(row) > 1 else None,
            low=None if half is None else float(row.mean()) - half,
            high=None if half is None else float(row.mean()) + half,
        )
        for row, half in zip(rows, halves, strict=True)
    )


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm's step-down correction: the i-th smallest of m becomes ``max over j <= i of (m - j + 1) * p_j``.

    Raises:
        ValueError: if a value is not within 0 to 1.
    """
    if any(not 0 <= p <= 1 for p in p_values):
        raise ValueError(f"`p_values` must be within 0 to 1, got {list(p_values)}")
    order = np.argsort(p_values, kind="stable")
    scaled = np.asarray(p_values, dtype=np.float64)[order] * np.arange(len(order), 0, -1)
    corrected = np.empty(len(order))
    corrected[order] = np.minimum(1, np.maximum.accumulate(scaled))
    return tuple(float(p) for p in corrected)


def _row(values: Sequence[float]) -> NDArray[np.float64]:
    row = np.asarray(values, dtype=np.float64)
    if row.ndim != 1 or not len(row) or not np.isfinite(row).all():
        raise ValueError(f"`top1` must hold at least one finite value per network, got {list(values)}")
    return row


def _squares(residuals: NDArray[np.float64], values: NDArray[np.float64]) -> float:
    """The sum of squares of ``residuals``, 0 where it is only the rounding of ``values``."""
    total = float((residuals**2).sum())
    return 0.0 if total <= ROUNDING**2 * float((values**2).sum()) else total


# ----------------------------------------------------------------------------------------------------
# How sure a figure is that was drawn anew: intervals of resampled values.
#
# Of timings the medians are resampled, with Student's t where processes are few. A process is one
# observation, however many samples it took: see ``statistics.timing``.

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


# ----------------------------------------------------------------------------------------------------
# Comparisons of pairs of networks that were chosen before looking, all at once, with their noise pooled.

DRAWS = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How far one network is ahead of another, as one of several comparisons that all hold at once.

    ``low`` to ``high`` is the 95% interval of ``difference`` and ``p`` its two-sided probability, both
    by the largest of as many t statistics: the interval leaves out 0 where ``p`` is below 5%. ``df`` are the
    degrees of freedom of the noise.
    """

    difference: float
    low: float
    high: float
    p: float
    df: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """How fast accuracy rises along a line, with its 95% interval and the degrees of freedom of the noise."""

    slope: float
    low: float
    high: float
    df: int


def planned_comparisons(
    top1: Sequence[Sequence[float]], pairs: Sequence[tuple[int, int]], lists: int = 1
) -> tuple[Comparison, ...]:
    """The first less the second network of each pair, by t tests in randomised blocks that all hold at once.

    The model is that of the summaries above: a seed moves all networks alike, and what is left is
    noise of one variance. Estimated from all ``n`` networks over ``k`` seeds it has ``(n - 1) * (k - 1)``
    degrees of freedom, where a t test of one pair alone has ``k - 1``: with three seeds that alone would
    show next to nothing once corrected for several comparisons. With two networks both are the same test.
    Several comparisons are judged by the largest of their t statistics, correlated as they are; its
    distribution is simulated, and of one pair it is Student's.

    Args:
        top1: networks x seeds; column j is the same seed for all.
        pairs: indices of the networks to compare.
        lists: how many such lists of comparisons, of other networks, are to hold at once (Z. Sidak's
            correction).

    Raises:
        ValueError: if there are fewer than two networks or two seeds, rows differ in length, or a value is
            not finite.
    """
    values = _table(top1)
    seeds = values.shape[1]
    means = values.mean(axis=1)
    spread, df = _noise(values)
    nothing = ROUNDING * float(np.abs(values).max())
    error = spread * math.sqrt(2 / seeds)
    level = CONFIDENCE ** (1 / lists)
    differences = [float(means[first] - means[second]) for first, second in pairs]
    largest = _largest(len(values), pairs, df) if len(pairs) > 1 and error else None
    if largest is None:
        reach = float(t.ppf((1 + level) / 2, df)) * error
    else:
        reach = float(np.quantile(largest, level)) * error

    def p(difference: float) -> float:
        if not error:
            return 1.0 if abs(difference) <= nothing else 0.0
        if largest is None:
            own = float(2 * t.sf(abs(difference) / error, df))
        else:
            own = float((1 + (largest >= abs(difference) / error).sum()) / (1 + len(largest)))
        return own if lists == 1 else float(-np.expm1(lists * np.log1p(-min(own, 1 - 1e-15))))

    return tuple(
        Comparison(
            difference=difference, low=difference - reach, high=difference + reach, p=p(difference), df=df
        )
        for difference in differences
    )


def means_reach(top1: Sequence[Sequence[float]]) -> float:
    """Half the width of the 95% intervals of all networks' means at once, with the noise of all pooled.

    Args:
        top1: networks x seeds; column j is the same seed for all.

    Raises:
        ValueError: as :func:`planned_comparisons`.
    """
    values = _table(top1)
    spread, df = _noise(values)
    rng = np.random.default_rng(SEED)
    means = np.abs(rng.standard_normal((len(values), DRAWS))).max(axis=0)
    largest = means / np.sqrt(rng.chisquare(df, DRAWS) / df)
    return float(np.quantile(largest, CONFIDENCE)) * spread / math.sqrt(values.shape[1])


def _largest(networks: int, pairs: Sequence[tuple[int, int]], df: int) -> NDArray[np.float64]:
    """Draws of the largest of the pairs' t statistics, sizes alone, where no network differs."""
    rng = np.random.default_rng(SEED)
    means = rng.standard_normal((networks, DRAWS))
    largest = np.zeros(DRAWS)
    for first, second in pairs:
        np.maximum(largest, np.abs(means[first] - means[second]), out=largest)
    return np.asarray(largest / math.sqrt(2) / np.sqrt(rng.chisquare(df, DRAWS) / df))


def planned_slope(x: Sequence[float], top1: Sequence[Sequence[float]]) -> Slope:
    """The least-squares line through the networks' means over ``x``, its noise that of all networks pooled.

    Args:
        x: where each network stands, such as the binary logarithm of its cost.
        top1: networks x seeds; column j is the same seed for all.

    Returns:
        The rise for each unit of ``x``; its interval is of these networks over endlessly many seeds.

    Raises:
        ValueError: if ``top1`` is not such a table (see :func:`planned_comparisons`), or all ``x`` are equal.
    """
    values = _table(top1)
    centred = np.array(x, dtype=np.float64) - np.mean(x)
    squares = float((centred**2).sum())
    if len(centred) != len(values) or squares == 0:
        raise ValueError(f"`x` must hold {len(values)} numbers that are not all equal, got {list(x)}")
    # Of the means less their own mean, so that equal ones give a slope of exactly 0.
    above = values.mean(axis=1) - values.mean()
    nothing = ROUNDING * float(np.abs(values).max())
    slope = 0.0 if np.abs(above).max() <= nothing else float(centred @ above) / squares
    spread, df = _noise(values)
    reach = float(t.ppf((1 + CONFIDENCE) / 2, df)) * spread / math.sqrt(squares * values.shape[1])
    return Slope(slope=slope, low=slope - reach, high=slope + reach, df=df)


def _table(top1: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """The table as numbers (networks, seeds), checked."""
    sizes = sorted({len(row) for row in top1})
    if len(top1) < 2 or len(sizes) != 1 or sizes[0] < 2:
        raise ValueError(
            f"`top1` must hold two or more networks with the same two or more seeds, got {len(top1)} "
            f"networks with {' or '.join(map(str, sizes)) or 'no'} seeds"
        )
    values = np.array(top1, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ValueError("`top1` must hold finite numbers; leave out networks without an accuracy")
    return values


def _noise(values: NDArray[np.float64]) -> tuple[float, int]:
    """What neither network nor seed explains: its standard deviation and degrees of freedom."""
    networks, seeds = values.shape
    df = (networks - 1) * (seeds - 1)
    residuals = values - values.mean(axis=1)[:, None] - values.mean(axis=0) + values.mean()
    spread = math.sqrt(float((residuals**2).sum()) / df)
    return (0.0 if spread <= ROUNDING * float(np.abs(values).max()) else spread), df


# ----------------------------------------------------------------------------------------------------
# How far the recipes that come with the package can be trusted, where that was measured.

CONDITIONS = (
    *("baseline", "baseline_width", "baseline_resolution", "baseline_channel_divisor"),
    *("dataset", "recipe", "images", "batch_size"),
)
"""The settings that a figure belongs to: under others it says nothing."""

CHANGES = (
    *("baseline_arch", "baseline_resolution_width", "stem_stride", "in_channels", "start"),
    "recipe_values",
)
"""Settings that make another network of the baseline where they are set, or start from other weights; nothing
was measured for those."""


def measured_reliability(settings: Mapping[str, Any]) -> tuple[ReliabilityRecord, ...]:
    """What was found for runs of these settings; empty where nobody measured it.

    The figures are those of ``scalesearch fidelity`` in the reports named by their source, read from
    ``reliability.csv``.
    """
    if any(settings.get(name) is not None for name in CHANGES):
        return ()
    text = files("scalesearch.statistics").joinpath("reliability.csv").read_text("utf-8")
    asked = tuple(str(settings.get(name)) for name in CONDITIONS)
    return tuple(
        ReliabilityRecord(
            images=int(row["images"]),
            reference_images=int(row["reference_images"]),
            **{name: float(row[name]) for name in ("tau", "tau_low", "tau_high", "regret")},
            networks=int(row["networks"]),
            seeds=int(row["seeds"]),
            source=row["source"],
        )
        for row in csv.DictReader(text.splitlines())
        if tuple(row[name] for name in CONDITIONS) == asked
    )
