"""A colour map whose every shade shows as a thin line or a small dot on white."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, ListedColormap, Normalize

__all__ = ["SHADES", "shade_scale"]

BRIGHTEST = 0.9
"""The last tenth of viridis is a yellow that white swallows."""
SHADES: Colormap = ListedColormap(colormaps["viridis"](np.linspace(0, BRIGHTEST, 256)))


def shade_scale(values: list[float]) -> ScalarMappable:
    """Colours for ``values`` from the lowest to the highest; a single value gets the first shade."""
    low, high = min(values), max(values)
    return ScalarMappable(norm=Normalize(low, high if high > low else low + 1e-3), cmap=SHADES)
