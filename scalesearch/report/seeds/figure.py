"""The figure of every network's accuracy, run by run, best first, with the winning set shaded."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.report.budgets import same_cost
from scalesearch.report.evidence import Highlight, highlights, judged
from scalesearch.report.limits import LEAST_SPAN, widen
from scalesearch.report.markdown import plural
from scalesearch.report.seeds.evidence import SeedEvidence, intervals, seed_evidence
from scalesearch.report.sentences import short_coefficients
from scalesearch.report.style import COLOURS, FAINT, GREY, MARKERS, house_style, legend_below, new_figure

__all__ = ["seeds_figure"]

ROWS = 40
"""Networks that a figure has room for."""
ROW_IN, AROUND_IN = 0.27, 1.9
SHADE = "#e3eef6"


def seeds_figure(run: RunRecord) -> Figure | None:
    """Top-1 by network, best at the top; None with one seed, unless a cost axis would show nothing."""
    ranking, evidence = judged(run), seed_evidence(run)
    if not ranking or (evidence is None and not same_cost([c.macs for c in ranking])):
        return None
    marked = {h.candidate.key: h for h in highlights(run)}
    shown = [c for i, c in enumerate(ranking) if i < ROWS or c.key in marked]
    with house_style():
        figure = new_figure("Top-1 of each network", AROUND_IN + ROW_IN * max(3, len(shown)))
        axes = figure.subplots()
        axes.set_title(_note(run, ranking, shown, evidence), pad=8)
        members = {c.key for c in evidence.members} if evidence and len(evidence.tested) > 1 else set()
        bounds = intervals(run)
        for row, candidate in enumerate(shown):
            if candidate.key in members:
                axes.axhspan(row - 0.5, row + 0.5, color=SHADE, linewidth=0, zorder=0)
            _row(axes, row, candidate, bounds.get(candidate.key), marked.get(candidate.key))
        _names(axes, shown, marked)
        axes.set_xlabel("held-out top-1 (%)")
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.grid(visible=False, axis="y")
        widen(axes, "x", LEAST_SPAN)
        legend_below(figure, _legend(evidence, several=bool(members)), 4)
    return figure


def _note(
    run: RunRecord,
    ranking: list[CandidateRecord],
    shown: list[CandidateRecord],
    evidence: SeedEvidence | None,
) -> str:
    note = (
        f"{plural(len(ranking), 'trained network')}, best first; {plural(len(ranking[0].runs), 'seed')} each"
    )
    if evidence and evidence.left_out:
        note = note.replace(" each", "; those with fewer seeds come last")
    if evidence is None or same_cost([c.macs for c in ranking]):
        note += "; all cost the same within 5%" if len(ranking) > 1 else ""
    if any(c.status == "pruned" for c in run.candidates):
        note += "\nthose stopped early are left out"
    if len(shown) < len(ranking):
        note += f"\nshown: the best {ROWS} and those with a name"
    return note


def _row(
    axes: Axes,
    row: int,
    candidate: CandidateRecord,
    bounds: tuple[float, float] | None,
    highlight: Highlight | None,
) -> None:
    colour = COLOURS[highlight.kind] if highlight else GREY
    if bounds:
        axes.plot([100 * bound for bound in bounds], [row, row], color=colour, linewidth=1.6, zorder=3)
    if len(candidate.runs) > 1:
        single = [100 * run.top1 for run in candidate.runs]
        axes.plot(
            single, [row] * len(single), "o", markersize=4.5, color=FAINT, markeredgecolor=GREY, zorder=4
        )
    axes.plot(
        *(100 * (candidate.top1 or 0.0), row),
        marker=MARKERS[highlight.kind] if highlight else "|",
        markersize=13 if highlight and highlight.kind == "winner" else 7 if highlight else 10,
        color=colour,
        markeredgecolor="white" if highlight else colour,
        markeredgewidth=0.8 if highlight else 2,
        zorder=5,
    )


def _names(axes: Axes, shown: list[CandidateRecord], marked: dict[str, Highlight]) -> None:
    """Coefficients at the left of each row, and what the network is known as at its right."""
    axes.set_yticks(range(len(shown)), [short_coefficients(c) for c in shown])
    axes.tick_params(axis="y", length=0)
    axes.set_ylabel(r"$\alpha,\ \beta,\ \gamma$", rotation=0, ha="right", y=1.0)
    for row, (tick, candidate) in enumerate(zip(axes.get_yticklabels(), shown, strict=True)):
        highlight = marked.get(candidate.key)
        if highlight is None:
            continue
        tick.set_color(COLOURS[highlight.kind])
        weight = "bold" if highlight.kind == "winner" else "normal"
        tick.set_fontweight(weight)
        axes.annotate(
            *(highlight.text, (1, row)),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=9.5,
            color=COLOURS[highlight.kind],
            fontweight=weight,
            annotation_clip=False,
        )


def _legend(evidence: SeedEvidence | None, *, several: bool) -> list[Line2D]:
    interval = "95% t interval of the mean" if evidence else "95% Wilson interval"
    entries: list[Line2D] = [Line2D([], [], color=GREY, linewidth=1.6, label=interval)]
    if evidence:
        entries += [
            Line2D(
                [], [], linestyle="", marker="|", markersize=10, markeredgewidth=2, color=GREY, label="mean"
            ),
            Line2D(
                [],
                [],
                linestyle="",
                marker="o",
                markersize=4.5,
                color=FAINT,
                markeredgecolor=GREY,
                label="one seed",
            ),
        ]
    if several:
        entries.append(Line2D([], [], color=SHADE, linewidth=9, solid_capstyle="butt", label="winning set"))
    return entries
