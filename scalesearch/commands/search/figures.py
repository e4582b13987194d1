"""Figures of a search."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from scalesearch.commands.search.evidence import (
    Objective,
    Scored,
    SearchEvidence,
    candidate_shares,
    own_shares,
)
from scalesearch.networks.baselines import PAPER_COEFFICIENTS
from scalesearch.page.markdown import (
    MOST_MARKS,
    drawn_part,
    evenly,
    listed,
    part_note,
    plural,
)
from scalesearch.page.shares import HEIGHT, shade_scale, share_point
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
)
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.scaling import FAST_WIDTH_SHARE, Shares, one_dial, shares_of

# ----------------------------------------------------------------------------------------------------
# The figure of a search's suggestions over the triangle of the shares of cost.

UNIFORM = 1 / 3
FEW = 60
"""Up to this many suggestions get large dots."""


def shares_figure(run: RunRecord, evidence: SearchEvidence) -> Figure | None:
    """Suggested shares of cost, coloured by top-1 of the network each rounds to; None without any."""
    placed = [(c, s) for c in run.candidates for s in candidate_shares(c)]
    if not placed:
        return None
    known = [c.top1 for c in run.candidates if c.status == "completed" and c.top1 is not None]
    several = len(evidence.objectives) > 1
    size = 8.0 if len(placed) <= FEW else 5.0
    with house_style():
        figure = new_figure("Where the suggestions went", 6.6)
        axes = figure.subplots()
        best = {one.candidate.key for one in evidence.front[: None if several else 1]}
        drawn = drawn_part(placed, lambda pair: pair[0].key in best)
        title = (
            f"{plural(len(placed), 'suggestion')} over the shares of cost; "
            "each corner spends all of it on one dimension"
        )
        part = part_note(len(drawn), len(placed), "suggestions")
        axes.set_title("\n".join(filter(None, (title, part))), pad=22)
        _triangle(axes)
        shades = shade_scale([100 * value for value in known]) if known else None
        clear: list[Segment] = []
        for candidate, shares in drawn:
            x, y = _at(shares)
            clear.append((x, y, x, y))
            if candidate.status == "completed" and candidate.top1 is not None and shades is not None:
                colour = tuple(shades.to_rgba(np.array([100 * candidate.top1]))[0])
                axes.plot(x, y, "o", color=colour, markersize=size, markeredgewidth=0, zorder=4)
            else:
                axes.plot(x, y, "o", color="white", markeredgecolor=FAINT, markersize=0.8 * size, zorder=3)
            if candidate.key in best:
                axes.plot(
                    *(x, y, "o"),
                    color="none",
                    markeredgecolor=INK,
                    markeredgewidth=1.8,
                    markersize=size + 4,
                    zorder=6,
                )
        clear += _references(axes)
        if shades is not None:
            bar = figure.colorbar(shades, ax=axes, shrink=0.7, aspect=28, pad=0.02)
            bar.set_label("held-out top-1 (%)")
            bar.outline.set_visible(False)
        legend_below(figure, _legend(run, evidence), 3)
        fast = _at(one_dial(FAST_WIDTH_SHARE))
        paper = _at(shares_of(PAPER_COEFFICIENTS))
        names = [
            Label(x=paper[0], y=paper[1], text="the paper's rule", colour=COLOURS["paper"], radius_pt=7),
            Label(x=fast[0], y=fast[1], text="fast (width 0.8)", colour=COLOURS["width"], radius_pt=9),
        ]
        if evidence.best and not several:
            own = evidence.best.candidate
            shares_ = own_shares((own.alpha, own.beta, own.gamma))
            if shares_ is not None:
                x, y = _at(shares_)
                names.append(Label(x=x, y=y, text="best", bold=True, radius_pt=size / 2 + 4))
        place_labels(axes, names, clear)
    return figure


def _at(shares: Shares) -> tuple[float, float]:
    return share_point(shares.depth, shares.width)


def _triangle(axes: Axes) -> None:
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.plot([0, 1, 0.5, 0], [0, 0, HEIGHT, 0], color=GREY, linewidth=1, zorder=2)
    for share in (0.2, 0.4, 0.6, 0.8):
        rest = 1 - share
        for start, end in (
            (share_point(share, 0), share_point(share, rest)),
            (share_point(0, share), share_point(rest, share)),
            (share_point(rest, 0), share_point(0, rest)),
        ):
            axes.plot(*zip(start, end, strict=True), color="#e6e8eb", linewidth=0.8, zorder=1)
        text = f"{share:z.0%}"
        small: dict[str, Any] = {"fontsize": 9, "color": GREY}
        # Each edge carries the ticks of one dimension, read along the lines that start there.
        x, y = share_point(share, rest)
        axes.text(x + 0.015, y + 0.005, text, ha="left", va="center", **small)
        x, y = share_point(0, share)
        axes.text(x, y - 0.02, text, ha="center", va="top", **small)
        x, y = share_point(rest, 0)
        axes.text(x - 0.015, y + 0.005, text, ha="right", va="center", **small)
    axes.text(0.5, HEIGHT + 0.02, "depth only", ha="center", va="bottom")
    axes.text(1.0, -0.02, "width only", ha="center", va="top")
    axes.text(0.0, -0.02, "resolution only", ha="center", va="top")
    for x, y, name, angle in (
        (0.84, 0.5, "share of depth", -60),
        (0.5, -0.1, "share of width", 0),
        (0.16, 0.5, "share of resolution", 60),
    ):
        axes.text(x, y, name, ha="center", va="center", rotation=angle, color=GREY)
    axes.set_xlim(-0.16, 1.12)
    axes.set_ylim(-0.13, HEIGHT + 0.07)


def _references(axes: Axes) -> list[Segment]:
    """The one-dial line with the fast rule, and the paper's rule; their segments come back."""
    start, end = _at(one_dial(UNIFORM)), _at(one_dial(1.0))
    axes.plot(
        *zip(start, end, strict=True), color=COLOURS["width"], linewidth=1.3, linestyle=(0, (5, 2)), zorder=2
    )
    fast, paper = _at(one_dial(FAST_WIDTH_SHARE)), _at(shares_of(PAPER_COEFFICIENTS))
    ring: dict[str, Any] = {"color": "none", "markeredgewidth": 1.8, "zorder": 5}
    axes.plot(*(*fast, "s"), markersize=9, markeredgecolor=COLOURS["width"], **ring)
    axes.plot(*(*paper, "D"), markersize=10, markeredgecolor=COLOURS["paper"], **ring)
    return [(*start, *end), *[(*fast, *fast)] * 4, *[(*paper, *paper)] * 4]


