"""The page and tables of a measurement."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from scalesearch.commands.measure.figures import (
    latency_figure,
    law_figure,
    memory_figure,
    spread_figure,
    throughput_figure,
)
from scalesearch.commands.measure.rows import (
    MeasureRow,
    check_machines,
    common_label,
    measure_rows,
    setup_titles,
)
from scalesearch.files import write_text
from scalesearch.page.evidence import INPUT_WIDTH, input_text, with_input_width
from scalesearch.page.html.page import write_pages
from scalesearch.page.markdown import (
    binary,
    bullets,
    code,
    escape,
    listed,
    percent,
    plural,
    si,
    signed_percent,
    table,
    time_text,
)
from scalesearch.page.parts import (
    FigureText,
    elapsed,
    figure_part,
    how_it_was_made,
    machine_facts,
    section,
    words_and_numbers,
)
from scalesearch.page.style import write_figures
from scalesearch.page.tables import csv_text, frame
from scalesearch.records import CostLaw, MeasurementRecord, MeasureRecord, Setup
from scalesearch.statistics.timing import UNSTABLE, TimingSummary

# ----------------------------------------------------------------------------------------------------
# The tables of a measure command's page: every figure, what has none, what a law says, the conditions.

HOPELESS = 100
"""An interval with ends further apart than this factor bounds nothing."""
MOST_ROWS = 120
"""Rows of the page's longest tables; ``measurements.csv`` has all."""


def panel_titles(rows: Sequence[MeasureRow]) -> dict[tuple[str, Setup], str]:
    """A title for each machine and setup, in the order of the run."""
    keys = list(dict.fromkeys(row.panel for row in rows))
    titles = setup_titles(setup for _, setup in keys)
    several = len({machine for machine, _ in keys}) > 1
    return {key: (f"machine {key[0]}: " if several else "") + titles[key[1]] for key in keys}


def cut(rows: Sequence[object], noun: str = "row") -> str:
    """That a table of ``rows`` was cut, where it was."""
    more = len(rows) - MOST_ROWS
    return f"\n\n{plural(more, f'more {noun}')} in `measurements.csv`." if more > 0 else ""


def without_figure(rows: Sequence[MeasureRow]) -> str:
    """The rows that could not be measured, and why; empty where there are none."""
    missing = [row for row in rows if row.summary is None and row.measurement.outcome != "waiting"]
    if not missing:
        return ""
    panels, found = panel_titles(rows), any(row.measurement.largest_batch is not None for row in missing)
    header = ("network", "setup", "outcome", "reason", *(["largest batch that fits"] if found else []))
    cells = [
        (
            escape(row.measurement.name),
            escape(panels[row.panel]),
            row.measurement.outcome,
            escape(row.measurement.reason),
            *([_count(row.measurement.largest_batch)] if found else []),
        )
        for row in missing[:MOST_ROWS]
    ]
    return table(header, cells, left=4) + cut(missing)


def _count(value: int | None) -> str:
    return "" if value is None else str(value)


def every_figure(rows: Sequence[MeasureRow]) -> str:
    """Every row with all that is derived from its samples."""
    known = [row for row in rows if row.summary is not None]
    if not known:
        return ""
    panels, found = panel_titles(rows), any(row.measurement.largest_batch is not None for row in known)
    header = [
        "network",
        "setup",
        "median",
        "95% interval",
        "IQR",
        "p90",
        "images/s",
        "peak memory",
        "its tensors",
    ]
    header += [*(["largest batch"] if found else []), "samples", "machine"]
    cells = []
    for row in known[:MOST_ROWS]:
        summary, measurement = row.summary, row.measurement
        assert summary is not None
        cells.append(
            (
                escape(measurement.name),
                escape(panels[row.panel]),
                time_text(summary.median_s),
                _interval(summary),
                percent(summary.spread) + (" **unstable**" if summary.unstable else ""),
                time_text(summary.p90_s),
                f"{row.images_per_s:,.3g}" if (row.images_per_s or 0) < 1000 else f"{row.images_per_s:,.0f}",
                binary(measurement.peak_bytes) if measurement.peak_bytes else "",
                binary(measurement.tensor_bytes) if measurement.tensor_bytes else "",
                *([_count(measurement.largest_batch)] if found else []),
                f"{summary.processes} x {summary.samples / summary.processes:.3g}",
                code(measurement.machine),
            )
        )
    return (
        f"IQR is the interquartile range as a share of the median; samples: processes x samples of each.\n\n"
        f"{table(header, cells, left=2)}{cut(known)}"
    )


