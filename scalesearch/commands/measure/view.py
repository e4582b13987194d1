"""The page and tables of a measurement."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd
from matplotlib.ticker import EngFormatter

from scalesearch.commands.measure.figures import (
    latency_figure,
    law_figure,
    memory_figure,
    spread_figure,
    throughput_figure,
)
from scalesearch.commands.measure.kept import (
    CONDITIONS_JSON,
    MEASUREMENTS_CSV,
    SAMPLES_CSV,
    conditions_text,
)
from scalesearch.commands.measure.rows import (
    MeasureRow,
    Prediction,
    check_machines,
    common_label,
    measure_rows,
    setup_titles,
)
from scalesearch.files import write_text
from scalesearch.page.columns import Cell, Column, Columns, field, never, page_only
from scalesearch.page.evidence import input_text
from scalesearch.page.html.page import Report, write_pages
from scalesearch.page.markdown import (
    Markdown,
    binary,
    code,
    percent,
    plain_lines,
    si,
    signed_percent,
    time_text,
)
from scalesearch.page.parts import (
    FOLDER,
    Made,
    PageTable,
    Steps,
    elapsed,
    machine_facts,
    made_of,
    of_baseline,
    steps,
)
from scalesearch.page.style import write_figures
from scalesearch.page.tables import any_oblong, csv_text, sides
from scalesearch.page.templates import page, part
from scalesearch.records import MeasurementRecord, MeasureRecord, Setup
from scalesearch.statistics.timing import UNSTABLE, TimingSummary
from scalesearch.text import quoted, without_options

# ----------------------------------------------------------------------------------------------------
# The tables of a measure command's page: every figure, what has none, what a law says, the conditions.

HOPELESS = 100
"""An interval with ends further apart than this factor bounds nothing."""
MOST_ROWS = 120
"""Rows of the page's longest tables; ``measurements.csv`` has all."""
SOME = ("peak_bytes", "tensor_bytes", "largest_batch")
"""Columns that a page leaves out where no row has them."""


def panel_titles(rows: Sequence[MeasureRow]) -> dict[tuple[str, Setup], str]:
    """A title for each machine and setup, in the order of the run."""
    keys = list(dict.fromkeys(row.panel for row in rows))
    titles = setup_titles(setup for _, setup in keys)
    several = len({machine for machine, _ in keys}) > 1
    return {key: (f"machine {key[0]}: " if several else "") + titles[key[1]] for key in keys}


def _titled(rows: Iterable[MeasureRow], panels: Mapping[tuple[str, Setup], str]) -> list[TitledRow]:
    return [
        TitledRow(
            measurement=row.measurement,
            summary=row.summary,
            prediction=row.prediction,
            title=panels[row.panel],
        )
        for row in rows
    ]


def _without_figure(rows: Sequence[MeasureRow]) -> PageTable | None:
    """The rows that could not be measured, and why; None where there are none."""
    missing = [row for row in rows if row.summary is None and row.measurement.outcome != "waiting"]
    if not missing:
        return None
    batches = any(row.measurement.largest_batch is not None for row in missing)
    only = ("name", "title", "outcome", "reason", *(["largest_batch"] if batches else []))
    return MEASUREMENTS.table(_titled(missing, panel_titles(rows)), only=only, most=MOST_ROWS)


def _count(value: int | None) -> str:
    return "" if value is None else str(value)


def _every_figure(rows: Sequence[MeasureRow]) -> PageTable | None:
    """Every row with all that is derived from its samples; None without any."""
    known = [row for row in rows if row.summary is not None]
    blank = {name for name in SOME if all(getattr(row.measurement, name) is None for row in known)}
    titled = _titled(known, panel_titles(rows))
    return MEASUREMENTS.table(titled, but=blank, most=MOST_ROWS) if titled else None


def _interval(summary: TimingSummary) -> str:
    if summary.high_s > HOPELESS * summary.low_s:
        return "not known: processes disagree"
    return f"{time_text(summary.low_s).removesuffix(' ms')} to {time_text(summary.high_s)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class LawErrors:
    """How far ``laws`` cost laws are off what was measured, relative, over ``figures`` figures."""

    laws: int
    median: float
    worst: float
    figures: int


