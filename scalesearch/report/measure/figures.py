"""The figures of a measure command: latency, throughput, memory, and what a cost law makes of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter
from numpy.typing import NDArray

from scalesearch.report.labels import Label, Segment, place_labels
from scalesearch.report.measure.panels import (
    CLOSE,
    SHAKY,
    STEADY,
    Panel,
    by_name,
    log_axis,
    make_panels,
    mark,
    mark_legend,
    mark_missing,
    name_axes,
    plain_number,
    right_line,
)
from scalesearch.report.measure.rows import MeasureRow, short_names
from scalesearch.report.style import FAINT, GREY, INK, house_style, legend_mark, plain, settle

__all__ = ["latency_figure", "law_figure", "memory_figure", "spread_figure", "throughput_figure"]

Floats = NDArray[np.float64]
LEAST_SPREAD, MOST_SPREAD = 6.0, 50.0
"""Percent that the axis of spreads shows at least and at most, on both sides of 0."""
FURTHEST = 3.0
"""The axis of latencies shows no interval further than this factor from its median."""
LEAST_RANGE = 4.0
"""A factor that the axis of multiply-adds per second spans at least."""

Place = Callable[[MeasureRow], tuple[float, float] | None]
"""Where a row stands in a panel; None where it does not."""


def latency_figure(rows: Sequence[MeasureRow]) -> Figure | None:
    """Median, quartiles and interval of each network's latency, by setup; None where nothing was measured."""
    if not any(row.summary for row in rows):
        return None
    with house_style():
        labels = ("", "ms for a whole batch, log scale")
        figure, panels = make_panels("Latency of one pass", rows, lambda row: row.summary is not None, labels)
        panels[0].axes.set_yscale("log")
        for panel in panels:
            for x, row in by_name(panel, rows):
                _latency_point(panel.axes, x, row)
        panels[0].axes.set_ylim(*_reach([row for panel in panels for row in panel.rows]))
        _tall(panels[0].axes, missing=any(row.summary is None for row in rows))
        for panel in panels:
            mark_missing(panel, rows)
        name_axes(panels, rows)
        log_axis(panels[0].axes.yaxis, plain_number())
        handles = [
            legend_mark("o", "median", "white", fill=STEADY),
            Line2D([], [], color=STEADY, linewidth=1.4, label="95% interval of the median"),
            Line2D([], [], color=STEADY, linewidth=7, alpha=0.3, label="quartiles of the samples"),
        ]
        mark_legend(figure, handles, panels, shaky=True, missing=True)
    return figure


def _latency_point(axes: Axes, x: int, row: MeasureRow) -> None:
    if (summary := row.summary) is None:
        return
    colour = SHAKY if summary.unstable else STEADY
    ends = [1e3 * summary.first_s, 1e3 * summary.third_s]
    axes.plot([x, x], ends, color=colour, linewidth=7, alpha=0.3, solid_capstyle="butt", zorder=2)
    ends = [1e3 * summary.low_s, 1e3 * summary.high_s]
    axes.plot([x, x], ends, color=colour, linewidth=1.4, zorder=3)
    axes.plot(x, 1e3 * summary.median_s, **mark(row), zorder=4)


def _reach(rows: Sequence[MeasureRow]) -> tuple[float, float]:
    """The least and the greatest time in ms that must be seen: two processes may bound nothing at all."""
    known = [row.summary for row in rows if row.summary is not None]
    low = min(min(s.first_s, max(s.low_s, s.median_s / FURTHEST)) for s in known)
    high = max(max(s.third_s, min(s.high_s, s.median_s * FURTHEST)) for s in known)
    return 1e3 * low, 1e3 * high


def _tall(axes: Axes, *, missing: bool) -> None:
    """Room on a log axis: a little on both sides, more at the top for the marks of what is missing."""
    low, high = axes.get_ylim()
    span = max(high / low, 2.0)
    axes.set_ylim(low / span**0.03, low * span ** (1.12 if missing else 1.03))


