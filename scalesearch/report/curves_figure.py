"""The figure of the learning curves."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from matplotlib.figure import Figure

from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.report.bounds import MOST_CURVES, drawn_part, part_note
from scalesearch.report.evidence import highlights
from scalesearch.report.labels import spread
from scalesearch.report.limits import LEAST_SPAN, widen
from scalesearch.report.markdown import plural
from scalesearch.report.sentences import short_coefficients
from scalesearch.report.style import COLOURS, FAINT, GREY, MARKERS, house_style, new_figure, settle

__all__ = ["curves_figure"]

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