def _legend(run: RunRecord, evidence: SearchEvidence) -> list[Line2D]:
    entries = [
        Line2D([], [], color=COLOURS["width"], linestyle=(0, (5, 2)), label="one dial (arXiv 2103.06877)"),
        legend_mark("s", "fast: width share 0.8", COLOURS["width"], width=1.8),
        legend_mark("D", "the paper's rule (arXiv 1905.11946)", COLOURS["paper"], width=1.8),
    ]
    if evidence.best:
        entries.append(
            legend_mark("o", "on the front" if len(evidence.objectives) > 1 else "best", INK, width=1.8)
        )
    if any(c.status != "completed" for c in run.candidates):
        entries.append(legend_mark("o", "not trained to the end", FAINT, width=1.0, fill="white"))
    return entries


# ----------------------------------------------------------------------------------------------------
# The figures of a search's progress and of its front.

LABELLED = 10
"""Front members that get a label; of a longer front, evenly chosen ones."""
LEAD = COLOURS["highest"]


def history_figure(run: RunRecord, evidence: SearchEvidence) -> Figure | None:
    """Best value so far, or dominated share of the box, by suggestion; None where nothing was scored."""
    if not evidence.scored:
        return None
    with house_style():
        figure = new_figure("What the search found, suggestion by suggestion", 4.7)
        axes = figure.subplots()
        several = len(evidence.objectives) > 1
        first = evidence.objectives[0]
        scale = 100 if several else first.scale
        numbers = [one.number for one in evidence.scored]
        history = [scale * value for value in evidence.history]
        last = len(run.candidates)
        axes.step([*numbers, last], [*history, history[-1]], where="post", color=LEAD, linewidth=2, zorder=3)
        handles = [
            Line2D([], [], color=LEAD, linewidth=2, label="dominated so far" if several else "best so far")
        ]
        if several:
            axes.set_ylabel("hypervolume (% of its box)")
            rises = [i for i in range(len(history)) if i == 0 or history[i] > history[i - 1] + 1e-9]
            axes.plot([numbers[i] for i in rises], [history[i] for i in rises], "o", color=LEAD, markersize=6)
            handles.append(_dot("joined the front", LEAD))
        else:
            axes.set_ylabel(first.axis)
            handles += _single(axes, run, evidence, first)
        axes.set_title(_title(run, evidence), pad=8)
        axes.set_xlabel("distinct networks, in order of suggestion")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlim(1 - 0.02 * last - 0.3, last + 0.02 * last + 0.3)
        axes.margins(y=0.1)
        legend_below(figure, handles, 4)
    return figure


