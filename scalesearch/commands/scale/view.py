"""The page, tables and figures of a family."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from scalesearch.files import write_text
from scalesearch.networks.baselines import published_family, published_network
from scalesearch.networks.cost import Convention, ledger, nearest
from scalesearch.networks.spec import arch_from_dict
from scalesearch.page.evidence import PAPER, input_text, same_triple
from scalesearch.page.html.interactive import family_parts
from scalesearch.page.html.page import write_pages
from scalesearch.page.latency import latency_text, unstable_of
from scalesearch.page.markdown import code, duration, escape, fenced, plural, si, signed_percent, table
from scalesearch.page.parts import (
    counted_parts,
    how_it_was_made,
    is_own_code,
    within_budget,
    words_and_numbers,
)
from scalesearch.page.rounding import rounding_shares
from scalesearch.page.style import (
    COLOURS,
    GREY,
    INK,
    Label,
    Segment,
    house_style,
    legend_below,
    new_figure,
    place_labels,
    write_figures,
)
from scalesearch.page.tables import csv_text, family_table, published_table
from scalesearch.page.templates import part
from scalesearch.records import FamilyRow, PublishedRow, ScaleRecord
from scalesearch.scaling import NOMINAL_BASE

# ----------------------------------------------------------------------------------------------------
# The figures of a scaled family: cost against phi, and the accuracy that was published.

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


# ----------------------------------------------------------------------------------------------------
# The part of a scaled family's page that sets it beside the published family.

AGREE = 0.05
"""Implied phis this close are the same up to the one decimal that multipliers were published with."""
Quantity = tuple[str, Callable[[FamilyRow], float], Callable[[PublishedRow], float], Callable[[float], str]]
"""A name, its value by the rule, its published value, and how to write it."""


def published_section(record: ScaleRecord, figure: str) -> list[str]:
    """The paragraphs of the comparison with the published family; ``figure`` is that of its accuracy."""
    if not record.published:
        return [
            "## 4. The published family",
            "No family was published for this baseline at this width, resolution and rounding (see the "
            "settings), so there is none to compare with.",
        ]
    by_phi = {row.phi: row for row in record.family}
    pairs = [
        (by_phi[k], row) for row in record.published if (k := family_number(row)) is not None and k in by_phi
    ]
    own = (record.alpha, record.beta, record.gamma)
    theirs = (
        "These are the paper's own coefficients."
        if same_triple(own, PAPER)
        else f"The paper's family goes with alpha {PAPER[0]}, beta {PAPER[1]}, gamma {PAPER[2]}, not with "
        "those of this page, so differences are expected."
    )
    parts = ["## 4. Rule, published, residual", theirs, *_borrowed(record.published)]
    if pairs:
        parts += [
            f"The rule at phi = k beside the published network {family_letters(record.published[0])}k. The "
            "residual is rule over published, less 1.",
            _beside(
                pairs,
                ("depth", lambda f: f.depth, lambda p: p.depth, _short),
                ("width", lambda f: f.width, lambda p: p.width, _short),
                ("input (px)", lambda f: f.resolution, lambda p: p.resolution, _short),
            ),
            _beside(
                pairs,
                ("params", lambda f: f.params, lambda p: p.params_published, si),
                ("FLOPs", lambda f: f.macs, lambda p: p.flops_published, si),
            ),
        ]
    else:
        parts.append(
            "The family above has no whole phi with a published number, so there is no residual to show."
        )
    parts += [_rebuilt(record), _implied(record), figure]
    return parts


def _beside(pairs: Sequence[tuple[FamilyRow, PublishedRow]], *quantities: Quantity) -> str:
    """A table of rule, published and residual of each quantity, one row per published network."""
    header = ["network"]
    for name, *_ in quantities:
        header += [f"{name}: rule", "published", "residual"]
    rows = []
    for built, published in pairs:
        cells = [family_name(published)]
        for _, of_rule, of_published, said in quantities:
            ours, theirs = of_rule(built), of_published(published)
            cells += [said(ours), said(theirs), signed_percent(ours / theirs - 1)]
        rows.append(cells)
    return table(header, rows)


def _rebuilt(record: ScaleRecord) -> str:
    rows = [
        (
            family_name(row),
            si(row.params),
            si(row.params_published),
            signed_percent(row.params_error),
            si(row.macs),
            si(row.flops_published),
            signed_percent(row.flops_error),
        )
        for row in record.published
    ]
    return f"### Rebuilt from the published coefficients\n\n{_agreement(record.published)}\n\n" + table(
        ("network", "params", "published", "difference", "MACs", "published FLOPs", "difference"), rows
    )


def _agreement(published: Sequence[PublishedRow]) -> str:
    """How near the rebuilt networks come to the published figures; by which convention, if by another."""
    other = _other_convention(published)
    if other is None:
        worst = max(max(abs(row.params_error), abs(row.flops_error)) for row in published)
        return (
            "Built here from their published depth, width and resolution, the networks cost what was "
            f"published within {worst:.1%} (published figures have two digits). The residuals above are "
            "therefore the rule's, not the counter's."
        )
    convention, gap = other
    params = max(abs(row.params_error) for row in published)
    low, high = sorted((min(row.flops_error for row in published), max(row.flops_error for row in published)))
    return (
        "Built here from their published depth, width and resolution, the networks have the published "
        f"parameters within {params:.1%}, but other multiply-adds: {signed_percent(low)} to "
        f"{signed_percent(high)}. The published figures are within {gap:.1%} of what `scalesearch explain` "
        f"calls *{escape(convention.name)}*: {escape(convention.says)}. So that part of the residuals above "
        "is the counter's, not the rule's."
    )


def _other_convention(published: Sequence[PublishedRow]) -> tuple[Convention, float] | None:
    """The convention, if not the plain one, that all figures are nearest to, and how near; None if none."""
    found = []
    for row in published:
        network = published_network(row.name)
        if network is None:
            return None
        conventions = ledger(network.arch())
        found.append((nearest(conventions, row.flops_published), conventions[0], row.flops_published))
    if not found or len({close.name for close, _, _ in found}) > 1 or found[0][0].name == found[0][1].name:
        return None
    return found[0][0], max(abs(close.value / figure - 1) for close, _, figure in found)


def _borrowed(published: Sequence[PublishedRow]) -> list[str]:
    """That a family has the multipliers of EfficientNet's, where it has, and at which other inputs."""
    paper = published_family()
    if any(row.name in paper for row in published):
        return []
    pairs = [(row, paper[name]) for row in published if (name := f"b{family_number(row)}") in paper]
    if len(pairs) < len(published) or any(
        (row.depth, row.width) != (theirs.depth, theirs.width) for row, theirs in pairs
    ):
        return []
    others = [
        f"{family_name(row)} reads {row.resolution} px, not {theirs.resolution}"
        for row, theirs in pairs
        if theirs.resolution != row.resolution
    ]
    return [
        f"The published {family_letters(published[0])} networks have the depth and width multipliers of "
        f"EfficientNet's {pairs[0][1].name.upper()} to {pairs[-1][1].name.upper()}."
        + (f" {'; '.join(others)}." if others else "")
    ]


