"""The figures of a fidelity study: agreement against length, and every network at every length."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scalesearch.report.fidelity.evidence import FidelityEvidence, LengthEvidence
from scalesearch.report.markdown import plural
from scalesearch.report.shares.shades import shade_scale
from scalesearch.report.style import COLOURS, GREY, INK, house_style, legend_below, new_figure

__all__ = ["agreement_figure", "length_name", "ranks_figure"]


def length_name(length: LengthEvidence) -> str:
    """``4,000 images``."""
    return f"{length.images:,} images"


def agreement_figure(evidence: FidelityEvidence) -> Figure | None:
    """Kendall's tau of each shorter length with the reference; None where it is not known or undefined."""
    shorter = [length for length in evidence.lengths if length.agreement is not None and length.ranked]
    if not shorter:
        return None
    reference, networks = evidence.reference, len(evidence.reference.networks)
    handles = [
        Line2D([], [], color=COLOURS["winner"], marker="o", markersize=7, label="agreement, 95% interval")
    ]
    with house_style():
        figure = new_figure("How well short runs rank networks", 4.9)
        axes = figure.subplots()
        axes.set_title(
            f"{plural(networks, 'network')}; reference: runs of {length_name(reference)}"
            f" ({plural(reference.seeds, 'seed')})",
            pad=8,
        )
        axes.set_xscale("log")
        axes.axhline(0, color=GREY, linewidth=1)
        x = [length.images for length in shorter]
        tau = [length.agreement.tau for length in shorter if length.agreement]
        axes.plot(x, tau, "o-", color=COLOURS["winner"], markersize=8, linewidth=1.3, zorder=4)
        for length in shorter:
            if length.agreement:
                ends = [length.agreement.tau_low, length.agreement.tau_high]
                axes.plot([length.images] * 2, ends, color=COLOURS["winner"], linewidth=1.6, zorder=3)
        known = [length for length in evidence.lengths if length.ceiling is not None]
        if known:
            axes.plot(
                [length.images for length in known],
                [length.ceiling or 0.0 for length in known],
                "D",
                markersize=7,
                color="white",
                markeredgecolor=COLOURS["paper"],
                markeredgewidth=1.6,
                zorder=5,
            )
            handles.append(
                Line2D(
                    *([], []),
                    linestyle="",
                    marker="D",
                    markersize=7,
                    color="white",
                    markeredgecolor=COLOURS["paper"],
                    markeredgewidth=1.6,
                    label="two seeds of one length",
                )
            )
        if reference.ceiling is not None:
            dashes: dict[str, Any] = {"color": COLOURS["paper"], "linewidth": 1.1, "linestyle": (0, (5, 3))}
            axes.axhline(reference.ceiling, zorder=1, **dashes)
            handles.append(Line2D([], [], label="noise ceiling: two seeds of the reference", **dashes))
        axes.set_ylim(min(-0.15, *(a.agreement.tau_low - 0.1 for a in shorter if a.agreement)), 1.08)
        axes.set_ylabel("Kendall's tau-b of the rankings")
        _length_axis(axes, evidence)
        legend_below(figure, handles, 3)
    return figure


def _length_axis(axes: Axes, evidence: FidelityEvidence) -> None:
    lengths = evidence.lengths
    axes.set_xticks(
        [length.images for length in lengths],
        [f"{length.images:,}\n{length.multiple:g} x" for length in lengths],
    )
    axes.set_xticks([], minor=True)
    axes.set_xlabel("length of run: training images, and as a multiple of the search's own length")
    low, high = lengths[0].images, lengths[-1].images
    axes.set_xlim(low / (high / low) ** 0.08, high * (high / low) ** 0.08)


def ranks_figure(evidence: FidelityEvidence) -> Figure | None:
    """Top-1 and place of every network at every length, coloured by depth; None below two lengths."""
    networks = evidence.reference.networks if evidence.lengths else ()
    if len(evidence.lengths) < 2 or len(networks) < 2:
        return None
    depths, many = [c.depth for c in networks], len(networks) > 20
    shades = shade_scale(depths)
    colours = shades.to_rgba(np.array(depths))
    with house_style():
        figure = new_figure("Each network at each length of run", 5.6)
        left, right = figure.subplots(1, 2)
        for index, shade in enumerate(colours):
            style: dict[str, Any] = {
                "color": shade,
                "linewidth": 1.0 if many else 1.7,
                "marker": "o",
                "markersize": 3.0 if many else 5.0,
                "alpha": 0.85,
            }
            x = [length.images for length in evidence.lengths]
            left.plot(x, [100 * (le.networks[index].top1 or 0.0) for le in evidence.lengths], **style)
            right.plot(x, [le.ranks[index] for le in evidence.lengths], **style)
        left.set_title("accuracy", pad=8)
        left.set_ylabel("held-out top-1 (%), mean over seeds")
        right.set_title("place among the networks", pad=8)
        right.set_ylabel("place (1 is best)")
        right.set_ylim(len(networks) + 0.5, 0.5)
        right.set_yticks(_places(len(networks)))
        for axes in (left, right):
            axes.set_xscale("log")
            _length_axis(axes, evidence)
            axes.set_xlabel("training images")
        bar = figure.colorbar(shades, ax=[left, right], orientation="horizontal", aspect=45, pad=0.03)
        bar.set_label("depth multiplier", color=INK)
        bar.outline.set_visible(False)
    return figure


def _places(networks: int) -> list[int]:
    """Ticks for places: the first, the last, and round ones between."""
    step = 1 if networks <= 12 else 5 if networks <= 40 else 10
    between = [place for place in range(step, networks, step) if 1 < place <= networks - step / 2]
    return [1, *between, networks]
