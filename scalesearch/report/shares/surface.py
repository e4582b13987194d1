"""The figure of the feasible surface: every coefficient triple of the grid, coloured by accuracy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Set
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.report.bounds import MOST_TRIPLES, drawn_part, part_note
from scalesearch.report.evidence import PAPER, highlights, judged, same_triple
from scalesearch.report.labels import Label, place_labels
from scalesearch.report.markdown import plural
from scalesearch.report.shares.shades import SHADES
from scalesearch.report.shares.surface_lines import dial_legend, iso_legend, iso_lines, one_dial_line
from scalesearch.report.style import (
    COLOURS,
    FAINT,
    GREY,
    INK,
    house_style,
    legend_below,
    legend_mark,
    new_figure,
    settle,
)
from scalesearch.scaling import NOMINAL_BASE

__all__ = ["surface_figure"]

Triple = tuple[float, float, float]

SAME = 1e-9
"""Points of top-1 below which two values differ by rounding only."""
LARGEST_PT, SMALLEST_PT = 13.0, 3.0
FALLBACK_STEP = 0.05
FEW = 6
"""With fewer beads than this the axes show the whole surface: their own range would be a frame of nothing."""
WHOLE = (1.0, NOMINAL_BASE**0.5)
"""What beta or gamma can be where the product is 2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bead:
    """One triple: number ``place``, by alpha, of the ``row`` triples that share its beta and gamma."""

    triple: Triple
    candidate: CandidateRecord
    place: int
    row: int


def surface_figure(run: RunRecord) -> Figure | None:
    """All feasible triples over beta and gamma, ordered by alpha where they share both; None without any."""
    beads = _beads(run)
    if not beads:
        return None
    done = judged(run)
    keys = {c.key for c in done}
    every, beads = beads, _drawn(run, beads, keys)
    with house_style():
        figure = new_figure("The feasible surface, coloured by accuracy", 6.9)
        axes = figure.subplots()
        scores = [100 * (c.top1 or 0.0) for c in done]
        axes.set_title(_note(run, every, scores, len(beads)), pad=8)
        axes.set_xlabel(r"$\beta$ (width coefficient)")
        axes.set_ylabel(r"$\gamma$ (resolution coefficient)")
        step = _limits(axes, every)
        # One value has no range that a bar could show: its beads take the middle colour.
        various = max(scores, default=0.0) - min(scores, default=0.0) > SAME
        norm = Normalize(min(scores), max(scores)) if various else Normalize(*_around(scores))
        colours = ScalarMappable(norm, SHADES)
        shades = SHADES(norm([100 * (bead.candidate.top1 or 0.0) for bead in beads]))
        if various:
            bar = figure.colorbar(colours, ax=axes, fraction=0.045, pad=0.03)
            bar.set_label("held-out top-1 of the triple's network (%)")
            bar.outline.set_visible(False)
        handles = _legend(run)
        legend_below(figure, handles, 4 if len(handles) <= 4 else 3)
        segments = iso_lines(axes)
        settle(figure)
        dial, dial_labels = one_dial_line(axes)
        segments += dial
        positions, size = _positions(axes, beads, step)
        for bead, (x, y), shade in zip(beads, positions, shades, strict=True):
            if bead.candidate.key in keys:
                axes.plot(x, y, "o", markersize=size, color=tuple(shade), markeredgewidth=0, zorder=4)
            elif bead.candidate.status == "pruned":
                style: dict[str, Any] = {"color": "white", "markeredgecolor": FAINT, "markeredgewidth": 1.2}
                axes.plot(x, y, "s", markersize=size * 0.65, **style, zorder=3)
            elif bead.candidate.status == "failed":
                axes.plot(x, y, "x", markersize=size * 0.7, color=GREY, markeredgewidth=1.2, zorder=3)
            else:
                edge = GREY if bead.candidate.status == "waiting" else FAINT
                axes.plot(*(x, y, "o"), markersize=size * 0.85, color="white", markeredgecolor=edge, zorder=3)
        segments += [(x, y, x, y) for x, y in positions for _ in range(4)]
        place_labels(axes, _mark(axes, run, beads, positions, size) + dial_labels, segments)
    return figure


def _drawn(run: RunRecord, beads: list[Bead], trained: Set[str]) -> list[Bead]:
    """The beads that are drawn: those with a name, then of trained networks, then a spread of the others."""
    winner = next((h.candidate.key for h in highlights(run)), None)

    def named(bead: Bead) -> bool:
        own = (bead.candidate.alpha, bead.candidate.beta, bead.candidate.gamma)
        return same_triple(bead.triple, PAPER) or (bead.candidate.key == winner and bead.triple == own)

    if len(beads) <= MOST_TRIPLES:
        return beads
    first = drawn_part([b for b in beads if b.candidate.key in trained], named, MOST_TRIPLES)
    kept = {id(bead) for bead in first}
    return drawn_part(beads, lambda bead: id(bead) in kept or named(bead), MOST_TRIPLES)


def _note(run: RunRecord, beads: list[Bead], scores: list[float], drawn: int) -> str:
    networks = len(run.candidates)
    to_the_end = " to the end" if any(c.status == "pruned" for c in run.candidates) else ""
    note = (
        f"{plural(len(beads), 'coefficient triple')} {'makes' if len(beads) == 1 else 'make'} "
        f"{networks} distinct {'network' if networks == 1 else 'networks'}, "
        f"{len(scores) or 'none'} of them trained{to_the_end}"
    )
    if scores and max(scores) - min(scores) <= SAME:
        note += f", top-1 {scores[0]:.1f}%" + (" each" if len(scores) > 1 else "")
    if len(beads) > networks:
        note += "\nbeads side by side share beta and gamma: alpha grows from left to right"
    part = part_note(drawn, len(beads), "triples")
    return note + (f"\n{part}" if part else "")


