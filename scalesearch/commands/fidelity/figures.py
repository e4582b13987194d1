"""The figures of a fidelity study: rates against length, and every network at every length."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scalesearch.commands.fidelity.evidence import FidelityEvidence
from scalesearch.page.markdown import plural
from scalesearch.page.shares import shade_scale
from scalesearch.page.style import COLOURS, GREY, INK, house_style, new_figure


def rates_figure(evidence: FidelityEvidence) -> Figure | None:
    """What moving a tenth of the compute brings at each length; None without surfaces at two lengths."""
    answered = [(length, length.answer) for length in evidence.lengths if length.answer is not None]
    if len(answered) < 2:
        return None
    colour = COLOURS["highest"]
    with house_style():
        figure = new_figure("What moving a tenth of the compute brings, by length of run", 4.2)
        panels: list[Axes] = list(figure.subplots(1, 3, sharey=True))
        for place, axes in enumerate(panels):
            rates = [answer.rates[place] for _, answer in answered]
            x = [length.images for length, _ in answered]
            axes.axhline(0, color=GREY, linewidth=1)
            axes.plot(x, [rate.points.value for rate in rates], "o-", color=colour, markersize=7, zorder=4)
            for images, rate in zip(x, rates, strict=True):
                ends = [rate.points.low, rate.points.high]
                axes.plot([images] * 2, ends, color=colour, linewidth=1.6, zorder=3)
            axes.set_title(f"{rates[0].giver} to {rates[0].taker}", pad=8)
            axes.set_xscale("log")
            _length_axis(axes, evidence)
            axes.set_xlabel("training images")
        panels[0].set_ylabel("points of top-1, 95% intervals")
    return figure


def _length_axis(axes: Axes, evidence: FidelityEvidence) -> None:
    lengths = evidence.lengths
    axes.set_xticks(
        [length.images for length in lengths],
        [f"{length.images:,}\n{length.multiple:g} x" for length in lengths],
    )
    axes.set_xticks([], minor=True)
    low, high = lengths[0].images, lengths[-1].images
    axes.set_xlim(low / (high / low) ** 0.12, high * (high / low) ** 0.12)


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
        left.set_title(f"accuracy of {plural(len(networks), 'network')}", pad=8)
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
