"""A finished (or stopped) grid search as tables, figures and a page."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from scalesearch.files import write_text
from scalesearch.records import RunRecord
from scalesearch.report.answer_figure import answer_figure
from scalesearch.report.curves_figure import curves_figure
from scalesearch.report.evidence import judged
from scalesearch.report.fronts.figure import pareto_figure
from scalesearch.report.grid.page import grid_page
from scalesearch.report.html.interactive import search_parts
from scalesearch.report.html.page import write_pages
from scalesearch.report.style import write_figures
from scalesearch.report.tables import candidates_table, csv_text, pareto_table

__all__ = ["GridReport", "candidates_table", "pareto_table", "write_grid_report"]


PARTS = {
    "answer": ("triangle", "rates", "clicked", "family"),
    "pareto": ("pareto",),
    "learning_curves": ("curves",),
}
"""What stands in each figure's place on the HTML page."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GridReport:
    """What was written, and the two things a caller goes on with.

    Attributes:
        page: ``report.md``.
        candidates_csv: ``candidates.csv``.
        pareto_csv: ``pareto.csv``.
        figures: the figures that could be drawn, SVG and PNG.
        candidates: the table of all candidates, as in ``candidates_csv``.
        highest_mean: the key of the network of the highest mean top-1 (of equal ones the cheapest); None
        without any.
    """

    page: Path
    candidates_csv: Path
    pareto_csv: Path
    figures: tuple[Path, ...]
    candidates: pd.DataFrame
    highest_mean: str | None


def write_grid_report(
    run: RunRecord, out: Path, scratch: RunRecord | str | None = None, ignored: Collection[str] = ()
) -> GridReport:
    """Write ``candidates.csv``, ``pareto.csv``, ``report.md`` and ``figures/`` of ``run`` into ``out``.

    The same record gives the same bytes. A figure without data is left out, and the page says so. For a run
    whose networks were grown ``scratch`` is the one of the same networks from scratch, or why there is none;
    ``ignored`` are settings that change no result, in which the two may differ.

    Raises:
        OSError: if ``out`` cannot be made or written.
    """
    candidates, ranking = candidates_table(run), judged(run)
    figures = write_figures(
        {
            "answer": answer_figure(run),
            "pareto": pareto_figure(run),
            "learning_curves": curves_figure(run),
            # What earlier versions drew.
            "seeds": None,
            "surface": None,
        },
        out / "figures",
    )
    return GridReport(
        candidates_csv=write_text(out / "candidates.csv", csv_text(candidates)),
        pareto_csv=write_text(out / "pareto.csv", csv_text(pareto_table(run))),
        page=write_pages(
            out / "report.md",
            grid_page(run, {path.stem for path in figures}, scratch, ignored),
            search_parts(run, PARTS),
        ),
        figures=figures,
        candidates=candidates,
        highest_mean=ranking[0].key if ranking else None,
    )
