"""Panels side by side, one for each machine and setup, since nothing else may be compared."""

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
from matplotlib.ticker import Formatter, FuncFormatter, LogLocator, NullFormatter

from scalesearch.belief.timing import UNSTABLE
from scalesearch.report.measure.rows import MeasureRow, common_label, setup_titles, short_names
from scalesearch.report.style import COLOURS, FAINT, GREY, INK, legend_below, legend_mark, new_figure, plain

__all__ = [
    "CLOSE",
    "SHAKY",
    "STEADY",
    "Panel",
    "by_name",
    "log_axis",
    "make_panels",
    "mark",
    "mark_legend",
    "mark_missing",
    "name_axes",
    "plain_number",
    "right_line",
]

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
