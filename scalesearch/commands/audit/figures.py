"""The figures of an audit: printed against exact cost, accuracy against exact cost, and what was trained."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter

from scalesearch.commands.audit.evidence import SCALINGS, trained_roles
from scalesearch.commands.sweep.evidence import baseline_of, budgets
from scalesearch.commands.sweep.figures import COLOUR, MARKER
from scalesearch.networks.rounding_rules import OFFICIAL, UNROUNDED
from scalesearch.page.style import FAINT, GREY, INK, house_style, legend_below, legend_mark, new_figure
from scalesearch.records import AuditRecord, AuditRow, RunRecord

HEADROOM_IN, ROW_IN, GAP_ROWS = 1.9, 0.27, 0.7
PANEL_COLUMNS = 2
Point = tuple[float, float]


def cost_figure(record: AuditRecord) -> Figure:
    """Each row's cost under every rounding, relative to its printed cost."""
    places, place = {}, 0.0
    for name in record.baselines:
        for row in (row for row in record.rows if row.baseline == name):
            places[id(row)] = place
            place -= 1
        place -= GAP_ROWS
    with house_style():
        figure = new_figure("What the rows cost against what was printed", HEADROOM_IN - ROW_IN * place)
        axes = figure.subplots()
        axes.set_title("each rounding's multiply-adds over the printed FLOPs, less 1", pad=8)
        axes.axvline(0, color=GREY, linewidth=0.8, zorder=1)
        for row in record.rows:
            _costs(axes, row, places[id(row)])
        axes.set_yticks(
            list(places.values()), [_row_name(row) for row in record.rows], fontsize=9.5, color=INK
        )
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
        axes.set_ylim(place + GAP_ROWS + 0.3, 0.7)
        axes.xaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
        axes.set_xlabel("off the printed figure")
        handles = [
            legend_mark("o", "official rounding", "white", fill=COLOUR["compound"]),
            legend_mark("|", "another documented rounding", GREY, width=1.4),
            legend_mark("D", "nothing rounded (nominal)", INK),
            Patch(facecolor=FAINT, alpha=0.55, label="what the printed digits allow"),
        ]
        legend_below(figure, handles, 2)  # type: ignore[arg-type]  # a patch is as good a handle as a line
    return figure


def _costs(axes: Axes, row: AuditRow, place: float) -> None:
    printed = row.published.flops
    reach = row.published.flops_step / 2 / printed
    axes.barh(place, 2 * reach, left=-reach, height=0.72, color=FAINT, alpha=0.55, zorder=2)
    for cost in row.costs:
        off = cost.macs / printed - 1
        if cost.rule == OFFICIAL:
            axes.plot(off, place, "o", color=COLOUR["compound"], markersize=8, mec="white", zorder=5)
        elif cost.rule == UNROUNDED:
            axes.plot(off, place, "D", color="none", mec=INK, markersize=6, zorder=6)
        else:
            axes.plot(off, place, "|", color=GREY, markersize=11, markeredgewidth=1.4, zorder=4)


def _row_name(row: AuditRow) -> str:
    name = "itself" if row.scaling == "none" else row.scaling
    return f"{row.baseline}  {name}  {row.published.flops / 1e9:g} G"


def accuracy_figure(record: AuditRecord) -> Figure:
    """Published accuracy against exact cost, a panel per baseline; hollow where the printed cost lies."""
    with house_style():
        figure, panels = _panels("Published accuracy against what the rows really cost", record.baselines)
        for axes, name in zip(panels, record.baselines, strict=True):
            rows = {row.scaling: row for row in record.rows if row.baseline == name}
            axes.set_title(name, pad=6)
            for scaling in (scaling for scaling in SCALINGS if scaling in rows):
                _published_line(axes, rows["none"], rows[scaling])
            axes.plot(1, 100 * rows["none"].published.top1, "D", color=INK, markersize=7, zorder=6)
            _cost_ticks(axes, [max(row.macs, row.published.flops) / row.base_macs for row in rows.values()])
            axes.set_ylabel("published top-1 (%)")
            axes.set_xlabel("cost over the exact baseline's, log scale")
            axes.margins(x=0.08, y=0.14)
        handles = [
            Line2D([], [], **_mark(scaling), linestyle="-", label=scaling)
            for scaling in SCALINGS
            if any(row.scaling == scaling for row in record.rows)
        ]
        handles += [
            Line2D([], [], linestyle="", marker="D", markersize=7, color=INK, label="baseline"),
            legend_mark("o", "at its printed cost", GREY),
        ]
        legend_below(figure, handles, 6)
    return figure


