"""Figures of a law."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from scalesearch.commands.law.evidence import DIMENSIONS, kind_rows, law_titles
from scalesearch.commands.measure.figures import CLOSE, right_line
from scalesearch.commands.measure.rows import short_names
from scalesearch.page.shares import share_point, small_triangle
from scalesearch.page.style import (
    COLOURS,
    FAINT,
    GREY,
    INK,
    MARKERS,
    Label,
    house_style,
    legend_below,
    legend_mark,
    new_figure,
    place_labels,
    plain,
    settle,
)
from scalesearch.records import CostLaw, LawRecord, Setup
from scalesearch.records.timings import Triple

# ----------------------------------------------------------------------------------------------------
# The figures of a cost law: held-out networks, and where the time goes by kind of layer.

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


# ----------------------------------------------------------------------------------------------------
# The figures of the split: what each dimension costs in time, and where a budget goes by that.

BLUE, ORANGE = COLOURS["highest"], COLOURS["paper"]


def prices_figure(record: LawRecord) -> Figure | None:
    """How much longer a pass takes with twice the multiply-adds, by where they go; None without prices."""
    if not record.prices:
        return None
    setups = list(dict.fromkeys(price.setup for price in record.prices))
    titles = law_titles(setups)
    with house_style():
        figure = new_figure("Twice the multiply-adds: how much longer a pass takes", 2.2 + 1.0 * len(setups))
        axes = figure.subplots()
        axes.axvline(2, color=INK, linewidth=1.2)
        axes.axvline(1, color=GREY, linewidth=1)
        for price in record.prices:
            line = setups.index(price.setup)
            y = line + 0.24 * (DIMENSIONS.index(price.dimension) - 1)
            colour, marker = COLOURS[price.dimension], MARKERS[price.dimension]  # type: ignore[index]  # one of three
            if price.measured:
                ratio, low, high = price.measured
                axes.plot([low, high], [y, y], color=colour, linewidth=1.8, zorder=3)
                axes.plot(ratio, y, marker, color=colour, markersize=8, markeredgecolor="white", zorder=4)
            axes.plot(
                *(price.built_latency_ratio, y, marker),
                color="none",
                markeredgecolor=colour,
                markeredgewidth=1.4,
                markersize=11,
                zorder=5,
            )
        axes.set_yticks(range(len(setups)), [titles[s] for s in setups])
        axes.set_ylim(len(setups) - 0.5, -0.5)
        axes.grid(visible=False, axis="y")
        axes.margins(x=0.06)
        axes.set_xlabel(f"time over that of {plain(record.baseline)}")
        for x, text, side in ((1, "no longer", "center"), (2, "as much as multiply-adds", "right")):
            axes.text(x, -0.54, text, ha=side, va="bottom", fontsize=9, color=GREY)
        handles = [legend_mark(MARKERS[name], name, "white", fill=COLOURS[name]) for name in DIMENSIONS]
        handles += [
            Line2D([], [], color=GREY, linewidth=1.8, marker="o", label="measured, 95% interval"),
            legend_mark("o", "by the law", GREY, width=1.4),
        ]
        legend_below(figure, handles, 5)
    return figure


def split_figure(record: LawRecord) -> Figure | None:
    """The multiplier of each dimension under the two budgets, by rule and setup; None without splits."""
    if not record.splits:
        return None
    setups = list(dict.fromkeys(split.setup for split in record.splits))
    rules = list(dict.fromkeys(split.rule for split in record.splits))
    titles = law_titles(setups)
    lines = len(setups) * len(rules)
    with house_style():
        figure = new_figure("The same rule, with time as the budget", 2.4 + 0.42 * lines)
        panels = figure.subplots(1, 3, sharex=True, sharey=True)
        ticks: list[str] = []
        y = 0
        for rule in rules:
            for setup in setups:
                pair = {s.budget: s for s in record.splits if (s.rule, s.setup) == (rule, setup)}
                before, after = pair["macs"], pair["latency"]
                for axes, name in zip(panels, DIMENSIONS, strict=True):
                    start, end = getattr(before, name), getattr(after, name)
                    colour = COLOURS[name]
                    axes.annotate(
                        "",
                        xy=(end, y),
                        xytext=(start, y),
                        arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 1.4},
                    )
                    axes.plot(
                        *(start, y, "o"),
                        color="white",
                        markeredgecolor=GREY,
                        markersize=7,
                        markeredgewidth=1.4,
                    )
                    axes.plot(end, y, MARKERS[name], color=colour, markersize=8, markeredgecolor="white")
                where = titles[setup]
                ticks.append(f"{rule}\n{where}" if len(rules) > 1 else where)
                y += 1
        for axes, name in zip(panels, DIMENSIONS, strict=True):
            axes.set_title(name, color=COLOURS[name])
            axes.set_xlabel("times the baseline's")
            axes.margins(x=0.1)
            axes.grid(visible=False, axis="y")
            axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
        panels[0].set_yticks(range(lines), ticks)
        panels[0].set_ylim(lines - 0.5, -0.5)
        legend_below(
            figure,
            [
                legend_mark("o", "twice the multiply-adds", GREY, fill="white", width=1.4),
                legend_mark("D", "twice the time by the law", "white", fill=GREY),
            ],
            2,
        )
    return figure


def best_figure(record: LawRecord) -> Figure | None:
    """Where resampled accuracies put the best split under each budget; None without a run that says it."""
    best = next((one for one in record.best if one.latency_cloud), None)
    if best is None:
        return None
    with house_style():
        figure = new_figure("Where the best split may lie, by one run's accuracies", 4.6)
        panels = figure.subplots(1, 2)
        shown = (
            ("twice the multiply-adds", best.macs_cloud, best.macs),
            (f"twice the time: {_short_title(best.setup, record)}", best.latency_cloud, best.latency),
        )
        for axes, (title, cloud, point) in zip(panels, shown, strict=True):
            axes.set_title(title, pad=8)
            small_triangle(axes)
            _bubbles(axes, cloud, point)
        legend_below(
            figure,
            [
                legend_mark("o", "share of surfaces that put it here, by area", "white", fill=BLUE),
                legend_mark("*", "by the surface as fitted", "white", fill=ORANGE),
            ],
            2,
        )
        settle(figure)
    return figure


def _bubbles(axes: Axes, cloud: Sequence[Triple], point: Triple | None) -> None:
    for shares, times in Counter(cloud).items():
        x, y = _at(shares)
        axes.plot(
            *(x, y, "o"),
            color=BLUE,
            alpha=0.6,
            markeredgewidth=0,
            markersize=34 * math.sqrt(times / len(cloud)),
            zorder=4,
            clip_on=False,
        )
    if point is not None:
        axes.plot(
            *_at(point), "*", color=ORANGE, markeredgecolor="white", markersize=14, zorder=6, clip_on=False
        )


def _at(shares: Triple) -> tuple[float, float]:
    depth, width, _ = shares
    return share_point(depth, width)


def _short_title(setup: Setup, record: LawRecord) -> str:
    return law_titles([law.setup for law in record.laws])[setup]
