"""The tables of a measure command's page: every figure, what has none, what a law says, the conditions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from scalesearch.belief.timing import TimingSummary
from scalesearch.records import Setup
from scalesearch.report.markdown import (
    binary,
    bullets,
    code,
    escape,
    percent,
    plural,
    signed_percent,
    table,
    time_text,
)
from scalesearch.report.measure.rows import MeasureRow, setup_titles
from scalesearch.report.sentences import listed

__all__ = [
    "MOST_ROWS",
    "conditions",
    "cut",
    "every_figure",
    "law_says",
    "panel_titles",
    "without_figure",
]

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
