"""The page, table and figure of a trained family."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter
from numpy.typing import NDArray

from scalesearch.commands.scale.view import cost_figure, scale_page, write_scale_tables
from scalesearch.files import write_text
from scalesearch.page.columns import Cell, Column, Columns, on_page, page_only, pick
from scalesearch.page.evidence import (
    completed,
    intervals,
    nothing_learnt,
    shown,
)
from scalesearch.page.html.interactive import family_parts
from scalesearch.page.html.page import Interactive, Report, write_pages
from scalesearch.page.markdown import Markdown, duration, p_text, plain_lines, plural, si
from scalesearch.page.parts import FOLDER, PageTable, counted_parts, quoted_agreement, run_made, top1_seeds
from scalesearch.page.style import (
    COLOURS,
    GREY,
    LEAST_SPAN,
    Label,
    Segment,
    house_style,
    new_figure,
    place_labels,
    widen,
    write_figures,
)
from scalesearch.page.tables import LATENCY, NETWORK, NetworkRow, any_timed, csv_text
from scalesearch.page.templates import part
from scalesearch.records import CandidateRecord, PublishedRow, RunRecord
from scalesearch.statistics.summaries import (
    SIGNIFICANCE,
    Comparison,
    Slope,
    planned_comparisons,
    planned_slope,
)
from scalesearch.text import without_options

# ----------------------------------------------------------------------------------------------------
# What a trained family shows: whether accuracy rises with phi, per doubling of the cost, and how far.


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """From one network of the family to the next larger phi.

    ``doublings`` is by how many doublings of the multiply-adds it is dearer, ``gain`` by how much its mean
    top-1 is higher; ``test`` is None where seeds are missing.
    """

    lower: CandidateRecord
    upper: CandidateRecord
    doublings: float
    gain: float
    test: Comparison | None

    @property
    def per_doubling(self) -> float | None:
        """The gain for each doubling of the cost; None where it does not rise."""
        return self.gain / self.doublings if self.doublings > 0 else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95% interval of the gain for each doubling."""
        if self.test is None or self.doublings <= 0:
            return None
        return self.test.low / self.doublings, self.test.high / self.doublings

    @property
    def verdict(self) -> str:
        """``rises``, ``falls``, ``no difference shown`` or, without a test, ``not tested``."""
        return shown(self.test, "rises", "falls")


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyEvidence:
    """All that the trained networks of a family show together.

    Attributes:
        networks: trained to their end, by phi.
        seeds: that all of them have; tests need two.
        slope: top-1 for each doubling of the multiply-adds, by a straight line; None without a test.
        steps: from each network to the next.
        rises_to: the smallest phi that is shown to be better than the first one, and than which no larger one
            is; the first phi where none is shown to be better than it, None without a test.
    """

    networks: tuple[CandidateRecord, ...]
    seeds: tuple[int, ...]
    slope: Slope | None
    steps: tuple[Step, ...]
    rises_to: float | None


def trained(run: RunRecord) -> list[CandidateRecord]:
    """The networks that were trained to their end, by phi."""
    return sorted(filter(completed, run.candidates), key=lambda c: c.phi)


def family_evidence(run: RunRecord) -> FamilyEvidence:
    """What the trained networks of ``run`` show.

    Every pair of networks is compared by t tests in blocks (each seed a block, the noise of all networks
    pooled), whose intervals and probabilities hold for all pairs at once.
    """
    networks = trained(run)
    by_seed = [{one.seed: one.top1 for one in c.runs} for c in networks]
    seeds = tuple(sorted(set.intersection(*map(set, by_seed)))) if by_seed else ()
    pairs = list(combinations(range(len(networks)), 2))
    tests: dict[tuple[int, int], Comparison] = {}
    slope = None
    if len(networks) > 1 and len(seeds) > 1:
        top1 = [[runs[seed] for seed in seeds] for runs in by_seed]
        found = planned_comparisons(top1, [(upper, lower) for lower, upper in pairs])
        tests = dict(zip(pairs, found, strict=True))
        doublings = [math.log2(c.macs) for c in networks]
        if len(set(doublings)) > 1:
            slope = planned_slope(doublings, top1)
    return FamilyEvidence(
        networks=tuple(networks),
        seeds=seeds,
        slope=slope,
        steps=tuple(
            _step(networks, lower, upper, tests.get((lower, upper)))
            for lower, upper in pairwise(range(len(networks)))
        ),
        rises_to=_rises_to(networks, tests) if tests else None,
    )


