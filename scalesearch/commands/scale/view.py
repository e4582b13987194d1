"""The page, tables and figures of a family."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
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
from scalesearch.page.columns import Column, Columns, by_name, page_only
from scalesearch.page.evidence import PAPER, same_triple
from scalesearch.page.html.interactive import family_parts
from scalesearch.page.html.page import Report, write_pages
from scalesearch.page.latency import unstable_of
from scalesearch.page.markdown import Markdown, code, si, signed_percent
from scalesearch.page.parts import (
    FOLDER,
    Made,
    PageTable,
    RunMade,
    Steps,
    counted_parts,
    is_own_code,
    made_of,
    steps,
    within_budget,
)
from scalesearch.page.rounding import RoundingShare, rounding_shares
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
from scalesearch.page.tables import FAMILY, PUBLISHED, csv_text, family_name, family_table, published_table
from scalesearch.page.templates import page
from scalesearch.records import FamilyRow, PublishedRow, ScaleRecord
from scalesearch.scaling import NOMINAL_BASE

# ----------------------------------------------------------------------------------------------------
# The figures of a scaled family: cost against phi, and the accuracy that was published.

NOTHING = Markdown()
Floats = NDArray[np.float64]
SAME_LINE = 1e-3
"""A product this close to 2 (relative) gives a line that cannot be told from the nominal one."""
TICKS = 14
"""As many labels as the phi axis has room for."""
RULE, BUILT, AS_PUBLISHED = GREY, COLOURS["highest"], COLOURS["paper"]


def family_number(row: PublishedRow) -> int | None:
    """The k of a network named bk or litek; None for other names."""
    match = re.search(r"(?:b|lite)(\d+)$", row.name.lower())
    return int(match[1]) if match else None


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
                    Label(x=float(x), y=float(y), text=name, colour=AS_PUBLISHED)
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
                style={"color": AS_PUBLISHED, "marker": "D", "markersize": 6, "linestyle": ""},
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
        axes.plot(flops, top1, "D-", color=AS_PUBLISHED, linewidth=1.1, markersize=6.5)
        axes.set_xscale("log")
        axes.margins(x=0.07, y=0.12)
        axes.set_xlabel("published FLOPs for one image (one multiply-add counts as 1), log scale")
        axes.set_ylabel("published ImageNet top-1 (%)")
        _log_ticks(axes.xaxis)
        labels = [
            Label(x=x, y=y, text=f"{family_name(row)}  {y:.1f}%", colour=AS_PUBLISHED)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class WidestGap:
    """The network whose dimensions imply the most different phis."""

    network: str
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Furthest:
    """The network of which a dimension implies the phi furthest from its own number."""

    network: str
    dimension: str
    phi: float


DIMENSIONS = ("depth", "width", "resolution")
REBUILT = (
    *("name", "params", "params_published", "params_error"),
    *("macs", "flops_published", "flops_error"),
)
"""What a page shows of published networks as rebuilt here."""
Pair = tuple[FamilyRow, PublishedRow]
"""The network of the rule at a whole phi, and the published one of that number."""


def _beside(
    name: str, head: str, of: Callable[[Pair], tuple[float, float]], text: Callable[[float], str]
) -> tuple[Column[Pair], ...]:
    """By the rule, published, and the rule's over the published, less 1."""

    def residual(pair: Pair) -> str:
        ours, theirs = of(pair)
        return signed_percent(ours / theirs - 1)

    return (
        page_only(f"{head}: rule", lambda pair: text(of(pair)[0]), name=f"{name}_rule"),
        page_only("published", lambda pair: text(of(pair)[1]), name=f"{name}_published"),
        page_only("residual", residual, name=f"{name}_residual"),
    )


def _short(value: float) -> str:
    return f"{value:.4g}"