def _law_errors(rows: Sequence[MeasureRow]) -> LawErrors | None:
    """None where no law was given, or nothing that one predicts was measured."""
    judged = [
        (row.panel, abs(row.prediction.error))
        for row in rows
        if row.prediction is not None and row.prediction.error is not None
    ]
    errors = [error for _, error in judged]
    if not errors:
        return None
    laws = len({panel for panel, _ in judged})
    return LawErrors(laws=laws, median=median(errors), worst=max(errors), figures=len(errors))


def _predicted(rows: Sequence[MeasureRow]) -> PageTable | None:
    """Predictions beside measurements; None where no law was given."""
    law = _titled([row for row in rows if row.prediction is not None], panel_titles(rows))
    only = ("name", "title", "predicted_s", "median_or_outcome", "prediction_error")
    return MEASUREMENTS.table(law, only=only, most=MOST_ROWS) if law else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What the processes saw of the machine around them: the least, the greatest and the median."""

    what: str
    low: str
    high: str
    middle: str


CONDITIONS = {
    "load_1m": "Load (processes that wanted a core, mean over a minute, the timed one among them)",
    "sm_mhz": "GPU clock (MHz)",
    "memory_mhz": "GPU memory clock (MHz)",
    "temperature_c": "GPU temperature (degrees Celsius)",
    "power_w": "GPU power (W)",
}


def _conditions(seen: Sequence[tuple[str, Any]]) -> list[Condition]:
    conditions = []
    for label, what in CONDITIONS.items():
        values = [value for key, value in seen if key == label and isinstance(value, int | float)]
        if values:
            low, middle, high = (_short(value) for value in (min(values), median(values), max(values)))
            conditions.append(Condition(what=what, low=low, high=high, middle=middle))
    return conditions


def _throttled(seen: Sequence[tuple[str, Any]]) -> list[str]:
    """Why a GPU's clocks were lowered: ``none`` where that was looked at and they were not."""
    lists = [value for key, value in seen if key == "throttle" and isinstance(value, list | tuple)]
    if not lists:
        return []
    return sorted({str(reason) for value in lists for reason in value} - {"idle"}) or ["none"]


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

ANY_UNITS = EngFormatter(places=1, sep=" ")


@dataclass(frozen=True, slots=True, kw_only=True)
class TitledRow(MeasureRow):
    """A row as a page shows it: with what its machine and setup are called there."""

    title: str


def _spread(summary: TimingSummary) -> str | Markdown:
    spread = percent(summary.spread)
    return Markdown(f"{spread} **unstable**") if summary.unstable else spread


def _time(row: MeasureRow) -> str:
    """The median, or why there is none."""
    return row.measurement.outcome if row.summary is None else time_text(row.summary.median_s)


def _marked_time(row: MeasureRow) -> str:
    return _time(row) + (" (unstable)" if row.summary is not None and row.summary.unstable else "")


def _images(row: MeasureRow) -> str:
    pace = row.images_per_s or 0.0
    return f"{pace:,.3g}" if pace < 1000 else f"{pace:,.0f}"


def _bytes(name: str) -> Callable[[MeasurementRecord], str]:
    return lambda of: binary(value) if (value := getattr(of, name)) else ""


def _summary_text(text: Callable[[TimingSummary], str | Markdown]) -> Callable[[MeasureRow], str | Markdown]:
    return lambda row: "" if row.summary is None else text(row.summary)


def _time_of(name: str) -> Callable[[Mapping[str, Any]], str | None]:
    return lambda row: None if row[name] is None else time_text(row[name])


def _mebibytes(row: Mapping[str, Any], name: str) -> str | None:
    return None if row[name] is None else f"{row[name] / 2**20:,.0f} MiB"


