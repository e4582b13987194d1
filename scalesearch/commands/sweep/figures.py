"""The figures of a sweep, in the manner of arXiv 1905.11946, Figures 3, 4 and 8."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, FixedLocator, NullLocator

from scalesearch.commands.sweep.evidence import (
    DIMENSIONS,
    ROLES,
    baseline_of,
    budgets,
    dimension_value,
    interval_reach,
    law_of,
)
from scalesearch.networks.baselines import PublishedScaling, published_b0_scaled
from scalesearch.page.evidence import completed
from scalesearch.page.markdown import MOST_MARKS, evenly, part_note, plural
from scalesearch.page.style import COLOURS, GREY, INK, MARKERS, house_style, legend_below, new_figure, spread
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.scaling import NOMINAL_BASE
from scalesearch.statistics.runs import shape_of

COLOUR: Mapping[str, str] = MappingProxyType(
    {
        "depth": COLOURS["depth"],
        "width": COLOURS["width"],
        "resolution": COLOURS["resolution"],
        "fast": COLOURS["paper"],
        "compound": COLOURS["highest"],
    }
)
MARKER: Mapping[str, str] = MappingProxyType(
    {
        "depth": MARKERS["depth"],
        "width": MARKERS["width"],
        "resolution": MARKERS["resolution"],
        "fast": "p",
        "compound": "o",
    }
)
SIDESTEP = 0.018
"""Networks of one budget cost nearly the same, and their bars would hide one another: they are drawn this
share of the axis apart."""
TICK_GAP = 0.18
"""Least distance between names on the axis of a multiplier, as a share of it."""
MOST_BUDGET_TICKS = 6
MOST_BUDGETS = MOST_MARKS // len(ROLES)
"""Of which a figure draws the networks, all of a budget or none."""
PUBLISHED_GAP = 0.075
"""Least distance between names in the published panel, as a share of its range."""


def published_here(run: RunRecord) -> Mapping[str, PublishedScaling]:
    """What was published for the run's baseline scaled in one dimension or all; empty for others than B0."""
    return published_b0_scaled() if run.settings.get("baseline") == "efficientnet-b0" else {}


def sweep_figure(run: RunRecord) -> Figure | None:
    """Top-1 against realised MACs, one line per role, and the published points apart; None without any."""
    by_role = {role: _of(run, role) for role in ROLES}
    present = [role for role in ROLES if by_role[role]]
    if not present:
        return None
    published, base, reach = published_here(run), baseline_of(run), interval_reach(run)
    with house_style():
        figure = new_figure("Ways to spend the same cost", 5.6)
        if published:
            axes, beside = figure.subplots(1, 2, width_ratios=(1.75, 1))
            _published(beside, published)
        else:
            axes = figure.subplots()
        axes.set_title(_note(run, "measured here, "), pad=8)
        shown = [c for role in present for c in by_role[role]] + ([base] if base else [])
        span = max(c.macs for c in shown) / min(c.macs for c in shown)
        # A network that several ways round to is one point: compound scaling's, or the last of them.
        marked_by = {(c.phi, shape_of(c)): role for role in present for c in by_role[role]}
        for role in present:
            marks = [(c, marked_by[c.phi, shape_of(c)]) for c in by_role[role]]
            points = [
                (c.macs * span ** _aside(present.index(marker), len(present)), c) for c, marker in marks
            ]
            marked = [c.key for c, marker in marks if marker == role]
            _line(axes, [*points, (base.macs, base)] if base else points, role, reach, marked)
        if base:
            _baseline(axes, base.macs, base, reach)
        _cost_axis(axes, run, shown)
        axes.set_ylabel("held-out top-1 (%)")
        handles = [_handle(role) for role in present]
        if base:
            handles.append(
                Line2D([], [], linestyle="", marker="D", markersize=7, color=INK, label="baseline")
            )
        legend_below(figure, handles, 6)
    return figure


