"""The figure of a search's suggestions over the triangle of the shares of cost."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scalesearch.architecture.published import PAPER_COEFFICIENTS
from scalesearch.records import RunRecord
from scalesearch.report.bounds import drawn_part, part_note
from scalesearch.report.labels import Label, Segment, place_labels
from scalesearch.report.markdown import plural
from scalesearch.report.search.evidence import SearchEvidence, candidate_shares, own_shares
from scalesearch.report.shares.shades import shade_scale
from scalesearch.report.shares.triangle import HEIGHT, share_point
from scalesearch.report.style import (
    COLOURS,
    FAINT,
    GREY,
    INK,
    house_style,
    legend_below,
    legend_mark,
    new_figure,
)
from scalesearch.scaling import FAST_WIDTH_SHARE, Shares, one_dial, shares_of

__all__ = ["shares_figure"]

UNIFORM = 1 / 3
FEW = 60
"""Up to this many suggestions get large dots."""


def shares_figure(run: RunRecord, evidence: SearchEvidence) -> Figure | None:
    """Suggested shares of cost, coloured by top-1 of the network each rounds to; None without any."""
    placed = [(c, s) for c in run.candidates for s in candidate_shares(c)]
    if not placed:
        return None
    known = [c.top1 for c in run.candidates if c.status == "completed" and c.top1 is not None]
    several = len(evidence.objectives) > 1
    size = 8.0 if len(placed) <= FEW else 5.0
    with house_style():
        figure = new_figure("Where the suggestions went", 6.6)
        axes = figure.subplots()
        best = {one.candidate.key for one in evidence.front[: None if several else 1]}
        drawn = drawn_part(placed, lambda pair: pair[0].key in best)
        title = (
            f"{plural(len(placed), 'suggestion')} over the shares of cost; "
            "each corner spends all of it on one dimension"
        )
        part = part_note(len(drawn), len(placed), "suggestions")
        axes.set_title("\n".join(filter(None, (title, part))), pad=22)
        _triangle(axes)
        shades = shade_scale([100 * value for value in known]) if known else None
        clear: list[Segment] = []
        for candidate, shares in drawn:
            x, y = _at(shares)
            clear.append((x, y, x, y))
            if candidate.status == "completed" and candidate.top1 is not None and shades is not None:
                colour = tuple(shades.to_rgba(np.array([100 * candidate.top1]))[0])
                axes.plot(x, y, "o", color=colour, markersize=size, markeredgewidth=0, zorder=4)
            else:
                axes.plot(x, y, "o", color="white", markeredgecolor=FAINT, markersize=0.8 * size, zorder=3)
            if candidate.key in best:
                axes.plot(
                    *(x, y, "o"),
                    color="none",
                    markeredgecolor=INK,
                    markeredgewidth=1.8,
                    markersize=size + 4,
                    zorder=6,
                )
        clear += _references(axes)
        if shades is not None:
            bar = figure.colorbar(shades, ax=axes, shrink=0.7, aspect=28, pad=0.02)
            bar.set_label("held-out top-1 (%)")
            bar.outline.set_visible(False)
        legend_below(figure, _legend(run, evidence), 3)
        fast = _at(one_dial(FAST_WIDTH_SHARE))
        paper = _at(shares_of(PAPER_COEFFICIENTS))
        names = [
            Label(x=paper[0], y=paper[1], text="the paper's rule", colour=COLOURS["paper"], radius_pt=7),
            Label(x=fast[0], y=fast[1], text="fast (width 0.8)", colour=COLOURS["width"], radius_pt=9),
        ]
        if evidence.best and not several:
            own = evidence.best.candidate
            shares_ = own_shares((own.alpha, own.beta, own.gamma))
            if shares_ is not None:
                x, y = _at(shares_)
                names.append(Label(x=x, y=y, text="best", bold=True, radius_pt=size / 2 + 4))
        place_labels(axes, names, clear)
    return figure


def _at(shares: Shares) -> tuple[float, float]:
    return share_point(shares.depth, shares.width)


def _triangle(axes: Axes) -> None:
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.plot([0, 1, 0.5, 0], [0, 0, HEIGHT, 0], color=GREY, linewidth=1, zorder=2)
    for share in (0.2, 0.4, 0.6, 0.8):
        rest = 1 - share
        for start, end in (
            (share_point(share, 0), share_point(share, rest)),
            (share_point(0, share), share_point(rest, share)),
            (share_point(rest, 0), share_point(0, rest)),
        ):
            axes.plot(*zip(start, end, strict=True), color="#e6e8eb", linewidth=0.8, zorder=1)
        text = f"{share:z.0%}"
        small: dict[str, Any] = {"fontsize": 9, "color": GREY}
        # Each edge carries the ticks of one dimension, read along the lines that start there.
        x, y = share_point(share, rest)
        axes.text(x + 0.015, y + 0.005, text, ha="left", va="center", **small)
        x, y = share_point(0, share)
        axes.text(x, y - 0.02, text, ha="center", va="top", **small)
        x, y = share_point(rest, 0)
        axes.text(x - 0.015, y + 0.005, text, ha="right", va="center", **small)
    axes.text(0.5, HEIGHT + 0.02, "depth only", ha="center", va="bottom")
    axes.text(1.0, -0.02, "width only", ha="center", va="top")
    axes.text(0.0, -0.02, "resolution only", ha="center", va="top")
    for x, y, name, angle in (
        (0.84, 0.5, "share of depth", -60),
        (0.5, -0.1, "share of width", 0),
        (0.16, 0.5, "share of resolution", 60),
    ):
        axes.text(x, y, name, ha="center", va="center", rotation=angle, color=GREY)
    axes.set_xlim(-0.16, 1.12)
    axes.set_ylim(-0.13, HEIGHT + 0.07)


def _references(axes: Axes) -> list[Segment]:
    """The one-dial line with the fast rule, and the paper's rule; their segments come back."""
    start, end = _at(one_dial(UNIFORM)), _at(one_dial(1.0))
    axes.plot(
        *zip(start, end, strict=True), color=COLOURS["width"], linewidth=1.3, linestyle=(0, (5, 2)), zorder=2
    )
    fast, paper = _at(one_dial(FAST_WIDTH_SHARE)), _at(shares_of(PAPER_COEFFICIENTS))
    ring: dict[str, Any] = {"color": "none", "markeredgewidth": 1.8, "zorder": 5}
    axes.plot(*(*fast, "s"), markersize=9, markeredgecolor=COLOURS["width"], **ring)
    axes.plot(*(*paper, "D"), markersize=10, markeredgecolor=COLOURS["paper"], **ring)
    return [(*start, *end), *[(*fast, *fast)] * 4, *[(*paper, *paper)] * 4]


def _legend(run: RunRecord, evidence: SearchEvidence) -> list[Line2D]:
    entries = [
        Line2D([], [], color=COLOURS["width"], linestyle=(0, (5, 2)), label="one dial (arXiv 2103.06877)"),
        legend_mark("s", "fast: width share 0.8", COLOURS["width"], width=1.8),
        legend_mark("D", "the paper's rule (arXiv 1905.11946)", COLOURS["paper"], width=1.8),
    ]
    if evidence.best:
        entries.append(
            legend_mark("o", "on the front" if len(evidence.objectives) > 1 else "best", INK, width=1.8)
        )
    if any(c.status != "completed" for c in run.candidates):
        entries.append(legend_mark("o", "not trained to the end", FAINT, width=1.0, fill="white"))
    return entries
