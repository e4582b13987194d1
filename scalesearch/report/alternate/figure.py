"""The figure of an alternation: phi and the coefficients, round by round."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from scalesearch.records import RoundRecord
from scalesearch.report.evidence import HighlightKind
from scalesearch.report.style import COLOURS, INK, MARKERS, house_style, legend_below, new_figure

__all__ = ["rounds_figure"]

COEFFICIENTS: tuple[tuple[str, HighlightKind], ...] = (
    ("alpha", "depth"),
    ("beta", "width"),
    ("gamma", "resolution"),
)


def rounds_figure(rounds: Sequence[RoundRecord]) -> Figure | None:
    """Phi searched at and phi the budget allows, and the chosen coefficients; None without a round."""
    if not rounds:
        return None
    numbers = [one.number for one in rounds]
    with house_style():
        figure = new_figure("Round by round", 4.1)
        left, right = figure.subplots(1, 2)
        searched: dict[str, Any] = {"color": INK, "marker": "o", "markersize": 7}
        allowed: dict[str, Any] = {
            "color": COLOURS["paper"],
            "marker": "D",
            "markersize": 7,
            "linestyle": (0, (5, 2)),
        }
        left.plot(numbers, [one.phi for one in rounds], **searched)
        left.plot(numbers, [one.next_phi for one in rounds], markerfacecolor="white", **allowed)
        left.set_title("compound exponent", pad=8)
        left.set_ylabel(r"$\phi$")
        handles = [
            Line2D([], [], label=r"$\phi$ searched at", **searched),
            Line2D([], [], label=r"$\phi$ that the budget then allows", markerfacecolor="white", **allowed),
        ]
        for name, kind in COEFFICIENTS:
            style: dict[str, Any] = {"color": COLOURS[kind], "marker": MARKERS[kind], "markersize": 7}
            right.plot(numbers, [getattr(one, name) for one in rounds], **style)
            handles.append(Line2D([], [], label=rf"$\{name}$ ({kind})", **style))
        right.set_title("chosen coefficients", pad=8)
        right.set_ylabel("coefficient")
        for axes in (left, right):
            axes.set_xlabel("round")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
            axes.margins(x=0.12, y=0.15)
            if len(numbers) == 1:
                axes.set_xlim(numbers[0] - 0.5, numbers[0] + 0.5)
        legend_below(figure, handles, 3)
    return figure