def _interval_text(row: Mapping[str, Any]) -> str | None:
    low, high = row["latency_low_s"], row["latency_high_s"]
    if row["latency_median_s"] is None:
        return None
    if high > HOPELESS * low:
        return "not known"
    return f"{time_text(low).removesuffix(' ms')} to {time_text(high)}"


def _spread_text(row: Mapping[str, Any]) -> str | None:
    median, spread = row["latency_median_s"], row["latency_iqr_s"]
    return None if median is None else f"{spread / median:.1%}"


def _law_text(row: Mapping[str, Any]) -> str | None:
    if row["predicted_s"] is None:
        return None
    error = row["prediction_error"]
    return time_text(row["predicted_s"]) + ("" if error is None else f" ({error:+.0%})")


def _note(row: Mapping[str, Any]) -> str | None:
    """What is not an ordinary figure."""
    if row["unstable"] == "yes":
        return "unstable"
    return None if row["outcome"] == "measured" else row["outcome"]


def _of_setup(name: str, cell: Cell | None) -> Column[MeasurementRecord]:
    return Column(name=name, value=lambda measurement: getattr(measurement.setup, name), terminal=cell)


SETUP: tuple[Column[MeasurementRecord], ...] = (
    *(_of_setup(name, Cell(telling=True)) for name in ("mode", "runtime", "dtype")),
    Column(name="channels_last", value=lambda of: "yes" if of.setup.channels_last else "no"),
    _of_setup("batch_size", Cell(head="batch")),
    _of_setup("threads", Cell()),
    _of_setup("device", Cell(telling=True)),
)


def _measured(column: Column[MeasurementRecord]) -> Column[Any]:
    """The column of a record as one of a row that has it."""
    row: Column[Any] = column
    return replace(
        row,
        value=lambda row: column.value(row.measurement),
        page=None if column.page is None else lambda row: column.page_cell(row.measurement),
    )


def _summarised(name: str, value: Callable[[TimingSummary], Any], **looks: Any) -> Column[MeasureRow]:
    return Column(name=name, value=lambda row: None if row.summary is None else value(row.summary), **looks)


def _by_law(name: str, value: Callable[[Prediction], Any], **looks: Any) -> Column[MeasureRow]:
    return Column(
        name=name, value=lambda row: None if row.prediction is None else value(row.prediction), **looks
    )


