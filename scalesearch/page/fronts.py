"""Pareto fronts: found, drawn, and told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import moocore
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from scalesearch.page.evidence import (
    Highlight,
    HighlightKind,
    highlights,
    intervals,
    judged,
    once_per_run,
    short_coefficients,
    wilson,
)
from scalesearch.page.latency import (
    latency_median,
    latency_quartiles,
    latency_text,
    machines,
    unstable,
)
from scalesearch.page.markdown import (
    MOST_MARKS,
    binary,
    drawn_part,
    evenly,
    listed,
    part_note,
    plural,
    si,
)
from scalesearch.page.parts import same_cost, stopped
from scalesearch.page.style import (
    COLOURS,
    FAINT,
    GREY,
    INK,
    LEAST_SPAN,
    MARKERS,
    Label,
    Segment,
    house_style,
    legend_below,
    new_figure,
    place_labels,
    plain,
    widen,
)
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.scaling import NOMINAL_BASE

# ----------------------------------------------------------------------------------------------------
# The Pareto front of accuracy against cost.


def pareto_front(costs: Sequence[float], gains: Sequence[float]) -> NDArray[np.bool_]:
    """Which points no other point beats: none is at least as cheap and as good, and better in one of the two.

    Args:
        costs: what to keep small, one value per point.
        gains: what to make large, one value per point.

    Returns:
        One flag per point. Points that are equal in both are on the front together or not at all.

    Raises:
        ValueError: if the two differ in length or hold a value that is not finite.
    """
    points = np.array(list(zip(costs, gains, strict=True)), dtype=np.float64).reshape(-1, 2)
    if not np.isfinite(points).all():
        raise ValueError("`costs` and `gains` must be finite numbers; leave out points that are unknown")
    if len(points) == 0:
        return np.zeros(0, dtype=np.bool_)
    return np.asarray(
        moocore.is_nondominated(points, maximise=[False, True], keep_weakly=True), dtype=np.bool_
    )


# ----------------------------------------------------------------------------------------------------
# The fronts of top-1 against each cost: which costs, what they are of a network, and who is on a front.


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontCost:
    """A cost that top-1 is held against.

    Attributes:
        name: the front's name in tables.
        said: the cost's name in sentences and headings.
        of: a network's cost (multiply-adds, parameters, bytes or seconds); None where it is not known.
        text: a network's cost as a page says it; blank where it is not known.
    """

    name: str
    said: str
    of: Callable[[CandidateRecord], float | None]
    text: Callable[[CandidateRecord], str]


FRONT_COSTS = (
    FrontCost(name="macs", said="MACs", of=lambda c: c.macs, text=lambda c: si(c.macs)),
    FrontCost(name="params", said="params", of=lambda c: c.params, text=lambda c: si(c.params)),
    FrontCost(
        name="memory",
        said="inference memory",
        of=lambda c: c.inference_bytes,
        text=lambda c: "" if c.inference_bytes is None else binary(c.inference_bytes),
    ),
    FrontCost(
        name="latency",
        said="latency",
        of=lambda c: latency_median(c.latency),
        text=lambda c: latency_text(c.latency),
    ),
)
"""Every cost that has a front, in the order of tables, figures and pages."""
FRONT_COST = MappingProxyType({cost.name: cost for cost in FRONT_COSTS})


def priced(run: RunRecord, cost: FrontCost) -> list[CandidateRecord]:
    """The judged candidates whose cost is known; no latencies where they are of several machines."""
    done = judged(run)
    if cost.name == "latency" and len(machines(done)) > 1:
        return []
    return [c for c in done if cost.of(c) is not None]


@once_per_run
def fronts(run: RunRecord) -> dict[str, list[str]]:
    """The keys on each front, by the name of its cost, from cheap to dear; empty where nothing is known."""
    return {cost.name: _front(run, cost) for cost in FRONT_COSTS}


def _front(run: RunRecord, cost: FrontCost) -> list[str]:
    candidates = priced(run, cost)
    costs = [float(cost.of(c) or 0.0) for c in candidates]
    flags = pareto_front(costs, [c.top1 or 0.0 for c in candidates])
    kept = [(value, c.key) for value, c, flag in zip(costs, candidates, flags, strict=True) if flag]
    return [key for _, key in sorted(kept, key=lambda pair: pair[0])]


# ----------------------------------------------------------------------------------------------------
# What the panels of accuracy against cost show: one panel for each cost that tells networks apart.

ALIKE = "the same for all within 5%"
Range = tuple[float, float, float]
"""Low end, value, high end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel, as plain values.

    Attributes:
        name: the cost's name, see ``fronts.FRONT_COSTS``.
        label: of the x axis, with the unit.
        unit: what a cost was divided by, so that it is in the unit of the axis.
        candidates: the judged networks whose cost is known.
        costs: their costs in that unit.
        front: the keys on the front, from cheap to dear.
        stopped: cost and top-1 in percent of the networks that were stopped early.
        unstable: the keys of the networks whose cost is an unstable measurement.
    """

    name: str
    label: str
    unit: float
    candidates: Sequence[CandidateRecord]
    costs: Sequence[Range]
    front: Sequence[str]
    stopped: Sequence[tuple[float, float]]
    unstable: frozenset[str]


def panels(run: RunRecord, *, alike: bool = False) -> list[Panel]:
    """The panels in the order of the costs, without those that have no data or would show nothing.

    Args:
        run: the search.
        alike: keep those in which all networks cost the same within 5%.
    """
    on = fronts(run)
    return [
        _panel(run, cost, on[cost.name])
        for cost in FRONT_COSTS
        if _nothing(run, cost) in ("", ALIKE if alike else "")
    ]


def panels_left_out(run: RunRecord) -> str:
    """Which panels there are not, and why; empty where none is missing or judged."""
    why: dict[str, list[str]] = {}
    for cost in FRONT_COSTS if judged(run) else ():
        if reason := _nothing(run, cost):
            why.setdefault(reason, []).append(cost.said)
    reasons = "; ".join(f"{listed(said)} ({reason})" for reason, said in why.items())
    return reasons and f"No panel: {reasons}"


def _nothing(run: RunRecord, cost: FrontCost) -> str:
    """Why a cost has no panel; empty where it has one."""
    known = priced(run, cost)
    if not known and cost.name == "latency" and len(machines(judged(run))) > 1:
        return "measured on several machines"
    if not known:
        return "not measured" if cost.name == "latency" else "not known"
    same = same_cost([float(cost.of(c) or 0.0) for c in known])
    return ALIKE if same else ""


def _panel(run: RunRecord, cost: FrontCost, front: Sequence[str]) -> Panel:
    known = priced(run, cost)
    label, unit = _axis(run, cost, known)
    values = [(cost.of(c) or 0.0) / unit for c in known]
    costs = [(value, value, value) for value in values]
    if cost.name == "latency":
        quartiles = [latency_quartiles(c.latency) for c in known if c.latency is not None]
        costs = [(low / unit, middle / unit, high / unit) for low, middle, high in quartiles]
    early = [c for c in stopped(run) if c.runs and cost.name != "latency"]
    return Panel(
        name=cost.name,
        label=label,
        unit=unit,
        candidates=known,
        costs=costs,
        front=front,
        stopped=[(price / unit, 100 * (c.top1 or 0.0)) for c in early if (price := cost.of(c)) is not None],
        unstable=frozenset(c.key for c in known if cost.name == "latency" and unstable(c.latency)),
    )


def _axis(run: RunRecord, cost: FrontCost, known: Sequence[CandidateRecord]) -> tuple[str, float]:
    """The label of the x axis and its unit."""
    most = max((cost.of(c) or 0.0) for c in known)
    if cost.name == "macs":
        name, unit = ("billions", 1e9) if most >= 1e9 else ("millions", 1e6)
        return f"multiply-adds of the trained network ({name})", unit
    if cost.name == "params":
        name, unit = ("millions", 1e6) if most >= 1e6 else ("thousands", 1e3)
        return f"parameters ({name})", unit
    if cost.name == "memory":
        name, unit = ("GiB", 2.0**30) if most >= 2**30 else ("MiB", 2.0**20)
        return f"inference memory ({name}),\nbatch of {run.settings.get('latency_batch_size', 1)}", unit
    first = next(c.latency for c in known if c.latency is not None)
    return f"latency (ms), batch of {first.batch_size}\non {plain(first.device)}: median, quartiles", 1e-3


# ----------------------------------------------------------------------------------------------------
# The figure of accuracy against cost, with the fronts.

LABELLED_FRONT, CROWDED_FRONT = 12, 4
"""Front members that get a label of their own; of a longer front, as many evenly chosen ones.