def _implied(record: ScaleRecord) -> str:
    def cell(phi: float | None) -> str:
        return "none" if phi is None else f"{phi:.2f}"

    implied = {
        family_name(row): (row.implied_phi_depth, row.implied_phi_width, row.implied_phi_resolution)
        for row in record.published
    }
    return (
        "### Why the published networks are not phi = 1, 2, 3 ...\n\n"
        "If a published network followed the rule with these coefficients, the phi that its depth implies "
        "(log d / log alpha), the phi of its width and the phi of its resolution would be one number, its "
        f"own.{_disagreement(record.published)} "
        "The published multipliers have one decimal, and how they and the resolutions were chosen was not "
        "published. Nothing here is tuned until they agree.\n\n"
        + table(
            ("network", "phi by depth", "phi by width", "phi by resolution"),
            ((name, *map(cell, phis)) for name, phis in implied.items()),
        )
        + (
            "\n\nnone: a coefficient of 1 never scales a dimension that the published network did scale."
            if any(None in phis for phis in implied.values())
            else ""
        )
    )


def _disagreement(published: Sequence[PublishedRow]) -> str:
    """How far the implied phis lie from one another and from the networks' own numbers."""
    gaps, misses = [], []
    for row in published:
        phis = (row.implied_phi_depth, row.implied_phi_width, row.implied_phi_resolution)
        known = [phi for phi in phis if phi is not None]
        if known:
            gaps.append((max(known) - min(known), row, min(known), max(known)))
        number = family_number(row)
        if number is not None:
            named = zip(phis, ("depth", "width", "resolution"), strict=True)
            misses += [(abs(phi - number), row, name, phi) for phi, name in named if phi is not None]
    if not gaps or not misses:
        return ""
    gap, widest, low, high = max(gaps, key=lambda item: item[0])
    miss, furthest, name, phi = max(misses, key=lambda item: item[0])
    if max(gap, miss) <= AGREE:
        return " Here they agree."
    return (
        f" They are not. The widest gap within one network is {family_name(widest)}'s, from {low:.2f} to "
        f"{high:.2f}; the furthest from its own number is {family_name(furthest)}, whose {name} implies phi "
        f"{phi:.2f}."
    )


