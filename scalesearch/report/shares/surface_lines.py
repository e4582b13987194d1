"""The lines behind the feasible surface: where alpha is constant, and the one-dial family."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from scalesearch.report.labels import Label, Segment
from scalesearch.report.style import FAINT, GREY, INK
from scalesearch.scaling import FAST_WIDTH_SHARE, NOMINAL_BASE, one_dial

__all__ = ["dial_legend", "iso_legend", "iso_lines", "one_dial_line"]

ROOMY = 1.06
"""How far beyond the edge of the surface its corner must lie to hold a note clear of every bead."""
UNIFORM, WIDTH_ONLY = 1 / 3, 1.0
DIAL = (0, (6, 2, 1, 2))


def iso_lines(axes: Axes) -> list[Segment]:
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


def one_dial_line(axes: Axes) -> tuple[list[Segment], list[Label]]:
    """Draw the family of :func:`scalesearch.scaling.one_dial` from uniform to width alone.

    Its fast compound scaling is marked; the line's segments and the mark's label come back. What lies beyond
    the limits of the axes is not labelled.
    """
    members = [one_dial(float(w)).coefficients for w in np.linspace(UNIFORM, WIDTH_ONLY, 41)]
    beta, gamma = [m.beta for m in members], [m.gamma for m in members]
    axes.plot(beta, gamma, color=INK, linewidth=1.1, linestyle=DIAL, zorder=2)
    fast = one_dial(FAST_WIDTH_SHARE).coefficients
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    segments = [(beta[i], gamma[i], beta[i + 1], gamma[i + 1]) for i in range(len(beta) - 1)]
    if not (left <= fast.beta <= right and bottom <= fast.gamma <= top):
        return segments, []
    axes.plot(fast.beta, fast.gamma, "P", markersize=9, color=INK, markeredgecolor="white", zorder=8)
    text = f"fast compound scaling\n{fast.alpha:.3g}, {fast.beta:.3g}, {fast.gamma:.3g}"
    return segments, [Label(x=fast.beta, y=fast.gamma, text=text, colour=INK, radius_pt=7)]


def dial_legend() -> Line2D:
    """The legend's entry for the one-dial family."""
    return Line2D(
        *([], []),
        color=INK,
        linewidth=1.1,
        linestyle=DIAL,
        marker="P",
        markersize=8,
        markeredgecolor="white",
        label="one-dial family (arXiv 2103.06877)",
    )


def iso_legend() -> Line2D:
    """The legend's entry for the lines of one alpha."""
    return Line2D([], [], color=FAINT, linewidth=0.9, label=r"$\alpha\,\beta^2\gamma^2 = 2$ at one $\alpha$")
