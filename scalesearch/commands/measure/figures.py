"""Figures of a measurement."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, Formatter, FuncFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from scalesearch.commands.measure.rows import MeasureRow, common_label, setup_titles, short_names
from scalesearch.page.style import (
    COLOURS,
    FAINT,
    GREY,
    INK,
    Label,
    Segment,
    house_style,
    legend_below,
    legend_mark,
    new_figure,
    place_labels,
    plain,
    settle,
)
from scalesearch.statistics.timing import UNSTABLE

# ----------------------------------------------------------------------------------------------------
# Panels side by side, one for each machine and setup, since nothing else may be compared.

MOST_PANELS = 12
CLOSE = 0.10
"""The band around a law's line: within 10% of what was measured."""
FEW_NAMES = 10
"""More networks than this are named upright along the axis."""
MOST_NAMES = 56
"""Of more networks than this only some are named; half as many where panels stand side by side."""
CHARACTERS = 90
"""About as many as fit along a panel of the whole width."""
STEADY, SHAKY = COLOURS["highest"], COLOURS["paper"]
TITLE_WIDTH = 44
MISSING = {"out of memory": ("x", SHAKY), "failed": ("+", INK)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A panel: its axes, and the rows of one machine and setup."""

    axes: Axes
    rows: Sequence[MeasureRow]


def make_panels(
    title: str,
    rows: Sequence[MeasureRow],
    shown: Callable[[MeasureRow], bool],
    labels: tuple[str, str],
    *,
    share: bool = True,
) -> tuple[Figure, list[Panel]]:
    """A figure with a panel for each machine and setup of which something is shown.

    Args:
        title: of the figure.
        rows: all rows; a panel has those of its machine and setup.
        shown: whether a row has a value for this figure.
        labels: of the x axis and the y axis.
        share: whether all panels have the same scales.
    """
    keys = list(dict.fromkeys(row.panel for row in rows if shown(row)))
    drawn = keys[:MOST_PANELS]
    machines = {machine for machine, _ in keys}
    titles = setup_titles(setup for _, setup in keys)
    columns = min(2, len(drawn))
    lines = math.ceil(len(drawn) / columns)
    if len(keys) > len(drawn):
        title += f" (the first {len(drawn)} of {len(keys)} setups)"
    figure = new_figure(title, 5.2 if lines == 1 else 1.4 + 2.9 * lines)
    grid = figure.subplots(lines, columns, sharex=share, sharey=share, squeeze=False)
    panels = []
    for index, (machine, setup) in enumerate(drawn):
        axes = grid.flat[index]
        own = titles[setup] if len(titles) > 1 or len(machines) == 1 else ""
        parts = [f"machine {plain(machine)}"] if len(machines) > 1 else []
        text = ": ".join([*parts, *([own] if own else [])])
        width = TITLE_WIDTH if columns > 1 else 2 * TITLE_WIDTH
        axes.set_title("\n".join(textwrap.wrap(text, width)), pad=6)
        last_of_column = index + columns >= len(drawn)
        axes.set_xlabel(labels[0] if last_of_column or not share else "")
        axes.tick_params(labelbottom=last_of_column or not share)
        axes.set_ylabel(labels[1] if index % columns == 0 else "")
        panels.append(Panel(axes=axes, rows=[row for row in rows if row.panel == (machine, setup)]))
    for axes in grid.flat[len(drawn) :]:
        axes.set_visible(False)
    return figure, panels


def mark(row: MeasureRow) -> dict[str, Any]:
    """How the point of a measured row is drawn: hollow where it is unstable."""
    shaky = row.summary is not None and row.summary.unstable
    return {
        "marker": "o",
        "markersize": 6.5,
        "linestyle": "",
        "color": "white" if shaky else STEADY,
        "markeredgecolor": SHAKY if shaky else "white",
        "markeredgewidth": 1.6 if shaky else 0.8,
    }


def mark_missing(panel: Panel, rows: Sequence[MeasureRow]) -> None:
    """A mark at the top of the panel for each network that has no figure in it for a reason."""
    for x, row in by_name(panel, rows):
        if row.measurement.outcome in MISSING:
            marker, colour = MISSING[row.measurement.outcome]
            panel.axes.plot(
                *(x, 0.95),
                marker=marker,
                markersize=7,
                color=colour,
                markeredgewidth=1.8,
                transform=panel.axes.get_xaxis_transform(),
            )


def mark_legend(
    figure: Figure, handles: Sequence[Line2D], panels: Sequence[Panel], *, shaky: bool, missing: bool
) -> None:
    """The legend below: ``handles``, and the marks of unstable and missing figures where there are any."""
    rows, more = [row for panel in panels for row in panel.rows], list(handles)
    if shaky and any(row.summary and row.summary.unstable for row in rows):
        text = f"unstable: IQR over {UNSTABLE:.0%} of the median"
        more.append(legend_mark("o", text, SHAKY, fill="white", width=1.6))
    if missing:
        more += [
            legend_mark(marker, outcome, colour, width=1.8)
            for outcome, (marker, colour) in MISSING.items()
            if any(row.measurement.outcome == outcome for row in rows)
        ]
    legend_below(figure, more, min(len(more), 3))
    if shared := common_label(row.measurement.setup for row in rows):
        figure.legends[-1].set_title(f"everywhere: {shared}", prop=FontProperties(size=9.5))


def by_name(panel: Panel, rows: Sequence[MeasureRow]) -> list[tuple[int, MeasureRow]]:
    """The panel's rows with their place along an axis of all networks."""
    places = {name: index for index, name in enumerate(_order(rows))}
    return [(places[row.measurement.name], row) for row in panel.rows]


def _order(rows: Sequence[MeasureRow]) -> list[str]:
    """The networks' names in the run's order, or from cheap to dear where they are many."""
    macs = {row.measurement.name: row.measurement.macs for row in rows}
    return list(macs) if len(macs) <= FEW_NAMES else sorted(macs, key=lambda name: (macs[name], name))


def name_axes(panels: Sequence[Panel], rows: Sequence[MeasureRow]) -> None:
    """Networks' names along the x axes, upright where there are many."""
    names = short_names([row.measurement.name for row in rows])
    texts = [plain(names[name]) for name in _order(rows)]
    room = CHARACTERS // min(len(panels), 2)
    upright = len(texts) > FEW_NAMES or sum(len(text) + 2 for text in texts) > room
    step = math.ceil(len(texts) / (MOST_NAMES // min(len(panels), 2)))
    for panel in panels:
        panel.axes.set_xticks(
            range(0, len(texts), step),
            texts[::step],
            rotation=90 if upright else 0,
            fontsize=8 if len(texts) > FEW_NAMES else 9.5,
        )
        panel.axes.set_xlim(-0.6, len(texts) - 0.4)


def log_axis(axis: Axis, formatter: Formatter) -> None:
    """Ticks at 1, 2 and 5 times the powers of ten where there is room, else at the powers."""
    low, high = sorted(axis.get_view_interval())
    steps = (1, 2, 5) if math.log10(high / low) < 2.5 else (1,)
    axis.set_major_locator(LogLocator(subs=steps))
    axis.set_major_formatter(formatter)
    axis.set_minor_formatter(NullFormatter())


def right_line(axes: Axes, times: Iterable[float], room: float) -> None:
    """Log axes of predicted against measured ``times``, the line where they are equal, and a band about it.

    ``room`` is the factor by which the axes go beyond the times; a time predicted as 0 has no place on them.
    """
    positive = [value for value in times if value > 0]
    ends = np.array([min(positive) / room, max(positive) * room])
    axes.fill_between(ends, ends * (1 - CLOSE), ends * (1 + CLOSE), color=FAINT, alpha=0.4, linewidth=0)
    axes.plot(ends, ends, color=GREY, linewidth=1)
    axes.set(xscale="log", yscale="log", xlim=tuple(ends), ylim=tuple(ends))
    log_axis(axes.xaxis, plain_number())
    log_axis(axes.yaxis, plain_number())


def plain_number() -> Formatter:
    """Numbers in full: 0.5, 20, 5,000."""
    return FuncFormatter(lambda value, _: f"{value:,.10g}")


# ----------------------------------------------------------------------------------------------------
# The figures of a measure command: latency, throughput, memory, and what a cost law makes of them.

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
