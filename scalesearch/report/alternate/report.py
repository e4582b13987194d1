"""A finished (or stopped) alternation between coefficients and phi as a table, a figure and a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from scalesearch.files import write_text
from scalesearch.records import RoundRecord
from scalesearch.report.alternate.figure import rounds_figure
from scalesearch.report.alternate.page import alternate_page
from scalesearch.report.evidence import find_triple
from scalesearch.report.frame import frame
from scalesearch.report.html.page import write_pages
from scalesearch.report.style import write_figures
from scalesearch.report.tables import csv_text

__all__ = ["AlternateReport", "rounds_table", "write_alternate_report"]

COLUMNS = (
    *("round", "phi", "alpha", "beta", "gamma", "product", "next_phi", "next_cost", "budget_kind", "budget"),
    *("residual", "key", "top1", "top1_sd", "seeds", "networks", "trained", "wall_s", "run"),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AlternateReport:
    """What was written, and the table a caller prints.

    Attributes:
        page: ``report.md``.
        rounds_csv: ``rounds.csv``.
        figures: the figure, SVG and PNG; empty without a round.
        table: the table of ``rounds_csv``.
    """

    page: Path
    rounds_csv: Path
    figures: tuple[Path, ...]
    table: pd.DataFrame


def write_alternate_report(
    rounds: Sequence[RoundRecord],
    out: Path,
    *,
    name: str,
    command: str,
    settings: Mapping[str, Any],
    machine: Mapping[str, Any],
    versions: Mapping[str, str],
    converged: bool,
    reason: str,
) -> AlternateReport:
    """Write ``rounds.csv``, ``report.md`` and ``figures/`` of ``rounds`` into ``out``.

    ``reason`` says in a few words why the alternation ended. The same rounds give the same bytes.

    Raises:
        OSError: if ``out`` cannot be made or written.
    """
    figures = write_figures({"rounds": rounds_figure(rounds)}, out / "figures")
    rows = rounds_table(rounds)
    page = alternate_page(
        name=name,
        command=command,
        settings=settings,
        machine=machine,
        versions=versions,
        rounds=rounds,
        converged=converged,
        reason=reason,
        figures={path.stem for path in figures},
    )
    return AlternateReport(
        rounds_csv=write_text(out / "rounds.csv", csv_text(rows)),
        page=write_pages(out / "report.md", page),
        figures=figures,
        table=rows,
    )


def rounds_table(rounds: Sequence[RoundRecord]) -> pd.DataFrame:
    """One row per round, columns :data:`COLUMNS`; what is unknown is missing."""
    return frame([_row(one) for one in rounds], COLUMNS)


def _row(one: RoundRecord) -> dict[str, object]:
    chosen = find_triple(one.run.candidates, (one.alpha, one.beta, one.gamma))
    row: dict[str, object] = {name: getattr(one, name, None) for name in COLUMNS}
    row |= {
        "round": one.number,
        "phi": float(one.phi),
        "next_phi": float(one.next_phi),
        "next_cost": float(one.next_cost),
        "budget": float(one.budget),
        "product": one.alpha * one.beta**2 * one.gamma**2,
        "residual": one.next_cost / one.budget - 1,
        "networks": len(one.run.candidates),
        "trained": sum(c.status == "completed" for c in one.run.candidates),
        "wall_s": float(one.run.wall_s),
        "run": one.run.name,
    }
    if chosen is not None:
        row |= {"key": chosen.key, "top1": chosen.top1, "top1_sd": chosen.top1_sd, "seeds": len(chosen.runs)}
    return row
