"""How figures look, and how they become bytes: the same bytes for the same record, on any desktop setting."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from types import MappingProxyType

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.text import Text

from scalesearch.files import inside, write_bytes
from scalesearch.report.evidence import HighlightKind
from scalesearch.text import visible

__all__ = [
    "COLOURS",
    "FAINT",
    "GREY",
    "INK",
    "MARKERS",
    "WIDTH_IN",
    "house_style",
    "legend_below",
    "legend_mark",
    "new_figure",
    "plain",
    "render",
    "settle",
    "write_figures",
]

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