def dimensions_figure(run: RunRecord) -> Figure | None:
    """Top-1 against the multiplier of each single dimension; None where none was scaled alone."""
    present = [role for role in DIMENSIONS if _of(run, role)]
    if not present:
        return None
    base, reach = baseline_of(run), interval_reach(run)
    with house_style():
        figure = new_figure("Scaling one dimension at a time", 3.9)
        panels: list[Axes] = list(figure.subplots(1, len(present), sharey=True, squeeze=False)[0])
        for axes, role in zip(panels, present, strict=True):
            points = [(dimension_value(c, role), c) for c in _of(run, role)]
            values = [x for x, _ in points] + [1.0] * bool(base)
            marked = [c.key for _, c in points]
            _line(axes, [*points, (1.0, base)] if base else points, role, reach, marked)
            if base:
                _baseline(axes, 1.0, base, reach)
            _law(axes, run, role, values)
            axes.set_xscale("log")
            axes.set_xlabel(f"{role} multiplier, as built")
            axes.xaxis.set_major_locator(FixedLocator(_ticks(values)))
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:.3g}")
            axes.xaxis.set_minor_locator(NullLocator())
            axes.margins(x=0.1, y=0.12)
        panels[0].set_ylabel("held-out top-1 (%)")
        panels[0].set_title(_note(run), pad=8)
    return figure


def _of(run: RunRecord, role: str) -> list[CandidateRecord]:
    """The role's trained networks at the budgets that are drawn, from cheap to dear."""
    drawn = frozenset(evenly(budgets(run), MOST_BUDGETS))
    here = (c for c in run.candidates if role in c.roles and c.phi in drawn and completed(c))
    return sorted(here, key=lambda c: c.macs)


def _note(run: RunRecord, start: str = "") -> str:
    part = part_note(MOST_BUDGETS, len(budgets(run)), "budgets", alike=True)
    return "\n".join(filter(None, (f"{start}{_seeds_text(run)}", part)))


def _seeds_text(run: RunRecord) -> str:
    counts = sorted({len(c.runs) for c in run.candidates if completed(c)})
    if counts == [1]:
        return "one seed each"
    seeds = plural(counts[0], "seed") if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds"
    return seeds if interval_reach(run) is None else f"{seeds}; bars: 95% intervals, all at once"


def _law(axes: Axes, run: RunRecord, role: str, values: Sequence[float]) -> None:
    """The power law along one dimension, where an answer is read off it."""
    law = law_of(run)
    if isinstance(law, str) or law.objections:
        return
    x = np.geomspace(min(values), max(values), 60)
    growth = np.zeros((len(x), 3))
    growth[:, DIMENSIONS.index(role)] = np.log2(x) * (1 if role == "depth" else 2)
    axes.plot(x, 100 - law.curve.error(growth), color=GREY, linewidth=1.4, linestyle=(0, (4, 3)), zorder=2)


def _aside(place: int, among: int) -> float:
    return SIDESTEP * (place - (among - 1) / 2)


def _line(
    axes: Axes,
    points: Sequence[tuple[float, CandidateRecord]],
    role: str,
    reach: float | None,
    marked: Collection[str],
) -> None:
    """A role's line over x, and a point for each network whose key is ``marked``; others are drawn apart."""
    line = sorted(points, key=lambda point: point[0])
    y = [100 * (c.top1 or 0.0) for _, c in line]
    leads = role == "compound"
    width = 2.2 if leads else 1.4
    axes.plot([x for x, _ in line], y, color=COLOUR[role], linewidth=width, alpha=0.85, zorder=3)
    marks = [(x, 100 * (c.top1 or 0.0), 100 * (reach or 0.0)) for x, c in line if c.key in marked]
    bars = [((x, top1 - sd), (x, top1 + sd)) for x, top1, sd in marks]
    axes.add_collection(LineCollection(bars, colors=COLOUR[role], linewidth=1.5, zorder=3))
    axes.plot([x for x, *_ in marks], [top1 for _, top1, _ in marks], zorder=5 if leads else 4, **_mark(role))