def _step(networks: Sequence[CandidateRecord], lower: int, upper: int, test: Comparison | None) -> Step:
    low, high = networks[lower], networks[upper]
    return Step(
        lower=low,
        upper=high,
        doublings=math.log2(high.macs / low.macs),
        gain=test.difference if test else (high.top1 or 0.0) - (low.top1 or 0.0),
        test=test,
    )


def _rises_to(networks: Sequence[CandidateRecord], tests: dict[tuple[int, int], Comparison]) -> float:
    better = {pair for pair, test in tests.items() if test.difference > 0 and test.p < SIGNIFICANCE}
    for index, network in enumerate(networks):
        if (0, index) in better and not any((index, other) in better for other in range(len(networks))):
            return network.phi
    return networks[0].phi


# ----------------------------------------------------------------------------------------------------
# The figure of a trained family: accuracy against what it costs, and what was published apart from it.

TRAINED, PUBLISHED = COLOURS["highest"], COLOURS["paper"]
Bounds = Mapping[str, tuple[float, float]]
Floats = NDArray[np.float64]


def trained_figure(run: RunRecord) -> Figure | None:
    """Top-1 against MACs and against training seconds, the published family below; None without a network."""
    networks = trained(run)
    if not networks:
        return None
    published = run.derivation.published if run.derivation is not None else ()
    bounds = intervals(run)
    with house_style():
        figure = new_figure("Does accuracy rise with phi?", 7.6 if published else 4.4)
        layout: list[Any] = (
            [["macs", "seconds"], ["published", "published"]] if published else [["macs", "seconds"]]
        )
        panels = figure.subplot_mosaic(layout)
        panels["seconds"].sharey(panels["macs"])
        panels["macs"].set_ylabel("held-out top-1 (%)")
        panels["macs"].set_title(f"measured here: {_said(networks)}", pad=8)
        panels["macs"].set_xlabel("multiply-adds of the trained network")
        panels["seconds"].set_xlabel("training time of one run (s)")
        labelled = [
            (panels["macs"], _line(panels["macs"], networks, bounds, lambda c: float(c.macs))),
            (panels["seconds"], _line(panels["seconds"], networks, bounds, _seconds)),
        ]
        widen(panels["macs"], "y", LEAST_SPAN)
        if published:
            labelled.append((panels["published"], _published(panels["published"], published)))
        for axes, (labels, clear) in labelled:
            place_labels(axes, labels, clear)
    return figure


def _seconds(candidate: CandidateRecord) -> float:
    return (candidate.train_seconds or 0.0) / len(candidate.runs)


def _said(networks: Sequence[CandidateRecord]) -> str:
    counts = sorted({len(c.runs) for c in networks})
    seeds = plural(counts[0], "seed") if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds"
    return f"{seeds}, bars: 95% interval"


def _line(
    axes: Axes, networks: Sequence[CandidateRecord], bounds: Bounds, cost: Callable[[CandidateRecord], float]
) -> tuple[list[Label], list[Segment]]:
    x = np.array([cost(c) for c in networks])
    y = np.array([100 * (c.top1 or 0.0) for c in networks])
    axes.plot(x, y, "o-", color=TRAINED, linewidth=1.4, markersize=6.5, markeredgecolor="white")
    clear: list[Segment] = _segments(x, y)
    for c, at in zip(networks, x, strict=True):
        if c.key in bounds:
            low, high = (100 * bound for bound in bounds[c.key])
            axes.plot([at, at], [low, high], color=TRAINED, linewidth=1.4, alpha=0.6)
            clear.append((float(at), low, float(at), high))
    _log(axes)
    labels = [
        Label(x=float(a), y=float(b), text=f"phi {c.phi:g}", colour=TRAINED)
        for c, a, b in zip(networks, x, y, strict=True)
    ]
    return labels, clear