MULTIPLIERS: tuple[Column[Pair], ...] = (
    *_beside("depth", "depth", lambda pair: (pair[0].depth, pair[1].depth), _short),
    *_beside("width", "width", lambda pair: (pair[0].width, pair[1].width), _short),
    *_beside("resolution", "input (px)", lambda pair: (pair[0].resolution, pair[1].resolution), _short),
)
COSTS: tuple[Column[Pair], ...] = (
    *_beside("params", "params", lambda pair: (pair[0].params, pair[1].params_published), si),
    *_beside("flops", "FLOPs", lambda pair: (pair[0].macs, pair[1].flops_published), si),
)
BESIDE: Columns[Pair] = Columns(
    columns=(
        page_only("network", lambda pair: family_name(pair[1])),
        *MULTIPLIERS,
        *COSTS,
    )
)
"""Of the rule beside the published family, on a page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A scaled family beside the published one; tables are a row for each network.

    Attributes:
        letters: what its networks are called, without their numbers.
        papers_own: whether the coefficients are the paper's.
        like: the EfficientNets whose multipliers it has; empty where it has its own.
        other_inputs: where its inputs differ from these.
        multipliers: by the rule and published; None without a whole phi in common.
        costs: the same of params and FLOPs.
        worst: how far a cost of the rebuilt networks is off at most, relative.
        worst_params: the same of parameters alone.
        low: the least that multiply-adds are off, where another way of counting explains it.
        high: the most.
        convention: that way of counting; empty where none is needed.
        convention_says: what it counts.
        gap: how far published figures are from it at most.
        rebuilt: what the rebuilt networks cost.
        agrees: whether implied phis do.
        widest: the widest gap between them; None where nothing is implied.
        furthest: the phi furthest from its network's number.
        implied: what each dimension implies.
        none_implied: whether some imply none.
        shrinks: whether gains are known to shrink, as EfficientNet's do.
    """

    letters: str
    papers_own: bool
    like: str
    other_inputs: Sequence[str]
    multipliers: PageTable | None
    costs: PageTable | None
    worst: float
    worst_params: float
    low: float
    high: float
    convention: str
    convention_says: str
    gap: float
    rebuilt: PageTable
    agrees: bool
    widest: WidestGap | None
    furthest: Furthest | None
    implied: PageTable
    none_implied: bool
    shrinks: bool