def spread_figure(rows: Sequence[MeasureRow]) -> Figure | None:
    """Each latency's quartiles, processes and interval as shares of its median; None without a latency."""
    if not any(row.summary for row in rows):
        return None
    with house_style():
        labels = ("", "% above or below the median")
        figure, panels = make_panels(
            "Spread of the samples, and how sure the median is",
            rows,
            lambda row: row.summary is not None,
            labels,
        )
        for panel in panels:
            panel.axes.axhline(0, color=GREY, linewidth=0.8, zorder=1)
            for x, row in by_name(panel, rows):
                _spread_point(panel.axes, x, row)
        low, high = panels[0].axes.get_ylim()
        panels[0].axes.set_ylim(
            max(min(low, -LEAST_SPREAD), -MOST_SPREAD), min(max(high, LEAST_SPREAD), MOST_SPREAD)
        )
        name_axes(panels, rows)
        handles = [
            Line2D([], [], color=STEADY, linewidth=7, alpha=0.3, label="quartiles of the samples"),
            Line2D([], [], color=STEADY, linewidth=1.4, label="95% interval of the median"),
            legend_mark("_", "median of one process", INK, width=1.4),
        ]
        mark_legend(figure, handles, panels, shaky=True, missing=False)
    return figure


def _spread_point(axes: Axes, x: int, row: MeasureRow) -> None:
    if (summary := row.summary) is None:
        return

    def share(seconds: float) -> float:
        return 100 * (seconds / summary.median_s - 1)

    colour = SHAKY if summary.unstable else STEADY
    ends = [share(summary.first_s), share(summary.third_s)]
    axes.plot([x, x], ends, color=colour, linewidth=7, alpha=0.3, solid_capstyle="butt", zorder=2)
    axes.plot([x, x], [share(summary.low_s), share(summary.high_s)], color=colour, linewidth=1.4, zorder=3)
    for samples in row.measurement.samples_s:
        axes.plot(x, share(float(np.median(samples))), "_", color=INK, markersize=8, zorder=4)
    if summary.unstable:
        axes.plot(x, 0, **mark(row), zorder=5)


def throughput_figure(rows: Sequence[MeasureRow]) -> Figure | None:
    """Multiply-adds per second against multiply-adds, with lines of equal images per second.

    If equal multiply-adds took equal time, all networks would stand at one height. None where there are not
    two networks of different cost.
    """
    if len({row.measurement.macs for row in rows if row.summary}) < 2:
        return None
    with house_style():
        figure, panels = make_panels(
            "How fast multiply-adds are done",
            rows,
            lambda row: row.summary is not None,
            ("multiply-adds for one image", "multiply-adds per second"),
        )
        axes = panels[0].axes
        axes.set(xscale="log", yscale="log")
        _points(panels, _efficiency_at)
        points = np.array([at for panel in panels for row in panel.rows if (at := _efficiency_at(row))])
        axes.set_xlim(*_stretched(points[:, 0], 1.0))
        axes.set_ylim(*_stretched(points[:, 1], LEAST_RANGE))
        log_axis(axes.xaxis, EngFormatter(sep=" "))
        log_axis(axes.yaxis, EngFormatter(sep=" "))
        handles = [
            legend_mark("o", "one network", "white", fill=STEADY),
            Line2D([], [], color=FAINT, linewidth=1, label="equal images per second"),
        ]
        mark_legend(figure, handles, panels, shaky=True, missing=False)
        settle(figure)
        _names(panels, rows, _efficiency_at, [_throughput_lines(panel.axes) for panel in panels])
    return figure


def _efficiency_at(row: MeasureRow) -> tuple[float, float] | None:
    return (float(row.measurement.macs), row.macs_per_s) if row.macs_per_s is not None else None


def _stretched(values: Floats, least: float) -> tuple[float, float]:
    """Limits of a log axis around ``values`` that lie at least a factor of ``least`` apart."""
    low, high = float(values.min()), float(values.max())
    around = max(math.sqrt(least / (high / low)), 1.0) * (high / low) ** 0.08 * 1.1
    return low / around, high * around


