"""Figures of a grid: the answer in the share triangle, and the learning curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scalesearch.networks.baselines import PAPER_COEFFICIENTS
from scalesearch.page.answer import SearchAnswer, told_answer
from scalesearch.page.evidence import highlights, names_paper, short_coefficients
from scalesearch.page.markdown import MOST_CURVES, drawn_part, part_note, plural
from scalesearch.page.shares import SHADES, share_point, small_triangle
from scalesearch.page.style import (
    COLOURS,
    FAINT,
    GREY,
    INK,
    LEAST_SPAN,
    MARKERS,
    Label,
    house_style,
    legend_below,
    legend_mark,
    new_figure,
    place_labels,
    settle,
    spread,
    widen,
)
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.scaling import shares_of
from scalesearch.statistics.answer import lattice

# ----------------------------------------------------------------------------------------------------
# The figure of an answer: the surface over all splits, what was trained, and the rates by length.

FINE = 60
"""Steps of the lattice that the surface is drawn on."""
RATE_COLOURS = {
    ("depth", "width"): COLOURS["width"],
    ("depth", "resolution"): COLOURS["resolution"],
    ("width", "resolution"): INK,
}
RATE_MARKERS = {("depth", "width"): "s", ("depth", "resolution"): "v", ("width", "resolution"): "o"}


def answer_figure(run: RunRecord) -> Figure | None:
    """The triangle of splits beside the exchange rates at each length; None where there is no answer."""
    found = told_answer(run)
    if isinstance(found, str):
        return None
    with house_style():
        title = "Where the compute should go" if found.surface.different else "No split stands out"
        figure = new_figure(title, 5.2)
        triangle, rates = figure.subplots(1, 2, width_ratios=(1.35, 1))
        labels = _splits(figure, triangle, run, found)
        _rates(rates, found)
        legend_below(figure, _legend(run, found), 3)
        settle(figure)
        dots = [_place(c) for c in _marked(run)]
        place_labels(triangle, labels, [(x, y, x, y) for x, y in dots for _ in range(3)])
    return figure


def _splits(figure: Figure, axes: Axes, run: RunRecord, found: SearchAnswer) -> list[Label]:
    answer, surface = found.answer, found.surface
    small_triangle(axes)
    trained = [c for c in run.candidates if c.status == "completed" and c.split is not None]
    fine = lattice(FINE)
    fine = fine[surface.inside(fine)]
    heights = surface.top1(fine)[0]
    means = [100 * (c.top1 or 0.0) for c in trained]
    if surface.tells:
        colours = Normalize(float(heights.min()), float(heights.max()))
        x, y = _places(fine)
        axes.tricontourf(x, y, heights, levels=14, cmap=SHADES, norm=colours, alpha=0.85, zorder=1)
        opened = answer.region.astype(float)
        ox, oy = _places(answer.splits)
        if not answer.region.all():
            axes.tricontourf(ox, oy, opened, levels=[-1, 0.5], colors=["white"], alpha=0.55, zorder=2.5)
            axes.tricontour(ox, oy, opened, levels=[0.5], colors=[INK], linewidths=1.4, zorder=3)
        at_best = "" if found.as_searched is None else ", each at its best recipe"
        pale = "pale: excluded as the best with 95% confidence"
        axes.set_title(f"fitted top-1 over splits{at_best};\n{pale}", pad=14)
    else:
        colours = Normalize(min(means) - 1e-3, max(means) + 1e-3)
        why = (
            "the surface predicts none left out" if surface.different else "a surface would show chance alone"
        )
        axes.set_title(f"mean top-1 of the trained networks;\n{why}", pad=14)
    bar = figure.colorbar(ScalarMappable(colours, SHADES), ax=axes, shrink=0.7, aspect=26, pad=0.02)
    bar.set_label("held-out top-1 (%)")
    bar.outline.set_visible(False)
    for candidate in _marked(run):
        style: dict[str, Any] = {"markeredgecolor": "white", "markeredgewidth": 1.2, "zorder": 5}
        colour = SHADES(colours(100 * (candidate.top1 or 0.0)))
        axes.plot(*_place(candidate), "o", color=colour, markersize=8, **style)
    best = share_point(answer.best[0], answer.best[1])
    labels = []
    if names_paper(run):
        paper = shares_of(PAPER_COEFFICIENTS)
        x_paper, y_paper = share_point(paper.depth, paper.width)
        ring: dict[str, Any] = {"color": "none", "markeredgewidth": 1.8, "zorder": 6}
        axes.plot(x_paper, y_paper, "D", markersize=12, markeredgecolor=COLOURS["paper"], **ring)
        labels.append(Label(x=x_paper, y=y_paper, text="the paper's", colour=COLOURS["paper"], radius_pt=9))
    if surface.different:
        axes.plot(*best, "*", markersize=17, color=INK, markeredgecolor="white", zorder=7)
        labels.insert(0, Label(x=best[0], y=best[1], text="best", bold=True, radius_pt=9))
    return labels


def _marked(run: RunRecord) -> list[CandidateRecord]:
    """The trained networks that the triangle has room for."""
    named = {highlight.candidate.key for highlight in highlights(run)}
    done = [c for c in run.candidates if c.status == "completed" and c.split is not None]
    return drawn_part(done, lambda c: c.key in named)


def _places(splits: Any) -> tuple[list[float], list[float]]:
    points = [share_point(float(depth), float(width)) for depth, width, _ in splits]
    return [x for x, _ in points], [y for _, y in points]


def _place(candidate: CandidateRecord) -> tuple[float, float]:
    assert candidate.split is not None
    return share_point(candidate.split[0], candidate.split[1])


def _rates(axes: Axes, found: SearchAnswer) -> None:
    axes.axhline(0, color=GREY, linewidth=1)
    images = [at.images for at in found.lengths]
    for number, (pair, colour) in enumerate(RATE_COLOURS.items()):
        points = [next(r.points for r in at.rates if (r.giver, r.taker) == pair) for at in found.lengths]
        # Side by side: intervals of one length would hide one another.
        shift = 1.05 ** (number - 1)
        values = np.array([p.value for p in points])
        reach = [values - [p.low for p in points], np.array([p.high for p in points]) - values]
        axes.errorbar(
            [shift * x for x in images],
            values,
            yerr=reach,
            color=colour,
            marker=RATE_MARKERS[pair],
            markersize=6,
            linewidth=1.2,
            elinewidth=1.4,
            capsize=3,
        )
    axes.set_xscale("log", base=2)
    axes.set_xticks(images, [f"{x:,}" for x in images])
    axes.minorticks_off()
    axes.set_xlim(min(images) / 1.35, max(images) * 1.35)
    axes.set_xlabel("training images of each run")
    by = "" if found.as_searched is None else ", by the search's own recipe"
    axes.set_title(f"points of top-1 for each 10% of\nthe compute that is moved{by}", pad=14)


def _legend(run: RunRecord, found: SearchAnswer) -> Sequence[Line2D]:
    rates = [
        Line2D([], [], color=colour, marker=RATE_MARKERS[pair], markersize=6, label=f"{pair[0]} to {pair[1]}")
        for pair, colour in RATE_COLOURS.items()
    ]
    marks = [legend_mark("o", "trained network", "white", fill=GREY, width=1.2)]
    if found.surface.tells and not found.answer.region.all():
        marks.append(Line2D([], [], color=INK, linewidth=1.4, label="edge of the 95% region"))
    if names_paper(run):
        marks.append(legend_mark("D", "the paper's split", COLOURS["paper"], width=1.8))
    return [*rates, *marks]


# ----------------------------------------------------------------------------------------------------
# The figure of the learning curves.

LABEL_LINE_PT = 13.0
STOPPED = {"linestyle": (0, (4, 3))}
STOP: Mapping[str, Any] = MappingProxyType(
    {"marker": "o", "markersize": 4, "color": "white", "markeredgecolor": FAINT, "zorder": 2}
)


def curves_figure(run: RunRecord) -> Figure | None:
    """Held-out top-1 against training images seen, for every network with a curve; None without any."""
    curved = [c for c in run.candidates if c.curve]
    if not curved:
        return None
    marked = [h for h in highlights(run) if h.candidate.curve]
    named = {h.candidate.key for h in marked}
    drawn = drawn_part(curved, lambda c: c.key in named, MOST_CURVES)
    most = max(images for c in curved for images, _ in c.curve)
    unit, name = (1000, "thousands of training images seen") if most >= 5000 else (1, "training images seen")
    with house_style():
        figure = new_figure("Learning curves", 5.4)
        axes = figure.subplots()
        part = part_note(len(drawn), len(curved))
        axes.set_title("\n".join(filter(None, (_note(curved, len(marked)), part))), pad=8)
        axes.set_xlabel(name)
        axes.set_ylabel("held-out top-1 (%)")
        for candidate in drawn:
            if candidate.key not in named:
                style = _dot(candidate) | (STOPPED if candidate.status == "pruned" else {})
                axes.plot(*_curve(candidate, unit), color=FAINT, linewidth=0.9, alpha=0.7, **style)
                if candidate.status == "pruned":
                    images, scores = _curve(candidate, unit)
                    axes.plot(images[-1:], scores[-1:], **STOP)
        for highlight in reversed(marked):
            x, y = _curve(highlight.candidate, unit)
            axes.plot(
                *(x, y),
                color=COLOURS[highlight.kind],
                linewidth=2.6 if highlight.kind == "highest" else 1.8,
                zorder=4 if highlight.kind == "highest" else 3,
                **_dot(highlight.candidate),
            )
            size = 12 if highlight.kind == "highest" else 7
            axes.plot(
                *(x[-1:], y[-1:], MARKERS[highlight.kind]),
                color=COLOURS[highlight.kind],
                markersize=size,
                zorder=5,
            )
        _chance(figure, 100 / run.classes)
        widen(axes, "y", LEAST_SPAN)
        # The layout leaves room for a label at the right; it is then moved to where its curve ends.
        notes = [
            axes.text(
                *(1.05, 0.5, " and\n".join(h.names) + "\n" + short_coefficients(h.candidate)),
                transform=axes.transAxes,
                va="center",
                linespacing=1.1,
                fontsize=9.5,
                color=COLOURS[h.kind],
                fontweight="bold" if h.kind == "highest" else "normal",
            )
            for h in marked
        ]
        settle(figure)
        height_pt = axes.get_window_extent().height / figure.dpi * 72
        ends = [_curve(h.candidate, unit) for h in marked]
        to_axes = axes.transData + axes.transAxes.inverted()
        wanted = [to_axes.transform((x[-1], y[-1])) for x, y in ends]
        lines = max((1 + len(h.names) for h in marked), default=2)
        heights = spread([float(w[1]) for w in wanted], LABEL_LINE_PT * lines / height_pt, 0.0, 1.0)
        for text, end, height in zip(notes, wanted, heights, strict=True):
            text.set_y(height)
            axes.plot(
                [end[0] + 0.008, 1.04],
                [end[1], height],
                transform=axes.transAxes,
                color=GREY,
                linewidth=0.7,
                clip_on=False,
            )
    return figure


def _note(curved: list[CandidateRecord], marked: int) -> str:
    seeds = max(len(c.runs) for c in curved)
    others = len(curved) - marked
    upto = "" if all(len(c.runs) == seeds for c in curved) else "up to "
    note = f"{plural(len(curved), 'network')}, "
    note += "one seed each" if seeds == 1 else f"means over {upto}{seeds} seeds"
    note += f"; grey: the other {others if others > 1 else 'one'}" if others else ""
    return note + ("; dashed: stopped early" if any(c.status == "pruned" for c in curved) else "")


def _curve(candidate: CandidateRecord, unit: int) -> tuple[list[float], list[float]]:
    points = sorted(candidate.curve)
    return [images / unit for images, _ in points], [100 * top1 for _, top1 in points]


def _dot(candidate: CandidateRecord) -> dict[str, Any]:
    """A curve of one look is a point, which no line shows."""
    return {"marker": "o", "markersize": 4} if len(candidate.curve) == 1 else {}


def _chance(figure: Figure, chance: float) -> None:
    axes = figure.axes[0]
    axes.axhline(chance, color=GREY, linewidth=1, linestyle=(0, (1, 2)), zorder=1)
    axes.annotate(
        f"chance {chance:.3g}%",
        (1, chance),
        xycoords=("axes fraction", "data"),
        xytext=(-3, 3),
        textcoords="offset points",
        ha="right",
        fontsize=9,
        color=GREY,
    )
