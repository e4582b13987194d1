"""The figures of the split: what each dimension costs in time, and where a budget goes by that."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from scalesearch.records import LawRecord, Setup
from scalesearch.records.law import Triple
from scalesearch.report.law.evidence import DIMENSIONS, law_titles
from scalesearch.report.shares.triangle import share_point, small_triangle
from scalesearch.report.style import (
    COLOURS,
    GREY,
    INK,
    MARKERS,
    house_style,
    legend_below,
    legend_mark,
    new_figure,
    plain,
    settle,
)

__all__ = ["best_figure", "prices_figure", "split_figure"]

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
            (f"twice the time: {_short(best.setup, record)}", best.latency_cloud, best.latency),
        )
        for axes, (title, cloud, point) in zip(panels, shown, strict=True):
            axes.set_title(title, pad=8)
            small_triangle(axes)
            _bubbles(axes, cloud, point)
        legend_below(
            figure,
            [
                legend_mark("o", "share of resamples that put it here, by area", "white", fill=BLUE),
                legend_mark("*", "by the run as it is", "white", fill=ORANGE),
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


def _short(setup: Setup, record: LawRecord) -> str:
    return law_titles([law.setup for law in record.laws])[setup]
