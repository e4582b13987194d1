"""The page of a measure command: the times first, then how far they can be trusted and what they mean."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from scalesearch.belief.timing import UNSTABLE
from scalesearch.records import MeasureRecord
from scalesearch.report.inputs import input_text
from scalesearch.report.machine_facts import machine_facts
from scalesearch.report.markdown import bullets, code, escape, plural, si, table, time_text
from scalesearch.report.measure.rows import MeasureRow, common_label
from scalesearch.report.measure.sections import (
    MOST_ROWS,
    conditions,
    cut,
    every_figure,
    law_says,
    panel_titles,
    without_figure,
)
from scalesearch.report.page_parts import FigureText, elapsed, figure_part, section
from scalesearch.report.provenance import PLAIN_COUNTS, how_it_was_made
from scalesearch.report.sentences import listed

__all__ = ["measure_page"]

FIGURES: Mapping[str, FigureText] = {
    "latency": (
        "Latency of each network, by setup",
        "How to read it: lower is faster; a pass is one of the whole batch, and the axis is logarithmic. An "
        "interval that cannot be seen is smaller than the dot: the next figure shows it.",
    ),
    "spread": (
        "Spread of the samples and interval of the median, by setup",
        "How to read it: everything in percent of the network's own median. Bars are the middle half of all "
        "samples, thin lines the 95% interval of the median, dashes the fresh processes' own medians; what "
        "leaves the panel goes on outside. Two networks whose intervals overlap may differ all the same: "
        "`scalesearch compare` tells.",
    ),
    "throughput": (
        "Multiply-adds per second against multiply-adds, by setup",
        "How to read it: if equal multiply-adds took equal time, all networks would stand at one height. The "
        "slanted lines are equal images per second.",
    ),
    "memory": (
        "Peak memory of each network, by setup",
        "How to read it: the most bytes that were allocated at once during one pass, weights included.",
    ),
    "law": (
        "Latency as predicted by the cost law against latency as measured",
        "How to read it: on the line the law is right. Each network is predicted by a law that was fitted "
        "without it.",
    ),
}
MOST_COLUMNS = 6
"""Setups that stand beside one another in the answer's table; more of them stand below one another."""
MOST_LISTED = 12
EQUAL_PACE = 1.1
"""Networks whose multiply-adds per second lie within this factor are said to keep one pace."""