def _published_line(axes: Axes, base: AuditRow, row: AuditRow) -> None:
    colour, top1 = COLOUR[row.scaling], 100 * row.published.top1
    # Over the baseline's exact cost: its printed one has a single digit.
    printed = row.published.flops / row.base_macs
    x, y = [1, row.macs_ratio], [100 * base.published.top1, top1]
    axes.plot(x, y, color=colour, linewidth=2.2 if row.scaling == "compound" else 1.4, alpha=0.85, zorder=3)
    axes.plot([printed, row.macs_ratio], [top1, top1], color=colour, linewidth=0.9, zorder=3)
    axes.plot(row.macs_ratio, top1, zorder=5, **_mark(row.scaling))
    hollow = _mark(row.scaling) | {"color": "white", "markeredgecolor": colour, "markersize": 6}
    axes.plot(printed, top1, zorder=4, **hollow)


def trained_figure(record: AuditRecord) -> Figure | None:
    """What each way gained here against what was published for it, a panel per baseline and budget."""
    panels_of = {
        (name, phi): points
        for name, run in record.trained.items()
        for phi in budgets(run)
        if (points := _gains(record, name, run, phi))
    }
    if not panels_of:
        return None
    with house_style():
        figure, panels = _panels("Gains at equal cost here against published gains", list(panels_of))
        several = len({phi for _, phi in panels_of}) > 1
        for axes, ((name, phi), points) in zip(panels, panels_of.items(), strict=True):
            axes.set_title(name + (f", {2**phi:g} times the cost" if several else ""), pad=6)
            axes.axhline(0, color=GREY, linewidth=0.8, zorder=1)
            for role, (published, gain, sd) in points.items():
                axes.plot([published] * 2, [gain - sd, gain + sd], color=COLOUR[role], linewidth=1.5)
                axes.plot(published, gain, zorder=4, **_mark(role))
            axes.set_xlabel("published gain (points of ImageNet top-1)")
            axes.set_ylabel("gain here (points)")
            axes.margins(x=0.14, y=0.14)
        roles = [role for role in SCALINGS if any(role in points for points in panels_of.values())]
        legend_below(figure, [Line2D([], [], **_mark(role), linestyle="", label=role) for role in roles], 4)
    return figure


def _gains(
    record: AuditRecord, name: str, run: RunRecord, phi: float
) -> Mapping[str, tuple[float, float, float]]:
    """(published gain, gain here, its standard deviation over seeds) of each way, in points."""
    base, roles = baseline_of(run), trained_roles(run, phi)
    if base is None:
        return {}
    return {
        role: (100 * row.gain, 100 * ((c.top1 or 0.0) - (base.top1 or 0.0)), 100 * (c.top1_sd or 0.0))
        for role, c in roles.items()
        if (row := record.row(name, role)) is not None
    }


def _panels(title: str, names: Sequence[object]) -> tuple[Figure, list[Axes]]:
    """A figure with a panel for each name, two in a row."""
    columns = min(PANEL_COLUMNS, len(names))
    rows = math.ceil(len(names) / columns)
    figure = new_figure(title, 1.4 + 2.9 * rows)
    grid = figure.subplots(rows, columns, squeeze=False)
    panels: list[Axes] = list(grid.flat)
    for unused in panels[len(names) :]:
        unused.set_visible(False)
    return figure, panels[: len(names)]


def _cost_ticks(axes: Axes, ratios: Sequence[float]) -> None:
    axes.set_xscale("log")
    ticks = [tick for tick in (1, 2, 3, 4, 5) if tick <= 1.05 * max(ratios)]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g} x")
    axes.xaxis.set_minor_locator(NullLocator())


def _mark(role: str) -> dict[str, Any]:
    return {
        "marker": MARKER[role],
        "color": COLOUR[role],
        "markersize": 8.5 if role == "compound" else 7,
        "markeredgecolor": "white",
    }