def _short(value: float) -> str:
    return f"{value:.4g}"


# ----------------------------------------------------------------------------------------------------
# The page of a scaled family: from the rule to the networks, and from there to the published table.

FIGURES = {
    "cost": (
        "Cost against phi: nominal, by the rule, as built and as published",
        "How to read it: above, each step of phi should double the cost. Below, the same divided by 2^phi: "
        "the distance from 1 is what the coefficients' product and the rounding make of the promise.",
    ),
    "accuracy": (
        "Published ImageNet top-1 against published FLOPs",
        "How to read it: {reading} These are the authors' numbers; this command trains nothing.",
    ),
}

# What the published accuracies of a family show: EfficientNet's, and any other's.
SHRINKING = "each step to the right costs more than it did before for less accuracy gained."
DEARER = "further right is dearer, further up more accurate."


def scale_page(record: ScaleRecord, figures: Collection[str], *, trained: str = "", made: str = "") -> str:
    """The derivation as Markdown.

    Args:
        record: the family.
        figures: names of the figures that were drawn.
        trained: the section on its trained networks, where there are any.
        made: how the whole run was made, where that is more than the derivation.
    """
    parts = [
        f"# {escape(record.baseline)}: from the rule to the family",
        _summary(record),
        trained,
        _rule(record),
        *_family(record, figures),
        *_rounding(record),
        *published_section(record, _accuracy(record, figures)),
        *_fvcore(record),
        made
        or how_it_was_made(
            command=record.command,
            facts=[f"Time: {duration(record.wall_s)}."],
            settings=record.settings,
            machine=record.machine,
            versions=record.versions,
            kept=False,
        ),
        words_and_numbers("family.csv", *(["published.csv"] if record.published else [])),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _summary(record: ScaleRecord) -> str:
    """The family in three lines: what it costs, what the rule had predicted, and what to do next."""
    if not record.family:
        return ""
    first, last = record.family[0], record.family[-1]
    spent = f"from {si(first.macs)} to {si(last.macs)}" if first is not last else si(last.macs)
    phis = f"phi {first.phi:g} to {last.phi:g}" if first is not last else f"phi {last.phi:g}"
    return (
        f"**{plural(len(record.family), 'network')} of {escape(record.baseline)}, {phis}: {spent} "
        f"multiply-adds, {first.resolution} to {last.resolution} px.**\n\n"
        f"By the rule each step of phi multiplies the cost by {record.product:.4g}, up to "
        f"{last.nominal_ratio:.3g} times the baseline's at phi {last.phi:g}; once blocks, channels and "
        f"pixels are whole it is {last.macs_ratio:.3g} times.\n\n"
        f"Next:\n\n{fenced('scalesearch measure DIR', 'sh')}"
    )


def _rule(record: ScaleRecord) -> str:
    off = record.product / NOMINAL_BASE - 1
    meaning = (
        "so each step of phi nominally doubles the cost, and phi steps make it 2^phi."
        if abs(off) < 1e-9
        else f"{abs(off):.1%} {'under' if off < 0 else 'over'} the 2 that would double the cost with each "
        f"step. The nominal cost at phi is therefore {record.product:.4g}^phi rather than 2^phi."
    )
    product = f"{record.alpha:.6g} x {record.beta:.6g}^2 x {record.gamma:.6g}^2 = {record.product:.6g}"
    return (
        "## 1. The rule\n\n"
        "Compound scaling (arXiv 1905.11946, equation 3) makes a network deeper (d = alpha^phi), wider "
        "(w = beta^phi) and sharper (r = gamma^phi) together. A convolution's cost grows with depth and with "
        "the squares of width and resolution: one step of phi multiplies it by alpha x beta^2 x "
        "gamma^2.\n\n"
        f"Here alpha = {record.alpha:.6g}, beta = {record.beta:.6g}, gamma = {record.gamma:.6g}: "
        f"**{product}**, {meaning}{_by_stage(record.settings)}"
    )


def _by_stage(settings: Mapping[str, Any]) -> str:
    """The powers of d and w that stages are scaled by, where they are others than 1."""
    if (kept := settings.get("baseline_arch")) is None:
        return ""
    arch = arch_from_dict(kept)
    if not any(row.has_exponents for row in arch.stages):
        return ""
    powers = {
        "depth": [row.depth_exponent * row.scaled_repeats for row in arch.stages],
        "width": [row.width_exponent * row.scaled_channels for row in arch.stages],
    }
    told = " and ".join(
        f"by {name[0]} to the powers {', '.join(f'{power:g}' for power in each)}"
        for name, each in powers.items()
    )
    return f"\n\nThe stages of this baseline are scaled {told}, one for each."


def _family(record: ScaleRecord, figures: Collection[str]) -> list[str]:
    timed = any(row.latency is not None for row in record.family)
    parts = counted_parts(record.settings)
    header = ["phi", "depth d", "width w", "resolution r", "input", parts, "params", "MACs", "activations"]
    header += ["2^phi", "nominal ratio", "realised ratio", *(["latency"] if timed else [])]
    rows = [
        [
            f"{row.phi:g}",
            *(f"{value:.3f}" for value in (row.depth, row.width, row.resolution_multiplier)),
            input_text(row),
            str(row.blocks),
            *(si(value) for value in (row.params, row.macs, row.activations)),
            *(f"{value:.2f}" for value in (NOMINAL_BASE**row.phi, row.nominal_ratio, row.macs_ratio)),
            *([latency_text(row.latency)] if timed else []),
        ]
        for row in record.family
    ]
    text = f"Multipliers by the rule, then the network they make once {parts}, channels and pixels are whole."
    if timed:
        measured = next(row.latency for row in record.family if row.latency)
        text += (
            f" Latency is the median of one forward pass of a batch of {measured.batch_size} on "
            f"{escape(measured.device)} with {plural(measured.threads, 'thread')}."
        )
        counts = unstable_of(row.latency for row in record.family)
        shaky = part("page/parts.md.j2", "unstable_latency", *counts, "marked in the table")
        text += f"\n\n{shaky}" if shaky else ""
    if within := within_budget(record.family):
        text += f"\n\n**Budget:** {within}"
    return ["## 2. The family as built", text, table(header, rows, left=0), _figure("cost", figures)]


def _rounding(record: ScaleRecord) -> list[str]:
    rows = [row for row in record.family if row.phi != 0]
    if not rows:
        return []
    worst = max(rows, key=lambda row: abs(math.log(row.macs_ratio / row.nominal_ratio)))
    changes = [
        (
            f"{row.phi:g}",
            f"{row.nominal_ratio:.2f}",
            f"{row.macs_ratio:.2f}",
            signed_percent(row.macs_ratio / row.nominal_ratio - 1),
        )
        for row in rows
    ]
    own = is_own_code(record.settings)
    rounded = (
        "How depth and width are rounded is the code's own; the input side is rounded to whole pixels"
        if own
        else "Each stage's repeats, each layer's channels and the input side are rounded by the rules listed "
        "under settings"
    )
    parts = [
        "## 3. What rounding does",
        f"Nobody can build 2.4 blocks or 35.2 channels. {rounded}, so the realised ratio is not the nominal "
        f"one. The gap is widest at phi {worst.phi:g}: nominal {worst.nominal_ratio:.2f}, realised "
        f"{worst.macs_ratio:.2f}.",
        table(("phi", "nominal ratio", "realised ratio", "realised over nominal"), changes, left=0),
    ]
    shares = {row.phi: rounding_shares(record, row) for row in rows}
    if all(shares.values()):
        header = ["phi"]
        for name in ("depth", "width", "resolution"):
            header += [f"{name}: rule", "built", "change"]
        cells = [
            [
                f"{phi:g}",
                *(
                    cell
                    for share in parts_of
                    for cell in (
                        f"{share.nominal:.2f}",
                        f"{share.realised:.2f}",
                        signed_percent(share.factor - 1),
                    )
                ),
            ]
            for phi, parts_of in shares.items()
        ]
        parts += [
            "One dimension at a time: cost ratios by the rule (d, w^2, r^2) and as built. The three need "
            "not multiply to the whole, as some layers do not grow as the rule assumes.",
            table(header, cells, left=0),
        ]
    base = next((row for row in record.family if row.phi == 0), None)
    if base is not None and not own:
        steps = "; ".join(
            f"phi {row.phi:g}: {base.blocks} x {row.depth:.3f} = {base.blocks * row.depth:.1f}, built "
            f"{row.blocks}"
            for row in rows
        )
        parts.append(f"Blocks, as repeats are rounded stage by stage: {steps}.")
    return parts


def _fvcore(record: ScaleRecord) -> list[str]:
    if not record.family:
        return []
    names = sorted({name for row in record.family for name in row.uncounted})
    rows = [
        (
            f"{row.phi:g}",
            si(row.macs),
            si(row.fvcore_total),
            signed_percent(row.fvcore_total / row.macs - 1),
            *(str(row.uncounted.get(name, 0)) for name in names),
        )
        for row in record.family
    ]
    header = ("phi", "MACs", "fvcore total", "difference", *(f"{code(name)} calls" for name in names))
    said = (
        "It left out the operators of the last columns (number of calls): activation functions and "
        "element-wise products cost nothing by its count."
        if names
        else "It reported no operator as uncounted."
    )
    holds = (
        "fvcore's total holds the multiply-adds of the closed form plus batch norm and adaptive pooling, "
        "which explains the difference."
    )
    if is_own_code(record.settings):
        holds = (
            "The multiply-adds are those of the convolutions and matrix products that torch runs for one "
            "image. fvcore follows the code by itself and has rules of its own, for norms and pools too; "
            "what its difference is made of depends on the code, and was not looked into."
        )
    return [
        "## 5. What fvcore counts, and what it did not",
        f"{holds} {said}",
        table(header, rows, left=0),
    ]


def _accuracy(record: ScaleRecord, figures: Collection[str]) -> str:
    """The figure of the published accuracies; that gains shrink is said of EfficientNet's alone."""
    shrinks = any(row.name in published_family() for row in record.published)
    return _figure("accuracy", figures).format(reading=SHRINKING if shrinks else DEARER)


def _figure(name: str, figures: Collection[str]) -> str:
    alt, reading = FIGURES[name]
    return f"![{alt}](figures/{name}.png)\n\n{reading}" if name in figures else ""


# ----------------------------------------------------------------------------------------------------
# A scaled family as tables, figures and a page.


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScaleReport:
    """What was written, and the table a caller prints.

    Attributes:
        page: ``derivation.md``.
        family_csv: ``family.csv``.
        published_csv: ``published.csv``; None where nothing was published for the baseline.
        figures: the figures, SVG and PNG.
        family: the table of ``family_csv``.
    """

    page: Path
    family_csv: Path
    published_csv: Path | None
    figures: tuple[Path, ...]
    family: pd.DataFrame


def write_scale_report(record: ScaleRecord, out: Path) -> ScaleReport:
    """Write ``family.csv``, ``published.csv``, ``derivation.md`` and ``figures/`` of ``record`` into ``out``.

    The same record gives the same bytes. What only a published family has is left out where there is none.

    Raises:
        OSError: if ``out`` cannot be made or written.
    """
    figures = write_figures(
        {"cost": cost_figure(record), "accuracy": accuracy_figure(record)}, out / "figures"
    )
    family = write_scale_tables(record, out)
    return ScaleReport(
        family_csv=out / "family.csv",
        published_csv=out / "published.csv" if record.published else None,
        page=write_pages(
            out / "derivation.md",
            scale_page(record, {path.stem for path in figures}),
            family_parts(record),
        ),
        figures=figures,
        family=family,
    )


def write_scale_tables(record: ScaleRecord, out: Path) -> pd.DataFrame:
    """Write ``family.csv`` and, where there is a published family, ``published.csv``; returns the family's.

    Raises:
        OSError: if ``out`` cannot be made or written.
    """
    family = family_table(record)
    write_text(out / "family.csv", csv_text(family))
    if record.published:
        write_text(out / "published.csv", csv_text(published_table(record)))
    else:
        (out / "published.csv").unlink(missing_ok=True)
    return family