def measure_page(record: MeasureRecord, rows: Sequence[MeasureRow], figures: Collection[str]) -> str:
    """The report as Markdown. ``figures`` names those that were drawn."""
    parts = [
        f"# {escape(record.name)}: measured",
        _unfinished(rows),
        _answer(rows),
        _stability(rows),
        _efficiency(rows),
        section("Without a figure", without_figure(rows)),
        "## Figures" if figures else "",
        *(figure_part(name, FIGURES, figures) for name in FIGURES if name in figures),
        section("Every figure", every_figure(rows)),
        section("What the cost law says", law_says(rows)),
        section("The machine meanwhile", conditions(rows)),
        section("How to read this page", _glossary()),
        how_it_was_made(
            command=record.command,
            facts=_facts(record, rows),
            settings=record.settings,
            machine=machine_facts(record.machines),
            versions=record.versions,
        ),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _unfinished(rows: Sequence[MeasureRow]) -> str:
    waiting = sum(row.measurement.outcome == "waiting" for row in rows)
    if not waiting:
        return ""
    return (
        f"> **This run is not finished:** {waiting} of its {plural(len(rows), 'measurement')} still "
        f"{'waits' if waiting == 1 else 'wait'} for processes. `scalesearch resume DIR`, with the folder of "
        "this page for DIR, carries on."
    )


def _answer(rows: Sequence[MeasureRow]) -> str:
    """The medians, networks down and setups across."""
    panels = panel_titles(rows)
    if not any(row.summary for row in rows):
        return "**Nothing was measured.** The reasons are below."
    shared = common_label(setup for _, setup in panels)
    machines = list(dict.fromkeys(machine for machine, _ in panels))
    where = f"machine{'s' * (len(machines) > 1)} {listed([code(machine) for machine in machines])}"
    text = f"**Median time of one pass of a whole batch**, on {where}" + (f": {shared}." if shared else ".")
    by_name = {(row.measurement.name, row.panel): row for row in rows}
    names = list(dict.fromkeys(row.measurement.name for row in rows))
    if len(panels) > MOST_COLUMNS:
        cells = [
            (escape(row.measurement.name), escape(panels[row.panel]), _time(row)) for row in rows[:MOST_ROWS]
        ]
        return f"{text}\n\n{table(('network', 'setup', 'median'), cells, left=2)}{cut(rows)}"
    first = {row.measurement.name: row.measurement for row in reversed(rows)}
    cells_by_name = [
        [
            escape(name),
            input_text(first[name]),
            si(first[name].macs),
            *(_time(by_name[name, key]) if (name, key) in by_name else "" for key in panels),
        ]
        for name in names[:MOST_ROWS]
    ]
    header = ("network", "input", "MACs", *(escape(title) for title in panels.values()))
    return f"{text}\n\n{table(header, cells_by_name)}{cut(names, 'network')}"


def _time(row: MeasureRow) -> str:
    if row.summary is None:
        return row.measurement.outcome
    return time_text(row.summary.median_s) + (" (unstable)" if row.summary.unstable else "")


def _stability(rows: Sequence[MeasureRow]) -> str:
    known = [row for row in rows if row.summary]
    if not known:
        return ""
    shaky = [row for row in known if row.summary and row.summary.unstable]
    single = [row for row in known if row.summary and row.summary.processes == 1]
    alone = (
        f" {plural(len(single), 'figure')} of {len(known)} from one process alone: such an interval says "
        "nothing of how far another process would differ."
        if single
        else ""
    )
    if not shaky:
        return (
            f"**No figure is unstable:** the interquartile range is within {UNSTABLE:.0%} of the median in "
            f"all {len(known)}.{alone}"
        )
    panels = panel_titles(rows)
    named = [f"{escape(row.measurement.name)} ({escape(panels[row.panel])})" for row in shaky[:MOST_LISTED]]
    named += [f"{len(shaky) - MOST_LISTED} more"] if len(shaky) > MOST_LISTED else []
    are = "is" if len(shaky) == 1 else "are"
    return (
        f"**{len(shaky)} of {plural(len(known), 'figure')} {are} unstable:** the interquartile range is "
        f"over {UNSTABLE:.0%} of the median. Something else kept the machine busy, or it changes its pace; "
        f"do not quote {'it' if len(shaky) == 1 else 'them'}: {listed(named)}.{alone}"
    )


def _efficiency(rows: Sequence[MeasureRow]) -> str:
    """How far multiply-adds per second differ within one setup, where they differ most."""
    widest: tuple[float, MeasureRow, MeasureRow] | None = None
    for key in dict.fromkeys(row.panel for row in rows):
        steady = [row for row in rows if row.panel == key and row.summary and not row.summary.unstable]
        rates = [(row.macs_per_s, row) for row in steady if row.macs_per_s is not None]
        if len({row.measurement.macs for _, row in rates}) < 2:
            continue
        slow, fast = min(rates, key=lambda rate: rate[0]), max(rates, key=lambda rate: rate[0])
        if widest is None or fast[0] / slow[0] > widest[0]:
            widest = (fast[0] / slow[0], slow[1], fast[1])
    if widest is None:
        return ""
    times, slow_row, fast_row = widest
    if times < EQUAL_PACE:
        shaky = any(row.summary and row.summary.unstable for row in rows)
        those = "the networks whose figure is not unstable" if shaky else "the networks"
        return (
            f"**MACs tell time here:** within each setup, {those} differ by less than "
            f"{EQUAL_PACE - 1:.0%} in multiply-adds per second."
        )
    return (
        f"**Equal MACs are not equal time:** with {escape(panel_titles(rows)[slow_row.panel])}, "
        f"{escape(fast_row.measurement.name)} gets through {si(fast_row.macs_per_s or 0.0)} multiply-adds a "
        f"second and {escape(slow_row.measurement.name)} through {si(slow_row.macs_per_s or 0.0)}: "
        f"{times:.2f} times as many."
    )


def _glossary() -> str:
    return bullets(
        (
            "**Latency** is the time of one pass of a whole batch: in inference one forward pass in eval "
            "mode, in training one whole step (forward, loss, backward and an AdamW update). Images per "
            "second are the batch over the median.",
            "**Median** is that of the fresh processes' medians: processes differ from one another by more "
            "than the samples within one, so each counts as one observation.",
            "**95% interval** is that of the median: the wider of a bootstrap of processes and of samples "
            "within them, and of Student's t on the processes' medians. With three processes it is wide, and "
            "has to be; more processes (`--processes`) narrow it.",
            "**Unstable** is a figure whose interquartile range, over the samples of all processes, is more "
            f"than {UNSTABLE:.0%} of the median.",
            "**Peak memory** is what torch's own allocator had handed out at most during one pass: weights, "
            "the images, activations and, in training, gradients and AdamW's state. It sees neither "
            "the interpreter nor libraries nor what a GPU driver keeps for itself. For ONNX Runtime on a CPU "
            "it is the growth of the process's resident memory. **Its tensors** are what of it is the "
            "network's, by closed form, the same on any machine; the rest is what kernels take beside them "
            "here. They are known of torch's eager runtime in float32.",
            f"**MACs**: {PLAIN_COUNTS} Multiply-adds per second are those of the forward pass, in training "
            "too.",
            "**Machine** is the key of the machine and of what decides speed on it, below. Figures of "
            "different machines stand apart and are not compared.",
            "**Files**: `measurements.csv` has every figure unrounded, `samples.csv` every raw sample, "
            "`timm.csv` the inference rows in the columns of timm's benchmark results (whose own gmacs count "
            "a little more than the MACs here).",
        )
    )


def _facts(record: MeasureRecord, rows: Sequence[MeasureRow]) -> list[str]:
    processes = sum(len(row.measurement.processes) for row in rows)
    samples = sum(len(samples) for row in rows for samples in row.measurement.samples_s)
    return [
        f"{elapsed(record)}.",
        f"Measured: {samples:,} samples in {processes:,} fresh processes, one after the other.",
        "Timer: torch.utils.benchmark, after warming up; compilation is no part of a sample.",
    ]
