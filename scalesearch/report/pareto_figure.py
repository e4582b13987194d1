"""The figure of accuracy against cost, with the fronts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.report.budgets import same_cost
from scalesearch.report.evidence import Highlight, highlights, judged, wilson
from scalesearch.report.labels import Label, Segment, place_labels
from scalesearch.report.limits import LEAST_SPAN, widen
from scalesearch.report.markdown import plural
from scalesearch.report.seed_evidence import intervals
from scalesearch.report.sentences import short_coefficients
from scalesearch.report.stopped_early import stopped
from scalesearch.report.style import (
    COLOURS,
    FAINT,
    GREY,
    INK,
    MARKERS,
    house_style,
    legend_below,
    new_figure,
    plain,
)
from scalesearch.report.tables import fronts, latency_quartiles
from scalesearch.scaling import NOMINAL_BASE

__all__ = ["pareto_figure"]

LABELLED_FRONT = 12
"""Front members that get a label of their own; of a longer front, as many evenly chosen ones."""

DOTTED = (0, (1, 2))
FRONT: Mapping[str, Any] = MappingProxyType({"linewidth": 1.4, "alpha": 0.75, "zorder": 2.5})
STOPPED: Mapping[str, Any] = MappingProxyType(
    {"linestyle": "", "marker": "o", "markersize": 5, "color": "white", "markeredgecolor": FAINT}
)

Range = tuple[float, float, float]
"""Low end, value, high end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Panel:
    """One panel: the cost of each candidate in the unit of its x axis, and the keys on the front.

    ``stopped`` are cost and top-1 in percent of the networks that were stopped early.
    """

    axes: Axes
    costs: Sequence[Range]
    candidates: Sequence[CandidateRecord]
    front: Sequence[str]
    stopped: Sequence[tuple[float, float]] = ()


def pareto_figure(run: RunRecord) -> Figure | None:
    """Held-out top-1 against MACs, and against latency where measured.

    A panel in which all networks cost the same within 5% would show nothing and is left out; None where none
    is left, or nothing was judged.
    """
    done = judged(run)
    timed = [c for c in done if c.latency is not None and c.latency.samples_s]
    medians = [latency_quartiles(c.latency)[1] for c in timed if c.latency is not None]
    by_macs = bool(done) and not same_cost([c.macs for c in done])
    by_latency = bool(timed) and not same_cost(medians)
    if not (by_macs or by_latency):
        return None
    marked, bounds = highlights(run), intervals(run)
    with house_style():
        figure = new_figure("Accuracy against cost", 9.6 if by_macs and by_latency else 5.4)
        axes = list(np.atleast_1d(figure.subplots(by_macs + by_latency, 1)))
        panels = [_macs_panel(axes[0], run, done)] if by_macs else []
        panels += [_latency_panel(axes[-1], run, timed)] if by_latency else []
        axes[0].set_title(_note(done), pad=10)
        drawn = [_draw(panel, marked, bounds) for panel in panels]
        entries = _legend(run, marked, asked=by_macs, some_stopped=any(panel.stopped for panel in panels))
        legend_below(figure, entries, 3)
        for panel, clear in zip(panels, drawn, strict=True):
            place_labels(panel.axes, _labels(panel, marked), clear)
    return figure


def _note(done: list[CandidateRecord]) -> str:
    text, seeds = plural(len(done), "trained network"), len(done[0].runs)
    if seeds > 1:
        return f"{text}; means over {seeds} seeds, vertical bars: their 95% t intervals"
    if any(wilson(c) for c in done):
        text += "; vertical bars: 95% Wilson intervals of the held-out sample"
    return text


def _macs_panel(axes: Axes, run: RunRecord, done: list[CandidateRecord]) -> _Panel:
    unit, name = (1e9, "billions") if max(c.macs for c in done) >= 1e9 else (1e6, "millions")
    baseline = run.baseline["macs"] / unit
    if (asked := _asked_macs(run)) is not None:
        axes.axvline(asked / unit, color=GREY, linewidth=1, linestyle=DOTTED, zorder=1)
    axes.set_xlabel(f"multiply-adds of the trained network ({name})")
    to_ratio, to_macs = partial(np.multiply, 1 / baseline), partial(np.multiply, baseline)
    ratios = axes.secondary_xaxis("top", functions=(to_ratio, to_macs))
    ratios.set_xlabel("realised cost ratio (times the baseline)", color=GREY)
    costs = [(c.macs / unit, c.macs / unit, c.macs / unit) for c in done]
    return _Panel(
        axes=axes,
        costs=costs,
        candidates=done,
        front=fronts(run)["macs"],
        stopped=[(c.macs / unit, 100 * (c.top1 or 0.0)) for c in stopped(run) if c.runs],
    )


def _asked_macs(run: RunRecord) -> float | None:
    """The multiply-adds asked for: the budget's, else the rule's; None for budgets of other costs."""
    targets = {(c.budget.kind, c.budget.target) for c in run.candidates if c.budget is not None}
    if not targets:
        return float(NOMINAL_BASE**run.phi * run.baseline["macs"])
    kind, target = next(iter(targets))
    return target if len(targets) == 1 and kind == "macs" else None


