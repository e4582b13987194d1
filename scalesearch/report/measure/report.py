"""A finished measure command as tables, figures and a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from scalesearch.files import write_text
from scalesearch.records import CostLaw, MeasureRecord
from scalesearch.report.html.page import write_pages
from scalesearch.report.measure.figures import (
    latency_figure,
    law_figure,
    memory_figure,
    spread_figure,
    throughput_figure,
)
from scalesearch.report.measure.page import measure_page
from scalesearch.report.measure.rows import check_machines, measure_rows
from scalesearch.report.measure.tables import measurements_table, samples_table, timm_table
from scalesearch.report.style import write_figures
from scalesearch.report.tables import csv_text

__all__ = ["MeasureReport", "measurements_table", "timm_table", "write_measure_report"]


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