Fewer in a small panel of which not all points are drawn.
"""

STRUCK = 3
"""How many times as bad as another line's the line of the budget is for a label."""
HEIGHT_IN, TALL_IN = 5.4, 9.4
# What a label keeps clear of its point: a star and a diamond reach further than other marks.
RADIUS_PT: Mapping[str, float] = MappingProxyType({COLOURS["highest"]: 7, COLOURS["paper"]: 7})
DOTTED = (0, (1, 2))
Point = tuple[float, float]
FRONT: Mapping[str, Any] = MappingProxyType({"linewidth": 1.4, "alpha": 0.75, "zorder": 2.5})
STOPPED: Mapping[str, Any] = MappingProxyType(
    {"linestyle": "", "marker": "x", "markersize": 5, "color": FAINT, "markeredgewidth": 1.2}
)


@dataclass(frozen=True, slots=True)
class _Mark:
    """How the point of a network looks; all points that look the same are drawn at once."""

    kind: HighlightKind | None
    on_front: bool
    hollow: bool

    @property
    def style(self) -> dict[str, Any]:
        """Of ``Axes.plot``."""
        colour = COLOURS[self.kind] if self.kind else FAINT
        return {
            "linestyle": "",
            "marker": MARKERS[self.kind] if self.kind else "o",
            "markersize": {"highest": 14, None: 5}.get(self.kind, 7),
            "color": "white" if self.hollow else colour,
            "markeredgecolor": colour if self.hollow else INK if self.on_front else "white",
            "markeredgewidth": 1.4 if self.hollow else 0.9,
            "zorder": 5 if self.kind else 4,
        }