def _published(record: ScaleRecord) -> Published | None:
    """None where no family was published for the baseline."""
    rows = record.published
    if not rows:
        return None
    by_phi = {row.phi: row for row in record.family}
    pairs = [(by_phi[k], row) for row in rows if (k := family_number(row)) is not None and k in by_phi]
    other, (like, other_inputs) = _other_convention(rows), _borrowed(rows)
    flops = [row.flops_error for row in rows]
    widest, furthest = _disagreement(rows)
    near = widest is not None and furthest is not None and _agree(widest, furthest, rows)
    implied = [(row.implied_phi_depth, row.implied_phi_width, row.implied_phi_resolution) for row in rows]
    return Published(
        letters=family_letters(rows[0]),
        papers_own=same_triple((record.alpha, record.beta, record.gamma), PAPER),
        like=like,
        other_inputs=other_inputs,
        multipliers=BESIDE.table(pairs, only=("network", *by_name(MULTIPLIERS))) if pairs else None,
        costs=BESIDE.table(pairs, only=("network", *by_name(COSTS))) if pairs else None,
        worst=max(max(abs(row.params_error), abs(row.flops_error)) for row in rows),
        worst_params=max(abs(row.params_error) for row in rows),
        low=min(flops),
        high=max(flops),
        convention=other[0].name if other else "",
        convention_says=other[0].says if other else "",
        gap=other[1] if other else 0.0,
        rebuilt=PUBLISHED.table(rows, only=REBUILT),
        agrees=near,
        widest=widest,
        furthest=furthest,
        implied=PUBLISHED.table(rows, only=("name", *(f"implied_phi_{name}" for name in DIMENSIONS))),
        none_implied=any(None in phis for phis in implied),
        shrinks=any(row.name in published_family() for row in rows),
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


def _borrowed(published: Sequence[PublishedRow]) -> tuple[str, list[str]]:
    """The EfficientNets whose multipliers a family has, where it has, and at which other inputs."""
    paper = published_family()
    if any(row.name in paper for row in published):
        return "", []
    pairs = [(row, paper[name]) for row in published if (name := f"b{family_number(row)}") in paper]
    if len(pairs) < len(published) or any(
        (row.depth, row.width) != (theirs.depth, theirs.width) for row, theirs in pairs
    ):
        return "", []
    others = [
        f"{family_name(row)} reads {row.resolution} px, not {theirs.resolution}"
        for row, theirs in pairs
        if theirs.resolution != row.resolution
    ]
    return f"{pairs[0][1].name.upper()} to {pairs[-1][1].name.upper()}", others


def _disagreement(published: Sequence[PublishedRow]) -> tuple[WidestGap | None, Furthest | None]:
    """How far the implied phis lie from one another and from the networks' own numbers."""
    gaps, misses = [], []
    for row in published:
        phis = (row.implied_phi_depth, row.implied_phi_width, row.implied_phi_resolution)
        known = [phi for phi in phis if phi is not None]
        if known:
            gaps.append(WidestGap(network=family_name(row), low=min(known), high=max(known)))
        number = family_number(row)
        if number is not None:
            named = zip(phis, ("depth", "width", "resolution"), strict=True)
            misses += [
                (abs(phi - number), Furthest(network=family_name(row), dimension=name, phi=phi))
                for phi, name in named
                if phi is not None
            ]
    if not gaps or not misses:
        return None, None
    return max(gaps, key=lambda gap: gap.high - gap.low), max(misses, key=lambda miss: miss[0])[1]


def _agree(widest: WidestGap, furthest: Furthest, published: Sequence[PublishedRow]) -> bool:
    numbers = {family_name(row): family_number(row) for row in published}
    miss = abs(furthest.phi - (numbers[furthest.network] or 0))
    return max(widest.high - widest.low, miss) <= AGREE


# ----------------------------------------------------------------------------------------------------
# The page of a scaled family: from the rule to the networks, and from there to the published table.


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The family in two lines: what it costs, and what the rule had predicted."""

    networks: int
    phis: str
    macs: str
    pixels: str
    last: str
    nominal: float
    realised: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """How latencies of the family were measured, and how many of them are unstable."""

    batch: int
    device: str
    threads: int
    unstable: int
    known: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundingText:
    """What rounding does: where the gap between nominal and realised cost is widest, and tables by phi."""

    phi: str
    nominal: float
    realised: float
    table: PageTable
    shares: PageTable | None
    blocks: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalePage:
    """What the page shows.

    Attributes:
        baseline: that is scaled.
        summary: None without a family.
        steps: what to do next.
        trained: the section on its trained networks; empty without any.
        alpha: of the rule.
        beta: of the rule.
        gamma: of the rule.
        product: of alpha, beta^2 and gamma^2.
        off: how far that is from 2; empty where it is 2.
        stage_powers: the powers of d and w that stages are scaled by; empty where all are 1.
        counted: what a network's blocks are called.
        own_code: whether networks are built by the user's own code.
        timed: None where nothing was.
        within: the greatest phi within a budget; empty without one.
        family: a row each.
        rounding: None of a family of the baseline alone.
        published: None where no family was.
        counts: what fvcore counts; None where it was not asked.
        uncounted: whether it left operators out.
        run: how its networks were trained; None where they were not.
        made: how the family was made.
        seconds: that it took.
        files: the tables beside the page.
        figures: those that were drawn.
    """

    baseline: str
    summary: Summary | None
    steps: Steps
    trained: Markdown
    alpha: float
    beta: float
    gamma: float
    product: float
    off: str
    stage_powers: Sequence[tuple[str, Sequence[str]]]
    counted: str
    own_code: bool
    timed: Timed | None
    within: str
    family: PageTable
    rounding: RoundingText | None
    published: Published | None
    counts: PageTable | None
    uncounted: bool
    run: RunMade | None
    made: Made
    seconds: float
    files: Sequence[str]
    figures: Collection[str]


def scale_page(
    record: ScaleRecord,
    figures: Collection[str],
    *,
    trained: Markdown = NOTHING,
    run: RunMade | None = None,
    more: Sequence[tuple[str, str]] = (),
) -> str:
    """The derivation as Markdown.

    Args:
        record: the family.
        figures: names of the figures that were drawn.
        trained: the section on its trained networks, where there are any.
        run: how they were trained.
        more: what else to do next: what for, and the command.
    """
    timed = any(row.latency is not None for row in record.family)
    off = record.product / NOMINAL_BASE - 1
    uncounted = sorted({name for row in record.family for name in row.uncounted})
    counted = counted_parts(record.settings)
    family = FAMILY.table(
        record.family, heads={"blocks": counted}, but=() if timed else ("latency_median_s",)
    )
    return page(
        "commands/scale/page.md.j2",
        ScalePage(
            baseline=record.baseline,
            summary=_summary(record) if record.family else None,
            steps=steps(
                ("Latency and memory of the family on this machine", f"scalesearch measure {FOLDER}"), *more
            ),
            trained=trained,
            alpha=record.alpha,
            beta=record.beta,
            gamma=record.gamma,
            product=record.product,
            off="" if abs(off) < 1e-9 else f"{abs(off):.1%}",
            stage_powers=_stage_powers(record.settings),
            counted=counted,
            own_code=is_own_code(record.settings),
            timed=_timed(record) if timed else None,
            within=within_budget(record.family),
            family=family,
            rounding=_rounding(record),
            published=_published(record),
            counts=_counts(record, uncounted) if any(row.fvcore_total for row in record.family) else None,
            uncounted=bool(uncounted),
            run=run,
            made=made_of(
                command=record.command,
                settings=record.settings,
                machine=record.machine,
                versions=record.versions,
                kept=False,
            ),
            seconds=record.wall_s,
            files=["family.csv", *(["published.csv"] if record.published else [])],
            figures=figures,
        ),
    )


def _summary(record: ScaleRecord) -> Summary:
    first, last = record.family[0], record.family[-1]
    several = first is not last
    return Summary(
        networks=len(record.family),
        phis=f"phi {first.phi:g} to {last.phi:g}" if several else f"phi {last.phi:g}",
        macs=f"from {si(first.macs)} to {si(last.macs)}" if several else si(last.macs),
        pixels=f"{first.resolution} to {last.resolution}" if several else str(last.resolution),
        last=f"{last.phi:g}",
        nominal=last.nominal_ratio,
        realised=last.macs_ratio,
    )


def _stage_powers(settings: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """The powers of d and w that stages are scaled by, where they are others than 1."""
    if (kept := settings.get("baseline_arch")) is None:
        return []
    arch = arch_from_dict(kept)
    if not any(row.has_exponents for row in arch.stages):
        return []
    depth = [row.depth_exponent * row.scaled_repeats for row in arch.stages]
    width = [row.width_exponent * row.scaled_channels for row in arch.stages]
    return [(letter, [f"{power:g}" for power in each]) for letter, each in (("d", depth), ("w", width))]


def _timed(record: ScaleRecord) -> Timed:
    measured = next(row.latency for row in record.family if row.latency)
    unstable, known = unstable_of(row.latency for row in record.family)
    return Timed(
        batch=measured.batch_size,
        device=measured.device,
        threads=measured.threads,
        unstable=unstable,
        known=known,
    )


PhiShares = tuple[float, Sequence[RoundingShare]]
"""A phi, and what rounding did to depth, width and resolution there, each alone."""


def _rounded(index: int, dimension: str) -> Iterator[Column[PhiShares]]:
    """What the rule and what was built make of a dimension, and how far these are apart."""
    yield page_only(
        f"{dimension}: rule", lambda row: f"{row[1][index].nominal:.2f}", name=f"{dimension}_rule"
    )
    yield page_only("built", lambda row: f"{row[1][index].realised:.2f}", name=f"{dimension}_built")
    yield page_only("change", lambda row: signed_percent(row[1][index].factor - 1), name=f"{dimension}_off")


ROUNDED: Columns[PhiShares] = Columns(
    columns=(
        page_only("phi", lambda row: f"{row[0]:g}"),
        *_rounded(0, "depth"),
        *_rounded(1, "width"),
        *_rounded(2, "resolution"),
    ),
    left=0,
)
"""Of what rounding does to each dimension, on a page: cost ratios of scaling it alone."""


def _counts(record: ScaleRecord, uncounted: Sequence[str]) -> PageTable:
    """What fvcore counts, and how often it met each operator that it left out."""

    def calls(name: str) -> Column[FamilyRow]:
        head = Markdown(f"{code(name)} calls")
        return page_only(head, lambda row: str(row.uncounted.get(name, 0)), name=name)

    columns = replace(FAMILY, columns=(*FAMILY.columns, *map(calls, uncounted)))
    return columns.table(record.family, only=("phi", "macs", "fvcore_total", "fvcore_over", *uncounted))


def _rounding(record: ScaleRecord) -> RoundingText | None:
    rows = [row for row in record.family if row.phi != 0]
    if not rows:
        return None
    worst = max(rows, key=lambda row: abs(math.log(row.macs_ratio / row.nominal_ratio)))
    shares = {row.phi: rounding_shares(record, row) for row in rows}
    base = next((row for row in record.family if row.phi == 0), None)
    return RoundingText(
        phi=f"{worst.phi:g}",
        nominal=worst.nominal_ratio,
        realised=worst.macs_ratio,
        table=FAMILY.table(rows, only=("phi", "nominal_ratio", "macs_ratio", "over_nominal")),
        shares=ROUNDED.table(list(shares.items())) if all(shares.values()) else None,
        blocks=[_blocks(base, row) for row in rows]
        if base is not None and not is_own_code(record.settings)
        else (),
    )


def _blocks(base: FamilyRow, row: FamilyRow) -> str:
    exact = f"{base.blocks} x {row.depth:.3f} = {base.blocks * row.depth:.1f}"
    return f"phi {row.phi:g}: {exact}, built {row.blocks}"


# ----------------------------------------------------------------------------------------------------
# A scaled family as tables, figures and a page.


def write_scale_report(record: ScaleRecord, out: Path) -> Report:
    """Write ``family.csv``, ``published.csv``, ``derivation.md`` and ``figures/`` of ``record`` into ``out``.

    The same record gives the same bytes. What only a published family has is left out where there is none.

    Raises:
        OSError: if ``out`` cannot be made or written.
    """
    figures = write_figures(
        {"cost": cost_figure(record), "accuracy": accuracy_figure(record)}, out / "figures"
    )
    family = write_scale_tables(record, out)
    return Report(
        page=write_pages(
            out / "derivation.md",
            scale_page(record, {path.stem for path in figures}),
            family_parts(record),
        ),
        figures=figures,
        table=family,
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
