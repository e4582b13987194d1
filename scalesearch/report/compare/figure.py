"""The figure of a comparison: the ratio of the times, process by process, with its interval."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scalesearch.belief.ratio import RatioSummary, log_blocks
from scalesearch.records import CompareRecord
from scalesearch.report.style import (
    COLOURS,
    GREY,
    INK,
    house_style,
    legend_below,
    legend_mark,
    new_figure,
    plain,
)

__all__ = ["compare_figure"]

DOT, BAND = COLOURS["highest"], COLOURS["paper"]
WIDTH = 0.34
"""Half of the room that a process's dots take up along the axis, in which they stand in their order."""
LEAST = 0.02
"""The axis shows at least this far above and below a ratio, so that noise does not look like a difference."""
FURTHEST = 3.0
"""The axis shows no end of the interval further than this factor from the ratio."""


def compare_figure(
    record: CompareRecord, ratio: RatioSummary | None, names: tuple[str, str]
) -> Figure | None:
    """Ratios by process with the interval, or the samples of both sides where they were not timed in turn.

    None where there is nothing to compare.
    """
    if ratio is None:
        return None
    with house_style():
        figure = new_figure("Time of B over time of A" if record.pairs else "Time of A and of B", 4.8)
        axes = figure.subplots()
        axes.set_title(f"A: {plain(names[0])}\nB: {plain(names[1])}", pad=8)
        if record.pairs:
            _ratios(axes, record, ratio)
            handles = [
                legend_mark("o", "a block A B B A, in order", "white", fill=DOT),
                legend_mark("_", "median of one process", INK, width=1.6),
                Line2D([], [], color=BAND, linewidth=7, alpha=0.25, label="95% interval of the ratio"),
                Line2D([], [], color=BAND, linewidth=1.6, label="ratio"),
                Line2D([], [], color=GREY, linewidth=1, linestyle=(0, (4, 2)), label="no difference"),
            ]
        else:
            _sides(axes, record)
            handles = [
                legend_mark("o", "one sample, in order", "white", fill=DOT),
                legend_mark("_", "median of one process", INK, width=1.6),
            ]
        legend_below(figure, handles, 3)
    return figure


def _ratios(axes: Axes, record: CompareRecord, ratio: RatioSummary) -> None:
    blocks = [np.exp(log_blocks(pairs)) for pairs in record.pairs]
    axes.axhline(1, color=GREY, linewidth=1, linestyle=(0, (4, 2)), zorder=1)
    axes.axhspan(ratio.low, ratio.high, color=BAND, alpha=0.25, linewidth=0, zorder=1)
    axes.axhline(ratio.ratio, color=BAND, linewidth=1.6, zorder=2)
    # The process's median is taken on logarithms, as the ratio is.
    _columns(
        axes, [values.tolist() for values in blocks], [float(np.exp(np.median(np.log(b)))) for b in blocks]
    )
    _limit(axes, [float(value) for values in blocks for value in values], ratio)
    axes.set_xticks(range(len(blocks)), [str(index) for index in range(1, len(blocks) + 1)])
    axes.set_xlabel("process")
    axes.set_ylabel("time of B / time of A")


def _sides(axes: Axes, record: CompareRecord) -> None:
    columns, labels = [], []
    for side, row in (("A", record.a), ("B", record.b)):
        runs = [samples for samples in row.samples_s if samples]
        columns += [[1e3 * second for second in samples] for samples in runs]
        labels += [f"{side}{index}" for index in range(1, len(runs) + 1)]
    _columns(axes, columns, [float(np.median(values)) for values in columns])
    axes.set_xticks(range(len(labels)), labels)
    axes.set_xlabel("side and process")
    axes.set_ylabel("ms for the whole batch")


def _columns(axes: Axes, columns: Sequence[Sequence[float]], medians: Sequence[float]) -> None:
    for index, (values, middle) in enumerate(zip(columns, medians, strict=True)):
        x = index + np.linspace(-WIDTH, WIDTH, len(values)) if len(values) > 1 else [index]
        size = 5 if len(columns) <= 12 else 3
        axes.plot(x, values, "o", color=DOT, markersize=size, alpha=0.75, markeredgecolor="white", zorder=3)
        axes.plot([index - WIDTH, index + WIDTH], [middle, middle], color=INK, linewidth=1.6, zorder=4)
    axes.set_xlim(-0.6, len(columns) - 0.4)


def _limit(axes: Axes, shown: Sequence[float], ratio: RatioSummary) -> None:
    """All dots and a ratio of 1, a little around the ratio, and of an interval that bounds nothing a part."""
    middle = ratio.ratio
    low = min(*shown, 1, middle * (1 - LEAST), max(ratio.low, middle / FURTHEST))
    high = max(*shown, 1, middle * (1 + LEAST), min(ratio.high, middle * FURTHEST))
    axes.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))
