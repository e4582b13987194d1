"""The share triangle."""

from __future__ import annotations

import math

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, ListedColormap, Normalize

from scalesearch.page.style import GREY

# ----------------------------------------------------------------------------------------------------
# A colour map whose every shade shows as a thin line or a small dot on white.

BRIGHTEST = 0.9
"""The last tenth of viridis is a yellow that white swallows."""
SHADES: Colormap = ListedColormap(colormaps["viridis"](np.linspace(0, BRIGHTEST, 256)))


def shade_scale(values: list[float]) -> ScalarMappable:
    """Colours for ``values`` from the lowest to the highest; a single value gets the first shade."""
    low, high = min(values), max(values)
    return ScalarMappable(norm=Normalize(low, high if high > low else low + 1e-3), cmap=SHADES)


# ----------------------------------------------------------------------------------------------------
# The triangle of shares for panels side by side: too small for ticks along its edges.


def small_triangle(axes: Axes) -> None:
    """The triangle of shares: a line for every fifth, its corners named."""
    axes.set_axis_off()
    axes.set_aspect("equal")
    for fifth in range(6):
        share = fifth / 5
        rest = 1 - share
        for start, end in (
            ((share, 0, rest), (share, rest, 0)),
            ((0, share, rest), (rest, share, 0)),
            ((0, rest, share), (rest, 0, share)),
        ):
            edge = fifth == 0
            axes.plot(
                *zip(_at(*start), _at(*end), strict=True),
                color=GREY if edge else "#e6e8eb",
                linewidth=1 if edge else 0.8,
                zorder=2 if edge else 1,
            )
    for corner, name, align in (
        ((1, 0, 0), "depth alone", "bottom"),
        ((0, 1, 0), "width alone", "top"),
        ((0, 0, 1), "resolution alone", "top"),
    ):
        x, y = _at(*corner)
        axes.text(x, y + (0.04 if align == "bottom" else -0.07), name, ha="center", va=align)
    axes.set_xlim(-0.22, 1.2)
    axes.set_ylim(-0.16, 0.98)


def _at(depth: float, width: float, _resolution: float) -> tuple[float, float]:
    return share_point(depth, width)


HEIGHT = math.sqrt(3) / 2


def share_point(depth: float, width: float) -> tuple[float, float]:
    """Where shares lie: depth is the top corner, width the right one, resolution the left one."""
    return width + depth / 2, HEIGHT * depth