def _around(scores: list[float]) -> tuple[float, float]:
    return (scores[0] - 1, scores[0] + 1) if scores else (0.0, 100.0)


def _beads(run: RunRecord) -> list[Bead]:
    cells: dict[tuple[float, float], list[tuple[Triple, CandidateRecord]]] = defaultdict(list)
    for candidate in run.candidates:
        own = (candidate.alpha, candidate.beta, candidate.gamma)
        for triple in candidate.merged or (own,):
            cells[round(triple[1], 6), round(triple[2], 6)].append((triple, candidate))
    return [
        Bead(triple=triple, candidate=candidate, place=place, row=len(cell))
        for _, cell in sorted(cells.items())
        for place, (triple, candidate) in enumerate(sorted(cell, key=lambda pair: pair[0]))
    ]


def _limits(axes: Axes, beads: list[Bead]) -> tuple[float, float]:
    """Set limits with a margin of one grid step (two to the left, for names); the steps come back."""
    steps = []
    for axis, setter in ((1, axes.set_xlim), (2, axes.set_ylim)):
        whole = WHOLE if len(beads) < FEW else ()
        values = sorted({round(bead.triple[axis], 6) for bead in beads} | set(whole))
        span = values[-1] - values[0]
        step = FALLBACK_STEP if whole else min(np.diff(values), default=FALLBACK_STEP)
        margin = max(0.07 * span, 0.5 * FALLBACK_STEP)
        setter(values[0] - margin * (2.7 if axis == 1 else 1), values[-1] + margin)
        steps.append(float(step))
    return steps[0], steps[1]


def _positions(
    axes: Axes, beads: list[Bead], step: tuple[float, float]
) -> tuple[list[tuple[float, float]], float]:
    """Where each bead lies, and the diameter in points that keeps beads of one cell apart."""
    figure = axes.get_figure(root=True)
    dots_per_point = figure.dpi / 72 if figure else 1.0
    extent = axes.get_window_extent()
    points_x = extent.width / dots_per_point / (axes.get_xlim()[1] - axes.get_xlim()[0])
    points_y = extent.height / dots_per_point / (axes.get_ylim()[1] - axes.get_ylim()[0])
    longest = max(bead.row for bead in beads)
    pitch = min(0.92 * step[0] * points_x / longest, 0.85 * step[1] * points_y, LARGEST_PT + 1)
    size = max(SMALLEST_PT, 0.8 * pitch)
    shift = pitch / points_x
    return [
        (bead.triple[1] + shift * (bead.place - (bead.row - 1) / 2), bead.triple[2]) for bead in beads
    ], size


def _mark(
    axes: Axes, run: RunRecord, beads: list[Bead], positions: list[tuple[float, float]], size: float
) -> list[Label]:
    """Ring the winner's triples and the paper's point; their labels come back."""
    labels = []
    winner = next((h.candidate for h in highlights(run)), None)
    for bead, (x, y) in zip(beads, positions, strict=True):
        names = []
        if winner is not None and bead.candidate.key == winner.key:
            own = same_triple(bead.triple, (winner.alpha, winner.beta, winner.gamma))
            axes.plot(
                *(x, y, "o"),
                markersize=size + 3,
                color="none",
                markeredgecolor=INK,
                markeredgewidth=2,
                zorder=6,
            )
            names += ["winner"] if own else []
        if same_triple(bead.triple, PAPER):
            axes.plot(
                *(x, y, "o"),
                markersize=size + (8 if names else 3),
                color="none",
                markeredgecolor=COLOURS["paper"],
                markeredgewidth=2,
                zorder=7,
            )
            names.append("the paper's")
        if names:
            text = f"{' and '.join(names)}\n{bead.triple[0]:.4g}, {bead.triple[1]:.4g}, {bead.triple[2]:.4g}"
            colour = INK if names[0] == "winner" else COLOURS["paper"]
            labels.append(Label(x=x, y=y, text=text, colour=colour, bold=True, radius_pt=size / 2 + 4))
    if not any(same_triple(bead.triple, PAPER) for bead in beads) and _within(axes, PAPER[1], PAPER[2]):
        style: dict[str, Any] = {"color": "none", "markeredgecolor": COLOURS["paper"], "markeredgewidth": 2}
        axes.plot(PAPER[1], PAPER[2], "o", markersize=size + 3, **style, zorder=7)
        text = "the paper's\n" + ", ".join(f"{value:.4g}" for value in PAPER)
        labels.append(
            Label(x=PAPER[1], y=PAPER[2], text=text, colour=COLOURS["paper"], radius_pt=size / 2 + 4)
        )
    return labels


def _within(axes: Axes, x: float, y: float) -> bool:
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    return left <= x <= right and bottom <= y <= top


def _legend(run: RunRecord) -> list[Line2D]:
    present = {c.status for c in run.candidates}
    entries = [legend_mark("o", "trained", "none", fill=str(to_hex(SHADES(0.5))))] if judged(run) else []
    entries += [legend_mark("o", "winner's network", INK, width=2)] if judged(run) else []
    entries.append(legend_mark("o", "the paper's coefficients", COLOURS["paper"], width=2))
    entries += [legend_mark("s", "stopped early", FAINT, width=1.2)] if "pruned" in present else []
    entries += [legend_mark("o", "skipped", FAINT)] if "skipped" in present else []
    entries += [legend_mark("o", "waiting", GREY)] if "waiting" in present else []
    entries += [legend_mark("x", "failed", GREY, width=1.2)] if "failed" in present else []
    return [*entries, iso_legend(), dial_legend()]
