"""The figures of a cost law: held-out networks, and where the time goes by kind of layer."""

from __future__ import annotations

import math
import re

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from scalesearch.records import CostLaw, LawRecord
from scalesearch.report.labels import Label, place_labels
from scalesearch.report.law.evidence import kind_rows, law_titles
from scalesearch.report.measure.panels import CLOSE, right_line
from scalesearch.report.measure.rows import short_names
from scalesearch.report.style import (
    COLOURS,
    FAINT,
    INK,
    house_style,
    legend_below,
    legend_mark,
    new_figure,
    plain,
)

__all__ = ["held_out_figure", "kinds_figure"]

NAMED = 2
"""So many of the worst predictions of a panel are named."""
BLUE, ORANGE = COLOURS["highest"], COLOURS["paper"]
# In the order of the bars; dark and light take turns, so that neighbours differ in grey too.
KIND_COLOURS = {
    "pointwise": "#0072b2",
    "depthwise": "#7cc4ee",
    "spatial": "#1d3557",
    "squeeze-excite": "#e69f00",
    "norm": "#00785a",
    "activation": "#8fd3b6",
    "add": "#c44e00",
    "linear": "#a3478f",
    "other": "#c9ced4",
}
LEAST_LABELLED = 0.06
"""A part of a bar narrower than this share of the longest has no room for its number."""


def held_out_figure(record: LawRecord) -> Figure | None:
    """Predicted against measured time of networks that the law was not fitted on; None without a law."""
    if not record.laws:
        return None
    titles = law_titles([law.setup for law in record.laws])
    columns = min(2, len(record.laws))
    lines = math.ceil(len(record.laws) / columns)
    with house_style():
        figure = new_figure("Predicted for networks the law never saw", 1.6 + 3.9 * lines)
        grid = np.atleast_1d(figure.subplots(lines, columns)).ravel()
        for axes in grid[len(record.laws) :]:
            axes.remove()
        for axes, law in zip(grid, record.laws, strict=False):
            axes.set_title(titles[law.setup])
            _held_out(axes, law)
            axes.set_xlabel("measured (ms for a whole batch)")
            axes.set_ylabel("predicted (ms)")
        legend_below(
            figure,
            [
                legend_mark("o", "within 10%", "white", fill=BLUE),
                legend_mark("o", "farther off", ORANGE, fill="white", width=1.4),
                Line2D([], [], color=FAINT, linewidth=7, alpha=0.5, label=" 10% either side"),
            ],
            3,
        )
        for axes, law in zip(grid, record.laws, strict=False):
            _name_worst(axes, law)
    return figure


def _held_out(axes: Axes, law: CostLaw) -> None:
    times = [1e3 * value for row in law.held_out for value in (row.measured_s, row.predicted_s)]
    right_line(axes, times, 1.3)
    for row in law.held_out:
        near = abs(row.error) <= CLOSE
        axes.plot(
            *(1e3 * row.measured_s, 1e3 * row.predicted_s, "o"),
            markersize=6.5,
            color=BLUE if near else "white",
            markeredgecolor="white" if near else ORANGE,
            markeredgewidth=0.6 if near else 1.4,
            zorder=4,
        )
    axes.tick_params(labelsize=9)


def _name_worst(axes: Axes, law: CostLaw) -> None:
    names = short_names([row.name for row in law.held_out])
    worst = sorted(law.held_out, key=lambda row: -abs(row.error))[:NAMED]
    labels = [
        Label(
            x=1e3 * row.measured_s,
            y=1e3 * row.predicted_s,
            text=f"{plain(_short(names[row.name]))}  {row.error:+.0%}",
            colour=ORANGE,
        )
        for row in worst
        if abs(row.error) > CLOSE
    ]
    low, high = axes.get_xlim()
    points = [(1e3 * row.measured_s, 1e3 * row.predicted_s) for row in law.held_out]
    place_labels(axes, labels, [(low, low, high, high), *[(x, y, x, y) for x, y in points] * 2])


def _short(name: str) -> str:
    """A scaled network by its multipliers alone."""
    return re.sub(r"^.*?(d[\d.]+-w[\d.]+-r\d+)$", r"\1", name)


def kinds_figure(record: LawRecord) -> Figure | None:
    """Time of the baseline and of its doublings by kind of layer, as stacked bars; None without any."""
    rows = kind_rows(record)
    if not rows:
        return None
    kinds = [kind for kind in KIND_COLOURS if any(kind in row.seconds for row in rows)]
    longest = max(row.total for row in rows)
    digits = 0 if longest >= 1 else 1 if longest >= 0.01 else 2
    with house_style():
        figure = new_figure("Where the time of a pass goes", 2.3 + 0.62 * len(rows))
        axes = figure.subplots()
        if record.kinds_setup:
            axes.set_title(record.kinds_setup.label, pad=8)
        for y, row in enumerate(rows):
            left = 0.0
            for kind in kinds:
                width = row.seconds.get(kind, 0.0)
                colour = KIND_COLOURS[kind]
                axes.barh(y, 1e3 * width, 0.66, 1e3 * left, color=colour, edgecolor="white", linewidth=0.7)
                if width >= LEAST_LABELLED * longest:
                    axes.text(
                        *(1e3 * (left + width / 2), y, f"{1e3 * width:,.{digits}f}"),
                        ha="center",
                        va="center",
                        fontsize=9,
                        color="white" if _dark(colour) else INK,
                    )
                left += width
            axes.text(1e3 * left, y, f"  {1e3 * left:,.{digits}f} ms", va="center", ha="left", fontsize=9.5)
        axes.set_yticks(range(len(rows)), [plain(row.label) for row in rows])
        axes.set_ylim(len(rows) - 0.45, -0.55)
        axes.set_xlim(0, 1.13e3 * longest)
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("ms for one pass of a whole batch")
        figure.legend(
            handles=[Patch(color=KIND_COLOURS[kind], label=kind) for kind in kinds],
            loc="outside lower center",
            ncols=min(6, len(kinds)),
            handlelength=1.2,
        )
    return figure


def _dark(colour: str) -> bool:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue < 140
