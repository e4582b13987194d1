"""The figure of the feasible surface: every coefficient triple of the grid, coloured by accuracy."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scalesearch.architecture.published import PAPER_COEFFICIENTS
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.report.evidence import highlights, judged, paper_candidate, same_triple
from scalesearch.report.labels import Label, Segment, place_labels
from scalesearch.report.style import COLOURS, FAINT, GREY, INK, house_style, legend_below, new_figure, settle
from scalesearch.scaling import NOMINAL_BASE

__all__ = ["surface_figure"]

Triple = tuple[float, float, float]

COLOUR_MAP = "viridis"
LARGEST_PT, SMALLEST_PT = 13.0, 3.0
FALLBACK_STEP = 0.05
ROOMY = 1.06
"""How far beyond the edge of the surface its corner must lie to hold a note clear of every bead."""


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
    with house_style():
        figure = new_figure("The feasible surface, coloured by accuracy", 6.9)
        axes = figure.subplots()
        axes.set_title(
            f"{len(beads)} coefficient triples make {len(run.candidates)} distinct networks, "
            f"{len(done) or 'none'} of them trained\nbeads side by side share beta and gamma: alpha grows "
            "from left to right",
            pad=8,
        )
        axes.set_xlabel(r"$\beta$ (width coefficient)")
        axes.set_ylabel(r"$\gamma$ (resolution coefficient)")
        step = _limits(axes, beads)
        scores = [100 * (c.top1 or 0.0) for c in done]
        norm = Normalize(min(scores), max(scores)) if len(set(scores)) > 1 else None
        norm = norm or (Normalize(scores[0] - 0.5, scores[0] + 0.5) if scores else Normalize(0, 100))
        colours = ScalarMappable(norm, COLOUR_MAP)
        shades = colormaps[COLOUR_MAP](norm([100 * (bead.candidate.top1 or 0.0) for bead in beads]))
        if scores:
            bar = figure.colorbar(colours, ax=axes, fraction=0.045, pad=0.03)
            bar.set_label("held-out top-1 of the triple's network (%)")
            bar.outline.set_visible(False)
        handles = _legend(run)
        legend_below(figure, handles, 4 if len(handles) <= 4 else 3)
        segments = _iso_lines(axes)
        settle(figure)
        positions, size = _positions(axes, beads, step)
        for bead, (x, y), shade in zip(beads, positions, shades, strict=True):
            if bead.candidate.key in keys:
                axes.plot(x, y, "o", markersize=size, color=tuple(shade), markeredgewidth=0, zorder=4)
            elif bead.candidate.status == "failed":
                axes.plot(x, y, "x", markersize=size * 0.7, color=GREY, markeredgewidth=1.2, zorder=3)
            else:
                edge = GREY if bead.candidate.status == "waiting" else FAINT
                axes.plot(*(x, y, "o"), markersize=size * 0.85, color="white", markeredgecolor=edge, zorder=3)
        segments += [(x, y, x, y) for x, y in positions for _ in range(4)]
        place_labels(axes, _mark(axes, run, beads, positions, size), segments)
    return figure


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
        values = sorted({round(bead.triple[axis], 6) for bead in beads})
        span = values[-1] - values[0]
        step = min(np.diff(values), default=FALLBACK_STEP)
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


def _iso_lines(axes: Axes) -> list[Segment]:
    """Lines on which the constraint gives one alpha, named at their left ends; their segments come back."""
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    axes.set_autoscale_on(False)
    beta = np.linspace(left, right, 200)
    segments: list[Segment] = []
    for alpha in _alpha_levels(left * bottom):
        gamma = math.sqrt(NOMINAL_BASE / alpha) / beta
        axes.plot(beta, gamma, color=FAINT, linewidth=0.9, zorder=1)
        segments += [
            (beta[i], gamma[i], beta[i + 10], gamma[i + 10])
            for i in range(0, 190, 10)
            if bottom <= gamma[i] <= top
        ]
        at_left = bool(gamma[0] <= top)
        end = (left, gamma[0]) if at_left else (math.sqrt(NOMINAL_BASE / alpha) / top, top)
        axes.annotate(
            *(rf"$\alpha$ = {alpha:g}", end),
            xytext=(3, -2) if at_left else (11, -3),
            textcoords="offset points",
            va="top",
            fontsize=9,
            color=GREY,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6} if at_left else None,
            zorder=1.5,
        )
        height = end[1] - 0.02 * (top - bottom)
        segments += [(end[0], height, end[0] + 0.09 * (right - left), height)] * 4
    limit = math.sqrt(NOMINAL_BASE) / beta
    axes.fill_between(beta, limit, top + 1, color="#f3f4f6", linewidth=0, zorder=0)
    if (left + 0.62 * (right - left)) * (bottom + 0.9 * (top - bottom)) > ROOMY * math.sqrt(NOMINAL_BASE):
        axes.text(
            *(0.985, 0.975, r"a product of exactly 2 needs $\alpha$ < 1 here"),
            transform=axes.transAxes,
            ha="right",
            va="top",
            fontsize=9,
            color=GREY,
        )
    return segments


def _alpha_levels(corner: float) -> list[float]:
    """Round values of alpha, from 1 up to what the constraint gives where beta times gamma is least."""
    highest = NOMINAL_BASE / corner**2 if corner > 0 else NOMINAL_BASE
    return [round(1 + 0.2 * k, 1) for k in range(round(5 * (min(highest, 3.0) - 1)) + 1)]


def _mark(
    axes: Axes, run: RunRecord, beads: list[Bead], positions: list[tuple[float, float]], size: float
) -> list[Label]:
    """Ring the winner's triples and the paper's point; their labels come back."""
    labels = []
    winner = next((h.candidate for h in highlights(run)), None)
    paper = paper_candidate(run) and (
        PAPER_COEFFICIENTS.alpha,
        PAPER_COEFFICIENTS.beta,
        PAPER_COEFFICIENTS.gamma,
    )
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
        if paper and same_triple(bead.triple, paper):
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
    return labels


def _legend(run: RunRecord) -> list[Line2D]:
    def mark(marker: str, label: str, edge: str, *, fill: str = "none", width: float = 1.0) -> Line2D:
        return Line2D(
            *([], []),
            linestyle="",
            marker=marker,
            markersize=9,
            color=fill,
            markeredgecolor=edge,
            markeredgewidth=width,
            label=label,
        )

    present = {c.status for c in run.candidates}
    entries = (
        [mark("o", "trained", "none", fill=str(to_hex(colormaps[COLOUR_MAP](0.5))))] if judged(run) else []
    )
    entries += [mark("o", "winner's network", INK, width=2)] if judged(run) else []
    entries += (
        [mark("o", "the paper's coefficients", COLOURS["paper"], width=2)] if paper_candidate(run) else []
    )
    entries += [mark("o", "skipped (thinned out)", FAINT)] if "skipped" in present else []
    entries += [mark("o", "waiting", GREY)] if "waiting" in present else []
    entries += [mark("x", "failed", GREY, width=1.2)] if "failed" in present else []
    line = Line2D([], [], color=FAINT, linewidth=0.9, label=r"$\alpha\,\beta^2\gamma^2 = 2$ at one $\alpha$")
    return [*entries, line]