def _latency_panel(axes: Axes, run: RunRecord, timed: list[CandidateRecord]) -> _Panel:
    latencies = [c.latency for c in timed if c.latency is not None]
    where = f"a batch of {latencies[0].batch_size} on {plain(latencies[0].device)}"
    axes.set_xlabel(f"latency of {where} (ms): median and quartiles")
    costs = [(1e3 * low, 1e3 * middle, 1e3 * high) for low, middle, high in map(latency_quartiles, latencies)]
    return _Panel(axes=axes, costs=costs, candidates=timed, front=fronts(run)["latency"])


def _draw(
    panel: _Panel, marked: Sequence[Highlight], bounds: Mapping[str, tuple[float, float]]
) -> list[Segment]:
    """Draw one panel; what its labels should keep clear of comes back."""
    axes, kinds = panel.axes, {h.candidate.key: h.kind for h in marked}
    clear: list[Segment] = []
    steps: list[tuple[float, float]] = []
    for (low_cost, cost, high_cost), candidate in zip(panel.costs, panel.candidates, strict=True):
        on_front = candidate.key in panel.front
        kind = kinds.get(candidate.key, "front" if on_front else None)
        colour = COLOURS[kind] if kind else FAINT
        top1 = 100 * (candidate.top1 or 0.0)
        low, high = (100 * bound for bound in bounds.get(candidate.key, (top1 / 100, top1 / 100)))
        for x, y in (([cost, cost], [low, high]), ([low_cost, high_cost], [top1, top1])):
            axes.plot(
                *(x, y),
                color=colour,
                linewidth=1.3 if kind else 0.8,
                alpha=0.9 if kind else 0.55,
                zorder=3 if kind else 2,
            )
        axes.plot(
            *(cost, top1),
            marker=MARKERS[kind] if kind else "o",
            markersize={"winner": 14, None: 5}.get(kind, 7),
            color=colour,
            markeredgecolor=INK if on_front else "white",
            markeredgewidth=0.9,
            zorder=5 if kind else 4,
        )
        # The point itself counts many times over: a bar may be brushed, a point must stay in sight.
        clear += [(cost, low, cost, high), (low_cost, top1, high_cost, top1), *[(cost, top1, cost, top1)] * 6]
        if on_front:
            steps.append((cost, top1))
    for cost, top1 in panel.stopped:
        axes.plot(cost, top1, **STOPPED, zorder=2)
        clear += [(cost, top1, cost, top1)] * 3
    axes.set_ylabel("held-out top-1 (%)")
    axes.margins(x=0.08, y=0.1)
    axes.set_xlim(axes.get_xlim())
    widen(axes, "y", LEAST_SPAN)
    steps.sort()
    steps.append((axes.get_xlim()[1], steps[-1][1]))
    axes.step(*zip(*steps, strict=True), where="post", color=COLOURS["front"], **FRONT)
    for (left, before), (right, after) in pairwise(steps):
        clear += [(left, before, right, before), (right, before, right, after)]
    return clear


def _labels(panel: _Panel, marked: Sequence[Highlight]) -> list[Label]:
    where = {c.key: (cost[1], c) for cost, c in zip(panel.costs, panel.candidates, strict=True)}
    evenly = np.linspace(0, len(panel.front) - 1, LABELLED_FRONT).round().astype(int)
    texts: dict[str, tuple[str, str]] = {}
    for highlight in marked:
        if highlight.candidate.key in where:
            text = f"{highlight.text}\n{short_coefficients(highlight.candidate)}"
            texts[highlight.candidate.key] = (text, COLOURS[highlight.kind])
    for key in (panel.front[i] for i in np.unique(evenly)):
        texts.setdefault(key, (short_coefficients(where[key][1]), GREY))
    return [
        Label(
            x=where[key][0],
            y=100 * (where[key][1].top1 or 0.0),
            text=text,
            colour=colour,
            bold=colour == COLOURS["winner"],
            radius_pt=7 if colour == COLOURS["winner"] else 4,
            optional=colour == GREY,
        )
        for key, (text, colour) in texts.items()
    ]


def _legend(run: RunRecord, marked: Sequence[Highlight], *, asked: bool, some_stopped: bool) -> list[Line2D]:
    def mark(marker: str, colour: str, label: str, size: float = 7, edge: str = "white") -> Line2D:
        return Line2D(
            [],
            [],
            linestyle="",
            marker=marker,
            color=colour,
            markersize=size,
            markeredgecolor=edge,
            label=label,
        )

    entries = [Line2D([], [], color=COLOURS["front"], label="Pareto front", **FRONT)]
    if asked and (macs := _asked_macs(run)) is not None:
        ratio = macs / run.baseline["macs"]
        label = f"cost asked for: {ratio:.3g} times the baseline"
        entries.append(Line2D([], [], color=GREY, linewidth=1, linestyle=DOTTED, label=label))
    entries += [
        mark("o", COLOURS["front"], "outlined: on the front", edge=INK),
        mark("o", FAINT, "dominated", 5),
    ]
    if some_stopped:
        entries.append(Line2D([], [], **STOPPED, label="stopped early (top-1 then)"))
    return entries + [
        mark(MARKERS[h.kind], COLOURS[h.kind], h.lines, 12 if h.kind == "winner" else 7) for h in marked
    ]
