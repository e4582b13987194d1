"""How figures look, and where labels go."""

from __future__ import annotations

import itertools
import math
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.text import Annotation, Text
from matplotlib.transforms import BboxBase
from numpy.typing import ArrayLike, NDArray

from scalesearch.files import inside, write_bytes
from scalesearch.page.evidence import HighlightKind
from scalesearch.text import visible

# ----------------------------------------------------------------------------------------------------
# How figures look, and how they become bytes: the same bytes for the same record, on any desktop setting.

WIDTH_IN = 8.0
"""Wide enough for the labels; on a page 840 pixels wide, 9 points are still 9 points."""
DPI = 150

INK = "#1f2328"
GREY = "#5b636c"
FAINT = "#b4bac2"

# Okabe and Ito's colour-blind safe hues, darkened where needed so that text in them reads on white.
COLOURS: Mapping[HighlightKind, str] = MappingProxyType(
    {
        "highest": "#0072b2",
        "paper": "#c44e00",
        "depth": "#00785a",
        "width": "#a3478f",
        "resolution": "#8a6000",
        "front": "#0072b2",
    }
)
MARKERS: Mapping[HighlightKind, str] = MappingProxyType(
    {"highest": "*", "paper": "D", "depth": "^", "width": "s", "resolution": "v", "front": "o"}
)

STYLE = {
    "font.size": 10.5,
    "axes.labelsize": 10.5,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.titlecolor": GREY,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#e6e8eb",
    "grid.linewidth": 0.7,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "text.color": INK,
    "figure.dpi": DPI,
    "savefig.dpi": DPI,
    "savefig.facecolor": "white",
    "svg.hashsalt": "scalesearch",
}

# Of SVG: a path's points, and where a mark of a series is put.
PLACES = re.compile(rb'(?<= )(?:d|x|y)="[^"<>]*"')
LONG_NUMBER = re.compile(rb"-?\d+\.\d{3,}")


@contextmanager
def house_style() -> Iterator[None]:
    """The house's settings over matplotlib's defaults, whatever the user's own settings file says."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)  # type: ignore[arg-type]  # the stub wants literal names
        yield


def new_figure(title: str, height_in: float) -> Figure:
    """An empty figure with its title at the top left; it belongs to nobody but the caller."""
    figure = Figure(figsize=(WIDTH_IN, height_in))
    FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.08, hspace=0.06)
    figure.suptitle(title, x=0.015, ha="left", fontsize=13, fontweight="bold")
    return figure


def plain(text: str) -> str:
    """``text`` for a figure on one short line, with no mathematics read into its dollar signs."""
    return visible(textwrap.shorten(text, 40, placeholder="..."), one_line=True).replace("$", r"\$")


def settle(figure: Figure) -> None:
    """Fix the layout, so that what is placed from now on by the pixel stays where it was put."""
    _show_all(figure)
    if isinstance(figure.get_layout_engine(), ConstrainedLayoutEngine):
        figure.draw_without_rendering()
        figure.set_layout_engine("none")


def _show_all(figure: Figure) -> None:
    """Shows what no font has a letter for, and no SVG file may hold, in every text of the figure."""
    for artist in figure.findobj(Text):
        assert isinstance(artist, Text)  # as asked
        if (seen := visible(artist.get_text())) != artist.get_text():
            artist.set_text(seen)


def legend_mark(marker: str, label: str, edge: str, *, fill: str = "none", width: float = 1.0) -> Line2D:
    """A marker alone, for a legend."""
    return Line2D(
        *([], []),
        linestyle="",
        marker=marker,
        markersize=9,
        color=fill,
        markeredgecolor=edge,
        markeredgewidth=width,
        label=label,
    )


def legend_below(figure: Figure, handles: Sequence[Line2D], columns: int) -> None:
    """The legend of ``handles`` under all axes, where it can cover no data."""
    figure.legend(handles=list(handles), loc="outside lower center", ncols=columns, handletextpad=0.5)


def render(figure: Figure) -> dict[str, bytes]:
    """The figure as files by suffix, ``svg`` and ``png``, without dates or software versions in them."""
    files = {}
    with house_style():
        settle(figure)
        # Even an engine that does nothing has each file drawn twice, once to lay it out.
        figure.set_layout_engine(None)
        for suffix, metadata in (("svg", {"Date": None, "Creator": None}), ("png", {"Software": None})):
            buffer = BytesIO()
            figure.savefig(buffer, format=suffix, metadata=metadata)
            files[suffix] = buffer.getvalue()
    return {**files, "svg": _rounded(files["svg"])}


def _rounded(svg: bytes) -> bytes:
    """The drawing with its places to a hundredth of a point: matplotlib writes a millionth, half of a file.

    Only places are rounded: a factor of scale, such as a letter's, takes them many times over.
    """
    return PLACES.sub(lambda places: LONG_NUMBER.sub(_short_number, places[0]), svg)


def _short_number(number: re.Match[bytes]) -> bytes:
    short = f"{float(number[0]):.2f}".rstrip("0").rstrip(".")
    return b"0" if short == "-0" else short.encode()


def write_figures(figures: Mapping[str, Figure | None], folder: Path) -> tuple[Path, ...]:
    """Write each figure as SVG and PNG; for None remove what an earlier report left under its name."""
    written = []
    for name, figure in figures.items():
        if figure is None:
            for suffix in ("svg", "png"):
                inside(folder.parent, folder.name, f"{name}.{suffix}").unlink(missing_ok=True)
        else:
            written += [
                write_bytes(inside(folder.parent, folder.name, f"{name}.{suffix}"), data)
                for suffix, data in render(figure).items()
            ]
    return tuple(written)


# ----------------------------------------------------------------------------------------------------
# Axes that do not blow up a difference of nothing.

LEAST_SPAN = 4.0
"""Points of top-1 that an axis shows at least, so that a difference of one image does not fill it."""


def widen(axes: Axes, which: Literal["x", "y"], least: float) -> None:
    """Fix the limits of the x or y axis, spreading them about their middle to ``least`` at least."""
    low, high = axes.get_xlim() if which == "x" else axes.get_ylim()
    reach = max(high - low, least) / 2
    setter = axes.set_xlim if which == "x" else axes.set_ylim
    setter((low + high) / 2 - reach, (low + high) / 2 + reach)


# ----------------------------------------------------------------------------------------------------
# Labels beside the points they name, clear of one another and of the data.

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
