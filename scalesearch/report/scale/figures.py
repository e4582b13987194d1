"""The figures of a scaled family: cost against phi, and the accuracy that was published."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from scalesearch.records import PublishedRow, ScaleRecord
from scalesearch.report.labels import Label, Segment, place_labels
from scalesearch.report.style import COLOURS, GREY, INK, house_style, legend_below, new_figure
from scalesearch.scaling import NOMINAL_BASE

__all__ = [
    "accuracy_figure",
    "baseline_macs",
    "cost_figure",
    "family_letters",
    "family_name",
    "family_number",
]

Floats = NDArray[np.float64]
SAME_LINE = 1e-3
"""A product this close to 2 (relative) gives a line that cannot be told from the nominal one."""
TICKS = 14
"""As many labels as the phi axis has room for."""
RULE, BUILT, PUBLISHED = GREY, COLOURS["highest"], COLOURS["paper"]


def family_number(row: PublishedRow) -> int | None:
    """The k of a network named bk or litek; None for other names."""
    match = re.search(r"(?:b|lite)(\d+)$", row.name.lower())
    return int(match[1]) if match else None


def family_name(row: PublishedRow) -> str:
    """A published network's name as it is said: B4, Lite3."""
    return row.name.capitalize() if row.name.startswith("lite") else row.name.upper()


def family_letters(row: PublishedRow) -> str:
    """What the networks of its family are called, without their numbers: B, Lite."""
    return family_name(row).rstrip("0123456789")


def baseline_macs(record: ScaleRecord) -> float:
    """The MACs of the network at phi 0, which every row's ratio is relative to."""
    row = min(record.family, key=lambda r: abs(r.phi))
    return row.macs / row.macs_ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class _Series:
    """Cost ratios over phi, how they are drawn and, for networks with names, what they are called."""

    phi: Floats
    ratio: Floats
    label: str
    style: Mapping[str, Any]
    names: tuple[str, ...] = ()


def cost_figure(record: ScaleRecord) -> Figure | None:
    """MACs against phi (nominal, as built, published), and each over 2**phi below; None without a family."""
    if not record.family:
        return None
    base = baseline_macs(record)
    series = _series(record, base)
    with house_style():
        figure = new_figure("Cost against phi", 8.4)
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        upper.set_title(
            rf"$\alpha$ = {record.alpha:.4g}, $\beta$ = {record.beta:.4g}, $\gamma$ = {record.gamma:.4g}: "
            rf"$\alpha\,\beta^2\gamma^2$ = {record.product:.4g}",
            pad=8,
        )
        upper.set_yscale("log")
        _log_ticks(upper.yaxis)
        upper.set_ylabel("multiply-adds for one image")
        lower.set_ylabel("cost relative to $2^\\phi$ times\nthe baseline")
        lower.set_xlabel(r"compound exponent $\phi$")
        phis = np.array(sorted(row.phi for row in record.family))
        if min(np.diff(phis), default=1) * TICKS >= np.ptp(phis):
            lower.set_xticks(phis, [f"{phi:g}" for phi in phis])
        labels: dict[Axes, list[Label]] = {upper: [], lower: []}
        clear: dict[Axes, list[Segment]] = {upper: [], lower: []}
        for one in series:
            for axes, cost in ((upper, one.ratio * base), (lower, one.ratio / NOMINAL_BASE**one.phi)):
                axes.plot(one.phi, cost, label=one.label, **one.style)
                clear[axes] += _points(one.phi, cost) if one.names else _polyline(one.phi, cost)
                labels[axes] += [
                    Label(x=float(x), y=float(y), text=name, colour=PUBLISHED)
                    for x, y, name in zip(one.phi, cost, one.names, strict=False)
                ]
        for axes in (upper, lower):
            axes.margins(x=0.07, y=0.13)
        legend_below(figure, upper.get_lines(), 2)
        for axes in (upper, lower):
            place_labels(axes, labels[axes], clear[axes])
    return figure


def _series(record: ScaleRecord, base: float) -> list[_Series]:
    rows = sorted(record.family, key=lambda row: row.phi)
    phis = np.array([row.phi for row in rows])
    low, high = float(phis[0]), float(phis[-1])
    line = np.linspace(low, high, 50) if high > low else np.linspace(low - 0.25, low + 0.25, 50)
    series = [
        _Series(
            phi=line,
            ratio=NOMINAL_BASE**line,
            label=r"a product of exactly 2: $2^\phi$",
            style={"color": INK, "linewidth": 1.2},
        )
    ]
    if abs(record.product / NOMINAL_BASE - 1) > SAME_LINE:
        series.append(
            _Series(
                phi=line,
                ratio=record.product**line,
                label=rf"rule before rounding: ${record.product:.4g}^\phi$",
                style={"color": RULE, "linewidth": 1.4, "linestyle": (0, (5, 2))},
            )
        )
    series.append(
        _Series(
            phi=phis,
            ratio=np.array([row.macs / base for row in rows]),
            label="rule as built (after rounding)",
            style={"color": BUILT, "marker": "o", "markersize": 6.5, "linewidth": 1.1},
        )
    )
    numbered = [(family_number(row), row) for row in record.published]
    published = [(k, row) for k, row in numbered if k is not None and low <= k <= high]
    if published:
        series.append(
            _Series(
                phi=np.array([float(k) for k, _ in published]),
                ratio=np.array([row.flops_published / base for _, row in published]),
                label=rf"published FLOPs, {family_letters(published[0][1])}$k$ at $\phi = k$",
                style={"color": PUBLISHED, "marker": "D", "markersize": 6, "linestyle": ""},
                names=tuple(family_name(row) for _, row in published),
            )
        )
    return series


def accuracy_figure(record: ScaleRecord) -> Figure | None:
    """Published ImageNet top-1 against published FLOPs; None where nothing was published."""
    rows = sorted(record.published, key=lambda row: row.flops_published)
    if not rows:
        return None
    with house_style():
        figure = new_figure("Published accuracy against published FLOPs", 5.2)
        axes = figure.subplots()
        axes.set_title(
            "as published for the full training on ImageNet; nothing was trained or measured here", pad=8
        )
        flops, top1 = [row.flops_published for row in rows], [100 * row.top1_published for row in rows]
        axes.plot(flops, top1, "D-", color=PUBLISHED, linewidth=1.1, markersize=6.5)
        axes.set_xscale("log")
        axes.margins(x=0.07, y=0.12)
        axes.set_xlabel("published FLOPs for one image (one multiply-add counts as 1), log scale")
        axes.set_ylabel("published ImageNet top-1 (%)")
        _log_ticks(axes.xaxis)
        labels = [
            Label(x=x, y=y, text=f"{family_name(row)}  {y:.1f}%", colour=PUBLISHED)
            for x, y, row in zip(flops, top1, rows, strict=True)
        ]
        place_labels(axes, labels, _polyline(np.array(flops), np.array(top1)))
    return figure


def _log_ticks(axis: Axis) -> None:
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(EngFormatter())
    axis.set_minor_formatter(NullFormatter())


def _polyline(x: Floats, y: Floats) -> list[Segment]:
    points = [(float(a), float(b)) for a, b in zip(x, y, strict=True)]
    return [(*start, *end) for start, end in pairwise(points)] + _points(x, y)


def _points(x: Floats, y: Floats) -> list[Segment]:
    return [(float(a), float(b), float(a), float(b)) for a, b in zip(x, y, strict=True)]
