"""Axes that do not blow up a difference of nothing."""

from __future__ import annotations

from typing import Literal

from matplotlib.axes import Axes

__all__ = ["LEAST_SPAN", "widen"]

LEAST_SPAN = 4.0
"""Points of top-1 that an axis shows at least, so that a difference of one image does not fill it."""


def widen(axes: Axes, which: Literal["x", "y"], least: float) -> None:
    """Fix the limits of the x or y axis, spreading them about their middle to ``least`` at least."""
    low, high = axes.get_xlim() if which == "x" else axes.get_ylim()
    reach = max(high - low, least) / 2
    setter = axes.set_xlim if which == "x" else axes.set_ylim
    setter((low + high) / 2 - reach, (low + high) / 2 + reach)
