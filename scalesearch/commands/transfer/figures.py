"""The figures of several searches: exchange rates side by side, and the splits that may be best."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scalesearch.commands.transfer.evidence import PAPER_SPLIT, Side, Transfer
from scalesearch.page.markdown import percent
from scalesearch.page.shares import share_point, small_triangle
from scalesearch.page.style import (
    COLOURS,
    FAINT,
    GREY,
    house_style,
    legend_below,
    legend_mark,
    new_figure,
    plain,
)

HUES = ("highest", "paper", "depth", "width", "resolution")
SHAPES = ("o", "s", "^", "D", "v")
ROOM = 0.7
"""Of the height between two rates, what the marks of the searches take up."""
COLUMNS = 3
MOST = 12
"""Searches that a figure draws."""
REGION = "#c9dff0"


def rates_figure(transfer: Transfer) -> Figure:
    """What moving a tenth of the compute brings in each search, side by side, with 95% intervals."""
    sides = transfer.sides[:MOST]
    rates = [side.answer.rates for side in sides]
    with house_style():
        figure = new_figure("What moving a tenth of the compute brings", 2.3 + 0.28 * 3 * max(2, len(sides)))
        axes = figure.subplots()
        axes.set_title(
            "points of held-out top-1; bars: 95% intervals, for the three of a search at once", pad=8
        )
        axes.axvline(0, color=GREY, linewidth=1)
        handles = []
        for place, side in enumerate(sides):
            colour = COLOURS[HUES[place % len(HUES)]]  # type: ignore[index]
            marker = SHAPES[(place + place // len(HUES)) % len(SHAPES)]
            aside = ROOM * ((place + 0.5) / len(sides) - 0.5)
            for row, rate in enumerate(rates[place]):
                y, points = row + aside, rate.points
                axes.plot([points.low, points.high], [y, y], color=colour, linewidth=1.8, zorder=3)
                axes.plot(
                    *([points.value], [y], marker),
                    color=colour,
                    markersize=8,
                    markeredgecolor="white",
                    zorder=4,
                )
            handles.append(Line2D([], [], color=colour, marker=marker, markersize=7, label=plain(side.name)))
        axes.set_yticks(range(len(rates[0])), [f"{rate.giver}\nto {rate.taker}" for rate in rates[0]])
        axes.set_ylim(len(rates[0]) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("points of top-1 for each tenth of the compute")
        legend_below(figure, handles, COLUMNS)
    return figure


def splits_figure(transfer: Transfer) -> Figure:
    """The splits that may be the best in each search, and what was trained, a triangle for each."""
    sides = transfer.sides[:MOST]
    columns = min(COLUMNS, len(sides))
    rows = -(-len(sides) // columns)
    with house_style():
        figure = new_figure("Which splits of the compute may be the best", 1.3 + (5.6 / columns) * rows)
        grid = np.atleast_1d(figure.subplots(rows, columns)).ravel()
        for axes in grid[len(sides) :]:
            axes.remove()
        for axes, side in zip(grid, sides, strict=False):
            _panel(axes, side, 150 / columns)
        handles = [
            legend_mark("h", "may be the best", REGION, fill=REGION),
            legend_mark("o", "trained, as built", FAINT, fill="white"),
            legend_mark("*", "highest fitted", COLOURS["highest"], fill=COLOURS["highest"]),
            legend_mark("D", "the paper's rule", COLOURS["paper"], width=1.8),
        ]
        legend_below(figure, handles, 4)
    return figure


def _panel(axes: Axes, side: Side, room: float) -> None:
    """A search's triangle; ``room`` says how large marks may be, about a third of its side in points."""
    answer = side.answer
    small_triangle(axes)
    if side.surface.different:
        region = answer.splits[answer.region]
        x, y = share_point(region[:, 0], region[:, 1])  # type: ignore[arg-type]
        axes.plot(x, y, "h", color=REGION, markersize=room / 6, markeredgewidth=0, zorder=1.5)
    trained = np.unique(np.asarray(side.surface.trained.splits, float), axis=0)
    within = trained[(trained >= -0.02).all(axis=1)]
    dots: dict[str, Any] = {"color": "white", "markeredgecolor": GREY, "markeredgewidth": 0.9}
    x, y = share_point(within[:, 0], within[:, 1])  # type: ignore[arg-type]
    axes.plot(x, y, "o", markersize=4.5, zorder=4, **dots)
    paper, best = share_point(*PAPER_SPLIT[:2]), share_point(*answer.best[:2])
    ring: dict[str, Any] = {"color": "none", "markeredgecolor": COLOURS["paper"], "markeredgewidth": 1.8}
    axes.plot(*(*paper, "D"), markersize=9, zorder=5, **ring)
    if side.surface.different:
        axes.plot(*(*best, "*"), color=COLOURS["highest"], markeredgecolor="white", markersize=16, zorder=6)
    # A surface that shows chance alone has no best split to draw.
    may_be = f"{percent(answer.open_share, 0)} of splits may be best"
    notes = [plain(side.name), may_be if side.surface.different else "no split stands out"]
    if outside := len(trained) - len(within):
        notes.append(f"{outside} networks lie outside")
    axes.set_title("\n".join(notes), pad=8, fontsize=9.5)