MEASUREMENTS: Columns[MeasureRow] = Columns(
    columns=(
        *map(
            _measured,
            (
                field("name", terminal=Cell(left=True), head="network", page=lambda of: of.name),
                field("key"),
                field(
                    "resolution",
                    terminal=Cell(sides, head="px"),
                    head="input",
                    page=input_text,
                    shared=True,
                ),
                field("resolution_width", only=any_oblong),
                field("params"),
                field(
                    "macs",
                    terminal=Cell(lambda row: ANY_UNITS(row["macs"]), head="MACs"),
                    head="MACs",
                    page=lambda of: si(of.macs),
                    shared=True,
                ),
                field("activations"),
                field("layers"),
                *SETUP,
                field(
                    "machine",
                    terminal=Cell(telling=True),
                    head="machine",
                    page=lambda of: code(of.machine),
                ),
                field(
                    "outcome",
                    terminal=Cell(_note, head="note", left=True),
                    head="outcome",
                    page=lambda of: of.outcome,
                    shared=True,
                ),
                field("reason", head="reason", page=lambda of: of.reason, shared=True),
                Column(name="samples", value=lambda of: sum(map(len, of.samples_s))),
                Column(name="processes", value=lambda of: len(of.processes)),
            ),
        ),
        # The options of its setup, in words.
        field("title", only=never, head="setup", page=lambda row: row.title),
        _summarised(
            "latency_median_s",
            lambda summary: summary.median_s,
            terminal=Cell(_time_of("latency_median_s"), head="latency"),
            head="median",
            page=_summary_text(lambda summary: time_text(summary.median_s)),
        ),
        _summarised(
            "latency_iqr_s",
            lambda summary: summary.iqr_s,
            terminal=Cell(_spread_text, head="IQR"),
            head="IQR",
            page=_summary_text(_spread),
        ),
        _summarised(
            "latency_p90_s",
            lambda summary: summary.p90_s,
            head="p90",
            page=_summary_text(lambda summary: time_text(summary.p90_s)),
        ),
        _summarised(
            "latency_low_s",
            lambda summary: summary.low_s,
            terminal=Cell(_interval_text, head="95% interval"),
            head="95% interval",
            page=_summary_text(_interval),
        ),
        _summarised("latency_high_s", lambda summary: summary.high_s),
        _summarised("unstable", lambda summary: "yes" if summary.unstable else "no"),
        field("images_per_s", terminal=Cell("{:.4g}", head="images/s"), head="images/s", page=_images),
        *map(
            _measured,
            (
                field(
                    "peak_bytes",
                    terminal=Cell(lambda row: _mebibytes(row, "peak_bytes"), head="peak"),
                    head="peak memory",
                    page=_bytes("peak_bytes"),
                ),
                field(
                    "tensor_bytes",
                    terminal=Cell(lambda row: _mebibytes(row, "tensor_bytes"), head="tensors"),
                    head="its tensors",
                    page=_bytes("tensor_bytes"),
                ),
                field(
                    "largest_batch",
                    terminal=Cell(head="largest"),
                    head="largest batch",
                    page=lambda of: _count(of.largest_batch),
                ),
            ),
        ),
        # How many samples of how many processes, in words.
        field(
            "sampled",
            only=never,
            head="samples",
            page=_summary_text(
                lambda summary: f"{summary.processes} x {summary.samples / summary.processes:.3g}"
            ),
        ),
        page_only("measured", _time, name="median_or_outcome", shared=True),
        _by_law(
            "predicted_s",
            lambda law: law.seconds,
            terminal=Cell(_law_text, head="law"),
            head="predicted",
            page=lambda row: time_text(row.prediction.seconds),
            shared=True,
        ),
        _by_law(
            "prediction_error",
            lambda law: law.error,
            head="error",
            page=lambda row: "" if row.prediction.error is None else signed_percent(row.prediction.error),
            shared=True,
        ),
    ),
    terminal=(
        *("name", "resolution", "macs", "machine", "mode", "runtime", "dtype", "device", "threads"),
        *("batch_size", "latency_median_s", "latency_low_s", "latency_iqr_s", "images_per_s", "peak_bytes"),
        *("tensor_bytes", "largest_batch", "predicted_s", "outcome"),
    ),
    page=(
        *("name", "title", "latency_median_s", "latency_low_s", "latency_iqr_s", "latency_p90_s"),
        *("images_per_s", "peak_bytes", "tensor_bytes", "largest_batch", "sampled", "machine"),
    ),
    left=2,
)
"""Of ``measurements.csv``: a row per network and setup.

Latencies are seconds for one pass of a whole batch: ``latency_low_s`` and ``latency_high_s`` bound the 95%
interval of the median across processes. ``unstable`` is ``yes`` where the interquartile range is over 10% of
the median. ``predicted_s`` is a law's prediction for the network, by a law not fitted on it,
``prediction_error`` its relative error.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRow:
    """One raw sample: which of its process, and which process, both from 1."""

    measurement: MeasurementRecord
    process: int
    sample: int
    seconds: float


SAMPLES: Columns[SampleRow] = Columns(
    columns=(
        *map(_measured, (field("name"), field("key"), *SETUP, field("machine"))),
        field("process"),
        field("sample"),
        field("seconds", kind="exact"),
    )
)
"""Of ``samples.csv``."""


def _image_size(measurement: MeasurementRecord) -> int | str:
    height, width = measurement.resolution, measurement.resolution_width
    return height if width is None else f"{height}x{width}"


def _timm(name: str, value: Callable[[MeasurementRecord], Any]) -> Column[MeasureRow]:
    return Column(name=name, value=lambda row: value(row.measurement), terminal=Cell())


TIMM: Columns[MeasureRow] = Columns(
    columns=(
        _timm("model", lambda of: re.sub(r"^efficientnet-([bl]\d)$", r"efficientnet_\1", of.name)),
        _timm("infer_img_size", _image_size),
        Column(name="infer_samples_per_sec", value=lambda row: round(row.images_per_s or 0.0, 2)),
        _summarised("infer_step_time", lambda summary: round(1e3 * summary.median_s, 3)),
        _timm("infer_batch_size", lambda of: of.setup.batch_size),
        _timm("param_count", lambda of: round(of.params / 1e6, 2)),
        _timm("infer_gmacs", lambda of: round(of.macs / 1e9, 2)),
        _timm("infer_macts", lambda of: round(of.activations / 1e6, 2)),
    )
)
"""Of ``timm.csv``: inference as timm's benchmark results list it, rounded as there.