def _published(axes: Axes, rows: Sequence[PublishedRow]) -> tuple[list[Label], list[Segment]]:
    ordered = sorted(rows, key=lambda row: row.flops_published)
    x = np.array([row.flops_published for row in ordered])
    y = np.array([100 * row.top1_published for row in ordered])
    axes.set_title("published: the full-size family after full training on ImageNet", pad=8)
    axes.plot(x, y, "D-", color=PUBLISHED, linewidth=1.1, markersize=6)
    axes.set_xlabel("published FLOPs for one image (one multiply-add counts as 1)")
    axes.set_ylabel("published ImageNet top-1 (%)")
    _log(axes)
    labels = [
        Label(x=float(a), y=float(b), text=row.name.upper(), colour=PUBLISHED)
        for a, b, row in zip(x, y, ordered, strict=True)
    ]
    return labels, _segments(x, y)


def _log(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.margins(x=0.12, y=0.14)
    low, high = axes.get_xlim()
    # Where a decade is not spanned, decades alone would leave no number on the axis.
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high / low < 300 else (1,)))
    axes.xaxis.set_major_formatter(EngFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="x", colors=GREY)


def _segments(x: Floats, y: Floats) -> list[Segment]:
    points = [(float(a), float(b)) for a, b in zip(x, y, strict=True)]
    lines = [(*a, *b) for a, b in pairwise(points)]
    return [*lines, *((*point, *point) for point in points)]


# ----------------------------------------------------------------------------------------------------
# The section of a derivation that tells of its trained networks: does accuracy rise with phi here?


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedText:
    """What the answer says; changes of top-1 as texts, in points.

    Attributes:
        span: from where to where top-1 goes; empty with fewer than two networks.
        untested: why nothing is tested; empty where it is.
        verdict: in a word or two.
        slope: the change for each doubling of the multiply-adds.
        low: the lower end of its 95% interval.
        high: the upper one.
        networks: that a line goes through.
        seeds: of each.
        stops: the phi than which no larger one is shown to be better; empty where that is the largest.
    """

    span: str = ""
    untested: str = ""
    verdict: str = ""
    slope: str = ""
    low: str = ""
    high: str = ""
    networks: int = 0
    seeds: int = 0
    stops: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedSection:
    """What the section on trained networks shows.

    Attributes:
        waiting: networks that are not trained yet.
        networks: all of them.
        nothing_learnt: whether even the best may be guessing.
        answer: does accuracy rise?
        table: a network each.
        failed: the phi of networks that did, and why.
        steps: from each network to the next, a row each.
        df: degrees of freedom of the tests; 0 without any.
        images: that each network saw; empty where that is not known.
        reliability: how well short runs rank networks; empty where that was not measured.
        chance: the top-1 of guessing.
        near_chance: networks that did not get beyond twice that.
        figures: those that were drawn.
    """

    waiting: int
    networks: int
    nothing_learnt: bool
    answer: TrainedText
    table: PageTable
    failed: Sequence[tuple[str, str]]
    steps: PageTable
    df: int
    images: str
    reliability: str
    chance: float
    near_chance: int
    figures: Collection[str]


def _points(value: float) -> str:
    return f"{round(100 * value, 1) + 0.0:+.1f}"


def _gain_interval(step: Step) -> str:
    return "" if step.interval is None else f"{_points(step.interval[0])} to {_points(step.interval[1])}"


def _verdict(step: Step) -> str | Markdown:
    return step.verdict if step.test is None else Markdown(f"{step.verdict} ({p_text(step.test.p)})")


STEPS: Columns[Step] = Columns(
    columns=(
        page_only("from", lambda step: f"phi {step.lower.phi:g}", name="lower"),
        page_only("to", lambda step: f"phi {step.upper.phi:g}", name="upper"),
        page_only("doublings", lambda step: f"{step.doublings:.2f}"),
        page_only("gain (points)", lambda step: _points(step.gain), name="gain"),
        page_only(
            "for each doubling",
            lambda step: "" if step.per_doubling is None else _points(step.per_doubling),
            name="per_doubling",
        ),
        page_only("95% interval", _gain_interval, name="interval"),
        page_only("verdict", _verdict),
    ),
    left=2,
)
"""Of the steps from each network of a trained family to the next, on a page."""