def _throughput_lines(axes: Axes) -> list[Segment]:
    """Lines of 1, 2 and 5 times powers of ten images per second, each named; what to keep clear."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    exponents = range(math.floor(math.log10(low / right)), math.ceil(math.log10(high / left)) + 1)
    steps = (1, 2, 5) if (high / left) / (low / right) < 3e3 else (1,)
    lines: list[Segment] = []
    for rate in (10.0**exponent * step for exponent in exponents for step in steps):
        start, end = max(left, low / rate), min(right, high / rate)
        if start >= end:
            continue
        axes.plot([start, end], [start * rate, end * rate], color=FAINT, linewidth=0.8, zorder=1)
        lines.append((start, start * rate, end, end * rate))
        if (end / start) ** 4 > right / left:  # not where the line just cuts a corner
            at = start * (end / start) ** 0.9
            text = axes.text(
                *(at, at * rate), f"{rate:,.10g}/s", ha="center", va="center", fontsize=8, color=GREY
            )
            text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1.0})
            reach = (right / left) ** 0.06
            lines += [(at / reach, at * rate, at * reach, at * rate)] * 3
    return lines


def memory_figure(rows: Sequence[MeasureRow]) -> Figure | None:
    """Peak memory of each network, by setup; None where none was measured."""
    if not any(row.measurement.peak_bytes for row in rows):
        return None
    with house_style():
        figure, panels = make_panels(
            "Peak memory of one pass",
            rows,
            lambda row: bool(row.measurement.peak_bytes),
            ("", "MiB, log scale"),
        )
        panels[0].axes.set_yscale("log")
        for panel in panels:
            for x, row in by_name(panel, rows):
                if row.measurement.peak_bytes:
                    peak = row.measurement.peak_bytes / 2**20
                    panel.axes.plot(x, peak, "o", markersize=6.5, color=STEADY, markeredgecolor="white")
        _tall(panels[0].axes, missing=any(row.summary is None for row in rows))
        for panel in panels:
            mark_missing(panel, rows)
        name_axes(panels, rows)
        log_axis(panels[0].axes.yaxis, plain_number())
        handles = [legend_mark("o", "most bytes allocated at once", "white", fill=STEADY)]
        mark_legend(figure, handles, panels, shaky=False, missing=True)
    return figure


def law_figure(rows: Sequence[MeasureRow]) -> Figure | None:
    """Latency as a cost law has it against latency as measured; None where no law was given."""
    if not any(_law_at(row) for row in rows):
        return None
    with house_style():
        figure, panels = make_panels(
            "Predicted by the cost law, and measured",
            rows,
            lambda row: _law_at(row) is not None,
            ("measured (ms)", "predicted (ms)"),
            share=False,
        )
        _points(panels, _law_at)
        for panel in panels:
            right_line(panel.axes, [value for row in panel.rows for value in _law_at(row) or ()], 1.4)
        handles = [
            legend_mark("o", "one network", "white", fill=STEADY),
            Line2D([], [], color=FAINT, linewidth=7, alpha=0.5, label=f"within {CLOSE:.0%} of the measured"),
        ]
        mark_legend(figure, handles, panels, shaky=True, missing=False)
        spans = [panel.axes.get_xlim() for panel in panels]
        _names(panels, rows, _law_at, [[(low, low, high, high)] for low, high in spans])
    return figure


def _law_at(row: MeasureRow) -> tuple[float, float] | None:
    if row.summary is None or row.prediction is None:
        return None
    return 1e3 * row.summary.median_s, 1e3 * row.prediction.seconds


def _points(panels: Sequence[Panel], place: Place) -> None:
    for panel in panels:
        for row in panel.rows:
            if (at := place(row)) is not None:
                panel.axes.plot(*at, **mark(row), zorder=4)


def _names(
    panels: Sequence[Panel], rows: Sequence[MeasureRow], place: Place, lines: Sequence[Sequence[Segment]]
) -> None:
    """Each point's network beside it, where there is room."""
    names = short_names([row.measurement.name for row in rows])
    for panel, around in zip(panels, lines, strict=True):
        points = [(at, row) for row in panel.rows if (at := place(row)) is not None]
        labels = [
            Label(x=x, y=y, text=plain(names[row.measurement.name]), optional=True) for (x, y), row in points
        ]
        clear = [*around, *[(x, y, x, y) for (x, y), _ in points] * 3]
        place_labels(panel.axes, labels, clear)
