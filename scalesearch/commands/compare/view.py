"""The page, table and figure of a comparison."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from scalesearch.commands.measure.rows import common_label, setup_titles
from scalesearch.commands.measure.view import MEASUREMENTS, TitledRow
from scalesearch.files import write_text
from scalesearch.page.columns import Cell, Column, Columns
from scalesearch.page.html.page import Report, write_pages
from scalesearch.page.markdown import plain_lines
from scalesearch.page.parts import FOLDER, Made, PageTable, Steps, machine_facts, made_of, steps
from scalesearch.page.style import (
    COLOURS,
    GREY,
    INK,
    house_style,
    legend_below,
    legend_mark,
    new_figure,
    plain,
    write_figures,
)
from scalesearch.page.tables import csv_text
from scalesearch.page.templates import page, part
from scalesearch.records import CompareRecord, MeasurementRecord
from scalesearch.statistics.timing import (
    RatioSummary,
    TimingSummary,
    log_blocks,
    ratio_of_pairs,
    ratio_of_samples,
    summarise,
)
from scalesearch.text import without_options

# ----------------------------------------------------------------------------------------------------
# The figure of a comparison: the ratio of the times, process by process, with its interval.

DOT, BAND = COLOURS["highest"], COLOURS["paper"]
WIDTH = 0.34
"""Half of the room that a process's dots take up along the axis, in which they stand in their order."""
LEAST = 0.02
"""The axis shows at least this far above and below a ratio, so that noise does not look like a difference."""
FURTHEST = 3.0
"""The axis shows no end of the interval further than this factor from the ratio."""


def compare_figure(
    record: CompareRecord, ratio: RatioSummary | None, names: tuple[str, str]
) -> Figure | None:
    """Ratios by process with the interval, or the samples of both sides where they were not timed in turn.

    None where there is nothing to compare.
    """
    if ratio is None:
        return None
    with house_style():
        figure = new_figure("Time of B over time of A" if record.pairs else "Time of A and of B", 4.8)
        axes = figure.subplots()
        axes.set_title(f"A: {plain(names[0])}\nB: {plain(names[1])}", pad=8)
        if record.pairs:
            _ratios(axes, record, ratio)
            handles = [
                legend_mark("o", "a block A B B A, in order", "white", fill=DOT),
                legend_mark("_", "median of one process", INK, width=1.6),
                Line2D([], [], color=BAND, linewidth=7, alpha=0.25, label="95% interval of the ratio"),
                Line2D([], [], color=BAND, linewidth=1.6, label="ratio"),
                Line2D([], [], color=GREY, linewidth=1, linestyle=(0, (4, 2)), label="no difference"),
            ]
        else:
            _draw_sides(axes, record)
            handles = [
                legend_mark("o", "one sample, in order", "white", fill=DOT),
                legend_mark("_", "median of one process", INK, width=1.6),
            ]
        legend_below(figure, handles, 3)
    return figure


def _ratios(axes: Axes, record: CompareRecord, ratio: RatioSummary) -> None:
    blocks = [np.exp(log_blocks(pairs)) for pairs in record.pairs]
    axes.axhline(1, color=GREY, linewidth=1, linestyle=(0, (4, 2)), zorder=1)
    axes.axhspan(ratio.low, ratio.high, color=BAND, alpha=0.25, linewidth=0, zorder=1)
    axes.axhline(ratio.ratio, color=BAND, linewidth=1.6, zorder=2)
    # The process's median is taken on logarithms, as the ratio is.
    _columns(
        axes, [values.tolist() for values in blocks], [float(np.exp(np.median(np.log(b)))) for b in blocks]
    )
    _limit(axes, [float(value) for values in blocks for value in values], ratio)
    axes.set_xticks(range(len(blocks)), [str(index) for index in range(1, len(blocks) + 1)])
    axes.set_xlabel("process")
    axes.set_ylabel("time of B / time of A")


def _draw_sides(axes: Axes, record: CompareRecord) -> None:
    columns, labels = [], []
    for side, row in (("A", record.a), ("B", record.b)):
        runs = [samples for samples in row.samples_s if samples]
        columns += [[1e3 * second for second in samples] for samples in runs]
        labels += [f"{side}{index}" for index in range(1, len(runs) + 1)]
    _columns(axes, columns, [float(np.median(values)) for values in columns])
    axes.set_xticks(range(len(labels)), labels)
    axes.set_xlabel("side and process")
    axes.set_ylabel("ms for the whole batch")


def _columns(axes: Axes, columns: Sequence[Sequence[float]], medians: Sequence[float]) -> None:
    for index, (values, middle) in enumerate(zip(columns, medians, strict=True)):
        x = index + np.linspace(-WIDTH, WIDTH, len(values)) if len(values) > 1 else [index]
        size = 5 if len(columns) <= 12 else 3
        axes.plot(x, values, "o", color=DOT, markersize=size, alpha=0.75, markeredgecolor="white", zorder=3)
        axes.plot([index - WIDTH, index + WIDTH], [middle, middle], color=INK, linewidth=1.6, zorder=4)
    axes.set_xlim(-0.6, len(columns) - 0.4)