def _title(run: RunRecord, evidence: SearchEvidence) -> str:
    names = listed([one.said for one in evidence.objectives])
    title = (
        f"{names} over {plural(len(run.candidates), 'network')}, {len(evidence.scored)} trained to the end"
    )
    dots = 0 if len(evidence.objectives) > 1 else len(evidence.scored)
    return "\n".join(filter(None, (title, part_note(MOST_MARKS, dots))))


def _single(axes: Axes, run: RunRecord, evidence: SearchEvidence, first: Objective) -> list[Line2D]:
    """Every network's own value, and those stopped early at where they were; legend entries come back."""
    handles = [_dot("a network", GREY)]
    bars = False
    best = evidence.front_keys
    for one in drawn_part(evidence.scored, lambda one: one.candidate.key in best):
        value, sd = first.scale * one.values[0], one.candidate.top1_sd
        if first.name == "top1" and sd is not None:
            ends = [value - 100 * sd, value + 100 * sd]
            axes.plot([one.number] * 2, ends, color=FAINT, linewidth=1.2, zorder=1)
            bars = True
        axes.plot(one.number, value, "o", color=GREY, markersize=5, markeredgecolor="white", zorder=4)
    if bars:
        handles.append(Line2D([], [], color=FAINT, linewidth=1.2, label="standard deviation over seeds"))
    stopped = [(n, c) for n, c in enumerate(run.candidates, start=1) if c.status == "pruned"]
    drawn = False
    for number, candidate in evenly(stopped, MOST_MARKS):
        reached = first.value(candidate, run.settings)
        if reached is not None:
            axes.plot(number, first.scale * reached, "o", color="white", markeredgecolor=FAINT, markersize=5)
            drawn = True
    return [*handles, _dot("stopped early", "white", FAINT)] if drawn else handles