def _interval(summary: TimingSummary) -> str:
    if summary.high_s > HOPELESS * summary.low_s:
        return "not known: processes disagree"
    return f"{time_text(summary.low_s).removesuffix(' ms')} to {time_text(summary.high_s)}"


def law_says(rows: Sequence[MeasureRow]) -> str:
    """Predictions beside measurements; empty where no law was given."""
    predicted = [row for row in rows if row.prediction is not None]
    if not predicted:
        return ""
    panels = panel_titles(rows)
    judged = [row for row in predicted if row.prediction and row.prediction.error is not None]
    errors = [
        abs(row.prediction.error) for row in judged if row.prediction and row.prediction.error is not None
    ]
    laws = "laws are" if len({row.panel for row in judged}) > 1 else "law is"
    said = (
        f"The {laws} off by {percent(median(errors))} in the median and by {percent(max(errors))} at worst, "
        f"over {plural(len(errors), 'figure')}. "
        if errors
        else ""
    )
    cells = [
        (
            escape(row.measurement.name),
            escape(panels[row.panel]),
            time_text(row.prediction.seconds),
            time_text(row.summary.median_s) if row.summary else row.measurement.outcome,
            signed_percent(row.prediction.error) if row.prediction.error is not None else "",
        )
        for row in predicted[:MOST_ROWS]
        if row.prediction is not None
    ]
    return (
        f"{said}Networks that the law was fitted on are predicted by one fitted without them.\n\n"
        + table(("network", "setup", "predicted", "measured", "error"), cells, left=2)
        + cut(predicted)
    )


def conditions(rows: Sequence[MeasureRow]) -> str:
    """What the processes saw of the machine around them, all taken together."""
    seen = [
        values
        for row in rows
        for process in row.measurement.processes
        for values in _flat(process.conditions)
    ]
    said = []
    for label, words in (
        ("load_1m", "Load (processes that wanted a core, mean over a minute, the timed one among them)"),
        ("sm_mhz", "GPU clock (MHz)"),
        ("memory_mhz", "GPU memory clock (MHz)"),
        ("temperature_c", "GPU temperature (degrees Celsius)"),
        ("power_w", "GPU power (W)"),
    ):
        values = [value for key, value in seen if key == label and isinstance(value, int | float)]
        if values:
            low, middle, high = (_short(value) for value in (min(values), median(values), max(values)))
            said.append(f"{words}: {low} to {high}, median {middle}.")
    lists = [value for key, value in seen if key == "throttle" and isinstance(value, list | tuple)]
    if lists:
        reasons = sorted({str(reason) for value in lists for reason in value} - {"idle"})
        said.append(f"Reasons for lower GPU clocks: {escape(listed(reasons)) if reasons else 'none'}.")
    return bullets(said) if said else ""


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _flat(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value)
        else:
            yield key, value


# ----------------------------------------------------------------------------------------------------
# Measurements as tables: a row per network and setup, a row per raw sample, and rows as timm writes them.

SETUP_COLUMNS = ("mode", "runtime", "dtype", "channels_last", "batch_size", "threads", "device")
MEASUREMENT_COLUMNS = (
    *("name", "key", "resolution", "params", "macs", "activations", "layers"),
    *SETUP_COLUMNS,
    *("machine", "outcome", "reason", "samples", "processes"),
    *("latency_median_s", "latency_iqr_s", "latency_p90_s", "latency_low_s", "latency_high_s", "unstable"),
    *("images_per_s", "peak_bytes", "tensor_bytes", "largest_batch", "predicted_s", "prediction_error"),
)
SAMPLE_COLUMNS = ("name", "key", *SETUP_COLUMNS, "machine", "process", "sample", "seconds")
TIMM_COLUMNS = (
    *("model", "infer_img_size", "infer_samples_per_sec", "infer_step_time", "infer_batch_size"),
    *("param_count", "infer_gmacs", "infer_macts"),
)


