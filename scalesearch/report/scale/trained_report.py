"""A trained family as a derivation with what its networks show, tables and figures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from scalesearch.files import write_text
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.report.evidence import intervals
from scalesearch.report.frame import frame
from scalesearch.report.html.page import write_pages
from scalesearch.report.inputs import with_input_width
from scalesearch.report.page_parts import made
from scalesearch.report.scale.figures import cost_figure
from scalesearch.report.scale.page import scale_page
from scalesearch.report.scale.report import write_scale_tables
from scalesearch.report.scale.trained_evidence import Step, family_evidence
from scalesearch.report.scale.trained_figure import trained_figure
from scalesearch.report.scale.trained_page import trained_section
from scalesearch.report.style import write_figures
from scalesearch.report.tables import csv_text, fields_of, latency_cells

__all__ = ["TrainedReport", "trained_table", "write_trained_family"]

COLUMNS = (
    *("phi", "key", "alpha", "beta", "gamma", "depth", "width", "resolution_multiplier", "resolution"),
    *("blocks", "params", "macs", "fvcore_total", "activations", "nominal_ratio", "macs_ratio", "full_macs"),
    *("full_macs_ratio", "top1", "top1_sd", "top1_low", "top1_high", "seeds", "loss", "images_seen"),
    *("train_seconds", "status", "reason", "gain", "gain_per_doubling", "gain_low", "gain_high", "p"),
    *("verdict", "training_bytes", "inference_bytes"),
    *("trained_device", "trained_threads"),
)
LATENCY = ("latency_median_s", "latency_iqr_s", "latency_unstable", "machine")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainedReport:
    """What was written, and the table a caller prints.

    Attributes:
        page: ``derivation.md``.
        trained_csv: ``trained.csv``, one row per trained network, by phi.
        figures: the figures that could be drawn, SVG and PNG.
        table: the table of ``trained_csv``.
    """

    page: Path
    trained_csv: Path
    figures: tuple[Path, ...]
    table: pd.DataFrame


def write_trained_family(run: RunRecord, out: Path) -> TrainedReport:
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
    page = scale_page(derivation, drawn, trained=trained_section(run, drawn), made=made(run))
    return TrainedReport(
        trained_csv=write_text(out / "trained.csv", csv_text(rows)),
        page=write_pages(out / "derivation.md", page),
        figures=figures,
        table=rows,
    )


def trained_table(run: RunRecord) -> pd.DataFrame:
    """Every network by phi; gains are over the next smaller phi that was trained, per doubling of MACs.

    ``gain_low`` and ``gain_high`` are the 95% interval of ``gain_per_doubling``.
    """
    bounds = intervals(run)
    steps = {step.upper.key: step for step in family_evidence(run).steps}
    timed = LATENCY if any(c.latency is not None for c in run.candidates) else ()
    ordered = sorted(run.candidates, key=lambda c: c.phi)
    rows = [_row(c, bounds.get(c.key), steps.get(c.key)) for c in ordered]
    return frame(rows, with_input_width((*COLUMNS, *timed), ordered))


def _row(c: CandidateRecord, interval: tuple[float, float] | None, step: Step | None) -> dict[str, object]:
    row: dict[str, object] = fields_of(c, COLUMNS)
    row |= {"phi": float(c.phi), "seeds": len(c.runs), **latency_cells(c.latency)}
    if c.status != "completed":
        row |= {"top1": None, "top1_sd": None, "loss": None}
    if interval is not None:
        row |= {"top1_low": interval[0], "top1_high": interval[1]}
    if step is not None:
        row |= {"gain": step.gain, "gain_per_doubling": step.per_doubling, "verdict": step.verdict}
        if step.test is not None:
            row |= {"p": step.test.p}
        if (reach := step.interval) is not None:
            row |= {"gain_low": reach[0], "gain_high": reach[1]}
    return row