def _limit(axes: Axes, shown: Sequence[float], ratio: RatioSummary) -> None:
    """All dots and a ratio of 1, a little around the ratio, and of an interval that bounds nothing a part."""
    middle = ratio.ratio
    low = min(*shown, 1, middle * (1 - LEAST), max(ratio.low, middle / FURTHEST))
    high = max(*shown, 1, middle * (1 + LEAST), min(ratio.high, middle * FURTHEST))
    axes.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))


# ----------------------------------------------------------------------------------------------------
# A comparison of two networks or setups: how many times as long the one takes as the other.

PAIRS: Columns[tuple[int, int, float, float]] = Columns(
    columns=(
        Column(name="process", value=lambda pair: pair[0]),
        Column(name="pair", value=lambda pair: pair[1]),
        Column(name="a_s", value=lambda pair: pair[2], kind="exact"),
        Column(name="b_s", value=lambda pair: pair[3], kind="exact"),
        Column(name="ratio", value=lambda pair: pair[3] / pair[2]),
    )
)
"""Of ``pairs.csv``: a row per pair that was timed in turn; processes and pairs count from 1."""

SAMPLES: Columns[tuple[str, MeasurementRecord, int, int, float]] = Columns(
    columns=(
        Column(name="side", value=lambda sample: sample[0]),
        Column(name="name", value=lambda sample: sample[1].name),
        Column(name="machine", value=lambda sample: sample[1].machine),
        Column(name="process", value=lambda sample: sample[2]),
        Column(name="sample", value=lambda sample: sample[3]),
        Column(name="seconds", value=lambda sample: sample[4], kind="exact"),
    )
)
"""Of ``samples.csv``: a row per sample, where the two were not timed in turn."""


def _ratio(name: str, value: Callable[[RatioSummary], Any]) -> Column[CompareRecord]:
    return Column(
        name=name,
        value=lambda record: None if (ratio := compare_ratio(record)) is None else value(ratio),
        terminal=Cell(),
    )


COMPARISONS: Columns[CompareRecord] = Columns(
    columns=(
        Column(name="a", value=lambda record: _names(record)[0], terminal=Cell()),
        Column(name="b", value=lambda record: _names(record)[1], terminal=Cell()),
        _ratio("ratio", lambda ratio: ratio.ratio),
        _ratio("ratio_low", lambda ratio: ratio.low),
        _ratio("ratio_high", lambda ratio: ratio.high),
        _ratio("difference", lambda ratio: "shown" if ratio.shown else "not shown"),
    )
)
"""A row for each comparison: the time of B over that of A; missing where one of the two has no samples."""


