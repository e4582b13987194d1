"""Labels beside the points they name, clear of one another and of the data."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Annotation, Text
from matplotlib.transforms import BboxBase
from numpy.typing import ArrayLike, NDArray

from scalesearch.report.style import GREY, INK, settle

__all__ = ["Label", "Segment", "place_labels", "spread"]

Segment = tuple[float, float, float, float]
"""A line to keep clear of, from (x, y) to (x, y) in data coordinates; a point is a line to itself."""

DISTANCES_PT = (2.0, 6.0, 12.0, 20.0, 30.0, 42.0, 56.0, 72.0, 92.0, 115.0)
ANGLES = tuple(math.radians(a) for a in (0, 180, 90, 270, 30, 150, 330, 210, 60, 120, 300, 240))
LEADER_FROM_PT = 10.0
SAMPLE_PX = 4.0

# What a place costs: its distance in points, and this much for each of these.
HIT, CROSSING, STRUCK, COVERED, OUTSIDE = 12.0, 150.0, 2000.0, 1e5, 1e6
TOO_DEAR = 75.0
"""An optional label is left out rather than put at such a place."""

Pixels = NDArray[np.float64]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A text for the point (x, y) in data coordinates, whose marker has ``radius_pt``."""

    x: float
    y: float
    text: str
    colour: str = INK
    bold: bool = False
    radius_pt: float = 4.0
    optional: bool = False


@dataclass(frozen=True)
class _Place:
    """A spot for a label: the centre of its box, the point it is for, and how bad it is, all in pixels."""

    anchor: Pixels
    centre: Pixels
    half: Pixels
    distance_pt: float
    cost: float = 0.0

    @cached_property
    def leader(self) -> Pixels:
        """Points along the line from the point to the middle of its label."""
        return _line(self.anchor, self.centre)

    @property
    def box(self) -> Box:
        (x, y), (across, up) = self.centre, self.half
        return float(x - across), float(y - up), float(x + across), float(y + up)


def place_labels(axes: Axes, labels: Sequence[Label], keep_clear: Iterable[Segment]) -> None:
    """Write each label at the best free spot near its point, in the order given, with a leader where far.

    Limits and layout of the figure are final after this: places are found in pixels.
    """
    figure = axes.get_figure(root=True)
    if figure is None:
        raise ValueError("`axes` must belong to a figure")
    settle(figure)
    # Asking for the limits makes matplotlib work them out, if data came since it last drew.
    axes.get_xlim(), axes.get_ylim()
    dots = figure.dpi / 72
    data, inside, placed = _sampled(axes, keep_clear), axes.get_window_extent(), list[_Place]()
    for label in labels:
        note = _note(axes, label)
        extent = Text.get_window_extent(note)  # of the text, without its leader
        half = np.array([extent.width / 2 + 2, extent.height / 2 + 1])
        anchor = axes.transData.transform((label.x, label.y))
        places = []
        for distance, angle in itertools.product(DISTANCES_PT, ANGLES):
            away = half + (label.radius_pt + distance) * dots
            centre = anchor + away * (math.cos(angle), math.sin(angle))
            places.append(_Place(anchor, centre, half, distance))
        # Of thousands of points few are where any of the places is.
        reach = 2 * half + (label.radius_pt + DISTANCES_PT[-1]) * dots
        near = data[(np.abs(data - anchor) <= reach).all(axis=1)]
        best = min((_priced(place, inside, near, placed) for place in places), key=lambda place: place.cost)
        if label.optional and best.cost > TOO_DEAR:
            note.remove()
            continue
        x, y = (best.centre - anchor) / dots
        note.set_position((float(x), float(y)))
        if best.distance_pt < LEADER_FROM_PT and note.arrow_patch is not None:
            note.arrow_patch.set_visible(False)
        placed.append(best)


def _note(axes: Axes, label: Label) -> Annotation:
    note = axes.annotate(
        label.text,
        (label.x, label.y),
        xytext=(0, 0),
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=9.5,
        fontweight="bold" if label.bold else "normal",
        color=label.colour,
        linespacing=1.1,
        zorder=10,
        # An outline around the letters would take a file ten times as much: each letter's shape, twice.
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.5},
        arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.7, "shrinkA": 1, "shrinkB": 3},
    )
    note.set_in_layout(False)
    return note


def _priced(place: _Place, inside: BboxBase, data: Pixels, placed: list[_Place]) -> _Place:
    box = place.box
    cost = place.distance_pt + HIT * _hits(data, box)
    for other in placed:
        cost += COVERED * _overlap(box, other.box)
        cost += STRUCK * (_hits(place.leader, other.box) > 0 or _hits(other.leader, box) > 0)
        cost += CROSSING * _cross(place, other)
    if box[0] < inside.x0 or box[1] < inside.y0 or box[2] > inside.x1 or box[3] > inside.y1:
        cost += OUTSIDE
    return replace(place, cost=cost)


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions near ``wanted`` in the same order, at least ``gap`` apart, within [low, high] if they fit.

    Labels that would collide form a block around their common middle, and blocks that collide become one.
    """
    blocks: list[tuple[float, list[int]]] = []
    for index in sorted(range(len(wanted)), key=lambda i: wanted[i]):
        blocks.append((wanted[index], [index]))
        while True:
            middle, members = blocks[-1]
            reach = gap * (len(members) - 1) / 2
            middle = max(low + reach, min(high - reach, middle))
            blocks[-1] = (middle, members)
            if len(blocks) == 1:
                break
            before, others = blocks[-2]
            if middle - reach - (before + gap * (len(others) - 1) / 2) >= gap:
                break
            together = others + members
            blocks[-2:] = [(sum(wanted[i] for i in together) / len(together), together)]
    positions = [0.0] * len(wanted)
    for middle, members in blocks:
        for place, index in enumerate(members):
            positions[index] = middle + gap * (place - (len(members) - 1) / 2)
    return positions


def _sampled(axes: Axes, segments: Iterable[Segment]) -> NDArray[np.float64]:
    """Points in pixels along the segments."""
    ends = np.array([*segments], dtype=np.float64).reshape(-1, 2)
    pixels = axes.transData.transform(ends).reshape(-1, 2, 2)
    lines = [start[None] if (start == end).all() else _line(start, end) for start, end in pixels]
    return np.vstack(lines) if lines else np.zeros((0, 2))


def _line(start: ArrayLike, end: ArrayLike) -> NDArray[np.float64]:
    a, b = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    return np.linspace(a, b, 1 + math.ceil(float(np.hypot(*(b - a))) / SAMPLE_PX))


def _hits(points: NDArray[np.float64], box: Box) -> int:
    x, y = points[:, 0], points[:, 1]
    return int(np.count_nonzero((x >= box[0]) & (x <= box[2]) & (y >= box[1]) & (y <= box[3])))


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _cross(one: _Place, other: _Place) -> bool:
    """Whether two leaders cross: each has its ends on different sides of the other."""

    def side(line: _Place, point: Pixels) -> bool:
        (ax, ay), (bx, by) = line.centre - line.anchor, point - line.anchor
        return bool(ax * by > ay * bx)

    return side(one, other.anchor) != side(one, other.centre) and side(other, one.anchor) != side(
        other, one.centre
    )
