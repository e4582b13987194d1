"""The figures of several searches held against one another: accuracies against accuracies, and the shares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from scalesearch.belief.common_classes import Triple, triple_key
from scalesearch.belief.seeds import seed_summaries
from scalesearch.report.evidence import PAPER
from scalesearch.report.labels import Label, Segment, place_labels
from scalesearch.report.shares.figure import share_point
from scalesearch.report.shares.shades import shade_scale
from scalesearch.report.shares.triangle import small_triangle
from scalesearch.report.style import (
    COLOURS,
    FAINT,
    GREY,
    INK,
    house_style,
    legend_below,
    legend_mark,
    new_figure,
    plain,
)
from scalesearch.report.transfer.agreement_evidence import Agreement, Side, triples_of
from scalesearch.report.transfer.evidence import Transfer
from scalesearch.report.transfer.tau_interval import tau_brief
from scalesearch.scaling import Coefficients, shares_of

__all__ = ["accuracies_figure", "shares_map_figure"]

MOST_PAIRS = 6
"""Panels of more pairs would be too small to read: the first ones are shown."""
ACROSS, UPWARDS = COLOURS["winner"], COLOURS["depth"]
COLUMNS = 2
PANEL_IN = 3.7
SIZE = 7.0


def accuracies_figure(transfer: Transfer) -> Figure | None:
    """Mean top-1 of each class of triples in one search against another; None where no two share a class."""
    pairs = [pair for pair in transfer.agreements if pair.joint.classes][:MOST_PAIRS]
    if not pairs:
        return None
    with house_style():
        figure = new_figure("The same coefficients in two searches", _height(len(pairs)))
        for axes, pair in zip(_panels(figure, len(pairs)), pairs, strict=True):
            _accuracies(axes, pair)
        handles = [
            legend_mark("o", "class of triples, 95% intervals", "white", fill=GREY),
            legend_mark("*", "best of the search across", ACROSS, fill=ACROSS),
            legend_mark("s", "best of the search upwards", UPWARDS, width=1.8),
            legend_mark("D", f"the paper's ({_short(PAPER)})", COLOURS["paper"], width=1.8),
        ]
        legend_below(figure, handles, COLUMNS)
        for axes, pair in zip(figure.axes, pairs, strict=True):
            place_labels(axes, *_labels(pair))
    return figure


def _accuracies(axes: Axes, pair: Agreement) -> None:
    one, other = pair.joint.sides
    tau = f"tau {tau_brief(pair.tau, *pair.joint.sides)}" if pair.tau else "no tau"
    axes.set_title(f"{len(pair.joint.classes)} classes of triples, {tau}", pad=8)
    axes.set_xlabel(f"top-1 in {plain(one.name)} (%)")
    axes.set_ylabel(f"top-1 in {plain(other.name)} (%)")
    across, up = (seed_summaries(pair.joint.rows(side)) for side in (0, 1))
    for x, y in zip(across, up, strict=True):
        if x.low is not None and x.high is not None:
            axes.plot([100 * x.low, 100 * x.high], [100 * y.mean] * 2, color=FAINT, linewidth=0.8, zorder=2)
        if y.low is not None and y.high is not None:
            axes.plot([100 * x.mean] * 2, [100 * y.low, 100 * y.high], color=FAINT, linewidth=0.8, zorder=2)
        axes.plot(
            100 * x.mean, 100 * y.mean, "o", color=GREY, markersize=6, markeredgecolor="white", zorder=4
        )
    # A star and a frame, so that both show where they are the same.
    marks: tuple[dict[str, Any], ...] = (
        {"marker": "*", "color": ACROSS, "markeredgecolor": "white", "markersize": 16, "zorder": 5},
        {
            "marker": "s",
            "color": "none",
            "markeredgecolor": UPWARDS,
            "markersize": 14,
            "markeredgewidth": 1.8,
        },
    )
    for mark, side in zip(marks, pair.joint.sides, strict=True):
        index = _class_of(pair, triples_of(side.winner))
        if index is not None:
            axes.plot(100 * across[index].mean, 100 * up[index].mean, **mark)
    index = _class_of(pair, (PAPER,))
    if index is not None:
        axes.plot(
            *(100 * across[index].mean, 100 * up[index].mean, "D"),
            color="none",
            markersize=11,
            markeredgecolor=COLOURS["paper"],
            markeredgewidth=1.8,
            zorder=7,
        )


def _class_of(pair: Agreement, triples: Sequence[Triple]) -> int | None:
    """The class that holds one of ``triples``."""
    keys = {triple_key(triple) for triple in triples}
    found = (i for i, one in enumerate(pair.joint.classes) if keys & set(one.triples))
    return next(found, None)


def _labels(pair: Agreement) -> tuple[list[Label], list[Segment]]:
    """The best classes by name, and everything that their names must keep clear of."""
    across, up = (seed_summaries(pair.joint.rows(side)) for side in (0, 1))
    named: dict[int, str] = {}
    for side in pair.joint.sides:
        index = _class_of(pair, triples_of(side.winner))
        if index is not None:
            own = _short((side.winner.alpha, side.winner.beta, side.winner.gamma))
            named[index] = named.get(index, own)
    labels = [
        Label(x=100 * across[i].mean, y=100 * up[i].mean, text=text, radius_pt=9) for i, text in named.items()
    ]
    clear: list[Segment] = []
    for x, y in zip(across, up, strict=True):
        at = (100 * x.mean, 100 * y.mean)
        clear += [(*at, *at)] * 4
        if x.low is not None and x.high is not None:
            clear.append((100 * x.low, at[1], 100 * x.high, at[1]))
        if y.low is not None and y.high is not None:
            clear.append((at[0], 100 * y.low, at[0], 100 * y.high))
    return labels, clear


def _short(triple: Triple) -> str:
    return ", ".join(f"{value:.4g}" for value in triple)


def shares_map_figure(transfer: Transfer) -> Figure | None:
    """Shares of each trained triple, by points behind its search's best; None where nothing grows."""
    points = {side.name: _share_points(side) for side in transfer.sides}
    behind = [gap for several in points.values() for _, gap, _ in several]
    if not behind:
        return None
    shades = shade_scale([0.0, -max(behind)])
    with house_style():
        figure = new_figure("Where each search puts its best shares of cost", _height(len(points), 3.3) + 0.4)
        panels = _panels(figure, len(points))
        for axes, side in zip(panels, transfer.sides, strict=True):
            axes.set_title(plain(side.name), pad=8)
            small_triangle(axes)
            _dots(axes, side, points[side.name], shades)
        bar = figure.colorbar(shades, ax=panels, orientation="horizontal", aspect=45, pad=0.03, shrink=0.8)
        bar.set_label("held-out top-1, in points from the best of the same search", color=INK)
        bar.outline.set_visible(False)
        handles = [
            legend_mark("*", "best of the search", INK, width=1.4),
            legend_mark("D", f"the paper's ({_short(PAPER)})", COLOURS["paper"], width=1.8),
        ]
        if any(map(_some, transfer.sides)):
            handles.append(legend_mark("o", "in its winning set", INK, width=1.2))
        legend_below(figure, handles, 3)
    return figure