``infer_step_time`` is in milliseconds for a whole batch, ``param_count``, ``infer_gmacs`` and ``infer_macts``
in millions, billions and millions. Published EfficientNets go by timm's names. That rows differ in dtype,
threads or runtime cannot be seen in these columns.
"""


def measurements_table(record: MeasureRecord) -> pd.DataFrame:
    """One row per network and setup, by :data:`MEASUREMENTS`; what is unknown is missing."""
    return MEASUREMENTS.frame(measure_rows(record), among=record.measurements)


def samples_table(record: MeasureRecord) -> pd.DataFrame:
    """One row per raw sample, by :data:`SAMPLES`."""
    return SAMPLES.frame(
        SampleRow(measurement=measurement, process=process, sample=sample, seconds=seconds)
        for measurement in record.measurements
        for process, samples in enumerate(measurement.samples_s, 1)
        for sample, seconds in enumerate(samples, 1)
    )


def timm_table(record: MeasureRecord) -> pd.DataFrame:
    """Inference as timm lists it, by :data:`TIMM`; without rows that have no figure, and training steps."""
    rows = measure_rows(record)
    return TIMM.frame(
        row for row in rows if row.summary is not None and row.measurement.setup.mode == "inference"
    )


# ----------------------------------------------------------------------------------------------------
# The page of a measure command: the times first, then how far they can be trusted and what they mean.

MOST_COLUMNS = 6
"""Setups that stand beside one another in the answer's table; more of them stand below one another."""
MOST_LISTED = 12
EQUAL_PACE = 1.1
"""Networks whose multiply-adds per second lie within this factor are said to keep one pace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How far multiply-adds per second differ within the setup in which they differ most.

    Attributes:
        equal: the share that they differ by less than; empty where they differ by more.
        setup: that setup.
        fast: the network of the most multiply-adds per second.
        fast_rate: how many.
        slow: the one of the fewest.
        slow_rate: how many.
        times: how many times as many.
    """

    equal: str
    setup: str
    fast: str
    fast_rate: float
    slow: str
    slow_rate: float
    times: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureAnswer:
    """What the answer's lines say.

    Attributes:
        figures: all of them.
        unstable: those that are.
        unstable_names: the first of these.
        limit: the interquartile range over the median from which on a figure is unstable.
        single: figures from one process alone.
        pace: whether multiply-adds tell time; None where that can't be said.
    """

    figures: int
    unstable: int
    unstable_names: Sequence[str]
    limit: str
    single: int
    pace: Pace | None


def _answer(rows: Sequence[MeasureRow]) -> MeasureAnswer:
    panels = panel_titles(rows)
    summaries = [row.summary for row in rows if row.summary is not None]
    shaky = [
        f"{row.measurement.name} ({panels[row.panel]})"
        for row in rows
        if row.summary is not None and row.summary.unstable
    ]
    more = [f"{len(shaky) - MOST_LISTED} more"] if len(shaky) > MOST_LISTED else []
    return MeasureAnswer(
        figures=len(summaries),
        unstable=len(shaky),
        unstable_names=[*shaky[:MOST_LISTED], *more],
        limit=f"{UNSTABLE:.0%}",
        single=sum(summary.processes == 1 for summary in summaries),
        pace=_pace(rows, panels),
    )


