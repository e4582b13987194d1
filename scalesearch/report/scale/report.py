"""A scaled family as tables, figures and a page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from scalesearch.files import write_text
from scalesearch.records import ScaleRecord
from scalesearch.report.html.interactive import family_parts
from scalesearch.report.html.page import write_pages
from scalesearch.report.scale.figures import accuracy_figure, cost_figure
from scalesearch.report.scale.page import scale_page
from scalesearch.report.style import write_figures
from scalesearch.report.tables import csv_text, family_table, published_table

__all__ = ["ScaleReport", "family_table", "published_table", "write_scale_report", "write_scale_tables"]

PARTS = {"cost": ("rule",)}
"""What stands in each figure's place on the HTML page."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScaleReport:
    """What was written, and the table a caller prints.

    Attributes:
        page: ``derivation.md``.
        family_csv: ``family.csv``.
        published_csv: ``published.csv``; None where nothing was published for the baseline.
        figures: the figures, SVG and PNG.
        family: the table of ``family_csv``.
    """

    page: Path
    family_csv: Path
    published_csv: Path | None
    figures: tuple[Path, ...]
    family: pd.DataFrame


def write_scale_report(record: ScaleRecord, out: Path) -> ScaleReport:
    """Write ``family.csv``, ``published.csv``, ``derivation.md`` and ``figures/`` of ``record`` into ``out``.

    The same record gives the same bytes. What only a published family has is left out where there is none.

    Raises:
        OSError: if ``out`` cannot be made or written.
    """
    figures = write_figures(
        {"cost": cost_figure(record), "accuracy": accuracy_figure(record)}, out / "figures"
    )
    family = write_scale_tables(record, out)
    return ScaleReport(
        family_csv=out / "family.csv",
        published_csv=out / "published.csv" if record.published else None,
        page=write_pages(
            out / "derivation.md",
            scale_page(record, {path.stem for path in figures}),
            family_parts(record, PARTS),
        ),
        figures=figures,
        family=family,
    )


def write_scale_tables(record: ScaleRecord, out: Path) -> pd.DataFrame:
    """Write ``family.csv`` and, where there is a published family, ``published.csv``; returns the family's.

    Raises:
        OSError: if ``out`` cannot be made or written.
    """
    family = family_table(record)
    write_text(out / "family.csv", csv_text(family))
    if record.published:
        write_text(out / "published.csv", csv_text(published_table(record)))
    else:
        (out / "published.csv").unlink(missing_ok=True)
    return family