def trained_section(run: RunRecord, figures: Collection[str]) -> Markdown:
    """The section as Markdown; ``figures`` names those that were drawn."""
    evidence = family_evidence(run)
    ordered = sorted(run.candidates, key=lambda c: c.phi)
    networks = TRAINED_NETWORKS.table(
        [TrainedRow(candidate=c, step=None) for c in ordered],
        heads={"blocks": counted_parts(run.settings)},
    )
    tests = [step.test for step in evidence.steps if step.test is not None]
    images = sorted({c.images_seen for c in evidence.networks if c.images_seen})
    return part(
        "commands/scale/trained.md.j2",
        "section",
        TrainedSection(
            waiting=sum(c.status == "waiting" for c in run.candidates),
            networks=len(run.candidates),
            nothing_learnt=nothing_learnt(run),
            answer=trained_text(evidence),
            table=networks,
            failed=[(f"{c.phi:g}", c.reason) for c in ordered if c.status == "failed"],
            steps=STEPS.table(evidence.steps),
            df=tests[0].df if tests else 0,
            images=" or ".join(f"{count:,}" for count in images),
            reliability=quoted_agreement(run.reliability[-1]) if run.reliability else "",
            chance=1 / run.classes,
            near_chance=sum((c.top1 or 0.0) <= 2 / run.classes for c in evidence.networks),
            figures=figures,
        ),
    )


def answer_lines(run: RunRecord) -> tuple[str, ...]:
    """The answer in plain lines."""
    return plain_lines(part("commands/scale/trained.md.j2", "answer", trained_text(family_evidence(run))))


def trained_text(evidence: FamilyEvidence) -> TrainedText:
    """Does accuracy rise with phi?"""
    if len(evidence.networks) < 2:
        return TrainedText()
    first, last = evidence.networks[0], evidence.networks[-1]
    span = Markdown(
        f"From phi {first.phi:g} to {last.phi:g} top-1 goes from {top1_seeds(first)} to {top1_seeds(last)}"
    )
    slope, rises_to = evidence.slope, evidence.rises_to
    if slope is None or rises_to is None:
        same = evidence.steps[0].test is not None
        return TrainedText(
            span=span,
            untested="its networks all cost the same" if same else "that takes at least two seeds",
        )
    risen = rises_to > first.phi
    if slope.high < 0:
        verdict = "No, it falls"
    elif rises_to == last.phi:
        verdict = f"Yes, up to phi {last.phi:g}, the largest that was trained"
    elif risen:
        verdict = f"Yes, up to phi {rises_to:g}"
    elif slope.low > 0:
        verdict = (
            "Yes, over the whole family, though no single network is shown to be better than that of phi "
            f"{first.phi:g}"
        )
    else:
        verdict = "Not shown"
    return TrainedText(
        span=span,
        verdict=verdict,
        slope=_points(slope.slope),
        low=_points(slope.low),
        high=_points(slope.high),
        networks=len(evidence.networks),
        seeds=len(evidence.seeds),
        stops=f"{rises_to:g}" if risen and rises_to != last.phi else "",
    )


def _next(run: RunRecord) -> list[tuple[str, str]]:
    """What else to do after training: more seeds, where accuracy isn't shown to rise to the largest phi."""
    evidence = family_evidence(run)
    if evidence.rises_to is not None and evidence.networks[-1].phi == evidence.rises_to:
        return []
    seeds = max((len(c.runs) for c in run.candidates), default=1)
    again = without_options(run.command, ("--seeds", "--out"))
    return [
        (
            "More seeds, to see whether accuracy rises with phi",
            f"{again} --seeds {max(3, 2 * seeds)} --out {FOLDER}-seeds",
        )
    ]


# ----------------------------------------------------------------------------------------------------
# A trained family as a derivation with what its networks show, tables and figures.


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedRow(NetworkRow):
    """A trained network of a family, with what it gains over the next smaller phi that was trained."""

    step: Step | None


def _gain(name: str, value: Callable[[Step], Any], **looks: Any) -> Column[TrainedRow]:
    return Column(name=name, value=lambda row: None if row.step is None else value(row.step), **looks)


def _where_counted(text: Callable[[CandidateRecord], str]) -> Callable[[TrainedRow], str]:
    return lambda row: text(row.candidate) if row.candidate.counted else ""


def _duration_text(row: TrainedRow) -> str:
    c = row.candidate
    return duration((c.train_seconds or 0.0) / len(c.runs)) if c.runs else ""