def front_figure(evidence: SearchEvidence) -> Figure | None:
    """The first two objectives against one another; None with a single one or nothing scored."""
    if len(evidence.objectives) < 2 or not evidence.scored:
        return None
    x, y = _axes_of(evidence)
    with house_style():
        figure = new_figure("The front", 5.4)
        axes = figure.subplots()
        more = len(evidence.objectives) > 2
        names = listed([one.said for one in evidence.objectives])
        on, clear = evidence.front_keys, list[Segment]()
        drawn = drawn_part(evidence.scored, lambda one: one.candidate.key in on)
        title = f"{plural(len(evidence.scored), 'network')} trained to the end; front over {names}"
        part = part_note(len(drawn), len(evidence.scored))
        axes.set_title("\n".join(filter(None, (title, part))), pad=8)
        for one in drawn:
            kept = one.candidate.key in on
            at = (_value(evidence, one, x), _value(evidence, one, y))
            clear += [(*at, *at)] * 6
            _bar(axes, one, at, evidence.objectives[x], evidence.objectives[y], kept=kept)
            axes.plot(
                *at,
                "o",
                color=LEAD if kept else FAINT,
                markersize=8 if kept else 5,
                markeredgecolor=INK if kept else "white",
                zorder=5 if kept else 4,
            )
        axes.set_xlabel(evidence.objectives[x].axis)
        axes.set_ylabel(evidence.objectives[y].axis)
        axes.margins(x=0.1, y=0.12)
        handles = [_dot("on the front", LEAD, INK), _dot("dominated", FAINT)]
        if not more:
            steps = _steps(axes, evidence, x, y)
            clear += steps
        if not more and steps:
            handles.append(Line2D([], [], color=LEAD, linewidth=1.4, alpha=0.75, label="Pareto front"))
        if any(one.candidate.top1_sd is not None for one in evidence.scored):
            handles.append(Line2D([], [], color=GREY, linewidth=1.2, label="standard deviation over seeds"))
        legend_below(figure, handles, 4)
        step = max(1, -(-len(evidence.front) // LABELLED))
        labels = [
            Label(
                x=_value(evidence, one, x),
                y=_value(evidence, one, y),
                text=_coefficients(one.candidate),
                colour=GREY,
                radius_pt=5,
                optional=index > 0,
            )
            for index, one in enumerate(evidence.front[::step])
        ]
        place_labels(axes, labels, clear)
    return figure


def _axes_of(evidence: SearchEvidence) -> tuple[int, int]:
    """Which of the first two objectives lies on x and which on y: a cost on x where there is one."""
    return (0, 1) if not evidence.objectives[0].maximise and evidence.objectives[1].maximise else (1, 0)


def _value(evidence: SearchEvidence, one: Scored, index: int) -> float:
    return evidence.objectives[index].scale * one.values[index]


def _bar(axes: Axes, one: Scored, at: tuple[float, float], x: Objective, y: Objective, *, kept: bool) -> None:
    sd = one.candidate.top1_sd
    if sd is None or "top1" not in (x.name, y.name):
        return
    colour = LEAD if kept else FAINT
    if y.name == "top1":
        axes.plot([at[0]] * 2, [at[1] - 100 * sd, at[1] + 100 * sd], color=colour, linewidth=1.2, zorder=3)
    else:
        axes.plot([at[0] - 100 * sd, at[0] + 100 * sd], [at[1]] * 2, color=colour, linewidth=1.2, zorder=3)


def _steps(axes: Axes, evidence: SearchEvidence, x: int, y: int) -> list[Segment]:
    """The stepped line of a front of two objectives; its segments come back, none of a single point."""
    where: Literal["pre", "post"]
    points = sorted({(_value(evidence, one, x), _value(evidence, one, y)) for one in evidence.front})
    if evidence.objectives[x].maximise == evidence.objectives[y].maximise:
        # The region below left (or above right) is dominated: the step is taken on the other side.
        where = "pre" if evidence.objectives[x].maximise else "post"
    else:
        where = "post" if evidence.objectives[y].maximise else "pre"
    axes.step(*zip(*points, strict=True), where=where, color=LEAD, linewidth=1.4, alpha=0.75, zorder=2.5)
    segments: list[Segment] = []
    for (left, before), (right, after) in pairwise(points):
        corner = (right, before) if where == "post" else (left, after)
        segments += [(left, before, *corner), (*corner, right, after)]
    return segments


def _coefficients(candidate: CandidateRecord) -> str:
    return f"{candidate.alpha:.3g}, {candidate.beta:.3g}, {candidate.gamma:.3g}"


def _dot(label: str, colour: str, edge: str = "white") -> Line2D:
    return Line2D(
        [], [], linestyle="", marker="o", markersize=7, color=colour, markeredgecolor=edge, label=label
    )
