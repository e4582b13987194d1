"""The figure of a trained family: accuracy against what it costs, and what was published apart from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from scalesearch.records import CandidateRecord, PublishedRow, RunRecord
from scalesearch.report.evidence import intervals
from scalesearch.report.labels import Label, Segment, place_labels
from scalesearch.report.limits import LEAST_SPAN, widen
from scalesearch.report.markdown import plural
from scalesearch.report.scale.trained_evidence import trained
from scalesearch.report.style import COLOURS, GREY, house_style, new_figure

__all__ = ["trained_figure"]

TRAINED, PUBLISHED = COLOURS["highest"], COLOURS["paper"]
Bounds = Mapping[str, tuple[float, float]]
Floats = NDArray[np.float64]


def trained_figure(run: RunRecord) -> Figure | None:
    """Top-1 against MACs and against training seconds, the published family below; None without a network."""
    networks = trained(run)
    if not networks:
        return None
    published = run.derivation.published if run.derivation is not None else ()
    bounds = intervals(run)
    with house_style():
        figure = new_figure("Does accuracy rise with phi?", 7.6 if published else 4.4)
        layout: list[Any] = (
            [["macs", "seconds"], ["published", "published"]] if published else [["macs", "seconds"]]
        )
        panels = figure.subplot_mosaic(layout)
        panels["seconds"].sharey(panels["macs"])
        panels["macs"].set_ylabel("held-out top-1 (%)")
        panels["macs"].set_title(f"measured here: {_said(networks)}", pad=8)
        panels["macs"].set_xlabel("multiply-adds of the trained network")
        panels["seconds"].set_xlabel("training time of one run (s)")
        labelled = [
            (panels["macs"], _line(panels["macs"], networks, bounds, lambda c: float(c.macs))),
            (panels["seconds"], _line(panels["seconds"], networks, bounds, _seconds)),
        ]
        widen(panels["macs"], "y", LEAST_SPAN)
        if published:
            labelled.append((panels["published"], _published(panels["published"], published)))
        for axes, (labels, clear) in labelled:
            place_labels(axes, labels, clear)
    return figure


def _seconds(candidate: CandidateRecord) -> float:
    return (candidate.train_seconds or 0.0) / len(candidate.runs)


def _said(networks: Sequence[CandidateRecord]) -> str:
    counts = sorted({len(c.runs) for c in networks})
    seeds = plural(counts[0], "seed") if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds"
    return f"{seeds}, bars: 95% interval"


def _line(
    axes: Axes, networks: Sequence[CandidateRecord], bounds: Bounds, cost: Callable[[CandidateRecord], float]
) -> tuple[list[Label], list[Segment]]:
    x = np.array([cost(c) for c in networks])
    y = np.array([100 * (c.top1 or 0.0) for c in networks])
    axes.plot(x, y, "o-", color=TRAINED, linewidth=1.4, markersize=6.5, markeredgecolor="white")
    clear: list[Segment] = _segments(x, y)
    for c, at in zip(networks, x, strict=True):
        if c.key in bounds:
            low, high = (100 * bound for bound in bounds[c.key])
            axes.plot([at, at], [low, high], color=TRAINED, linewidth=1.4, alpha=0.6)
            clear.append((float(at), low, float(at), high))
    _log(axes)
    labels = [
        Label(x=float(a), y=float(b), text=f"phi {c.phi:g}", colour=TRAINED)
        for c, a, b in zip(networks, x, y, strict=True)
    ]
    return labels, clear


def _published(axes: Axes, rows: Sequence[PublishedRow]) -> tuple[list[Label], list[Segment]]:
    ordered = sorted(rows, key=lambda row: row.flops_published)
    x = np.array([row.flops_published for row in ordered])
    y = np.array([100 * row.top1_published for row in ordered])
    axes.set_title("published: the full-size family after full training on ImageNet", pad=8)
    axes.plot(x, y, "D-", color=PUBLISHED, linewidth=1.1, markersize=6)
    axes.set_xlabel("published FLOPs for one image (one multiply-add counts as 1)")
    axes.set_ylabel("published ImageNet top-1 (%)")
    _log(axes)
    labels = [
        Label(x=float(a), y=float(b), text=row.name.upper(), colour=PUBLISHED)
        for a, b, row in zip(x, y, ordered, strict=True)
    ]
    return labels, _segments(x, y)


def _log(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.margins(x=0.12, y=0.14)
    low, high = axes.get_xlim()
    # Where a decade is not spanned, decades alone would leave no number on the axis.
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 300 else (1,)))
    axes.xaxis.set_major_formatter(EngFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="x", colors=GREY)


def _segments(x: Floats, y: Floats) -> list[Segment]:
    points = [(float(a), float(b)) for a, b in zip(x, y, strict=True)]
    lines = [(*a, *b) for a, b in pairwise(points)]
    return [*lines, *((*point, *point) for point in points)]