def pareto_figure(run: RunRecord) -> Figure | None:
    """Held-out top-1 against MACs, parameters, memory of inference, and latency where measured.

    The first panel is the largest and names who is who; the others share its axis of top-1. A panel in which
    all networks cost the same within 5% would show nothing and is left out; None where none is left, or
    nothing was judged.
    """
    shown, done = panels(run), judged(run)
    if not shown:
        return None
    marked, bounds = highlights(run), intervals(run)
    with house_style():
        figure = new_figure("Accuracy against cost", HEIGHT_IN if len(shown) == 1 else TALL_IN)
        everywhere = _axes(figure, len(shown))
        most = max(len(panel.candidates) for panel in shown)
        stopped = max(len(panel.stopped) for panel in shown)
        everywhere[0].set_title(_note(done, most, stopped), pad=10)
        drawn = [_draw(axes, panel, marked, bounds) for axes, panel in zip(everywhere, shown, strict=True)]
        asked = None
        for axes, panel in zip(everywhere, shown, strict=True):
            axes.set_xlabel(panel.label if len(shown) > 2 else panel.label.replace("\n", " "))
            if panel.name == "macs":
                asked = _macs_extras(axes, run, panel)
        everywhere[0].margins(y=0.1)
        widen(everywhere[0], "y", LEAST_SPAN)
        if asked is not None:
            # A label that the line of the budget strikes through can't be read.
            at = next(i for i, panel in enumerate(shown) if panel.name == "macs")
            x, (low, high) = asked / shown[at].unit, everywhere[at].get_ylim()
            drawn[at] += [(x, low, x, high)] * STRUCK
        legend_below(figure, _legend(run, marked, shown, asked), 3)
        for axes, panel, clear in zip(everywhere, shown, drawn, strict=True):
            small = len(shown) > 2 and panel is not shown[0]
            place_labels(axes, _labels(panel, marked, small=small), clear)
    return figure