TRAINED_NETWORKS: Columns[TrainedRow] = Columns(
    columns=(
        *on_page(
            pick(
                NETWORK,
                *("phi", "key", "alpha", "beta", "gamma", "depth", "width", "resolution_multiplier"),
                *("resolution", "resolution_width", "blocks", "params", "macs", "fvcore_total"),
                *("activations", "nominal_ratio", "macs_ratio", "full_macs", "full_macs_ratio", "top1"),
                *("top1_sd", "top1_low", "top1_high", "seeds", "loss", "images_seen", "train_seconds"),
                *("status", "reason"),
                phi=Cell("{:g}"),
                train_seconds=Cell("{:.0f} s"),
            ),
            phi=("phi", lambda row: f"{row.candidate.phi:g}"),
            depth=("depth", lambda row: f"{row.candidate.depth:.2f}"),
            width=("width", lambda row: f"{row.candidate.width:.2f}"),
            blocks=("", _where_counted(lambda c: str(c.blocks))),
            params=("params", _where_counted(lambda c: si(c.params))),
            macs=("MACs", _where_counted(lambda c: si(c.macs))),
            macs_ratio=("realised ratio", _where_counted(lambda c: f"{c.macs_ratio:.2f}")),
            train_seconds=("training of one run", _duration_text),
            top1=(
                "top-1",
                lambda row: top1_seeds(row.candidate) if row.finished else row.candidate.status,
            ),
        ),
        _gain("gain", lambda step: step.gain),
        _gain("gain_per_doubling", lambda step: step.per_doubling, terminal=Cell("{:+.1%}")),
        _gain("gain_low", lambda step: step.interval and step.interval[0]),
        _gain("gain_high", lambda step: step.interval and step.interval[1]),
        _gain("p", lambda step: step.test and step.test.p),
        _gain("verdict", lambda step: step.verdict),
        *pick(NETWORK, "training_bytes", "inference_bytes", "trained_device", "trained_threads"),
        *(replace(column, only=any_timed, terminal=None) for column in LATENCY.values()),
    ),
    terminal=(
        *("phi", "depth", "width", "resolution", "params", "macs", "macs_ratio", "train_seconds", "top1"),
        *("top1_sd", "gain_per_doubling", "status"),
    ),
    page=(
        *("phi", "depth", "width", "resolution", "blocks", "params", "macs", "macs_ratio"),
        *("train_seconds", "top1", "seeds"),
    ),
    left=0,
)
"""Of ``trained.csv``: every network by phi; gains are per doubling of MACs, with their 95% interval."""


def write_trained_family(run: RunRecord, out: Path) -> Report:
    """Write ``trained.csv``, ``derivation.md``, ``figures/`` and a derivation's tables into ``out``.

    The same record gives the same bytes.

    Raises:
        OSError: if ``out`` cannot be made or written.
        ValueError: if the run keeps no derivation.
    """
    derivation = run.derivation
    if derivation is None:
        raise ValueError(f"`run` must keep the derivation of its family, got {run.name} without one")
    figures = write_figures(
        {
            "trained": trained_figure(run),
            "cost": cost_figure(derivation),
            "accuracy": None,  # the trained one has a panel of it
        },
        out / "figures",
    )
    drawn = {path.stem for path in figures}
    write_scale_tables(derivation, out)
    rows = trained_table(run)
    page = scale_page(
        derivation, drawn, trained=trained_section(run, drawn), run=run_made(run), more=_next(run)
    )
    write_text(out / "trained.csv", csv_text(rows))
    return Report(
        page=write_pages(out / "derivation.md", page, interactive(run)),
        figures=figures,
        table=rows,
    )


def interactive(run: RunRecord) -> Interactive:
    """What a reader can point at on the HTML page: the coefficients of the family."""
    return Interactive() if run.derivation is None else family_parts(run.derivation)


def trained_table(run: RunRecord) -> pd.DataFrame:
    """Every network by phi, by :data:`TRAINED_NETWORKS`."""
    bounds = intervals(run)
    steps = {step.upper.key: step for step in family_evidence(run).steps}
    return TRAINED_NETWORKS.frame(
        TrainedRow(candidate=c, interval=bounds.get(c.key), step=steps.get(c.key))
        for c in sorted(run.candidates, key=lambda c: c.phi)
    )