def compare_ratio(record: CompareRecord) -> RatioSummary | None:
    """Time of B over time of A; None where one of them has no samples."""
    if record.pairs:
        return ratio_of_pairs(record.pairs)
    if not (any(record.a.samples_s) and any(record.b.samples_s)):
        return None
    return ratio_of_samples(*([s for s in side.samples_s if s] for side in (record.a, record.b)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What a comparison comes to; the ratio and its interval are texts, empty without samples of both.

    Attributes:
        a: what A goes by.
        b: what B goes by.
        ratio: how many times as long B takes.
        low: the lower end of its 95% interval.
        high: the upper one.
        shown: whether a difference is shown.
        reasons: why a side has no samples.
        processes: that timed both.
        unstable: the sides whose times are, with the interquartile range over the median.
        machines: their keys.
        in_turn: whether the two were timed in turn.
    """

    a: str
    b: str
    ratio: str = ""
    low: str = ""
    high: str = ""
    shown: bool = False
    reasons: Sequence[str] = ()
    processes: int = 0
    unstable: Sequence[tuple[str, float]] = ()
    machines: Sequence[str] = ()
    in_turn: bool = False


def comparison(record: CompareRecord) -> Comparison:
    """What the page and the terminal say of it."""
    ratio, (a, b) = compare_ratio(record), _names(record)
    if ratio is None:
        missing = [(side, row) for side, row in _sides(record) if not any(row.samples_s)]
        return Comparison(a=a, b=b, reasons=[f"{side}: {row.reason or row.outcome}" for side, row in missing])
    summaries = [(side, _summary(row)) for side, row in _sides(record)]
    return Comparison(
        a=a,
        b=b,
        ratio=_three(ratio.ratio),
        low=_three(ratio.low),
        high=_three(ratio.high),
        shown=ratio.shown,
        processes=ratio.processes,
        unstable=[(side, summary.spread) for side, summary in summaries if summary and summary.unstable],
        machines=sorted({row.machine for _, row in _sides(record)}),
        in_turn=bool(record.pairs),
    )


def compare_lines(record: CompareRecord) -> tuple[str, ...]:
    """What came out, in plain lines: the verdict with ratio and interval, then what may be wrong with it."""
    values = comparison(record)
    told = (part("commands/compare/answer.md.j2", name, values) for name in ("verdict", "doubts"))
    return tuple(line for text in told for line in plain_lines(text))


def _three(ratio: float) -> str:
    """Three digits, and one more just above 1, where it matters."""
    if 0.1 <= ratio < 1.1:
        return f"{ratio:.3f}"
    return f"{ratio:.2f}" if 1.1 <= ratio < 10 else f"{ratio:,.3g}" if ratio < 1000 else f"{ratio:,.0f}"


def _sides(record: CompareRecord) -> tuple[tuple[str, MeasurementRecord], tuple[str, MeasurementRecord]]:
    return ("A", record.a), ("B", record.b)


def _names(record: CompareRecord) -> tuple[str, str]:
    """What tells the two apart: their networks, and their setups where these differ."""
    a, b = record.a, record.b
    if a.setup == b.setup:
        return a.name, b.name
    titles = setup_titles((a.setup, b.setup))
    return f"{a.name} ({titles[a.setup]})", f"{b.name} ({titles[b.setup]})"


def _summary(row: MeasurementRecord) -> TimingSummary | None:
    samples = [process for process in row.samples_s if process]
    return summarise(samples) if samples else None


def comparisons_table(records: Sequence[CompareRecord]) -> pd.DataFrame:
    """A row for each comparison, by :data:`COMPARISONS`."""
    return COMPARISONS.frame(records)


def samples_table(record: CompareRecord) -> pd.DataFrame:
    """The raw pairs, by :data:`PAIRS`; without pairs the raw samples, by :data:`SAMPLES`."""
    if record.pairs:
        return PAIRS.frame(
            (process, index, a, b)
            for process, several in enumerate(record.pairs, 1)
            for index, (a, b) in enumerate(several, 1)
        )
    return SAMPLES.frame(
        (side, row, process, index, seconds)
        for side, row in _sides(record)
        for process, several in enumerate(row.samples_s, 1)
        for index, seconds in enumerate(several, 1)
    )


def write_compare_report(record: CompareRecord, out: Path) -> Report:
    """Write ``report.md``, the raw samples as CSV and ``figures/`` of ``record`` into ``out``.

    The same record gives the same bytes.

    Raises:
        OSError: if ``out`` cannot be made or written.
    """
    ratio, names = compare_ratio(record), _names(record)
    figures = write_figures({"ratio": compare_figure(record, ratio, names)}, out / "figures")
    kept, left = ("pairs.csv", "samples.csv") if record.pairs else ("samples.csv", "pairs.csv")
    (out / left).unlink(missing_ok=True)
    write_text(out / kept, csv_text(samples_table(record)))
    return Report(
        page=write_pages(out / "report.md", _page(record, kept, drawn=bool(figures))),
        figures=figures,
        table=comparisons_table([record]),
        answer=compare_lines(record),
    )


SHOWN = ("name", "title", "resolution", "macs", "median_or_outcome", "latency_iqr_s", "machine")
"""What a page shows of each side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparePage:
    """What the page shows.

    Attributes:
        name: of the comparison.
        comparison: what it comes to.
        shared: the setup, or what the setups of both sides have in common.
        table: a row for each side.
        drawn: whether there is a figure.
        pairs: timed in turn.
        samples: of each side.
        kept: the table of the raw ones.
        seconds: that it took.
        steps: what to do next.
        made: how it was made.
    """

    name: str
    comparison: Comparison
    shared: str
    table: PageTable
    drawn: bool
    pairs: int
    samples: tuple[int, int]
    kept: str
    seconds: float
    steps: Steps
    made: Made


def _page(record: CompareRecord, kept: str, *, drawn: bool) -> str:
    values, titles = comparison(record), setup_titles((record.a.setup, record.b.setup))
    return page(
        "commands/compare/page.md.j2",
        ComparePage(
            name=record.name,
            comparison=values,
            shared=common_label(titles) if len(titles) > 1 else record.a.setup.label,
            table=MEASUREMENTS.table(
                [
                    TitledRow(
                        measurement=replace(row, name=f"{side}: {row.name}"),
                        summary=_summary(row),
                        prediction=None,
                        title=titles[row.setup],
                    )
                    for side, row in _sides(record)
                ],
                heads={"median_or_outcome": "median"},
                only=[name for name in SHOWN if name != "title" or len(titles) > 1],
            ),
            drawn=drawn,
            pairs=sum(map(len, record.pairs)),
            samples=(sum(map(len, record.a.samples_s)), sum(map(len, record.b.samples_s))),
            kept=kept,
            seconds=record.wall_s,
            steps=_steps(record, values),
            made=made_of(
                command=record.command,
                settings=record.settings,
                machine=machine_facts(record.machines),
                versions=record.versions,
            ),
        ),
    )


def _steps(record: CompareRecord, values: Comparison) -> Steps:
    if not record.pairs:
        return steps()
    command = without_options(record.command, ("--pairs", "--processes", "--out"))
    measure = command.replace("scalesearch compare", "scalesearch measure", 1)
    pairs, processes = max(map(len, record.pairs)), max(3, len(record.pairs))
    return steps(
        None
        if values.shown and not values.unstable
        else (
            "Four times the pairs halve the interval",
            f"{command} --processes {processes} --pairs {4 * pairs} --out {FOLDER}-more-pairs",
        ),
        ("Both with memory and images per second", f"{measure} --out {FOLDER}-measured"),
    )