def measurements_table(record: MeasureRecord, laws: Sequence[CostLaw] = ()) -> pd.DataFrame:
    """One row per network and setup, columns :data:`MEASUREMENT_COLUMNS`; what is unknown is missing.

    Latencies are seconds for one pass of a whole batch: ``latency_low_s`` and ``latency_high_s`` bound the
    95% interval of the median across processes. ``unstable`` is ``yes`` where the interquartile range is over
    10% of the median. ``predicted_s`` is a law's prediction for the network, by a law not fitted on it,
    ``prediction_error`` its relative error.
    """
    columns = with_input_width(MEASUREMENT_COLUMNS, record.measurements)
    return frame([_cells(row) for row in measure_rows(record, laws)], columns)


def samples_table(record: MeasureRecord) -> pd.DataFrame:
    """One row per raw sample, columns :data:`SAMPLE_COLUMNS`: ``process`` and ``sample`` count from 1."""
    rows = []
    for measurement in record.measurements:
        shared = _setup_cells(measurement)
        rows += [
            shared | {"process": process, "sample": sample, "seconds": seconds}
            for process, samples in enumerate(measurement.samples_s, 1)
            for sample, seconds in enumerate(samples, 1)
        ]
    return frame(rows, SAMPLE_COLUMNS, exact=("seconds",))


def timm_table(record: MeasureRecord) -> pd.DataFrame:
    """Inference as timm's benchmark results list it, columns :data:`TIMM_COLUMNS`, rounded as there.

    ``infer_step_time`` is in milliseconds for a whole batch, ``param_count``, ``infer_gmacs`` and
    ``infer_macts`` in millions, billions and millions. Published EfficientNets go by timm's names. Rows
    without a figure are left out, as are training steps; that rows differ in dtype, threads or runtime cannot
    be seen in these columns.
    """
    rows = [
        {
            "model": re.sub(r"^efficientnet-([bl]\d)$", r"efficientnet_\1", row.measurement.name),
            "infer_img_size": _image_size(row.measurement),
            "infer_samples_per_sec": round(row.images_per_s or 0.0, 2),
            "infer_step_time": round(1e3 * row.summary.median_s, 3),
            "infer_batch_size": row.measurement.setup.batch_size,
            "param_count": round(row.measurement.params / 1e6, 2),
            "infer_gmacs": round(row.measurement.macs / 1e9, 2),
            "infer_macts": round(row.measurement.activations / 1e6, 2),
        }
        for row in measure_rows(record)
        if row.summary is not None and row.measurement.setup.mode == "inference"
    ]
    return frame(rows, TIMM_COLUMNS)


def _image_size(measurement: MeasurementRecord) -> int | str:
    height, width = measurement.resolution, measurement.resolution_width
    return height if width is None else f"{height}x{width}"


def _cells(row: MeasureRow) -> dict[str, Any]:
    measurement, summary, prediction = row.measurement, row.summary, row.prediction
    cells: dict[str, Any] = {
        name: getattr(measurement, name)
        for name in (
            *("resolution", INPUT_WIDTH, "params", "macs", "activations", "layers"),
            *("peak_bytes", "tensor_bytes", "largest_batch"),
        )
    }
    cells |= _setup_cells(measurement)
    cells |= {
        "outcome": measurement.outcome,
        "reason": measurement.reason,
        "samples": sum(map(len, measurement.samples_s)),
        "processes": len(measurement.processes),
        "images_per_s": row.images_per_s,
    }
    if summary is not None:
        cells |= {f"latency_{name}_s": getattr(summary, f"{name}_s") for name in ("median", "iqr", "p90")}
        cells |= {"latency_low_s": summary.low_s, "latency_high_s": summary.high_s}
        cells["unstable"] = "yes" if summary.unstable else "no"
    if prediction is not None:
        cells |= {"predicted_s": prediction.seconds, "prediction_error": prediction.error}
    return cells