def _baseline(axes: Axes, x: float, base: CandidateRecord, reach: float | None) -> None:
    top1, half = 100 * (base.top1 or 0.0), 100 * (reach or 0.0)
    axes.plot([x, x], [top1 - half, top1 + half], color=INK, linewidth=1.4, zorder=5)
    axes.plot([x], [top1], "D", color=INK, markersize=7, markeredgecolor="white", zorder=6)


def _cost_axis(axes: Axes, run: RunRecord, shown: Sequence[CandidateRecord]) -> None:
    base = run.baseline["macs"]
    axes.set_xscale("log")
    asked = [base * NOMINAL_BASE**phi for phi in sorted((0.0, *budgets(run)))]
    ticks = evenly([x for x in asked if x <= 1.3 * max(c.macs for c in shown)], MOST_BUDGET_TICKS)
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(EngFormatter(places=1))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("multiply-adds of the trained network, log scale")
    axes.margins(x=0.08, y=0.1)
    to_ratio, to_macs = partial(np.multiply, 1 / base), partial(np.multiply, base)
    ratios = axes.secondary_xaxis("top", functions=(to_ratio, to_macs))
    ratios.xaxis.set_major_locator(FixedLocator([x / base for x in ticks]))
    ratios.xaxis.set_major_formatter(lambda value, _: f"{value:.3g} x")
    ratios.xaxis.set_minor_locator(NullLocator())
    ratios.tick_params(colors=GREY, labelcolor=GREY)


def _published(axes: Axes, published: Mapping[str, PublishedScaling]) -> None:
    axes.set_title("published: ImageNet, full size", pad=8)
    base = published["none"]
    axes.plot(base.flops / 1e9, 100 * base.top1, "D", color=INK, markersize=7, zorder=5)
    axes.set_xlabel("published FLOPs (billions)")
    axes.set_ylabel("published ImageNet top-1 (%)")
    scaled = {role: row for role, row in published.items() if role != "none"}
    highest = max(row.flops for row in scaled.values()) / 1e9
    top1 = [100 * row.top1 for row in scaled.values()]
    gap = PUBLISHED_GAP * (max(top1) - 100 * base.top1)
    heights = spread(top1, gap, 100 * base.top1, max(top1))
    for (role, row), height in zip(scaled.items(), heights, strict=True):
        x, y = [base.flops / 1e9, row.flops / 1e9], [100 * base.top1, 100 * row.top1]
        axes.plot(x, y, color=COLOUR[role], linewidth=2.2 if role == "compound" else 1.4, alpha=0.85)
        axes.plot(x[1:], y[1:], zorder=4, **_mark(role))
        text = f"{role} {100 * row.top1:.1f}"
        axes.text(1.06 * highest, height, text, color=COLOUR[role], va="center", fontsize=9.5)
    axes.text(base.flops / 1e9 + 0.2, 100 * base.top1, f"B0 {100 * base.top1:.1f}", va="center", fontsize=9.5)
    axes.set_xlim(0, 1.95 * highest)
    axes.xaxis.set_major_locator(FixedLocator([0, 1, 2]))


def _mark(role: str) -> dict[str, Any]:
    return {
        "marker": MARKER[role],
        "color": COLOUR[role],
        "markersize": 8.5 if role in ("compound", "fast") else 7,
        "markeredgecolor": "white",
        "linestyle": "",
    }


def _handle(role: str) -> Line2D:
    return Line2D([], [], **(_mark(role) | {"linestyle": "-"}), label=role)


def _ticks(values: Sequence[float]) -> list[float]:
    """The multipliers in few digits, first and last among them, without those that would touch another."""
    known = sorted({float(f"{value:.3g}") for value in values})
    apart = TICK_GAP * math.log(known[-1] / known[0])
    kept = known[:1]
    for value in known[1:-1]:
        if min(math.log(value / kept[-1]), math.log(known[-1] / value)) >= apart:
            kept.append(value)
    return kept + known[1:][-1:]
