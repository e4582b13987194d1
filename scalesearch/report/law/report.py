"""A cost law as a file to plan with, tables, figures and a page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from scalesearch.belief.law import errors
from scalesearch.files import write_text
from scalesearch.records import CostLaw, LawRecord
from scalesearch.report.frame import frame
from scalesearch.report.html.page import write_pages
from scalesearch.report.law.figures import held_out_figure, kinds_figure
from scalesearch.report.law.page import law_page
from scalesearch.report.law.split_figures import best_figure, prices_figure, split_figure
from scalesearch.report.measure.rows import check_machines
from scalesearch.report.measure.tables import measurements_table, samples_table
from scalesearch.report.style import write_figures
from scalesearch.report.tables import csv_text

__all__ = ["LAW_COLUMNS", "LawReport", "law_table", "write_law_report"]

LAW_COLUMNS = (
    *("machine", "runtime", "dtype", "device", "threads", "batch_size", "networks"),
    *("median_error", "worst_error", "worst", "fastest_s", "slowest_s"),
    *("constant_s", "s_per_gmac", "s_per_mactivation", "s_per_mparam", "s_per_layer"),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LawReport:
    """What was written, and the table a caller prints.

    Attributes:
        page: ``report.md``.
        law_json: ``law.json``, which other commands plan with.
        laws_csv: ``laws.csv``, one row per setup.
        measurements_csv: ``measurements.csv``, one row per network and setup.
        figures: the figures that could be drawn, SVG and PNG.
        table: the table of ``laws_csv``.
    """

    page: Path
    law_json: Path
    laws_csv: Path
    measurements_csv: Path
    figures: tuple[Path, ...]
    table: pd.DataFrame


def law_table(laws: Sequence[CostLaw]) -> pd.DataFrame:
    """One row per law, columns :data:`LAW_COLUMNS`: errors of held-out networks as fractions, seconds.

    Coefficients are for a billion multiply-adds, a million activations or parameters, and one layer.
    """
    rows = []
    for law in laws:
        off, setup = errors(law), law.setup
        fastest, slowest = law.spread
        rows.append(
            {
                "machine": law.machine,
                "runtime": setup.runtime,
                "dtype": setup.dtype,
                "device": setup.device,
                "threads": setup.threads,
                "batch_size": setup.batch_size,
                "networks": off.networks,
                "median_error": off.median,
                "worst_error": off.worst,
                "worst": off.worst_name,
                "fastest_s": fastest,
                "slowest_s": slowest,
                "constant_s": law.seconds["constant"],
                "s_per_gmac": 1e9 * law.seconds["macs"],
                "s_per_mactivation": 1e6 * law.seconds["activations"],
                "s_per_mparam": 1e6 * law.seconds["params"],
                "s_per_layer": law.seconds["layers"],
            }
        )
    return frame(rows, LAW_COLUMNS)


def write_law_report(record: LawRecord, out: Path) -> LawReport:
    """Write ``law.json``, tables, ``report.md`` and ``figures/`` of ``record`` into ``out``.

    The same record gives the same bytes. A figure without data is left out.

    Raises:
        ValueError: if the measurements are of several machines.
        OSError: if ``out`` cannot be made or written.
    """
    check_machines(record.measured.measurements, mix_machines=False)
    figures = write_figures(
        {
            "law": held_out_figure(record),
            "prices": prices_figure(record),
            "kinds": kinds_figure(record),
            "split": split_figure(record),
            "best": best_figure(record),
        },
        out / "figures",
    )
    table = law_table(record.laws)
    measured = measurements_table(record.measured, record.laws)
    write_text(out / "samples.csv", csv_text(samples_table(record.measured)))
    laws = {
        "machine": {one.key: dict(one.facts) for one in record.measured.machines},
        "versions": dict(record.measured.versions),
        "laws": [law.to_dict() for law in record.laws],
    }
    return LawReport(
        law_json=write_text(out / "law.json", json.dumps(laws, indent=1) + "\n"),
        laws_csv=write_text(out / "laws.csv", csv_text(table)),
        measurements_csv=write_text(out / "measurements.csv", csv_text(measured)),
        page=write_pages(out / "report.md", law_page(record, {path.stem for path in figures})),
        figures=figures,
        table=table,
    )