def _setup_cells(measurement: MeasurementRecord) -> dict[str, Any]:
    setup = measurement.setup
    return {name: getattr(setup, name) for name in SETUP_COLUMNS} | {
        "name": measurement.name,
        "key": measurement.key,
        "machine": measurement.machine,
        "channels_last": "yes" if setup.channels_last else "no",
    }


# ----------------------------------------------------------------------------------------------------
# The page of a measure command: the times first, then how far they can be trusted and what they mean.

FIGURES: Mapping[str, FigureText] = {
    "latency": (
        "Latency of each network, by setup",
        "How to read it: lower is faster; a pass is one of the whole batch, and the axis is logarithmic. An "
        "interval that cannot be seen is smaller than the dot: the next figure shows it.",
    ),
    "spread": (
        "Spread of the samples and interval of the median, by setup",
        "How to read it: in percent of the network's own median. Bars are the middle half of all samples, "
        "thin lines the 95% interval of the median, dashes the medians of processes. Whether two networks "
        "differ is told by `scalesearch compare`.",
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
        how_it_was_made(
            command=record.command,
            facts=_facts(record, rows),
            settings=record.settings,
            machine=machine_facts(record.machines),
            versions=record.versions,
        ),
        words_and_numbers(
            "measurements.csv",
            "samples.csv",
            *(["timm.csv"] if any(row.measurement.setup.mode == "inference" for row in rows) else []),
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


def _facts(record: MeasureRecord, rows: Sequence[MeasureRow]) -> list[str]:
    processes = sum(len(row.measurement.processes) for row in rows)
    samples = sum(len(samples) for row in rows for samples in row.measurement.samples_s)
    return [
        f"{elapsed(record)}.",
        f"Measured: {samples:,} samples in {processes:,} fresh processes, one after the other.",
        "Timer: torch.utils.benchmark, after warming up; compilation is no part of a sample.",
    ]


# ----------------------------------------------------------------------------------------------------
# A finished measure command as tables, figures and a page.


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeasureReport:
    """What was written, and the table a caller prints.

    Attributes:
        page: ``report.md``.
        measurements_csv: ``measurements.csv``, one row per network and setup.
        samples_csv: ``samples.csv``, one row per raw sample.
        timm_csv: ``timm.csv``, as timm lists its own results; None where no inference was measured.
        figures: the figures that could be drawn, SVG and PNG.
        table: the table of ``measurements_csv``.
    """

    page: Path
    measurements_csv: Path
    samples_csv: Path
    timm_csv: Path | None
    figures: tuple[Path, ...]
    table: pd.DataFrame


def write_measure_report(
    record: MeasureRecord, out: Path, laws: Sequence[CostLaw] = (), *, mix_machines: bool = False
) -> MeasureReport:
    """Write tables, ``report.md`` and ``figures/`` of ``record`` into ``out``.

    The same record gives the same bytes. A figure without data is left out.

    Args:
        record: what was measured.
        out: the folder.
        laws: cost laws whose predictions are shown beside what they predict; others are passed over.
        mix_machines: whether several machines may stand in one report, in panels of their own.

    Raises:
        ValueError: if there are several machines and ``mix_machines`` is not set.
        OSError: if ``out`` cannot be made or written.
    """
    check_machines(record.measurements, mix_machines=mix_machines)
    rows = measure_rows(record, laws)
    figures = write_figures(
        {
            "latency": latency_figure(rows),
            "spread": spread_figure(rows),
            "throughput": throughput_figure(rows),
            "memory": memory_figure(rows),
            "law": law_figure(rows),
        },
        out / "figures",
    )
    table, timm = measurements_table(record, laws), timm_table(record)
    timm_csv = out / "timm.csv"
    if len(timm):
        write_text(timm_csv, csv_text(timm))
    else:
        timm_csv.unlink(missing_ok=True)
    return MeasureReport(
        measurements_csv=write_text(out / "measurements.csv", csv_text(table)),
        samples_csv=write_text(out / "samples.csv", csv_text(samples_table(record))),
        timm_csv=timm_csv if len(timm) else None,
        page=write_pages(out / "report.md", measure_page(record, rows, {path.stem for path in figures})),
        figures=figures,
        table=table,
    )