def _some(side: Side) -> bool:
    """Whether the winning set leaves a network out: a set of all needs no edge around every dot."""
    return len(side.members) < len(side.networks)


def _share_points(side: Side) -> list[tuple[Triple, float, bool]]:
    """Triples that grow something with points behind the best and whether in the winning set, best last."""
    best, members = side.winner.top1 or 0.0, {c.key for c in side.members}
    return [
        (triple, 100 * (best - (c.top1 or 0.0)), c.key in members)
        for c in reversed(side.networks)
        for triple in triples_of(c)
        if triple != (1, 1, 1)
    ]


def _dots(
    axes: Axes, side: Side, points: Sequence[tuple[Triple, float, bool]], shades: ScalarMappable
) -> None:
    some = _some(side)
    for triple, gap, member in points:
        edge = (
            {"markeredgecolor": INK, "markeredgewidth": 1.2} if member and some else {"markeredgewidth": 0.0}
        )
        colour = tuple(shades.to_rgba(np.array([-gap]))[0])
        axes.plot(*_at(triple), "o", color=colour, markersize=SIZE, zorder=4, clip_on=False, **edge)
    winner = side.winner
    own = (winner.alpha, winner.beta, winner.gamma)
    ring: dict[str, Any] = {"color": "none", "clip_on": False}
    if own != (1, 1, 1):
        axes.plot(*_at(own), "*", markersize=17, markeredgecolor=INK, markeredgewidth=1.4, zorder=6, **ring)
    ring |= {"markeredgecolor": COLOURS["paper"], "markeredgewidth": 1.8}
    axes.plot(*_at(PAPER), "D", markersize=12, zorder=5, **ring)


def _at(triple: Triple) -> tuple[float, float]:
    alpha, beta, gamma = triple
    shares = shares_of(Coefficients(alpha=alpha, beta=beta, gamma=gamma))
    return share_point(shares.depth, shares.width)


def _height(panels: int, panel_in: float = PANEL_IN) -> float:
    return 1.3 + panel_in * -(-panels // COLUMNS) + (1.2 if panels == 1 else 0)


def _panels(figure: Figure, count: int) -> list[Axes]:
    """``count`` axes, two in a row; a single one has the whole width."""
    columns = min(COLUMNS, count)
    grid = np.atleast_1d(figure.subplots(-(-count // columns), columns)).ravel()
    for axes in grid[count:]:
        axes.remove()
    return list(grid[:count])