def _axes(figure: Figure, count: int) -> list[Axes]:
    """One wide panel, and under it the others in a row; all share the axis of top-1."""
    below = max(1, count - 1)
    grid = figure.add_gridspec(1 + (count > 1), below, height_ratios=(1.2, 1)[: 1 + (count > 1)])
    first = figure.add_subplot(grid[0, :])
    others = [figure.add_subplot(grid[1, column], sharey=first) for column in range(count - 1)]
    for axes in (first, *others[:1]):
        axes.set_ylabel("held-out top-1 (%)")
    for axes in others[1:]:
        axes.tick_params(labelleft=False)
    for axes in others if count > 2 else ():
        axes.xaxis.set_major_locator(MaxNLocator(5))
    return [first, *others]


def _note(done: list[CandidateRecord], most: int, stopped: int) -> str:
    text, seeds = plural(len(done), "trained network"), len(done[0].runs)
    if seeds > 1:
        text += f"; means over {seeds} seeds, vertical bars: their 95% t intervals"
    elif any(wilson(c) for c in done):
        text += "; vertical bars: 95% Wilson intervals of the held-out sample"
    parts = (
        part_note(MOST_MARKS, most, "trained networks"),
        part_note(MOST_MARKS, stopped, "networks stopped early", alike=True),
    )
    return "\n".join((text, *(part for part in parts if part)))


def _macs_extras(axes: Axes, run: RunRecord, panel: Panel) -> float | None:
    """A second axis that counts in baselines, and the cost that was asked for.

    Returns:
        That cost, in multiply-adds; None where there is none, or none of the networks comes near it.
    """
    baseline, asked, (low, high) = run.baseline["macs"] / panel.unit, _asked_macs(run), axes.get_xlim()
    if asked is not None and not low <= asked / panel.unit <= high:
        asked = None
    if asked is not None:
        axes.axvline(asked / panel.unit, color=GREY, linewidth=1, linestyle=DOTTED, zorder=1)
    to_ratio, to_macs = partial(np.multiply, 1 / baseline), partial(np.multiply, baseline)
    ratios = axes.secondary_xaxis("top", functions=(to_ratio, to_macs))
    ratios.set_xlabel("realised cost ratio (times the baseline)", color=GREY)
    return asked


def _asked_macs(run: RunRecord) -> float | None:
    """The multiply-adds asked for, by the budget or else by the rule; None where neither says so."""
    targets = {(c.budget.kind, c.budget.target) for c in run.candidates if c.budget is not None}
    if not targets:
        return float(NOMINAL_BASE**run.phi * run.baseline["macs"])
    kind, target = next(iter(targets))
    trained = not any(c.budget and c.budget.full_size for c in run.candidates)
    return target if len(targets) == 1 and kind == "macs" and trained else None


def _draw(
    axes: Axes, panel: Panel, marked: Sequence[Highlight], bounds: Mapping[str, tuple[float, float]]
) -> list[Segment]:
    """Draw one panel; what its labels should keep clear of comes back."""
    kinds, on = {h.candidate.key: h.kind for h in marked}, frozenset(panel.front)
    clear: list[Segment] = []
    marks = drawn_part(
        list(zip(panel.costs, panel.candidates, strict=True)),
        lambda mark: mark[1].key in kinds or mark[1].key in on,
    )
    steps = sorted(
        (cost[1], 100 * (c.top1 or 0.0))
        for cost, c in zip(panel.costs, panel.candidates, strict=True)
        if c.key in on
    )
    bars, points = defaultdict[tuple[str, bool], list[Segment]](list), defaultdict[_Mark, list[Point]](list)
    for (low_cost, cost, high_cost), candidate in marks:
        on_front = candidate.key in on
        kind = kinds.get(candidate.key, "front" if on_front else None)
        top1 = 100 * (candidate.top1 or 0.0)
        low, high = (100 * bound for bound in bounds.get(candidate.key, (top1 / 100, top1 / 100)))
        here = [(cost, low, cost, high), (low_cost, top1, high_cost, top1)]
        colour = COLOURS[kind] if kind else FAINT
        bars[colour, bool(kind)] += [(x0, y0, x1, y1) for x0, y0, x1, y1 in here if (x0, y0) != (x1, y1)]
        points[_Mark(kind, on_front, candidate.key in panel.unstable)].append((cost, top1))
        # The point itself counts many times over: a bar may be brushed, a point must stay in sight.
        clear += [*here, *[(cost, top1, cost, top1)] * 6]
    for (colour, named), segments in bars.items():
        style: dict[str, Any] = {"linewidth": 1.3 if named else 0.8, "alpha": 0.9 if named else 0.55}
        # One line with gaps: of lines each for itself, hundreds would be most of the figure's file.
        gapped = [place for x0, y0, x1, y1 in segments for place in ((x0, y0), (x1, y1), (np.nan, np.nan))]
        axes.plot(*zip(*gapped, strict=True), color=colour, **style, zorder=3 if named else 2)
    for mark, places in points.items():
        axes.plot(*zip(*places, strict=True), **mark.style)
    if early := evenly(panel.stopped, MOST_MARKS):
        axes.plot(*zip(*early, strict=True), **STOPPED, zorder=2)
        clear += [(cost, top1, cost, top1) for cost, top1 in early for _ in range(3)]
    axes.margins(x=0.08)
    axes.set_xlim(axes.get_xlim())
    steps.append((axes.get_xlim()[1], steps[-1][1]))
    axes.step(*zip(*steps, strict=True), where="post", color=COLOURS["front"], **FRONT)
    for (left, before), (right, after) in pairwise(steps):
        clear += [(left, before, right, before), (right, before, right, after)]
    return clear


