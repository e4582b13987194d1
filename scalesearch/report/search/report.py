"""A finished (or stopped) search by a sampler as tables, figures and a page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from scalesearch.files import write_text
from scalesearch.records import CandidateRecord, RunRecord
from scalesearch.report.frame import frame
from scalesearch.report.fronts.figure import pareto_figure
from scalesearch.report.html.interactive import search_parts
from scalesearch.report.html.page import write_pages
from scalesearch.report.inputs import with_input_width
from scalesearch.report.objectives import objective
from scalesearch.report.search.evidence import SearchEvidence, own_shares, search_evidence
from scalesearch.report.search.figures import front_figure, history_figure
from scalesearch.report.search.page import search_page
from scalesearch.report.shares.figure import shares_figure
from scalesearch.report.style import write_figures
from scalesearch.report.tables import csv_text, fields_of, latency_cells, pareto_table

__all__ = ["SearchReport", "front_table", "trials_table", "write_search_report"]

COLUMNS = (
    *("number", "key", "alpha", "beta", "gamma", "share_depth", "share_width", "share_resolution", "phi"),
    *("depth", "width", "resolution_multiplier", "resolution", "blocks", "params", "macs", "macs_ratio"),
    *("nominal_ratio", "full_macs_ratio", "budget_residual", "latency_median_s", "top1", "top1_sd", "seeds"),
    *("loss", "reward", "images_seen", "train_seconds", "suggestions", "status", "reason", "front"),
    *("inference_bytes", "training_bytes", "latency_iqr_s", "latency_unstable", "machine"),
    *("trained_device", "trained_threads", "repeats"),
)

PARTS = {"pareto": ("pareto",), "shares": ("triangle", "rates", "clicked", "family")}
"""What stands in each figure's place on the HTML page."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SearchReport:
    """What was written, and what a caller goes on with.

    Attributes:
        page: ``report.md``.
        trials_csv: ``trials.csv``, every distinct network in order of suggestion.
        front_csv: ``front.csv``, the front; with one objective the best network, or those that share it.
        pareto_csv: ``pareto.csv``, the fronts of top-1 against each cost.
        figures: the figures that could be drawn, SVG and PNG.
        trials: the table of ``trials_csv``.
        front: the keys on the front, best first objective first.
        hypervolume: of the front, as a share of its box; None with a single objective or nothing scored.
    """

    page: Path
    trials_csv: Path
    front_csv: Path
    pareto_csv: Path
    figures: tuple[Path, ...]
    trials: pd.DataFrame
    front: tuple[str, ...]
    hypervolume: float | None


def write_search_report(run: RunRecord, out: Path) -> SearchReport:
    """Write ``trials.csv``, ``front.csv``, ``pareto.csv``, ``report.md`` and ``figures/`` of ``run``.

    They go into ``out``; the same record gives the same bytes. A figure without data is left
    out, and the page says so.

    Raises:
        OSError: if ``out`` cannot be made or written.
        ValueError: if an objective is not known.
    """
    evidence = search_evidence(run)
    figures = write_figures(
        {
            "history": history_figure(run, evidence),
            "pareto": pareto_figure(run),
            "front": front_figure(evidence),
            "shares": shares_figure(run, evidence),
        },
        out / "figures",
    )
    trials = trials_table(run, evidence)
    several = len(evidence.objectives) > 1
    return SearchReport(
        trials_csv=write_text(out / "trials.csv", csv_text(trials)),
        pareto_csv=write_text(out / "pareto.csv", csv_text(pareto_table(run))),
        front_csv=write_text(out / "front.csv", csv_text(front_table(run, evidence))),
        page=write_pages(
            out / "report.md",
            search_page(run, evidence, {path.stem for path in figures}),
            search_parts(run, PARTS),
        ),
        figures=figures,
        trials=trials,
        front=tuple(one.candidate.key for one in evidence.front),
        hypervolume=evidence.history[-1] if several and evidence.history else None,
    )


def trials_table(run: RunRecord, evidence: SearchEvidence) -> pd.DataFrame:
    """Every distinct network in order of suggestion, columns :data:`COLUMNS`; what is unknown is missing."""
    rows = [_row(n, c, run, evidence) for n, c in enumerate(run.candidates, start=1)]
    return frame(rows, with_input_width(COLUMNS, run.candidates))


def front_table(run: RunRecord, evidence: SearchEvidence) -> pd.DataFrame:
    """The rows of the front, best first objective first."""
    rows = [_row(one.number, one.candidate, run, evidence) for one in evidence.front]
    return frame(rows, with_input_width(COLUMNS, run.candidates))


def _row(number: int, c: CandidateRecord, run: RunRecord, evidence: SearchEvidence) -> dict[str, object]:
    row: dict[str, object] = fields_of(c, COLUMNS)
    shares = own_shares((c.alpha, c.beta, c.gamma))
    row |= {
        "number": number,
        "phi": float(c.phi),
        "share_depth": shares.depth if shares else None,
        "share_width": shares.width if shares else None,
        "share_resolution": shares.resolution if shares else None,
        "budget_residual": c.budget.residual if c.budget else None,
        "reward": objective("reward").value(c, run.settings) if "reward" in run.objectives else None,
        "seeds": len(c.runs),
        "suggestions": len(c.merged) or 1,
        "front": "yes" if c.key in evidence.front_keys else "",
        **latency_cells(c.latency),
    }
    if c.status != "completed":
        row |= {"top1": None, "top1_sd": None, "loss": None, "reward": None}
    return row
