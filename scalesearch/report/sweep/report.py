"""A finished (or stopped) sweep as a table, figures and a page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from scalesearch.files import write_text
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.report.frame import frame
from scalesearch.report.html.page import write_pages
from scalesearch.report.inputs import with_input_width
from scalesearch.report.style import write_figures
from scalesearch.report.sweep.evidence import ROLES, SweepComparison, comparisons, residual
from scalesearch.report.sweep.figure import dimensions_figure, sweep_figure
from scalesearch.report.sweep.page import answer_lines, sweep_page
from scalesearch.report.tables import csv_text, fields_of

__all__ = ["SweepReport", "sweep_table", "write_sweep_report"]

COLUMNS = (
    *("phi", "role", "key", "alpha", "beta", "gamma", "depth", "width", "resolution_multiplier"),
    *("resolution", "blocks", "params", "macs", "macs_ratio", "budget_kind", "budget_target"),
    *("budget_value", "residual", "matched_by", "top1", "top1_sd", "seeds", "loss", "images_seen"),
    *("train_seconds", "status", "reason", "compound_minus_this", "difference_low", "difference_high"),
    *("p", "verdict", "depth_doublings", "width_doublings", "resolution_doublings"),
    *("trained_device", "trained_threads"),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SweepReport:
    """What was written, and what a caller prints.

    Attributes:
        page: ``report.md``.
        sweep_csv: ``sweep.csv``, one row per network, by budget.
        figures: the figures that could be drawn, SVG and PNG.
        table: the table of ``sweep_csv``.
        comparisons: compound scaling against each other role at each budget.
        answer: the page's first lines.
    """

    page: Path
    sweep_csv: Path
    figures: tuple[Path, ...]
    table: pd.DataFrame
    comparisons: tuple[SweepComparison, ...]
    answer: tuple[str, ...]


def write_sweep_report(run: RunRecord, out: Path) -> SweepReport:
    """Write ``sweep.csv``, ``report.md`` and ``figures/`` of ``run`` into ``out``.

    The same record gives the same bytes. A figure without data is left out, and the page says so.

    Raises:
        OSError: if ``out`` cannot be made or written.
    """
    figures = write_figures(
        {"sweep": sweep_figure(run), "dimensions": dimensions_figure(run)}, out / "figures"
    )
    rows = sweep_table(run)
    return SweepReport(
        sweep_csv=write_text(out / "sweep.csv", csv_text(rows)),
        page=write_pages(out / "report.md", sweep_page(run, {path.stem for path in figures})),
        figures=figures,
        table=rows,
        comparisons=comparisons(run),
        answer=tuple(line.replace("*", "") for line in answer_lines(run)),
    )


def sweep_table(run: RunRecord) -> pd.DataFrame:
    """Every network by budget and role, columns :data:`COLUMNS`; what is unknown is missing."""
    by_key = {(one.phi, one.other.key): one for one in comparisons(run)}
    place = {role: index for index, role in enumerate(("baseline", *ROLES))}
    ordered = sorted(run.candidates, key=lambda c: (c.phi, place.get(c.role, len(place))))
    return frame([_row(c, by_key.get((c.phi, c.key))) for c in ordered], with_input_width(COLUMNS, ordered))


def _row(c: CandidateRecord, one: SweepComparison | None) -> dict[str, object]:
    row: dict[str, object] = fields_of(c, COLUMNS)
    row |= {"phi": float(c.phi), "seeds": len(c.runs), "residual": residual(c) if c.counted else None}
    if c.status != "completed":
        row |= {"top1": None, "top1_sd": None, "loss": None}
    if c.budget is not None:
        row |= {
            "budget_kind": c.budget.kind,
            "budget_target": float(c.budget.target),
            "budget_value": float(c.budget.value),
            "matched_by": c.budget.matched_by,
        }
    if one is not None:
        row |= {"compound_minus_this": one.difference, "verdict": one.verdict}
        if one.test is not None:
            row |= {
                "difference_low": one.test.low,
                "difference_high": one.test.high,
                "p": one.test.p,
            }
    return row