def _labels(panel: Panel, marked: Sequence[Highlight], *, small: bool) -> list[Label]:
    """Names and coefficients; in a small panel only of those on the front that the legend does not name."""
    where = {c.key: (cost[1], c) for cost, c in zip(panel.costs, panel.candidates, strict=True)}
    most = CROWDED_FRONT if small and len(panel.candidates) > MOST_MARKS else LABELLED_FRONT
    texts: dict[str, tuple[str, str]] = {}
    for highlight in marked:
        if highlight.candidate.key in where:
            text = f"{highlight.text}\n{short_coefficients(highlight.candidate)}"
            texts[highlight.candidate.key] = (text, COLOURS[highlight.kind])
    named = set(texts)
    for key in evenly(panel.front, most):
        texts.setdefault(key, (short_coefficients(where[key][1]), GREY))
    return [
        Label(
            x=where[key][0],
            y=100 * (where[key][1].top1 or 0.0),
            text=text,
            colour=colour,
            bold=colour == COLOURS["highest"],
            radius_pt=RADIUS_PT.get(colour, 4),
            optional=colour == GREY,
        )
        for key, (text, colour) in texts.items()
        if not (small and key in named)
    ]


def _legend(
    run: RunRecord, marked: Sequence[Highlight], shown: Sequence[Panel], asked: float | None
) -> list[Line2D]:
    """An entry for all that is drawn, and for nothing else; ``asked`` as :func:`_macs_extras` has it."""

    def mark(
        marker: str, colour: str, label: str, size: float = 7, edge: str = "white", width: float = 0.9
    ) -> Line2D:
        return Line2D(
            [],
            [],
            linestyle="",
            marker=marker,
            color=colour,
            markersize=size,
            markeredgecolor=edge,
            markeredgewidth=width,
            label=label,
        )

    entries = [Line2D([], [], color=COLOURS["front"], label="Pareto front", **FRONT)]
    if asked is not None:
        label = f"cost asked for: {asked / run.baseline['macs']:.3g} times the baseline"
        entries.append(Line2D([], [], color=GREY, linewidth=1, linestyle=DOTTED, label=label))
    entries.append(mark("o", COLOURS["front"], "outlined: on the front", edge=INK))
    named = {highlight.candidate.key for highlight in marked}
    if any(c.key not in named.union(panel.front) for panel in shown for c in panel.candidates):
        entries.append(mark("o", FAINT, "dominated", 5))
    if any(panel.stopped for panel in shown):
        entries.append(Line2D([], [], **STOPPED, label="stopped early (top-1 then)"))
    if any(panel.unstable for panel in shown):
        entries.append(mark("o", "white", "hollow: unstable latency", edge=GREY, width=1.4))
    return entries + [
        mark(MARKERS[h.kind], COLOURS[h.kind], h.lines, 12 if h.kind == "highest" else 7) for h in marked
    ]