def answer_lines(record: MeasureRecord) -> tuple[str, ...]:
    """How steady the figures are and whether multiply-adds tell time, in plain lines."""
    return plain_lines(part("commands/measure/answer.md.j2", "answer", _answer(measure_rows(record))))


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasurePage:
    """What the page shows.

    Attributes:
        name: of the run.
        waiting: measurements that still wait for processes.
        measurements: all of them.
        medians: the answer's table; None where nothing was measured.
        medians_of: what a row of it is.
        machines: keys of those that were measured on.
        shared: what all setups have in common.
        answer: its lines.
        steps: what to do next.
        missing: what could not be measured, and why.
        known: every figure.
        predicted: what a cost law says.
        law_errors: how far it is off.
        conditions: of the machine meanwhile.
        throttled: why a GPU's clocks were lowered; empty where nothing tells.
        time: of the run.
        samples: all of them.
        processes: that they were taken in.
        made: how the run was made.
        files: the tables beside the page.
        figures: those that were drawn.
    """

    name: str
    waiting: int
    measurements: int
    medians: PageTable | None
    medians_of: str
    machines: Sequence[str]
    shared: str
    answer: MeasureAnswer
    steps: Steps
    missing: PageTable | None
    known: PageTable | None
    predicted: PageTable | None
    law_errors: LawErrors | None
    conditions: Sequence[Condition]
    throttled: Sequence[str]
    time: str
    samples: int
    processes: int
    made: Made
    files: Sequence[str]
    figures: Collection[str]


def measure_page(record: MeasureRecord, rows: Sequence[MeasureRow], figures: Collection[str]) -> str:
    """The report as Markdown. ``figures`` names those that were drawn."""
    panels, answer = panel_titles(rows), _answer(rows)
    runs = [process for row in rows for process in row.measurement.processes]
    seen = [values for process in runs for values in _flat(process.conditions)]
    inference = any(row.measurement.setup.mode == "inference" for row in rows)
    return page(
        "commands/measure/page.md.j2",
        MeasurePage(
            name=record.name,
            waiting=sum(row.measurement.outcome == "waiting" for row in rows),
            measurements=len(rows),
            medians=_medians(rows, panels) if answer.figures else None,
            medians_of="row" if len(panels) > MOST_COLUMNS else "network",
            machines=list(dict.fromkeys(machine for machine, _ in panels)),
            shared=common_label(setup for _, setup in panels),
            answer=answer,
            steps=_steps(record, rows),
            missing=_without_figure(rows),
            known=_every_figure(rows),
            predicted=_predicted(rows),
            law_errors=_law_errors(rows),
            conditions=_conditions(seen),
            throttled=_throttled(seen),
            time=elapsed(record),
            samples=sum(len(process.samples_s) for process in runs),
            processes=len(runs),
            made=made_of(
                command=record.command,
                settings=record.settings,
                machine=machine_facts(record.machines),
                versions=record.versions,
            ),
            files=[MEASUREMENTS_CSV, SAMPLES_CSV, *(["timm.csv"] if inference else [])],
            figures=figures,
        ),
    )


def _medians(rows: Sequence[MeasureRow], panels: Mapping[tuple[str, Setup], str]) -> PageTable:
    """Networks down and setups across; of many setups a row for each network and setup."""
    if len(panels) > MOST_COLUMNS:
        cells = [(row.measurement.name, panels[row.panel], _marked_time(row)) for row in rows]
        return PageTable.of(("network", "setup", "median"), cells, left=2, most=MOST_ROWS)
    by_name = {(row.measurement.name, row.panel): row for row in rows}
    first = {row.measurement.name: row.measurement for row in reversed(rows)}
    cells_by_name = [
        (
            name,
            input_text(first[name]),
            si(first[name].macs),
            *(_marked_time(by_name[name, key]) if (name, key) in by_name else "" for key in panels),
        )
        for name in dict.fromkeys(row.measurement.name for row in rows)
    ]
    return PageTable.of(("network", "input", "MACs", *panels.values()), cells_by_name, most=MOST_ROWS)


