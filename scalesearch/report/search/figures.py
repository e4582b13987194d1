"""The figures of a search's progress and of its front."""

from __future__ import annotations

from itertools import pairwise
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.report.bounds import MOST_MARKS, drawn_part, evenly, part_note
from scalesearch.report.labels import Label, Segment, place_labels
from scalesearch.report.markdown import plural
from scalesearch.report.objectives import Objective
from scalesearch.report.search.evidence import Scored, SearchEvidence
from scalesearch.report.sentences import listed
from scalesearch.report.style import COLOURS, FAINT, GREY, INK, house_style, legend_below, new_figure

__all__ = ["front_figure", "history_figure"]

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
            at = (_at(evidence, one, x), _at(evidence, one, y))
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
                x=_at(evidence, one, x),
                y=_at(evidence, one, y),
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


def _at(evidence: SearchEvidence, one: Scored, index: int) -> float:
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
    points = sorted({(_at(evidence, one, x), _at(evidence, one, y)) for one in evidence.front})
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