def _pace(rows: Sequence[MeasureRow], panels: Mapping[tuple[str, Setup], str]) -> Pace | None:
    """Of steady figures alone; None where no setup has two networks of different multiply-adds."""
    widest: Pace | None = None
    for key, title in panels.items():
        steady = [row for row in rows if row.panel == key and row.summary and not row.summary.unstable]
        rates = [(row.macs_per_s, row) for row in steady if row.macs_per_s is not None]
        if len({row.measurement.macs for _, row in rates}) < 2:
            continue
        (slow, slow_row), (fast, fast_row) = (
            choose(rates, key=lambda rate: rate[0]) for choose in (min, max)
        )
        if widest is None or fast / slow > widest.times:
            widest = Pace(
                equal=f"{EQUAL_PACE - 1:.0%}" if fast / slow < EQUAL_PACE else "",
                setup=title,
                fast=fast_row.measurement.name,
                fast_rate=fast,
                slow=slow_row.measurement.name,
                slow_rate=slow,
                times=fast / slow,
            )
    return widest


def _steps(record: MeasureRecord, rows: Sequence[MeasureRow]) -> Steps:
    """What follows: steadier figures, whether two networks differ, a law to plan with."""
    settings = record.settings
    named = [str(name) for name in settings.get("networks", ())]
    pair = named[:2] if len(named) > 1 and not any(".." in name for name in named[:2]) else []
    setup = rows[0].measurement.setup if rows else Setup()
    how = f"--batch-size {setup.batch_size} --threads {setup.threads} --device {setup.device}"
    short = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}
    others = {"mode": setup.mode, "runtime": setup.runtime, "dtype": setup.dtype}
    also = "".join(
        f" --{name} {short.get(value, value)}"
        for name, value in others.items()
        if value != getattr(Setup(), name)
    )
    longer = ""
    if any(row.summary is not None and row.summary.unstable for row in rows):
        again = without_options(record.command, ("--processes", "--min-time", "--out"))
        processes = max(3, int(settings.get("processes", 3)))
        min_time = 4 * float(settings.get("min_time", 1.0))
        longer = f"{again} --processes {processes} --min-time {min_time:g}s --out {FOLDER}-longer"
    return steps(
        ("Longer, on a machine that does nothing else: are figures steady then?", longer) if longer else None,
        (
            "Do these two differ? Timed in turn",
            f"scalesearch compare {' '.join(map(quoted, pair))} {how}{also}",
        )
        if pair
        else None,
        (
            "A law of time on this machine, to plan searches with",
            f"scalesearch law{of_baseline(settings)} {how}",
        ),
    )


# ----------------------------------------------------------------------------------------------------
# A finished measure command as tables, figures and a page.


def write_measure_report(record: MeasureRecord, out: Path, *, mix_machines: bool = False) -> Report:
    """Write tables, ``report.md`` and ``figures/`` of ``record`` into ``out``.

    The same record gives the same bytes. A figure without data is left out.

    Args:
        record: what was measured.
        out: the folder.
        mix_machines: whether several machines may stand in one report, in panels of their own.

    Raises:
        ValueError: if there are several machines and ``mix_machines`` is not set.
        OSError: if ``out`` cannot be made or written.
    """
    check_machines(record.measurements, mix_machines=mix_machines)
    rows = measure_rows(record)
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
    table, timm = measurements_table(record), timm_table(record)
    if conditions := conditions_text(record):
        write_text(out / CONDITIONS_JSON, conditions)
    timm_csv = out / "timm.csv"
    if len(timm):
        write_text(timm_csv, csv_text(timm))
    else:
        timm_csv.unlink(missing_ok=True)
    write_text(out / MEASUREMENTS_CSV, csv_text(table))
    write_text(out / SAMPLES_CSV, csv_text(samples_table(record)))
    return Report(
        page=write_pages(out / "report.md", measure_page(record, rows, {path.stem for path in figures})),
        figures=figures,
        table=table,
    )
